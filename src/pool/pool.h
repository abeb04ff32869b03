#pragma once
/// One worker's share of a pool: the backends of one (server, database, user) and the sessions that wait for
/// one.
///
///     opening --logged in--> idle <--release / acquire--> used --lent--> another worker's
///        |                    |                            | <--borrowed--
///        +---- failed --------+------- closed -------------+--> gone (token given back)
///
/// First come, first served: a free backend goes to the session that waits longest, here or, where that is by
/// so much longer that it pays, at another worker. The pool only counts and orders; who opens, resets, lends
/// and closes is the worker.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/time.h"
#include "pool/budget.h"
#include "pool/ids.h"
#include "pool/line.h"

namespace pgring::pool {

/// By how much somebody at another worker must have waited longer than everybody here to be lent a backend
/// that is wanted here as well.
inline constexpr base::Duration kWorthLending = std::chrono::milliseconds(1);
/// The same where the backend cannot be lent, so that it is closed and another one logs in.
inline constexpr base::Duration kWorthClosing = std::chrono::milliseconds(50);

/// Idle backends among which one that fits is looked for.
inline constexpr std::size_t kFitsLookedAt = 8;

/// Which of the idle backends is handed out.
enum class Order : std::uint8_t {
    Warmest,     ///< last in, first out, so that a quiet pool shrinks
    RoundRobin,  ///< the one that was idle longest, so that all get the same load
};

struct PoolLimits {
    /// How long after a failed login the next one is tried.
    base::Duration server_login_retry{};
    Order order = Order::Warmest;
    /// How long somebody waits before the reserve is used; zero is for ever.
    base::Duration reserve_pool_timeout{};
    /// Backends of all workers that are kept though nobody uses them; at most the budget's limit.
    std::uint32_t min_size = 0;
};

/// What a session that asked for a backend has got.
enum class Acquired : std::uint8_t {
    Backend,  ///< an idle one is now its own
    InLine,   ///< it waits
};

class Pool {
  public:
    Pool(PoolLimits limits, std::shared_ptr<Budget> budget, WorkerIndex worker);
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;
    ~Pool();

    /// An idle backend for a session that asks now; nothing when none is idle or others wait already. In the
    /// order of the warmest: of the warmest few the first for which `fits(backend)` is true, else the
    /// warmest.
    template <class Fits>
    [[nodiscard]] std::optional<BackendId> acquire(Fits&& fits) {
        if (idle_.empty() || has_waiters()) {
            return std::nullopt;
        }
        bool const in_turn = limits_.order == Order::RoundRobin;
        std::size_t const looked_at = in_turn ? 0 : std::min(idle_.size(), kFitsLookedAt);
        std::size_t chosen = in_turn ? 0 : idle_.size() - 1;
        for (std::size_t i = 0; i < looked_at; ++i) {
            if (fits(idle_[idle_.size() - 1 - i])) {
                chosen = idle_.size() - 1 - i;
                break;
            }
        }
        BackendId const backend = idle_[chosen];
        idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(chosen));
        budget_->hunger().remove_idle(worker_);
        ++used_count_;
        return backend;
    }
    /// Who waits for a backend of this pool.
    [[nodiscard]] Line& line() { return line_; }
    [[nodiscard]] bool has_waiters() const { return !line_.empty(); }
    [[nodiscard]] std::uint32_t waiting_count() const { return line_.size(); }
    /// A session left the line: what this worker said of its hunger has changed.
    void line_changed();
    /// Says to the other workers since when sessions wait here for which no backend is under way, or that
    /// none do. True where that is news.
    bool note_hunger();

