#pragma once
/// A tracker with short words for what its servers say, so that a test reads as the story of a failover.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "failover/tracker.h"

namespace pgring::failover {

inline constexpr std::uint64_t kOurSystem = 7711146750843348308U;
inline constexpr std::uint64_t kOtherSystem = 7700000000000000001U;

inline constexpr topology::ServerIndex kA{0};
inline constexpr topology::ServerIndex kB{1};
inline constexpr topology::ServerIndex kC{2};

/// Servers "a", "b", ... on localhost.
inline std::vector<topology::ServerIdentity> make_servers(std::size_t server_count) {
    std::vector<topology::ServerIdentity> servers;
    for (std::size_t i = 0; i < server_count; ++i) {
        servers.push_back({.name = std::string(1, static_cast<char>('a' + i)),
                           .address = {.host = "127.0.0.1", .port = static_cast<std::uint16_t>(6300 + i)}});
    }
    return servers;
}

struct Position {
    std::uint32_t timeline = 1;
    std::uint64_t lsn = 1000;
    std::uint64_t system_identifier = kOurSystem;
};

class WatchedCluster {
  public:
    explicit WatchedCluster(std::size_t server_count, Limits limits = {})
        : tracker_(make_servers(server_count), limits) {}

    Observation primary(topology::ServerIndex server, Position position = {}) {
        return observe(server, Sighting{.in_recovery = false,
                                        .timeline = position.timeline,
                                        .system_identifier = position.system_identifier,
                                        .lsn = position.lsn});
    }
    Observation standby(topology::ServerIndex server, Position position = {}) {
        return observe(server, Sighting{.in_recovery = true,
                                        .timeline = position.timeline,
                                        .system_identifier = position.system_identifier,
                                        .lsn = position.lsn,
                                        .lsn_received = position.lsn});
    }
    Observation fails(topology::ServerIndex server, ProbeFailure failure) {
        return observe(server, std::unexpected(failure));
    }
    Observation refuses(topology::ServerIndex server) { return fails(server, ProbeFailure::Refused); }

    void wait(base::Duration duration) { now_ += duration; }

    [[nodiscard]] const topology::Topology& topology() const { return *tracker_.snapshot(); }
    [[nodiscard]] const topology::Server& server(topology::ServerIndex index) const {
        return topology().server(index);
    }
    [[nodiscard]] base::Duration pause(topology::ServerIndex server) const {
        return tracker_.probe_pause(server, now_);
    }
    [[nodiscard]] std::shared_ptr<const topology::Topology> snapshot() const { return tracker_.snapshot(); }

  private:
    Observation observe(topology::ServerIndex server, std::expected<Sighting, ProbeFailure> outcome) {
        now_ += std::chrono::milliseconds(1);
        return tracker_.observe(ProbeResult{.server = server, .outcome = outcome}, now_);
    }

    Tracker tracker_;
    base::Instant now_{std::chrono::hours(1)};
};

}  // namespace pgring::failover
