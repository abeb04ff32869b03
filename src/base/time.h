#pragma once
/// Time as the core knows it: points that somebody else read from a clock. The core never reads one itself; the reactor
/// passes CLOCK_MONOTONIC, the simulator its virtual time.

#include <chrono>

namespace pgring::base {

/// Names the time line of Instant; it has no now() on purpose.
struct MonotonicTimeLine {
    using rep = std::chrono::nanoseconds::rep;
    using period = std::chrono::nanoseconds::period;
    using duration = std::chrono::nanoseconds;
    using time_point = std::chrono::time_point<MonotonicTimeLine>;
    static constexpr bool is_steady = true;
};

using Duration = std::chrono::nanoseconds;
using Instant = MonotonicTimeLine::time_point;

/// Later than every instant that occurs: "no deadline".
inline constexpr Instant kNever = Instant::max();

/// The deadline `after` from `now`; a duration of zero means "no limit", as in pgbouncer's settings.
[[nodiscard]] constexpr Instant deadline_after(Instant now, Duration after) {
    return after == Duration::zero() ? kNever : now + after;
}

}  // namespace pgring::base
