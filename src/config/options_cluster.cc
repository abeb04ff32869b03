// The rows of [health], [routing], [servers.NAME], [peers.N], [users.NAME] and [databases.NAME].

#include <chrono>
#include <cstdint>
#include <limits>

#include "config/options.h"

namespace pgring::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr base::Duration kDay = hours(24);
constexpr base::Duration kYear = hours(24 * 365);

constexpr Option<HealthSettings> kHealthOptions[] = {
    {
        .name = "health_check_period",
        .field = field<&HealthSettings::health_check_period>,
        .limits = between(milliseconds(10), hours(1)),
        .change = Change::Live,
        .origin = Origin::Pgpool,
        .sentence = "Time between two checks of a server; what looks suspicious is checked at once besides.",
    },
    {
        .name = "health_check_timeout",
        .field = field<&HealthSettings::health_check_timeout>,
        .limits = between(milliseconds(10), hours(1)),
        .change = Change::Live,
        .origin = Origin::Pgpool,
        .sentence = "A check that takes longer, connecting included, has failed.",
    },
    {
        .name = "health_check_max_retries",
        .field = field<&HealthSettings::health_check_max_retries>,
        .limits = between(1, 1000),
        .change = Change::Live,
        .origin = Origin::Pgpool,
        .sentence = "Failed checks in a row after which a server counts as down.",
    },
    {
        .name = "health_check_user",
        .field = field<&HealthSettings::health_check_user>,
        .change = Change::Live,
        .origin = Origin::Pgpool,
        .presence = Presence::Required,
        .example = R"("${PGRING_MONITOR_USER}")",
        .sentence = "User as whom the monitor logs in at every server; membership in pg_monitor lets it see "
                    "replication.",
    },
    {
        .name = "health_check_password",
        .field = field<&HealthSettings::health_check_password>,
        .change = Change::Live,
        .origin = Origin::Pgpool,
        .default_means = "no password",
        .example = R"("${PGRING_MONITOR_PASSWORD}")",
        .sentence = "Password of health_check_user; better kept in the environment than in the file.",
    },
    {
        .name = "health_check_database",
        .field = field<&HealthSettings::health_check_database>,
        .change = Change::Live,
        .origin = Origin::Pgpool,
        .presence = Presence::Required,
        .sentence = "Database to which the monitor connects.",
    },
};

