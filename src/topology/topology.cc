#include "topology/topology.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/contract.h"

namespace pgring::topology {

const Server& Topology::server(ServerIndex index) const {
    ASSERT(index.value < servers.size());
    return servers[index.value];
}

std::optional<ServerIndex> Topology::find(std::string_view name) const {
    const auto found = std::ranges::find(servers, name, &Server::name);
    if (found == servers.end()) {
        return std::nullopt;
    }
    return ServerIndex{static_cast<std::uint16_t>(found - servers.begin())};
}

void Topology::check_invariants() const {
    ASSERT(servers.size() <= std::numeric_limits<std::uint16_t>::max());
    ASSERT(std::ranges::count(servers, Role::Primary, &Server::role) <= 1);
    for (const Server& each : servers) {
        ASSERT((each.role == Role::Stale) == (each.fence != Fence::None));
    }
    if (primary.has_value()) {
        ASSERT(server(*primary).role == Role::Primary);
        ASSERT(server(*primary).health == Health::Up);
    }
}

Topology make_unknown_topology(const std::vector<ServerIdentity>& identities) {
    Topology topology;
    topology.servers.reserve(identities.size());
    for (const ServerIdentity& identity : identities) {
        topology.servers.push_back(
            Server{.name = identity.name, .address = identity.address, .weight = identity.weight});
    }
    topology.check_invariants();
    return topology;
}

std::string_view to_string(Role role) {
    switch (role) {
        case Role::Unknown:
            return "unknown";
        case Role::Primary:
            return "primary";
        case Role::Standby:
            return "standby";
        case Role::Stale:
            return "stale";
    }
    std::unreachable();
}

std::string_view to_string(Health health) {
    switch (health) {
        case Health::Unknown:
            return "unknown";
        case Health::Up:
            return "up";
        case Health::Down:
            return "down";
    }
    std::unreachable();
}

std::string_view to_string(Fence fence) {
    switch (fence) {
        case Fence::None:
            return "none";
        case Fence::OlderTimeline:
            return "older_timeline";
        case Fence::SameTimeline:
            return "same_timeline";
        case Fence::OtherSystem:
            return "other_system";
    }
    std::unreachable();
}

std::string_view to_string(Freshness freshness) {
    switch (freshness) {
        case Freshness::Fresh:
            return "fresh";
        case Freshness::Lagging:
            return "lagging";
    }
    std::unreachable();
}

}  // namespace pgring::topology
