/// PREPARE, EXECUTE and DEALLOCATE in transaction pooling: what a session has prepared by SQL is its own, and
/// found at whichever backend it gets.

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

Scene one_backend() {
    Scene scene;
    scene.settings.pgring.default_pool_size = 1;
    return scene;
}

/// "cached plan must not change result type"
std::string outdated_plan() {
    constexpr std::string_view kBody("SERROR\0VERROR\0C0A000\0Mcached plan\0RRevalidateCachedQuery\0\0", 58);
    return message('E', kBody);
}

/// A simple query whose one statement the backend completes with this tag.
void runs(Client& client, Backend& backend, std::string_view text, const std::string& tag,
          char status = 'I') {
    client.says(query(text));
    backend.hears({"Query " + std::string(text)});
    backend.says(complete(tag) + ready(status));
    client.hears({"CommandComplete " + tag, std::string("ReadyForQuery ") + status});
}

/// What pgring asks before it sends a Query goes well.
void carries(Backend& backend, Lines asked, const std::string& answers) {
    asked.emplace_back("Sync");
    backend.hears(asked);
    backend.says(answers + ready());
}

/// Alice has prepared p at the first backend, and will meet the second.
class SqlPrepared : public testing::Test {
  protected:
    SqlPrepared() { runs(alice_, first(), kPrepare, "PREPARE"); }

    /// Bob gets the first backend and keeps it.
    void moves_on() {
        bob_.says(query("insert into t values (1)"));
        std::string closed;
        std::vector<Message> heard = first().take();
        for (; !heard.empty() && heard.front().type == 'C'; heard.erase(heard.begin())) {
            closed += close_complete();
        }
        if (!closed.empty()) {
            first().says(closed + ready());
            heard = first().take();
        }
        ASSERT_EQ(heard.size(), 1U);
        EXPECT_EQ(frontend_text(heard[0]), "Query insert into t values (1)");
        first().says(complete("INSERT 0 1") + ready('T'));
    }
    Backend& first() { return stage_.backend(0); }
    Backend& second() { return stage_.backend(1); }
    /// Alice executes p at this backend, where nothing has to be done for it.
    void executes(Backend& backend) { runs(alice_, backend, "execute p (1)", "SELECT 1"); }

    static constexpr std::string_view kPrepare = "prepare p as select $1";
    Stage stage_;
    Client& alice_ = stage_.logged_in();
    Client& bob_ = stage_.logged_in();
};

// -- One session, several backends --

