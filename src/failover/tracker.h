#pragma once
// clang-format off: the diagrams are drawn by hand.
/// Decides what the cluster is, from what probes saw. Pure: no clock, no socket, no thread; the same results
/// in the same order always give the same topologies.
///
/// Health of one server:
///
///              answered                    gone
///     Unknown ----------> Up ----------------------------> Down
///        |                 ^                               | ^
///        |                 '---------- answered -----------' |
///        '------------------------- gone --------------------'
///
///   Gone is: refused or not accepting, believed at once, because nobody listens or the server says so
///   itself; or `misses_max` misses in a row. A miss is a probe that timed out, broke or failed: one alone
///   may be a slow moment or one crashed backend. "Too many connections" changes nothing: the server lives
///   and has told us nothing.
///
/// Role of one server, once the tracker has settled; judged anew after each probe from what each server said
/// last:
///
///     it is in recovery -------------------------------------------------------> Standby
///     it is a primary
///       of a timeline below the highest that the cluster ever showed ----------> Stale, older timeline
///       of the highest timeline
///         and is the incumbent ------------------------------------------------> Primary
///         alone, while the incumbent is down or deposed -----------------------> Primary, the new incumbent
///         beside the incumbent, or beside another claimant --------------------> Stale, same timeline
///     it has another system identifier ----------------------------------------> Stale, other system
///
///   Highest timeline: each promotion starts a higher one, so an old primary that comes back is known by its
///   lower one. The highest ever seen is remembered, also while the server that showed it is down, and a
///   standby's knowledge of it counts: the safe mistake is to have no primary, not to write to a stale one.
///   (So after a promotion that was undone by rewinding the promoted server, the old timeline is believed
///   again only after a restart of pgring.)
///
///   Incumbent: the primary announced last. It keeps the place while it is down; its plain restart makes it
///   the primary again. Whoever claims the same timeline beside it stays fenced, whichever of them is down
///   meanwhile, until one of the two is seen in recovery or on a higher timeline.
///
///   System: the identifier that most servers have (on a tie: one that a primary has, then the first
///   configured) is adopted when the tracker settles. It changes only when every server was last seen with
///   another one, as after the whole cluster was replaced.
///
///   Settling: after a start nothing has a role until every server has answered or is Down, or `settle_max`
///   has passed. Beside a stale primary, the true one might be the server that has not been asked yet.
// clang-format on

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/time.h"
#include "failover/event.h"
#include "failover/probe.h"
#include "topology/topology.h"

namespace pgring::failover {

struct Limits {
    /// Misses in a row after which a server is Down; at least 1.
    std::uint32_t misses_max = 3;
    /// A standby further behind gets no reads until it is back under half of it; 0 means no limit.
    std::uint64_t lag_bytes_max = 0;
    /// How long after the first probe the tracker waits at most before it judges.
    base::Duration settle_max = std::chrono::seconds(5);
    base::Duration probe_period = std::chrono::seconds(1);
    /// 50 ms: a promotion takes PostgreSQL as long (47 to 88 ms measured on 15.20), so finer steps find
    /// nothing sooner.
    base::Duration probe_period_eager = std::chrono::milliseconds(50);
    /// A server that stays down is asked eagerly for so long, then each `probe_period`: a restart is seen at
    /// once, a dead host costs nothing, and a server in long recovery does not fill its log with refusals.
    base::Duration eager_max = std::chrono::seconds(10);
};

/// What an observation changed.
struct Observation {
    /// The next topology, of the next generation; null where routing need not know of anything.
    std::shared_ptr<const topology::Topology> topology;
    /// What to tell the operator; empty where `topology` is null.
    std::vector<Event> events;
};

/// One per process. Not thread-safe: the monitor's thread owns it.
class Tracker {
  public:
    /// `servers` in the configuration's order; at least one.
    Tracker(const std::vector<topology::ServerIdentity>& servers, Limits limits);

    /// Takes in one probe. `now` never goes back.
    ///
    /// Positions and lag alone are no change, with one exception: a standby that crosses the lag limit.
    [[nodiscard]] Observation observe(const ProbeResult& result, base::Instant now);

    /// What is known now, with the newest positions; of the generation announced last. Never null.
    [[nodiscard]] std::shared_ptr<const topology::Topology> snapshot() const { return latest_; }

    /// How long to wait after a probe of `server` ended before the next: `probe_period`, or
    /// `probe_period_eager` where the next answer matters: it has just failed, or it is up while there is no
    /// primary (it may be promoted any time).
    [[nodiscard]] base::Duration probe_pause(topology::ServerIndex server, base::Instant now) const;

    /// ASSERTs the promises that span servers.
    void check_invariants() const;

  private:
    /// What is known of one server.
    struct Record {
        topology::Health health = topology::Health::Unknown;
        base::Instant health_since;
        std::uint32_t misses = 0;
        /// What it said last, however long ago.
        std::optional<Sighting> said;
        /// The timeline it claimed beside another primary, and is fenced for; 0 for none.
        std::uint32_t contested_timeline = 0;
        topology::Freshness freshness = topology::Freshness::Fresh;
        std::uint64_t lag_bytes = 0;
    };

    void note(Record& record, const Sighting& sighting, base::Instant now) const;
    void note(Record& record, ProbeFailure failure, base::Instant now) const;
    void measure_lag(Record& record) const;

    void settle(base::Instant now);
    void adopt_system();
    void judge();
    /// The incumbent was seen in recovery, on an older timeline than the highest, or as another cluster's
    /// server.
    void depose_incumbent();
    void fence_rivals_of_incumbent();
    void end_contests();

    /// Whether the server said last that it is a primary of the highest timeline, and is not fenced for it.
    [[nodiscard]] bool claims_primary(const Record& record) const;
    [[nodiscard]] bool of_our_system(const Record& record) const;
    /// The incumbent if it claims and is up, else the only claimant that is up, else nobody.
    [[nodiscard]] std::optional<std::size_t> elect() const;

    [[nodiscard]] topology::Fence fence_of(std::size_t index) const;
    [[nodiscard]] topology::Role role_of(std::size_t index) const;
    [[nodiscard]] topology::Topology describe() const;

    Limits limits_;
    std::vector<Record> records_;
    std::optional<base::Instant> started_;
    bool settled_ = false;

    std::optional<std::uint64_t> system_identifier_;
    std::uint32_t timeline_highest_ = 0;
    std::optional<std::size_t> incumbent_;
    /// The incumbent's position when it was seen last; what lag is measured against.
    std::uint64_t primary_lsn_ = 0;

    std::shared_ptr<const topology::Topology> latest_;
};

}  // namespace pgring::failover
