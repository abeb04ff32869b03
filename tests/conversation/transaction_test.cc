/// Transactions: the BEGIN that is held back, and what a session may leave on a backend.

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

Scene one_backend() {
    Scene scene;
    scene.settings.pgring.default_pool_size = 1;
    return scene;
}

TEST(Transaction, ABeginTravelsWithTheNextStatement) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("BEGIN"));
    backend.hears_nothing();
    alice.hears({"CommandComplete BEGIN", "ReadyForQuery T"});
    alice.says(query("insert into t values (1)"));
    backend.hears({"Query BEGIN", "Query insert into t values (1)"});
    backend.says(complete("BEGIN") + ready('T') + complete("INSERT 0 1") + ready('T'));
    alice.hears({"CommandComplete INSERT 0 1", "ReadyForQuery T"});
    alice.says(query("commit"));
    backend.hears({"Query commit"});
    backend.says(complete("COMMIT") + ready());
    alice.hears({"CommandComplete COMMIT", "ReadyForQuery I"});
}

TEST(Transaction, AnEmptyTransactionNeedsNoBackend) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    alice.says(query("begin") + query("commit") + query("start transaction") + query("rollback"));
    stage.backend(0).hears_nothing();
    alice.hears({"CommandComplete BEGIN", "ReadyForQuery T", "CommandComplete COMMIT", "ReadyForQuery I",
                 "CommandComplete START TRANSACTION", "ReadyForQuery T", "CommandComplete ROLLBACK",
                 "ReadyForQuery I"});
}

TEST(Transaction, ASyncInAHeldTransactionSaysThatThereIsOne) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    alice.says(query("begin") + sync());
    alice.hears({"CommandComplete BEGIN", "ReadyForQuery T", "ReadyForQuery T"});
}

TEST(Transaction, ASecondBeginIsTheServersToWarnOf) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("begin") + query("begin"));
    backend.hears({"Query begin", "Query begin"});
    backend.says(complete("BEGIN") + ready('T') + notice("already") + complete("BEGIN") + ready('T'));
    alice.hears({"CommandComplete BEGIN", "ReadyForQuery T", "NoticeResponse already",
                 "CommandComplete BEGIN", "ReadyForQuery T"});
}

TEST(Transaction, AHeldBeginTravelsWithAnExtendedQueryToo) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("begin") + parse("", "select 1") + bind("") + execute() + sync());
    backend.hears({"Query begin", "Parse: select 1", "Bind", "Execute", "Sync"});
    backend.says(complete("BEGIN") + ready('T') + parse_complete() + bind_complete() + complete("SELECT 0") +
                 ready('T'));
    alice.hears({"CommandComplete BEGIN", "ReadyForQuery T", "ParseComplete", "BindComplete",
                 "CommandComplete SELECT 0", "ReadyForQuery T"});
}

TEST(Transaction, AHeldBeginThatFailsLeavesTheClientInAFailedOne) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("begin"));
    alice.hears({"CommandComplete BEGIN", "ReadyForQuery T"});
    alice.says(query("set timezone = 'Asia/Tokyo'"));
    backend.hears({"Query begin", "Query set timezone = 'Asia/Tokyo'"});
    // A cancel that came late hit the BEGIN.
    backend.says(error("57014") + ready());
    alice.hears({"ErrorResponse ERROR 40001", "ReadyForQuery E"});
    alice.says(query("rollback"));
    alice.hears({"CommandComplete ROLLBACK", "ReadyForQuery I"});
}

TEST(Transaction, AFailedOneStaysOnItsBackendUntilItEnds) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("insert into t values (1)"));
    backend.says(error("23505") + ready('E'));
    bob.says(query("select 1"));
    alice.says(query("rollback"));
    backend.hears({"Query insert into t values (1)", "Query rollback"});
    backend.says(complete("ROLLBACK") + ready());
    backend.hears({"Query select 1"});
}

// A deferred constraint, say.
TEST(Transaction, ACommitThatFailsEndsItAndFreesTheBackend) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("insert into t values (1)"));
    backend.says(complete("INSERT 0 1") + ready('T'));
    bob.says(query("select 1"));
    alice.says(query("commit"));
    backend.hears({"Query insert into t values (1)", "Query commit"});
    backend.says(error("23503") + ready());
    alice.hears(
        {"CommandComplete INSERT 0 1", "ReadyForQuery T", "ErrorResponse ERROR 23503", "ReadyForQuery I"});
    backend.hears({"Query select 1"});
}

