#include "pool/wishes.h"

#include <gtest/gtest.h>

namespace pgring::pool {
namespace {

using namespace std::chrono_literals;

constexpr base::Instant kNow{base::Duration(10s)};

struct WishesTest : ::testing::Test {
    Quota quota{1};
    Quota other_quota{1};
    Budget budget{1, 1};
    Budget other_budget{1, 1};
    PoolId mine{.budget = &budget, .worker = 0};
    PoolId other{.budget = &other_budget, .worker = 0};
    Wishes wishes;

    [[nodiscard]] Wish wish_of(PoolId pool, base::Instant since) const {
        return {.quota = &quota, .pool = pool, .since = since, .until = kNow + 100ms};
    }
};

TEST_F(WishesTest, WhoWaitedMuchLongerGoesFirst) {
    wishes.note(wish_of(other, kNow), kNow);
    EXPECT_FALSE(wishes.forestall(quota, mine, kNow + kLonger, kNow));
    EXPECT_TRUE(wishes.forestall(quota, mine, kNow + kLonger + 1ns, kNow));
    EXPECT_TRUE(wishes.forestall(quota, mine, base::kNever, kNow)) << "nobody waits there";
    EXPECT_FALSE(wishes.forestall(other_quota, mine, base::kNever, kNow));
}

TEST_F(WishesTest, APoolDoesNotGiveWayToItself) {
    wishes.note(wish_of(mine, kNow), kNow);
    EXPECT_FALSE(wishes.forestall(quota, mine, base::kNever, kNow));
    EXPECT_TRUE(wishes.forestall(quota, {.budget = &budget, .worker = 1}, base::kNever, kNow))
        << "another worker's share of it is another pool";
}

TEST_F(WishesTest, TheLongestWaitingIsGrantedOnce) {
    PoolId const third{.budget = &other_budget, .worker = 1};
    wishes.note(wish_of(other, kNow), kNow);
    wishes.note(wish_of(third, kNow - 1s), kNow);
    Wish* const first = wishes.ungranted(quota, mine, base::kNever, kNow);
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(first->pool, third);
    first->granted = true;
    Wish* const second = wishes.ungranted(quota, mine, base::kNever, kNow);
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(second->pool, other);
    second->granted = true;
    EXPECT_EQ(wishes.ungranted(quota, mine, base::kNever, kNow), nullptr);
    EXPECT_TRUE(wishes.forestall(quota, mine, base::kNever, kNow)) << "what was given up is not taken back";
}

TEST_F(WishesTest, AWishEndsWithItsTimeOrWhenItIsMet) {
    wishes.note(wish_of(other, kNow), kNow);
    EXPECT_FALSE(wishes.forestall(quota, mine, base::kNever, kNow + 100ms));
    wishes.note(wish_of(mine, kNow), kNow + 100ms);
    wishes.forget(mine);
    EXPECT_TRUE(wishes.empty());
}

}  // namespace
}  // namespace pgring::pool
