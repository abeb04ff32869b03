#pragma once
/// From what libpq says of a failure to what it means for the server's health.

#include <string>
#include <string_view>

#include "failover/probe.h"
#include "monitor/postgres.h"

namespace pgring::monitor {

struct Failure {
    failover::ProbeFailure kind;
    /// One line for the log.
    std::string text;
};

/// What an SQLSTATE says about the server that sent it.
[[nodiscard]] failover::ProbeFailure classify_sqlstate(std::string_view sqlstate);

/// The last SQLSTATE in an error text of libpq's verbose form, "FATAL:  57P03: the database ..."; empty if it
/// has none. While a connection is being made, libpq 15 offers a server's refusal as text only.
[[nodiscard]] std::string_view find_sqlstate(std::string_view text);

/// Why `connection` is broken or was never made. Expects it to have been made with PQERRORS_VERBOSE.
[[nodiscard]] Failure classify_connection_failure(const PGconn* connection);

/// Why the server answered a query with an error.
[[nodiscard]] Failure classify_result_failure(const PGresult* result);

}  // namespace pgring::monitor
