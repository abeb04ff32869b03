#pragma once
/// What pgring knows about the cluster, as one immutable value. failover::Tracker makes a Topology, the
/// monitor publishes it (topology/publication.h), every worker reads it until it is told of the next.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgring::topology {

/// Names a server by its place in the configuration. Good for the life of the process: servers are never
/// re-ordered.
struct ServerIndex {
    std::uint16_t value = 0;

    friend constexpr auto operator<=>(ServerIndex, ServerIndex) = default;
};

/// What a server is, as last seen. It keeps its role while it is down: ask Health too.
enum class Role : std::uint8_t {
    /// Not seen yet, or not yet comparable with the others.
    Unknown,
    /// Takes writes. At most one server of a topology has this role.
    Primary,
    /// In recovery, of the same system as the primary.
    Standby,
    /// A primary of an older timeline, a second primary, or a server of another system. Fenced: never routed
    /// to.
    Stale,
};

enum class Health : std::uint8_t {
    /// Never answered and not yet given up.
    Unknown,
    Up,
    Down,
};

/// Why a server is Stale.
enum class Fence : std::uint8_t {
    /// It is not.
    None,
    /// A primary of an older timeline than one that has been seen: somebody was promoted in its place.
    OlderTimeline,
    /// A second primary of the same timeline: pgring keeps the one it knew, or takes neither where it knew
    /// none.
    SameTimeline,
    /// Its system identifier says that it belongs to another cluster.
    OtherSystem,
};

/// Whether a standby is close enough to the primary to be read from. The tracker decides, with hysteresis.
enum class Freshness : std::uint8_t { Fresh, Lagging };

struct Address {
    /// A name, an IP address, or the directory of a unix socket, which starts with '/'.
    std::string host;
    std::uint16_t port = 5432;

    [[nodiscard]] bool is_unix_socket() const { return host.starts_with('/'); }
    friend bool operator==(const Address&, const Address&) = default;
};

/// A server as the configuration names it.
struct ServerIdentity {
    std::string name{};
    Address address{};
    /// Share of the reads among the standbys; 0 takes none.
    std::uint32_t weight = 1;

    friend bool operator==(const ServerIdentity&, const ServerIdentity&) = default;
};

struct Server {
    std::string name{};
    Address address{};
    std::uint32_t weight = 1;
    Role role = Role::Unknown;
    Health health = Health::Unknown;
    Freshness freshness = Freshness::Fresh;
    Fence fence = Fence::None;
    /// 0 where unknown.
    std::uint32_t timeline = 0;
    std::uint64_t system_identifier = 0;
    /// Written position of a primary, replayed position of a standby, in bytes of WAL; see
    /// Topology::generation.
    std::uint64_t lsn = 0;
    /// What a standby has received, replayed or not; 0 on a primary.
    std::uint64_t lsn_received = 0;
    /// Bytes of WAL between the primary's position and what this standby has replayed; 0 on a primary.
    std::uint64_t lag_bytes = 0;
};

/// One state of the cluster. Immutable once published.
struct Topology {
    /// Grows with every change that routing must know: of a role, a health, a freshness, a timeline or the
    /// primary. Positions and lag may be newer in a later topology of the same generation.
    std::uint64_t generation = 0;
    /// In the configuration's order.
    std::vector<Server> servers;
    /// The one server that may be written to; nothing while the cluster has none that answers.
    std::optional<ServerIndex> primary;

    [[nodiscard]] const Server& server(ServerIndex index) const;
    [[nodiscard]] std::size_t server_count() const { return servers.size(); }
    [[nodiscard]] std::optional<ServerIndex> find(std::string_view name) const;

    /// ASSERTs what every topology promises: the primary is up and has the role; no other server has it; a
    /// server is stale if and only if it is fenced.
    void check_invariants() const;
};

/// The topology before the first probe: all servers unknown, no primary, generation 0.
[[nodiscard]] Topology make_unknown_topology(const std::vector<ServerIdentity>& identities);

/// Lower-case names for logs, metrics and the console.
[[nodiscard]] std::string_view to_string(Role role);
[[nodiscard]] std::string_view to_string(Health health);
[[nodiscard]] std::string_view to_string(Fence fence);
[[nodiscard]] std::string_view to_string(Freshness freshness);

}  // namespace pgring::topology
