/// The tracker against a cluster that does everything wrong at random: servers die, hang, restart as they
/// were, are promoted, cloned and rewound in any order, and the probes see it in any order. Whatever happens,
/// the promises hold.

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "watched_cluster.h"

namespace pgring::failover {
namespace {

using topology::Health;
using topology::Role;
using topology::Server;
using topology::ServerIndex;
using topology::Topology;

/// What a server really is.
struct ModelServer {
    bool alive = true;
    bool hung = false;
    bool in_recovery = true;
    std::uint32_t timeline = 1;
    std::uint64_t lsn = 1000;
};

class ModelCluster {
  public:
    ModelCluster(std::size_t server_count, base::Prng& prng) : servers_(server_count), prng_(prng) {
        servers_[prng_.below(server_count)].in_recovery = false;
    }

    /// One thing happens to one server.
    void disturb() {
        ModelServer& server = any();
        switch (prng_.below(8)) {
            case 0:
                server.alive = false;
                break;
            case 1:
            case 2:
                server.alive = true;
                server.hung = false;
                break;
            case 3:
                server.hung = !server.hung;
                break;
            case 4:
                promote(server);
                break;
            case 5:
                // Rewound to follow some other server.
                server = ModelServer{.timeline = any().timeline, .lsn = any().lsn};
                break;
            case 6:
                // Its standby.signal was removed: a primary without a new timeline.
                server.in_recovery = false;
                break;
            default:
                server.lsn += prng_.below(10'000);
                break;
        }
    }

    /// Ends all disputes as an operator does: one is promoted above all timelines that ever were (with a
    /// common archive PostgreSQL itself takes the next free number), and the others follow it.
    ServerIndex repair() {
        const std::size_t chosen = prng_.below(servers_.size());
        ++timeline_highest_;
        for (std::size_t i = 0; i < servers_.size(); ++i) {
            servers_[i] = ModelServer{.in_recovery = i != chosen, .timeline = timeline_highest_};
        }
        return ServerIndex{static_cast<std::uint16_t>(chosen)};
    }

    [[nodiscard]] const ModelServer& at(std::size_t i) const { return servers_[i]; }
    [[nodiscard]] std::size_t size() const { return servers_.size(); }

  private:
    ModelServer& any() { return servers_[prng_.below(servers_.size())]; }

    /// Two servers promoted apart both take the next number: the timelines are then equal.
    void promote(ModelServer& server) {
        if (server.in_recovery) {
            server.in_recovery = false;
            server.timeline += 1;
            timeline_highest_ = std::max(timeline_highest_, server.timeline);
        }
    }

    std::vector<ModelServer> servers_;
    std::uint32_t timeline_highest_ = 1;
    base::Prng& prng_;
};

/// Checks the promises from what the probes said alone, independently of how the tracker keeps it.
class Auditor {
  public:
    explicit Auditor(std::size_t server_count) : stale_(server_count, false), said_(server_count) {}

    void audit(const ProbeResult& result, const Observation& observation, const Topology& before,
               const Topology& after) {
        remember(result);
        const auto primaries = std::ranges::count(after.servers, Role::Primary, &Server::role);
        EXPECT_LE(primaries, 1);
        if (after.primary.has_value()) {
            const std::size_t primary = after.primary->value;
            EXPECT_FALSE(said_[primary]->in_recovery) << "a standby is announced as the primary";
            EXPECT_GE(said_[primary]->timeline, timeline_highest_) << "an old primary is announced";
            EXPECT_FALSE(stale_[primary]) << "a fenced primary is announced";
            EXPECT_EQ(after.servers[primary].health, Health::Up);
        }
        if (!result.outcome.has_value() && result.outcome.error() == ProbeFailure::Refused) {
            EXPECT_NE(after.primary, result.server) << "a server that refuses is announced";
        }
        EXPECT_EQ(after.generation, before.generation + (observation.topology != nullptr ? 1 : 0));
        if (observation.topology == nullptr) {
            EXPECT_EQ(after.primary, before.primary);
            EXPECT_TRUE(observation.events.empty());
        }
        if (before.primary.has_value() && after.primary.has_value() && before.primary != after.primary) {
            EXPECT_TRUE(deposed(before.primary->value)) << "the primary changed while the old one still held";
        }
    }

