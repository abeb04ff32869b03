/// What a session sets follows it from backend to backend, and nobody else meets it.

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

const Lines kAnswer{"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"};

constexpr const char* kReadWorkMem =
    "Query SELECT pg_catalog.current_setting(E'work_mem', true), (SELECT setting OPERATOR(pg_catalog.=) "
    "reset_val FROM "
    "pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) E'work_mem')";

Scene one_backend() {
    Scene scene;
    scene.settings.pgring.default_pool_size = 1;
    return scene;
}

TEST(Settings, AParameterThatTheServerDoesNotReportFollowsTheSession) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("set work_mem = '1MB'"));
    backend.hears({"Query set work_mem = '1MB'"});
    bob.says(query("select 1"));
    backend.says(complete("SET") + ready());
    alice.hears({"CommandComplete SET", "ReadyForQuery I"});
    backend.hears({kReadWorkMem});
    backend.says(row({"1MB", "f"}) + complete("SELECT 1") + ready());
    backend.hears({"Query RESET \"work_mem\""});
    backend.says(complete("RESET") + ready());
    backend.hears({"Query select 1"});
    backend.answers("1");
    bob.hears(kAnswer);
    alice.says(query("select 1"));
    backend.hears({"Query SELECT pg_catalog.set_config(E'work_mem', E'1MB', false)"});
    backend.says(row("1MB") + complete("SELECT 1") + ready());
    backend.hears({"Query select 1"});
    backend.answers("1");
    alice.hears(kAnswer);
}

TEST(Settings, TheSearchPathOfOneSessionIsNotMetByAnother) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("set search_path = 'x'"));
    static_cast<void>(backend.take());
    backend.says(complete("SET") + ready());
    std::vector<Message> const asked = backend.take();
    ASSERT_EQ(asked.size(), 1U) << "PostgreSQL 15 does not report it, so it has to be read";
    EXPECT_TRUE(
        frontend_text(asked[0]).starts_with("Query SELECT pg_catalog.current_setting(E'search_path'"));
}

TEST(Settings, TheSessionThatSetItGoesOnWithoutAnErrand) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("set work_mem = '1MB'"));
    backend.hears({"Query set work_mem = '1MB'"});
    backend.says(complete("SET") + ready());
    backend.hears({kReadWorkMem});
    backend.says(row({"1MB", "f"}) + complete("SELECT 1") + ready());
    alice.says(query("select 1"));
    backend.hears({"Query select 1"});
}

TEST(Settings, WhatARollbackUndidIsReadAndNotGuessed) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("begin") + query("set work_mem = '1MB'"));
    backend.hears({"Query begin", "Query set work_mem = '1MB'"});
    backend.says(complete("BEGIN") + ready('T') + complete("SET") + ready('T'));
    backend.hears_nothing();
    alice.says(query("rollback"));
    backend.hears({"Query rollback"});
    backend.says(complete("ROLLBACK") + ready());
    backend.hears({kReadWorkMem});
    backend.says(row({"4MB", "t"}) + complete("SELECT 1") + ready());
    Client& bob = stage.logged_in();
    bob.says(query("select 1"));
    backend.hears({"Query select 1"});
}

TEST(Settings, WhatARollbackToASavepointUndidIsReadAndNotGuessed) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("begin") + query("savepoint a") +
               query("set work_mem = '1MB'; set timezone = 'Asia/Tokyo'"));
    backend.says(complete("BEGIN") + ready('T') + complete("SAVEPOINT") + ready('T') + complete("SET") +
                 complete("SET") + parameter_status("TimeZone", "Asia/Tokyo") + ready('T'));
    alice.says(query("rollback to a") + query("commit"));
    static_cast<void>(backend.take());
    backend.says(complete("ROLLBACK") + parameter_status("TimeZone", "UTC") + ready('T') +
                 complete("COMMIT") + ready());
    backend.hears({kReadWorkMem});
    backend.says(row({"4MB", "t"}) + complete("SELECT 1") + ready());
    static_cast<void>(alice.take());
    EXPECT_EQ(alice.parameter("TimeZone"), "UTC");
    Client& bob = stage.logged_in();
    bob.says(query("select 1"));
    backend.hears({"Query select 1"});
}

