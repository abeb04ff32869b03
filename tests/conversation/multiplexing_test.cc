/// multiplex = "sync": the reads of sessions that wait are sent behind those that run.

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

using namespace std::chrono_literals;

std::string answer(std::string_view value) {
    return row_description() + row(value) + complete("SELECT 1") + ready();
}

Lines answered(const std::string& value) {
    return {"RowDescription", "DataRow " + value, "CommandComplete SELECT 1", "ReadyForQuery I"};
}

Scene one_backend() {
    Scene scene;
    scene.settings.pgring.default_pool_size = 1;
    scene.settings.pgring.multiplex = config::Multiplex::Sync;
    return scene;
}

/// Three clients on one backend, which is known to answer `select <number>` at once.
struct Trio {
    explicit Trio(Scene scene = one_backend()) : stage(std::move(scene)) {
        alice.says(query("select 0"));
        backend.hears({"Query select 0"});
        backend.says(answer("0"));
        alice.hears(answered("0"));
    }
    /// Alice's write runs, the others' messages wait; then it is done.
    void both_wait(std::string_view of_bob, std::string_view of_carol) {
        alice.says(query("update t set a = 1"));
        bob.says(of_bob);
        carol.says(of_carol);
        backend.hears({"Query update t set a = 1"});
        backend.says(complete("UPDATE 1") + ready());
        alice.hears({"CommandComplete UPDATE 1", "ReadyForQuery I"});
    }
    /// Bob's read is under way, and carol's is behind it.
    void carol_is_ahead() {
        both_wait(query("select 1"), query("select 2"));
        backend.hears({"Query select 1", "Query select 2"});
    }

    Stage stage;
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Client& carol = stage.logged_in();
    Backend& backend = stage.backend(0);
};

TEST(Multiplexing, ReadsThatWaitAreSentBehindTheOneThatRuns) {
    Trio scene;
    scene.carol_is_ahead();
    scene.backend.says(answer("1"));
    scene.bob.hears(answered("1"));
    scene.carol.hears_nothing();
    scene.backend.hears_nothing();
    scene.backend.says(answer("2"));
    scene.carol.hears(answered("2"));
    scene.backend.hears_nothing();
    EXPECT_EQ(scene.stage.worker().stats().units_ahead_used.value(), 1U);
}

TEST(Multiplexing, AnswersThatComeTogetherGoToWhomTheyAreFor) {
    Trio scene;
    scene.carol_is_ahead();
    scene.backend.says(answer("1") + answer("2"));
    scene.bob.hears(answered("1"));
    scene.carol.hears(answered("2"));
    scene.alice.says(query("select 3"));
    scene.backend.hears({"Query select 3"});
}

TEST(Multiplexing, AnswersThatComeInPiecesGoToWhomTheyAreFor) {
    Trio scene;
    scene.carol_is_ahead();
    scene.backend.says_in_pieces(answer("1") + answer("2"), 3);
    scene.bob.hears(answered("1"));
    scene.carol.hears(answered("2"));
}

TEST(Multiplexing, IsOffByDefault) {
    Scene scene;
    scene.settings.pgring.default_pool_size = 1;
    Trio trio(std::move(scene));
    trio.both_wait(query("select 1"), query("select 2"));
    trio.backend.hears({"Query select 1"});
}

TEST(Multiplexing, NoMoreThanTwoAreSentAhead) {
    Trio scene;
    Client& dan = scene.stage.logged_in();
    Client& erin = scene.stage.logged_in();
    scene.alice.says(query("select 0"));
    scene.backend.hears({"Query select 0"});
    scene.bob.says(query("select 1"));
    scene.carol.says(query("select 2"));
    dan.says(query("select 3"));
    erin.says(query("select 4"));
    scene.backend.says(answer("0"));
    scene.backend.hears({"Query select 1", "Query select 2", "Query select 3"});
    scene.backend.says(answer("1"));
    // With each that is done there is room for another.
    scene.backend.hears({"Query select 4"});
    scene.backend.says(answer("2") + answer("3") + answer("4"));
    scene.bob.hears(answered("1"));
    scene.carol.hears(answered("2"));
    dan.hears(answered("3"));
    erin.hears(answered("4"));
}