TEST(Transaction, WhoLeavesOneBehindIsRolledBackBeforeTheNextClient) {
    for (bool const politely : {true, false}) {
        Stage stage(one_backend());
        Client& alice = stage.logged_in();
        Client& bob = stage.logged_in();
        Backend& backend = stage.backend(0);
        alice.says(query("insert into t values (1)"));
        backend.answers("1", 'T');
        bob.says(query("select 1"));
        if (politely) {
            alice.says(terminate());
        } else {
            alice.hangs_up();
        }
        backend.hears({"Query insert into t values (1)", "Query ROLLBACK"});
        backend.says(complete("ROLLBACK") + ready());
        backend.hears({"Query select 1"});
    }
}

TEST(Transaction, ABackendThatCannotRollBackIsClosed) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("insert into t values (1)"));
    backend.answers("1", 'T');
    alice.hangs_up();
    backend.says(error("XX000") + ready('T'));
    EXPECT_TRUE(backend.closed());
}

TEST(Transaction, ABackendThatDoesNotAnswerTheRollbackIsGivenUp) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("insert into t values (1)"));
    backend.answers("1", 'T');
    alice.hangs_up();
    stage.passes(std::chrono::seconds(14));
    EXPECT_FALSE(backend.closed());
    stage.passes(std::chrono::seconds(2));
    EXPECT_TRUE(backend.closed());
}

TEST(Transaction, WhoLeavesAmidARequestTakesTheBackendAlong) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    alice.says(query("select pg_sleep(9)"));
    alice.hangs_up();
    EXPECT_TRUE(stage.backend(0).closed());
    bob.says(query("select 1"));
    stage.backend(1).hears({"Query select 1"});
}

TEST(Transaction, WhoLeavesAmidAMessageTakesTheBackendAlong) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    alice.says(query("select '" + std::string(50'000, 'x') + "'").substr(0, 30'000));
    EXPECT_EQ(stage.backend(0).heard_bytes(), 30'000U);
    alice.hangs_up();
    EXPECT_TRUE(stage.backend(0).closed());
    bob.says(query("select 1"));
    stage.backend(1).hears({"Query select 1"});
}

TEST(Transaction, HalfAShortMessageNeverReachesAServer) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    alice.says(query("insert into t values (1)").substr(0, 12));
    alice.hangs_up();
    stage.backend(0).hears_nothing();
    EXPECT_FALSE(stage.backend(0).closed());
}

TEST(Transaction, APinnedSessionThatLeavesATransactionBehindIsRolledBackAndReset) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("select setseed(0.5)"));
    backend.says(complete("SELECT 1") + ready());
    alice.says(query("begin"));
    alice.says(query("insert into t values (1)"));
    static_cast<void>(backend.take());
    backend.says(complete("BEGIN") + ready('T') + complete("INSERT 0 1") + ready('T'));
    alice.hangs_up();
    backend.hears({"Query ROLLBACK"});
    backend.says(complete("ROLLBACK") + ready());
    backend.hears({"Query DISCARD ALL"});
    backend.says(complete("DISCARD ALL") + ready());
    EXPECT_FALSE(backend.closed());
}

TEST(Transaction, AResetQueryOtherThanDiscardAllLeavesTheStatementsKnown) {
    Scene scene = one_backend();
    scene.settings.pgring.server_reset_query = "RESET ALL";
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    bob.says(parse("s", "select 1") + sync());
    backend.says(parse_complete() + ready());
    alice.says(query("select setseed(0.5)"));
    backend.says(complete("SELECT 1") + ready());
    alice.hangs_up();
    static_cast<void>(backend.take());
    backend.says(complete("RESET") + ready());
    bob.says(bind("s") + sync());
    backend.hears({"Bind pgring_1", "Sync"});
}

