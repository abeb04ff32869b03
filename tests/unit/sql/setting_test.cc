/// Names and values out of SET, RESET and set_config().

#include "sql/setting.h"

#include <string>

#include <gtest/gtest.h>

namespace pgring::sql {

using Action = SettingChange::Action;
using Scope = SettingChange::Scope;

std::ostream& operator<<(std::ostream& out, const SettingChange& change) {
    return out << "{" << static_cast<int>(change.action) << " " << static_cast<int>(change.scope) << " "
               << change.name << " = " << change.value << "}";
}

namespace {

using Changes = std::vector<SettingChange>;

Changes set(std::string name, std::string value, Scope scope = Scope::Session) {
    return {{.action = Action::Set, .scope = scope, .name = std::move(name), .value = std::move(value)}};
}

Changes reset(std::string name, Scope scope = Scope::Session) {
    return {{.action = Action::Reset, .scope = scope, .name = std::move(name), .value = {}}};
}

TEST(SettingsOf, ReadsNameAndValueOfASet) {
    EXPECT_EQ(settings_of("SET work_mem TO '64MB'"), set("work_mem", "64MB"));
    EXPECT_EQ(settings_of("set Statement_Timeout = 5000;"), set("statement_timeout", "5000"));
    EXPECT_EQ(settings_of("SET log_min_duration_statement = -1"), set("log_min_duration_statement", "-1"));
    EXPECT_EQ(settings_of("SET random_page_cost = 1.10"), set("random_page_cost", "1.10"));
    EXPECT_EQ(settings_of("SET random_page_cost = -1.5"), set("random_page_cost", "-1.5"));
    EXPECT_EQ(settings_of("SET enable_seqscan = off"), set("enable_seqscan", "off"));
    EXPECT_EQ(settings_of("SET enable_seqscan = true"), set("enable_seqscan", "true"));
    EXPECT_EQ(settings_of("SET \"TimeZone\" TO 'Europe/Berlin'"), set("timezone", "Europe/Berlin"));
    EXPECT_EQ(settings_of("SET app.tenant = E'it\\'s'"), set("app.tenant", "it's"));
    EXPECT_EQ(settings_of("SET NAMES 'UTF8'"), set("client_encoding", "UTF8"));
    EXPECT_EQ(settings_of("SET TIME ZONE 'UTC'"), set("timezone", "UTC"));
}

TEST(SettingsOf, JoinsListsAndQuotesIdentifiersInThemAsPostgresDoes) {
    EXPECT_EQ(settings_of("SET DateStyle = ISO, DMY"), set("datestyle", "iso, dmy"));
    EXPECT_EQ(settings_of("SET search_path = a, B, \"C d\", \"$user\", 'e\"f', ''"),
              set("search_path", "a, b, \"C d\", \"$user\", \"e\"\"f\", \"\""));
    EXPECT_EQ(settings_of("SET SCHEMA 'S'"), set("search_path", "\"S\""));
    EXPECT_EQ(settings_of("SET app.list = '', 'x'"), set("app.list", ", x"));
    EXPECT_EQ(settings_of("SET app.list = 'A b'"), set("app.list", "A b"));
}

TEST(SettingsOf, TellsTheScope) {
    EXPECT_EQ(settings_of("SET LOCAL work_mem = 1"), set("work_mem", "1", Scope::Transaction));
    EXPECT_EQ(settings_of("SET SESSION work_mem = 1"), set("work_mem", "1"));
    EXPECT_EQ(settings_of("SET LOCAL work_mem TO DEFAULT"), reset("work_mem", Scope::Transaction));
    EXPECT_EQ(settings_of("SET transaction_read_only = on"),
              set("transaction_read_only", "on", Scope::Transaction));
}

TEST(SettingsOf, ReadsResets) {
    EXPECT_EQ(settings_of("RESET work_mem"), reset("work_mem"));
    EXPECT_EQ(settings_of("SET work_mem TO DEFAULT"), reset("work_mem"));
    EXPECT_EQ(settings_of("SET TIME ZONE LOCAL"), reset("timezone"));
    EXPECT_EQ(settings_of("RESET SESSION AUTHORIZATION"), reset("session_authorization"));
    EXPECT_EQ(settings_of("RESET ALL"),
              (Changes{{.action = Action::ResetAll, .scope = Scope::Session, .name = {}, .value = {}}}));
}

TEST(SettingsOf, ReadsRolesAsParameters) {
    EXPECT_EQ(settings_of("SET ROLE admin"), set("role", "admin"));
    EXPECT_EQ(settings_of("SET ROLE NONE"), set("role", "none"));
    EXPECT_EQ(settings_of("SET LOCAL ROLE 'Admin'"), set("role", "Admin", Scope::Transaction));
    EXPECT_EQ(settings_of("SET SESSION AUTHORIZATION admin"), set("session_authorization", "admin"));
    EXPECT_EQ(settings_of("SET SESSION AUTHORIZATION DEFAULT"), reset("session_authorization"));
}

TEST(SettingsOf, ReadsTransactionModes) {
    EXPECT_EQ(settings_of("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"),
              set("default_transaction_read_only", "on"));
    EXPECT_EQ(settings_of("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE, NOT DEFERRABLE"),
              (Changes{
                  set("transaction_isolation", "repeatable read", Scope::Transaction)[0],
                  set("transaction_read_only", "off", Scope::Transaction)[0],
                  set("transaction_deferrable", "off", Scope::Transaction)[0],
              }));
}

TEST(SettingsOf, ReadsSetConfigWithConstants) {
    EXPECT_EQ(settings_of("SELECT set_config('TimeZone', 'UTC', false)"), set("timezone", "UTC"));
    EXPECT_EQ(settings_of("SELECT pg_catalog.set_config('search_path', '', false)"), set("search_path", ""));
    EXPECT_EQ(settings_of("SELECT set_config('a.b', 'x', true), set_config('a.c', 'y', false)"),
              (Changes{set("a.b", "x", Scope::Transaction)[0], set("a.c", "y")[0]}));
}

TEST(SettingsOf, ReadsSeveralStatementsInOrder) {
    EXPECT_EQ(settings_of("SET a.x = 1; RESET a.x; SELECT set_config('a.x', '2', false)"),
              (Changes{set("a.x", "1")[0], reset("a.x")[0], set("a.x", "2")[0]}));
}

TEST(SettingsOf, SaysNothingWhereOnlyTheServerKnows) {
    for (const std::string_view text : {
             "SELECT 1",
             "",
             "SET a.x = 1; SELECT 1",
             "SET TIME ZONE INTERVAL '1' HOUR",
             "SET TRANSACTION SNAPSHOT '1-1'",
             "SELECT set_config('a.b', 'x', $1)",
             "SELECT set_config('a.b', 'x', 'false')",
             "SELECT set_config('a.b', $1, false)",
             "SELECT set_config($1, 'x', false)",
             "SELECT set_config('a.b', 'x' || 'y', false)",
             "SELECT set_config('a.b', NULL, false)",
             "SELECT set_config('a.b', 'x', false) FROM t",
             "SELECT set_config('a.b', 'x', false) WHERE false",
             "SELECT set_config('a.b', 'x', false), 1",
             "SELECT public.set_config('a.b', 'x', false)",
             "SELECT set_config('a.b', 'x', false) UNION SELECT ''",
             "SET a.x TO",
         }) {
        EXPECT_EQ(settings_of(text), Changes{}) << text;
    }
    EXPECT_EQ(settings_of(std::string_view("SET a.x = 1\0", 12)), Changes{});
    EXPECT_EQ(settings_of("SET a.x = '" + std::string(16384, 'x') + "'"), Changes{});
}

}  // namespace
}  // namespace pgring::sql
