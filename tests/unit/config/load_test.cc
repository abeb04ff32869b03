#include "config/load.h"

#include <array>
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "config/terms.h"
#include "loading.h"

namespace pgring::config {
namespace {

using namespace std::chrono_literals;
using testing::kMinimal;
using testing::loaded;
using testing::problem_of;
using testing::problems_of;
using testing::settings_of;
using testing::with_pgring;

TEST(Load, MinimalFileGivesDefaultsAndWhatItSays) {
    const Settings settings = settings_of(kMinimal);
    PgringSettings pgring;
    pgring.auth_file = "users";
    EXPECT_EQ(settings.pgring, pgring);
    HealthSettings health;
    health.health_check_user = "monitor";
    EXPECT_EQ(settings.health, health);
    EXPECT_EQ(settings.routing, RoutingSettings{});
    ASSERT_EQ(settings.servers.size(), 1U);
    EXPECT_EQ(settings.servers[0], (ServerSettings{.name = "pg-0", .host = "10.0.0.1"}));
}

TEST(Load, EveryKindOfValueReachesItsMember) {
    const Settings settings = settings_of(with_pgring(R"(
listen_addr = ["10.0.0.1", "::1"]
listen_port = 7000
unix_socket_mode = 0o770
pool_mode = "session"
query_wait_timeout = "5s"
tcp_keepidle = 30
tcp_user_timeout = 1500
prepared_statement_bytes_max = "64KiB"
log_connections = false
server_reset_query = "RESET ALL"
auth_type = "md5"
log_level = "warning"
log_format = "json"
ring_mode = "coop")"));
    const PgringSettings& pgring = settings.pgring;
    EXPECT_EQ(pgring.listen_addr, (std::vector<std::string>{"10.0.0.1", "::1"}));
    EXPECT_EQ(pgring.listen_port, 7000);
    EXPECT_EQ(pgring.unix_socket_mode.bits, 0770U);
    EXPECT_EQ(pgring.pool_mode, PoolMode::Session);
    EXPECT_EQ(pgring.query_wait_timeout, 5s);
    EXPECT_EQ(pgring.tcp_keepidle, 30s);
    EXPECT_EQ(pgring.tcp_user_timeout, 1500ms);
    EXPECT_EQ(pgring.prepared_statement_bytes_max, 65536U);
    EXPECT_FALSE(pgring.log_connections);
    EXPECT_EQ(pgring.server_reset_query, "RESET ALL");
    EXPECT_EQ(pgring.auth_type, AuthType::Md5);
    EXPECT_EQ(pgring.log_level, base::LogLevel::Warning);
    EXPECT_EQ(pgring.log_format, LogFormat::Json);
    EXPECT_EQ(pgring.ring_mode, RingMode::Coop);
}

TEST(Load, HabitsOfPgbouncerUsersWork) {
    const Settings settings = settings_of(with_pgring(R"(
listen_addr = "10.0.0.1, 10.0.0.2"
log_connections = 0
log_stats = "1"
query_wait_timeout = 0.25
unix_socket_mode = "0700"
ignore_startup_parameters = "extra_float_digits,search_path")"));
    EXPECT_EQ(settings.pgring.listen_addr, (std::vector<std::string>{"10.0.0.1", "10.0.0.2"}));
    EXPECT_FALSE(settings.pgring.log_connections);
    EXPECT_TRUE(settings.pgring.log_stats);
    EXPECT_EQ(settings.pgring.query_wait_timeout, 250ms);
    EXPECT_EQ(settings.pgring.unix_socket_mode.bits, 0700U);
    EXPECT_EQ(settings.pgring.ignore_startup_parameters,
              (std::vector<std::string>{"extra_float_digits", "search_path"}));
}

TEST(Load, LinesMayEndInCarriageReturns) {
    std::string text;
    for (const char byte : kMinimal) {
        if (byte == '\n') {
            text.push_back('\r');
        }
        text.push_back(byte);
    }
    EXPECT_EQ(settings_of(text), settings_of(kMinimal));
}

TEST(Load, ByteOrderMarkIsSkipped) {
    EXPECT_EQ(settings_of("\xEF\xBB\xBF" + std::string(kMinimal)), settings_of(kMinimal));
}

TEST(Load, ServersKeepTheOrderOfTheFile) {
    const Settings settings = settings_of(std::string(kMinimal) + R"(
[servers.alpha]
host = "10.0.0.2"
weight = 3
[servers.Z]
host = "/run/postgresql"
port = 5433
weight = 0
)");
    ASSERT_EQ(settings.servers.size(), 3U);
    EXPECT_EQ(settings.servers[0].name, "pg-0");
    EXPECT_EQ(settings.servers[1],
              (ServerSettings{.name = "alpha", .host = "10.0.0.2", .port = 5432, .weight = 3}));
    EXPECT_EQ(settings.servers[2],
              (ServerSettings{.name = "Z", .host = "/run/postgresql", .port = 5433, .weight = 0}));
}

TEST(Load, ServersMayBeInlineTables) {
    const Settings settings = settings_of(R"(
pgring.auth_type = "trust"
health = { health_check_user = "monitor" }
servers = { b = { host = "10.0.0.2" }, a = { host = "10.0.0.1" } }
)");
    ASSERT_EQ(settings.servers.size(), 2U);
    EXPECT_EQ(settings.servers[0].name, "b");
    EXPECT_EQ(settings.servers[1].name, "a");
}

TEST(Load, WithoutDatabasesEveryNameIsServed) {
    for (const std::string& text : {std::string(kMinimal), std::string(kMinimal) + "[databases]\n"}) {
        const Settings settings = settings_of(text);
        ASSERT_EQ(settings.databases.size(), 1U);
        EXPECT_EQ(settings.databases[0].name, "*");
        EXPECT_EQ(name_at_server(settings.databases[0], "anything"), "anything");
        EXPECT_EQ(settings.find_database("anything"), settings.databases.data());
    }
}

TEST(Load, DatabasesOverrideWhatTheySayAndInheritTheRest) {
    const Settings settings = settings_of(with_pgring("default_pool_size = 7") + R"(
[databases.app]
dbname = "app_production"
pool_size = 3
unpoolable_statements = "refuse"
[databases.reports]
pool_mode = "session"
)");
    const DatabaseSettings* app = settings.find_database("app");
    ASSERT_NE(app, nullptr);
    EXPECT_EQ(name_at_server(*app, "app"), "app_production");
    EXPECT_EQ(terms_of(settings, *app, "alice").pool_size, 3U);
    EXPECT_EQ(terms_of(settings, *app, "alice").pool_mode, PoolMode::Transaction);
    const DatabaseSettings* reports = settings.find_database("reports");
    ASSERT_NE(reports, nullptr);
    EXPECT_EQ(name_at_server(*reports, "reports"), "reports");
    EXPECT_EQ(terms_of(settings, *reports, "alice").pool_size, 7U);
    EXPECT_EQ(terms_of(settings, *reports, "alice").pool_mode, PoolMode::Session);
    EXPECT_EQ(terms_of(settings, *app, "alice").unpoolable_statements, UnpoolableStatements::Refuse);
    EXPECT_EQ(terms_of(settings, *reports, "alice").unpoolable_statements, UnpoolableStatements::Pin);
    EXPECT_EQ(settings.find_database("other"), nullptr);
}

TEST(Load, AUsersSectionGoesBeforeTheDatabases) {
    const Settings settings = settings_of(with_pgring("query_timeout = 60\nclient_idle_timeout = 5") + R"(
[databases."*"]
pool_size = 3
query_wait_timeout = 1
[users.batch]
pool_size = 1
pool_mode = "session"
query_timeout = 0
client_idle_timeout = 0
max_user_client_connections = 9
)");
    const DatabaseSettings& database = settings.databases[0];
    const Terms batch = terms_of(settings, database, "batch");
    EXPECT_EQ(batch.pool_size, 1U);
    EXPECT_EQ(batch.pool_mode, PoolMode::Session);
    EXPECT_EQ(batch.timeouts, std::nullopt) << "a user can be exempt from a timeout";
    EXPECT_EQ(batch.query_wait_timeout, std::chrono::seconds(1));
    EXPECT_EQ(user_clients_max(settings, "batch"), 9U);
    const Terms other = terms_of(settings, database, "other");
    EXPECT_EQ(other.pool_size, 3U);
    EXPECT_EQ(other.pool_mode, PoolMode::Transaction);
    ASSERT_TRUE(other.timeouts.has_value());
    EXPECT_EQ(other.timeouts->query, std::chrono::seconds(60));
    EXPECT_EQ(user_clients_max(settings, "other"), 0U);
}

TEST(Load, ADatabaseMayForceItsUser) {
    const Settings settings = settings_of(std::string(kMinimal) + R"(
[databases.app]
user = "service"
password = "secret"
)");
    EXPECT_EQ(user_at_server(settings.databases[0], "alice"), "service");
    EXPECT_EQ(user_at_server(DatabaseSettings{}, "alice"), "alice");
}

TEST(Load, StarServesDatabasesWithoutTheirOwnSection) {
    const Settings settings = settings_of(std::string(kMinimal) + R"(
[databases."*"]
pool_size = 1
[databases.app]
pool_size = 2
)");
    EXPECT_EQ(settings.find_database("app")->pool_size, 2U);
    EXPECT_EQ(settings.find_database("other")->pool_size, 1U);
}

TEST(Load, ReferencesAreExpandedInTextsNumbersAndLists) {
    constexpr std::array kEnvironmentVariables{EnvironmentVariable{"PORT", "7001"},
                                               EnvironmentVariable{"SECRET", "s3cr3t"},
                                               EnvironmentVariable{"ADDRESS", "10.1.1.1"}};
    std::string text =
        with_pgring("listen_port = \"${PORT}\"\nlisten_addr = [\"127.0.0.1\", \"${ADDRESS}\"]");
    text.insert(text.find("[servers"), "health_check_password = \"${SECRET}\"\n");
    const Settings settings = settings_of(text, kEnvironmentVariables);
    EXPECT_EQ(settings.pgring.listen_port, 7001);
    EXPECT_EQ(settings.pgring.listen_addr, (std::vector<std::string>{"127.0.0.1", "10.1.1.1"}));
    EXPECT_EQ(settings.health.health_check_password, "s3cr3t");
}

TEST(Load, VariablesOverrideTheFile) {
    constexpr std::array kEnvironmentVariables{
        EnvironmentVariable{"PGRING_LISTEN_PORT", "7002"},
        EnvironmentVariable{"PGRING_LISTEN_ADDR", "*"},
        EnvironmentVariable{"PGRING_LOG_STATS", "0"},
        EnvironmentVariable{"PGRING_QUERY_WAIT_TIMEOUT", "30s"},
        EnvironmentVariable{"PGRING_HEALTH_CHECK_USER", "other"},
        EnvironmentVariable{"PGRING_READ_WRITE_SPLIT", "false"},
    };
    const Settings settings = settings_of(with_pgring("listen_port = 7001"), kEnvironmentVariables);
    EXPECT_EQ(settings.pgring.listen_port, 7002);
    EXPECT_EQ(settings.pgring.listen_addr, std::vector<std::string>{"*"});
    EXPECT_FALSE(settings.pgring.log_stats);
    EXPECT_EQ(settings.pgring.query_wait_timeout, 30s);
    EXPECT_EQ(settings.health.health_check_user, "other");
    EXPECT_FALSE(settings.routing.read_write_split);
}

TEST(Load, VariablesStandInForWholeSections) {
    constexpr std::array kEnvironmentVariables{EnvironmentVariable{"PGRING_AUTH_FILE", "users"},
                                               EnvironmentVariable{"PGRING_HEALTH_CHECK_USER", "monitor"}};
    const Settings settings = settings_of("[servers.pg-0]\nhost = \"10.0.0.1\"\n", kEnvironmentVariables);
    EXPECT_EQ(settings.pgring.auth_file, "users");
    EXPECT_EQ(settings.health.health_check_user, "monitor");
}

TEST(Load, OverriddenValueIsNotLookedAt) {
    constexpr std::array kEnvironmentVariables{EnvironmentVariable{"PGRING_LISTEN_PORT", "7002"},
                                               EnvironmentVariable{"PGRING_POOL_MODE", "session"}};
    const Settings settings = settings_of(
        with_pgring("listen_port = \"${NOT_SET}\"\npool_mode = \"statement\""), kEnvironmentVariables);
    EXPECT_EQ(settings.pgring.listen_port, 7002);
    EXPECT_EQ(settings.pgring.pool_mode, PoolMode::Session);
}

TEST(Load, OverridingTextIsTakenAsItIs) {
    constexpr std::array kEnvironmentVariables{
        EnvironmentVariable{"PGRING_HEALTH_CHECK_PASSWORD", "${HOME}\"x\""}};
    EXPECT_EQ(settings_of(kMinimal, kEnvironmentVariables).health.health_check_password, "${HOME}\"x\"");
}

TEST(Load, UnusedVariableIsAWarning) {
    constexpr std::array kEnvironmentVariables{EnvironmentVariable{"PGRING_DEMO_COLOUR", "blue"},
                                               EnvironmentVariable{"PATH", "/bin"}};
    const Loaded result = loaded(kMinimal, kEnvironmentVariables);
    ASSERT_EQ(result.warnings.size(), 1U);
    EXPECT_EQ(to_string(result.warnings[0]),
              "environment: PGRING_DEMO_COLOUR overrides no option; unset it if it was meant for pgring; "
              "docs/configuration.md lists all variables");
}

TEST(Load, VariableThatTheFileRefersToIsNoWarning) {
    constexpr std::array kEnvironmentVariables{EnvironmentVariable{"PGRING_MONITOR_PASSWORD", "secret"},
                                               EnvironmentVariable{"PGRING_HEALTH_CHECK_PASSWORD", "other"}};
    std::string text(kMinimal);
    text.insert(text.find("[servers"), "health_check_password = \"${PGRING_MONITOR_PASSWORD}\"\n");
    EXPECT_TRUE(loaded(text, std::span(kEnvironmentVariables).first(1)).warnings.empty());
    EXPECT_TRUE(loaded(text, kEnvironmentVariables).warnings.empty()) << "though its value is overridden";
}

TEST(Load, VariablesThatKubernetesSetsAreIgnored) {
    constexpr std::array kEnvironmentVariables{EnvironmentVariable{"PGRING_PORT", "tcp://10.0.0.1:6432"},
                                               EnvironmentVariable{"PGRING_PORT_6432_TCP_ADDR", "10.0.0.1"},
                                               EnvironmentVariable{"PGRING_SERVICE_HOST", "10.0.0.1"}};
    EXPECT_TRUE(loaded(kMinimal, kEnvironmentVariables).warnings.empty());
}

TEST(Load, MisspeltVariableIsRefused) {
    constexpr std::array kEnvironmentVariables{EnvironmentVariable{"PGRING_LISTEN_PROT", "7000"}};
    EXPECT_EQ(problem_of(kMinimal, kEnvironmentVariables),
              "environment: PGRING_LISTEN_PROT overrides no option; set PGRING_LISTEN_PORT, or unset it");
}

TEST(Load, VariableIsMisspeltUpToTwoLettersAway) {
    constexpr std::array kTwoAway{EnvironmentVariable{"PGRING_LISTN_PROT", "7000"}};
    EXPECT_EQ(problem_of(kMinimal, kTwoAway),
              "environment: PGRING_LISTN_PROT overrides no option; set PGRING_LISTEN_PORT, or unset it");
    constexpr std::array kThreeAway{EnvironmentVariable{"PGRING_LSTN_PROT", "7000"}};
    EXPECT_EQ(loaded(kMinimal, kThreeAway).warnings.size(), 1U);
}

TEST(Load, WrongValuesInVariablesNameTheVariable) {
    constexpr std::array kEnvironmentVariables{EnvironmentVariable{"PGRING_LISTEN_PORT", "70000"},
                                               EnvironmentVariable{"PGRING_POOL_MODE", ""}};
    EXPECT_EQ(
        problems_of(kMinimal, kEnvironmentVariables),
        (std::vector<std::string>{
            R"(environment: PGRING_LISTEN_PORT is "70000", more than 65535; write a number: 1 to 65535)",
            R"(environment: PGRING_POOL_MODE is "", not one of session, transaction, statement; write one of "session", "transaction", "statement")",
        }));
}

TEST(Load, PeersAreAllButThisOne) {
    std::string const peers = "[peers.2]\nhost = \"10.0.0.2\"\n[peers.7]\nhost = \"10.0.0.7\"\nport = 1\n";
    EXPECT_EQ(other_peers(loaded(with_pgring("peer_id = 7") + peers).settings),
              (std::vector<PeerSettings>{{.id = 2, .host = "10.0.0.2", .port = 6432}}));
    EXPECT_EQ(other_peers(loaded(with_pgring("peer_id = 1") + peers).settings).size(), 2U);
}

TEST(Load, UselessSettingsAreWarnings) {
    const Loaded unused_rules = loaded(with_pgring("auth_hba_file = \"rules\""));
    ASSERT_EQ(unused_rules.warnings.size(), 1U);
    EXPECT_EQ(unused_rules.warnings[0].position.line, 3U);

    const Loaded no_reads = loaded(std::string(kMinimal) + "weight = 0\n");
    ASSERT_EQ(no_reads.warnings.size(), 1U);
    EXPECT_EQ(no_reads.warnings[0].message, "no server has a weight above 0: all reads go to the primary");

    std::string const peers = "[peers.2]\nhost = \"10.0.0.2\"\n[peers.7]\nhost = \"10.0.0.7\"\nport = 1\n";
    const Loaded nobody = loaded(std::string(kMinimal) + peers);
    ASSERT_EQ(nobody.warnings.size(), 1U);
    EXPECT_EQ(nobody.warnings[0].message,
              "pgring.peer_id does not say which of the peers this one is: it asks itself, too");
    EXPECT_TRUE(loaded(with_pgring("peer_id = 2") + peers).warnings.empty());
}

}  // namespace
}  // namespace pgring::config