TEST(Multiplexing, WritesAndTransactionsAreNotSentAhead) {
    for (const std::string& unit :
         {query("update t set a = 2"), query("begin; select 2"), query("select nextval('s')"),
          query("select 2; select 3"), query("set application_name = 'x'"),
          parse("", "insert into t values (1)") + bind("") + execute() + sync(),
          query("select 2") + query("select 3"), parse("", "select 2") + bind("") + execute() + flush()}) {
        Trio scene;
        scene.both_wait(query("select 1"), unit);
        scene.backend.hears({"Query select 1"});
        scene.backend.says(answer("1"));
        scene.bob.hears(answered("1"));
        EXPECT_FALSE(scene.backend.take().empty()) << unit;
    }
}

TEST(Multiplexing, NothingIsSentBehindAWriteOrAnOpenTransaction) {
    Trio scene;
    scene.both_wait(query("update t set a = 2"), query("select 2"));
    scene.backend.hears({"Query update t set a = 2"});
    scene.backend.says(complete("UPDATE 1") + ready());
    scene.backend.hears({"Query select 2"});
    scene.backend.says(answer("2"));
    scene.both_wait(query("begin; select 1"), query("select 2"));
    scene.backend.hears({"Query begin; select 1"});
    scene.backend.says(complete("BEGIN") + answer("1").substr(0, answer("1").size() - 6) + ready('T'));
    scene.backend.hears_nothing();
}

TEST(Multiplexing, NobodyIsSentAheadOfOneWhoCannotBe) {
    Trio scene;
    Client& dan = scene.stage.logged_in();
    scene.alice.says(query("select 0"));
    scene.backend.hears({"Query select 0"});
    scene.bob.says(query("select 1"));
    scene.carol.says(query("update t set a = 2"));
    dan.says(query("select 3"));
    scene.backend.says(answer("0"));
    scene.backend.hears({"Query select 1"});
    scene.backend.says(answer("1"));
    scene.backend.hears({"Query update t set a = 2"});
}

TEST(Multiplexing, BehindAStatementThatTakesLongNothingIsSent) {
    Trio scene;
    scene.alice.says(query("select slow from t"));
    scene.backend.hears({"Query select slow from t"});
    scene.stage.passes(100ms);
    scene.backend.says(answer("0"));
    scene.alice.hears(answered("0"));
    scene.both_wait(query("select slow from t"), query("select 2"));
    scene.backend.hears({"Query select slow from t"});
    // Nor behind one that nobody has seen before.
    scene.backend.says(answer("1"));
    scene.backend.hears({"Query select 2"});
    scene.backend.says(answer("2"));
    scene.both_wait(query("select new from t"), query("select 2"));
    scene.backend.hears({"Query select new from t"});
}

TEST(Multiplexing, AnErrorIsOnlyItsOwnSessions) {
    Trio scene;
    scene.carol_is_ahead();
    scene.backend.says(error("22012") + ready() + error("42P01") + ready());
    scene.bob.hears({"ErrorResponse ERROR 22012", "ReadyForQuery I"});
    scene.carol.hears({"ErrorResponse ERROR 42P01", "ReadyForQuery I"});
}

TEST(Multiplexing, WhatWasSentForOneWhoHasLeftIsDropped) {
    Trio scene;
    scene.carol_is_ahead();
    scene.carol.hangs_up();
    scene.backend.says(answer("1"));
    scene.bob.hears(answered("1"));
    scene.alice.says(query("select 3"));
    scene.backend.hears_nothing();
    scene.backend.says(answer("2"));
    scene.backend.hears({"Query select 3"});
    scene.backend.says(answer("3"));
    scene.alice.hears(answered("3"));
    EXPECT_EQ(scene.stage.backend_count(), 1U);
}

TEST(Multiplexing, AnErrorForOneWhoHasLeftIsDropped) {
    Trio scene;
    scene.both_wait(query("select 1"), parse("", "select $1") + bind("", {"2"}) + execute() + sync());
    scene.backend.hears({"Query select 1", "Parse: select $1", "Bind (2)", "Execute", "Sync"});
    scene.carol.hangs_up();
    scene.backend.says(answer("1") + error("42P01") + ready());
    scene.bob.hears(answered("1"));
    scene.bob.says(query("select 3"));
    scene.backend.hears({"Query select 3"});
}

