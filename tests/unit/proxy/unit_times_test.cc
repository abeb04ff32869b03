#include "proxy/unit_times.h"

#include <memory>

#include <gtest/gtest.h>

namespace pgring::proxy {
namespace {

using namespace std::chrono_literals;

class UnitTimesTest : public ::testing::Test {
  protected:
    std::unique_ptr<UnitTimes> times_ = std::make_unique<UnitTimes>();
};

TEST_F(UnitTimesTest, WhatHasNotBeenSeenIsNotKnown) {
    EXPECT_FALSE(times_->of(1).has_value());
    times_->learn(1, 2ms);
    EXPECT_EQ(times_->of(1), base::Duration(2ms));
    EXPECT_FALSE(times_->of(2).has_value());
}

TEST_F(UnitTimesTest, TheMeanFollows) {
    times_->learn(1, 1ms);
    times_->learn(1, 9ms);
    EXPECT_EQ(times_->of(1), base::Duration(2ms));
    for (int i = 0; i < 50; ++i) {
        times_->learn(1, 9ms);
    }
    EXPECT_GT(*times_->of(1), base::Duration(8ms));
}

TEST_F(UnitTimesTest, OfTwoInOnePlaceTheLaterOneIsKnown) {
    times_->learn(5, 1ms);
    times_->learn(5 + (1U << 20U), 2ms);
    EXPECT_FALSE(times_->of(5).has_value());
    EXPECT_EQ(times_->of(5 + (1U << 20U)), base::Duration(2ms));
}

}  // namespace
}  // namespace pgring::proxy