TEST(Settings, AReadOnlyDefaultOfOneSessionIsNotMetByAnother) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("set default_transaction_read_only = on"));
    backend.hears({"Query set default_transaction_read_only = on"});
    backend.says(complete("SET") + parameter_status("default_transaction_read_only", "on") + ready());
    bob.says(query("insert into t values (1)"));
    backend.hears({"Query SELECT pg_catalog.set_config(E'default_transaction_read_only', E'off', false)"});
    backend.says(row("off") + complete("SELECT 1") +
                 parameter_status("default_transaction_read_only", "off") + ready());
    backend.hears({"Query insert into t values (1)"});
    backend.answers("1");
    alice.says(query("insert into t values (2)"));
    backend.hears({"Query SELECT pg_catalog.set_config(E'default_transaction_read_only', E'on', false)"});
}

TEST(Settings, AValueThatTheServerDoesNotReportAgainIsNotSetAgain) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("set datestyle = 'iso'"));
    backend.hears({"Query set datestyle = 'iso'"});
    // It is what it was, so PostgreSQL 14 and later say nothing.
    backend.says(complete("SET") + ready());
    for (int i = 0; i < 3; ++i) {
        alice.says(query("select 1"));
        backend.hears({"Query select 1"});
        backend.answers("1");
    }
}

TEST(Settings, ASessionWhoseSettingsCannotBeReadIsPinned) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("set work_mem = '1MB'"));
    backend.hears({"Query set work_mem = '1MB'"});
    backend.says(complete("SET") + ready());
    backend.hears({kReadWorkMem});
    backend.says(error("42501", "permission denied") + ready());
    bob.says(query("select 1"));
    backend.hears_nothing();
    alice.says(query("select 2"));
    backend.hears({"Query select 2"});
}

TEST(Settings, ASettingThatWasNotReadYetEndsTheSessionWithItsBackend) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("set work_mem = '1MB'"));
    backend.hears({"Query set work_mem = '1MB'"});
    backend.says(complete("SET") + ready());
    alice.hears({"CommandComplete SET", "ReadyForQuery I"});
    backend.hangs_up();
    alice.hears({"ErrorResponse FATAL 08006"});
    EXPECT_TRUE(alice.closed());
}

TEST(Settings, WhatAClientSetAndDidNotCommitIsCleanedWhenItLeaves) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("begin") + query("set work_mem = '1MB'"));
    backend.hears({"Query begin", "Query set work_mem = '1MB'"});
    backend.says(complete("BEGIN") + ready('T') + complete("SET") + ready('T'));
    alice.hangs_up();
    backend.hears({"Query ROLLBACK"});
    backend.says(complete("ROLLBACK") + ready());
    backend.hears({"Query DISCARD ALL"});
}

// What asyncpg sends when a connection goes back to its pool.
TEST(Settings, AResetAmongOtherStatementsDoesNotPin) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in_as({{"user", "app"}, {"database", "db"}, {"application_name", "alice"}});
    Client& bob = stage.logged_in_as({{"user", "app"}, {"database", "db"}, {"application_name", "bob"}});
    Backend& backend = stage.backend(0);
    alice.says(query("select pg_advisory_unlock_all(); close all; unlisten *; reset all"));
    backend.hears({"Query SELECT pg_catalog.set_config(E'application_name', E'alice', false)"});
    backend.says(row("alice") + complete("SELECT 1") + parameter_status("application_name", "alice") +
                 ready());
    backend.hears({"Query select pg_advisory_unlock_all(); close all; unlisten *; reset all"});
    backend.says(row("") + complete("SELECT 1") + complete("CLOSE CURSOR ALL") + complete("UNLISTEN") +
                 complete("RESET") + parameter_status("application_name", "") + ready());
    static_cast<void>(alice.take());
    bob.says(query("select 1"));
    backend.hears({"Query SELECT pg_catalog.set_config(E'application_name', E'bob', false)"});
    backend.says(row("bob") + complete("SELECT 1") + parameter_status("application_name", "bob") + ready());
    backend.hears({"Query select 1"});
    backend.answers("1");
    alice.says(query("select 2"));
    backend.hears({"Query SELECT pg_catalog.set_config(E'application_name', E'alice', false)"});
}

