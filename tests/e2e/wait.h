#pragma once
/// Waiting for a condition with a deadline; the one place of the tests where time passes.

#include <chrono>
#include <thread>

namespace pgring::e2e {

using Clock = std::chrono::steady_clock;

/// Asks `condition` again and again until it holds; false when it does not within `limit`.
template <class Condition>
[[nodiscard]] bool eventually(std::chrono::milliseconds limit, Condition condition) {
    Clock::time_point const deadline = Clock::now() + limit;
    for (;;) {
        if (condition()) {
            return true;
        }
        if (Clock::now() >= deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

[[nodiscard]] inline double seconds_between(Clock::time_point begin, Clock::time_point end) {
    return std::chrono::duration<double>(end - begin).count();
}

}  // namespace pgring::e2e
