/// What pgring asks its backends by itself: server_check_query, connect_query, server_reset_query.

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

using namespace std::chrono_literals;

const Lines kAnswer{"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"};

// -- server_check_query --

TEST(ServerCheck, AsksABackendThatWasIdleForLongBeforeItIsHandedOut) {
    Scene scene;
    scene.settings.pgring.server_check_delay = 10s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    stage.passes(9s);
    alice.says(query("select 1"));
    backend.hears({"Query select 1"});
    backend.answers("1");
    alice.hears(kAnswer);
    stage.passes(10s);
    alice.says(query("select 2"));
    backend.hears({"Query"});
    alice.hears_nothing();
    backend.says(empty_query() + ready());
    backend.hears({"Query select 2"});
    backend.answers("1");
    alice.hears(kAnswer);
}

TEST(ServerCheck, WhereItFailsTheSessionGoesOnWithAnotherBackend) {
    Scene scene;
    scene.settings.pgring.server_check_query = "select pg_is_in_recovery()";
    scene.settings.pgring.server_check_delay = 0s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    alice.says(query("select 1"));
    stage.backend(0).hears({"Query select pg_is_in_recovery()"});
    stage.backend(0).says(error("58030", "no disk") + ready());
    EXPECT_TRUE(stage.backend(0).closed());
    ASSERT_EQ(stage.backend_count(), 2U);
    stage.backend(1).hears({"Query select 1"});
    stage.backend(1).answers("1");
    alice.hears(kAnswer);
}

TEST(ServerCheck, WhereNoAnswerComesTheSessionGoesOnWithAnotherBackend) {
    Scene scene;
    scene.settings.pgring.server_check_delay = 10s;
    scene.settings.pgring.server_connect_timeout = 3s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    stage.passes(10s);
    alice.says(query("insert into t values (1)"));
    stage.backend(0).hears({"Query"});
    stage.passes(3100ms);
    EXPECT_TRUE(stage.backend(0).closed());
    stage.backend(1).hears({"Query insert into t values (1)"});
    stage.backend(1).answers("1");
    alice.hears(kAnswer);
}

TEST(ServerCheck, AppliesTheSessionsParametersOnlyAfterwards) {
    Scene scene;
    scene.settings.pgring.server_check_delay = 0s;
    Stage stage(scene);
    static_cast<void>(stage.logged_in());
    Backend& backend = stage.backend(0);
    Client& bob = stage.logged_in_as({{"user", "app"}, {"database", "db"}, {"application_name", "bob"}});
    bob.says(query("select 1"));
    backend.hears({"Query"});
    backend.says(empty_query() + ready());
    backend.hears({"Query SELECT pg_catalog.set_config(E'application_name', E'bob', false)"});
    backend.says(row("bob") + complete("SELECT 1") + parameter_status("application_name", "bob") + ready());
    backend.hears({"Query select 1"});
}

TEST(ServerCheck, AnEmptyQueryIsNone) {
    Scene scene;
    scene.settings.pgring.server_check_query = "";
    scene.settings.pgring.server_check_delay = 0s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    stage.passes(60s);
    alice.says(query("select 1"));
    stage.backend(0).hears({"Query select 1"});
}

TEST(ServerCheck, AClientThatLeavesAmidItHarmsNobody) {
    Scene scene;
    scene.settings.pgring.server_check_delay = 0s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    alice.says(query("select 1"));
    alice.hangs_up();
    EXPECT_TRUE(stage.backend(0).closed());
}

// -- connect_query --

Scene with_connect_query() {
    Scene scene;
    scene.settings.databases = {{.name = "*", .connect_query = "set timezone = 'Asia/Tokyo'"}};
    return scene;
}

TEST(ConnectQuery, RunsOnEachNewBackendAndIsWhatSessionsStartFrom) {
    Stage stage(with_connect_query());
    Client& alice = stage.client();
    alice.says(startup({{"user", "app"}, {"database", "db"}}));
    stage.backend(0).hears({"Query set timezone = 'Asia/Tokyo'"});
    alice.hears_nothing();
    stage.backend(0).says(complete("SET") + parameter_status("TimeZone", "Asia/Tokyo") + ready());
    stage.settle();
    EXPECT_EQ(backend_text(alice.take().back()), "ReadyForQuery I");
    EXPECT_EQ(alice.parameter("TimeZone"), "Asia/Tokyo");
    alice.says(query("select 1"));
    stage.backend(0).hears({"Query select 1"});
}

