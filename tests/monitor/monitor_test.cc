#include "monitor/monitor.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fake_server.h"

namespace pgring::monitor {
namespace {

using failover::Sighting;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using topology::Fence;
using topology::Health;
using topology::Role;
using topology::ServerIndex;
using topology::Topology;
using Manner = FakeServer::Manner;

constexpr Sighting kPrimary{.in_recovery = false, .timeline = 1, .system_identifier = 42, .lsn = 1000};
constexpr Sighting kStandby{.in_recovery = true, .timeline = 1, .system_identifier = 42, .lsn = 900};
constexpr Sighting kPromoted{.in_recovery = false, .timeline = 2, .system_identifier = 42, .lsn = 1000};

/// Longer than anything here should take on a busy machine; only a failing test waits for it.
constexpr seconds kPatience{20};

/// A log of event names that can be waited for.
class Journal final : public base::LogSink {
  public:
    void write(base::LogLevel /*level*/, std::string_view event,
               std::span<const base::LogField> fields) override {
        const std::scoped_lock lock(mutex_);
        std::string line(event);
        for (const base::LogField& field : fields) {
            if (field.key == "server" || field.key == "failure") {
                line.append(" ").append(std::get<std::string_view>(field.value));
            }
        }
        lines_.push_back(line);
    }

    [[nodiscard]] bool has(std::string_view line) const {
        const std::scoped_lock lock(mutex_);
        return std::ranges::find(lines_, line) != lines_.end();
    }

  private:
    mutable std::mutex mutex_;
    std::vector<std::string> lines_;
};

/// A monitor of some servers, and a way to wait for what it publishes.
class Watch {
  public:
    explicit Watch(MonitorOptions options)
        : publication_(std::make_shared<const Topology>(topology::make_unknown_topology(options.servers))),
          monitor_(complete(std::move(options)), publication_, journal_, [this] { changed_.notify_all(); }) {}

    /// Whether `condition` became true of the published topology in time.
    [[nodiscard]] bool sees(const std::function<bool(const Topology&)>& condition) {
        std::unique_lock lock(mutex_);
        const auto deadline = std::chrono::steady_clock::now() + kPatience;
        while (!condition(*publication_.current())) {
            if (std::chrono::steady_clock::now() >= deadline) {
                return false;
            }
            // The notification may come between the look and the wait, and figures change without one.
            changed_.wait_for(lock, milliseconds(5));
        }
        return true;
    }
    [[nodiscard]] bool sees_primary(std::optional<ServerIndex> expected) {
        return sees([expected](const Topology& topology) { return topology.primary == expected; });
    }
    [[nodiscard]] bool sees_health(ServerIndex index, Health expected) {
        return sees([=](const Topology& topology) { return topology.server(index).health == expected; });
    }

    Monitor& monitor() { return monitor_; }
    const Journal& journal() const { return journal_; }

  private:
    static MonitorOptions complete(MonitorOptions options) {
        options.user = "probe";
        return options;
    }

