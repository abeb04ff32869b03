/// Prepared statements in transaction pooling: the client's names are its own, the servers' are pgring's.

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

Scene one_backend() {
    Scene scene;
    scene.settings.pgring.default_pool_size = 1;
    return scene;
}

/// Prepares `name` at the server with nothing special happening.
void prepares(Client& client, Backend& backend, std::string_view name, std::string_view text) {
    client.says(parse(name, text) + sync());
    static_cast<void>(backend.take());
    backend.says(parse_complete() + ready());
    client.hears({"ParseComplete", "ReadyForQuery I"});
}

TEST(Prepared, AStatementIsRenamedAndFoundAgainByItsOwnName) {
    Stage stage;
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(parse("mine", "select $1") + describe_statement("mine") + sync());
    backend.hears({"Parse pgring_1: select $1", "Describe S pgring_1", "Sync"});
    backend.says(parse_complete() + parameter_description() + row_description() + ready());
    alice.hears({"ParseComplete", "ParameterDescription", "RowDescription", "ReadyForQuery I"});
    alice.says(bind("mine", {"7"}) + execute() + sync());
    backend.hears({"Bind pgring_1 (7)", "Execute", "Sync"});
}

TEST(Prepared, SessionsShareWhatIsTheSame) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "a", "select 1");
    bob.says(parse("b", "select 1") + bind("b") + execute() + sync());
    backend.hears({"Bind pgring_1", "Execute", "Sync"});
    backend.says(bind_complete() + row("1") + complete("SELECT 1") + ready());
    bob.hears({"ParseComplete", "BindComplete", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
}

TEST(Prepared, WhatWasPreparedAtAnotherWorkerNeedsNoBackend) {
    Scene scene = one_backend();
    scene.workers = 2;
    Stage stage(scene);
    Client& alice = stage.logged_in(0);
    Client& bob = stage.logged_in(1);
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "a", "select $1");
    alice.says(query("begin"));
    alice.says(query("update t set a = 1"));
    // The only backend is alice's now.
    bob.says(parse("b", "select $1") + sync());
    bob.hears({"ParseComplete", "ReadyForQuery I"});
    bob.says(parse("c", "select $1, 2") + sync());
    bob.hears_nothing();
}

TEST(Prepared, SessionsWithAnotherSearchPathDoNotShare) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select * from t");
    bob.says(query("set search_path = 'tenant'"));
    static_cast<void>(backend.take());
    backend.says(complete("SET") + ready());
    static_cast<void>(backend.take());
    backend.says(row({"tenant", "f"}) + complete("SELECT 1") + ready());
    bob.hears({"CommandComplete SET", "ReadyForQuery I"});
    bob.says(parse("s", "select * from t") + sync());
    backend.hears({"Parse pgring_2: select * from t", "Sync"});
}

TEST(Prepared, NamesOfTwoSessionsDoNotMeet) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select 1");
    prepares(bob, backend, "s", "select 2");
    alice.says(bind("s") + execute() + sync());
    backend.hears({"Bind pgring_1", "Execute", "Sync"});
    backend.says(bind_complete() + complete("SELECT 0") + ready());
    bob.says(bind("s") + execute() + sync());
    backend.hears({"Bind pgring_2", "Execute", "Sync"});
}

TEST(Prepared, AnotherBackendIsPreparedFirst) {
    Stage stage;
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    prepares(alice, stage.backend(0), "s", "select 1");
    bob.says(query("insert into t values (1)"));
    stage.backend(0).answers("1", 'T');
    alice.says(bind("s") + execute() + sync());
    Backend& other = stage.backend(1);
    other.hears({"Parse pgring_1: select 1", "Bind pgring_1", "Execute", "Sync"});
    other.says(parse_complete() + bind_complete() + row("1") + complete("SELECT 1") + ready());
    alice.hears({"BindComplete", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
    alice.says(bind("s") + execute() + sync());
    other.hears({"Bind pgring_1", "Execute", "Sync"});
}

TEST(Prepared, APreparationThatFailsElsewhereIsToldAndForgotten) {
    Stage stage;
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    prepares(alice, stage.backend(0), "s", "select * from t");
    bob.says(query("insert into t values (1)"));
    stage.backend(0).answers("1", 'T');
    alice.says(bind("s") + execute() + sync());
    Backend& other = stage.backend(1);
    static_cast<void>(other.take());
    other.says(error("42P01") + ready());
    alice.hears({"ErrorResponse ERROR 42P01", "ReadyForQuery I"});
    alice.says(bind("s") + execute() + sync());
    other.hears({"Parse pgring_1: select * from t", "Bind pgring_1", "Execute", "Sync"});
}

TEST(Prepared, TheLeastRecentlyUsedIsClosedWhereThereAreTooMany) {
    Scene scene = one_backend();
    scene.settings.pgring.max_prepared_statements = 2;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "one", "select 1");
    prepares(alice, backend, "two", "select 2");
    alice.says(bind("one") + execute() + sync());
    backend.hears({"Bind pgring_1", "Execute", "Sync"});
    backend.says(bind_complete() + complete("SELECT 0") + ready());
    alice.hears({"BindComplete", "CommandComplete SELECT 0", "ReadyForQuery I"});
    alice.says(parse("three", "select 3") + sync());
    backend.hears({"Close S pgring_2", "Parse pgring_3: select 3", "Sync"});
    backend.says(close_complete() + parse_complete() + ready());
    alice.hears({"ParseComplete", "ReadyForQuery I"});
    alice.says(bind("two") + execute() + sync());
    backend.hears({"Close S pgring_1", "Parse pgring_2: select 2", "Bind pgring_2", "Execute", "Sync"});
}

TEST(Prepared, NothingIsEvictedThatTheSameBatchUses) {
    Scene scene = one_backend();
    scene.settings.pgring.max_prepared_statements = 1;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(parse("one", "select 1") + parse("two", "select 2") + bind("one") + execute() + bind("two") +
               execute() + sync());
    backend.hears({"Parse pgring_1: select 1", "Parse pgring_2: select 2", "Bind pgring_1", "Execute",
                   "Bind pgring_2", "Execute", "Sync"});
}

TEST(Prepared, AnEvictionThatTheServerSkippedIsUndone) {
    Scene scene = one_backend();
    scene.settings.pgring.max_prepared_statements = 1;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "one", "select 1");
    // The first statement fails; so the Close of "one" and both Parses are skipped, and "one" is still there.
    alice.says(parse("", "select 1/0") + bind("") + parse("two", "select 2") + bind("one") + execute() +
               sync());
    backend.hears({"Parse: select 1/0", "Bind", "Close S pgring_1", "Parse pgring_2: select 2",
                   "Parse pgring_1: select 1", "Bind pgring_1", "Execute", "Sync"});
    backend.says(parse_complete() + error("22012") + ready());
    alice.hears({"ParseComplete", "ErrorResponse ERROR 22012", "ReadyForQuery I"});
    alice.says(bind("one") + execute() + sync());
    backend.hears({"Bind pgring_1", "Execute", "Sync"});
}