// The next statement comes while the values are being read: it does not overtake the way back to alice's own.
TEST(Settings, AfterAResetTheNextStatementFindsWhatTheClientStartedWith) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in_as({{"user", "app"}, {"database", "db"}, {"application_name", "alice"}});
    Backend& backend = stage.backend(0);
    alice.says(query("reset application_name; reset work_mem"));
    backend.hears({"Query SELECT pg_catalog.set_config(E'application_name', E'alice', false)"});
    backend.says(row("alice") + complete("SELECT 1") + parameter_status("application_name", "alice") +
                 ready());
    backend.hears({"Query reset application_name; reset work_mem"});
    backend.says(complete("RESET") + parameter_status("application_name", "") + complete("RESET") + ready());
    backend.hears({kReadWorkMem});
    alice.says(query("show application_name"));
    backend.says(row({"4MB", "t"}) + complete("SELECT 1") + ready());
    backend.hears({"Query SELECT pg_catalog.set_config(E'application_name', E'alice', false)"});
    backend.says(row("alice") + complete("SELECT 1") + parameter_status("application_name", "alice") +
                 ready());
    backend.hears({"Query show application_name"});
}

// asyncpg does so before it looks up a type.
TEST(Settings, AParameterSetInAQueryIsReadWhateverElseTheQueryDoes) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query(
        "select current_setting('work_mem') as old, set_config('work_mem', '1' || 'MB', false) as new"));
    static_cast<void>(backend.take());
    backend.says(row({"4MB", "1MB"}) + complete("SELECT 1") + ready());
    backend.hears({kReadWorkMem});
}

TEST(Settings, DiscardAllLeadsBackToWhatTheClientStartedWith) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in_as({{"user", "app"}, {"database", "db"}, {"application_name", "alice"}});
    Backend& backend = stage.backend(0);
    alice.says(query("set application_name = 'other'"));
    backend.hears({"Query SELECT pg_catalog.set_config(E'application_name', E'alice', false)"});
    backend.says(row("alice") + complete("SELECT 1") + parameter_status("application_name", "alice") +
                 ready());
    backend.hears({"Query set application_name = 'other'"});
    backend.says(complete("SET") + parameter_status("application_name", "other") + ready());
    alice.hears({"CommandComplete SET", "ParameterStatus application_name=other", "ReadyForQuery I"});
    alice.says(query("discard all"));
    backend.hears({"Query discard all"});
    backend.says(complete("DISCARD ALL") + parameter_status("application_name", "") + ready());
    alice.hears({"CommandComplete DISCARD ALL", "ParameterStatus application_name=alice", "ReadyForQuery I"});
}

TEST(Settings, DiscardAllForgetsWhatTheServerDoesNotReport) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("set work_mem = '1MB'"));
    backend.says(complete("SET") + ready());
    backend.says(row({"1MB", "f"}) + complete("SELECT 1") + ready());
    alice.says(query("discard all"));
    backend.says(complete("DISCARD ALL") + ready());
    static_cast<void>(backend.take());
    alice.says(query("select 1"));
    backend.hears({"Query select 1"});
}

TEST(Settings, OfTwoIdleBackendsASessionGetsTheOneThatFits) {
    Stage stage;
    Client& alice = stage.logged_in_as({{"user", "app"}, {"database", "db"}, {"application_name", "alice"}});
    Client& bob = stage.logged_in_as({{"user", "app"}, {"database", "db"}, {"application_name", "bob"}});
    Backend& first = stage.backend(0);
    auto const accept = [](Backend& backend, const std::string& name) {
        backend.hears({"Query SELECT pg_catalog.set_config(E'application_name', E'" + name + "', false)"});
        backend.says(row(name) + complete("SELECT 1") + parameter_status("application_name", name) + ready());
    };
    alice.says(query("select 1"));
    bob.says(query("select 2"));
    Backend& second = stage.backend(1);
    accept(first, "alice");
    accept(second, "bob");
    first.hears({"Query select 1"});
    second.hears({"Query select 2"});
    first.answers("1");
    second.answers("1");
    alice.says(query("select 3"));
    first.hears({"Query select 3"});
    bob.says(query("select 4"));
    second.hears({"Query select 4"});
}

