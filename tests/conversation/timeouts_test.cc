/// query_timeout, idle_transaction_timeout, transaction_timeout, client_idle_timeout: who is ended when, what
/// it is told, and that its backend is never handed on dirty.

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

using namespace std::chrono_literals;

Scene with_one_backend() {
    Scene scene;
    scene.settings.pgring.default_pool_size = 1;
    return scene;
}

const Lines kAnswer{"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"};

// -- query_timeout --

TEST(QueryTimeout, AStatementThatRunsTooLongIsCancelledAndItsBackendGivenUp) {
    Scene scene = with_one_backend();
    scene.settings.pgring.query_timeout = 5s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    alice.says(query("select pg_sleep(9)"));
    stage.passes(4900ms);
    alice.hears_nothing();
    stage.passes(200ms);
    alice.hears({"ErrorResponse FATAL 57014"});
    EXPECT_TRUE(alice.closed());
    EXPECT_TRUE(stage.backend(0).closed());
    ASSERT_EQ(stage.backend_count(), 2U);
    EXPECT_EQ(stage.backend(1).cancels_process(), stage.backend(0).process_id());
    Client& bob = stage.logged_in();
    bob.says(query("select 1"));
    stage.backend(2).hears({"Query select 1"});
}

TEST(QueryTimeout, AWriteThatMayHaveBeenCommittedIsToldAsUnknown) {
    Scene scene = with_one_backend();
    scene.settings.pgring.query_timeout = 5s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    alice.says(query("insert into t values (1)"));
    stage.passes(5100ms);
    alice.hears({"ErrorResponse FATAL 08007"});
    EXPECT_TRUE(stage.backend(0).closed());
}

TEST(QueryTimeout, CountsFromEachStatementOfAPipelineAnew) {
    Scene scene = with_one_backend();
    scene.settings.pgring.query_timeout = 5s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    alice.says(query("select 1") + query("select 1") + query("select 1"));
    for (int i = 0; i < 3; ++i) {
        stage.passes(4s);
        stage.backend(0).answers("1");
        alice.hears(kAnswer);
    }
    stage.passes(60s);
    EXPECT_FALSE(alice.closed()) << "nothing is asked any more";
}

TEST(QueryTimeout, CoversABatchUpToItsSync) {
    Scene scene = with_one_backend();
    scene.settings.pgring.query_timeout = 5s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    alice.says(parse("", "select 1") + bind("") + execute() + flush());
    stage.backend(0).says(parse_complete() + bind_complete() + row("1") + complete("SELECT 1"));
    alice.hears({"ParseComplete", "BindComplete", "DataRow 1", "CommandComplete SELECT 1"});
    stage.passes(5100ms);
    alice.hears({"ErrorResponse FATAL 57014"});
    EXPECT_TRUE(stage.backend(0).closed());
}

TEST(QueryTimeout, WhoStillWaitsForABackendIsRefusedAndStays) {
    Scene scene = with_one_backend();
    scene.settings.pgring.query_timeout = 5s;
    Stage stage(scene);
    Client& holder = stage.logged_in();
    Client& waiting = stage.logged_in();
    Backend& backend = stage.backend(0);
    holder.says(query("begin"));
    holder.says(query("insert into t values (1)"));
    backend.hears({"Query begin", "Query insert into t values (1)"});
    backend.says(complete("BEGIN") + ready('T') + complete("INSERT 0 1") + ready('T'));
    waiting.says(query("select 1"));
    stage.passes(5100ms);
    waiting.hears({"ErrorResponse ERROR 57014", "ReadyForQuery I"});
    EXPECT_FALSE(holder.closed()) << "it is idle in its transaction, not querying";
    holder.says(query("commit"));
    backend.hears({"Query commit"});
    backend.says(complete("COMMIT") + ready());
    waiting.says(query("select 1"));
    backend.hears({"Query select 1"});
}

TEST(QueryTimeout, AmidARowTheConnectionJustEnds) {
    Scene scene = with_one_backend();
    scene.settings.pgring.query_timeout = 5s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    alice.says(query("select large"));
    std::string const half = row(std::string(100'000, 'x')).substr(0, 50'000);
    stage.backend(0).says(half);
    stage.passes(5100ms);
    EXPECT_EQ(alice.heard_bytes(), half.size());
    EXPECT_TRUE(alice.closed());
}

// -- idle_transaction_timeout --

TEST(IdleTransactionTimeout, TheTransactionIsRolledBackBeforeTheNextUser) {
    Scene scene = with_one_backend();
    scene.settings.pgring.idle_transaction_timeout = 5s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("insert into t values (1)"));
    static_cast<void>(backend.take());
    stage.passes(10s);
    alice.hears_nothing();
    backend.says(complete("INSERT 0 1") + ready('T'));
    alice.hears({"CommandComplete INSERT 0 1", "ReadyForQuery T"});
    bob.says(query("select 1"));
    stage.passes(4900ms);
    EXPECT_FALSE(alice.closed());
    stage.passes(200ms);
    alice.hears({"ErrorResponse FATAL 25P03"});
    EXPECT_TRUE(alice.closed());
    backend.hears({"Query ROLLBACK"});
    backend.says(complete("ROLLBACK") + ready());
    backend.hears({"Query select 1"});
}

