#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "topology/topology.h"

namespace pgring::monitor {

/// What the monitor must be told; main fills it from the configuration's [health], [routing] and [servers].
struct MonitorOptions {
    /// In the configuration's order; at least one.
    std::vector<topology::ServerIdentity> servers{};
    /// Any role that may log in; it needs no privileges.
    std::string user{};
    /// Empty: libpq's password file, or none.
    std::string password{};
    std::string database{"postgres"};
    /// From the end of one probe of a server to the next, while all is well.
    base::Duration probe_period = std::chrono::milliseconds(500);
    /// Deadline of one probe, resolving and connecting included.
    base::Duration probe_timeout = std::chrono::milliseconds(500);
    /// Misses in a row after which a server is down; see failover::Limits.
    std::uint32_t misses_max = 3;
    std::uint64_t lag_bytes_max = 0;
};

}  // namespace pgring::monitor