TEST(Prepared, TheSyntheticParseCompleteKeepsItsPlace) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "a", "select 1");
    // "b" is answered by pgring, but not before the server has answered what came earlier.
    bob.says(parse("", "select 0") + bind("") + execute() + parse("b", "select 1") + bind("b") + execute() +
             close_statement("b") + sync());
    backend.hears({"Parse: select 0", "Bind", "Execute", "Bind pgring_1", "Execute", "Sync"});
    bob.hears_nothing();
    backend.says(parse_complete() + bind_complete() + row("0") + complete("SELECT 1"));
    bob.hears({"ParseComplete", "BindComplete", "DataRow 0", "CommandComplete SELECT 1", "ParseComplete"});
    backend.says(bind_complete() + row("1") + complete("SELECT 1") + ready());
    bob.hears({"BindComplete", "DataRow 1", "CommandComplete SELECT 1", "CloseComplete", "ReadyForQuery I"});
}

TEST(Prepared, NothingIsPutBetweenThePiecesOfALargeRow) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "a", "select 1");
    alice.says(query("select big"));
    std::string const large = row(std::string(100'000, 'x')) + complete("SELECT 1");
    backend.says(large.substr(0, 50'000));
    alice.says(parse("b", "select 1") + sync());
    backend.says(large.substr(50'000));
    backend.says(ready() + ready());
    std::vector<Message> const messages = alice.take();
    ASSERT_EQ(messages.size(), 5U);
    EXPECT_EQ(messages[0].body.size(), 100'006U);
    EXPECT_EQ(backend_text(messages[1]), "CommandComplete SELECT 1");
    EXPECT_EQ(backend_text(messages[2]), "ReadyForQuery I");
    EXPECT_EQ(backend_text(messages[3]), "ParseComplete");
    EXPECT_EQ(backend_text(messages[4]), "ReadyForQuery I");
}

TEST(Prepared, ASyntheticAnswerBehindAnErrorIsSkipped) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "a", "select 1");
    bob.says(parse("", "selec") + parse("b", "select 1") + sync());
    backend.says(error("42601") + ready());
    bob.hears({"ErrorResponse ERROR 42601", "ReadyForQuery I"});
    static_cast<void>(backend.take());
    bob.says(bind("b") + sync());
    backend.hears({"Bind b", "Sync"});
}

TEST(Prepared, ANameThatIsTakenIsRefusedAndTheSessionLives) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select 1");
    alice.says(parse("s", "select 2") + sync());
    backend.hears({"Parse: select 2", "Bind pgring_none", "Sync"});
    backend.says(parse_complete() + error("26000") + ready());
    alice.hears({"ErrorResponse ERROR 42P05", "ReadyForQuery I"});
    EXPECT_EQ(error_field(alice.last_error(), 'M'), "prepared statement \"s\" already exists");
    alice.says(bind("s") + execute() + sync());
    backend.hears({"Bind pgring_1", "Execute", "Sync"});
}

TEST(Prepared, OfANameThatIsTakenTheTextsOwnErrorIsTold) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select 1");
    alice.says(parse("s", "selec") + sync());
    backend.hears({"Parse: selec", "Bind pgring_none", "Sync"});
    backend.says(error("42601") + ready());
    alice.hears({"ErrorResponse ERROR 42601", "ReadyForQuery I"});
}

TEST(Prepared, ANameThatIsTakenLeavesTheUnnamedStatementAlone) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select 1");
    prepares(alice, backend, "", "select 2");
    alice.says(parse("s", "select 3") + sync());
    static_cast<void>(backend.take());
    backend.says(parse_complete() + error("26000") + ready());
    alice.hears({"ErrorResponse ERROR 42P05", "ReadyForQuery I"});
    alice.says(bind("") + execute() + sync());
    backend.hears({"Parse: select 2", "Bind", "Execute", "Sync"});
}

TEST(Prepared, ErrorsCallAStatementAsItsClientDoes) {
    constexpr std::string_view kBody(
        "SERROR\0VERROR\0C08P01\0Mbind message supplies 1 parameters, but prepared statement \"pgring_1\" "
        "requires 0\0\0",
        103);
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "mine", "select 1");
    alice.says(bind("mine", {"surplus"}) + sync());
    backend.hears({"Bind pgring_1 (surplus)", "Sync"});
    backend.says(message('E', kBody) + ready());
    alice.hears({"ErrorResponse ERROR 08P01", "ReadyForQuery I"});
    EXPECT_EQ(error_field(alice.last_error(), 'M'),
              "bind message supplies 1 parameters, but prepared statement \"mine\" requires 0");
}

