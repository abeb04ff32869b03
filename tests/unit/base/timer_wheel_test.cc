#include "base/timer_wheel.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <vector>

#include "base/random.h"

namespace pgring::base {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{Duration(1h)};

TEST(TimerWheel, MeetsADeadlineNeverEarlyAndAtMostATickLate) {
    TimerWheel wheel(kStart);
    TimerEntry entry;
    wheel.arm(entry, kStart + 100ms);
    int count = 0;
    wheel.advance(kStart + 99ms, [&count](TimerEntry&) { ++count; });
    EXPECT_EQ(count, 0);
    wheel.advance(kStart + 100ms + 2 * TimerWheel::kTick, [&count](TimerEntry&) { ++count; });
    EXPECT_EQ(count, 1);
    EXPECT_FALSE(entry.armed());
}

TEST(TimerWheel, SleepsUntilSomethingIsDue) {
    TimerWheel wheel(kStart);
    EXPECT_EQ(wheel.next_wake(), kNever);
    TimerEntry entry;
    wheel.arm(entry, kStart + 5s);
    EXPECT_GT(wheel.next_wake(), kStart + 5s);
    EXPECT_LE(wheel.next_wake(), kStart + 5s + 2 * TimerWheel::kTick);
    wheel.disarm(entry);
    EXPECT_EQ(wheel.next_wake(), kNever);
}

TEST(TimerWheel, ADeadlineBeyondOneTurnWaitsForItsTurn) {
    TimerWheel wheel(kStart);
    TimerEntry entry;
    wheel.arm(entry, kStart + 1min);
    int count = 0;
    Instant now = kStart;
    while (count == 0 && now < kStart + 2min) {
        now = std::max(now, wheel.next_wake());
        wheel.advance(now, [&count](TimerEntry&) { ++count; });
    }
    EXPECT_GE(now, kStart + 1min);
    EXPECT_LE(now, kStart + 1min + 2 * TimerWheel::kTick);
}

TEST(TimerWheel, WhatIsArmedWhileExpiringIsNotMetInTheSameTurn) {
    TimerWheel wheel(kStart);
    TimerEntry entry;
    wheel.arm(entry, kStart + 10ms);
    int count = 0;
    wheel.advance(kStart + 1s, [&](TimerEntry& due) {
        ++count;
        wheel.arm(due, kStart + 20ms);
    });
    EXPECT_LE(count, 2);
    EXPECT_GE(count, 1);
}

// A model check against a map of deadlines.
TEST(TimerWheel, BehavesLikeASortedMapUnderRandomUse) {
    TimerWheel wheel(kStart);
    Prng random(11);
    std::deque<TimerEntry> entries(200);
    std::map<TimerEntry*, Instant> expected;
    Instant now = kStart;
    for (int round = 0; round < 20000; ++round) {
        TimerEntry& entry = entries[random.below(entries.size())];
        if (random.chance(30)) {
            wheel.disarm(entry);
            expected.erase(&entry);
        } else {
            Instant const deadline = now + std::chrono::milliseconds(random.below(40'000));
            wheel.arm(entry, deadline);
            expected[&entry] = deadline;
        }
        now += std::chrono::milliseconds(random.below(random.chance(1) ? 30'000 : 20));
        wheel.advance(now, [&](TimerEntry& due) {
            ASSERT_TRUE(expected.contains(&due));
            ASSERT_LE(expected[&due], now);
            expected.erase(&due);
        });
        ASSERT_EQ(wheel.armed_count(), expected.size());
        for (const auto& [armed, deadline] : expected) {
            ASSERT_GT(deadline + 2 * TimerWheel::kTick, now) << "a deadline was missed";
        }
        ASSERT_TRUE(expected.empty() || wheel.next_wake() != kNever);
    }
}

}  // namespace
}  // namespace pgring::base
