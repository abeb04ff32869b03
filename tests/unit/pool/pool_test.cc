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
    pool.opened(kNow);
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
    reserved.opened(kNow);
    EXPECT_FALSE(reserved.start_opening(kNow + 4s));
    EXPECT_TRUE(reserved.start_opening(kNow + 5s));
    EXPECT_FALSE(reserved.start_opening(kNow + 5s)) << "one is under way";
    reserved.opened(kNow);
    EXPECT_TRUE(reserved.start_opening(kNow + 5s));
    reserved.opened(kNow);
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
    std::array<Waiter, 2> others;
    pool.line().join(waiters[0], session(0), kNow);
    pool.line().join(waiters[1], session(1), kNow);
    EXPECT_TRUE(pool.start_opening(kNow));
    EXPECT_TRUE(pool.start_opening(kNow));
    other.line().join(others[0], session(3), kNow);
    EXPECT_FALSE(other.start_opening(kNow)) << "both tokens are out";
    pool.opened(kNow);
    EXPECT_TRUE(pool.should_yield(kNow))
        << "this worker holds two where its share is one, and the other waits";
    pool.closed();
    EXPECT_EQ(pool.hungry_worker(), WorkerIndex{1});
    EXPECT_FALSE(pool.start_opening(kNow)) << "the token was given up for the other worker";
    EXPECT_TRUE(other.start_opening(kNow));
    EXPECT_FALSE(pool.should_yield(kNow));
    other.line().leave(others[0]);
    other.open_failed(kNow);
    pool.line().leave(waiters[0]);
    pool.line().leave(waiters[1]);
    pool.open_failed(kNow);
}

TEST_F(PoolTest, FewerBackendsThanWorkersTakeTurns) {
    auto const one = std::make_shared<Budget>(1, 2);
    Pool first(PoolLimits{.server_login_retry = 1s}, one, 0);
    Pool second(PoolLimits{.server_login_retry = 1s}, one, 1);
    first.line().join(waiters[0], session(0), kNow);
    first.line().join(waiters[1], session(1), kNow);
    second.line().join(waiters[2], session(2), kNow);
    ASSERT_TRUE(first.start_opening(kNow));
    first.opened(kNow);
    EXPECT_FALSE(second.start_opening(kNow));
    EXPECT_FALSE(first.should_yield(kNow + kTurn - 1ms)) << "its turn has just begun";
    EXPECT_TRUE(first.should_yield(kNow + kTurn)) << "the other worker would wait for ever";
    first.closed();
    first.yielded(kNow + kTurn);
    EXPECT_FALSE(first.start_opening(kNow + kTurn));
    EXPECT_TRUE(second.start_opening(kNow + kTurn));
    second.open_failed(kNow);
    first.line().leave(waiters[0]);
    first.line().leave(waiters[1]);
    second.line().leave(waiters[2]);
}

TEST_F(PoolTest, ATurnIsLongAgainstTheLoginBeforeIt) {
    auto const one = std::make_shared<Budget>(1, 2);
    Pool first(PoolLimits{.server_login_retry = 1s}, one, 0);
    Pool second(PoolLimits{.server_login_retry = 1s}, one, 1);
    first.line().join(waiters[0], session(0), kNow);
    second.line().join(waiters[1], session(1), kNow);
    for (base::Duration const login : {100ms, 30'000ms}) {
        ASSERT_TRUE(first.start_opening(kNow));
        EXPECT_FALSE(second.start_opening(kNow));
        base::Instant const ready = kNow + login;
        first.opened(ready);
        base::Duration const turn = std::min<base::Duration>(4 * login, 1s);
        EXPECT_FALSE(first.should_yield(ready + turn - 1ms)) << "most of the time would go into logins";
        EXPECT_TRUE(first.should_yield(ready + turn));
        first.closed();
    }
    first.line().leave(waiters[0]);
    second.line().leave(waiters[1]);
}

TEST_F(PoolTest, WorkersThatLeftTheTokenToEachOtherDoNotLeaveItLying) {
    auto const one = std::make_shared<Budget>(1, 2);
    Pool first(PoolLimits{.server_login_retry = 1s}, one, 0);
    Pool second(PoolLimits{.server_login_retry = 1s}, one, 1);
    first.line().join(waiters[0], session(0), kNow);
    ASSERT_TRUE(first.start_opening(kNow));
    first.opened(kNow);
    second.line().join(waiters[1], session(1), kNow);
    EXPECT_FALSE(second.start_opening(kNow));
    first.closed();
    first.yielded(kNow);
    EXPECT_FALSE(first.start_opening(kNow)) << "it is the other one's";
    ASSERT_TRUE(second.start_opening(kNow));
    second.opened(kNow);
    second.closed();
    second.yielded(kNow);
    EXPECT_TRUE(first.start_opening(kNow + 1ms)) << "the other one had it";
    first.open_failed(kNow);
    first.line().leave(waiters[0]);
    second.line().leave(waiters[1]);
}

TEST_F(PoolTest, AWorkerWithoutABackendGetsOneWhereTheShareIsNoWholeNumber) {
    auto const five = std::make_shared<Budget>(5, 4);
    Pool rich(PoolLimits{.server_login_retry = 1s}, five, 0);
    Pool poor(PoolLimits{.server_login_retry = 1s}, five, 3);
    for (std::uint32_t i = 0; i < 2; ++i) {
        rich.line().join(waiters[i], session(i), kNow);
        ASSERT_TRUE(rich.start_opening(kNow));
    }
    while (five->try_take()) {
    }
    rich.opened(kNow);
    poor.line().join(waiters[2], session(2), kNow);
    EXPECT_FALSE(poor.start_opening(kNow));
    EXPECT_TRUE(rich.should_yield(kNow)) << "it holds two of five, the other none";
    rich.closed();
    EXPECT_TRUE(poor.start_opening(kNow));
    EXPECT_FALSE(rich.should_yield(kNow));
    poor.open_failed(kNow);
    rich.open_failed(kNow);
    while (five->taken() > 0) {
        five->give_back();
    }
    for (Waiter& waiter : waiters) {
        waiter.line->leave(waiter);
    }
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
    pool.opened(kNow);
    pool.opened(kNow);
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

}  // namespace
}  // namespace pgring::pool