TEST(Prepared, AnUnknownNameIsTheServersToRefuse) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(bind("nothing") + execute() + sync());
    backend.hears({"Bind nothing", "Execute", "Sync"});
    backend.says(error("26000") + ready());
    alice.hears({"ErrorResponse ERROR 26000", "ReadyForQuery I"});
}

TEST(Prepared, NobodyReachesAnothersStatementByTheServersName) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select 1");
    bob.says(bind("pgring_1") + sync());
    backend.hears({"Bind pgring_none", "Sync"});
    backend.says(error("26000", "prepared statement \"pgring_none\" does not exist") + ready());
    bob.hears({"ErrorResponse ERROR 26000", "ReadyForQuery I"});
    EXPECT_EQ(error_field(bob.last_error(), 'M'), "prepared statement \"pgring_1\" does not exist");
}

TEST(Prepared, AFailedParseLeavesNoName) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(parse("s", "selec 1") + sync());
    backend.hears({"Parse pgring_1: selec 1", "Sync"});
    backend.says(error("42601") + ready());
    alice.hears({"ErrorResponse ERROR 42601", "ReadyForQuery I"});
    prepares(alice, backend, "s", "select 1");
}

TEST(Prepared, ACloseIsAnsweredAndTheNameIsFreeAgain) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select 1");
    alice.says(close_statement("s") + close_statement("never") + sync());
    backend.hears({"Sync"});
    backend.says(ready());
    alice.hears({"CloseComplete", "CloseComplete", "ReadyForQuery I"});
    prepares(alice, backend, "s", "select 2");
}

TEST(Prepared, AClosedPortalDoesNotCloseTheStatementOfThatName) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select 1");
    alice.says(close_portal("s") + bind("s") + sync());
    backend.hears({"Close P s", "Bind pgring_1", "Sync"});
}

TEST(Prepared, DeallocateOfAStatementOfTheProtocolIsDoneByPgring) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select 1");
    alice.says(query("DEALLOCATE s"));
    backend.hears_nothing();
    alice.hears({"CommandComplete DEALLOCATE", "ReadyForQuery I"});
    alice.says(bind("s") + sync());
    backend.hears({"Bind s", "Sync"});
}

TEST(Prepared, DeallocateInTheExtendedProtocolIsDoneByPgringToo) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select 1");
    alice.says(parse("", "DEALLOCATE s") + bind("") + describe_portal() + execute() + sync());
    backend.hears_nothing();
    alice.hears({"ParseComplete", "BindComplete", "NoData", "CommandComplete DEALLOCATE", "ReadyForQuery I"});
    alice.says(bind("s") + sync());
    backend.hears({"Bind s", "Sync"});
}

TEST(Prepared, DeallocateAmongOtherStatementsOfAUnitLeavesTheServerSomethingToAnswer) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select 1");
    alice.says(parse("", "DEALLOCATE s") + bind("") + execute() + parse("", "select 2") + sync());
    backend.hears({"Parse: UNLISTEN pgring_nothing", "Bind", "Execute", "Parse: select 2", "Sync"});
    alice.says(bind("s") + sync());
    backend.hears({"Bind s", "Sync"});
}

TEST(Prepared, DeallocateOfAnUnknownNameInTheExtendedProtocolIsTheServersToRefuse) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(parse("", "DEALLOCATE nobody") + bind("") + execute() + sync());
    backend.hears({"Parse: DEALLOCATE nobody", "Bind", "Execute", "Sync"});
}

TEST(Prepared, DeallocateAllForgetsTheNamesAndWhatTheBackendHad) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select 1");
    prepares(bob, backend, "t", "select 2");
    alice.says(query("deallocate all"));
    backend.hears({"Query deallocate all"});
    backend.says(complete("DEALLOCATE ALL") + ready());
    alice.hears({"CommandComplete DEALLOCATE ALL", "ReadyForQuery I"});
    bob.says(bind("t") + execute() + sync());
    backend.hears({"Parse pgring_2: select 2", "Bind pgring_2", "Execute", "Sync"});
    backend.says(parse_complete() + bind_complete() + complete("SELECT 0") + ready());
    alice.says(bind("s") + sync());
    backend.hears({"Bind s", "Sync"});
}

TEST(Prepared, DiscardAllForgetsTheNamesToo) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select 1");
    alice.says(query("discard all"));
    backend.says(complete("DISCARD ALL") + ready());
    alice.hears({"CommandComplete DISCARD ALL", "ReadyForQuery I"});
    static_cast<void>(backend.take());
    prepares(alice, backend, "s", "select 2");
}

TEST(Prepared, WhatIsPreparedBehindDiscardAllIsStillThere) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "old", "select 1");
    alice.says(query("discard all") + parse("new", "select 1") + sync());
    backend.hears({"Query discard all"});
    backend.says(complete("DISCARD ALL") + ready());
    backend.hears({"Parse pgring_2: select 1", "Sync"});
    backend.says(parse_complete() + ready());
    alice.says(bind("new") + sync());
    backend.hears({"Bind pgring_2", "Sync"});
}

TEST(Prepared, AStatementMadeInATransactionThatRolledBackIsStillThere) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("begin"));
    alice.says(parse("s", "select 1") + sync());
    backend.hears({"Query begin", "Parse pgring_1: select 1", "Sync"});
    backend.says(complete("BEGIN") + ready('T') + parse_complete() + ready('T'));
    alice.says(query("rollback"));
    backend.says(complete("ROLLBACK") + ready());
    static_cast<void>(alice.take());
    static_cast<void>(backend.take());
    alice.says(bind("s") + execute() + sync());
    backend.hears({"Bind pgring_1", "Execute", "Sync"});
}

