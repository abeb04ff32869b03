#pragma once
/// The limit of one pool over all workers: one number, taken from and given back in tokens, one a backend.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "pool/hunger.h"
#include "pool/quota.h"

namespace pgring::pool {

/// Tokens of one (server, database, user). Every call is safe from every worker; none blocks.
///
/// A worker whose sessions wait and that gets no token says so (hunger). Whoever has an idle backend, or
/// comes to release one, lends it to the worker that has waited longest, token and all.
class Budget {
  public:
    /// `reserve` tokens are there beyond `limit`, for those who waited too long.
    Budget(std::uint32_t limit, std::size_t worker_count, std::uint32_t reserve = 0)
        : tokens_(limit), reserve_(reserve), rests_(worker_count), hunger_(worker_count) {}

    /// Takes a token for a new backend; false when all are out.
    [[nodiscard]] bool try_take() { return try_take_below(limit()); }
    /// The same from the reserve, where the others are out.
    [[nodiscard]] bool try_take_reserve() { return try_take_below(capacity()); }
    /// The same where fewer than `count` are out.
    [[nodiscard]] bool try_take_below(std::uint32_t count) {
        bool const took = tokens_.try_take_below(count);
        if (took) {
            takings_.fetch_add(1, std::memory_order_relaxed);
        }
        return took;
    }
    void give_back() { tokens_.give_back(); }

    [[nodiscard]] std::uint32_t limit() const { return tokens_.limit(); }
    [[nodiscard]] bool has_reserve() const { return reserve_ > 0; }
    /// All tokens, the reserve included.
    [[nodiscard]] std::uint32_t capacity() const { return limit() + reserve_; }
    [[nodiscard]] std::uint32_t taken() const { return tokens_.taken(); }

    /// This worker closed a backend for another one, and leaves it the token: until then, or until somebody
    /// has taken one. It holds for all of its pools that have this budget, or one of them would take what
    /// the other has left. Two workers that both left it to each other would leave it lying; hence the end.
    void rest(WorkerIndex worker, base::Instant until) {
        rests_[worker] = {.until = until, .takings = takings()};
    }
    [[nodiscard]] bool is_resting(WorkerIndex worker, base::Instant now) const {
        return now < rests_[worker].until && rests_[worker].takings == takings();
    }

    [[nodiscard]] Hunger& hunger() { return hunger_; }
    [[nodiscard]] const Hunger& hunger() const { return hunger_; }

  private:
    /// Only its worker reads and writes it.
    struct Rest {
        base::Instant until = base::Instant::min();
        std::uint32_t takings = 0;
    };

    /// How often a token was taken so far; goes around.
    [[nodiscard]] std::uint32_t takings() const { return takings_.load(std::memory_order_relaxed); }

    Quota tokens_;
    std::uint32_t reserve_;
    std::vector<Rest> rests_;
    std::atomic<std::uint32_t> takings_{0};
    Hunger hunger_;
};

/// A token that is on its way from one worker to another: given back when it goes, unless somebody takes it.
class Token {
  public:
    explicit Token(std::shared_ptr<Budget> budget) : budget_(std::move(budget)) {}
    Token(Token&&) noexcept = default;
    Token& operator=(Token&& other) noexcept {
        std::swap(budget_, other.budget_);
        return *this;
    }
    ~Token() {
        if (budget_ != nullptr) {
            budget_->give_back();
        }
    }

    /// nullptr where the token was moved from, or taken out.
    [[nodiscard]] const Budget* budget() const { return budget_.get(); }
    /// The token is the caller's from now on.
    void take_out() { budget_.reset(); }

  private:
    std::shared_ptr<Budget> budget_;
};

/// Finds the budget that the workers share. Locks; called when a worker first meets a (server, database,
/// user).
class BudgetRegistry {
  public:
    explicit BudgetRegistry(std::size_t worker_count) : worker_count_(worker_count) {}

    /// The budget of `key`, made with `limit` and `reserve` at the first call.
    [[nodiscard]] std::shared_ptr<Budget> budget(const std::string& key, std::uint32_t limit,
                                                 std::uint32_t reserve = 0) {
        std::scoped_lock const lock(mutex_);
        std::shared_ptr<Budget>& budget = budgets_[key];
        if (budget == nullptr) {
            budget = std::make_shared<Budget>(limit, worker_count_, reserve);
        }
        return budget;
    }
    [[nodiscard]] std::size_t worker_count() const { return worker_count_; }
    /// Tokens that are out, of all budgets; for audits.
    [[nodiscard]] std::uint32_t taken() const {
        std::scoped_lock const lock(mutex_);
        std::uint32_t taken = 0;
        for (const auto& [key, budget] : budgets_) {
            taken += budget->taken();
        }
        return taken;
    }

  private:
    std::size_t worker_count_;
    mutable std::mutex mutex_;
    std::map<std::string, std::shared_ptr<Budget>> budgets_;
};

}  // namespace pgring::pool
