#include "config/quantity.h"

#include <chrono>
#include <limits>

#include <gtest/gtest.h>

namespace pgring::config {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;

constexpr base::Duration kSecond = seconds(1);

TEST(Quantity, DurationsHaveThePostgresqlUnits) {
    EXPECT_EQ(parse_duration("7us", kSecond), 7us);
    EXPECT_EQ(parse_duration("500ms", kSecond), 500ms);
    EXPECT_EQ(parse_duration("15s", kSecond), 15s);
    EXPECT_EQ(parse_duration("5min", kSecond), 5min);
    EXPECT_EQ(parse_duration("1h", kSecond), 1h);
    EXPECT_EQ(parse_duration("1d", kSecond), 24h);
    EXPECT_EQ(parse_duration("2 min", kSecond), 2min);
}

TEST(Quantity, NumberAloneCountsInTheBareUnit) {
    EXPECT_EQ(parse_duration("15", kSecond), 15s);
    EXPECT_EQ(parse_duration("15", 1ms), 15ms);
    EXPECT_EQ(parse_size("4096"), 4096);
}

TEST(Quantity, FractionsAreExact) {
    EXPECT_EQ(parse_duration("0.1s", kSecond), 100ms);
    EXPECT_EQ(parse_duration("1.5h", kSecond), 90min);
    EXPECT_EQ(parse_duration("0.000000001", kSecond), 1ns);
    EXPECT_EQ(parse_size("1.5KiB"), 1536);
}

TEST(Quantity, SizesCount1024AStepInBothSpellings) {
    EXPECT_EQ(parse_size("3B"), 3);
    EXPECT_EQ(parse_size("10kB"), 10 * 1024);
    EXPECT_EQ(parse_size("64KiB"), 64 * 1024);
    EXPECT_EQ(parse_size("1MB"), 1024 * 1024);
    EXPECT_EQ(parse_size("1MiB"), 1024 * 1024);
    EXPECT_EQ(parse_size("2GB"), std::int64_t{2} << 30);
    EXPECT_EQ(parse_size("1TiB"), std::int64_t{1} << 40);
}

TEST(Quantity, SignIsRead) {
    EXPECT_EQ(parse_duration("-5s", kSecond), -5s);
    EXPECT_EQ(parse_duration("+5s", kSecond), 5s);
    EXPECT_EQ(parse_size("-1kB"), -1024);
}

TEST(Quantity, WhatIsNoNumberIsRefused) {
    for (const char* text :
         {"", " ", "s", "abc", "-", "1.", ".5", "1..2", "1.5.2", "--1", "0x10", "nan", "inf", " 1"}) {
        const auto duration = parse_duration(text, kSecond);
        ASSERT_FALSE(duration.has_value()) << text;
        EXPECT_NE(duration.error(), QuantityError::TooLarge) << text;
    }
    EXPECT_EQ(parse_duration("1 2", kSecond).error(), QuantityError::NoNumber);
}

TEST(Quantity, UnitsOfAnotherKindOrCaseAreRefused) {
    for (const char* text : {"1m", "1S", "1sec", "1 minute", "5 s s", "1kB"}) {
        EXPECT_EQ(parse_duration(text, kSecond).error(), QuantityError::UnknownUnit) << text;
    }
    for (const char* text : {"1K", "1kb", "1KB", "1Mb", "1s"}) {
        EXPECT_EQ(parse_size(text).error(), QuantityError::UnknownUnit) << text;
    }
}

TEST(Quantity, PartsOfANanosecondOrByteAreRefused) {
    EXPECT_EQ(parse_duration("0.0001us", kSecond).error(), QuantityError::NotWhole);
    EXPECT_EQ(parse_size("0.5").error(), QuantityError::NotWhole);
    EXPECT_EQ(parse_size("0.3KiB").error(), QuantityError::NotWhole);
}

TEST(Quantity, OverflowIsRefusedAndTheLargestValueIsNot) {
    EXPECT_EQ(parse_duration("99999999999999999999s", kSecond).error(), QuantityError::TooLarge);
    EXPECT_EQ(parse_duration("9223372037s", kSecond).error(), QuantityError::TooLarge);
    EXPECT_EQ(parse_duration("-9223372037s", kSecond).error(), QuantityError::TooLarge);
    EXPECT_EQ(parse_duration("106752d", kSecond).error(), QuantityError::TooLarge);
    EXPECT_EQ(parse_duration("9223372036s", kSecond), seconds(9'223'372'036));
    EXPECT_EQ(parse_size("8388608TiB").error(), QuantityError::TooLarge);
    EXPECT_EQ(parse_size("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(parse_size("9223372036854775808").error(), QuantityError::TooLarge);
}

TEST(Quantity, TextIsInTheLargestUnitThatFits) {
    EXPECT_EQ(to_text(500ms), "500ms");
    EXPECT_EQ(to_text(120s), "2min");
    EXPECT_EQ(to_text(90s), "90s");
    EXPECT_EQ(to_text(48h), "2d");
    EXPECT_EQ(to_text(0s), "0");
    EXPECT_EQ(size_to_text(1 << 20), "1MiB");
    EXPECT_EQ(size_to_text(10'000), "10000");
    EXPECT_EQ(size_to_text(0), "0");
}

TEST(Quantity, TextIsReadBackAsTheSameValue) {
    for (const base::Duration duration : {base::Duration(1us), base::Duration(1500ms), base::Duration(36h)}) {
        EXPECT_EQ(parse_duration(to_text(duration), kSecond), duration);
    }
    for (const std::int64_t size : {1L, 1024L, 1536L, 1L << 40}) {
        EXPECT_EQ(parse_size(size_to_text(size)), size);
    }
}

}  // namespace
}  // namespace pgring::config