TEST(Prepared, NothingIsPreparedInAFailedTransactionButWhatEndsIt) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select 1");
    prepares(alice, backend, "end", "rollback");
    bob.says(query("insert into t values (1)"));
    static_cast<void>(backend.take());
    backend.says(error("23505") + ready('E'));
    bob.hears({"ErrorResponse ERROR 23505", "ReadyForQuery E"});
    // The backend has it, and would not be asked.
    bob.says(parse("s", "select 1") + sync());
    backend.hears({"Bind pgring_none", "Sync"});
    backend.says(error("26000") + ready('E'));
    bob.hears({"ErrorResponse ERROR 25P02", "ReadyForQuery E"});
    bob.says(parse("end", "rollback") + bind("end") + execute() + sync());
    backend.hears({"Bind pgring_2", "Execute", "Sync"});
    backend.says(bind_complete() + complete("ROLLBACK") + ready());
    bob.hears({"ParseComplete", "BindComplete", "CommandComplete ROLLBACK", "ReadyForQuery I"});
    bob.says(parse("s", "select 1") + bind("s") + execute() + sync());
    backend.hears({"Bind pgring_1", "Execute", "Sync"});
}

TEST(Prepared, ABackendThatIsGoneTakesItsStatementsAlong) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    prepares(alice, stage.backend(0), "s", "select 1");
    stage.backend(0).hangs_up();
    alice.says(bind("s") + execute() + sync());
    stage.backend(1).hears({"Parse pgring_1: select 1", "Bind pgring_1", "Execute", "Sync"});
}

TEST(Prepared, TheUnnamedStatementIsPreparedAgainWhereAnotherSessionReplacedIt) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(parse("", "select 1") + sync());
    backend.says(parse_complete() + ready());
    alice.hears({"ParseComplete", "ReadyForQuery I"});
    bob.says(parse("", "select 2") + sync());
    backend.says(parse_complete() + ready());
    static_cast<void>(backend.take());
    alice.says(bind("") + execute() + sync());
    backend.hears({"Parse: select 1", "Bind", "Execute", "Sync"});
    backend.says(parse_complete() + bind_complete() + row("1") + complete("SELECT 1") + ready());
    alice.hears({"BindComplete", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
}

TEST(Prepared, TheUnnamedStatementIsPreparedAgainAfterAnErrandOfPgrings) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in_as({{"user", "app"}, {"database", "db"}, {"application_name", "bob"}});
    Backend& backend = stage.backend(0);
    alice.says(parse("", "select 1") + sync());
    backend.says(parse_complete() + ready());
    alice.hears({"ParseComplete", "ReadyForQuery I"});
    bob.says(bind("none") + sync());
    backend.says(complete("SELECT 1") + parameter_status("application_name", "bob") + ready());
    backend.says(error("26000") + ready());
    static_cast<void>(backend.take());
    alice.says(bind("") + execute() + sync());
    backend.hears({"Query SELECT pg_catalog.set_config(E'application_name', E'', false)"});
    backend.says(complete("SELECT 1") + parameter_status("application_name", "") + ready());
    // A simple query, pgring's own too, destroys the unnamed statement.
    backend.hears({"Parse: select 1", "Bind", "Execute", "Sync"});
}

TEST(Prepared, AnUnnamedStatementThatTheServerSkippedIsNone) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(describe_portal("none") + parse("", "select 1") + sync());
    backend.hears({"Describe P none", "Parse: select 1", "Sync"});
    backend.says(error("34000") + ready());
    alice.hears({"ErrorResponse ERROR 34000", "ReadyForQuery I"});
    for (const std::string& refers : {bind(""), describe_statement("")}) {
        alice.says(refers + sync());
        backend.hears({"Bind pgring_none", "Sync"});
        backend.says(error("26000", "prepared statement \"pgring_none\" does not exist") + ready());
        alice.hears({"ErrorResponse ERROR 26000", "ReadyForQuery I"});
        EXPECT_EQ(error_field(alice.last_error(), 'M'), "unnamed prepared statement does not exist");
    }
}

TEST(Prepared, AnUnnamedStatementOfALaterUnitOutlivesAnError) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(parse("", "selec") + sync() + parse("", "select 1") + sync());
    static_cast<void>(backend.take());
    backend.says(error("42601") + ready() + parse_complete() + ready());
    alice.hears({"ErrorResponse ERROR 42601", "ReadyForQuery I", "ParseComplete", "ReadyForQuery I"});
    alice.says(bind("") + execute() + sync());
    std::vector<Message> const messages = backend.take();
    ASSERT_GE(messages.size(), 3U);
    EXPECT_EQ(frontend_text(messages[messages.size() - 3]), "Bind");
}

