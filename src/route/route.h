#pragma once
/// Chooses the server for a statement. Pure, allocation-free, without virtual calls: the workers' hot path
/// calls it once per transaction. Who may write is not decided here but by failover::Tracker; this room only
/// obeys Topology::primary.

#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

#include "base/random.h"
#include "topology/topology.h"

namespace pgring::route {

/// What a transaction needs of its server.
enum class Demand : std::uint8_t {
    /// Writes, and all that is not known to be a read.
    Primary,
    /// Reads: a standby where one is eligible, else the primary.
    PreferStandby,
    /// Reads that must never reach the primary (application_name = readonly).
    StandbyOnly,
};

/// Why there is no server now. Both may end with the next topology: wait for it, within a bound.
enum class Refusal : std::uint8_t {
    /// The cluster has no primary (and, for PreferStandby, no eligible standby either).
    NoPrimary,
    /// No standby is eligible, and the primary may not stand in.
    NoStandby,
};

/// Whether balanced reads may go there: an answering standby with a weight that does not lag beyond the
/// limit.
[[nodiscard]] bool serves_reads(const topology::Server& server);

/// Chooses by weight and least outstanding work (the power of two choices): draws two different eligible
/// standbys, each with the probability of its weight, and takes the one with less outstanding work per
/// weight; on a tie the first drawn, so that idle servers share exactly by weight.
///
/// `outstanding` counts, per server, what the caller has asked of it and not yet got back; one entry per
/// server of `topology`. The primary serves reads only where no standby can.
[[nodiscard]] std::expected<topology::ServerIndex, Refusal> choose(const topology::Topology& topology,
                                                                   Demand demand,
                                                                   std::span<const std::uint32_t> outstanding,
                                                                   base::Prng& prng);

[[nodiscard]] std::string_view to_string(Demand demand);
[[nodiscard]] std::string_view to_string(Refusal refusal);

}  // namespace pgring::route
