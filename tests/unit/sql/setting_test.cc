/// The names in SET, RESET and set_config().

#include "sql/setting.h"

#include <string>

#include <gtest/gtest.h>

namespace pgring::sql {

using Action = SettingChange::Action;

std::ostream& operator<<(std::ostream& out, const SettingChange& change) {
    return out << "{" << static_cast<int>(change.action) << " " << change.name << "}";
}

namespace {

using Changes = std::vector<SettingChange>;

const SettingChange kAll{.action = Action::ResetAll, .name = {}};

SettingChange set(std::string name) {
    return {.action = Action::Set, .name = std::move(name)};
}

SettingChange reset(std::string name) {
    return {.action = Action::Reset, .name = std::move(name)};
}

TEST(SettingsOf, ReadsTheNameOfASet) {
    EXPECT_EQ(settings_of("SET work_mem TO '64MB'"), Changes{set("work_mem")});
    EXPECT_EQ(settings_of("set Statement_Timeout = 5000;"), Changes{set("statement_timeout")});
    EXPECT_EQ(settings_of("SET LOCAL enable_seqscan = off"), Changes{set("enable_seqscan")});
    EXPECT_EQ(settings_of("SET \"TimeZone\" TO 'Europe/Berlin'"), Changes{set("timezone")});
    EXPECT_EQ(settings_of("SET app.tenant = E'it\\'s'"), Changes{set("app.tenant")});
    EXPECT_EQ(settings_of("SET NAMES 'UTF8'"), Changes{set("client_encoding")});
    EXPECT_EQ(settings_of("SET TIME ZONE INTERVAL '1' HOUR"), Changes{set("timezone")});
    EXPECT_EQ(settings_of("SET SCHEMA 'S'"), Changes{set("search_path")});
    EXPECT_EQ(settings_of("SET ROLE admin"), Changes{set("role")});
    EXPECT_EQ(settings_of("SET SESSION AUTHORIZATION admin"), Changes{set("session_authorization")});
}

TEST(SettingsOf, ReadsResets) {
    EXPECT_EQ(settings_of("RESET work_mem"), Changes{reset("work_mem")});
    EXPECT_EQ(settings_of("SET work_mem TO DEFAULT"), Changes{reset("work_mem")});
    EXPECT_EQ(settings_of("RESET ALL"), Changes{kAll});
    EXPECT_EQ(settings_of("SET LOCAL work_mem TO DEFAULT"),
              (Changes{{.action = Action::ResetLocal, .name = "work_mem"}}));
}

TEST(SettingsOf, ReadsTransactionModesThatTheSessionKeeps) {
    EXPECT_EQ(
        settings_of("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY"),
        (Changes{set("default_transaction_isolation"), set("default_transaction_read_only")}));
    EXPECT_EQ(settings_of("SET TRANSACTION READ ONLY"), Changes{});
}

TEST(SettingsOf, ReadsTheNamesInSetConfigWhereverItStands) {
    EXPECT_EQ(settings_of("SELECT set_config('TimeZone', 'UTC', false)"), Changes{set("timezone")});
    EXPECT_EQ(settings_of("SELECT pg_catalog.set_config('search_path', $1, false)"),
              Changes{set("search_path")});
    EXPECT_EQ(settings_of("SELECT current_setting('jit') AS cur, set_config('jit', 'off', false) AS new"),
              Changes{set("jit")});
    EXPECT_EQ(settings_of("SELECT 1 FROM t WHERE set_config('a.b', x || 'y', $1) = ''"), Changes{set("a.b")});
}

TEST(SettingsOf, ReadsSeveralStatementsInOrder) {
    EXPECT_EQ(settings_of("SET a.x = 1; RESET a.y; SELECT set_config('a.z', '2', false)"),
              (Changes{set("a.x"), reset("a.y"), set("a.z")}));
}

TEST(SettingsOf, PassesOverWhatChangesNothing) {
    EXPECT_EQ(settings_of("SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL"),
              Changes{kAll});
    EXPECT_EQ(settings_of("BEGIN; SET a.x = 1; INSERT INTO t VALUES (f(1)); COMMIT"), Changes{set("a.x")});
    EXPECT_EQ(settings_of("SELECT 1"), Changes{});
    EXPECT_EQ(settings_of(""), Changes{});
}

TEST(SettingsOf, SaysNothingWhereOnlyTheServerKnows) {
    for (const std::string_view text : {
             "SELECT set_config($1, 'x', false)",
             "SELECT set_config('a.b', 'x', false), set_config(name, 'x', false) FROM t",
             "SET a.x = 1; DO 'begin end'",
             "SET a.x = 1; CALL p()",
             "SET a.x = 1; SELECT setseed(0.5)",
             "SET a.x TO",
         }) {
        EXPECT_EQ(settings_of(text), Changes{}) << text;
    }
    EXPECT_EQ(settings_of(std::string_view("SET a.x = 1\0", 12)), Changes{});
    EXPECT_EQ(settings_of("SET a.x = '" + std::string(16384, 'x') + "'"), Changes{});
}

}  // namespace
}  // namespace pgring::sql
