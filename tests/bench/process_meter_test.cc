#include "process_meter.h"

#include <chrono>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace pgring::bench {
namespace {

using namespace std::chrono_literals;

/// Spins for so much CPU time.
void burn(std::chrono::milliseconds duration) {
    std::clock_t const until = std::clock() + duration.count() * CLOCKS_PER_SEC / 1000;
    while (std::clock() < until) {
    }
}

TEST(ProcessMeter, TimeOfTheProcessIsCounted) {
    ProcessMeter const meter({::getpid()});
    auto const before = meter.read().cpu;
    burn(50ms);
    auto const spent = meter.read().cpu - before;
    EXPECT_GE(spent, 50ms);
    EXPECT_LT(spent, 100ms);
}

TEST(ProcessMeter, ChildrenAreCountedWhileTheyLiveAndAfterwards) {
    ProcessMeter const meter({::getpid()});
    auto const before = meter.read().cpu;
    int burnt[2];
    int leave[2];
    ASSERT_EQ(::pipe(burnt), 0);
    ASSERT_EQ(::pipe(leave), 0);
    pid_t const child = ::fork();
    char byte = 0;
    if (child == 0) {
        burn(100ms);
        static_cast<void>(::write(burnt[1], &byte, 1));
        static_cast<void>(::read(leave[0], &byte, 1));
        ::_exit(0);
    }
    ASSERT_EQ(::read(burnt[0], &byte, 1), 1);
    EXPECT_GE(meter.read().cpu - before, 100ms);
    ASSERT_EQ(::write(leave[1], &byte, 1), 1);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    // Known in steps of 10 ms now, each of two figures.
    EXPECT_GE(meter.read().cpu - before, 80ms);
}

TEST(ProcessMeter, SystemCallsAreCountedWhereTheKernelLetsOne) {
    ProcessMeter meter({::getpid()});
    if (auto const counting = meter.count_system_calls(); !counting.has_value()) {
        EXPECT_TRUE(counting.error().starts_with("system calls cannot be counted"));
        return;
    }
    auto const before = meter.read().system_call_count;
    auto const idle = meter.read().system_call_count - before;
    for (int i = 0; i < 1000; ++i) {
        static_cast<void>(::getppid());
    }
    auto const counted = meter.read().system_call_count - before - 2 * idle;
    EXPECT_GE(counted, 1000U);
    EXPECT_LT(counted, 1100U);
}

}  // namespace
}  // namespace pgring::bench
