#include "failover/tracker.h"

#include <optional>

#include <gtest/gtest.h>

#include "watched_cluster.h"

namespace pgring::failover {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using topology::Fence;
using topology::Freshness;
using topology::Health;
using topology::Role;
using topology::ServerIndex;

using Events = std::vector<Event>;

constexpr std::optional<ServerIndex> kNobody = std::nullopt;

/// A settled pair: `a` is the primary, `b` its standby.
WatchedCluster make_pair_of_servers(Limits limits = {}) {
    WatchedCluster cluster(2, limits);
    static_cast<void>(cluster.primary(kA));
    static_cast<void>(cluster.standby(kB));
    return cluster;
}

TEST(Settling, NothingHasARoleBeforeEveryServerWasAsked) {
    WatchedCluster cluster(2);
    const Observation first = cluster.primary(kA);
    ASSERT_NE(first.topology, nullptr) << "that it is up is news";
    EXPECT_EQ(first.topology->primary, kNobody);
    EXPECT_EQ(cluster.server(kA).role, Role::Unknown);

    const Observation second = cluster.standby(kB);
    EXPECT_EQ(second.topology->primary, kA);
    EXPECT_EQ(second.events, (Events{{EventKind::PrimaryFound, kA}, {EventKind::StandbyFound, kB}}));
}

TEST(Settling, BesideAStalePrimaryTheOneNotYetAskedWins) {
    WatchedCluster cluster(2);
    EXPECT_EQ(cluster.primary(kA, {.timeline = 1}).topology->primary, kNobody);
    EXPECT_EQ(cluster.primary(kB, {.timeline = 2}).topology->primary, kB);
    EXPECT_EQ(cluster.server(kA).fence, Fence::OlderTimeline);
}

TEST(Settling, ARefusedServerIsNotWaitedFor) {
    WatchedCluster cluster(2);
    static_cast<void>(cluster.primary(kA));
    EXPECT_EQ(cluster.refuses(kB).topology->primary, kA);
}

TEST(Settling, AHangingServerIsWaitedForUntilItIsDown) {
    WatchedCluster cluster(2, {.misses_max = 3});
    static_cast<void>(cluster.primary(kA));
    static_cast<void>(cluster.fails(kB, ProbeFailure::TimedOut));
    static_cast<void>(cluster.fails(kB, ProbeFailure::TimedOut));
    EXPECT_EQ(cluster.topology().primary, kNobody);
    EXPECT_EQ(cluster.fails(kB, ProbeFailure::TimedOut).topology->primary, kA);
}

TEST(Settling, AServerThatStaysUnclearIsWaitedForNoLongerThanTheLimit) {
    WatchedCluster cluster(2, {.settle_max = seconds(5)});
    static_cast<void>(cluster.primary(kA));
    static_cast<void>(cluster.fails(kB, ProbeFailure::TooManyConnections));
    cluster.wait(seconds(4));
    static_cast<void>(cluster.primary(kA));
    EXPECT_EQ(cluster.topology().primary, kNobody);
    cluster.wait(seconds(1));
    static_cast<void>(cluster.primary(kA));
    EXPECT_EQ(cluster.topology().primary, kA);
}

TEST(Settling, BetweenTwoPrimariesOfOneTimelineNeitherIsTaken) {
    WatchedCluster cluster(2);
    static_cast<void>(cluster.primary(kA, {.timeline = 2}));
    const Observation both = cluster.primary(kB, {.timeline = 2});
    EXPECT_EQ(both.topology->primary, kNobody);
    EXPECT_EQ(both.events, (Events{{EventKind::PrimaryConflict, kA}, {EventKind::PrimaryConflict, kB}}));

    // The operator stops one of them.
    EXPECT_EQ(cluster.refuses(kA).topology->primary, kB);
    static_cast<void>(cluster.primary(kA, {.timeline = 2}));
    EXPECT_EQ(cluster.topology().primary, kB) << "now it is the one known";
}

TEST(Health, ARefusedConnectionIsBelievedAtOnce) {
    WatchedCluster cluster = make_pair_of_servers();
    const Observation lost = cluster.refuses(kA);
    ASSERT_NE(lost.topology, nullptr);
    EXPECT_EQ(lost.topology->primary, kNobody);
    EXPECT_EQ(lost.events, (Events{{EventKind::PrimaryLost, kA}}));
}

TEST(Health, AServerThatSaysItTakesNoConnectionsIsDown) {
    WatchedCluster cluster = make_pair_of_servers();
    EXPECT_EQ(cluster.fails(kA, ProbeFailure::NotAccepting).topology->primary, kNobody);
    EXPECT_EQ(cluster.server(kA).health, Health::Down);
}

TEST(Health, OneBrokenConnectionIsNoFailure) {
    WatchedCluster cluster = make_pair_of_servers();
    EXPECT_EQ(cluster.fails(kA, ProbeFailure::Disconnected).topology, nullptr);
    EXPECT_EQ(cluster.primary(kA).topology, nullptr);
    EXPECT_EQ(cluster.topology().primary, kA);
}

TEST(Health, MissesInARowTakeAServerDown) {
    WatchedCluster cluster = make_pair_of_servers({.misses_max = 3});
    EXPECT_EQ(cluster.fails(kA, ProbeFailure::TimedOut).topology, nullptr);
    EXPECT_EQ(cluster.fails(kA, ProbeFailure::Failed).topology, nullptr);
    EXPECT_EQ(cluster.fails(kA, ProbeFailure::AuthenticationFailed).events,
              (Events{{EventKind::PrimaryLost, kA}}));
}

TEST(Health, AnAnswerForgivesEarlierMisses) {
    WatchedCluster cluster = make_pair_of_servers({.misses_max = 2});
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(cluster.fails(kA, ProbeFailure::TimedOut).topology, nullptr);
        EXPECT_EQ(cluster.primary(kA).topology, nullptr);
    }
}