TEST_F(SqlPrepared, AStatementIsFoundAtAnotherBackend) {
    executes(first());
    moves_on();
    alice_.says(query("execute p (1)"));
    carries(second(), {"Parse p: select $1"}, parse_complete());
    second().hears({"Query execute p (1)"});
    second().answers("1");
    alice_.hears({"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
    executes(second());
    EXPECT_EQ(stage_.worker().stats().pins.value(), 0U);
}

TEST_F(SqlPrepared, WhereverExecuteStands) {
    moves_on();
    alice_.says(query("explain (analyze) execute P (1)"));
    carries(second(), {"Parse p: select $1"}, parse_complete());
    second().hears({"Query explain (analyze) execute P (1)"});
    second().says(complete("EXPLAIN") + ready());
    alice_.hears({"CommandComplete EXPLAIN", "ReadyForQuery I"});
    runs(alice_, second(), "create table u as execute p (1)", "SELECT 1");
    runs(alice_, second(), "/* why */ execute p(1)", "SELECT 1");
}

TEST_F(SqlPrepared, InATransactionToo) {
    moves_on();
    alice_.says(query("begin"));
    alice_.hears({"CommandComplete BEGIN", "ReadyForQuery T"});
    alice_.says(query("execute p (1)"));
    carries(second(), {"Parse p: select $1"}, parse_complete());
    second().hears({"Query begin", "Query execute p (1)"});
    second().says(complete("BEGIN") + ready('T') + complete("SELECT 1") + ready('T'));
    alice_.hears({"CommandComplete SELECT 1", "ReadyForQuery T"});
}

TEST_F(SqlPrepared, OnlyWhatTheTextMentionsIsPreparedThere) {
    runs(alice_, first(), "prepare q as select 2", "PREPARE");
    moves_on();
    alice_.says(query("execute q"));
    carries(second(), {"Parse q: select 2"}, parse_complete());
    second().hears({"Query execute q"});
}

TEST_F(SqlPrepared, SeveralAreCarriedInOneRoundTrip) {
    runs(alice_, first(), "prepare q as select 2", "PREPARE");
    moves_on();
    alice_.says(query("execute p (1); execute q"));
    carries(second(), {"Parse p: select $1", "Parse q: select 2"}, parse_complete() + parse_complete());
    second().hears({"Query execute p (1); execute q"});
}

TEST_F(SqlPrepared, CodeMayExecuteAnyOfThem) {
    moves_on();
    alice_.says(query("do $$ begin execute 'execute p(1)'; end $$"));
    carries(second(), {"Parse p: select $1"}, parse_complete());
    second().hears({"Query do $$ begin execute 'execute p(1)'; end $$"});
}

TEST_F(SqlPrepared, AFunctionThatNobodyKnowsMayAsWell) {
    moves_on();
    alice_.says(query("select run_prepared()"));
    carries(second(), {"Parse p: select $1"}, parse_complete());
    second().hears({"Query select run_prepared()"});
}

TEST_F(SqlPrepared, ATextThatIsTooLongToBeJudgedMayAsWell) {
    moves_on();
    std::string const text = "execute p ('" + std::string(20'000, 'x') + "')";
    alice_.says(query(text));
    carries(second(), {"Parse p: select $1"}, parse_complete());
    second().hears({"Query " + text});
}

TEST_F(SqlPrepared, TypesThatWereGivenAreTakenAlong) {
    runs(alice_, first(), "prepare typed (int, text[]) as select $1, $2", "PREPARE");
    moves_on();
    alice_.says(query("execute typed (1, '{}')"));
    std::vector<Message> const asked = second().take();
    ASSERT_EQ(asked.size(), 2U);
    EXPECT_EQ(asked[0].body,
              zero_ended("typed") + zero_ended("select $1, $2") + number(2, 2) + number(23) + number(1009));
}

// -- Several sessions, one backend --

TEST(SqlPreparedNames, OfOneSessionAreNeverMetByAnother) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    runs(alice, backend, "prepare p as select 'alice'", "PREPARE");
    bob.says(query("execute p"));
    carries(backend, {"Close S p"}, close_complete());
    backend.hears({"Query execute p"});
    backend.says(error("26000") + ready());
    bob.hears({"ErrorResponse ERROR 26000", "ReadyForQuery I"});
    runs(bob, backend, "prepare p as select 'bob'", "PREPARE");
    alice.says(query("execute p"));
    carries(backend, {"Close S p"}, close_complete());
    carries(backend, {"Parse p: select 'alice'"}, parse_complete());
    backend.hears({"Query execute p"});
    backend.says(complete("SELECT 1") + ready());
    bob.says(query("execute p"));
    carries(backend, {"Close S p"}, close_complete());
    carries(backend, {"Parse p: select 'bob'"}, parse_complete());
    backend.hears({"Query execute p"});
}

TEST(SqlPreparedNames, AreGoneBeforeAnythingElseRunsThere) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    runs(alice, backend, "prepare p as select 1", "PREPARE");
    bob.says(query("select f()"));
    carries(backend, {"Close S p"}, close_complete());
    backend.hears({"Query select f()"});
}

TEST(SqlPreparedNames, AreSharedWhereTheyMeanTheSame) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    runs(alice, backend, "prepare p as select 1", "PREPARE");
    bob.says(query("prepare p as select 1"));
    carries(backend, {"Close S p"}, close_complete());
    backend.hears({"Query prepare p as select 1"});
    backend.says(complete("PREPARE") + ready());
    bob.hears({"CommandComplete PREPARE", "ReadyForQuery I"});
    runs(alice, backend, "execute p", "SELECT 1");
    runs(bob, backend, "execute p", "SELECT 1");
}

