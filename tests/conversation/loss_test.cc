/// A server connection is lost: the client is told the truth about what was in flight.

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

class Loss : public ::testing::Test {
  protected:
    Loss() : stage_(make_scene()), alice_(stage_.logged_in()) {}

    static Scene make_scene() {
        Scene scene;
        scene.settings.pgring.default_pool_size = 1;
        return scene;
    }
    Backend& first() { return stage_.backend(0); }
    Backend& second() { return stage_.backend(1); }
    /// A transaction with one write done.
    void begin() {
        alice_.says(query("begin"));
        alice_.says(query("insert into t values (1)"));
        first().says(complete("BEGIN") + ready('T') + complete("INSERT 0 1") + ready('T'));
        static_cast<void>(alice_.take());
        static_cast<void>(first().take());
    }
    /// The session is in a failed transaction on its next backend, as PostgreSQL has it.
    void expect_failed_transaction() {
        alice_.says(query("insert into t values (2)"));
        Backend& backend = second();
        std::vector<Message> const messages = backend.take();
        ASSERT_EQ(messages.size(), 1U);
        EXPECT_TRUE(frontend_text(messages[0]).starts_with("Query BEGIN; ROLLBACK TO SAVEPOINT"));
        backend.says(complete("BEGIN") + error("3B001") + ready('E'));
        backend.hears({"Query insert into t values (2)"});
        backend.says(error("25P02") + ready('E'));
        alice_.hears({"ErrorResponse ERROR 25P02", "ReadyForQuery E"});
        alice_.says(query("rollback"));
        backend.hears({"Query rollback"});
        backend.says(complete("ROLLBACK") + ready());
        alice_.hears({"CommandComplete ROLLBACK", "ReadyForQuery I"});
    }

    Stage stage_;
    Client& alice_;
};

TEST_F(Loss, OfAnIdleBackendIsNoticedByNobody) {
    first().hangs_up();
    alice_.hears_nothing();
    alice_.says(query("select 1"));
    second().hears({"Query select 1"});
    EXPECT_EQ(stage_.take_suspected(), std::vector<std::size_t>{0});
}

TEST_F(Loss, OfARunningReadChangedNothing) {
    alice_.says(query("select 1"));
    first().hangs_up();
    alice_.hears({"ErrorResponse ERROR 40001", "ReadyForQuery I"});
    alice_.says(query("select 1"));
    second().hears({"Query select 1"});
}

TEST_F(Loss, OfARunningWriteHasAnUnknownOutcome) {
    alice_.says(query("insert into t values (1)"));
    first().hangs_up();
    alice_.hears({"ErrorResponse ERROR 08007", "ReadyForQuery I"});
    alice_.says(query("select 1"));
    second().hears({"Query select 1"});
}

TEST_F(Loss, OfARunningWriteOfTheExtendedProtocolHasAnUnknownOutcome) {
    alice_.says(parse("", "insert into t values ($1)") + bind("") + execute() + sync());
    first().hangs_up();
    alice_.hears({"ErrorResponse ERROR 08007", "ReadyForQuery I"});
}

