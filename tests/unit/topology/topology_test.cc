#include "topology/topology.h"

#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "topology/publication.h"

namespace pgring::topology {
namespace {

const std::vector<ServerIdentity> kPair{
    {.name = "pg-0", .address = {.host = "10.0.0.1", .port = 5432}},
    {.name = "pg-1", .address = {.host = "/run/postgresql"}, .weight = 3}};

Topology make_working_pair() {
    Topology topology = make_unknown_topology(kPair);
    topology.servers[0].role = Role::Primary;
    topology.servers[0].health = Health::Up;
    topology.servers[1].role = Role::Standby;
    topology.servers[1].health = Health::Up;
    topology.primary = ServerIndex{0};
    return topology;
}

TEST(Topology, BeforeTheFirstProbeKnowsNamesAndNothingElse) {
    const Topology topology = make_unknown_topology(kPair);
    EXPECT_EQ(topology.generation, 0U);
    EXPECT_EQ(topology.primary, std::nullopt);
    ASSERT_EQ(topology.server_count(), 2U);
    EXPECT_EQ(topology.servers[1].name, "pg-1");
    EXPECT_EQ(topology.servers[1].weight, 3U);
    EXPECT_EQ(topology.servers[1].role, Role::Unknown);
    EXPECT_EQ(topology.servers[1].health, Health::Unknown);
}

TEST(Topology, FindsAServerByItsName) {
    const Topology topology = make_unknown_topology(kPair);
    EXPECT_EQ(topology.find("pg-1"), ServerIndex{1});
    EXPECT_EQ(topology.find("pg-2"), std::nullopt);
}

TEST(Address, IsAUnixSocketIfItsHostIsADirectory) {
    EXPECT_FALSE(kPair[0].address.is_unix_socket());
    EXPECT_TRUE(kPair[1].address.is_unix_socket());
}

TEST(TopologyDeathTest, APrimaryThatIsDownBreaksTheContract) {
    Topology topology = make_working_pair();
    topology.check_invariants();
    topology.servers[0].health = Health::Down;
    EXPECT_DEATH(topology.check_invariants(), "broken contract");
}

TEST(TopologyDeathTest, TwoPrimariesBreakTheContract) {
    Topology topology = make_working_pair();
    topology.servers[1].role = Role::Primary;
    EXPECT_DEATH(topology.check_invariants(), "broken contract");
}

TEST(TopologyDeathTest, AStaleServerWithoutAFenceBreaksTheContract) {
    Topology topology = make_working_pair();
    topology.servers[1].role = Role::Stale;
    EXPECT_DEATH(topology.check_invariants(), "broken contract");
}

TEST(Publication, GivesWhatWasPublishedLast) {
    Publication publication(std::make_shared<const Topology>(make_unknown_topology(kPair)));
    EXPECT_EQ(publication.current()->generation, 0U);
    Topology next = make_working_pair();
    next.generation = 1;
    publication.publish(std::make_shared<const Topology>(next));
    EXPECT_EQ(publication.current()->generation, 1U);
    EXPECT_EQ(publication.current()->primary, ServerIndex{0});
}

TEST(Publication, ATopologyOutlivesItsReplacementAsLongAsItIsHeld) {
    Publication publication(std::make_shared<const Topology>(make_working_pair()));
    const std::shared_ptr<const Topology> held = publication.current();
    publication.publish(std::make_shared<const Topology>(make_unknown_topology(kPair)));
    EXPECT_EQ(held->primary, ServerIndex{0});
    EXPECT_EQ(held.use_count(), 1);
}

TEST(PublicationDeathTest, AnOlderGenerationBreaksTheContract) {
    Topology first = make_working_pair();
    first.generation = 2;
    Publication publication(std::make_shared<const Topology>(first));
    EXPECT_DEATH(publication.publish(std::make_shared<const Topology>(make_working_pair())),
                 "broken contract");
}

TEST(Publication, ReadersInOtherThreadsSeeGenerationsOnlyGrow) {
    constexpr std::uint64_t kGenerations = 2000;
    Publication publication(std::make_shared<const Topology>(make_working_pair()));
    const auto read_to_the_end = [&publication] {
        std::uint64_t seen = 0;
        while (seen < kGenerations) {
            const std::shared_ptr<const Topology> topology = publication.current();
            ASSERT_GE(topology->generation, seen);
            ASSERT_EQ(topology->servers.size(), 2U);
            seen = topology->generation;
        }
    };
    std::jthread first_reader(read_to_the_end);
    std::jthread second_reader(read_to_the_end);
    for (std::uint64_t generation = 1; generation <= kGenerations; ++generation) {
        Topology next = make_working_pair();
        next.generation = generation;
        publication.publish(std::make_shared<const Topology>(std::move(next)));
    }
}

}  // namespace
}  // namespace pgring::topology
