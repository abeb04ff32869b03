#include "failover/tracker.h"

#include <algorithm>
#include <utility>

#include "base/contract.h"

namespace pgring::failover {

using topology::Fence;
using topology::Freshness;
using topology::Health;
using topology::Role;
using topology::Server;
using topology::ServerIndex;
using topology::Topology;

namespace {

/// Whether `failure` proves, without a second look, that the server takes no connections.
bool is_certain(ProbeFailure failure) {
    switch (failure) {
        case ProbeFailure::Refused:
        case ProbeFailure::NotAccepting:
            return true;
        case ProbeFailure::TimedOut:
        case ProbeFailure::Disconnected:
        case ProbeFailure::TooManyConnections:
        case ProbeFailure::AuthenticationFailed:
        case ProbeFailure::Failed:
            return false;
    }
    std::unreachable();
}

std::uint32_t primary_timeline(const Topology& topology) {
    return topology.primary.has_value() ? topology.server(*topology.primary).timeline : 0;
}

/// Whether workers may keep the one when they were told of the other.
bool same_for_routing(const Topology& left, const Topology& right) {
    const auto same_server = [](const Server& a, const Server& b) {
        return a.role == b.role && a.health == b.health && a.freshness == b.freshness && a.fence == b.fence;
    };
    return left.primary == right.primary && primary_timeline(left) == primary_timeline(right) &&
           std::ranges::equal(left.servers, right.servers, same_server);
}

}  // namespace

Tracker::Tracker(const std::vector<topology::ServerIdentity>& servers, Limits limits)
    : limits_(limits),
      records_(servers.size()),
      latest_(std::make_shared<const Topology>(topology::make_unknown_topology(servers))) {
    ASSERT(!servers.empty());
    ASSERT(limits_.misses_max >= 1);
    ASSERT(limits_.probe_period_eager > base::Duration::zero());
    ASSERT(limits_.probe_period > base::Duration::zero());
}

Observation Tracker::observe(const ProbeResult& result, base::Instant now) {
    ASSERT(result.server.value < records_.size());
    if (!started_.has_value()) {
        started_ = now;
        for (Record& record : records_) {
            record.health_since = now;
        }
    }
    Record& record = records_[result.server.value];
    if (result.outcome.has_value()) {
        note(record, *result.outcome, now);
    } else {
        note(record, result.outcome.error(), now);
    }
    settle(now);
    if (settled_) {
        adopt_system();
        judge();
    }
    if (result.outcome.has_value()) {
        measure_lag(record);
    }
    check_invariants();

    const std::shared_ptr<const Topology> before = latest_;
    Topology after = describe();
    const bool changed = !same_for_routing(*before, after);
    after.generation = before->generation + (changed ? 1 : 0);
    after.check_invariants();
    latest_ = std::make_shared<const Topology>(std::move(after));
    if (!changed) {
        return Observation{};
    }
    return Observation{.topology = latest_, .events = events_between(*before, *latest_)};
}

base::Duration Tracker::probe_pause(ServerIndex server, base::Instant now) const {
    ASSERT(server.value < records_.size());
    const Record& record = records_[server.value];
    const bool eager = record.health == Health::Up ? record.misses > 0 || !latest_->primary.has_value()
                                                   : now - record.health_since < limits_.eager_max;
    return eager ? std::min(limits_.probe_period_eager, limits_.probe_period) : limits_.probe_period;
}

void Tracker::note(Record& record, const Sighting& sighting, base::Instant now) const {
    if (record.health != Health::Up) {
        record.health_since = now;
    }
    record.health = Health::Up;
    record.misses = 0;
    record.said = sighting;
    if (sighting.in_recovery) {
        record.contested_timeline = 0;
    }
}

void Tracker::note(Record& record, ProbeFailure failure, base::Instant now) const {
    if (failure == ProbeFailure::TooManyConnections) {
        return;
    }
    // Counted no further than needed, so that a server down for years does not overflow the count.
    record.misses =
        is_certain(failure) ? limits_.misses_max : std::min(record.misses + 1, limits_.misses_max);
    if (record.misses == limits_.misses_max && record.health != Health::Down) {
        record.health = Health::Down;
        record.health_since = now;
    }
}

/// Only when the standby itself answers, and against what the primary said before: measured when the primary
/// answers, a standby would look a whole probe period behind.
void Tracker::measure_lag(Record& record) const {
    ASSERT(record.said.has_value());
    if (!record.said->in_recovery || !of_our_system(record)) {
        record.lag_bytes = 0;
        record.freshness = Freshness::Fresh;
        return;
    }
    const std::uint64_t replayed = record.said->lsn;
    record.lag_bytes = primary_lsn_ > replayed ? primary_lsn_ - replayed : 0;
    if (limits_.lag_bytes_max == 0 || record.lag_bytes <= limits_.lag_bytes_max / 2) {
        record.freshness = Freshness::Fresh;
    } else if (record.lag_bytes > limits_.lag_bytes_max) {
        record.freshness = Freshness::Lagging;
    }
}

void Tracker::settle(base::Instant now) {
    const bool all_known =
        std::ranges::none_of(records_, [](const Record& record) { return record.health == Health::Unknown; });
    settled_ = settled_ || all_known || now - *started_ >= limits_.settle_max;
}

void Tracker::adopt_system() {
    const auto seen_elsewhere = [&](const Record& record) {
        return record.said.has_value() && record.said->system_identifier != system_identifier_;
    };
    if (system_identifier_.has_value() && !std::ranges::all_of(records_, seen_elsewhere)) {
        return;
    }
    // Two points for each server of a system, one for a primary among them: more servers win, then a
    // primary's system.
    std::size_t best = 0;
    for (const Record& candidate : records_) {
        if (!candidate.said.has_value()) {
            continue;
        }
        std::size_t points = 0;
        bool has_primary = false;
        for (const Record& record : records_) {
            if (record.said.has_value() &&
                record.said->system_identifier == candidate.said->system_identifier) {
                points += 2;
                has_primary = has_primary || !record.said->in_recovery;
            }
        }
        points += has_primary ? 1 : 0;
        if (points > best) {
            best = points;
            system_identifier_ = candidate.said->system_identifier;
        }
    }
    // What was remembered of another system means nothing in this one.
    timeline_highest_ = 0;
    incumbent_.reset();
    primary_lsn_ = 0;
    end_contests();
}

void Tracker::judge() {
    for (const Record& record : records_) {
        if (of_our_system(record)) {
            timeline_highest_ = std::max(timeline_highest_, record.said->timeline);
        }
    }
    if (incumbent_.has_value() && !claims_primary(records_[*incumbent_])) {
        depose_incumbent();
    }
    const std::optional<std::size_t> elected = elect();
    if (elected.has_value()) {
        incumbent_ = elected;
        primary_lsn_ = records_[*elected].said->lsn;
        fence_rivals_of_incumbent();
    }
}

void Tracker::depose_incumbent() {
    // One that went into recovery left the field to its rival: so an operator ends a conflict. One that was
    // overtaken by a higher timeline left nothing to contest.
    if (records_[*incumbent_].said->in_recovery) {
        end_contests();
    }
    incumbent_.reset();
}

void Tracker::end_contests() {
    for (Record& record : records_) {
        record.contested_timeline = 0;
    }
}

void Tracker::fence_rivals_of_incumbent() {
    for (std::size_t i = 0; i < records_.size(); ++i) {
        if (i != *incumbent_ && claims_primary(records_[i])) {
            records_[i].contested_timeline = timeline_highest_;
        }
    }
}

bool Tracker::of_our_system(const Record& record) const {
    return record.said.has_value() && system_identifier_.has_value() &&
           record.said->system_identifier == *system_identifier_;
}

bool Tracker::claims_primary(const Record& record) const {
    return of_our_system(record) && !record.said->in_recovery && record.said->timeline == timeline_highest_ &&
           record.contested_timeline != record.said->timeline;
}

std::optional<std::size_t> Tracker::elect() const {
    if (incumbent_.has_value() && records_[*incumbent_].health == Health::Up) {
        return incumbent_;
    }
    std::optional<std::size_t> only;
    for (std::size_t i = 0; i < records_.size(); ++i) {
        if (records_[i].health != Health::Up || !claims_primary(records_[i])) {
            continue;
        }
        if (only.has_value()) {
            return std::nullopt;
        }
        only = i;
    }
    return only;
}

Fence Tracker::fence_of(std::size_t index) const {
    const Record& record = records_[index];
    if (!settled_ || !record.said.has_value()) {
        return Fence::None;
    }
    if (!of_our_system(record)) {
        return Fence::OtherSystem;
    }
    if (record.said->in_recovery || index == incumbent_) {
        return Fence::None;
    }
    if (record.said->timeline < timeline_highest_) {
        return Fence::OlderTimeline;
    }
    // It claims the highest timeline and was not elected: contested, or one of several where nobody was known
    // before.
    const bool contested = record.contested_timeline == record.said->timeline;
    return contested || record.health == Health::Up ? Fence::SameTimeline : Fence::None;
}

Role Tracker::role_of(std::size_t index) const {
    const Record& record = records_[index];
    if (!settled_ || !record.said.has_value()) {
        return Role::Unknown;
    }
    if (fence_of(index) != Fence::None) {
        return Role::Stale;
    }
    if (record.said->in_recovery) {
        return Role::Standby;
    }
    // A claim that was never confirmed, of a server that is down now, stays open.
    return index == incumbent_ ? Role::Primary : Role::Unknown;
}

Topology Tracker::describe() const {
    Topology topology = *latest_;
    for (std::size_t i = 0; i < records_.size(); ++i) {
        const Record& record = records_[i];
        Server& server = topology.servers[i];
        server.role = role_of(i);
        server.health = record.health;
        server.fence = fence_of(i);
        server.freshness = record.freshness;
        server.lag_bytes = record.lag_bytes;
        if (record.said.has_value()) {
            server.timeline = record.said->timeline;
            server.system_identifier = record.said->system_identifier;
            server.lsn = record.said->lsn;
            server.lsn_received = record.said->lsn_received;
        }
    }
    const bool has_primary = incumbent_.has_value() && records_[*incumbent_].health == Health::Up;
    topology.primary =
        has_primary ? std::optional(ServerIndex{static_cast<std::uint16_t>(*incumbent_)}) : std::nullopt;
    return topology;
}

void Tracker::check_invariants() const {
    if (incumbent_.has_value()) {
        ASSERT(settled_);
        ASSERT(claims_primary(records_[*incumbent_]));
    }
    for (const Record& record : records_) {
        ASSERT(record.misses <= limits_.misses_max);
        ASSERT(record.health != Health::Down || record.misses == limits_.misses_max);
        ASSERT(record.health != Health::Unknown || !record.said.has_value());
    }
}

}  // namespace pgring::failover