TEST(SqlPreparedNames, AreLeastRecentlyUsedFirstClosedWhereThereAreTooMany) {
    Scene scene = one_backend();
    scene.settings.pgring.max_prepared_statements = 2;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    runs(alice, backend, "prepare a as select 1", "PREPARE");
    runs(alice, backend, "prepare b as select 2", "PREPARE");
    runs(alice, backend, "prepare c as select 3", "PREPARE");
    runs(alice, backend, "discard plans", "DISCARD PLANS");
    Client& bob = stage.logged_in();
    bob.says(query("select 1"));
    carries(backend, {"Close S c", "Close S b", "Close S a"},
            close_complete() + close_complete() + close_complete());
    backend.hears({"Query select 1"});
    backend.says(complete("SELECT 1") + ready());
    for (const char* name : {"a", "b"}) {
        alice.says(query("execute " + std::string(name)));
        carries(backend, {"Parse " + std::string(name) + ": select " + (name[0] == 'a' ? "1" : "2")},
                parse_complete());
        backend.hears({"Query execute " + std::string(name)});
        backend.says(complete("SELECT 1") + ready());
    }
    alice.says(query("execute c"));
    carries(backend, {"Close S a", "Parse c: select 3"}, close_complete() + parse_complete());
    backend.hears({"Query execute c"});
}

// -- The session's names follow the server's answers --

TEST_F(SqlPrepared, APrepareThatFailedLeavesNothing) {
    alice_.says(query("prepare q as select * from missing"));
    first().hears({"Query prepare q as select * from missing"});
    first().says(error("42P01") + ready());
    alice_.hears({"ErrorResponse ERROR 42P01", "ReadyForQuery I"});
    moves_on();
    alice_.says(query("execute q"));
    second().hears({"Query execute q"});
}

TEST_F(SqlPrepared, PrepareKnowsNoTransactions) {
    alice_.says(query("begin"));
    alice_.hears({"CommandComplete BEGIN", "ReadyForQuery T"});
    alice_.says(query("prepare q as select 2"));
    first().hears({"Query begin", "Query prepare q as select 2"});
    first().says(complete("BEGIN") + ready('T') + complete("PREPARE") + ready('T'));
    alice_.hears({"CommandComplete PREPARE", "ReadyForQuery T"});
    runs(alice_, first(), "rollback", "ROLLBACK");
    moves_on();
    alice_.says(query("execute q"));
    carries(second(), {"Parse q: select 2"}, parse_complete());
    second().hears({"Query execute q"});
}

TEST_F(SqlPrepared, WhatATextDidBeforeItFailedCounts) {
    alice_.says(query("prepare q as select 2; select 1/0; prepare r as select 3"));
    first().hears({"Query prepare q as select 2; select 1/0; prepare r as select 3"});
    first().says(complete("PREPARE") + error("22012") + ready());
    alice_.hears({"CommandComplete PREPARE", "ErrorResponse ERROR 22012", "ReadyForQuery I"});
    moves_on();
    alice_.says(query("execute q; execute r"));
    carries(second(), {"Parse q: select 2"}, parse_complete());
    second().hears({"Query execute q; execute r"});
}

TEST_F(SqlPrepared, WhatOneTextPreparesExecutesAndDeallocatesIsGoneBehindIt) {
    alice_.says(query("prepare q as select 2; execute q; deallocate q; deallocate P"));
    first().hears({"Query prepare q as select 2; execute q; deallocate q; deallocate P"});
    first().says(complete("PREPARE") + complete("SELECT 1") + complete("DEALLOCATE") +
                 complete("DEALLOCATE") + ready());
    alice_.hears({"CommandComplete PREPARE", "CommandComplete SELECT 1", "CommandComplete DEALLOCATE",
                  "CommandComplete DEALLOCATE", "ReadyForQuery I"});
    moves_on();
    alice_.says(query("execute q; execute p (1)"));
    second().hears({"Query execute q; execute p (1)"});
}

TEST_F(SqlPrepared, ANameThatIsTakenIsTheServersToRefuse) {
    moves_on();
    alice_.says(query("prepare p as select 2"));
    carries(second(), {"Parse p: select $1"}, parse_complete());
    second().hears({"Query prepare p as select 2"});
    second().says(error("42P05") + ready());
    alice_.hears({"ErrorResponse ERROR 42P05", "ReadyForQuery I"});
    executes(second());
}

TEST_F(SqlPrepared, DeallocateNeedsNoServer) {
    alice_.says(query("DEALLOCATE PREPARE p"));
    alice_.hears({"CommandComplete DEALLOCATE", "ReadyForQuery I"});
    first().hears_nothing();
    alice_.says(query("execute p (1)"));
    carries(first(), {"Close S p"}, close_complete());
    first().hears({"Query execute p (1)"});
    first().says(error("26000") + ready());
    alice_.hears({"ErrorResponse ERROR 26000", "ReadyForQuery I"});
}

