/// What a session left at its backend ties it there for as long as it is there, and no longer.

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

constexpr const char* kAnyTemporary =
    "Query SELECT EXISTS (SELECT FROM pg_catalog.pg_depend WHERE refclassid OPERATOR(pg_catalog.=) "
    "'pg_catalog.pg_namespace'::pg_catalog.regclass AND refobjid OPERATOR(pg_catalog.=) "
    "pg_catalog.pg_my_temp_schema())";
constexpr const char* kAnyAdvisoryLock =
    "Query SELECT EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype OPERATOR(pg_catalog.=) 'advisory' "
    "AND pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid())";

Scene one_backend() {
    Scene scene;
    scene.settings.pgring.default_pool_size = 1;
    return scene;
}

/// Alice uses the only backend of a pool, Bob would like to.
class Pins : public testing::Test {
  protected:
    /// The backend answers what pgring asks about one thing.
    void tells(std::string_view there) { backend().says(row(there) + complete("SELECT 1") + ready()); }
    /// A statement of Alice's that goes well, and pgring's question behind it.
    void alice_runs(std::string_view text, const std::string& tag, const std::string& question) {
        alice_.says(query(text));
        backend().hears({"Query " + std::string(text)});
        backend().says(complete(tag) + ready());
        alice_.hears({"CommandComplete " + tag, "ReadyForQuery I"});
        if (question.empty()) {
            backend().hears_nothing();
        } else {
            backend().hears({question});
        }
    }
    void bob_waits() {
        bob_.says(query("select 1"));
        backend().hears_nothing();
    }
    void bob_is_served() {
        backend().hears({"Query select 1"});
        backend().answers("1");
        bob_.hears({"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
    }
    Backend& backend() { return stage_.backend(0); }
    std::uint64_t pins() { return stage_.worker().stats().pins.value(); }

    Stage stage_{one_backend()};
    Client& alice_ = stage_.logged_in();
    Client& bob_ = stage_.logged_in();
};

TEST_F(Pins, ATemporaryTableTiesTheSessionUntilItIsDropped) {
    alice_runs("create temporary table x (y int)", "CREATE TABLE", kAnyTemporary);
    tells("t");
    bob_waits();
    alice_runs("insert into x values (1)", "INSERT 0 1", "");
    alice_runs("create temporary table z (y int)", "CREATE TABLE", "");
    alice_runs("drop table z", "DROP TABLE", kAnyTemporary);
    tells("t");
    backend().hears_nothing();
    alice_runs("drop table x", "DROP TABLE", kAnyTemporary);
    tells("f");
    bob_is_served();
    EXPECT_EQ(pins(), 1U);
    EXPECT_EQ(stage_.worker().stats().unpins.value(), 1U);
}

TEST_F(Pins, WhatWasRolledBackTiesNobody) {
    alice_.says(query("begin") + query("create temporary table x (y int)"));
    backend().hears({"Query begin", "Query create temporary table x (y int)"});
    backend().says(complete("BEGIN") + ready('T') + complete("CREATE TABLE") + ready('T'));
    backend().hears_nothing();
    alice_.says(query("rollback"));
    backend().hears({"Query rollback"});
    backend().says(complete("ROLLBACK") + ready());
    backend().hears({kAnyTemporary});
    tells("f");
    bob_.says(query("select 1"));
    bob_is_served();
    EXPECT_EQ(pins(), 0U);
}

TEST_F(Pins, WhatIsAskedForInAFailedTransactionTiesNobody) {
    alice_.says(query("begin") + query("selec"));
    static_cast<void>(backend().take());
    backend().says(complete("BEGIN") + ready('T') + error("42601") + ready('E'));
    alice_.says(query("create temporary table x (y int)"));
    static_cast<void>(backend().take());
    backend().says(error("25P02") + ready('E'));
    alice_.says(query("rollback"));
    backend().hears({"Query rollback"});
    backend().says(complete("ROLLBACK") + ready());
    backend().hears_nothing();
    bob_.says(query("select 1"));
    bob_is_served();
}

TEST_F(Pins, AStatementThatFailedTiesNobody) {
    alice_.says(query("create temporary table x (y int)"));
    static_cast<void>(backend().take());
    backend().says(error("42P07") + ready());
    backend().hears({kAnyTemporary});
    tells("f");
    bob_.says(query("select 1"));
    bob_is_served();
}

TEST_F(Pins, APrepareThatFailedLeavesItsExecuteToTheClient) {
    alice_.says(query("prepare p (mood) as select * from missing"));
    static_cast<void>(backend().take());
    backend().says(error("42P01") + ready());
    alice_.hears({"ErrorResponse ERROR 42P01", "ReadyForQuery I"});
    tells("f");
    static_cast<void>(backend().take());
    alice_.says(query("execute p"));
    backend().hears({"Query execute p"});
    bob_.says(query("select 1"));
    backend().says(error("26000") + ready());
    alice_.hears({"ErrorResponse ERROR 26000", "ReadyForQuery I"});
    bob_is_served();
}

TEST_F(Pins, AnErrorDoesNotEndThem) {
    alice_runs("select pg_advisory_lock(1)", "SELECT 1", kAnyAdvisoryLock);
    tells("t");
    bob_waits();
    alice_.says(query("selec"));
    backend().hears({"Query selec"});
    backend().says(error("42601") + ready());
    alice_.hears({"ErrorResponse ERROR 42601", "ReadyForQuery I"});
    backend().hears_nothing();
    alice_.says(query("begin") + query("commit"));
    backend().hears({"Query begin", "Query commit"});
    backend().says(complete("BEGIN") + ready('T') + error("23503") + ready());
    backend().hears_nothing();
}

TEST_F(Pins, ATableThatCommitDropsIsNoQuestion) {
    alice_runs("create temporary table x (y int) on commit drop", "CREATE TABLE", "");
    bob_.says(query("select 1"));
    bob_is_served();
}

TEST_F(Pins, ALockThatWasNotGotOrWasGivenBackTiesNobody) {
    alice_runs("select pg_try_advisory_lock(1)", "SELECT 1", kAnyAdvisoryLock);
    tells("f");
    alice_runs("select pg_advisory_lock(1)", "SELECT 1", kAnyAdvisoryLock);
    tells("t");
    bob_waits();
    alice_runs("select pg_advisory_unlock(2)", "SELECT 1", kAnyAdvisoryLock);
    tells("t");
    backend().hears_nothing();
    alice_runs("select pg_advisory_unlock_all()", "SELECT 1", kAnyAdvisoryLock);
    tells("f");
    bob_is_served();
}

TEST_F(Pins, ALockOfTheTransactionEndsWithIt) {
    alice_runs("select pg_advisory_xact_lock(1)", "SELECT 1", "");
    bob_.says(query("select 1"));
    bob_is_served();
    EXPECT_EQ(pins(), 0U);
}

TEST_F(Pins, CursorsStatementsAndRolesEndAsWell) {
    struct Case {
        const char* does;
        const char* undoes;
        const char* asks;
    };
    for (const Case& one : {Case{"declare c cursor with hold for select 1", "close all",
                                 "Query SELECT EXISTS (SELECT FROM pg_catalog.pg_cursors WHERE is_holdable)"},
                            Case{"prepare p (mood) as select 1", "deallocate p",
                                 "Query SELECT (SELECT pg_catalog.count(*) FROM "
                                 "pg_catalog.pg_prepared_statements WHERE from_sql) "
                                 "OPERATOR(pg_catalog.<>) 0"},
                            Case{"set role admin", "reset role",
                                 "Query SELECT pg_catalog.current_setting('role') OPERATOR(pg_catalog.<>) "
                                 "'none' OR session_user OPERATOR(pg_catalog.<>) E'app'"},
                            Case{"create temp view v as select 1", "discard temp", kAnyTemporary}}) {
        alice_runs(one.does, "DONE", one.asks);
        tells("t");
        bob_waits();
        alice_runs(one.undoes, "UNDONE", one.asks);
        tells("f");
        bob_is_served();
    }
}

TEST_F(Pins, CodeThatLeftNothingTiesNobody) {
    alice_.says(query("do $$ begin update t set x = 1; end $$"));
    static_cast<void>(backend().take());
    backend().says(complete("DO") + ready());
    std::vector<Message> const asked = backend().take();
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_NE(frontend_text(asked[0]).find("source OPERATOR(pg_catalog.=) 'session'"), std::string::npos);
    backend().says(row({"f", "f", "f", "f", "f", "f", "application_name"}) + complete("SELECT 1") + ready());
    bob_.says(query("select 1"));
    bob_is_served();
    EXPECT_EQ(pins(), 0U);
}

TEST_F(Pins, WhatCodeHasSetFollowsTheSession) {
    alice_.says(query("call p()"));
    static_cast<void>(backend().take());
    backend().says(complete("CALL") + ready());
    static_cast<void>(backend().take());
    backend().says(row({"f", "f", "f", "f", "f", "f", "TimeZone,work_mem"}) + complete("SELECT 1") + ready());
    std::vector<Message> const asked = backend().take();
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_TRUE(frontend_text(asked[0]).starts_with("Query SELECT pg_catalog.current_setting(E'work_mem'"));
    backend().says(row({"1MB", "f"}) + complete("SELECT 1") + ready());
    bob_.says(query("select 1"));
    backend().hears({"Query RESET \"work_mem\""});
    backend().says(complete("RESET") + ready());
    bob_is_served();
}

/// Nothing of what is asked after code that nobody knows is there, and these are the answers about functions.
std::string left_nothing(const std::vector<std::string_view>& of_functions = {}) {
    std::vector<std::string> values{"f", "f", "f", "f", "f", "f", ""};
    values.insert(values.end(), of_functions.begin(), of_functions.end());
    std::string body = number(static_cast<std::uint32_t>(values.size()), 2);
    for (const std::string& value : values) {
        body += number(static_cast<std::uint32_t>(value.size())) + value;
    }
    return message('D', body) + complete("SELECT 1") + ready();
}

class UnknownFunctions : public Pins {
  protected:
    /// pgring asks what the call has left, and about no function.
    void is_asked_but_not_for_code(std::source_location where = std::source_location::current()) {
        std::vector<Message> const asked = backend().take();
        ASSERT_EQ(asked.size(), 1U) << where.line();
        std::string const text = frontend_text(asked[0]);
        EXPECT_NE(text.find("pg_locks"), std::string::npos) << where.line();
        EXPECT_EQ(text.find("pg_proc"), std::string::npos) << where.line();
    }
    /// pgring asks what a parameter is set to.
    void is_read(const std::string& parameter, std::source_location where = std::source_location::current()) {
        std::vector<Message> const asked = backend().take();
        ASSERT_EQ(asked.size(), 1U) << where.line();
        std::string const query = "Query SELECT pg_catalog.current_setting(E'" + parameter + "'";
        EXPECT_TRUE(frontend_text(asked[0]).starts_with(query)) << where.line();
    }
    void alice_calls(std::string_view text) {
        alice_.says(query(text));
        backend().hears({"Query " + std::string(text)});
        backend().says(row_description() + row("1") + complete("SELECT 1") + ready());
        static_cast<void>(alice_.take());
    }
    /// pgring asks what the call has left, and about this function.
    void is_asked_about(std::string_view name, std::source_location where = std::source_location::current()) {
        std::vector<Message> const asked = backend().take();
        ASSERT_EQ(asked.size(), 1U) << where.line();
        std::string const text = frontend_text(asked[0]);
        EXPECT_NE(text.find("pg_locks"), std::string::npos) << where.line();
        EXPECT_NE(text.find("proname OPERATOR(pg_catalog.=) E'" + std::string(name) + "'"), std::string::npos)
            << where.line();
    }
};

TEST_F(UnknownFunctions, WhatOneHasLeftTiesTheSession) {
    alice_calls("select take_lock()");
    is_asked_about("take_lock");
    backend().says(row({"f", "f", "t", "f", "f", "f", "", "f", "", "f"}) + complete("SELECT 1") + ready());
    bob_waits();
    EXPECT_EQ(pins(), 1U);
    alice_runs("select pg_advisory_unlock(1)", "SELECT 1", kAnyAdvisoryLock);
    tells("f");
    bob_is_served();
}

TEST_F(UnknownFunctions, WhatOneLeftIsAskedEachTimeButItsCodeIsReadOnce) {
    alice_calls("select take_lock()");
    is_asked_about("take_lock");
    backend().says(left_nothing({"f", "", "f"}));
    alice_calls("select take_lock()");
    is_asked_but_not_for_code();
    backend().says(left_nothing());
    bob_.says(query("select 1"));
    bob_is_served();
    EXPECT_EQ(pins(), 0U);
    alice_calls("select take_lock()");
    is_asked_but_not_for_code();
    backend().says(row({"f", "f", "t", "f", "f", "f", ""}) + complete("SELECT 1") + ready());
    bob_waits();
    EXPECT_EQ(pins(), 1U);
}

TEST_F(UnknownFunctions, WhatIsKnownOfOneIsKnownForAMinuteOrUntilOneIsDefined) {
    alice_calls("select take_lock()");
    is_asked_about("take_lock");
    backend().says(left_nothing({"f", "", "f"}));
    alice_runs("create or replace function take_lock() returns int language sql as 'select 1'",
               "CREATE FUNCTION", "");
    alice_calls("select take_lock()");
    is_asked_about("take_lock");
    backend().says(left_nothing({"f", "", "f"}));
    stage_.passes(std::chrono::seconds(61));
    bob_.says(query("select take_lock()"));
    backend().hears({"Query"});
    backend().says(empty_query() + ready());
    backend().hears({"Query select take_lock()"});
    backend().answers("1");
    is_asked_about("take_lock");
}

TEST_F(UnknownFunctions, OneThatIsProvenHarmlessIsBelievedForAMinute) {
    alice_calls("select st_area(x) from t");
    is_asked_about("st_area");
    backend().says(left_nothing({"t", "", "f"}));
    alice_calls("select st_area(y) from u");
    backend().hears_nothing();
    bob_.says(query("select st_area(z)"));
    backend().hears({"Query select st_area(z)"});
    backend().answers("1");
    backend().hears_nothing();
    stage_.passes(std::chrono::seconds(61));
    alice_.says(query("select 1"));
    backend().hears({"Query"});
    backend().says(empty_query() + ready());
    backend().hears({"Query select 1"});
    backend().answers("1");
    alice_calls("select st_area(x) from t");
    is_asked_about("st_area");
}

TEST_F(UnknownFunctions, AreAskedAboutAnewWhenOneIsDefined) {
    alice_calls("select st_area(x) from t");
    is_asked_about("st_area");
    backend().says(left_nothing({"t", "", "f"}));
    alice_runs("create or replace function st_area(x int) returns int language sql as 'select x'",
               "CREATE FUNCTION", "");
    alice_calls("select st_area(x) from t");
    is_asked_about("st_area");
}

TEST_F(UnknownFunctions, AreAskedAboutWhenTheTransactionIsOver) {
    alice_.says(query("begin") + query("select one()") + query("select two(), one()") + query("commit"));
    static_cast<void>(backend().take());
    backend().says(complete("BEGIN") + ready('T') + complete("SELECT 1") + ready('T') + complete("SELECT 1") +
                   ready('T') + complete("COMMIT") + ready());
    std::vector<Message> const asked = backend().take();
    ASSERT_EQ(asked.size(), 1U);
    std::string const text = frontend_text(asked[0]);
    EXPECT_NE(text.find("E'one'"), std::string::npos);
    EXPECT_NE(text.find("E'two'"), std::string::npos);
}

TEST_F(UnknownFunctions, AParameterThatTheCodeNamesFollowsTheSession) {
    alice_calls("select set_tenant(7)");
    is_asked_about("set_tenant");
    backend().says(left_nothing({"f", "app.tenant", "f"}));
    is_read("app.tenant");
    backend().says(row({"7", "f"}) + complete("SELECT 1") + ready());
    bob_.says(query("select 1"));
    backend().hears({"Query RESET \"app.tenant\""});
    backend().says(complete("RESET") + ready());
    bob_is_served();
    alice_.says(query("select 1"));
    backend().hears({"Query SELECT pg_catalog.set_config(E'app.tenant', E'7', false)"});
}

TEST_F(UnknownFunctions, AParameterIsRememberedWithTheFunctionThatSetsIt) {
    alice_calls("select set_tenant(7)");
    is_asked_about("set_tenant");
    backend().says(left_nothing({"f", "app.tenant", "f"}));
    is_read("app.tenant");
    backend().says(row({"7", "f"}) + complete("SELECT 1") + ready());
    alice_calls("select set_tenant(8)");
    is_asked_but_not_for_code();
    backend().says(left_nothing());
    is_read("app.tenant");
}

TEST_F(UnknownFunctions, ThatItsCodeLeavesWhatNoServerListsIsRememberedAsWell) {
    alice_calls("select shuffle()");
    is_asked_about("shuffle");
    backend().says(left_nothing({"f", "", "t"}));
    EXPECT_EQ(pins(), 1U);
    Client& carol = stage_.logged_in();
    alice_.hangs_up();
    backend().hears({"Query DISCARD ALL"});
    backend().says(complete("DISCARD ALL") + ready());
    carol.says(query("select shuffle()"));
    backend().hears({"Query select shuffle()"});
    backend().answers("1");
    is_asked_but_not_for_code();
    backend().says(left_nothing());
    EXPECT_EQ(pins(), 2U);
}

TEST_F(UnknownFunctions, CodeThatMayLeaveWhatNoServerListsTiesTheSession) {
    alice_calls("select shuffle()");
    is_asked_about("shuffle");
    backend().says(left_nothing({"f", "", "t"}));
    bob_waits();
    EXPECT_EQ(pins(), 1U);
}

TEST_F(UnknownFunctions, WhatWasNotAskedBeforeTheServerWasLostIsLostWithTheSession) {
    alice_calls("select take_lock()");
    is_asked_about("take_lock");
    backend().hangs_up();
    alice_.hears({"ErrorResponse FATAL 08006"});
    EXPECT_TRUE(alice_.closed());
}

TEST_F(UnknownFunctions, AnAnswerThatFailedProvesNothing) {
    alice_calls("select st_area(1)");
    is_asked_about("st_area");
    backend().says(error("42501") + ready());
    alice_calls("select st_area(2)");
    is_asked_about("st_area");
}

TEST(UnknownFunctionsTrusted, AreNotAskedAbout) {
    Scene scene = one_backend();
    scene.settings.pgring.unknown_functions = config::UnknownFunctions::Trust;
    Stage stage(std::move(scene));
    Client& alice = stage.logged_in();
    alice.says(query("select take_lock()"));
    stage.backend(0).hears({"Query select take_lock()"});
    stage.backend(0).answers("1");
    stage.backend(0).hears_nothing();
}

// pg_advisory_lock() by its number, say.
TEST_F(Pins, AFunctionThatIsCalledByItsNumberMayLeaveAnything) {
    alice_.says(function_call(2880));
    backend().hears({"FunctionCall"});
    backend().says(function_result("") + ready());
    alice_.hears({"FunctionCallResponse", "ReadyForQuery I"});
    ASSERT_EQ(backend().take().size(), 1U) << "what it left is asked";
    backend().says(row({"f", "f", "t", "f", "f", "f", ""}) + complete("SELECT 1") + ready());
    bob_waits();
    EXPECT_EQ(pins(), 1U);
    alice_runs("select pg_advisory_unlock(1)", "SELECT 1", kAnyAdvisoryLock);
    tells("f");
    bob_is_served();
}

TEST_F(Pins, AFunctionOfLargeObjectsLeavesNothingBehindItsTransaction) {
    constexpr std::uint32_t kOpen = 952;
    alice_.says_in_pieces(function_call(kOpen), 1);
    backend().hears({"FunctionCall"});
    backend().says(function_result("") + ready());
    alice_.hears({"FunctionCallResponse", "ReadyForQuery I"});
    backend().hears_nothing();
    bob_.says(query("select 1"));
    bob_is_served();
}

TEST_F(Pins, ATextTooLongToBeJudgedMayLeaveAnything) {
    alice_.says(query("select '" + std::string(20'000, 'x') +
                      "'; set work_mem = '1MB'; create temporary table t ()"));
    static_cast<void>(backend().take());
    backend().says(complete("SELECT 1") + complete("SET") + complete("CREATE TABLE") + ready());
    static_cast<void>(alice_.take());
    ASSERT_EQ(backend().take().size(), 1U) << "what it left is asked";
    backend().says(row({"f", "t", "f", "f", "f", "f", "work_mem"}) + complete("SELECT 1") + ready());
    bob_waits();
    EXPECT_EQ(pins(), 1U);
    alice_runs("drop table t", "DROP TABLE", kAnyTemporary);
    tells("f");
    ASSERT_TRUE(frontend_text(backend().take().at(0))
                    .starts_with("Query SELECT pg_catalog.current_setting(E'work_mem'"));
    backend().says(row({"1MB", "f"}) + complete("SELECT 1") + ready());
    backend().hears({"Query DISCARD ALL"});
    backend().says(complete("DISCARD ALL") + ready());
    bob_is_served();
    alice_.says(query("select 2"));
    backend().hears({"Query SELECT pg_catalog.set_config(E'work_mem', E'1MB', false)"});
}

TEST_F(Pins, WhatCodeMayHaveSetUnseenTiesTheSession) {
    alice_.says(query("do $$ begin set app.tenant = 'a'; end $$"));
    static_cast<void>(backend().take());
    backend().says(complete("DO") + ready());
    static_cast<void>(backend().take());
    backend().says(row({"f", "f", "f", "f", "f", "f", ""}) + complete("SELECT 1") + ready());
    alice_.hears({"CommandComplete DO", "ReadyForQuery I"});
    bob_waits();
    EXPECT_EQ(pins(), 1U);
    alice_runs("discard all", "DISCARD ALL", "Query select 1");
}

TEST_F(Pins, WhereItCannotBeReadThePinStays) {
    alice_runs("select pg_advisory_lock(1)", "SELECT 1", kAnyAdvisoryLock);
    backend().says(error("42501", "permission denied for view pg_locks") + ready());
    bob_waits();
    EXPECT_EQ(pins(), 1U);
    alice_.says(terminate());
    backend().hears({"Query DISCARD ALL"});
    backend().says(complete("DISCARD ALL") + ready());
    backend().hears({"Query select 1"});
}

TEST_F(Pins, DiscardAllEndsThemWithoutAQuestion) {
    alice_runs("select setseed(0.5)", "SELECT 1", "");
    bob_waits();
    alice_runs("discard all", "DISCARD ALL", "Query select 1");
}

TEST_F(Pins, WhatWasSentBehindDiscardAllIsNotForgottenWithIt) {
    alice_.says(query("discard all") + query("create temporary table x (y int)"));
    backend().hears({"Query discard all"});
    backend().says(complete("DISCARD ALL") + ready());
    backend().hears({"Query create temporary table x (y int)"});
    backend().says(complete("CREATE TABLE") + ready());
    ASSERT_EQ(backend().take().size(), 1U);
    backend().says(row("t") + complete("SELECT 1") + ready());
    bob_waits();
    EXPECT_EQ(pins(), 1U);
}

TEST_F(Pins, ASettingMadeWhileTiedFollowsTheSessionLater) {
    alice_runs("select pg_advisory_lock(1)", "SELECT 1", kAnyAdvisoryLock);
    tells("t");
    alice_runs("set work_mem = '1MB'", "SET", "");
    alice_runs("select pg_advisory_unlock(1)", "SELECT 1", kAnyAdvisoryLock);
    tells("f");
    std::vector<Message> const asked = backend().take();
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_TRUE(frontend_text(asked[0]).starts_with("Query SELECT pg_catalog.current_setting(E'work_mem'"));
    backend().says(row({"1MB", "f"}) + complete("SELECT 1") + ready());
    bob_.says(query("select 1"));
    backend().hears({"Query RESET \"work_mem\""});
}

TEST_F(Pins, AClientThatLeavesTiedHasItsBackendReset) {
    alice_runs("create temporary table x (y int)", "CREATE TABLE", kAnyTemporary);
    tells("t");
    bob_waits();
    alice_.says(terminate());
    backend().hears({"Query DISCARD ALL"});
    backend().says(complete("DISCARD ALL") + ready());
    bob_is_served();
}

TEST_F(Pins, ALoadedLibraryGoesWithItsBackendOnly) {
    alice_runs("load 'auto_explain'", "LOAD", "");
    alice_runs("discard all", "DISCARD ALL", "");
    bob_waits();
    alice_.says(terminate());
    EXPECT_TRUE(backend().closed()) << "no reset takes a library out again";
    stage_.backend(1).hears({"Query select 1"});
}

TEST_F(Pins, TheReasonsAreCounted) {
    alice_runs("select setseed(0.5)", "SELECT 1", "");
    alice_runs("select setseed(0.5)", "SELECT 1", "");
    alice_runs("load 'auto_explain'", "LOAD", "");
    const stats::WorkerStats& stats = stage_.worker().stats();
    EXPECT_EQ(stats.pins.value(), 2U);
    EXPECT_EQ(stats.pins_by_reason[session::index_of(session::Pin::SessionFunction)].value(), 1U);
    EXPECT_EQ(stats.pins_by_reason[session::index_of(session::Pin::LoadLibrary)].value(), 1U);
}

TEST_F(Pins, TheQuestionIsNotAskedWhileACancelIsOnItsWay) {
    alice_.says(query("select pg_advisory_lock(1)"));
    backend().hears({"Query select pg_advisory_lock(1)"});
    Client& canceler = stage_.client();
    canceler.says(cancel_request(alice_.process_id(), alice_.secret()));
    backend().says(complete("SELECT 1") + ready());
    alice_.hears({"CommandComplete SELECT 1", "ReadyForQuery I"});
    backend().hears_nothing();
    stage_.backend(1).hangs_up();
    backend().hears({kAnyAdvisoryLock});
}

// -- What a session remembers of sequences --

TEST_F(Pins, SequencesOfAnEarlierTransactionAreNotAnotherSessions) {
    alice_runs("insert into t values (1)", "INSERT 0 1", "");
    bob_.says(query("insert into t values (2)"));
    backend().hears({"Query insert into t values (2)"});
    backend().says(complete("INSERT 0 1") + ready());
    alice_.says(query("select lastval()"));
    alice_.hears({"ErrorResponse ERROR 0A000", "ReadyForQuery I"});
    EXPECT_NE(alice_.last_error().body.find("RETURNING"), std::string::npos) << "what to do instead";
    backend().hears_nothing();
}

TEST_F(Pins, OnceSequencesAreAskedForAWriteTiesTheSession) {
    alice_.says(query("select currval('s')"));
    alice_.hears({"ErrorResponse ERROR 0A000", "ReadyForQuery I"});
    alice_runs("select 2", "SELECT 1", "");
    EXPECT_EQ(pins(), 0U);
    alice_runs("insert into t values (1)", "INSERT 0 1", "");
    bob_waits();
    alice_runs("select lastval()", "SELECT 1", "");
    EXPECT_EQ(pins(), 1U);
    alice_.says(terminate());
    backend().hears({"Query DISCARD ALL"});
    backend().says(complete("DISCARD ALL") + ready());
    bob_is_served();
}

TEST_F(Pins, SequencesAreRememberedInTheTransactionThatWrote) {
    alice_.says(query("begin") + query("insert into t values (1)"));
    backend().hears({"Query begin", "Query insert into t values (1)"});
    backend().says(complete("BEGIN") + ready('T') + complete("INSERT 0 1") + ready('T'));
    alice_.says(query("select lastval()"));
    backend().hears({"Query select lastval()"});
    backend().says(complete("SELECT 1") + ready('T'));
    alice_.says(query("commit"));
    backend().hears({"Query commit"});
    backend().says(complete("COMMIT") + ready());
    static_cast<void>(alice_.take());
    alice_runs("insert into t values (1); select lastval()", "SELECT 1", "");
    EXPECT_EQ(pins(), 0U);
}

TEST_F(Pins, SequencesThatATransactionHasNotWrittenAreNotAnotherSessions) {
    bob_.says(query("insert into t values (2)"));
    backend().hears({"Query insert into t values (2)"});
    backend().says(complete("INSERT 0 1") + ready());
    alice_.says(query("begin") + query("select 1"));
    backend().hears({"Query begin", "Query select 1"});
    backend().says(complete("BEGIN") + ready('T'));
    backend().answers("1", 'T');
    static_cast<void>(alice_.take());
    alice_.says(query("select lastval()"));
    EXPECT_EQ(backend().take().size(), 1U) << "something that fails the transaction";
    backend().says(error("22P02") + ready('E'));
    alice_.hears({"ErrorResponse ERROR 0A000", "ReadyForQuery E"});
}

class AskedForSequences : public Pins {
  protected:
    AskedForSequences() {
        alice_.says(query("begin") + query("insert into t values (1)") + query("select lastval()") +
                    query("commit"));
        static_cast<void>(backend().take());
        backend().says(complete("BEGIN") + ready('T') + complete("INSERT 0 1") + ready('T') + row("1") +
                       complete("SELECT 1") + ready('T') + complete("COMMIT") + ready());
        static_cast<void>(alice_.take());
    }
};

TEST_F(AskedForSequences, WhatOthersLeftIsDiscardedBeforeAWrite) {
    alice_runs("insert into t values (2)", "INSERT 0 1", "");
    bob_.says(query("insert into t values (3)"));
    backend().hears({"Query DISCARD SEQUENCES"});
    backend().says(complete("DISCARD SEQUENCES") + ready());
    backend().hears({"Query insert into t values (3)"});
    backend().says(complete("INSERT 0 1") + ready());
    bob_.says(query("insert into t values (4)"));
    backend().hears({"Query insert into t values (4)"});
    backend().says(complete("INSERT 0 1") + ready());
    alice_.says(query("select 1"));
    backend().hears({"Query select 1"});
}

TEST_F(AskedForSequences, WhatOthersLeftIsDiscardedAmidABatchAsWell) {
    bob_.says(parse("", "select 1") + bind("") + execute() + parse("", "insert into t values (3)") +
              bind("") + execute() + sync());
    backend().hears({"Parse: select 1", "Bind", "Execute", "Parse: insert into t values (3)",
                     "Parse: DISCARD SEQUENCES", "Bind as pgring_own", "Execute pgring_own",
                     "Close P pgring_own", "Parse: insert into t values (3)", "Bind", "Execute", "Sync"});
}

TEST_F(AskedForSequences, WhatIsWrittenBehindTheDiscardIsTheSessionsOwn) {
    bob_.says(query("begin"));
    bob_.says(parse("", "insert into t values (3)") + bind("") + execute() + sync());
    backend().hears({"Query begin", "Parse: insert into t values (3)", "Parse: DISCARD SEQUENCES",
                     "Bind as pgring_own", "Execute pgring_own", "Close P pgring_own",
                     "Parse: insert into t values (3)", "Bind", "Execute", "Sync"});
    backend().says(complete("BEGIN") + ready('T') + parse_complete() + parse_complete() + bind_complete() +
                   complete("DISCARD SEQUENCES") + close_complete() + parse_complete() + bind_complete() +
                   complete("INSERT 0 1") + ready('T'));
    static_cast<void>(bob_.take());
    bob_.says(query("select lastval()"));
    backend().hears({"Query select lastval()"});
    backend().answers("3", 'T');
    EXPECT_EQ(pins(), 0U);
}

// The batch fails before it comes to that.
TEST_F(AskedForSequences, WhatWasNotDiscardedIsDiscardedLater) {
    bob_.says(parse("", "select 1/0") + bind("") + execute() + parse("", "insert into t values (3)") +
              bind("") + execute() + sync());
    static_cast<void>(backend().take());
    backend().says(parse_complete() + bind_complete() + error("22012") + ready());
    bob_.says(query("insert into t values (3)"));
    backend().hears({"Query DISCARD SEQUENCES"});
}

TEST_F(Pins, ABindThatAsksForSequencesOfAnEarlierTransactionIsRefused) {
    alice_.says(parse("", "select lastval()") + bind("") + execute() + sync());
    backend().hears({"Parse: select lastval()", "Bind pgring_none", "Execute", "Sync"});
    backend().says(parse_complete() + error("26000") + ready());
    alice_.hears({"ParseComplete", "ErrorResponse ERROR 0A000", "ReadyForQuery I"});
}

// -- unpoolable_statements = "refuse" --

Scene refusing() {
    Scene scene = one_backend();
    scene.settings.pgring.unpoolable_statements = config::UnpoolableStatements::Refuse;
    return scene;
}

constexpr const char* kFails =
    "Query SELECT 'pgring: refused, see unpoolable_statements and pool_mode'::pg_catalog.int4";

TEST(Refusals, OutsideOfATransactionNeedNoServer) {
    Stage stage(refusing());
    Client& alice = stage.logged_in();
    alice.says(query("create temporary table x (y int)"));
    alice.hears({"ErrorResponse ERROR 0A000", "ReadyForQuery I"});
    stage.backend(0).hears_nothing();
    EXPECT_NE(alice.last_error().body.find("ON COMMIT DROP"), std::string::npos) << "what to do instead";
    EXPECT_NE(alice.last_error().body.find("temporary table"), std::string::npos) << "which feature";
    alice.says(query("select 1"));
    stage.backend(0).hears({"Query select 1"});
    EXPECT_EQ(stage.worker().stats().refusals.value(), 1U);
    EXPECT_EQ(stage.worker().stats().pins.value(), 0U);
}

TEST(Refusals, OfTheFirstStatementFailTheTransaction) {
    Stage stage(refusing());
    Client& alice = stage.logged_in();
    alice.says(query("begin") + query("load 'x'") + query("rollback"));
    alice.hears({"CommandComplete BEGIN", "ReadyForQuery T", "ErrorResponse ERROR 0A000", "ReadyForQuery E",
                 "CommandComplete ROLLBACK", "ReadyForQuery I"});
    stage.backend(0).hears_nothing();
}

TEST(Refusals, AmidATransactionFailItAtTheServer) {
    Stage stage(refusing());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("begin") + query("insert into t values (1)"));
    static_cast<void>(backend.take());
    backend.says(complete("BEGIN") + ready('T') + complete("INSERT 0 1") + ready('T'));
    static_cast<void>(alice.take());
    alice.says(query("select pg_advisory_lock(1)"));
    backend.hears({kFails});
    backend.says(error("22P02") + ready('E'));
    alice.hears({"ErrorResponse ERROR 0A000", "ReadyForQuery E"});
    alice.says(query("load 'x'"));
    backend.hears({kFails});
    backend.says(error("25P02") + ready('E'));
    alice.hears({"ErrorResponse ERROR 25P02", "ReadyForQuery E"});
    alice.says(query("rollback"));
    backend.hears({"Query rollback"});
}

TEST(Refusals, OfABindSkipToItsSync) {
    Stage stage(refusing());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(parse("", "declare c cursor with hold for select 1") + bind("") + execute() + sync());
    backend.hears({"Parse: declare c cursor with hold for select 1", "Bind pgring_none", "Execute", "Sync"});
    backend.says(parse_complete() + error("26000") + ready());
    alice.hears({"ParseComplete", "ErrorResponse ERROR 0A000", "ReadyForQuery I"});
    alice.says(query("select 1"));
    backend.hears({"Query select 1"});
}

TEST(Refusals, ConcernWhatCannotBeCarriedAndNothingElse) {
    Stage stage(refusing());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    for (const char* text : {"prepare p (mood) as select 1", "set role admin", "select setseed(0.5)",
                             "load 'x'", "select set_config(a, b, false) from t",
                             "do $$ begin perform set_config('a.b', 'c', false); end $$"}) {
        alice.says(query(text));
        alice.hears({"ErrorResponse ERROR 0A000", "ReadyForQuery I"});
        backend.hears_nothing();
    }
    for (const char* text :
         {"reset role", "unlisten *", "close all", "drop table t", "select nextval('s')",
          "select pg_advisory_xact_lock(1)", "create temp table x (y int) on commit drop"}) {
        alice.says(query(text));
        backend.hears({std::string("Query ") + text});
        backend.says(complete("OK") + ready());
        alice.hears({"CommandComplete OK", "ReadyForQuery I"});
        for (std::size_t asked = backend.take().size(); asked > 0; --asked) {
            backend.says(row("f") + complete("SELECT 1") + ready());
        }
    }
    EXPECT_EQ(stage.worker().stats().pins.value(), 0U);
}

TEST(Refusals, CodeRunsAndIsAskedAboutAfterwards) {
    Stage stage(refusing());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("call p()"));
    backend.hears({"Query call p()"});
}

}  // namespace
}  // namespace pgring::conversation
