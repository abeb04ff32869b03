#pragma once
/// The story of a failover, as the difference of two topologies: what operators read in the log.

#include <cstdint>
#include <string_view>
#include <vector>

#include "topology/topology.h"

namespace pgring::failover {

enum class EventKind : std::uint8_t {
    /// The primary no longer answers, or was deposed. New writes wait.
    PrimaryLost,
    PrimaryFound,
    StandbyLost,
    StandbyFound,
    /// A standby passed the lag limit, and is back under half of it.
    StandbyLagging,
    StandbyCaughtUp,
    /// A primary of an older timeline answers: the old primary came back as it was. It is never written to.
    StalePrimaryFenced,
    /// Two primaries of one timeline answer: the operator must end one of them.
    PrimaryConflict,
    /// A server of another cluster answers.
    SystemMismatch,
    /// A server that was neither the primary nor a usable standby does not answer.
    ServerDown,
};

struct Event {
    EventKind kind;
    topology::ServerIndex server;

    friend bool operator==(Event, Event) = default;
};

/// What happened between two topologies of the same servers, losses before finds. Fences are told when the
/// fenced server answers, and again each time it comes back, not while it is down and can do no harm.
[[nodiscard]] std::vector<Event> events_between(const topology::Topology& before,
                                                const topology::Topology& after);

[[nodiscard]] std::string_view to_string(EventKind kind);

}  // namespace pgring::failover
