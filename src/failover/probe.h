#pragma once
/// What a probe of one server found: the only thing the tracker ever learns from. Whoever probes (the
/// monitor's thread, the simulator, a test) makes these values.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "topology/topology.h"

namespace pgring::failover {

/// What an answering server says of itself.
struct Sighting {
    bool in_recovery = false;
    /// Primary: the timeline it writes. Standby: the highest it knows of; 0 where it may not tell.
    std::uint32_t timeline = 0;
    std::uint64_t system_identifier = 0;
    /// Primary: written position; standby: replayed position. Bytes of WAL.
    std::uint64_t lsn = 0;
    /// Standby: position up to which WAL was received.
    std::uint64_t lsn_received = 0;
};

/// Why a probe brought no sighting, by what it says about the server.
enum class ProbeFailure : std::uint8_t {
    /// Nobody listens there (ECONNREFUSED, no socket file): a certain sign that the postmaster is gone.
    Refused,
    /// It says itself that it takes no connections: starting up, shutting down, in crash recovery (57P03).
    NotAccepting,
    /// No answer before the deadline: a hang, a cut network, or only a slow moment.
    TimedOut,
    /// The connection broke without a word (EOF, reset): the postmaster died, or one backend did and the rest
    /// restarts.
    Disconnected,
    /// Alive, but has no connection slot for us (53300); says nothing about its role.
    TooManyConnections,
    /// It rejects the credentials of [health] (class 28).
    AuthenticationFailed,
    /// Anything else: no route, no such host, no such database, an error of the probe's query.
    Failed,
};

struct ProbeResult {
    topology::ServerIndex server;
    std::expected<Sighting, ProbeFailure> outcome;
};

[[nodiscard]] std::string_view to_string(ProbeFailure failure);

}  // namespace pgring::failover
