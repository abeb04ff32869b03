#include "config/nearest.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace pgring::config {
namespace {

TEST(Nearest, DistanceCountsSingleSlips) {
    EXPECT_EQ(edit_distance("", ""), 0U);
    EXPECT_EQ(edit_distance("port", "port"), 0U);
    EXPECT_EQ(edit_distance("", "port"), 4U);
    EXPECT_EQ(edit_distance("prt", "port"), 1U);
    EXPECT_EQ(edit_distance("poort", "port"), 1U);
    EXPECT_EQ(edit_distance("pert", "port"), 1U);
    EXPECT_EQ(edit_distance("prot", "port"), 1U);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(Nearest, ClosestCandidateWins) {
    constexpr std::array<std::string_view, 3> kNames{"tcp_keepidle", "tcp_keepintvl", "tcp_keepcnt"};
    EXPECT_EQ(nearest("tcp_keep_idle", kNames, 3), "tcp_keepidle");
    EXPECT_EQ(nearest("tcp_keepinvtl", kNames, 3), "tcp_keepintvl");
}

TEST(Nearest, FirstOfEquallyCloseCandidatesWins) {
    constexpr std::array<std::string_view, 2> kNames{"ports", "porty"};
    EXPECT_EQ(nearest("portx", kNames, 3), "ports");
}

TEST(Nearest, FarAndShortNamesAreNoGuess) {
    constexpr std::array<std::string_view, 2> kNames{"host", "port"};
    EXPECT_EQ(nearest("weight", kNames, 3), std::nullopt);
    EXPECT_EQ(nearest("xy", kNames, 3), std::nullopt);
    EXPECT_EQ(nearest("", kNames, 3), std::nullopt);
    EXPECT_EQ(nearest(std::string(100'000, 'x'), kNames, 3), std::nullopt);
}

}  // namespace
}  // namespace pgring::config