TEST(Health, AFullServerStaysWhatItWas) {
    WatchedCluster cluster = make_pair_of_servers({.misses_max = 1});
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(cluster.fails(kA, ProbeFailure::TooManyConnections).topology, nullptr);
    }
    EXPECT_EQ(cluster.topology().primary, kA);
}

TEST(Health, ReadsGoOnWithoutAPrimary) {
    WatchedCluster cluster = make_pair_of_servers();
    static_cast<void>(cluster.refuses(kA));
    EXPECT_EQ(cluster.server(kB).role, Role::Standby);
    EXPECT_EQ(cluster.server(kB).health, Health::Up);
}

TEST(Health, ALostStandbyLeavesThePrimaryAlone) {
    WatchedCluster cluster = make_pair_of_servers();
    const Observation lost = cluster.refuses(kB);
    EXPECT_EQ(lost.events, (Events{{EventKind::StandbyLost, kB}}));
    EXPECT_EQ(lost.topology->primary, kA);
    EXPECT_EQ(cluster.standby(kB).events, (Events{{EventKind::StandbyFound, kB}}));
}

TEST(Health, AServerThatNeverAnsweredIsReportedDownOnce) {
    WatchedCluster cluster(3);
    static_cast<void>(cluster.primary(kA));
    static_cast<void>(cluster.standby(kB));
    EXPECT_EQ(
        cluster.refuses(kC).events,
        (Events{{EventKind::ServerDown, kC}, {EventKind::PrimaryFound, kA}, {EventKind::StandbyFound, kB}}));
    EXPECT_EQ(cluster.refuses(kC).topology, nullptr);
}

TEST(Failover, APromotedStandbyIsThePrimaryAtOnce) {
    WatchedCluster cluster = make_pair_of_servers();
    static_cast<void>(cluster.refuses(kA));
    const Observation promoted = cluster.primary(kB, {.timeline = 2});
    EXPECT_EQ(promoted.topology->primary, kB);
    EXPECT_EQ(promoted.events, (Events{{EventKind::PrimaryFound, kB}}));
    EXPECT_EQ(cluster.server(kA).role, Role::Stale);
}