TEST(Prepared, AParseBeyondTheLimitIsRefusedByName) {
    Scene scene = one_backend();
    scene.settings.pgring.prepared_statement_bytes_max = 32 * 1024;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    alice.says(parse("s", "select '" + std::string(40'000, 'x') + "'"));
    alice.hears({"ErrorResponse FATAL 54000"});
    EXPECT_TRUE(alice.closed());
}

TEST(Prepared, LargeParseAndBindPassWhole) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    std::string const text = "select '" + std::string(300'000, 'x') + "'";
    std::string const value(500'000, 'y');
    alice.says_in_pieces(parse("s", text) + bind("s", {value}) + execute() + sync(), 10'000);
    std::vector<Message> const messages = backend.take();
    ASSERT_EQ(messages.size(), 4U);
    EXPECT_EQ(frontend_text(messages[0]), "Parse pgring_1: " + text);
    EXPECT_EQ(frontend_text(messages[1]), "Bind pgring_1 (" + value + ")");
}

// -- "cached plan must not change result type" --

std::string outdated() {
    return message('E', std::string("SERROR\0VERROR\0C0A000\0Mcached plan must not change result type\0"
                                    "RRevalidateCachedQuery\0\0",
                                    86));
}

TEST(Prepared, AnOutdatedPlanIsMadeAnewAndTheUnitRunAgain) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select * from t");
    alice.says(bind("s", {"7"}) + describe_portal() + execute() + sync());
    backend.hears({"Bind pgring_1 (7)", "Describe P", "Execute", "Sync"});
    backend.says(outdated() + ready());
    alice.hears_nothing();
    backend.hears({"Close S pgring_1", "Parse pgring_1: select * from t", "Bind pgring_1 (7)", "Describe P",
                   "Execute", "Sync"});
    backend.says(close_complete() + parse_complete() + bind_complete() + row_description() + row("1") +
                 complete("SELECT 1") + ready());
    alice.hears(
        {"BindComplete", "RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
    alice.says(bind("s", {"8"}) + describe_portal() + execute() + sync());
    backend.hears({"Bind pgring_1 (8)", "Describe P", "Execute", "Sync"});
}

TEST(Prepared, AnOutdatedPlanIsToldWhereTheClientDoesNotAskWhatTheRowsLookLike) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select * from t");
    alice.says(bind("s") + execute() + sync());
    static_cast<void>(backend.take());
    backend.says(outdated() + ready());
    alice.hears({"ErrorResponse ERROR 0A000", "ReadyForQuery I"});
    // What a driver does about it: another name, the same text.
    alice.says(parse("s2", "select * from t") + sync());
    static_cast<void>(alice.take());
    alice.says(bind("s2") + execute() + sync());
    backend.hears(
        {"Close S pgring_1", "Parse pgring_1: select * from t", "Bind pgring_1", "Execute", "Sync"});
}

TEST(Prepared, AnOutdatedPlanInATransactionIsToldAndMadeAnewLater) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select * from t");
    alice.says(query("begin") + bind("s") + describe_portal() + execute() + sync());
    backend.hears({"Query begin", "Bind pgring_1", "Describe P", "Execute", "Sync"});
    backend.says(complete("BEGIN") + ready('T') + outdated() + ready('E'));
    alice.hears({"CommandComplete BEGIN", "ReadyForQuery T", "ErrorResponse ERROR 0A000", "ReadyForQuery E"});
    alice.says(query("rollback"));
    static_cast<void>(backend.take());
    backend.says(complete("ROLLBACK") + ready());
    static_cast<void>(alice.take());
    alice.says(bind("s") + describe_portal() + execute() + sync());
    backend.hears({"Close S pgring_1", "Parse pgring_1: select * from t", "Bind pgring_1", "Describe P",
                   "Execute", "Sync"});
}

TEST(Prepared, AnOutdatedPlanAmidAPipelineIsTold) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select * from t");
    alice.says(bind("s") + describe_portal() + execute() + sync() + query("insert into t values (1)"));
    static_cast<void>(backend.take());
    backend.says(outdated() + ready() + complete("INSERT 0 1") + ready());
    alice.hears(
        {"ErrorResponse ERROR 0A000", "ReadyForQuery I", "CommandComplete INSERT 0 1", "ReadyForQuery I"});
    backend.hears_nothing();
}

TEST(Prepared, AnOutdatedPlanBehindAWriteOfTheSameUnitIsTold) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select * from t");
    alice.says(parse("", "insert into t values (1)") + bind("") + execute() + bind("s") + describe_portal() +
               execute() + sync());
    static_cast<void>(backend.take());
    backend.says(parse_complete() + bind_complete() + complete("INSERT 0 1") + outdated() + ready());
    alice.hears({"ParseComplete", "BindComplete", "CommandComplete INSERT 0 1", "ErrorResponse ERROR 0A000",
                 "ReadyForQuery I"});
    backend.hears_nothing();
}

TEST(Prepared, AUnitThatIsRunAgainInVainIsToldWhy) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select * from t");
    alice.says(bind("s") + describe_portal() + execute() + sync());
    static_cast<void>(backend.take());
    backend.says(outdated() + ready() + close_complete() + error("42P01") + ready());
    alice.hears({"ErrorResponse ERROR 42P01", "ReadyForQuery I"});
    static_cast<void>(backend.take());
    alice.says(query("select 1"));
    backend.hears({"Query select 1"});
}

TEST(Prepared, AnotherErrorOfTheSameClassIsTheClients) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select * from t");
    alice.says(bind("s") + describe_portal() + execute() + sync());
    static_cast<void>(backend.take());
    backend.says(error("0A000") + ready());
    alice.hears({"ErrorResponse ERROR 0A000", "ReadyForQuery I"});
    backend.hears_nothing();
}

