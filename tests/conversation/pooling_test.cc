/// One backend serves many clients, a transaction each.

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

const Lines kAnswer{"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"};

TEST(Pooling, ABackendServesTheNextClientAfterEachTransaction) {
    Stage stage;
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("select 1"));
    backend.hears({"Query select 1"});
    backend.answers("1");
    alice.hears(kAnswer);
    bob.says(query("select 2"));
    backend.hears({"Query select 2"});
    backend.answers("1");
    bob.hears(kAnswer);
    EXPECT_EQ(stage.backend_count(), 1U);
}

TEST(Pooling, ATransactionKeepsItsBackend) {
    Stage stage;
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& first = stage.backend(0);
    alice.says(query("insert into t values (1)"));
    first.answers("1", 'T');
    bob.says(query("select 2"));
    first.hears({"Query insert into t values (1)"});
    ASSERT_EQ(stage.backend_count(), 2U);
    stage.backend(1).hears({"Query select 2"});
    alice.says(query("commit"));
    first.hears({"Query commit"});
}

TEST(Pooling, PipelinedQueriesAreAnsweredInOrderAndNoneIsReleasedEarly) {
    Scene scene;
    scene.settings.pgring.default_pool_size = 1;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("select 1") + query("select 2"));
    backend.hears({"Query select 1", "Query select 2"});
    bob.says(query("select 3"));
    backend.answers("1");
    backend.hears_nothing();
    alice.hears(kAnswer);
    backend.answers("1");
    alice.hears(kAnswer);
    backend.hears({"Query select 3"});
    backend.answers("1");
    bob.hears(kAnswer);
}

TEST(Pooling, WhoWaitsLongestIsServedFirst) {
    Scene scene;
    scene.settings.pgring.default_pool_size = 1;
    Stage stage(scene);
    Client& holder = stage.logged_in();
    Client& first = stage.logged_in();
    Client& second = stage.logged_in();
    Client& third = stage.logged_in();
    Backend& backend = stage.backend(0);
    holder.says(query("select 0"));
    first.says(query("select 1"));
    second.says(query("select 2"));
    third.says(query("select 3"));
    backend.hears({"Query select 0"});
    backend.answers("1");
    backend.hears({"Query select 1"});
    backend.answers("1");
    backend.hears({"Query select 2"});
    backend.answers("1");
    backend.hears({"Query select 3"});
    backend.answers("1");
    third.hears(kAnswer);
}

TEST(Pooling, TheParametersOfASessionAreAppliedWhereABackendDiffersAndNowhereElse) {
    Scene scene;
    scene.settings.pgring.default_pool_size = 1;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("set timezone = 'Europe/Berlin'"));
    backend.hears({"Query set timezone = 'Europe/Berlin'"});
    backend.says(complete("SET") + parameter_status("TimeZone", "Europe/Berlin") + ready());
    alice.hears({"CommandComplete SET", "ParameterStatus TimeZone=Europe/Berlin", "ReadyForQuery I"});
    bob.says(query("select 1"));
    backend.hears({"Query SELECT pg_catalog.set_config(E'TimeZone', E'UTC', false)"});
    bob.hears_nothing();
    backend.says(row("UTC") + complete("SELECT 1") + parameter_status("TimeZone", "UTC") + ready());
    backend.hears({"Query select 1"});
    backend.answers("1");
    bob.hears(kAnswer);
    bob.says(query("select 1"));
    backend.hears({"Query select 1"});
    backend.answers("1");
    alice.says(query("select 1"));
    backend.hears({"Query SELECT pg_catalog.set_config(E'TimeZone', E'Europe/Berlin', false)"});
}

/// The server's configuration was reloaded: that is between two transactions, and nobody's answer.
TEST(Pooling, WhatAnIdleServerReportsIsMetByWhoComesNext) {
    Stage stage;
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    backend.says(parameter_status("TimeZone", "Asia/Tokyo") + notice("reloaded"));
    EXPECT_FALSE(backend.closed());
    alice.hears_nothing();
    alice.says(query("select 1"));
    backend.hears({"Query SELECT pg_catalog.set_config(E'TimeZone', E'UTC', false)"});
    backend.says(row("UTC") + complete("SELECT 1") + parameter_status("TimeZone", "UTC") + ready());
    backend.hears({"Query select 1"});
    backend.answers("1");
    alice.hears(kAnswer);
}

TEST(Pooling, WhoWaitsIsNotOvertakenWhileItsParametersAreApplied) {
    Scene scene;
    scene.settings.pgring.default_pool_size = 1;
    Stage stage(scene);
    Client& alice = stage.logged_in_as({{"user", "app"}, {"database", "db"}, {"application_name", "alice"}});
    Client& bob = stage.logged_in();
    Client& carol = stage.logged_in();
    Backend& backend = stage.backend(0);
    bob.says(query("select 1"));
    alice.says(query("select 2"));
    carol.says(query("select 3"));
    backend.hears({"Query select 1"});
    backend.answers("1");
    backend.hears({"Query SELECT pg_catalog.set_config(E'application_name', E'alice', false)"});
    backend.says(row("alice") + complete("SELECT 1") + parameter_status("application_name", "alice") +
                 ready());
    backend.hears({"Query select 2"});
    backend.answers("1");
    alice.hears(kAnswer);
}

}  // namespace
}  // namespace pgring::conversation
