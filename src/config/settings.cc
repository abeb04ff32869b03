#include "config/settings.h"

#include <algorithm>

namespace pgring::config {

const DatabaseSettings* Settings::find_database(std::string_view name) const {
    const auto named = std::ranges::find(databases, name, &DatabaseSettings::name);
    if (named != databases.end()) {
        return &*named;
    }
    const auto fallback = std::ranges::find(databases, "*", &DatabaseSettings::name);
    return fallback != databases.end() ? &*fallback : nullptr;
}

std::uint32_t Settings::pool_size_of(const DatabaseSettings& database) const {
    return database.pool_size.value_or(pgring.default_pool_size);
}

std::optional<SessionTimeouts> Settings::session_timeouts() const {
    SessionTimeouts const timeouts{.query = pgring.query_timeout,
                                   .idle_transaction = pgring.idle_transaction_timeout,
                                   .transaction = pgring.transaction_timeout,
                                   .client_idle = pgring.client_idle_timeout};
    return timeouts == SessionTimeouts{} ? std::nullopt : std::optional(timeouts);
}

PoolMode Settings::pool_mode_of(const DatabaseSettings& database) const {
    return database.pool_mode.value_or(pgring.pool_mode);
}

UnpoolableStatements Settings::unpoolable_statements_of(const DatabaseSettings& database) const {
    return database.unpoolable_statements.value_or(pgring.unpoolable_statements);
}

std::string_view name_at_server(const DatabaseSettings& database, std::string_view name) {
    return database.dbname.empty() ? name : std::string_view(database.dbname);
}

}  // namespace pgring::config