TEST_F(SqlPrepared, AFreedNameMayBeTakenAtOnce) {
    alice_.says(query("deallocate p"));
    alice_.hears({"CommandComplete DEALLOCATE", "ReadyForQuery I"});
    alice_.says(query("prepare p as select 2"));
    carries(first(), {"Close S p"}, close_complete());
    first().hears({"Query prepare p as select 2"});
    first().says(complete("PREPARE") + ready());
    alice_.hears({"CommandComplete PREPARE", "ReadyForQuery I"});
    moves_on();
    alice_.says(query("execute p"));
    carries(second(), {"Parse p: select 2"}, parse_complete());
    second().hears({"Query execute p"});
}

TEST_F(SqlPrepared, DeallocateAllAndDiscardAllEndThem) {
    for (const char* tag : {"DEALLOCATE ALL", "DISCARD ALL"}) {
        runs(alice_, first(), "prepare q as select 2", "PREPARE");
        runs(alice_, first(), tag, tag);
        runs(alice_, first(), "execute q", "SELECT 1");
    }
    moves_on();
    alice_.says(query("execute p (1)"));
    second().hears({"Query execute p (1)"});
}

TEST_F(SqlPrepared, DiscardPlansKeepsThem) {
    runs(alice_, first(), "discard plans", "DISCARD PLANS");
    executes(first());
}

TEST_F(SqlPrepared, WhatIsSentBehindAPrepareWaitsForItsAnswer) {
    alice_.says(query("prepare q as select 2") + query("execute q") + query("select 1"));
    first().hears({"Query prepare q as select 2"});
    first().says(complete("PREPARE") + ready());
    first().hears({"Query execute q", "Query select 1"});
}

TEST_F(SqlPrepared, ALostBackendTakesNothingWithIt) {
    alice_.says(query("prepare q as select 2"));
    first().hears({"Query prepare q as select 2"});
    first().hangs_up();
    alice_.hears({"ErrorResponse ERROR 40001", "ReadyForQuery I"});
    alice_.says(query("execute p (1); execute q"));
    carries(second(), {"Parse p: select $1"}, parse_complete());
    second().hears({"Query execute p (1); execute q"});
}

// -- Where it cannot be prepared --

TEST_F(SqlPrepared, TheErrorOfPreparingItAnewIsTheStatements) {
    moves_on();
    alice_.says(query("execute p (1)"));
    second().hears({"Parse p: select $1", "Sync"});
    second().says(error("42P01") + ready());
    alice_.hears({"ErrorResponse ERROR 42P01", "ReadyForQuery I"});
    alice_.says(query("execute p (1)"));
    carries(second(), {"Parse p: select $1"}, parse_complete());
    second().hears({"Query execute p (1)"});
}

TEST_F(SqlPrepared, ItFailsTheTransaction) {
    moves_on();
    alice_.says(query("begin") + query("select 1"));
    second().hears({"Query begin", "Query select 1"});
    second().says(complete("BEGIN") + ready('T') + complete("SELECT 1") + ready('T'));
    alice_.hears({"CommandComplete BEGIN", "ReadyForQuery T", "CommandComplete SELECT 1", "ReadyForQuery T"});
    alice_.says(query("execute p (1)"));
    second().hears({"Parse p: select $1", "Sync"});
    second().says(error("42P01") + ready('E'));
    alice_.hears({"ErrorResponse ERROR 42P01", "ReadyForQuery E"});
    alice_.says(query("execute p (1)"));
    second().hears({"Query execute p (1)"});
    second().says(error("25P02") + ready('E'));
    alice_.hears({"ErrorResponse ERROR 25P02", "ReadyForQuery E"});
    runs(alice_, second(), "rollback", "ROLLBACK");
}

TEST_F(SqlPrepared, ItFailsATransactionThatNoServerKnowsOf) {
    moves_on();
    alice_.says(query("begin"));
    alice_.hears({"CommandComplete BEGIN", "ReadyForQuery T"});
    alice_.says(query("execute p (1)"));
    second().hears({"Parse p: select $1", "Sync"});
    second().says(error("42P01") + ready());
    alice_.hears({"ErrorResponse ERROR 42P01", "ReadyForQuery E"});
    alice_.says(query("rollback"));
    alice_.hears({"CommandComplete ROLLBACK", "ReadyForQuery I"});
    second().hears_nothing();
}

