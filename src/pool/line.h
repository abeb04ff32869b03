#pragma once
/// A waiting line of sessions: first come, first served, and anybody may leave it at any time in constant
/// time.

#include <cstdint>
#include <optional>

#include "base/contract.h"
#include "base/mutation.h"
#include "base/time.h"
#include "pool/ids.h"

namespace pgring::pool {

class Line;

/// A session's place in a line; embedded in the session, stays where it is while in line.
struct Waiter {
    Waiter* previous = nullptr;
    Waiter* next = nullptr;
    Line* line = nullptr;
    SessionId session;
    base::Instant since{};
    /// Grows with the time of joining, over all lines of a worker.
    std::uint64_t ticket = 0;

    [[nodiscard]] bool waiting() const { return line != nullptr; }

    Waiter() = default;
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
};

class Line {
  public:
    Line() {
        ends_.previous = &ends_;
        ends_.next = &ends_;
    }
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;
    ~Line() { ASSERT(empty()); }

    /// Puts a session at the end.
    void join(Waiter& waiter, SessionId session, base::Instant now, std::uint64_t ticket = 0) {
        ASSERT(!waiter.waiting());
        waiter.line = this;
        waiter.session = session;
        waiter.since = now;
        waiter.ticket = ticket;
        waiter.previous = ends_.previous;
        waiter.next = &ends_;
        ends_.previous->next = &waiter;
        ends_.previous = &waiter;
        ++size_;
    }
    /// Takes a session out, wherever it stands.
    void leave(Waiter& waiter) {
        ASSERT(waiter.line == this);
        waiter.previous->next = waiter.next;
        waiter.next->previous = waiter.previous;
        waiter.previous = nullptr;
        waiter.next = nullptr;
        waiter.line = nullptr;
        --size_;
    }
    /// The session that waits longest, taken out; nothing when nobody waits.
    [[nodiscard]] std::optional<SessionId> next() {
        if (empty()) {
            return std::nullopt;
        }
        Waiter& first = PGRING_MUTATION(LineServedBackwards) ? *ends_.previous : *ends_.next;
        leave(first);
        return first.session;
    }

    /// The first for whom `is_meant(waiter)` holds, still in line; nullptr where there is none.
    template <class Predicate>
    [[nodiscard]] Waiter* first_for_which(Predicate&& is_meant) {
        for (Waiter* waiter = ends_.next; waiter != &ends_; waiter = waiter->next) {
            if (is_meant(*waiter)) {
                return waiter;
            }
        }
        return nullptr;
    }

    /// The ticket of the session that waits longest. Somebody must wait.
    [[nodiscard]] std::uint64_t first_ticket() const {
        ASSERT(!empty());
        return ends_.next->ticket;
    }
    /// Since when the first one waits; kNever when nobody does.
    [[nodiscard]] base::Instant waited_since() const { return empty() ? base::kNever : ends_.next->since; }

    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] std::uint32_t size() const { return size_; }

    /// Calls `visit(waiter)` for everybody in it, from the front.
    template <class Visit>
    void for_each(Visit&& visit) const {
        for (const Waiter* waiter = ends_.next; waiter != &ends_; waiter = waiter->next) {
            visit(*waiter);
        }
    }
    void check_invariants() const {
        std::uint32_t count = 0;
        for_each([this, &count](const Waiter& waiter) {
            ASSERT(waiter.line == this);
            ++count;
        });
        ASSERT(count == size_);
    }

  private:
    Waiter ends_;
    std::uint32_t size_ = 0;
};

}  // namespace pgring::pool
