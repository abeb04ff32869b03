#pragma once
/// Virtual time: what will happen, in order. Events of one instant happen in the order in which they were
/// scheduled, so that a run depends on nothing but its seed.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "base/time.h"

namespace pgring::sim {

class Schedule {
  public:
    [[nodiscard]] base::Instant now() const { return now_; }
    void at(base::Instant when, std::move_only_function<void()> what) {
        events_.push_back({.when = std::max(when, now_), .number = next_number_++, .what = std::move(what)});
        std::ranges::push_heap(events_, later);
    }
    void after(base::Duration delay, std::move_only_function<void()> what) {
        at(now_ + delay, std::move(what));
    }
    /// Lets the next event happen. False when there is none.
    bool run_next() {
        if (events_.empty()) {
            return false;
        }
        std::ranges::pop_heap(events_, later);
        Event event = std::move(events_.back());
        events_.pop_back();
        now_ = event.when;
        event.what();
        return true;
    }

  private:
    struct Event {
        base::Instant when;
        std::uint64_t number;
        std::move_only_function<void()> what;
    };
    static bool later(const Event& left, const Event& right) {
        return left.when != right.when ? left.when > right.when : left.number > right.number;
    }

    /// A heap: what happens next is at the front.
    std::vector<Event> events_;
    base::Instant now_{std::chrono::hours(1)};
    std::uint64_t next_number_ = 0;
};

}  // namespace pgring::sim
