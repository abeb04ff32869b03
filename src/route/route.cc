#include "route/route.h"

#include <optional>
#include <utility>

#include "base/contract.h"

namespace pgring::route {

namespace {

using topology::Server;
using topology::ServerIndex;
using topology::Topology;

/// What one pass over the servers finds: how many may be read from, and the sum of their weights.
struct Eligible {
    std::uint64_t weight_total = 0;
    std::uint32_t server_count = 0;
};

Eligible count_eligible(const Topology& topology) {
    Eligible eligible;
    for (const Server& server : topology.servers) {
        if (serves_reads(server)) {
            eligible.weight_total += server.weight;
            ++eligible.server_count;
        }
    }
    return eligible;
}

/// Draws an eligible standby other than `excluded`, each with the probability of its weight among
/// `weight_total`, which is the sum over exactly those.
ServerIndex draw(const Topology& topology, std::optional<ServerIndex> excluded, std::uint64_t weight_total,
                 base::Prng& prng) {
    std::uint64_t remaining = prng.below(weight_total);
    for (std::size_t i = 0; i < topology.servers.size(); ++i) {
        const ServerIndex index{static_cast<std::uint16_t>(i)};
        const Server& server = topology.servers[i];
        if (index == excluded || !serves_reads(server)) {
            continue;
        }
        if (remaining < server.weight) {
            return index;
        }
        remaining -= server.weight;
    }
    ASSERT(false && "weight_total is more than the sum of the weights");
    std::unreachable();
}

/// The standby to read from, if any is eligible.
std::optional<ServerIndex> choose_standby(const Topology& topology,
                                          std::span<const std::uint32_t> outstanding, base::Prng& prng) {
    const Eligible eligible = count_eligible(topology);
    if (eligible.server_count == 0) {
        return std::nullopt;
    }
    const ServerIndex first = draw(topology, std::nullopt, eligible.weight_total, prng);
    if (eligible.server_count == 1) {
        return first;
    }
    const std::uint64_t first_weight = topology.server(first).weight;
    const ServerIndex second = draw(topology, first, eligible.weight_total - first_weight, prng);
    const std::uint64_t second_weight = topology.server(second).weight;

    // Compared as fractions, outstanding / weight, by cross-multiplication: 32 bits times 32 bits fit in 64.
    const std::uint64_t first_load = outstanding[first.value] * second_weight;
    const std::uint64_t second_load = outstanding[second.value] * first_weight;
    return second_load < first_load ? second : first;
}

}  // namespace

bool serves_reads(const Server& server) {
    return server.role == topology::Role::Standby && server.health == topology::Health::Up &&
           server.weight > 0 && server.freshness == topology::Freshness::Fresh;
}

std::expected<ServerIndex, Refusal> choose(const Topology& topology, Demand demand,
                                           std::span<const std::uint32_t> outstanding, base::Prng& prng) {
    ASSERT(outstanding.size() == topology.servers.size());
    if (demand != Demand::Primary) {
        const std::optional<ServerIndex> standby = choose_standby(topology, outstanding, prng);
        if (standby.has_value()) {
            return *standby;
        }
    }
    if (demand == Demand::StandbyOnly) {
        return std::unexpected(Refusal::NoStandby);
    }
    if (!topology.primary.has_value()) {
        return std::unexpected(Refusal::NoPrimary);
    }
    return *topology.primary;
}

std::string_view to_string(Demand demand) {
    switch (demand) {
        case Demand::Primary:
            return "primary";
        case Demand::PreferStandby:
            return "prefer_standby";
        case Demand::StandbyOnly:
            return "standby_only";
    }
    std::unreachable();
}

std::string_view to_string(Refusal refusal) {
    switch (refusal) {
        case Refusal::NoPrimary:
            return "no_primary";
        case Refusal::NoStandby:
            return "no_standby";
    }
    std::unreachable();
}

}  // namespace pgring::route