TEST(Settings, ASessionThatIsSerializableByDefaultStaysOnThePrimary) {
    Scene scene;
    scene.servers = 2;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Backend& primary = stage.backend(0);
    alice.says(query("set default_transaction_isolation = 'serializable'"));
    primary.hears({"Query set default_transaction_isolation = 'serializable'"});
    primary.says(complete("SET") + ready());
    std::vector<Message> const asked = primary.take();
    ASSERT_EQ(asked.size(), 1U);
    primary.says(row({"serializable", "f"}) + complete("SELECT 1") + ready());
    alice.says(query("select 1"));
    primary.hears({"Query select 1"});
}

/// A client that started with work_mem = 7MB, which the only backend has.
class ResetOfAStartupValue : public ::testing::Test {
  protected:
    ResetOfAStartupValue() : stage_(one_backend()) {
        alice_ = &stage_.client();
        alice_->says(startup({{"user", "app"}, {"database", "db"}, {"options", "-c work_mem=7MB"}}));
        backend().hears({kSetStartupValue});
        backend().says(row("7MB") + complete("SELECT 1") + ready());
        static_cast<void>(alice_->take());
    }
    Backend& backend() { return stage_.backend(0); }
    /// Its value is read and is the server's default.
    void is_read_as_default() {
        backend().hears({kReadWorkMem});
        backend().says(row({"4MB", "t"}) + complete("SELECT 1") + ready());
    }
    void is_set_again() {
        backend().hears({kSetStartupValue});
        backend().says(row("7MB") + complete("SELECT 1") + ready());
    }

    static constexpr const char* kSetStartupValue =
        "Query SELECT pg_catalog.set_config(E'work_mem', E'7MB', false)";
    Stage stage_;
    Client* alice_ = nullptr;
};

TEST_F(ResetOfAStartupValue, LeadsBackToItBeforeTheNextStatement) {
    for (const char* const text : {"reset work_mem", "reset all"}) {
        alice_->says(query(text));
        backend().hears({std::string("Query ") + text});
        backend().says(complete("RESET") + ready());
        alice_->hears({"CommandComplete RESET", "ReadyForQuery I"});
        alice_->says(query("show work_mem"));
        is_read_as_default();
        is_set_again();
        backend().hears({"Query show work_mem"});
        backend().answers("7MB");
        alice_->hears({"RowDescription", "DataRow 7MB", "CommandComplete SELECT 1", "ReadyForQuery I"});
    }
}

TEST_F(ResetOfAStartupValue, HoldsBackWhatIsPipelinedBehindIt) {
    alice_->says(query("reset all") + query("show work_mem"));
    backend().hears({"Query reset all"});
    backend().says(complete("RESET") + ready());
    is_read_as_default();
    is_set_again();
    backend().hears({"Query show work_mem"});
}

TEST_F(ResetOfAStartupValue, HoldsBackTheNextUnitOfTheExtendedProtocol) {
    alice_->says(parse("", "reset all") + bind("") + execute() + sync() + parse("", "show work_mem") +
                 bind("") + execute() + sync());
    backend().hears({"Parse: reset all", "Bind", "Execute",
                     "Parse: SELECT pg_catalog.set_config(E'work_mem', E'7MB', false)", "Bind as pgring_own",
                     "Execute pgring_own", "Close P pgring_own", "Sync"});
    backend().says(parse_complete() + bind_complete() + complete("RESET") + parse_complete() +
                   bind_complete() + row("7MB") + complete("SELECT 1") + close_complete() + ready());
    backend().hears({kReadWorkMem});
    backend().says(row({"7MB", "f"}) + complete("SELECT 1") + ready());
    backend().hears({"Parse: show work_mem", "Bind", "Execute", "Sync"});
}

TEST_F(ResetOfAStartupValue, ByDiscardAllLeadsBackToItToo) {
    alice_->says(query("set work_mem = '1MB'"));
    backend().says(complete("SET") + ready());
    static_cast<void>(backend().take());
    backend().says(row({"1MB", "f"}) + complete("SELECT 1") + ready());
    alice_->says(query("discard all"));
    backend().hears({"Query discard all"});
    backend().says(complete("DISCARD ALL") + ready());
    alice_->says(query("show work_mem"));
    is_set_again();
    backend().hears({"Query show work_mem"});
}

TEST_F(ResetOfAStartupValue, InAPinnedSessionIsMadeGoodOnItsBackend) {
    alice_->says(query("create temp table t (id int)"));
    backend().says(complete("CREATE TABLE") + ready());
    EXPECT_EQ(backend().take().size(), 2U) << "whether it left a table is asked";
    backend().says(row("t") + complete("SELECT 1") + ready());
    alice_->says(query("reset all"));
    backend().hears({"Query reset all"});
    backend().says(complete("RESET") + ready());
    is_read_as_default();
    is_set_again();
    alice_->says(query("show work_mem"));
    backend().hears({"Query show work_mem"});
}

