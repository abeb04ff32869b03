#pragma once
/// Units that a backend was sent for sessions which still wait for it, behind what it does for the session
/// that has it: when that is answered the server goes on at once, instead of waiting for pgring to hear of
/// it.
///
///     sent ahead --the backend is handed to its session, which then says the same--> a unit like any other
///         +--anything else is sent to the backend, its session is served elsewhere or leaves--> nobody's
///
/// Only reads are sent ahead, so that one that runs for nobody, or twice, harms nobody. Its session knows
/// nothing of it: it waits, may be cancelled, time out, be given another backend. Only when it gets this one,
/// what it says is compared with what was sent (Backend::end_rehearsal()).

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/contract.h"
#include "pool/ids.h"
#include "session/request.h"

namespace pgring::session {

/// Which statement it is, whatever its constants: what its times are learned by. 0 is none.
using StatementShape = std::uint64_t;

/// A unit that is a single read: a Query, or the messages of the extended protocol from Bind, or the Parse of
/// the unnamed statement, to Sync.
struct UnitAhead {
    static constexpr std::size_t kRequestsMax = 5;

    pool::SessionId session;
    /// Of its place in line (pool::Waiter): tells this wait of the session from its next.
    std::uint64_t ticket = 0;
    StatementShape shape = 0;
    /// What the client has said, in bytes.
    std::size_t input_bytes = 0;
    /// What the server was sent.
    std::string bytes;
    std::array<Request, kRequestsMax> requests{};
    std::uint8_t request_count = 0;
    /// The server's unnamed statement is another one after it, or gone.
    bool replaces_unnamed = false;

    [[nodiscard]] std::span<const Request> asked() const { return std::span(requests).first(request_count); }
};

/// Those of one backend, in the order in which they were sent. Keeps its memory.
class UnitsAhead {
  public:
    /// What a server does not begin with for a while may as well go to another one.
    static constexpr std::size_t kUnitsMax = 2;

    [[nodiscard]] bool empty() const { return count_ == 0; }
    [[nodiscard]] bool full() const { return count_ == kUnitsMax; }
    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] const UnitAhead& at(std::size_t position) const {
        ASSERT(position < count_);
        return units_[(first_ + position) % kUnitsMax];
    }
    [[nodiscard]] const UnitAhead& front() const { return at(0); }

    /// Where the next one is written; push() then counts it.
    [[nodiscard]] UnitAhead& blank() {
        ASSERT(!full());
        return units_[(first_ + count_) % kUnitsMax];
    }
    void push() {
        ASSERT(!full());
        ++count_;
    }
    void pop_front() {
        ASSERT(!empty());
        first_ = (first_ + 1) % kUnitsMax;
        --count_;
    }
    void clear() { count_ = 0; }

  private:
    std::array<UnitAhead, kUnitsMax> units_;
    std::size_t first_ = 0;
    std::size_t count_ = 0;
};

}  // namespace pgring::session