TEST_F(Loss, OfAWriteThatNobodyJudgedHasAnUnknownOutcome) {
    alice_.says(query("select '" + std::string(20'000, 'x') + "'"));
    first().hangs_up();
    alice_.hears({"ErrorResponse ERROR 08007", "ReadyForQuery I"});
}

TEST_F(Loss, OfAnIdleTransactionIsToldAtTheNextStatement) {
    begin();
    first().hangs_up();
    alice_.hears_nothing();
    alice_.says(query("insert into t values (1)"));
    alice_.hears({"ErrorResponse ERROR 40001", "ReadyForQuery E"});
    expect_failed_transaction();
}

TEST_F(Loss, OfAnIdleTransactionIsToldAtTheNextBatch) {
    begin();
    first().hangs_up();
    alice_.says(parse("", "insert into t values (1)") + bind("") + execute() + sync());
    alice_.hears({"ErrorResponse ERROR 40001", "ReadyForQuery E"});
    expect_failed_transaction();
}

TEST_F(Loss, OfATransactionAmidAStatementFailsTheTransaction) {
    begin();
    alice_.says(query("insert into t values (2)"));
    first().hangs_up();
    alice_.hears({"ErrorResponse ERROR 40001", "ReadyForQuery E"});
    expect_failed_transaction();
}

TEST_F(Loss, OfAnIdleTransactionIsToldAtItsCommitWhichEndsIt) {
    begin();
    first().hangs_up();
    alice_.says(query("commit"));
    alice_.hears({"ErrorResponse ERROR 40001", "ReadyForQuery I"});
    alice_.says(query("select 1"));
    second().hears({"Query select 1"});
}

TEST_F(Loss, OfAnIdleTransactionIsToldAtItsCommitInTheExtendedProtocolToo) {
    begin();
    first().hangs_up();
    alice_.says(parse("", "COMMIT") + bind("") + execute() + sync());
    alice_.hears({"ErrorResponse ERROR 40001", "ReadyForQuery I"});
    alice_.says(query("select 1"));
    second().hears({"Query select 1"});
}

TEST_F(Loss, OfAnIdleTransactionIsNoErrorForItsRollback) {
    begin();
    first().hangs_up();
    alice_.says(query("rollback"));
    alice_.hears({"CommandComplete ROLLBACK", "ReadyForQuery I"});
    EXPECT_EQ(stage_.backend_count(), 1U);
}

TEST_F(Loss, RollbackOfATransactionThatFailedNeedsNoBackend) {
    begin();
    first().hangs_up();
    alice_.says(query("insert into t values (2)") + query("rollback"));
    alice_.hears(
        {"ErrorResponse ERROR 40001", "ReadyForQuery E", "CommandComplete ROLLBACK", "ReadyForQuery I"});
    EXPECT_EQ(stage_.backend_count(), 1U);
}

TEST_F(Loss, CommitOfATransactionThatFailedNeedsNoBackendAndIsARollback) {
    begin();
    first().hangs_up();
    alice_.says(query("insert into t values (2)") + query("commit"));
    alice_.hears(
        {"ErrorResponse ERROR 40001", "ReadyForQuery E", "CommandComplete ROLLBACK", "ReadyForQuery I"});
    EXPECT_EQ(stage_.backend_count(), 1U);
}

TEST_F(Loss, OfATransactionWhoseFirstStatementIsOutFailsTheTransaction) {
    alice_.says(query("begin"));
    alice_.says(query("insert into t values (1)"));
    first().hears({"Query begin", "Query insert into t values (1)"});
    first().hangs_up();
    alice_.hears(
        {"CommandComplete BEGIN", "ReadyForQuery T", "ErrorResponse ERROR 40001", "ReadyForQuery E"});
    expect_failed_transaction();
}

TEST_F(Loss, OfACommitHasAnUnknownOutcome) {
    begin();
    alice_.says(query("commit"));
    first().hangs_up();
    alice_.hears({"ErrorResponse ERROR 08007", "ReadyForQuery I"});
}

TEST_F(Loss, OfARollbackIsTheEndOfTheTransaction) {
    begin();
    alice_.says(query("rollback"));
    first().hangs_up();
    alice_.hears({"ErrorResponse ERROR 40001", "ReadyForQuery I"});
}

TEST_F(Loss, OfAPipelineAnswersEachQuery) {
    alice_.says(query("select 1") + query("select 2") + query("insert into t values (1)"));
    first().hangs_up();
    alice_.hears({"ErrorResponse ERROR 08007", "ReadyForQuery I", "ErrorResponse ERROR 08007",
                  "ReadyForQuery I", "ErrorResponse ERROR 08007", "ReadyForQuery I"});
}

TEST_F(Loss, OfABatchBeforeItsSyncSkipsToTheSync) {
    alice_.says(parse("", "select 1") + flush());
    first().hangs_up();
    alice_.hears({"ErrorResponse ERROR 40001"});
    alice_.says(bind("") + execute() + sync());
    alice_.hears({"ReadyForQuery I"});
    alice_.says(query("select 1"));
    second().hears({"Query select 1"});
}

TEST_F(Loss, BehindTheCompletionOfABatchsWriteHasAnUnknownOutcome) {
    alice_.says(parse("", "insert into t values (1)") + bind("") + execute() + sync());
    first().says(parse_complete() + bind_complete() + complete("INSERT 0 1"));
    first().hangs_up();
    // The write is committed by the Sync, whose answer has not come.
    alice_.hears({"ParseComplete", "BindComplete", "CommandComplete INSERT 0 1", "ErrorResponse ERROR 08007",
                  "ReadyForQuery I"});
}

TEST_F(Loss, BehindAnErrorIsNotToldTwice) {
    alice_.says(parse("", "insert into t values (1)") + bind("") + execute() + sync());
    first().says(parse_complete() + bind_complete() + error("23505"));
    first().hangs_up();
    alice_.hears({"ParseComplete", "BindComplete", "ErrorResponse ERROR 23505", "ReadyForQuery I"});
    alice_.says(query("insert into t values (1)"));
    second().says(error("23505"));
    second().hangs_up();
    alice_.hears({"ErrorResponse ERROR 23505", "ReadyForQuery I"});
}

TEST_F(Loss, AmidARowEndsTheSession) {
    alice_.says(query("select 1"));
    first().says(row(std::string(1000, 'x')).substr(0, 500));
    first().hangs_up();
    EXPECT_TRUE(alice_.closed());
    EXPECT_EQ(alice_.heard_bytes(), 500U);
}

TEST_F(Loss, AmidAMessageOfTheClientsIsToldOnce) {
    std::string const text = query("insert into t values ('" + std::string(50'000, 'x') + "')");
    alice_.says(text.substr(0, 30'000));
    first().hangs_up();
    alice_.hears({"ErrorResponse ERROR 08007", "ReadyForQuery I"});
    alice_.says(text.substr(30'000));
    alice_.hears_nothing();
    alice_.says(query("select 1"));
    second().hears({"Query select 1"});
}

TEST_F(Loss, OfAPinnedSessionEndsIt) {
    alice_.says(query("set statement_timeout = 5"));
    first().says(complete("SET") + ready());
    alice_.hears({"CommandComplete SET", "ReadyForQuery I"});
    first().hangs_up();
    alice_.hears({"ErrorResponse FATAL 08006"});
    EXPECT_TRUE(alice_.closed());
}

TEST_F(Loss, AFatalErrorIsALoss) {
    alice_.says(query("select 1"));
    first().says(error("57P01", "terminating", "FATAL"));
    EXPECT_TRUE(first().closed());
    alice_.hears({"ErrorResponse ERROR 40001", "ReadyForQuery I"});
    EXPECT_EQ(stage_.take_suspected(), std::vector<std::size_t>{0});
}

TEST_F(Loss, AnAnswerThatNobodyAskedForIsALoss) {
    for (const std::string& answer : {row("1"), ready(), complete("SELECT 1"), parse_complete(),
                                      std::string("\xff\xff\xff\xff\xff", 5), message('R', number(0))}) {
        Stage stage;
        Client& alice = stage.logged_in();
        stage.backend(0).says(answer);
        EXPECT_TRUE(stage.backend(0).closed());
        EXPECT_FALSE(alice.closed());
    }
}

TEST_F(Loss, AnAnswerToAnotherRequestIsALoss) {
    alice_.says(parse("", "select 1") + sync());
    first().says(bind_complete());
    EXPECT_TRUE(first().closed());
    alice_.hears({"ErrorResponse ERROR 40001", "ReadyForQuery I"});
}

TEST_F(Loss, WhileParametersAreAppliedIsMadeGoodElsewhere) {
    Client& bob = stage_.logged_in_as({{"user", "app"}, {"database", "db"}, {"application_name", "bob"}});
    bob.says(query("insert into t values (1)"));
    first().hears({"Query SELECT pg_catalog.set_config(E'application_name', E'bob', false)"});
    first().hangs_up();
    bob.hears_nothing();
    second().hears({"Query SELECT pg_catalog.set_config(E'application_name', E'bob', false)"});
    second().says(complete("SELECT 1") + parameter_status("application_name", "bob") + ready());
    second().hears({"Query insert into t values (1)"});
}

TEST_F(Loss, WhileATransactionIsFailedAgainElsewhereLeavesItFailed) {
    alice_.says(query("begin") + query("insert into t values (1)"));
    first().says(complete("BEGIN") + ready('T') + complete("INSERT 0 1") + ready('T'));
    static_cast<void>(alice_.take());
    first().hangs_up();
    alice_.says(query("select 1"));
    alice_.hears({"ErrorResponse ERROR 40001", "ReadyForQuery E"});
    alice_.says(query("select 2"));
    std::string const fail =
        "Query BEGIN; ROLLBACK TO SAVEPOINT \"pgring: transaction lost with its server\"";
    second().hears({fail});
    second().hangs_up();
    stage_.backend(2).hears({fail});
    alice_.hears_nothing();
}

TEST_F(Loss, WhatATransactionHadSetIsUndoneWithIt) {
    alice_.says(query("begin") + query("set timezone = 'Asia/Tokyo'"));
    first().says(complete("BEGIN") + ready('T') + complete("SET") +
                 parameter_status("TimeZone", "Asia/Tokyo") + ready('T'));
    static_cast<void>(alice_.take());
    first().hangs_up();
    alice_.hears({"ParameterStatus TimeZone=UTC"});
    alice_.says(query("rollback"));
    alice_.hears({"CommandComplete ROLLBACK", "ReadyForQuery I"});
    alice_.says(query("select 1"));
    second().hears({"Query select 1"});
}

TEST_F(Loss, ABeginThatFailsLeavesTheOutcomeOfWhatFollowedItUnknown) {
    alice_.says(query("begin"));
    alice_.says(query("insert into t values (1)"));
    // The server goes on with the statement, now outside of any transaction.
    first().says(error("57014") + ready() + complete("INSERT 0 1") + ready());
    EXPECT_TRUE(first().closed());
    alice_.hears(
        {"CommandComplete BEGIN", "ReadyForQuery T", "ErrorResponse ERROR 08007", "ReadyForQuery E"});
}

TEST_F(Loss, OfAClientAmidARequestOpensABackendForWhoeverWaits) {
    Client& bob = stage_.logged_in();
    alice_.says(query("select pg_sleep(9)"));
    bob.says(query("select 1"));
    alice_.hangs_up();
    second().hears({"Query select 1"});
}

TEST_F(Loss, OfTheServerByTheMonitorsWordEndsWhatHangs) {
    alice_.says(query("insert into t values (1)"));
    stage_.publish(std::nullopt, {0});
    EXPECT_TRUE(first().closed());
    alice_.hears({"ErrorResponse ERROR 08007", "ReadyForQuery I"});
}

}  // namespace
}  // namespace pgring::conversation