TEST_F(SqlPrepared, AnOutdatedPlanIsMadeAnewAndTheStatementRunAgain) {
    alice_.says(query("execute p (1)"));
    first().hears({"Query execute p (1)"});
    first().says(outdated_plan() + ready());
    alice_.hears_nothing();
    first().hears({"Close S p", "Parse p: select $1", "Sync", "Query execute p (1)"});
    first().says(close_complete() + parse_complete() + ready() + row_description() + row("1") +
                 complete("SELECT 1") + ready());
    alice_.hears({"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
}

TEST_F(SqlPrepared, APlanThatIsOutdatedASecondTimeIsTold) {
    alice_.says(query("execute p (1)"));
    first().says(outdated_plan() + ready());
    static_cast<void>(first().take());
    first().says(close_complete() + parse_complete() + ready() + outdated_plan() + ready());
    alice_.hears({"ErrorResponse ERROR 0A000", "ReadyForQuery I"});
    first().hears_nothing();
}

TEST_F(SqlPrepared, AnOutdatedPlanInATransactionIsToldAndMadeAnewLater) {
    alice_.says(query("begin") + query("execute p (1)"));
    first().hears({"Query begin", "Query execute p (1)"});
    first().says(complete("BEGIN") + ready('T') + outdated_plan() + ready('E'));
    alice_.hears(
        {"CommandComplete BEGIN", "ReadyForQuery T", "ErrorResponse ERROR 0A000", "ReadyForQuery E"});
    alice_.says(query("rollback"));
    first().hears({"Query rollback"});
    first().says(complete("ROLLBACK") + ready());
    alice_.hears({"CommandComplete ROLLBACK", "ReadyForQuery I"});
    alice_.says(query("execute p (1)"));
    carries(first(), {"Close S p", "Parse p: select $1"}, close_complete() + parse_complete());
    first().hears({"Query execute p (1)"});
}

TEST_F(SqlPrepared, AnOutdatedPlanBeforeOtherQueriesIsTold) {
    alice_.says(query("execute p (1)") + query("select 1"));
    first().hears({"Query execute p (1)", "Query select 1"});
    first().says(outdated_plan() + ready());
    alice_.hears({"ErrorResponse ERROR 0A000", "ReadyForQuery I"});
}

// -- The extended protocol --

TEST_F(SqlPrepared, ExecuteMayComeByTheExtendedProtocol) {
    moves_on();
    alice_.says(parse("", "execute p (1)") + bind("") + describe_portal() + execute() + sync());
    second().hears({"Parse p: select $1", "Flush"});
    second().says(parse_complete());
    second().hears({"Parse: execute p (1)", "Bind", "Describe P", "Execute", "Sync"});
    second().says(parse_complete() + bind_complete() + row_description() + row("1") + complete("SELECT 1") +
                  ready());
    alice_.hears({"ParseComplete", "BindComplete", "RowDescription", "DataRow 1", "CommandComplete SELECT 1",
                  "ReadyForQuery I"});
}

TEST_F(SqlPrepared, InABatchTheServersErrorEndsTheBatch) {
    moves_on();
    alice_.says(parse("", "execute p (1)") + bind("") + execute() + sync());
    second().hears({"Parse p: select $1", "Flush"});
    second().says(error("42P01"));
    second().hears({"Sync"});
    second().says(ready());
    alice_.hears({"ErrorResponse ERROR 42P01", "ReadyForQuery I"});
    alice_.says(query("execute p (1)"));
    carries(second(), {"Parse p: select $1"}, parse_complete());
    second().hears({"Query execute p (1)"});
}

TEST_F(SqlPrepared, PrepareMayComeByTheExtendedProtocol) {
    alice_.says(parse("", "prepare q as select 2") + bind("") + execute() + parse("", "execute q") +
                bind("") + execute() + sync());
    first().hears({"Parse: prepare q as select 2", "Bind", "Execute", "Flush"});
    first().says(parse_complete() + bind_complete() + complete("PREPARE"));
    first().hears({"Parse: execute q", "Bind", "Execute", "Sync"});
    first().says(parse_complete() + bind_complete() + row("2") + complete("SELECT 1") + ready());
    alice_.hears({"ParseComplete", "BindComplete", "CommandComplete PREPARE", "ParseComplete", "BindComplete",
                  "DataRow 2", "CommandComplete SELECT 1", "ReadyForQuery I"});
    moves_on();
    alice_.says(query("execute q"));
    carries(second(), {"Parse q: select 2"}, parse_complete());
    second().hears({"Query execute q"});
}

TEST_F(SqlPrepared, APrepareThatIsSkippedLeavesNothing) {
    alice_.says(parse("", "prepare q as select 2") + bind("") + execute() + sync());
    first().hears({"Parse: prepare q as select 2", "Bind", "Execute", "Sync"});
    first().says(parse_complete() + error("42P02") + ready());
    alice_.hears({"ParseComplete", "ErrorResponse ERROR 42P02", "ReadyForQuery I"});
    moves_on();
    alice_.says(query("execute q"));
    second().hears({"Query execute q"});
}

TEST_F(SqlPrepared, BothProtocolsShareOneNamespace) {
    moves_on();
    alice_.says(bind("p", {"7"}) + execute() + sync());
    second().hears({"Parse pgring_2: select $1", "Bind pgring_2 (7)", "Execute", "Sync"});
    second().says(parse_complete() + bind_complete() + row("7") + complete("SELECT 1") + ready());
    alice_.hears({"BindComplete", "DataRow 7", "CommandComplete SELECT 1", "ReadyForQuery I"});
    alice_.says(parse("p", "select 2") + sync());
    second().hears({"Parse: select 2", "Bind pgring_none", "Sync"});
    second().says(parse_complete() + error("26000") + ready());
    alice_.hears({"ErrorResponse ERROR 42P05", "ReadyForQuery I"});
    alice_.says(close_statement("p") + sync());
    second().hears({"Sync"});
    second().says(ready());
    alice_.hears({"CloseComplete", "ReadyForQuery I"});
    alice_.says(query("execute p (1)"));
    second().hears({"Query execute p (1)"});
}

TEST_F(SqlPrepared, WhatIsDeallocatedIsNotFoundByTheProtocolEither) {
    alice_.says(query("deallocate p"));
    alice_.hears({"CommandComplete DEALLOCATE", "ReadyForQuery I"});
    // The server still has it.
    alice_.says(describe_statement("p") + sync());
    first().hears({"Bind pgring_none", "Sync"});
    first().says(error("26000") + ready());
    alice_.hears({"ErrorResponse ERROR 26000", "ReadyForQuery I"});
    EXPECT_EQ(error_field(alice_.last_error(), 'M'), "prepared statement \"p\" does not exist");
}

TEST_F(SqlPrepared, ExecuteFindsAStatementOfTheProtocol) {
    alice_.says(parse("s", "select $1, 2") + sync());
    static_cast<void>(first().take());
    first().says(parse_complete() + ready());
    alice_.hears({"ParseComplete", "ReadyForQuery I"});
    alice_.says(query("execute s (1)"));
    carries(first(), {"Parse s: select $1, 2"}, parse_complete());
    first().hears({"Query execute s (1)"});
    first().says(complete("SELECT 1") + ready());
    alice_.hears({"CommandComplete SELECT 1", "ReadyForQuery I"});
    alice_.says(query("prepare s as select 2"));
    first().hears({"Query prepare s as select 2"});
    first().says(error("42P05") + ready());
    alice_.hears({"ErrorResponse ERROR 42P05", "ReadyForQuery I"});
}

TEST_F(SqlPrepared, AStatementThatExecutesAnotherIsNotSharedWithSessions) {
    alice_.says(parse("e", "execute p (1)") + sync());
    first().hears({"Parse pgring_3: execute p (1)", "Sync"});
    first().says(parse_complete() + ready());
    alice_.hears({"ParseComplete", "ReadyForQuery I"});
    bob_.says(parse("e", "execute p (1)") + sync());
    carries(first(), {"Close S p"}, close_complete());
    first().hears({"Parse pgring_4: execute p (1)", "Sync"});
}

TEST_F(SqlPrepared, AQueryAmidABatchIsRefusedWhereItsStatementIsNotThere) {
    moves_on();
    alice_.says(parse("", "select 1") + query("execute p (1)"));
    second().hears(
        {"Parse: select 1",
         "Query SELECT 'pgring: refused, see unpoolable_statements and pool_mode'::pg_catalog.int4"});
    second().says(parse_complete() + error("22P02") + ready());
    alice_.hears({"ParseComplete", "ErrorResponse ERROR 0A000", "ReadyForQuery I"});
}

// -- What is executed counts --

TEST_F(SqlPrepared, WhatAnExecutedStatementSetsFollowsTheSession) {
    runs(alice_, first(), "prepare s as select set_config('work_mem', $1, false)", "PREPARE");
    alice_.says(query("execute s ('1MB')"));
    first().hears({"Query execute s ('1MB')"});
    first().says(complete("SELECT 1") + ready());
    std::vector<Message> const asked = first().take();
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_TRUE(frontend_text(asked[0]).starts_with("Query SELECT pg_catalog.current_setting(E'work_mem'"));
}

TEST_F(SqlPrepared, WhatAnExecutedStatementLeavesPins) {
    runs(alice_, first(), "prepare l as select pg_advisory_lock($1)", "PREPARE");
    alice_.says(query("execute l (1)"));
    first().hears({"Query execute l (1)"});
    first().says(complete("SELECT 1") + ready());
    std::vector<Message> const asked = first().take();
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_NE(frontend_text(asked[0]).find("pg_locks"), std::string::npos);
}

TEST(SqlPreparedRouting, AStatementRunsWhereItsTextMayRun) {
    Scene scene;
    scene.servers = 2;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Backend& primary = stage.backend(0);
    runs(alice, primary, "prepare r as select $1", "PREPARE");
    runs(alice, primary, "prepare w as insert into t values ($1)", "PREPARE");
    alice.says(query("execute r (1)"));
    Backend& standby = stage.backend(1);
    EXPECT_EQ(standby.server(), 1U);
    carries(standby, {"Parse r: select $1"}, parse_complete());
    standby.hears({"Query execute r (1)"});
    standby.says(complete("SELECT 1") + ready());
    alice.hears({"CommandComplete SELECT 1", "ReadyForQuery I"});
    runs(alice, primary, "execute w (1)", "INSERT 0 1");
    runs(alice, primary, "execute r (my_function())", "SELECT 1");
    EXPECT_EQ(primary.take().size(), 1U) << "what the function has left is asked";
    primary.says(row({"f", "f", "f", "f", "f", "f", "", "f", "", "f"}) + complete("SELECT 1") + ready());
    runs(alice, primary, "execute nobody", "SELECT 1");
    runs(alice, primary, "explain execute r (1)", "EXPLAIN");
}

TEST_F(SqlPrepared, ALostWriteIsToldAsOne) {
    runs(alice_, first(), "prepare w as insert into t values ($1)", "PREPARE");
    alice_.says(query("execute w (1)"));
    first().hears({"Query execute w (1)"});
    first().hangs_up();
    alice_.hears({"ErrorResponse ERROR 08007", "ReadyForQuery I"});
}

// -- What cannot be carried over --

TEST_F(SqlPrepared, APrepareThatIsTooLongToBeReadPins) {
    std::string const text = "prepare q as select '" + std::string(20'000, 'x') + "'";
    alice_.says(query(text));
    first().hears({"Query " + text});
    first().says(complete("PREPARE") + ready());
    std::vector<Message> const asked = first().take();
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_NE(frontend_text(asked[0]).find(
                  "(SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_statements WHERE "
                  "from_sql) OPERATOR(pg_catalog.<>) 1"),
              std::string::npos);
    first().says(row({"f", "f", "f", "f", "f", "t", ""}) + complete("SELECT 1") + ready());
    alice_.hears({"CommandComplete PREPARE", "ReadyForQuery I"});
    EXPECT_EQ(stage_.worker().stats().pins.value(), 1U);
    runs(alice_, first(), "execute q", "SELECT 1");
}

TEST_F(SqlPrepared, APrepareByANamedPortalPins) {
    alice_.says(parse("", "prepare q as select 2") + bind("", {}, "later") + execute("later") + sync());
    first().hears({"Parse: prepare q as select 2", "Bind as later", "Execute later", "Sync"});
    first().says(parse_complete() + bind_complete() + complete("PREPARE") + ready());
    std::vector<Message> const asked = first().take();
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_NE(frontend_text(asked[0]).find("pg_prepared_statements"), std::string::npos);
}

}  // namespace
}  // namespace pgring::conversation
