#include "route/route.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace pgring::route {
namespace {

using topology::Freshness;
using topology::Health;
using topology::Role;
using topology::Server;
using topology::ServerIndex;
using topology::Topology;

constexpr std::uint64_t kSeed = 20261123;
constexpr int kDraws = 100'000;

/// Server 0 is the primary, the others are standbys of these weights.
Topology make_cluster(const std::vector<std::uint32_t>& standby_weights) {
    Topology topology;
    topology.servers.push_back(Server{.name = "primary", .role = Role::Primary, .health = Health::Up});
    for (const std::uint32_t weight : standby_weights) {
        topology.servers.push_back(
            Server{.name = "standby", .weight = weight, .role = Role::Standby, .health = Health::Up});
    }
    topology.primary = ServerIndex{0};
    return topology;
}

void lose_primary(Topology& topology) {
    topology.servers[0].health = Health::Down;
    topology.primary.reset();
}

std::expected<ServerIndex, Refusal> choose_once(const Topology& topology, Demand demand) {
    base::Prng prng(kSeed);
    const std::vector<std::uint32_t> idle(topology.servers.size(), 0);
    return choose(topology, demand, idle, prng);
}

/// How often each server is chosen for reads while `outstanding` stays as it is.
std::vector<int> count_choices(const Topology& topology, const std::vector<std::uint32_t>& outstanding) {
    base::Prng prng(kSeed);
    std::vector<int> counts(topology.servers.size(), 0);
    for (int i = 0; i < kDraws; ++i) {
        counts[choose(topology, Demand::PreferStandby, outstanding, prng)->value] += 1;
    }
    return counts;
}

/// Five standard deviations of a count with this probability: a right chooser fails once in two million.
double tolerance(double probability) {
    return 5 * std::sqrt(kDraws * probability * (1 - probability));
}

TEST(Route, WritesGoToThePrimary) {
    EXPECT_EQ(choose_once(make_cluster({1, 1}), Demand::Primary), ServerIndex{0});
}

TEST(Route, WritesAreRefusedWithoutAPrimary) {
    Topology topology = make_cluster({1});
    lose_primary(topology);
    EXPECT_EQ(choose_once(topology, Demand::Primary), std::unexpected(Refusal::NoPrimary));
}

TEST(Route, ReadsGoToAStandbyAndGoOnWithoutAPrimary) {
    Topology topology = make_cluster({1});
    EXPECT_EQ(choose_once(topology, Demand::PreferStandby), ServerIndex{1});
    lose_primary(topology);
    EXPECT_EQ(choose_once(topology, Demand::PreferStandby), ServerIndex{1});
    EXPECT_EQ(choose_once(topology, Demand::StandbyOnly), ServerIndex{1});
}

TEST(Route, ReadsFallBackToThePrimary) {
    EXPECT_EQ(choose_once(make_cluster({}), Demand::PreferStandby), ServerIndex{0});
}

TEST(Route, ReadonlySessionsNeverFallBackToThePrimary) {
    EXPECT_EQ(choose_once(make_cluster({}), Demand::StandbyOnly), std::unexpected(Refusal::NoStandby));
}

TEST(Route, ReadsWithNeitherStandbyNorPrimaryWaitForAPrimary) {
    Topology topology = make_cluster({});
    lose_primary(topology);
    EXPECT_EQ(choose_once(topology, Demand::PreferStandby), std::unexpected(Refusal::NoPrimary));
}

TEST(Route, AStandbyThatIsDownUnknownWeightlessLaggingOrFencedIsNotRead) {
    Topology topology = make_cluster({1});
    const Server good = topology.servers[1];
    ASSERT_TRUE(serves_reads(good));
    const auto expect_passed_over = [&](auto spoil, const char* what) {
        topology.servers[1] = good;
        spoil(topology.servers[1]);
        EXPECT_FALSE(serves_reads(topology.servers[1])) << what;
        EXPECT_EQ(choose_once(topology, Demand::StandbyOnly), std::unexpected(Refusal::NoStandby)) << what;
        EXPECT_EQ(choose_once(topology, Demand::PreferStandby), ServerIndex{0}) << what;
    };
    expect_passed_over([](Server& server) { server.health = Health::Down; }, "down");
    expect_passed_over([](Server& server) { server.health = Health::Unknown; }, "health unknown");
    expect_passed_over([](Server& server) { server.role = Role::Unknown; }, "role unknown");
    expect_passed_over([](Server& server) { server.role = Role::Stale; }, "fenced");
    expect_passed_over([](Server& server) { server.weight = 0; }, "weight 0");
    expect_passed_over([](Server& server) { server.freshness = Freshness::Lagging; }, "lagging");
}

TEST(Route, IdleStandbysShareByWeight) {
    const std::vector<int> counts = count_choices(make_cluster({1, 2, 5}), {0, 0, 0, 0});
    EXPECT_EQ(counts[0], 0);
    EXPECT_NEAR(counts[1], kDraws * 1 / 8, tolerance(1.0 / 8));
    EXPECT_NEAR(counts[2], kDraws * 2 / 8, tolerance(2.0 / 8));
    EXPECT_NEAR(counts[3], kDraws * 5 / 8, tolerance(5.0 / 8));
}

TEST(Route, StandbysEquallyBusyForTheirWeightShareByWeight) {
    const std::vector<int> counts = count_choices(make_cluster({1, 3}), {0, 10, 30});
    EXPECT_NEAR(counts[1], kDraws * 1 / 4, tolerance(1.0 / 4));
    EXPECT_NEAR(counts[2], kDraws * 3 / 4, tolerance(3.0 / 4));
}

TEST(Route, OfTwoStandbysTheLessBusyOneIsAlwaysTaken) {
    EXPECT_EQ(count_choices(make_cluster({1, 1}), {0, 4, 3}), (std::vector<int>{0, 0, kDraws}));
    EXPECT_EQ(count_choices(make_cluster({1, 1}), {0, 3, 4}), (std::vector<int>{0, kDraws, 0}));
}

TEST(Route, BusyIsMeasuredPerWeight) {
    EXPECT_EQ(count_choices(make_cluster({1, 4}), {0, 2, 7}), (std::vector<int>{0, 0, kDraws}));
    EXPECT_EQ(count_choices(make_cluster({1, 4}), {0, 2, 9}), (std::vector<int>{0, kDraws, 0}));
}

TEST(Route, TheBusiestOfThreeIsNeverTakenAndTheIdlestMost) {
    const std::vector<int> counts = count_choices(make_cluster({1, 1, 1}), {0, 30, 20, 10});
    EXPECT_EQ(counts[1], 0);
    EXPECT_NEAR(counts[2], kDraws / 3.0, tolerance(1.0 / 3)) << "only when the two busier ones are drawn";
    EXPECT_NEAR(counts[3], kDraws * 2 / 3.0, tolerance(2.0 / 3));
}

TEST(Route, ThePrimarysOwnWorkAndWeightDoNotMatterToReads) {
    Topology topology = make_cluster({1, 1});
    topology.servers[0].weight = 1'000'000;
    EXPECT_EQ(count_choices(topology, {0, 500, 600})[0], 0);
}

TEST(Route, LargestWeightsAndWorkDoNotOverflow) {
    constexpr std::uint32_t kMost = 0xffffffffU;
    EXPECT_EQ(count_choices(make_cluster({kMost, kMost}), {0, kMost, kMost - 1}),
              (std::vector<int>{0, 0, kDraws}));
}

TEST(Route, AClosedLoopSettlesOnWorkInProportionToWeights) {
    // 400 clients, each asking again as soon as an answer came; the servers are equally fast per unit of
    // weight.
    const Topology topology = make_cluster({1, 3});
    base::Prng prng(kSeed);
    std::vector<std::uint32_t> outstanding(3, 0);
    for (int i = 0; i < 400; ++i) {
        outstanding[choose(topology, Demand::PreferStandby, outstanding, prng)->value] += 1;
    }
    for (int i = 0; i < 20'000; ++i) {
        const std::size_t finished = prng.below(4) == 0 ? 1 : 2;
        if (outstanding[finished] == 0) {
            continue;
        }
        outstanding[finished] -= 1;
        outstanding[choose(topology, Demand::PreferStandby, outstanding, prng)->value] += 1;
    }
    EXPECT_NEAR(outstanding[1], 100, 2);
    EXPECT_NEAR(outstanding[2], 300, 2);
}

}  // namespace
}  // namespace pgring::route