TEST(Prepared, AnOutdatedPlanIsMadeAnewOnEveryBackend) {
    Scene scene;
    scene.settings.pgring.default_pool_size = 2;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    std::string const run = bind("s") + describe_portal() + execute() + sync();
    prepares(alice, stage.backend(0), "s", "select * from t");
    bob.says(query("insert into t values (1)"));
    static_cast<void>(stage.backend(0).take());
    alice.says(run);
    Backend& other = stage.backend(1);
    static_cast<void>(other.take());
    other.says(parse_complete() + bind_complete() + row_description() + complete("SELECT 0") + ready());
    alice.says(run);
    static_cast<void>(other.take());
    other.says(outdated() + ready());
    other.hears({"Close S pgring_1", "Parse pgring_1: select * from t", "Bind pgring_1", "Describe P",
                 "Execute", "Sync"});
    // In a transaction it could not be healed there any more.
    stage.backend(0).says(complete("INSERT 0 1") + ready());
    bob.says(query("begin") + query("insert into t values (1)"));
    static_cast<void>(stage.backend(0).take());
    bob.says(parse("s", "select * from t") + sync() + run);
    stage.backend(0).hears({"Close S pgring_1", "Parse pgring_1: select * from t", "Sync"});
    stage.backend(0).says(complete("BEGIN") + ready('T') + complete("INSERT 0 1") + ready('T') +
                          close_complete() + parse_complete() + ready('T'));
    stage.backend(0).hears({"Bind pgring_1", "Describe P", "Execute", "Sync"});
}

TEST(Prepared, AnOutdatedPlanIsMadeAnewWhereItsStatementIsDescribed) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select * from t");
    bob.says(parse("s", "select * from t") + describe_statement("s") + sync());
    bob.hears({"ParseComplete"});
    backend.hears({"Describe S pgring_1", "Sync"});
    backend.says(outdated() + ready());
    bob.hears_nothing();
    backend.hears({"Close S pgring_1", "Parse pgring_1: select * from t", "Describe S pgring_1", "Sync"});
    backend.says(close_complete() + parse_complete() + parameter_description() + row_description("b") +
                 ready());
    bob.hears({"ParameterDescription", "RowDescription", "ReadyForQuery I"});
}