TEST(Transaction, ParametersSetAndRolledBackAreToldBothTimes) {
    Stage stage(one_backend());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("begin") + query("set timezone = 'Asia/Tokyo'"));
    backend.says(complete("BEGIN") + ready('T') + complete("SET") +
                 parameter_status("TimeZone", "Asia/Tokyo") + ready('T'));
    alice.hears({"CommandComplete BEGIN", "ReadyForQuery T", "CommandComplete SET",
                 "ParameterStatus TimeZone=Asia/Tokyo", "ReadyForQuery T"});
    alice.says(query("rollback"));
    backend.says(complete("ROLLBACK") + parameter_status("TimeZone", "UTC") + ready());
    alice.hears({"CommandComplete ROLLBACK", "ParameterStatus TimeZone=UTC", "ReadyForQuery I"});
    static_cast<void>(backend.take());
    alice.says(query("select 1"));
    backend.hears({"Query select 1"});
}

/// A unit as libpq sends a statement without parameters.
std::string lone(std::string_view text) {
    return parse("", text) + bind("") + describe_portal() + execute() + sync();
}

Lines lone_answer(const std::string& tag, char status) {
    return {"ParseComplete", "BindComplete", "NoData", "CommandComplete " + tag,
            std::string("ReadyForQuery ") + status};
}

TEST(Transaction, ABeginOfTheExtendedProtocolIsHeldBackToo) {
    Stage stage;
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(lone("BEGIN ISOLATION LEVEL REPEATABLE READ"));
    alice.hears(lone_answer("BEGIN", 'T'));
    backend.hears_nothing();
    alice.says(lone("select 1"));
    backend.hears({"Query BEGIN ISOLATION LEVEL REPEATABLE READ", "Parse: select 1", "Bind", "Describe P",
                   "Execute", "Sync"});
}

TEST(Transaction, AnEmptyOneOfTheExtendedProtocolNeedsNoBackend) {
    Stage stage;
    Client& alice = stage.logged_in();
    for (const char* const end : {"COMMIT", "ROLLBACK"}) {
        alice.says_in_pieces(lone("begin"), 200);
        alice.hears(lone_answer("BEGIN", 'T'));
        alice.says(lone(end));
        alice.hears(lone_answer(end, 'I'));
    }
    stage.backend(0).hears_nothing();
}

TEST(Transaction, AServerThatIsLostRightAfterABeginOfTheExtendedProtocolHarmsNothing) {
    Stage stage;
    Client& alice = stage.logged_in();
    alice.says(lone("BEGIN"));
    alice.hears(lone_answer("BEGIN", 'T'));
    stage.backend(0).hangs_up();
    alice.hears_nothing();
    alice.says(lone("select 1"));
    Backend& next = stage.backend(1);
    next.hears({"Query BEGIN", "Parse: select 1", "Bind", "Describe P", "Execute", "Sync"});
}

TEST(Transaction, AFailedOneIsEndedByARollbackOfTheExtendedProtocolWithoutABackend) {
    Stage stage;
    Client& alice = stage.logged_in();
    alice.says(lone("BEGIN"));
    alice.says(lone("select 1"));
    static_cast<void>(alice.take());
    stage.set_connects(0, Stage::Connects::Unanswered);
    stage.backend(0).hangs_up();
    alice.hears({"ErrorResponse ERROR 40001", "ReadyForQuery E"});
    alice.says(lone("ROLLBACK"));
    alice.hears(lone_answer("ROLLBACK", 'I'));
    EXPECT_EQ(stage.backend_count(), 1U);
}

TEST(Transaction, ABeginWithMoreInItsUnitGoesToTheServer) {
    Stage stage;
    Client& alice = stage.logged_in();
    alice.says(parse("", "BEGIN") + bind("") + execute() + parse("", "select 1") + bind("") + execute() +
               sync());
    stage.backend(0).hears({"Parse: BEGIN", "Bind", "Execute", "Parse: select 1", "Bind", "Execute", "Sync"});
}

TEST(Transaction, TheUnnamedStatementIsTheBeginThatWasHeldBack) {
    Stage stage;
    Client& alice = stage.logged_in();
    alice.says(lone("BEGIN") + lone("ROLLBACK"));
    static_cast<void>(alice.take());
    alice.says(bind("") + execute() + sync());
    stage.backend(0).hears({"Parse: ROLLBACK", "Bind", "Execute", "Sync"});
}

}  // namespace
}  // namespace pgring::conversation
