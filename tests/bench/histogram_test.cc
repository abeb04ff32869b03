#include "histogram.h"

#include <chrono>
#include <cmath>

#include <gtest/gtest.h>

namespace pgring::bench {
namespace {

using namespace std::chrono_literals;

TEST(Histogram, WithoutRecordsEverythingIsZero) {
    Histogram const histogram;
    EXPECT_EQ(histogram.count(), 0U);
    EXPECT_EQ(histogram.quantile(0.99), 0ns);
    EXPECT_EQ(histogram.mean(), 0ns);
    EXPECT_EQ(histogram.max(), 0ns);
}

TEST(Histogram, QuantilesOfAThousandSteps) {
    Histogram histogram;
    for (int i = 1; i <= 1000; ++i) {
        histogram.record(i * 1us);
    }
    auto const near = [](std::chrono::nanoseconds found, std::chrono::nanoseconds wanted) {
        // Never below, and above by less than one part in 128.
        EXPECT_GE(found, wanted);
        EXPECT_LE(found, wanted + wanted / 128 + 1ns);
    };
    near(histogram.quantile(0.5), 500us);
    near(histogram.quantile(0.99), 990us);
    near(histogram.quantile(0.999), 999us);
    EXPECT_EQ(histogram.quantile(1), 1000us);
    EXPECT_EQ(histogram.mean(), 500500ns);
    EXPECT_EQ(histogram.max(), 1000us);
}

TEST(Histogram, EveryMagnitudeIsAsPrecise) {
    for (auto duration = 1ns; duration < 24h; duration = duration * 3 + 1ns) {
        Histogram histogram;
        histogram.record(duration);
        histogram.record(duration * 1000);  // or the maximum would cut the bucket
        EXPECT_GE(histogram.quantile(0.5), duration);
        EXPECT_LE(histogram.quantile(0.5), duration + duration / 128);
    }
}

TEST(Histogram, OneSlowAmongManyIsSeenWhereItStands) {
    Histogram histogram;
    for (int i = 0; i < 999; ++i) {
        histogram.record(1us);
    }
    histogram.record(1s);
    EXPECT_LT(histogram.quantile(0.999), 2us);
    EXPECT_EQ(histogram.quantile(0.9991), 1s);
}

TEST(Histogram, WhatCameBeforeItWasDueCountsAsNone) {
    Histogram histogram;
    histogram.record(-5ns);
    EXPECT_EQ(histogram.quantile(1), 0ns);
}

}  // namespace
}  // namespace pgring::bench