TEST(IdleTransactionTimeout, StartsAnewWithEachStatement) {
    Scene scene = with_one_backend();
    scene.settings.pgring.idle_transaction_timeout = 5s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    for (int i = 0; i < 3; ++i) {
        alice.says(query("insert into t values (1)"));
        stage.backend(0).says(complete("INSERT 0 1") + ready('T'));
        stage.passes(4s);
    }
    EXPECT_FALSE(alice.closed());
}

TEST(IdleTransactionTimeout, HoldsForABeginThatNoServerHasSeen) {
    Scene scene = with_one_backend();
    scene.settings.pgring.idle_transaction_timeout = 5s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    alice.says(query("begin"));
    alice.hears({"CommandComplete BEGIN", "ReadyForQuery T"});
    stage.passes(5100ms);
    alice.hears({"ErrorResponse FATAL 25P03"});
    stage.backend(0).hears_nothing();
}

// -- transaction_timeout --

TEST(TransactionTimeout, EndsATransactionHoweverBusyItIs) {
    Scene scene = with_one_backend();
    scene.settings.pgring.transaction_timeout = 5s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("begin"));
    for (int i = 0; i < 4; ++i) {
        alice.says(query("insert into t values (1)"));
        static_cast<void>(backend.take());
        backend.says((i == 0 ? complete("BEGIN") + ready('T') : std::string()) + complete("INSERT 0 1") +
                     ready('T'));
        stage.passes(1200ms);
    }
    static_cast<void>(alice.take());
    EXPECT_FALSE(alice.closed());
    stage.passes(300ms);
    alice.hears({"ErrorResponse FATAL 25P04"});
    backend.hears({"Query ROLLBACK"});
}

TEST(TransactionTimeout, AStatementAloneIsATransaction) {
    Scene scene = with_one_backend();
    scene.settings.pgring.transaction_timeout = 5s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    alice.says(query("select pg_sleep(9)"));
    stage.passes(5100ms);
    alice.hears({"ErrorResponse FATAL 25P04"});
    EXPECT_TRUE(stage.backend(0).closed());
    EXPECT_EQ(stage.backend(1).cancels_process(), stage.backend(0).process_id());
}

TEST(TransactionTimeout, CountsFromEachTransactionOfAPipelineAnew) {
    Scene scene = with_one_backend();
    scene.settings.pgring.transaction_timeout = 5s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    alice.says(query("select 1") + query("select 1"));
    stage.passes(4s);
    stage.backend(0).answers("1");
    stage.passes(4s);
    EXPECT_FALSE(alice.closed());
    stage.passes(1100ms);
    EXPECT_TRUE(alice.closed());
}

TEST(TransactionTimeout, ACommitUnderWayIsToldAsUnknown) {
    Scene scene = with_one_backend();
    scene.settings.pgring.transaction_timeout = 5s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    alice.says(query("insert into t values (1)"));
    stage.backend(0).says(complete("INSERT 0 1") + ready('T'));
    alice.says(query("commit"));
    stage.passes(5100ms);
    alice.hears({"CommandComplete INSERT 0 1", "ReadyForQuery T", "ErrorResponse FATAL 08007"});
}

// -- client_idle_timeout --

TEST(ClientIdleTimeout, ASilentClientIsDisconnected) {
    Scene scene = with_one_backend();
    scene.settings.pgring.client_idle_timeout = 5s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    stage.passes(4s);
    alice.says(query("select 1"));
    stage.passes(10s);
    stage.backend(0).answers("1");
    alice.hears(kAnswer);
    stage.passes(4s);
    alice.says(sync());
    alice.hears({"ReadyForQuery I"});
    stage.passes(4900ms);
    EXPECT_FALSE(alice.closed());
    stage.passes(200ms);
    alice.hears({"ErrorResponse FATAL 57P05"});
    EXPECT_TRUE(alice.closed());
    EXPECT_FALSE(stage.backend(0).closed());
}

TEST(ClientIdleTimeout, WhatTheServerSaysUnaskedIsNotTheClientsActivity) {
    Scene scene = with_one_backend();
    scene.settings.pgring.pool_mode = config::PoolMode::Session;
    scene.settings.pgring.client_idle_timeout = 5s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    alice.says(query("listen news"));
    stage.backend(0).says(complete("LISTEN") + ready());
    stage.passes(3s);
    stage.backend(0).says(notification("news", "hello"));
    stage.passes(2100ms);
    EXPECT_TRUE(alice.closed());
    stage.backend(0).hears({"Query listen news", "Query DISCARD ALL"});
}

TEST(ClientIdleTimeout, ATransactionIsNotIdle) {
    Scene scene = with_one_backend();
    scene.settings.pgring.client_idle_timeout = 5s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    alice.says(query("begin"));
    stage.passes(60s);
    EXPECT_FALSE(alice.closed());
}

}  // namespace
}  // namespace pgring::conversation
