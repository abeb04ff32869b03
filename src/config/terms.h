#pragma once
/// What holds for the sessions and the backends of one database as one user: the user's section of the
/// configuration over the database's over [pgring], as in pgbouncer. The one place where they are laid over
/// each other.

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.h"
#include "config/settings.h"

namespace pgring::config {

struct Terms {
    PoolMode pool_mode = PoolMode::Transaction;
    UnpoolableStatements unpoolable_statements = UnpoolableStatements::Pin;
    UnknownFunctions unknown_functions = UnknownFunctions::Ask;
    std::uint32_t pool_size = 0;
    /// At most pool_size.
    std::uint32_t min_pool_size = 0;
    std::uint32_t reserve_pool_size = 0;
    /// Clients at once; zero is no limit, here and in the next two.
    std::uint32_t database_clients_max = 0;
    /// Backends at once of the database, and of the user, in all their pools.
    std::uint32_t database_backends_max = 0;
    std::uint32_t user_backends_max = 0;
    base::Duration query_wait_timeout{};
    base::Duration server_lifetime{};
    /// Nothing where no timeout is set.
    std::optional<SessionTimeouts> timeouts;
};

/// As whom pgring logs in at the servers for a client that came as `user`: the user that the database forces,
/// or the client's own.
[[nodiscard]] std::string_view user_at_server(const DatabaseSettings& database, std::string_view user);

/// The terms of `database` for backends of `user`, as user_at_server() names it.
[[nodiscard]] Terms terms_of(const Settings& settings, const DatabaseSettings& database,
                             std::string_view user);

/// Clients that may be logged in as `user` at once; zero is no limit. The user is the client's own, whatever
/// the database forces.
[[nodiscard]] std::uint32_t user_clients_max(const Settings& settings, std::string_view user);

}  // namespace pgring::config
