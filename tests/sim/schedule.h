#pragma once
/// Virtual time: what will happen, in order. Events of one instant happen in the order in which they were
/// scheduled, so that a run depends on nothing but its seed.

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "base/time.h"

namespace pgring::sim {

class Schedule {
  public:
    [[nodiscard]] base::Instant now() const { return now_; }
    void at(base::Instant when, std::function<void()> what) {
        events_.push({.when = std::max(when, now_), .number = next_number_++, .what = std::move(what)});
    }
    void after(base::Duration delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }
    /// Lets the next event happen. False when there is none.
    bool run_next() {
        if (events_.empty()) {
            return false;
        }
        Event event = events_.top();
        events_.pop();
        now_ = event.when;
        event.what();
        return true;
    }

  private:
    struct Event {
        base::Instant when;
        std::uint64_t number;
        std::function<void()> what;
        friend bool operator<(const Event& left, const Event& right) {
            return std::pair(left.when, left.number) > std::pair(right.when, right.number);
        }
    };
    std::priority_queue<Event> events_;
    base::Instant now_{std::chrono::hours(1)};
    std::uint64_t next_number_ = 0;
};

}  // namespace pgring::sim