TEST(Failover, APromotionBesideALivingPrimaryDeposesIt) {
    WatchedCluster cluster = make_pair_of_servers();
    const Observation promoted = cluster.primary(kB, {.timeline = 2});
    EXPECT_EQ(promoted.topology->primary, kB);
    EXPECT_EQ(promoted.events, (Events{{EventKind::PrimaryLost, kA},
                                       {EventKind::StalePrimaryFenced, kA},
                                       {EventKind::PrimaryFound, kB}}));
}

TEST(Failover, ThePrimaryRestartedBeforeAnyPromotionIsThePrimaryAgain) {
    WatchedCluster cluster = make_pair_of_servers();
    static_cast<void>(cluster.refuses(kA));
    static_cast<void>(cluster.standby(kB));
    const Observation back = cluster.primary(kA);
    EXPECT_EQ(back.topology->primary, kA);
    EXPECT_EQ(back.events, (Events{{EventKind::PrimaryFound, kA}}));
}

TEST(Failover, AStandbyThatKnowsOfAHigherTimelineIsBelievedBeforeTheNewPrimaryIsSeen) {
    WatchedCluster cluster(3);
    static_cast<void>(cluster.primary(kA, {.timeline = 1}));
    static_cast<void>(cluster.standby(kC, {.timeline = 2}));
    static_cast<void>(cluster.refuses(kB));
    EXPECT_EQ(cluster.topology().primary, kNobody);
    EXPECT_EQ(cluster.server(kA).fence, Fence::OlderTimeline);
    static_cast<void>(cluster.primary(kB, {.timeline = 2}));
    EXPECT_EQ(cluster.topology().primary, kB);
}

TEST(Failover, ThePrimaryThatStepsDownLeavesNoPrimary) {
    WatchedCluster cluster = make_pair_of_servers();
    const Observation demoted = cluster.standby(kA);
    EXPECT_EQ(demoted.topology->primary, kNobody);
    EXPECT_EQ(demoted.events, (Events{{EventKind::PrimaryLost, kA}, {EventKind::StandbyFound, kA}}));
    EXPECT_EQ(cluster.primary(kB, {.timeline = 2}).topology->primary, kB);
    EXPECT_EQ(cluster.server(kA).role, Role::Standby);
}