    Journal journal_;
    topology::Publication publication_;
    std::mutex mutex_;
    std::condition_variable changed_;
    Monitor monitor_;
};

constexpr ServerIndex kA{0};
constexpr ServerIndex kB{1};

TEST(Monitor, FindsThePrimaryAndItsStandby) {
    const FakeServer a(kPrimary);
    const FakeServer b(kStandby);
    Watch watch({.servers = {a.identity("a"), b.identity("b")}});
    ASSERT_TRUE(watch.sees_primary(kA));
    ASSERT_TRUE(
        watch.sees([](const Topology& topology) { return topology.server(kB).role == Role::Standby; }));
    EXPECT_TRUE(watch.journal().has("primary_found a"));
    EXPECT_TRUE(watch.journal().has("standby_found b"));
}

TEST(Monitor, KeepsItsConnection) {
    const FakeServer a(kPrimary);
    const Watch watch(
        {.servers = {a.identity("a")}, .probe_period = milliseconds(1), .probe_timeout = kPatience});
    while (a.query_count() < 20) {
        std::this_thread::yield();
    }
    EXPECT_EQ(a.connection_count(), 1U);
}

TEST(Monitor, PublishesFreshPositionsWithinAGeneration) {
    FakeServer a(kPrimary);
    Watch watch({.servers = {a.identity("a")}, .probe_period = milliseconds(1), .probe_timeout = kPatience});
    ASSERT_TRUE(watch.sees_primary(kA));
    Sighting later = kPrimary;
    later.lsn = 5000;
    a.set(later);
    EXPECT_TRUE(watch.sees([](const Topology& topology) { return topology.server(kA).lsn == 5000; }));
}

TEST(Monitor, ARefusingPortIsDown) {
    const FakeServer a(kPrimary);
    Watch watch({.servers = {a.identity("a"), make_refusing_server("b")}});
    EXPECT_TRUE(watch.sees_primary(kA));
    EXPECT_TRUE(watch.sees_health(kB, Health::Down));
    EXPECT_TRUE(watch.journal().has("probe_failed b refused"));
}

TEST(Monitor, AMissingUnixSocketIsDown) {
    const FakeServer a(kPrimary);
    Watch watch({.servers = {a.identity("a"), {.name = "b", .address = {.host = "/nonexistent"}}}});
    EXPECT_TRUE(watch.sees_health(kB, Health::Down));
    EXPECT_TRUE(watch.journal().has("probe_failed b refused"));
}

TEST(Monitor, ANameIsLookedUp) {
    const FakeServer a(kPrimary);
    topology::ServerIdentity named = a.identity("a");
    named.address.host = "localhost";
    Watch watch({.servers = {named}, .probe_timeout = seconds(5)});
    EXPECT_TRUE(watch.sees_primary(kA));
}

TEST(Monitor, ANameThatDoesNotExistIsDownAfterAllRetries) {
    Watch watch({.servers = {{.name = "a", .address = {.host = "no-such-host.invalid"}}},
                 .probe_timeout = milliseconds(100)});
    EXPECT_TRUE(watch.sees_health(kA, Health::Down));
}

TEST(Monitor, AServerThatTakesNoConnectionsIsDown) {
    FakeServer a(kPrimary);
    a.set(Manner::RefuseLogin, "57P03");
    Watch watch({.servers = {a.identity("a")}, .misses_max = 1000});
    EXPECT_TRUE(watch.sees_health(kA, Health::Down));
    EXPECT_TRUE(watch.journal().has("probe_failed a not_accepting"));
    a.set(Manner::Answer);
    EXPECT_TRUE(watch.sees_primary(kA));
}

TEST(Monitor, AWrongPasswordIsSaidAndIsDownAfterAllRetries) {
    FakeServer a(kPrimary);
    a.set(Manner::RefuseLogin, "28P01");
    Watch watch({.servers = {a.identity("a")}});
    EXPECT_TRUE(watch.sees_health(kA, Health::Down));
    EXPECT_TRUE(watch.journal().has("probe_failed a authentication_failed"));
}

TEST(Monitor, AServerThatHangsUpIsDownAfterAllRetries) {
    FakeServer a(kPrimary);
    a.set(Manner::HangUp);
    Watch watch({.servers = {a.identity("a")}});
    EXPECT_TRUE(watch.sees_health(kA, Health::Down));
    EXPECT_TRUE(watch.journal().has("probe_failed a disconnected"));
}

TEST(Monitor, ABrokenQueryIsDownAfterAllRetries) {
    FakeServer a(kPrimary);
    a.set(Manner::RefuseQuery, "42501");
    Watch watch({.servers = {a.identity("a")}});
    EXPECT_TRUE(watch.sees_health(kA, Health::Down));
    EXPECT_TRUE(watch.journal().has("probe_failed a failed"));
}

TEST(Monitor, AHangingServerIsDownAndDelaysNobody) {
    FakeServer a(kPrimary);
    FakeServer b(kStandby);
    Watch watch({.servers = {a.identity("a"), b.identity("b")},
                 .probe_period = milliseconds(10),
                 .probe_timeout = milliseconds(300)});
    ASSERT_TRUE(watch.sees_primary(kA));
    b.set(Manner::Silence);
    const std::uint64_t before = a.query_count();
    ASSERT_TRUE(watch.sees_health(kB, Health::Down));
    // Three deadlines of 300 ms passed; a loop that waited for b would have asked a a handful of times.
    EXPECT_GT(a.query_count(), before + 20);
    EXPECT_TRUE(watch.journal().has("probe_failed b timed_out"));
    b.set(Manner::Answer);
    EXPECT_TRUE(watch.sees_health(kB, Health::Up));
}

TEST(Monitor, AHostThatDropsConnectionAttemptsIsDownAndDelaysNobody) {
    const FakeServer a(kPrimary);
    const DroppingServer b;
    Watch watch({.servers = {a.identity("a"), b.identity("b")},
                 .probe_period = milliseconds(10),
                 .probe_timeout = milliseconds(200)});
    ASSERT_TRUE(watch.sees_primary(kA));
    EXPECT_TRUE(watch.sees_health(kB, Health::Down));
    EXPECT_GT(a.query_count(), 20U);
    EXPECT_TRUE(watch.journal().has("probe_failed b timed_out"));
}

TEST(Monitor, ATerminatedConnectionIsMadeAnewWithoutAWord) {
    FakeServer a(kPrimary);
    Watch watch({.servers = {a.identity("a")}, .probe_period = hours(1)});
    ASSERT_TRUE(watch.sees_primary(kA));
    // Long before the next probe is due: the end of the connection is itself the occasion.
    a.terminate_connections("57P01");
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (a.query_count() < 2 && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::yield();
    }
    EXPECT_EQ(a.connection_count(), 2U);
    EXPECT_FALSE(watch.journal().has("primary_lost a"));
}

TEST(Monitor, ADeadPrimaryIsSeenWithoutWaitingForTheNextProbe) {
    auto a = std::make_unique<FakeServer>(kPrimary);
    const FakeServer b(kStandby);
    Watch watch({.servers = {a->identity("a"), b.identity("b")}, .probe_period = hours(1)});
    ASSERT_TRUE(watch.sees_primary(kA));
    a.reset();
    EXPECT_TRUE(watch.sees_primary(std::nullopt));
    EXPECT_TRUE(watch.journal().has("primary_lost a"));
}

TEST(Monitor, APromotionAfterTheDeathOfThePrimaryIsFollowedEagerly) {
    auto a = std::make_unique<FakeServer>(kPrimary);
    FakeServer b(kStandby);
    Watch watch({.servers = {a->identity("a"), b.identity("b")}, .probe_period = hours(1)});
    ASSERT_TRUE(watch.sees_primary(kA));
    a.reset();
    ASSERT_TRUE(watch.sees_primary(std::nullopt));
    b.set(kPromoted);
    EXPECT_TRUE(watch.sees_primary(kB));
}

TEST(Monitor, ASuspicionIsLookedIntoAtOnce) {
    FakeServer a(kPrimary);
    FakeServer b(kStandby);
    Watch watch({.servers = {a.identity("a"), b.identity("b")}, .probe_period = hours(1)});
    ASSERT_TRUE(watch.sees_primary(kA));
    b.set(kPromoted);
    watch.monitor().suspect(kB);
    ASSERT_TRUE(watch.sees_primary(kB));
    EXPECT_TRUE(watch.sees(
        [](const Topology& topology) { return topology.server(kA).fence == Fence::OlderTimeline; }));
    EXPECT_TRUE(watch.journal().has("stale_primary_fenced a"));
}

TEST(Monitor, AStormOfSuspicionsIsNoStormOfProbes) {
    const FakeServer a(kPrimary);
    Watch watch({.servers = {a.identity("a")}, .probe_period = hours(1)});
    ASSERT_TRUE(watch.sees_primary(kA));
    const std::uint64_t before = a.query_count();
    const auto begin = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - begin < milliseconds(200)) {
        watch.monitor().suspect(kA);
    }
    const auto elapsed = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
    EXPECT_GE(a.query_count(), before + 1);
    EXPECT_LE(a.query_count(), before + static_cast<std::uint64_t>(elapsed.count() / 10) + 2);
}

TEST(Monitor, EndsAtOnceWhileAServerHangs) {
    FakeServer a(kPrimary);
    a.set(Manner::Silence);
    auto watch = std::make_unique<Watch>(
        MonitorOptions{.servers = {a.identity("a")}, .probe_period = hours(1), .probe_timeout = hours(1)});
    while (a.connection_count() == 0) {
        std::this_thread::yield();
    }
    const auto begin = std::chrono::steady_clock::now();
    watch.reset();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(5));
}

}  // namespace
}  // namespace pgring::monitor