TEST(Prepared, AnOutdatedPlanIsMadeAnewWhereTheClientWaitsBehindAFlush) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select * from t");
    bob.says(parse("s", "select * from t") + describe_statement("s") + flush());
    bob.hears({"ParseComplete"});
    backend.hears({"Describe S pgring_1", "Flush"});
    backend.says(outdated());
    bob.hears_nothing();
    backend.hears(
        {"Sync", "Close S pgring_1", "Parse pgring_1: select * from t", "Describe S pgring_1", "Flush"});
    backend.says(ready() + close_complete() + parse_complete() + parameter_description() +
                 row_description("b"));
    bob.hears({"ParameterDescription", "RowDescription"});
    bob.says(bind("s") + execute() + sync());
    backend.hears({"Bind pgring_1", "Execute", "Sync"});
    backend.says(bind_complete() + row("1") + complete("SELECT 1") + ready());
    bob.hears({"BindComplete", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
}

// -- Rows of another shape than the client was told --

/// Two backends, of which bob has the first one's transaction open from now on where `busy` is called; alice
/// has prepared "s" there and was told that its rows are one column called "a".
struct ShapeScene {
    ShapeScene() {
        alice.says(parse("s", "select * from t") + describe_statement("s") + sync());
        static_cast<void>(stage.backend(0).take());
        stage.backend(0).says(parse_complete() + parameter_description() + row_description("a") + ready());
        alice.hears({"ParseComplete", "ParameterDescription", "RowDescription", "ReadyForQuery I"});
        // Bob keeps the backend.
        bob.says(query("insert into t values (1)"));
        static_cast<void>(stage.backend(0).take());
        alice.says(bind("s") + execute() + sync());
        stage.backend(1).hears({"Parse pgring_1: select * from t", "Describe S pgring_1", "Flush"});
    }
    static Scene scene() {
        Scene scene;
        scene.settings.pgring.default_pool_size = 2;
        return scene;
    }

    Stage stage{scene()};
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
};

TEST(Prepared, RowsOfTheSameShapeComeFromAnyBackend) {
    ShapeScene scene;
    Backend& other = scene.stage.backend(1);
    other.says(parse_complete() + parameter_description() + row_description("a"));
    scene.alice.hears_nothing();
    other.hears({"Bind pgring_1", "Execute", "Sync"});
    other.says(bind_complete() + row("1") + complete("SELECT 1") + ready());
    scene.alice.hears({"BindComplete", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
    scene.alice.says(bind("s") + execute() + sync());
    other.hears({"Bind pgring_1", "Execute", "Sync"});
}

TEST(Prepared, RowsOfAnotherShapeAreNotSentToAClientThatDoesNotAskForIt) {
    ShapeScene scene;
    Backend& other = scene.stage.backend(1);
    other.says(parse_complete() + parameter_description() + row_description("b"));
    other.hears({"Bind pgring_none", "Execute", "Sync"});
    other.says(error("26000") + ready());
    scene.alice.hears({"ErrorResponse ERROR 0A000", "ReadyForQuery I"});
    EXPECT_EQ(error_field(scene.alice.last_error(), 'R'), "RevalidateCachedQuery");
    // It hears so until it has prepared it anew, as from PostgreSQL.
    scene.alice.says(bind("s") + execute() + sync());
    other.hears({"Close S pgring_1", "Parse pgring_1: select * from t", "Describe S pgring_1", "Flush"});
    other.says(close_complete() + parse_complete() + parameter_description() + row_description("b"));
    other.hears({"Bind pgring_none", "Execute", "Sync"});
    other.says(error("26000") + ready());
    scene.alice.hears({"ErrorResponse ERROR 0A000", "ReadyForQuery I"});
    scene.alice.says(parse("s2", "select * from t") + describe_statement("s2") + sync());
    scene.alice.hears({"ParseComplete"});
    other.hears({"Describe S pgring_1", "Sync"});
    other.says(parameter_description() + row_description("b") + ready());
    scene.alice.hears({"ParameterDescription", "RowDescription", "ReadyForQuery I"});
    scene.alice.says(bind("s2") + execute() + sync());
    other.hears({"Bind pgring_1", "Execute", "Sync"});
}

TEST(Prepared, AStatementThatIsRefusedWhenItsShapeIsAskedTellsItsError) {
    ShapeScene scene;
    Backend& other = scene.stage.backend(1);
    other.says(error("42P01"));
    scene.alice.hears({"ErrorResponse ERROR 42P01"});
    other.hears({"Sync"});
    other.says(ready());
    scene.alice.hears({"ReadyForQuery I"});
    scene.alice.says(query("select 1"));
    other.hears({"Query select 1"});
}

TEST(Prepared, ABackendThatIsLostWhenTheShapeIsAskedHasDoneNothing) {
    ShapeScene scene;
    scene.stage.backend(1).hangs_up();
    scene.alice.hears({"ErrorResponse ERROR 40001", "ReadyForQuery I"});
}

TEST(Prepared, AClientThatAsksForTheShapeEachTimeNeedsNoCheck) {
    Stage stage(ShapeScene::scene());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    alice.says(parse("s", "select * from t") + describe_statement("s") + sync());
    static_cast<void>(stage.backend(0).take());
    stage.backend(0).says(parse_complete() + parameter_description() + row_description("a") + ready());
    static_cast<void>(alice.take());
    bob.says(query("insert into t values (1)"));
    alice.says(bind("s") + describe_portal() + execute() + sync());
    Backend& other = stage.backend(1);
    other.hears({"Parse pgring_1: select * from t", "Bind pgring_1", "Describe P", "Execute", "Sync"});
    other.says(parse_complete() + bind_complete() + row_description("b") + row("1") + complete("SELECT 1") +
               ready());
    alice.hears(
        {"BindComplete", "RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
    // What it was told last is what it knows.
    alice.says(bind("s") + execute() + sync());
    other.hears({"Bind pgring_1", "Execute", "Sync"});
}

// -- Traps --

TEST(Prepared, AParseWhoseClientLeftBeforeItsSyncIsKnownToNobody) {
    Stage stage;
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    alice.says(parse("s", "select 1"));
    stage.backend(0).hears({"Parse pgring_1: select 1"});
    alice.hangs_up();
    EXPECT_TRUE(stage.backend(0).closed());
    bob.says(parse("s", "select 1") + sync());
    stage.backend(1).hears({"Parse pgring_2: select 1", "Sync"});
}

// -- What an earlier unit that is still out leaves open --

TEST(Prepared, ANameThatAnEarlierUnitMayNotHaveTakenIsWaitedFor) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(describe_portal("none") + parse("s", "select 1") + sync() + parse("s", "select 2") +
               bind("s") + sync());
    backend.hears({"Describe P none", "Parse pgring_1: select 1", "Sync"});
    backend.says(error("34000") + ready());
    alice.hears({"ErrorResponse ERROR 34000", "ReadyForQuery I"});
    backend.hears({"Parse pgring_2: select 2", "Bind pgring_2", "Sync"});
    backend.says(parse_complete() + bind_complete() + ready());
    alice.hears({"ParseComplete", "BindComplete", "ReadyForQuery I"});
    alice.says(parse("s", "select 3") + sync() + parse("s", "select 4") + sync());
    backend.hears(
        {"Parse: select 3", "Bind pgring_none", "Sync", "Parse: select 4", "Bind pgring_none", "Sync"});
}

TEST(Prepared, ANameThatAnEarlierUnitMayNotHaveTakenIsReferredToWhenItIsKnown) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(parse("s", "selec") + sync() + bind("s") + sync() + describe_statement("s") + sync());
    backend.hears({"Parse pgring_1: selec", "Sync"});
    backend.says(error("42601") + ready());
    alice.hears({"ErrorResponse ERROR 42601", "ReadyForQuery I"});
    // The server says of what the client called it that there is none.
    backend.hears({"Bind s", "Sync", "Describe S s", "Sync"});
}

TEST(Prepared, ANameThatAnEarlierUnitMayNotHaveClosedIsWaitedFor) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select 1");
    alice.says(describe_portal("none") + close_statement("s") + sync() + parse("s", "select 2") + sync());
    backend.hears({"Describe P none", "Sync"});
    backend.says(error("34000") + ready());
    alice.hears({"ErrorResponse ERROR 34000", "ReadyForQuery I"});
    backend.hears({"Parse: select 2", "Bind pgring_none", "Sync"});
    backend.says(parse_complete() + error("26000") + ready());
    alice.hears({"ErrorResponse ERROR 42P05", "ReadyForQuery I"});
}

TEST(Prepared, DeallocateOfANameThatAnEarlierUnitMayNotHaveTakenWaits) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(parse("s", "selec") + sync() + query("deallocate s"));
    backend.hears({"Parse pgring_1: selec", "Sync"});
    backend.says(error("42601") + ready());
    alice.hears({"ErrorResponse ERROR 42601", "ReadyForQuery I"});
    backend.hears({"Query deallocate s"});
}

TEST(Prepared, ANameOfTheSameUnitIsNotWaitedFor) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(parse("a", "select 1") + sync() + parse("b", "select 2") + bind("b") + sync());
    backend.hears({"Parse pgring_1: select 1", "Sync", "Parse pgring_2: select 2", "Bind pgring_2", "Sync"});
}

TEST(Prepared, ATextThatAnEarlierUnitMayNotHavePreparedIsWaitedFor) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(describe_portal("none") + parse("a", "select 1") + sync() + parse("b", "select 1") +
               bind("b") + sync());
    backend.hears({"Describe P none", "Parse pgring_1: select 1", "Sync"});
    backend.says(error("34000") + ready());
    backend.hears({"Parse pgring_2: select 1", "Bind pgring_2", "Sync"});
}

