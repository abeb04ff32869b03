#pragma once
/// A backend on its way from one worker to another: all that belongs to it but its connection. Whoever has it
/// has its token and its places, which come back when it goes.

#include <array>
#include <compare>
#include <cstdint>
#include <string>

#include "base/time.h"
#include "pool/budget.h"
#include "pool/quota.h"
#include "session/backend_state.h"
#include "session/destination.h"
#include "topology/topology.h"

namespace pgring::proxy {

/// Of one backend under the quotas of its destination.
using Places = std::array<pool::Place, session::Destination::kQuotaCount>;

struct LentBackend {
    pool::WorkerIndex from = 0;
    pool::WorkerIndex to = 0;
    /// Its budget says which destination and server it is of.
    pool::Token token;
    Places places;
    topology::ServerIndex server;
    session::BackendState state;
    base::Instant opened_at{};
    base::Instant dies_at = base::kNever;
    base::Instant idle_since{};
    /// Of the topology that the worker knew when it lent it. A topology since then may have fenced the
    /// server.
    std::uint64_t generation = 0;
    /// Process::vacations at that time.
    std::uint32_t vacations = 0;
};

}  // namespace pgring::proxy
