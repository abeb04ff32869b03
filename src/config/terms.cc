#include "config/terms.h"

#include <algorithm>

namespace pgring::config {

namespace {

/// A user without a section.
const UserSettings kNoSection;

const UserSettings& section_of(const Settings& settings, std::string_view user) {
    const UserSettings* section = settings.find_user(user);
    return section == nullptr ? kNoSection : *section;
}

}  // namespace

std::string_view user_at_server(const DatabaseSettings& database, std::string_view user) {
    return database.user.empty() ? user : std::string_view(database.user);
}

Terms terms_of(const Settings& settings, const DatabaseSettings& database, std::string_view name) {
    const PgringSettings& pgring = settings.pgring;
    const UserSettings& user = section_of(settings, name);
    SessionTimeouts const timeouts{
        .query = user.query_timeout.value_or(pgring.query_timeout),
        .idle_transaction = user.idle_transaction_timeout.value_or(pgring.idle_transaction_timeout),
        .transaction = user.transaction_timeout.value_or(pgring.transaction_timeout),
        .client_idle = user.client_idle_timeout.value_or(pgring.client_idle_timeout)};
    std::uint32_t const pool_size =
        user.pool_size.value_or(database.pool_size.value_or(pgring.default_pool_size));
    return {
        .pool_mode = user.pool_mode.value_or(database.pool_mode.value_or(pgring.pool_mode)),
        .unpoolable_statements = database.unpoolable_statements.value_or(pgring.unpoolable_statements),
        .unknown_functions = database.unknown_functions.value_or(pgring.unknown_functions),
        .pool_size = pool_size,
        .min_pool_size = std::min(database.min_pool_size.value_or(pgring.min_pool_size), pool_size),
        .reserve_pool_size =
            user.reserve_pool_size.value_or(database.reserve_pool_size.value_or(pgring.reserve_pool_size)),
        .database_clients_max = database.max_db_client_connections.value_or(pgring.max_db_client_connections),
        .database_backends_max = database.max_db_connections.value_or(pgring.max_db_connections),
        .user_backends_max = user.max_user_connections.value_or(pgring.max_user_connections),
        .query_wait_timeout =
            user.query_wait_timeout.value_or(database.query_wait_timeout.value_or(pgring.query_wait_timeout)),
        .server_lifetime = database.server_lifetime.value_or(pgring.server_lifetime),
        .timeouts = timeouts == SessionTimeouts{} ? std::nullopt : std::optional(timeouts)};
}

std::uint32_t user_clients_max(const Settings& settings, std::string_view user) {
    return section_of(settings, user)
        .max_user_client_connections.value_or(settings.pgring.max_user_client_connections);
}

}  // namespace pgring::config