    /// Whether a further backend should be opened now: more sessions wait than backends are being opened, and
    /// no login failed just now. Takes a token when it says yes.
    [[nodiscard]] bool start_opening(base::Instant now);
    /// Whether more sessions wait than backends are being opened, and opening one is not put off.
    [[nodiscard]] bool short_of_backends(base::Instant now) const {
        return line_.size() > opening_count_ && now >= retry_at_;
    }
    /// When whoever waits longest has waited long enough for the reserve; kNever where there is none.
    [[nodiscard]] base::Instant reserve_at() const {
        bool const may_use = budget_->has_reserve() && has_waiters();
        return may_use ? base::deadline_after(line_.waited_since(), limits_.reserve_pool_timeout)
                       : base::kNever;
    }
    /// Whether a backend should be opened now for nobody, because there are too few. Takes a token when it
    /// says yes; never one that another worker waits for.
    [[nodiscard]] bool start_spare(base::Instant now);
    /// Whether fewer backends than the minimum are there.
    [[nodiscard]] bool below_minimum() const { return budget_->taken() < limits_.min_size; }
    /// Whether one less would be too few.
    [[nodiscard]] bool at_minimum() const { return budget_->taken() <= limits_.min_size; }
    /// The login went well; the backend counts as used until released.
    void opened();
    /// The login failed; the next attempt is put off. Gives the token back.
    void open_failed(base::Instant now);
    /// When another attempt is allowed; in the past when none failed.
    [[nodiscard]] base::Instant retry_at() const { return retry_at_; }
    /// Forgets the last failure, because something changed at the server.
    void retry_now() { retry_at_ = base::Instant::min(); }

    /// A used backend with nobody waiting becomes idle.
    void add_idle(BackendId backend);
    /// Takes this idle backend out, e.g. because its connection broke. It counts as used afterwards.
    void remove_idle(BackendId backend);
    /// A used backend is gone. Gives the token back.
    void closed();
    /// A used backend, at rest, leaves for another worker, with the token.
    [[nodiscard]] Token lend();
    /// One has come from another worker with its token; it counts as used until released.
    void borrow(Token token);
    /// Whether sessions wait for which no backend is under way.
    [[nodiscard]] bool wants_backend() const { return line_.size() > opening_count_; }
    /// Whether other workers may be asked again now: not more often than once in `period`.
    [[nodiscard]] bool may_ask(base::Instant now, base::Duration period) {
        if (now < ask_at_) {
            return false;
        }
        ask_at_ = now + period;
        return true;
    }
    /// From when on may_ask() says yes again.
    [[nodiscard]] base::Instant ask_at() const { return ask_at_; }
    /// The worker where somebody has waited longest, and by more than `margin` longer than anybody here.
    [[nodiscard]] std::optional<WorkerIndex> longer_waiting(base::Duration margin) const;
    /// The same, where nobody waits here or not.
    [[nodiscard]] std::optional<WorkerIndex> hungry_worker() const;
    /// Whether the worker is to be fed by the caller, and not by somebody else just now.
    [[nodiscard]] bool claim(WorkerIndex hungry) { return budget_->hunger().claim(hungry); }
    /// A backend was closed for another worker: that one is to have the token.
    void yielded(base::Instant now);

    [[nodiscard]] std::uint32_t idle_count() const { return static_cast<std::uint32_t>(idle_.size()); }
    [[nodiscard]] std::uint32_t used_count() const { return used_count_; }
    [[nodiscard]] std::uint32_t opening_count() const { return opening_count_; }
    /// Each has a token.
    [[nodiscard]] std::uint32_t held_count() const { return idle_count() + used_count_ + opening_count_; }
    [[nodiscard]] const std::vector<BackendId>& idle() const { return idle_; }
    [[nodiscard]] const Budget& budget() const { return *budget_; }

    void check_invariants() const;

  private:
    [[nodiscard]] bool take_token(base::Instant now);

    PoolLimits limits_;
    std::shared_ptr<Budget> budget_;
    WorkerIndex worker_;
    std::vector<BackendId> idle_;
    std::uint32_t used_count_ = 0;
    std::uint32_t opening_count_ = 0;
    base::Instant retry_at_ = base::Instant::min();
    base::Instant ask_at_ = base::Instant::min();
    /// Until it is taken back; siblings of the same worker say it by the same budget.
    bool said_hungry_ = false;
    Line line_;
};

}  // namespace pgring::pool