TEST(StalePrimary, TheOldPrimaryThatComesBackIsFencedLoudly) {
    WatchedCluster cluster = make_pair_of_servers();
    static_cast<void>(cluster.refuses(kA));
    static_cast<void>(cluster.primary(kB, {.timeline = 2}));
    const Observation back = cluster.primary(kA, {.timeline = 1, .lsn = 999'999});
    EXPECT_EQ(back.topology->primary, kB) << "its higher position proves nothing";
    EXPECT_EQ(back.events, (Events{{EventKind::StalePrimaryFenced, kA}}));
}

TEST(StalePrimary, ItIsReportedAgainEachTimeItComesBack) {
    WatchedCluster cluster = make_pair_of_servers();
    static_cast<void>(cluster.primary(kB, {.timeline = 2}));
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(cluster.refuses(kA).events, (Events{{EventKind::ServerDown, kA}}));
        EXPECT_EQ(cluster.primary(kA).events, (Events{{EventKind::StalePrimaryFenced, kA}}));
        EXPECT_EQ(cluster.primary(kA).topology, nullptr);
    }
}

TEST(StalePrimary, ItDoesNotInheritWhenTheNewPrimaryDies) {
    WatchedCluster cluster = make_pair_of_servers();
    static_cast<void>(cluster.refuses(kA));
    static_cast<void>(cluster.primary(kB, {.timeline = 2}));
    static_cast<void>(cluster.refuses(kB));
    static_cast<void>(cluster.primary(kA, {.timeline = 1}));
    EXPECT_EQ(cluster.topology().primary, kNobody);
    EXPECT_EQ(cluster.server(kA).role, Role::Stale);
}

TEST(StalePrimary, ReappearingAsAStandbyFreesIt) {
    WatchedCluster cluster = make_pair_of_servers();
    static_cast<void>(cluster.refuses(kA));
    static_cast<void>(cluster.primary(kB, {.timeline = 2}));
    static_cast<void>(cluster.primary(kA, {.timeline = 1}));
    EXPECT_EQ(cluster.standby(kA, {.timeline = 2}).events, (Events{{EventKind::StandbyFound, kA}}));
    static_cast<void>(cluster.refuses(kB));
    EXPECT_EQ(cluster.primary(kA, {.timeline = 3}).topology->primary, kA);
}

TEST(PrimaryConflict, TheKnownPrimaryIsKept) {
    WatchedCluster cluster = make_pair_of_servers();
    const Observation second = cluster.primary(kB, {.timeline = 1});
    EXPECT_EQ(second.topology->primary, kA);
    EXPECT_EQ(second.events, (Events{{EventKind::StandbyLost, kB}, {EventKind::PrimaryConflict, kB}}));
    EXPECT_EQ(cluster.server(kB).fence, Fence::SameTimeline);
}

TEST(PrimaryConflict, TheRivalDoesNotInheritWhenTheKnownPrimaryDies) {
    WatchedCluster cluster = make_pair_of_servers();
    static_cast<void>(cluster.primary(kB, {.timeline = 1}));
    static_cast<void>(cluster.refuses(kA));
    static_cast<void>(cluster.primary(kB, {.timeline = 1}));
    EXPECT_EQ(cluster.topology().primary, kNobody);
    EXPECT_EQ(cluster.primary(kA).topology->primary, kA);
}

TEST(PrimaryConflict, EndsWhenTheKnownPrimaryBecomesAStandby) {
    WatchedCluster cluster = make_pair_of_servers();
    static_cast<void>(cluster.primary(kB, {.timeline = 1}));
    EXPECT_EQ(cluster.standby(kA).topology->primary, kB);
    EXPECT_EQ(cluster.server(kA).role, Role::Standby);
}

TEST(PrimaryConflict, EndsWhenTheRivalBecomesAStandby) {
    WatchedCluster cluster = make_pair_of_servers();
    static_cast<void>(cluster.primary(kB, {.timeline = 1}));
    EXPECT_EQ(cluster.standby(kB).events, (Events{{EventKind::StandbyFound, kB}}));
    static_cast<void>(cluster.refuses(kA));
    EXPECT_EQ(cluster.primary(kB, {.timeline = 1}).topology->primary, kB) << "nothing is held against it";
}

TEST(PrimaryConflict, ACopyThatTakesOverADeadPrimarysDiskIsFollowed) {
    WatchedCluster cluster(2);
    static_cast<void>(cluster.primary(kA));
    static_cast<void>(cluster.refuses(kB));
    static_cast<void>(cluster.refuses(kA));
    EXPECT_EQ(cluster.primary(kB, {.timeline = 1}).topology->primary, kB);
    const Observation back = cluster.primary(kA);
    EXPECT_EQ(back.topology->primary, kB);
    EXPECT_EQ(back.events, (Events{{EventKind::PrimaryConflict, kA}}));
}

TEST(OtherSystem, AServerOfAnotherClusterIsFencedWhateverItsTimeline) {
    WatchedCluster cluster(3);
    static_cast<void>(cluster.primary(kA));
    static_cast<void>(cluster.standby(kB));
    const Observation foreign = cluster.primary(kC, {.timeline = 9, .system_identifier = kOtherSystem});
    EXPECT_EQ(foreign.topology->primary, kA);
    EXPECT_EQ(cluster.server(kC).fence, Fence::OtherSystem);
    EXPECT_EQ(foreign.events.front(), (Event{EventKind::SystemMismatch, kC}));
}

TEST(OtherSystem, AStandbyOfAnotherClusterTakesNoReads) {
    WatchedCluster cluster(3);
    static_cast<void>(cluster.primary(kA));
    static_cast<void>(cluster.standby(kB));
    static_cast<void>(cluster.standby(kC, {.system_identifier = kOtherSystem}));
    EXPECT_EQ(cluster.server(kC).role, Role::Stale);
}

TEST(OtherSystem, MostServersDecideWhichSystemIsOurs) {
    WatchedCluster cluster(3);
    static_cast<void>(cluster.primary(kA, {.system_identifier = kOtherSystem}));
    static_cast<void>(cluster.primary(kB));
    static_cast<void>(cluster.standby(kC));
    EXPECT_EQ(cluster.topology().primary, kB);
    EXPECT_EQ(cluster.server(kA).fence, Fence::OtherSystem);
}

TEST(OtherSystem, OnATieTheSystemWithAPrimaryIsOurs) {
    WatchedCluster cluster(2);
    static_cast<void>(cluster.standby(kA, {.system_identifier = kOtherSystem}));
    static_cast<void>(cluster.primary(kB));
    EXPECT_EQ(cluster.topology().primary, kB);
}

TEST(OtherSystem, AClusterReplacedServerByServerIsAdoptedWithTheLast) {
    WatchedCluster cluster(2);
    static_cast<void>(cluster.primary(kA, {.timeline = 5}));
    static_cast<void>(cluster.standby(kB, {.timeline = 5}));
    static_cast<void>(cluster.primary(kA, {.timeline = 1, .system_identifier = kOtherSystem}));
    EXPECT_EQ(cluster.topology().primary, kNobody);
    EXPECT_EQ(cluster.server(kB).role, Role::Standby);
    static_cast<void>(cluster.standby(kB, {.timeline = 1, .system_identifier = kOtherSystem}));
    EXPECT_EQ(cluster.topology().primary, kA) << "the old system's timeline 5 means nothing here";
}

TEST(Lag, PositionsAloneAreNoNews) {
    WatchedCluster cluster = make_pair_of_servers();
    const std::uint64_t generation = cluster.topology().generation;
    EXPECT_EQ(cluster.primary(kA, {.lsn = 5000}).topology, nullptr);
    EXPECT_EQ(cluster.standby(kB, {.lsn = 4000}).topology, nullptr);
    EXPECT_EQ(cluster.topology().generation, generation);
    EXPECT_EQ(cluster.server(kA).lsn, 5000U);
    EXPECT_EQ(cluster.server(kB).lag_bytes, 1000U);
}

TEST(Lag, PastTheLimitAStandbyLagsUntilItIsBackUnderHalf) {
    WatchedCluster cluster = make_pair_of_servers({.lag_bytes_max = 1000});
    static_cast<void>(cluster.primary(kA, {.lsn = 10'000}));
    EXPECT_EQ(cluster.standby(kB, {.lsn = 9000}).topology, nullptr) << "at the limit is within it";
    EXPECT_EQ(cluster.standby(kB, {.lsn = 8999}).events, (Events{{EventKind::StandbyLagging, kB}}));
    EXPECT_EQ(cluster.standby(kB, {.lsn = 9499}).topology, nullptr);
    EXPECT_EQ(cluster.server(kB).freshness, Freshness::Lagging);
    EXPECT_EQ(cluster.standby(kB, {.lsn = 9500}).events, (Events{{EventKind::StandbyCaughtUp, kB}}));
}

TEST(Lag, WithoutALimitNoStandbyLags) {
    WatchedCluster cluster = make_pair_of_servers({.lag_bytes_max = 0});
    static_cast<void>(cluster.primary(kA, {.lsn = 1'000'000'000'000}));
    EXPECT_EQ(cluster.standby(kB, {.lsn = 1}).topology, nullptr);
    EXPECT_EQ(cluster.server(kB).freshness, Freshness::Fresh);
}

TEST(Lag, AStandbyAheadOfThePrimarysLastAnswerHasNone) {
    WatchedCluster cluster = make_pair_of_servers();
    static_cast<void>(cluster.standby(kB, {.lsn = 2000}));
    EXPECT_EQ(cluster.server(kB).lag_bytes, 0U);
}

TEST(Lag, WithoutAPrimaryItIsMeasuredAgainstTheLastPositionKnown) {
    WatchedCluster cluster = make_pair_of_servers();
    static_cast<void>(cluster.primary(kA, {.lsn = 3000}));
    static_cast<void>(cluster.refuses(kA));
    static_cast<void>(cluster.standby(kB, {.lsn = 2500}));
    EXPECT_EQ(cluster.server(kB).lag_bytes, 500U);
}

TEST(Lag, ThePromotedStandbyHasNone) {
    WatchedCluster cluster = make_pair_of_servers({.lag_bytes_max = 10});
    static_cast<void>(cluster.primary(kA, {.lsn = 3000}));
    static_cast<void>(cluster.standby(kB, {.lsn = 2500}));
    static_cast<void>(cluster.primary(kB, {.timeline = 2, .lsn = 2600}));
    EXPECT_EQ(cluster.server(kB).lag_bytes, 0U);
    EXPECT_EQ(cluster.server(kB).freshness, Freshness::Fresh);
}

TEST(Generation, GrowsByOneWithEachTopologyAnnounced) {
    WatchedCluster cluster(2);
    std::uint64_t generation = cluster.topology().generation;
    EXPECT_EQ(generation, 0U);
    for (const Observation& seen : {cluster.primary(kA), cluster.standby(kB), cluster.refuses(kA),
                                    cluster.primary(kB, {.timeline = 2})}) {
        ASSERT_NE(seen.topology, nullptr);
        EXPECT_EQ(seen.topology->generation, ++generation);
    }
}

TEST(Generation, APublishedTopologyNeverChanges) {
    WatchedCluster cluster(2);
    static_cast<void>(cluster.primary(kA));
    const auto published = cluster.standby(kB).topology;
    static_cast<void>(cluster.refuses(kA));
    static_cast<void>(cluster.primary(kB, {.timeline = 2}));
    EXPECT_EQ(published->primary, kA);
    EXPECT_EQ(published->server(kB).role, Role::Standby);
}

TEST(ProbePause, IsThePeriodWhileAllIsWell) {
    const WatchedCluster cluster = make_pair_of_servers({.probe_period = seconds(1)});
    EXPECT_EQ(cluster.pause(kA), seconds(1));
    EXPECT_EQ(cluster.pause(kB), seconds(1));
}

TEST(ProbePause, AMissMakesTheNextProbeEager) {
    WatchedCluster cluster = make_pair_of_servers();
    static_cast<void>(cluster.fails(kB, ProbeFailure::TimedOut));
    EXPECT_EQ(cluster.pause(kB), milliseconds(50));
    EXPECT_EQ(cluster.pause(kA), seconds(1));
}

TEST(ProbePause, AStandbyIsWatchedEagerlyAsLongAsThereIsNoPrimary) {
    WatchedCluster cluster = make_pair_of_servers();
    static_cast<void>(cluster.refuses(kA));
    cluster.wait(std::chrono::minutes(10));
    EXPECT_EQ(cluster.pause(kB), milliseconds(50));
}

TEST(ProbePause, ADeadServerIsAskedEagerlyOnlyForAWhile) {
    WatchedCluster cluster = make_pair_of_servers({.eager_max = seconds(10)});
    static_cast<void>(cluster.refuses(kA));
    EXPECT_EQ(cluster.pause(kA), milliseconds(50));
    cluster.wait(seconds(11));
    static_cast<void>(cluster.refuses(kA));
    EXPECT_EQ(cluster.pause(kA), seconds(1));
}

TEST(ProbePause, APeriodShorterThanTheEagerOneHolds) {
    WatchedCluster cluster = make_pair_of_servers({.probe_period = milliseconds(10)});
    static_cast<void>(cluster.fails(kA, ProbeFailure::TimedOut));
    EXPECT_EQ(cluster.pause(kA), milliseconds(10));
}

}  // namespace
}  // namespace pgring::failover