TEST(ConnectQuery, ItsErrorClosesTheBackendAndIsToldWhereItStays) {
    Stage stage(with_connect_query());
    Client& alice = stage.client();
    alice.says(startup({{"user", "app"}, {"database", "db"}}));
    stage.backend(0).says(error("22023", "invalid value for parameter \"TimeZone\"") + ready());
    EXPECT_TRUE(stage.backend(0).closed());
    alice.hears({"ErrorResponse FATAL 22023"});
}

TEST(ConnectQuery, AnErrorThatMayPassIsTriedAgain) {
    Scene scene = with_connect_query();
    scene.settings.pgring.server_login_retry = 1s;
    Stage stage(scene);
    Client& alice = stage.client();
    alice.says(startup({{"user", "app"}, {"database", "db"}}));
    stage.backend(0).says(error("53200", "out of memory") + ready());
    EXPECT_TRUE(stage.backend(0).closed());
    stage.passes(900ms);
    EXPECT_EQ(stage.backend_count(), 1U);
    stage.passes(200ms);
    ASSERT_EQ(stage.backend_count(), 2U);
    stage.backend(1).says(complete("SET") + ready('T'));
    EXPECT_TRUE(stage.backend(1).closed()) << "a transaction is no way to begin";
    stage.passes(1100ms);
    stage.backend(2).says(complete("SET") + ready());
    EXPECT_EQ(backend_text(alice.take().back()), "ReadyForQuery I");
}

TEST(ConnectQuery, RunsAgainAfterTheReset) {
    Scene scene = with_connect_query();
    scene.settings.pgring.pool_mode = config::PoolMode::Session;
    Stage stage(scene);
    Client& alice = stage.client();
    alice.says(startup({{"user", "app"}, {"database", "db"}}));
    std::string const done = complete("SET") + parameter_status("TimeZone", "Asia/Tokyo") + ready();
    stage.backend(0).says(done);
    alice.says(terminate());
    stage.backend(0).hears({"Query set timezone = 'Asia/Tokyo'", "Query DISCARD ALL"});
    stage.backend(0).says(parameter_status("TimeZone", "UTC") + complete("DISCARD ALL") + ready());
    stage.backend(0).hears({"Query set timezone = 'Asia/Tokyo'"});
    stage.backend(0).says(done);
    EXPECT_FALSE(stage.backend(0).closed());
    EXPECT_EQ(stage.logged_in().parameter("TimeZone"), "Asia/Tokyo");
    EXPECT_EQ(stage.backend_count(), 1U);
}

// -- server_reset_query --

TEST(ServerResetQuery, AlwaysRunsAfterEachTransaction) {
    Scene scene;
    scene.settings.pgring.server_reset_query_always = true;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    backend.hears({"Query DISCARD ALL"});
    backend.says(complete("DISCARD ALL") + ready());
    alice.says(query("select 1"));
    backend.hears({"Query select 1"});
    backend.answers("1");
    backend.hears({"Query DISCARD ALL"});
    alice.says(query("select 2"));
    backend.hears_nothing();
}

TEST(ServerResetQuery, RunsBehindAPipelineAndNotInsideOfIt) {
    Scene scene;
    scene.settings.pgring.server_reset_query_always = true;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    backend.hears({"Query DISCARD ALL"});
    backend.says(complete("DISCARD ALL") + ready());
    alice.says(query("select 1") + query("select 2"));
    backend.hears({"Query select 1", "Query select 2"});
    backend.answers("1");
    backend.hears_nothing();
    backend.answers("2");
    backend.hears({"Query DISCARD ALL"});
}

TEST(ServerResetQuery, RunsOtherwiseOnlyWhereSomethingWasLeft) {
    Stage stage;
    Client& alice = stage.logged_in();
    alice.says(query("select 1"));
    stage.backend(0).answers("1");
    stage.backend(0).hears({"Query select 1"});
}

}  // namespace
}  // namespace pgring::conversation