constexpr Option<RoutingSettings> kRoutingOptions[] = {
    {
        .name = "read_write_split",
        .field = field<&RoutingSettings::read_write_split>,
        .change = Change::Live,
        .origin = Origin::Pgring,
        .sentence = "Whether statements that only read may go to standbys; off, all but the sessions of "
                    "readonly_application_names go to the primary.",
    },
    {
        .name = "readonly_application_names",
        .field = field<&RoutingSettings::readonly_application_names>,
        .change = Change::Live,
        .origin = Origin::Pgring,
        .sentence = "Sessions with such an application_name stay on standbys; their writes fail there with "
                    "SQLSTATE 25006.",
    },
    {
        .name = "standby_lag_bytes_max",
        .field = field<&RoutingSettings::standby_lag_bytes_max>,
        .limits = with_zero(between(1, std::numeric_limits<std::int64_t>::max()), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgring,
        .sentence = "A standby that has replayed so much less than the primary wrote gets no reads until it "
                    "has caught up.",
    },
};

constexpr Option<ServerSettings> kServerOptions[] = {
    {
        .name = "host",
        .field = field<&ServerSettings::host>,
        .change = Change::Restart,
        .origin = Origin::Pgbouncer,
        .presence = Presence::Required,
        .example = R"("127.0.0.1")",
        .sentence = "IP address, host name, or the folder of a unix socket (begins with /).",
    },
    {
        .name = "port",
        .field = field<&ServerSettings::port>,
        .limits = between(1, 65535),
        .change = Change::Restart,
        .origin = Origin::Pgbouncer,
        .example = "6100",
        .sentence = "Port of the server, and number in its unix socket's name.",
    },
    {
        .name = "weight",
        .field = field<&ServerSettings::weight>,
        .limits = with_zero(between(1, 1000), "no reads"),
        .change = Change::Live,
        .origin = Origin::Pgring,
        .sentence = "Share of the reads that this server gets, relative to the weights of the others.",
    },
};

constexpr Option<PeerSettings> kPeerOptions[] = {
    {
        .name = "host",
        .field = field<&PeerSettings::host>,
        .change = Change::Restart,
        .origin = Origin::Pgbouncer,
        .presence = Presence::Required,
        .example = R"("127.0.0.1")",
        .sentence = "IP address, host name, or the folder of a unix socket (begins with /).",
    },
    {
        .name = "port",
        .field = field<&PeerSettings::port>,
        .limits = between(1, 65535),
        .change = Change::Restart,
        .origin = Origin::Pgbouncer,
        .sentence = "The listen_port that it has.",
    },
};

constexpr Option<DatabaseSettings> kDatabaseOptions[] = {
    {
        .name = "dbname",
        .field = field<&DatabaseSettings::dbname>,
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "the name that the client asked for",
        .example = R"("app")",
        .sentence = "Name of the database at the servers.",
    },
    {
        .name = "user",
        .field = field<&DatabaseSettings::user>,
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "the user that the client logged in as",
        .example = R"("app")",
        .sentence = "As whom pgring logs in at the servers, whoever the client is; all its clients "
                    "share one pool then.",
    },
    {
        .name = "password",
        .field = field<&DatabaseSettings::password>,
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "the secret of user in auth_file",
        .example = R"("secret")",
        .sentence = "Password of user in clear; better kept in the environment than in the file.",
    },
    {
        .name = "connect_query",
        .field = field<&DatabaseSettings::connect_query>,
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "none",
        .example = R"("SET statement_timeout = '10s'")",
        .sentence = "Run on each new backend before anybody gets it, and after server_reset_query; where "
                    "it fails the backend is closed.",
    },
    {
        .name = "pool_size",
        .field = field<&DatabaseSettings::pool_size>,
        .limits = between(1, 100'000),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "the value of default_pool_size",
        .example = "20",
        .sentence = "Backends at once of one server and user for this database, over all workers.",
    },
    {
        .name = "pool_mode",
        .field = field<&DatabaseSettings::pool_mode>,
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "the value of pool_mode in [pgring]",
        .example = R"("session")",
        .sentence = "When a backend of this database goes back to its pool.",
    },
    {
        .name = "unpoolable_statements",
        .field = field<&DatabaseSettings::unpoolable_statements>,
        .change = Change::Live,
        .origin = Origin::Pgring,
        .default_means = "the value of unpoolable_statements in [pgring]",
        .example = R"("refuse")",
        .sentence =
            "What becomes of statements that leave something in their session which cannot be carried "
            "over.",
    },
    {
        .name = "unknown_functions",
        .field = field<&DatabaseSettings::unknown_functions>,
        .change = Change::Live,
        .origin = Origin::Pgring,
        .default_means = "the value of unknown_functions in [pgring]",
        .example = R"("trust")",
        .sentence =
            "Whether the server is asked what a function of the database's own has left in the session.",
    },
    {
        .name = "min_pool_size",
        .field = field<&DatabaseSettings::min_pool_size>,
        .limits = with_zero(between(1, 100'000), "none"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "that of [pgring]",
        .example = "2",
        .sentence = "Backends that a pool of this database keeps open though nobody uses them.",
    },
    {
        .name = "reserve_pool_size",
        .field = field<&DatabaseSettings::reserve_pool_size>,
        .limits = with_zero(between(1, 100'000), "none"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "that of [pgring]",
        .example = "5",
        .sentence = "Backends that a pool of this database may have beyond its size.",
    },
    {
        .name = "max_db_connections",
        .field = field<&DatabaseSettings::max_db_connections>,
        .limits = with_zero(between(1, 1'000'000), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "that of [pgring]",
        .example = "50",
        .sentence = "Backends at once of this database in all its pools, over all workers.",
    },
    {
        .name = "max_db_client_connections",
        .field = field<&DatabaseSettings::max_db_client_connections>,
        .limits = with_zero(between(1, 1'000'000), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "that of [pgring]",
        .example = "1000",
        .sentence = "Clients of this database at once, over all workers.",
    },
    {
        .name = "query_wait_timeout",
        .field = field<&DatabaseSettings::query_wait_timeout>,
        .limits = with_zero(between(milliseconds(1), kDay), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "that of [pgring]",
        .example = R"("2min")",
        .sentence = "How long a statement in this database may wait for a backend.",
    },
    {
        .name = "server_lifetime",
        .field = field<&DatabaseSettings::server_lifetime>,
        .limits = with_zero(between(milliseconds(1), kYear), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "that of [pgring]",
        .example = R"("1h")",
        .sentence = "A backend of this database that is older is closed as soon as nobody uses it.",
    },
};

constexpr Option<UserSettings> kUserOptions[] = {
    {
        .name = "pool_size",
        .field = field<&UserSettings::pool_size>,
        .limits = between(1, 100'000),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "the database's",
        .example = "20",
        .sentence = "Backends at once of one server and database as this user, over all workers.",
    },
    {
        .name = "pool_mode",
        .field = field<&UserSettings::pool_mode>,
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "the database's",
        .example = R"("session")",
        .sentence = "When a backend of this user goes back to its pool.",
    },
    {
        .name = "reserve_pool_size",
        .field = field<&UserSettings::reserve_pool_size>,
        .limits = with_zero(between(1, 100'000), "none"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "the database's",
        .example = "5",
        .sentence = "Backends that a pool of this user may have beyond its size.",
    },
    {
        .name = "max_user_connections",
        .field = field<&UserSettings::max_user_connections>,
        .limits = with_zero(between(1, 1'000'000), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "that of [pgring]",
        .example = "50",
        .sentence = "Backends at once that are logged in as this user, over all workers.",
    },
    {
        .name = "max_user_client_connections",
        .field = field<&UserSettings::max_user_client_connections>,
        .limits = with_zero(between(1, 1'000'000), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "that of [pgring]",
        .example = "1000",
        .sentence = "Clients at once that are logged in as this user, over all workers.",
    },
    {
        .name = "query_wait_timeout",
        .field = field<&UserSettings::query_wait_timeout>,
        .limits = with_zero(between(milliseconds(1), kDay), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "the database's",
        .example = R"("2min")",
        .sentence = "How long a statement of this user may wait for a backend.",
    },
    {
        .name = "query_timeout",
        .field = field<&UserSettings::query_timeout>,
        .limits = with_zero(between(milliseconds(1), kDay), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "that of [pgring]",
        .example = R"("5min")",
        .sentence = "How long a statement of this user may take.",
    },
    {
        .name = "idle_transaction_timeout",
        .field = field<&UserSettings::idle_transaction_timeout>,
        .limits = with_zero(between(milliseconds(1), kDay), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "that of [pgring]",
        .example = R"("1min")",
        .sentence = "How long a client of this user may be silent amid a transaction.",
    },
    {
        .name = "transaction_timeout",
        .field = field<&UserSettings::transaction_timeout>,
        .limits = with_zero(between(milliseconds(1), kDay), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "that of [pgring]",
        .example = R"("10min")",
        .sentence = "How long a transaction of this user may last.",
    },
    {
        .name = "client_idle_timeout",
        .field = field<&UserSettings::client_idle_timeout>,
        .limits = with_zero(between(milliseconds(1), kDay), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "that of [pgring]",
        .example = R"("1h")",
        .sentence = "How long a client of this user may be silent outside of a transaction.",
    },
};

}  // namespace

template <>
std::span<const Option<HealthSettings>> options() {
    return kHealthOptions;
}
template <>
std::span<const Option<RoutingSettings>> options() {
    return kRoutingOptions;
}
template <>
std::span<const Option<ServerSettings>> options() {
    return kServerOptions;
}
template <>
std::span<const Option<PeerSettings>> options() {
    return kPeerOptions;
}

template <>
std::span<const Option<DatabaseSettings>> options() {
    return kDatabaseOptions;
}
template <>
std::span<const Option<UserSettings>> options() {
    return kUserOptions;
}

}  // namespace pgring::config
