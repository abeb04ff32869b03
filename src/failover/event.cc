#include "failover/event.h"

#include <optional>
#include <utility>

#include "base/contract.h"

namespace pgring::failover {

namespace {

using topology::Fence;
using topology::Freshness;
using topology::Health;
using topology::Role;
using topology::Server;
using topology::ServerIndex;
using topology::Topology;

bool usable_standby(const Server& server) {
    return server.role == Role::Standby && server.health == Health::Up;
}

bool fenced_and_up(const Server& server) {
    return server.fence != Fence::None && server.health == Health::Up;
}

std::optional<EventKind> fence_event(const Server& before, const Server& after) {
    if (!fenced_and_up(after) || (fenced_and_up(before) && before.fence == after.fence)) {
        return std::nullopt;
    }
    switch (after.fence) {
        case Fence::OlderTimeline:
            return EventKind::StalePrimaryFenced;
        case Fence::SameTimeline:
            return EventKind::PrimaryConflict;
        case Fence::OtherSystem:
            return EventKind::SystemMismatch;
        case Fence::None:
            return std::nullopt;
    }
    std::unreachable();
}

std::optional<EventKind> loss_event(const Server& before, const Server& after) {
    if (usable_standby(before)) {
        const bool promoted = after.role == Role::Primary && after.health == Health::Up;
        return usable_standby(after) || promoted ? std::nullopt : std::optional(EventKind::StandbyLost);
    }
    const bool was_primary = before.role == Role::Primary && before.health == Health::Up;
    if (!was_primary && before.health != Health::Down && after.health == Health::Down) {
        return EventKind::ServerDown;
    }
    return std::nullopt;
}

std::optional<EventKind> standby_event(const Server& before, const Server& after) {
    if (!usable_standby(after)) {
        return std::nullopt;
    }
    if (!usable_standby(before)) {
        return EventKind::StandbyFound;
    }
    if (before.freshness == after.freshness) {
        return std::nullopt;
    }
    return after.freshness == Freshness::Lagging ? EventKind::StandbyLagging : EventKind::StandbyCaughtUp;
}

}  // namespace

std::vector<Event> events_between(const Topology& before, const Topology& after) {
    ASSERT(before.servers.size() == after.servers.size());
    std::vector<Event> events;
    const auto tell_each = [&](auto judge) {
        for (std::size_t i = 0; i < after.servers.size(); ++i) {
            if (const std::optional<EventKind> kind = judge(before.servers[i], after.servers[i])) {
                events.push_back(Event{.kind = *kind, .server = ServerIndex{static_cast<std::uint16_t>(i)}});
            }
        }
    };

    if (before.primary.has_value() && before.primary != after.primary) {
        events.push_back(Event{.kind = EventKind::PrimaryLost, .server = *before.primary});
    }
    tell_each(loss_event);
    tell_each(fence_event);
    if (after.primary.has_value() && before.primary != after.primary) {
        events.push_back(Event{.kind = EventKind::PrimaryFound, .server = *after.primary});
    }
    tell_each(standby_event);
    return events;
}

std::string_view to_string(EventKind kind) {
    switch (kind) {
        case EventKind::PrimaryLost:
            return "primary_lost";
        case EventKind::PrimaryFound:
            return "primary_found";
        case EventKind::StandbyLost:
            return "standby_lost";
        case EventKind::StandbyFound:
            return "standby_found";
        case EventKind::StandbyLagging:
            return "standby_lagging";
        case EventKind::StandbyCaughtUp:
            return "standby_caught_up";
        case EventKind::StalePrimaryFenced:
            return "stale_primary_fenced";
        case EventKind::PrimaryConflict:
            return "primary_conflict";
        case EventKind::SystemMismatch:
            return "system_mismatch";
        case EventKind::ServerDown:
            return "server_down";
    }
    std::unreachable();
}

}  // namespace pgring::failover