TEST(Multiplexing, WhoSaysMoreMeanwhileIsServedAsEver) {
    Trio scene;
    scene.carol_is_ahead();
    scene.carol.says(query("select 3"));
    scene.backend.says(answer("1") + answer("x"));
    scene.bob.hears(answered("1"));
    scene.backend.hears({"Query select 2", "Query select 3"});
    scene.backend.says(answer("2"));
    scene.carol.hears(answered("2"));
    scene.backend.says(answer("3"));
    scene.carol.hears(answered("3"));
}

TEST(Multiplexing, WhoHasTheBackendMayGoOnAndWhatIsAheadIsDropped) {
    Trio scene;
    scene.carol_is_ahead();
    scene.bob.says(query("update t set a = 3"));
    scene.backend.hears({"Query update t set a = 3"});
    scene.backend.says(answer("1"));
    scene.bob.hears(answered("1"));
    scene.backend.says(answer("x"));
    scene.bob.hears_nothing();
    scene.carol.hears_nothing();
    scene.backend.says(complete("UPDATE 1") + ready());
    scene.bob.hears({"CommandComplete UPDATE 1", "ReadyForQuery I"});
    scene.backend.hears({"Query select 2"});
    scene.backend.says(answer("2"));
    scene.carol.hears(answered("2"));
}

TEST(Multiplexing, ACancelHitsNobodyElse) {
    Trio scene;
    scene.carol_is_ahead();
    scene.stage.passes(1s);
    Client& canceler = scene.stage.client();
    canceler.says(cancel_request(scene.bob.process_id(), scene.bob.secret()));
    ASSERT_EQ(scene.stage.backend_count(), 2U);
    EXPECT_EQ(scene.stage.backend(1).cancels_process(), scene.backend.process_id());
    // It came too late for bob's.
    scene.backend.says(answer("1") + error("57014") + ready());
    scene.bob.hears(answered("1"));
    scene.carol.hears_nothing();
    scene.stage.backend(1).hangs_up();
    scene.backend.hears({"Query select 2"});
    scene.backend.says(answer("2"));
    scene.carol.hears(answered("2"));
}

TEST(Multiplexing, ACancelOfWhatIsAheadIsAnsweredByPgring) {
    Trio scene;
    scene.carol_is_ahead();
    Client& canceler = scene.stage.client();
    canceler.says(cancel_request(scene.carol.process_id(), scene.carol.secret()));
    EXPECT_TRUE(canceler.closed());
    EXPECT_EQ(scene.stage.backend_count(), 1U);
    scene.carol.hears({"ErrorResponse ERROR 57014", "ReadyForQuery I"});
    scene.carol.says(query("select 3"));
    scene.backend.says(answer("1") + answer("2"));
    scene.bob.hears(answered("1"));
    scene.backend.hears({"Query select 3"});
    scene.backend.says(answer("3"));
    scene.carol.hears(answered("3"));
}

TEST(Multiplexing, WhereTheBackendIsLostOnlyItsSessionHearsOfIt) {
    Trio scene;
    scene.carol_is_ahead();
    scene.backend.hangs_up();
    scene.bob.hears({"ErrorResponse ERROR 40001", "ReadyForQuery I"});
    ASSERT_EQ(scene.stage.backend_count(), 2U);
    scene.stage.backend(1).hears({"Query select 2"});
    scene.stage.backend(1).says(answer("2"));
    scene.carol.hears(answered("2"));
}

TEST(Multiplexing, WhoIsAheadTooLongIsServedByAnotherBackend) {
    Scene two = one_backend();
    two.settings.pgring.default_pool_size = 2;
    Trio scene(std::move(two));
    Client& dan = scene.stage.logged_in();
    Client& erin = scene.stage.logged_in();
    dan.says(query("update t set a = 2"));
    Backend& other = scene.backend;
    other.hears({"Query update t set a = 2"});
    scene.alice.says(query("select 0"));
    ASSERT_EQ(scene.stage.backend_count(), 2U);
    Backend& backend = scene.stage.backend(1);
    backend.hears({"Query select 0"});
    scene.bob.says(query("select 1"));
    scene.carol.says(query("select 2"));
    erin.says(query("select 3"));
    backend.says(answer("0"));
    scene.alice.hears(answered("0"));
    backend.hears({"Query select 1", "Query select 2"});
    // What is expected to be short is not.
    scene.stage.passes(50ms);
    other.says(complete("UPDATE 1") + ready());
    other.hears({"Query select 2"});
    other.says(answer("2"));
    scene.carol.hears(answered("2"));
    other.hears({"Query select 3"});
    // What comes of the first attempt is for nobody.
    backend.says(answer("1") + answer("x"));
    scene.bob.hears(answered("1"));
    other.says(answer("3"));
    erin.hears(answered("3"));
    scene.carol.hears_nothing();
}