TEST_F(ResetOfAStartupValue, AmongOtherStatementsOfOneTextIsMadeGoodAsWell) {
    alice_->says(query("begin; reset all; commit"));
    backend().hears({"Query begin; reset all; commit"});
    backend().says(complete("BEGIN") + complete("RESET") + complete("COMMIT") + ready());
    is_read_as_default();
    alice_->says(query("show work_mem"));
    is_set_again();
    backend().hears({"Query show work_mem"});
}

// The server does not know a default of what the client made up: after a reset it is empty.
TEST(Settings, AResetLeadsBackToAStartupValueOfTheClientsOwn) {
    Stage stage(one_backend());
    Client& alice = stage.client();
    alice.says(startup({{"user", "app"}, {"database", "db"}, {"options", "-c app.user=42"}}));
    Backend& backend = stage.backend(0);
    backend.hears({"Query SELECT pg_catalog.set_config(E'app.user', E'42', false)"});
    backend.says(row("42") + complete("SELECT 1") + ready());
    static_cast<void>(alice.take());
    alice.says(query("reset all"));
    backend.hears({"Query reset all"});
    backend.says(complete("RESET") + ready());
    EXPECT_EQ(backend.take().size(), 1U) << "its value is read";
    std::string const null("\xff\xff\xff\xff", 4);
    backend.says(message('D', number(2, 2) + number(0) + null) + complete("SELECT 1") + ready());
    alice.says(query("show app.user"));
    backend.hears({"Query SELECT pg_catalog.set_config(E'app.user', E'42', false)"});
}

TEST_F(ResetOfAStartupValue, AmidATransactionLeadsBackToItAtOnce) {
    for (const char* const text : {"reset work_mem", "set work_mem to default", "reset all"}) {
        alice_->says(query("begin") + query(text) + query("show work_mem"));
        backend().hears({"Query begin", std::string("Query ") + text});
        backend().says(complete("BEGIN") + ready('T') + complete("RESET") + ready('T'));
        backend().hears({kSetStartupValue});
        backend().says(row("7MB") + complete("SELECT 1") + ready('T'));
        backend().hears({"Query show work_mem"});
        backend().answers("7MB", 'T');
        alice_->hears({"CommandComplete BEGIN", "ReadyForQuery T", "CommandComplete RESET", "ReadyForQuery T",
                       "RowDescription", "DataRow 7MB", "CommandComplete SELECT 1", "ReadyForQuery T"});
        alice_->says(query("rollback"));
        backend().hears({"Query rollback"});
        backend().says(complete("ROLLBACK") + ready());
        backend().hears({kReadWorkMem});
        backend().says(row({"7MB", "f"}) + complete("SELECT 1") + ready());
        alice_->hears({"CommandComplete ROLLBACK", "ReadyForQuery I"});
    }
}

TEST_F(ResetOfAStartupValue, ForTheRestOfATransactionEndsWithIt) {
    alice_->says(query("begin") + query("set local work_mem to default") + query("show work_mem"));
    backend().hears({"Query begin", "Query set local work_mem to default"});
    backend().says(complete("BEGIN") + ready('T') + complete("SET") + ready('T'));
    backend().hears({"Query SELECT pg_catalog.set_config(E'work_mem', E'7MB', true)"});
    backend().says(row("7MB") + complete("SELECT 1") + ready('T'));
    backend().hears({"Query show work_mem"});
}

TEST_F(ResetOfAStartupValue, IsLeftAloneWhereTheTextSetsItAgain) {
    alice_->says(query("begin") + query("reset all; set work_mem = '1MB'") + query("show work_mem"));
    backend().hears({"Query begin", "Query reset all; set work_mem = '1MB'"});
    backend().says(complete("BEGIN") + ready('T') + complete("RESET") + complete("SET") + ready('T'));
    backend().hears({"Query show work_mem"});
}