TEST(Prepared, WhatPgringPreparesBehindAnErrorIsPreparedForTheNextUnit) {
    Stage stage;
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    prepares(alice, stage.backend(0), "s", "select 1");
    bob.says(query("insert into t values (1)"));
    stage.backend(0).answers("1", 'T');
    alice.says(describe_portal("none") + bind("s") + sync() + bind("s") + execute() + sync());
    Backend& other = stage.backend(1);
    other.hears({"Describe P none", "Parse pgring_1: select 1", "Bind pgring_1", "Sync"});
    other.says(error("34000") + ready());
    alice.hears({"ErrorResponse ERROR 34000", "ReadyForQuery I"});
    other.hears({"Parse pgring_1: select 1", "Bind pgring_1", "Execute", "Sync"});
}

TEST(Prepared, WhatPgringClosesBehindAnErrorIsStillThereForTheNextUnit) {
    Scene scene = one_backend();
    scene.settings.pgring.max_prepared_statements = 1;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "one", "select 1");
    alice.says(describe_portal("none") + parse("two", "select 2") + sync() + bind("one") + sync());
    backend.hears({"Describe P none", "Close S pgring_1", "Parse pgring_2: select 2", "Sync"});
    backend.says(error("34000") + ready());
    backend.hears({"Bind pgring_1", "Sync"});
}

TEST(Prepared, InOneUnitNothingIsWaitedFor) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(parse("a", "select 1") + bind("a") + parse("b", "select 1") + bind("b") + execute() + sync());
    backend.hears({"Parse pgring_1: select 1", "Bind pgring_1", "Bind pgring_1", "Execute", "Sync"});
    backend.says(parse_complete() + bind_complete() + bind_complete() + complete("SELECT 1") + ready());
    // Of another unit the server may skip the Parse, and then nothing may run.
    alice.says(parse("c", "select 3") + sync() + bind("c") + execute() + sync());
    backend.hears({"Parse pgring_2: select 3", "Sync"});
    backend.says(parse_complete() + ready());
    backend.hears({"Bind pgring_2", "Execute", "Sync"});
}

TEST(Prepared, WhatAnEarlierUnitWasToPrepareIsNotRunWhereItFails) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(bob, backend, "known", "delete from t");
    alice.says(describe_portal("none") + parse("s", "delete from t") + sync() + bind("s") + execute() +
               sync());
    backend.hears({"Describe P none", "Sync"});
    backend.says(error("34000") + ready());
    backend.hears({"Bind s", "Execute", "Sync"});
}

TEST(Prepared, ALongNameIsANameLikeAnyOther) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    std::string const name(15'000, 'n');
    alice.says_in_pieces(parse(name, "select 1") + conversation::bind(name) + execute() + sync(), 1'000);
    backend.hears({"Parse pgring_1: select 1", "Bind pgring_1", "Execute", "Sync"});
}

TEST(Prepared, SizesAroundThoseOfBuffersMakeNoDifference) {
    for (std::size_t const buffer_bytes :
         {std::size_t{buffer::kSmallBytes}, std::size_t{8'192}, session::kWholeBytesMax,
          std::size_t{buffer::kLargeBytes}, std::size_t{2 * buffer::kLargeBytes}}) {
        for (std::size_t size_bytes = buffer_bytes - 8; size_bytes <= buffer_bytes + 8; ++size_bytes) {
            Stage stage(one_backend());
            Client& alice = stage.logged_in();
            Backend& backend = stage.backend(0);
            std::string const text(size_bytes - parse("s", "").size(), ' ');
            std::string const value(size_bytes - bind("s", {""}).size(), 'y');
            alice.says(parse("s", text) + bind("s", {value}) + execute() + sync());
            std::vector<Message> const messages = backend.take();
            ASSERT_EQ(messages.size(), 4U) << size_bytes;
            EXPECT_TRUE(frontend_text(messages[0]) == "Parse pgring_1: " + text) << size_bytes;
            EXPECT_TRUE(frontend_text(messages[1]) == "Bind pgring_1 (" + value + ")") << size_bytes;
        }
    }
}

TEST(Prepared, NullsAndFormatsOfABindAreLeftAsTheyAre) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    prepares(alice, backend, "s", "select $1, $2");
    // Two formats, NULL and four bytes of binary, one result format.
    std::string const rest = number(2, 2) + number(1, 2) + number(0, 2) + number(2, 2) + number(0xffffffffU) +
                             number(4) + std::string("\0\1\2\3", 4) + number(1, 2) + number(1, 2);
    alice.says(message('B', std::string("\0s\0", 3) + rest) + execute() + sync());
    std::vector<Message> const messages = backend.take();
    ASSERT_EQ(messages.size(), 3U);
    EXPECT_EQ(messages[0].body, std::string(1, '\0') + "pgring_1" + std::string(1, '\0') + rest);
}

TEST(Prepared, ALargeParseWaitsForTheParametersOfItsSession) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in_as({{"user", "app"}, {"database", "db"}, {"application_name", "bob"}});
    Backend& backend = stage.backend(0);
    bob.says(query("select 1"));
    backend.hears({"Query SELECT pg_catalog.set_config(E'application_name', E'bob', false)"});
    backend.says(complete("SELECT 1") + parameter_status("application_name", "bob") + ready());
    backend.hears({"Query select 1"});
    backend.answers("1");
    std::string const text = "select '" + std::string(200'000, 'x') + "'";
    alice.says_in_pieces(parse("s", text) + sync(), 7'000);
    backend.hears({"Query SELECT pg_catalog.set_config(E'application_name', E'', false)"});
    backend.says(complete("SELECT 1") + parameter_status("application_name", "") + ready());
    backend.hears({"Parse pgring_1: " + text, "Sync"});
}

}  // namespace
}  // namespace pgring::conversation