TEST(Multiplexing, WhereFewWaitNothingIsSentAhead) {
    Scene two = one_backend();
    two.settings.pgring.default_pool_size = 2;
    Trio scene(std::move(two));
    Client& dan = scene.stage.logged_in();
    dan.says(query("update t set a = 2"));
    scene.alice.says(query("select 0"));
    Backend& backend = scene.stage.backend(1);
    backend.hears({"Query select 0"});
    scene.bob.says(query("select 1"));
    scene.carol.says(query("select 2"));
    backend.says(answer("0"));
    backend.hears({"Query select 1"});
}

TEST(Multiplexing, StatementsHaveTheNamesThatTheServerKnows) {
    Trio scene;
    scene.bob.says(parse("b", "select $1") + sync());
    scene.backend.hears({"Parse pgring_1: select $1", "Sync"});
    scene.backend.says(parse_complete() + ready());
    scene.bob.hears({"ParseComplete", "ReadyForQuery I"});
    scene.carol.says(parse("c", "select $1"));
    scene.carol.says(sync());
    scene.carol.hears({"ParseComplete", "ReadyForQuery I"});
    std::string const rows = bind_complete() + row_description() + row("1") + complete("SELECT 1") + ready();
    Lines const heard{"BindComplete", "RowDescription", "DataRow 1", "CommandComplete SELECT 1",
                      "ReadyForQuery I"};
    scene.bob.says(bind("b", {"1"}) + describe_portal() + execute() + sync());
    scene.backend.hears({"Bind pgring_1 (1)", "Describe P", "Execute", "Sync"});
    scene.backend.says(rows);
    scene.bob.hears(heard);
    scene.both_wait(bind("b", {"1"}) + describe_portal() + execute() + sync(),
                    bind("c", {"2"}) + describe_portal() + execute() + sync());
    scene.backend.hears({"Bind pgring_1 (1)", "Describe P", "Execute", "Sync", "Bind pgring_1 (2)",
                         "Describe P", "Execute", "Sync"});
    scene.backend.says(rows + rows);
    scene.bob.hears(heard);
    scene.carol.hears(heard);
    EXPECT_EQ(scene.stage.worker().stats().units_ahead_used.value(), 1U);
}

TEST(Multiplexing, TheUnnamedStatementIsWhoseItWasLast) {
    Trio scene;
    std::string const rows = bind_complete() + row("1") + complete("SELECT 1") + ready();
    scene.bob.says(parse("", "select $1") + bind("", {"1"}) + execute() + sync());
    scene.backend.hears({"Parse: select $1", "Bind (1)", "Execute", "Sync"});
    scene.backend.says(parse_complete() + rows);
    static_cast<void>(scene.bob.take());
    scene.both_wait(parse("", "select $1") + bind("", {"1"}) + execute() + sync(), query("select 2"));
    scene.backend.hears({"Parse: select $1", "Bind (1)", "Execute", "Sync", "Query select 2"});
    // A simple query destroys it, so bob's has to be prepared again.
    scene.bob.says(bind("", {"3"}) + execute() + sync());
    scene.backend.hears({"Parse: select $1", "Bind (3)", "Execute", "Sync"});
}

TEST(Multiplexing, WithOtherParametersASessionIsNotSentAhead) {
    Trio scene;
    scene.carol.says(query("set application_name = 'carol'"));
    scene.backend.hears({"Query set application_name = 'carol'"});
    scene.backend.says(complete("SET") + parameter_status("application_name", "carol") + ready());
    static_cast<void>(scene.carol.take());
    scene.alice.says(query("select 0"));
    static_cast<void>(scene.backend.take());
    scene.backend.says(complete("SELECT 1") + parameter_status("application_name", "") + ready());
    static_cast<void>(scene.backend.take());
    scene.backend.says(answer("0"));
    static_cast<void>(scene.alice.take());
    scene.both_wait(query("select 1"), query("select 2"));
    scene.backend.hears({"Query select 1"});
}

}  // namespace
}  // namespace pgring::conversation