TEST_F(ResetOfAStartupValue, InATransactionThatFailedIsUndoneWithIt) {
    alice_->says(query("begin") + query("reset work_mem; select 1/0") + query("select 1"));
    backend().hears({"Query begin", "Query reset work_mem; select 1/0"});
    backend().says(complete("BEGIN") + ready('T') + complete("RESET") + error("22012") + ready('E'));
    backend().hears({"Query select 1"});
}

TEST_F(ResetOfAStartupValue, AmidABatchLeadsBackToItBehindTheStatement) {
    alice_->says(parse("", "reset all") + bind("") + execute() + parse("", "show work_mem") + bind("") +
                 execute() + sync());
    backend().hears({"Parse: reset all", "Bind", "Execute",
                     "Parse: SELECT pg_catalog.set_config(E'work_mem', E'7MB', false)", "Bind as pgring_own",
                     "Execute pgring_own", "Close P pgring_own", "Parse: show work_mem", "Bind", "Execute",
                     "Sync"});
    backend().says(parse_complete() + bind_complete() + complete("RESET") + parse_complete() +
                   bind_complete() + row("7MB") + complete("SELECT 1") + close_complete() + parse_complete() +
                   bind_complete() + row("7MB") + complete("SHOW") + ready());
    alice_->hears({"ParseComplete", "BindComplete", "CommandComplete RESET", "ParseComplete", "BindComplete",
                   "DataRow 7MB", "CommandComplete SHOW", "ReadyForQuery I"});
}

TEST_F(ResetOfAStartupValue, OfABatchThatFailedReachesTheClientAsItsOwnErrorDoes) {
    alice_->says(parse("", "reset all") + bind("") + execute() + sync());
    static_cast<void>(backend().take());
    backend().says(parse_complete() + bind_complete() + error("42501") + ready());
    alice_->hears({"ParseComplete", "BindComplete", "ErrorResponse ERROR 42501", "ReadyForQuery I"});
}

TEST_F(ResetOfAStartupValue, OfThePreparedStatementOfANameLeavesTheUnnamedOneToTheClient) {
    alice_->says(parse("r", "reset work_mem") + parse("", "show work_mem") + bind("r") + execute() +
                 bind("") + execute() + sync());
    std::vector<Message> const heard = backend().take();
    ASSERT_EQ(heard.size(), 12U);
    EXPECT_EQ(frontend_text(heard[8]), "Parse: show work_mem") << "pgring's own has taken its place";
}

TEST(Settings, AResetAmidATransactionIsToldAsTheValueThatTheSessionStartedWith) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in_as({{"user", "app"}, {"database", "db"}, {"application_name", "alice"}});
    Backend& backend = stage.backend(0);
    alice.says(query("begin") + query("set application_name = 'x'"));
    static_cast<void>(backend.take());
    backend.says(row("alice") + complete("SELECT 1") + parameter_status("application_name", "alice") +
                 ready());
    backend.hears({"Query begin", "Query set application_name = 'x'"});
    backend.says(complete("BEGIN") + ready('T') + complete("SET") +
                 parameter_status("application_name", "x") + ready('T'));
    static_cast<void>(alice.take());
    EXPECT_EQ(alice.parameter("application_name"), "x");
    alice.says(query("reset application_name"));
    backend.hears({"Query reset application_name"});
    backend.says(complete("RESET") + parameter_status("application_name", "") + ready('T'));
    alice.hears({"CommandComplete RESET", "ParameterStatus application_name=alice", "ReadyForQuery T"});
    alice.says(query("show application_name"));
    backend.hears({"Query SELECT pg_catalog.set_config(E'application_name', E'alice', false)"});
    backend.says(row("alice") + complete("SELECT 1") + parameter_status("application_name", "alice") +
                 ready('T'));
    backend.hears({"Query show application_name"});
    backend.answers("alice", 'T');
    alice.hears({"RowDescription", "DataRow alice", "CommandComplete SELECT 1", "ReadyForQuery T"});
}

// "" is the server's default, too, and what the session wanted before the transaction that failed.
TEST(Settings, AResetThatWasUndoneLeavesADefaultThatWasSetOnPurpose) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in_as({{"user", "app"}, {"database", "db"}, {"application_name", "alice"}});
    Backend& backend = stage.backend(0);
    alice.says(query("set application_name = ''"));
    backend.says(row("alice") + complete("SELECT 1") + parameter_status("application_name", "alice") +
                 ready());
    backend.says(complete("SET") + parameter_status("application_name", "") + ready());
    alice.says(query("begin") + query("reset all; select 1/0") + query("rollback") +
               query("show application_name"));
    static_cast<void>(backend.take());
    backend.says(complete("BEGIN") + ready('T') + complete("RESET") + error("22012") + ready('E'));
    backend.hears({"Query rollback", "Query show application_name"});
}

