#include "sql/shape_cache.h"

#include <gtest/gtest.h>

namespace pgring::sql {
namespace {

constexpr Traits kRead{.effects = {}, .access = Access::Read};
constexpr Traits kWrite{.effects = Effect::Listen, .access = Access::Write};

TEST(ShapeCache, FindsWhatItWasGiven) {
    ShapeCache cache(64);
    EXPECT_EQ(cache.find({.low = 1, .high = 2}), nullptr);
    cache.insert({.low = 1, .high = 2}, kRead);
    cache.insert({.low = 1, .high = 3}, kWrite);
    EXPECT_EQ(*cache.find({.low = 1, .high = 2}), kRead);
    EXPECT_EQ(*cache.find({.low = 1, .high = 3}), kWrite);
    EXPECT_EQ(cache.find({.low = 2, .high = 2}), nullptr);
    EXPECT_EQ(cache.size(), 2U);
}

TEST(ShapeCache, AnEmptyEntryIsNotTheFingerprintOfZero) {
    ShapeCache cache(4);
    EXPECT_EQ(cache.find({}), nullptr);
}

TEST(ShapeCache, GivesUpTheOneNotAskedForLongest) {
    ShapeCache cache(4);
    for (std::uint64_t i = 1; i <= 4; ++i) {
        cache.insert({.low = 0, .high = i}, kRead);
    }
    EXPECT_NE(cache.find({.low = 0, .high = 1}), nullptr);
    cache.insert({.low = 0, .high = 5}, kWrite);
    EXPECT_NE(cache.find({.low = 0, .high = 1}), nullptr);
    EXPECT_EQ(cache.find({.low = 0, .high = 2}), nullptr);
    EXPECT_NE(cache.find({.low = 0, .high = 3}), nullptr);
    EXPECT_NE(cache.find({.low = 0, .high = 5}), nullptr);
    EXPECT_EQ(cache.size(), 4U);
}

TEST(ShapeCache, NeverHoldsMoreThanItsCapacity) {
    ShapeCache cache(100);
    EXPECT_EQ(cache.capacity(), 128U);
    for (std::uint64_t i = 0; i < 10'000; ++i) {
        cache.insert({.low = i * 0x9e3779b97f4a7c15U, .high = i}, kRead);
        ASSERT_LE(cache.size(), 128U);
    }
    EXPECT_EQ(cache.size(), 128U);
    cache.clear();
    EXPECT_EQ(cache.size(), 0U);
}

}  // namespace
}  // namespace pgring::sql