  private:
    void remember(const ProbeResult& result) {
        if (!result.outcome.has_value()) {
            return;
        }
        said_[result.server.value] = *result.outcome;
        timeline_highest_ = std::max(timeline_highest_, result.outcome->timeline);
        for (std::size_t i = 0; i < said_.size(); ++i) {
            if (!said_[i].has_value()) {
                continue;
            }
            if (said_[i]->in_recovery) {
                stale_[i] = false;
            } else if (said_[i]->timeline < timeline_highest_) {
                stale_[i] = true;
            } else if (i == result.server.value) {
                // On the highest timeline: by a promotion since, if it was stale before.
                stale_[i] = false;
            }
        }
    }

    [[nodiscard]] bool deposed(std::size_t server) const {
        return said_[server]->in_recovery || said_[server]->timeline < timeline_highest_;
    }

    std::uint32_t timeline_highest_ = 0;
    /// Claimed to be a primary below the highest timeline, and was not seen in recovery or promoted since.
    std::vector<bool> stale_;
    std::vector<std::optional<Sighting>> said_;
};

/// Whether a probe of a healthy server may go wrong by itself.
enum class Slips : std::uint8_t { Never, Sometimes };

ProbeResult probe(const ModelCluster& model, std::size_t index, Slips slips, base::Prng& prng) {
    const ModelServer& server = model.at(index);
    ProbeResult result{.server = ServerIndex{static_cast<std::uint16_t>(index)},
                       .outcome = std::unexpected(ProbeFailure::TimedOut)};
    if (!server.alive) {
        result.outcome = std::unexpected(ProbeFailure::Refused);
    } else if (!server.hung && (slips == Slips::Never || prng.chance(95))) {
        result.outcome = Sighting{.in_recovery = server.in_recovery,
                                  .timeline = server.timeline,
                                  .system_identifier = kOurSystem,
                                  .lsn = server.lsn};
    } else if (!server.hung) {
        constexpr std::array kSlips{ProbeFailure::Disconnected, ProbeFailure::TooManyConnections,
                                    ProbeFailure::Failed, ProbeFailure::NotAccepting};
        result.outcome = std::unexpected(kSlips[prng.below(kSlips.size())]);
    }
    return result;
}

/// A tracker, its cluster and its auditor, run by one seed.
class Trial {
  public:
    Trial(std::size_t server_count, std::uint64_t seed)
        : prng_(seed),
          model_(server_count, prng_),
          tracker_(make_servers(server_count), {.misses_max = 3}),
          auditor_(server_count) {}

    void disturb_and_probe(int steps) {
        for (int i = 0; i < steps; ++i) {
            if (prng_.chance(30)) {
                model_.disturb();
            }
            const std::size_t server = prng_.below(model_.size());
            observe(probe(model_, server, Slips::Sometimes, prng_));
        }
    }

    /// The primary that the tracker finds once the cluster is repaired and every server has answered.
    [[nodiscard]] std::pair<ServerIndex, std::optional<ServerIndex>> repair_and_probe() {
        const ServerIndex repaired = model_.repair();
        for (std::size_t server = 0; server < model_.size(); ++server) {
            observe(probe(model_, server, Slips::Never, prng_));
        }
        return {repaired, tracker_.snapshot()->primary};
    }

  private:
    void observe(const ProbeResult& result) {
        now_ += std::chrono::milliseconds(prng_.below(200));
        const auto before = tracker_.snapshot();
        const Observation observation = tracker_.observe(result, now_);
        auditor_.audit(result, observation, *before, *tracker_.snapshot());
    }

    base::Prng prng_;
    ModelCluster model_;
    Tracker tracker_;
    Auditor auditor_;
    base::Instant now_;
};

class TrackerProperties : public testing::TestWithParam<std::size_t> {};

TEST_P(TrackerProperties, HoldWhateverHappensAndAfterwardsTheRepairedPrimaryIsFound) {
    constexpr std::uint64_t kSeeds = 300;
    constexpr int kSteps = 400;
    for (std::uint64_t seed = 1; seed <= kSeeds && !HasFailure(); ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        Trial trial(GetParam(), seed);
        trial.disturb_and_probe(kSteps);
        const auto [repaired, found] = trial.repair_and_probe();
        EXPECT_EQ(found, repaired);
    }
}

INSTANTIATE_TEST_SUITE_P(ClustersOf, TrackerProperties, testing::Values(1, 2, 3, 5),
                         [](const auto& parameter) { return std::to_string(parameter.param); });

}  // namespace
}  // namespace pgring::failover