TEST(Settings, WhatIsToldBeforeAResetIsToldAsItIs) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in_as({{"user", "app"}, {"database", "db"}, {"application_name", "alice"}});
    Backend& backend = stage.backend(0);
    alice.says(query("set application_name = 'x'") + query("set local application_name to default"));
    backend.says(row("alice") + complete("SELECT 1") + parameter_status("application_name", "alice") +
                 ready());
    backend.hears({"Query SELECT pg_catalog.set_config(E'application_name', E'alice', false)",
                   "Query set application_name = 'x'", "Query set local application_name to default"});
    backend.says(complete("SET") + parameter_status("application_name", "x") + ready());
    alice.hears({"CommandComplete SET", "ParameterStatus application_name=x", "ReadyForQuery I"});
}

// The session has set it to the server's default itself, so the server sees no change in the reset.
TEST(Settings, AResetAmidATransactionIsToldAlsoWhereTheServerHasNothingToTell) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in_as({{"user", "app"}, {"database", "db"}, {"application_name", "alice"}});
    Backend& backend = stage.backend(0);
    alice.says(query("begin") + query("set application_name = ''"));
    backend.says(row("alice") + complete("SELECT 1") + parameter_status("application_name", "alice") +
                 ready());
    backend.says(complete("BEGIN") + ready('T') + complete("SET") + parameter_status("application_name", "") +
                 ready('T'));
    alice.says(query("reset application_name"));
    backend.says(complete("RESET") + ready('T'));
    static_cast<void>(alice.take());
    static_cast<void>(backend.take());
    alice.says(query("show application_name"));
    backend.hears({"Query SELECT pg_catalog.set_config(E'application_name', E'alice', false)"});
    backend.says(row("alice") + complete("SELECT 1") + parameter_status("application_name", "alice") +
                 ready('T'));
    alice.hears({"ParameterStatus application_name=alice"});
    backend.hears({"Query show application_name"});
}

TEST(Settings, OfASessionWithBackslashesInItsStringsAreReadAsWell) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("set standard_conforming_strings = off"));
    static_cast<void>(backend.take());
    backend.says(complete("SET") + parameter_status("standard_conforming_strings", "off") + ready());
    alice.says(query("set work_mem = '1MB'"));
    backend.hears({"Query set work_mem = '1MB'"});
    backend.says(complete("SET") + ready());
    backend.hears({kReadWorkMem});
}

// psql with PGDATESTYLE does so: what it set to the server's default on purpose has to stay.
TEST(Settings, AResetOfOneParameterDoesNotResetTheOthers) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in_as({{"user", "app"}, {"database", "db"}, {"application_name", "alice"}});
    Backend& backend = stage.backend(0);
    alice.says(query("set application_name = ''; reset work_mem"));
    static_cast<void>(backend.take());
    backend.says(row("alice") + complete("SELECT 1") + parameter_status("application_name", "alice") +
                 ready());
    backend.hears({"Query set application_name = ''; reset work_mem"});
    backend.says(complete("SET") + parameter_status("application_name", "") + complete("RESET") + ready());
    backend.hears({kReadWorkMem});
    backend.says(row({"4MB", "t"}) + complete("SELECT 1") + ready());
    alice.says(query("show application_name"));
    backend.hears({"Query show application_name"});
}

TEST(Settings, AResetOfOneParameterLeavesTheOthersKnown) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("set search_path = 'b'"));
    backend.says(complete("SET") + ready());
    static_cast<void>(backend.take());
    backend.says(row({"b", "f"}) + complete("SELECT 1") + ready());
    alice.says(query("reset work_mem"));
    backend.hears({"Query reset work_mem"});
    backend.says(complete("RESET") + ready());
    backend.hears({kReadWorkMem});
    backend.says(row({"4MB", "t"}) + complete("SELECT 1") + ready());
    bob.says(query("select 1"));
    backend.hears({"Query RESET \"search_path\""});
}

}  // namespace
}  // namespace pgring::conversation
