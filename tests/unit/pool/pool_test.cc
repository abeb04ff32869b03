#include "pool/pool.h"

#include <array>

#include <gtest/gtest.h>

namespace pgring::pool {
namespace {

using namespace std::chrono_literals;

constexpr base::Instant kNow{base::Duration(1s)};

BackendId backend(std::uint32_t index) {
    return {.index = index, .generation = 1};
}
SessionId session(std::uint32_t index) {
    return {.index = index, .generation = 1};
}

constexpr auto kAny = [](BackendId) { return true; };

struct PoolTest : ::testing::Test {
    std::shared_ptr<Budget> budget = std::make_shared<Budget>(2, 2);
    Pool pool{PoolLimits{.server_login_retry = 1s}, budget, 0};
    std::array<Waiter, 3> waiters;
};

TEST_F(PoolTest, FirstComeIsFirstServed) {
    pool.line().join(waiters[0], session(0), kNow);
    pool.line().join(waiters[1], session(1), kNow);
    pool.line().join(waiters[2], session(2), kNow);
    pool.line().leave(waiters[1]);
    EXPECT_EQ(pool.line().next(), session(0));
    EXPECT_EQ(pool.line().next(), session(2));
    EXPECT_EQ(pool.line().next(), std::nullopt);
}

TEST_F(PoolTest, NobodyOvertakesTheLine) {
    pool.line().join(waiters[0], session(0), kNow);
    ASSERT_TRUE(pool.start_opening(kNow));
    pool.opened();
    pool.add_idle(backend(7));
    EXPECT_EQ(pool.acquire(kAny), std::nullopt) << "an idle backend belongs to the one who waits";
    EXPECT_EQ(pool.line().next(), session(0));
    EXPECT_EQ(pool.acquire(kAny), backend(7));
    pool.closed();
}

TEST_F(PoolTest, TheReserveIsForThoseWhoWaitedLongOneAtATime) {
    auto const small = std::make_shared<Budget>(1, 1, 2);
    Pool reserved(PoolLimits{.server_login_retry = 1s, .reserve_pool_timeout = 5s}, small, 0);
    EXPECT_EQ(reserved.reserve_at(), base::kNever);
    for (std::uint32_t i = 0; i < 3; ++i) {
        reserved.line().join(waiters[i], session(i), kNow);
    }
    EXPECT_EQ(reserved.reserve_at(), kNow + 5s);
    EXPECT_TRUE(reserved.start_opening(kNow));
    EXPECT_FALSE(reserved.start_opening(kNow + 4s));
    reserved.opened();
    EXPECT_FALSE(reserved.start_opening(kNow + 4s));
    EXPECT_TRUE(reserved.start_opening(kNow + 5s));
    EXPECT_FALSE(reserved.start_opening(kNow + 5s)) << "one is under way";
    reserved.opened();
    EXPECT_TRUE(reserved.start_opening(kNow + 5s));
    reserved.opened();
    EXPECT_FALSE(reserved.start_opening(kNow + 60s)) << "the reserve is used up";
    for (std::uint32_t i = 0; i < 3; ++i) {
        reserved.line().leave(waiters[i]);
        reserved.closed();
    }
    EXPECT_EQ(small->taken(), 0U);
}

TEST_F(PoolTest, TheMinimumIsOneNumberOverAllWorkers) {
    auto const wide = std::make_shared<Budget>(4, 2);
    PoolLimits const limits{.server_login_retry = 1s, .min_size = 2};
    Pool mine(limits, wide, 0);
    Pool other(limits, wide, 1);
    EXPECT_TRUE(mine.start_spare(kNow));
    EXPECT_TRUE(other.start_spare(kNow));
    EXPECT_FALSE(mine.start_spare(kNow));
    EXPECT_TRUE(mine.at_minimum());
    mine.open_failed(kNow);
    EXPECT_FALSE(mine.start_spare(kNow)) << "not before server_login_retry";
    EXPECT_TRUE(mine.start_spare(kNow + 1s));
    mine.open_failed(kNow);
    other.open_failed(kNow);
}

TEST_F(PoolTest, OpensNoMoreThanSessionsWait) {
    pool.line().join(waiters[0], session(0), kNow);
    EXPECT_TRUE(pool.start_opening(kNow));
    EXPECT_FALSE(pool.start_opening(kNow));
    pool.line().leave(waiters[0]);
    pool.open_failed(kNow);
    EXPECT_EQ(budget->taken(), 0U);
}

TEST_F(PoolTest, TheLimitIsOneNumberOverAllWorkers) {
    Pool other(PoolLimits{.server_login_retry = 1s}, budget, 1);
    Waiter elsewhere;
    pool.line().join(waiters[0], session(0), kNow);
    pool.line().join(waiters[1], session(1), kNow);
    EXPECT_TRUE(pool.start_opening(kNow));
    EXPECT_TRUE(pool.start_opening(kNow));
    other.line().join(elsewhere, session(3), kNow);
    EXPECT_FALSE(other.start_opening(kNow)) << "both tokens are out";
    pool.opened();
    pool.closed();
    EXPECT_TRUE(other.start_opening(kNow));
    other.line().leave(elsewhere);
    other.open_failed(kNow);
    pool.line().leave(waiters[0]);
    pool.line().leave(waiters[1]);
    pool.open_failed(kNow);
}

TEST_F(PoolTest, ABackendGoesWhereSomebodyHasWaitedLonger) {
    Pool other(PoolLimits{.server_login_retry = 1s}, budget, 1);
    Waiter elsewhere;
    other.line().join(elsewhere, session(3), kNow);
    EXPECT_EQ(pool.longer_waiting(kWorthLending), std::nullopt) << "nothing was said";
    EXPECT_TRUE(other.note_hunger());
    EXPECT_FALSE(other.note_hunger()) << "no news";
    EXPECT_EQ(other.longer_waiting(kWorthLending), std::nullopt) << "its own word is not for itself";
    EXPECT_EQ(pool.longer_waiting(kWorthLending), WorkerIndex{1}) << "nobody waits here";
    pool.line().join(waiters[0], session(0), kNow + kWorthLending);
    EXPECT_EQ(pool.longer_waiting(kWorthLending), std::nullopt) << "not by so much";
    pool.line().leave(waiters[0]);
    pool.line().join(waiters[0], session(0), kNow + kWorthLending + 1ns);
    EXPECT_EQ(pool.longer_waiting(kWorthLending), WorkerIndex{1});
    pool.line().leave(waiters[0]);
    EXPECT_TRUE(pool.claim(1));
    EXPECT_FALSE(pool.claim(1)) << "it is fed once";
    EXPECT_EQ(pool.hungry_worker(), std::nullopt);
    EXPECT_TRUE(other.note_hunger());
    other.line().leave(elsewhere);
    other.line_changed();
    EXPECT_EQ(pool.hungry_worker(), std::nullopt) << "it has given up waiting";
}

TEST_F(PoolTest, HungerIsAsOldAsTheFirstInTheLine) {
    Pool other(PoolLimits{.server_login_retry = 1s}, budget, 1);
    std::array<Waiter, 2> elsewhere;
    other.line().join(elsewhere[0], session(3), kNow);
    other.line().join(elsewhere[1], session(4), kNow + 10ms);
    static_cast<void>(other.note_hunger());
    pool.line().join(waiters[0], session(0), kNow + 5ms);
    EXPECT_EQ(pool.longer_waiting(kWorthLending), WorkerIndex{1});
    static_cast<void>(other.line().next());
    other.line_changed();
    EXPECT_EQ(pool.longer_waiting(kWorthLending), std::nullopt);
    other.line().leave(elsewhere[1]);
    pool.line().leave(waiters[0]);
}

TEST_F(PoolTest, WhatIsLentTakesItsTokenAlong) {
    Pool other(PoolLimits{.server_login_retry = 1s}, budget, 1);
    pool.line().join(waiters[0], session(0), kNow);
    ASSERT_TRUE(pool.start_opening(kNow));
    pool.opened();
    pool.line().leave(waiters[0]);
    {
        Token token = pool.lend();
        EXPECT_EQ(pool.used_count(), 0U);
        EXPECT_EQ(budget->taken(), 1U) << "nobody has it, and nobody else may";
        other.borrow(std::move(token));
    }
    EXPECT_EQ(other.used_count(), 1U);
    EXPECT_EQ(budget->taken(), 1U);
    static_cast<void>(other.lend());
    EXPECT_EQ(budget->taken(), 0U) << "lost on its way";
}

TEST_F(PoolTest, OthersSeeWhoHasIdleBackends) {
    pool.line().join(waiters[0], session(0), kNow);
    ASSERT_TRUE(pool.start_opening(kNow));
    pool.opened();
    pool.line().leave(waiters[0]);
    EXPECT_FALSE(budget->hunger().has_idle(0));
    pool.add_idle(backend(1));
    EXPECT_TRUE(budget->hunger().has_idle(0));
    EXPECT_EQ(pool.acquire(kAny), backend(1));
    EXPECT_FALSE(budget->hunger().has_idle(0));
    pool.add_idle(backend(1));
    pool.remove_idle(backend(1));
    EXPECT_FALSE(budget->hunger().has_idle(0));
    pool.closed();
}

TEST_F(PoolTest, WorkersThatLeftTheTokenToEachOtherDoNotLeaveItLying) {
    auto const one = std::make_shared<Budget>(1, 2);
    Pool first(PoolLimits{.server_login_retry = 1s}, one, 0);
    Pool second(PoolLimits{.server_login_retry = 1s}, one, 1);
    first.line().join(waiters[0], session(0), kNow);
    ASSERT_TRUE(first.start_opening(kNow));
    first.opened();
    second.line().join(waiters[1], session(1), kNow);
    EXPECT_FALSE(second.start_opening(kNow));
    static_cast<void>(second.note_hunger());
    first.closed();
    first.yielded(kNow);
    EXPECT_FALSE(first.start_opening(kNow)) << "it is the other one's";
    ASSERT_TRUE(second.start_opening(kNow));
    static_cast<void>(second.note_hunger());
    second.opened();
    static_cast<void>(first.note_hunger());
    second.closed();
    second.yielded(kNow);
    EXPECT_TRUE(first.start_opening(kNow + 1ms)) << "the other one had it";
    first.open_failed(kNow);
    first.line().leave(waiters[0]);
    second.line().leave(waiters[1]);
}

TEST_F(PoolTest, WhatIsLeftToAnotherWorkerIsTakenByNoneOfItsOwnAndNotAsAReserve) {
    auto const shared = std::make_shared<Budget>(1, 2, 1);
    PoolLimits const limits{.server_login_retry = 1s, .reserve_pool_timeout = 1ms};
    Pool mine(limits, shared, 0);
    Pool sibling(limits, shared, 0);
    Pool other(limits, shared, 1);
    mine.line().join(waiters[0], session(0), kNow);
    sibling.line().join(waiters[1], session(1), kNow);
    other.line().join(waiters[2], session(2), kNow);
    base::Instant const later = kNow + 5s;
    ASSERT_TRUE(mine.start_opening(later));
    mine.opened();
    static_cast<void>(other.note_hunger());
    mine.closed();
    mine.yielded(later);
    EXPECT_FALSE(mine.start_opening(later));
    EXPECT_FALSE(sibling.start_opening(later));
    EXPECT_TRUE(other.start_opening(later));
    static_cast<void>(other.note_hunger());
    EXPECT_TRUE(sibling.start_opening(later)) << "the other one has it, and this is the reserve";
    other.open_failed(later);
    sibling.open_failed(later);
    mine.line().leave(waiters[0]);
    sibling.line().leave(waiters[1]);
    other.line().leave(waiters[2]);
}

TEST_F(PoolTest, AFailedLoginPutsTheNextOneOff) {
    pool.line().join(waiters[0], session(0), kNow);
    ASSERT_TRUE(pool.start_opening(kNow));
    pool.open_failed(kNow);
    EXPECT_FALSE(pool.start_opening(kNow + 999ms));
    EXPECT_TRUE(pool.start_opening(kNow + 1s));
    pool.open_failed(kNow + 1s);
    pool.retry_now();
    EXPECT_TRUE(pool.start_opening(kNow + 1s));
    pool.open_failed(kNow);
    pool.line().leave(waiters[0]);
}

TEST_F(PoolTest, IdleBackendsAreHandedOutLastInFirstOut) {
    pool.line().join(waiters[0], session(0), kNow);
    pool.line().join(waiters[1], session(1), kNow);
    ASSERT_TRUE(pool.start_opening(kNow));
    ASSERT_TRUE(pool.start_opening(kNow));
    pool.opened();
    pool.opened();
    pool.line().leave(waiters[0]);
    pool.line().leave(waiters[1]);
    pool.add_idle(backend(1));
    pool.add_idle(backend(2));
    EXPECT_EQ(pool.acquire(kAny), backend(2));
    pool.add_idle(backend(2));
    EXPECT_EQ(pool.acquire([](BackendId id) { return id == backend(1); }), backend(1))
        << "a better one further back";
    pool.add_idle(backend(1));
    EXPECT_EQ(pool.acquire([](BackendId) { return false; }), backend(1)) << "else the warmest";
    pool.add_idle(backend(1));
    EXPECT_EQ(pool.acquire([](BackendId id) { return id == backend(2); }), backend(2));
    pool.remove_idle(backend(1));
    EXPECT_EQ(pool.idle_count(), 0U);
    pool.closed();
    pool.closed();
    EXPECT_EQ(budget->taken(), 0U);
    pool.check_invariants();
}

TEST(LineTest, TheFirstForWhomSomethingHoldsStaysInLine) {
    Line line;
    std::array<Waiter, 3> waiters;
    for (std::uint32_t i = 0; i < waiters.size(); ++i) {
        line.join(waiters[i], {}, {}, i + 1);
    }
    EXPECT_EQ(line.first_for_which([](const Waiter& waiter) { return waiter.ticket > 1; }), &waiters[1]);
    EXPECT_EQ(line.first_for_which([](const Waiter& waiter) { return waiter.ticket > 3; }), nullptr);
    EXPECT_EQ(line.size(), 3U);
    for (Waiter& waiter : waiters) {
        line.leave(waiter);
    }
}

}  // namespace
}  // namespace pgring::pool
