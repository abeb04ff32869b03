#pragma once
/// The one statement that a probe asks, and what its answer says.

#include <expected>

#include "failover/probe.h"
#include "monitor/failure.h"
#include "monitor/postgres.h"

namespace pgring::monitor {

/// Any role may run it, on a primary and on a standby, from PostgreSQL 10 on.
[[nodiscard]] const char* probe_query();

/// Reads the answer to probe_query(); its failure is of kind Failed and says which column made no sense.
[[nodiscard]] std::expected<failover::Sighting, Failure> read_probe_answer(const PGresult* result);

}  // namespace pgring::monitor
