/// max_db_connections and max_user_connections: backends of several pools under one limit.

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

using namespace std::chrono_literals;

const Lines kAnswer{"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"};
const Parameters kApp{{"user", "app"}, {"database", "db"}};
const Parameters kBatch{{"user", "batch"}, {"database", "db"}};
const Parameters kBatchElsewhere{{"user", "batch"}, {"database", "elsewhere"}};

Scene one_backend_of_a_database(std::size_t workers = 1) {
    Scene scene;
    scene.workers = workers;
    scene.settings.pgring.max_db_connections = 1;
    return scene;
}

const std::string& user_of(const Backend& backend) {
    return backend.startup_parameters()[0].second;
}

TEST(Quotas, AnIdleBackendOfAnotherUserIsClosedForWhoNeedsOne) {
    Stage stage(one_backend_of_a_database());
    Client& alice = stage.logged_in_as(kApp);
    stage.passes(100ms);
    Client& batch = stage.logged_in_as(kBatch);
    ASSERT_EQ(stage.backend_count(), 2U);
    EXPECT_TRUE(stage.backend(0).closed());
    EXPECT_EQ(user_of(stage.backend(1)), "batch");
    stage.passes(100ms);
    alice.says(query("select 1"));
    ASSERT_EQ(stage.backend_count(), 3U);
    EXPECT_TRUE(stage.backend(1).closed());
    batch.says(query("select 2"));
    stage.passes(10s);
    EXPECT_EQ(stage.open_backend_count(), 1U) << "alice's is in use";
    stage.backend(2).answers("1");
    alice.hears(kAnswer);
    ASSERT_EQ(stage.backend_count(), 4U);
    stage.backend(3).hears({"Query select 2"});
}

TEST(Quotas, ConnectionsThatListenLeaveOnePlace) {
    Stage stage(one_backend_of_a_database());
    Client& alice = stage.logged_in_as(kApp);
    Client& other = stage.logged_in_as(kApp);
    alice.says(query("listen a"));
    other.says(query("select 1"));
    stage.backend(0).answers("1");
    other.hears(kAnswer);
    stage.passes(100ms);
    alice.hears({"ErrorResponse ERROR 53300", "ReadyForQuery I"});
    EXPECT_EQ(stage.backend_count(), 1U);
}

TEST(Quotas, AnIdleBackendOfAnotherWorkerIsClosedForOneThatListens) {
    Scene scene = one_backend_of_a_database(2);
    scene.settings.pgring.max_db_connections = 2;
    Stage stage(scene);
    Client& carol = stage.logged_in_as(kApp, 0);
    static_cast<void>(stage.logged_in_as(kApp, 1));
    ASSERT_EQ(stage.backend_count(), 2U);
    carol.says(query("insert into t values (1)"));
    stage.backend(0).hears({"Query insert into t values (1)"});
    Client& alice = stage.logged_in_as(kApp, 0);
    alice.says(query("listen a"));
    stage.passes(200ms);
    EXPECT_TRUE(stage.backend(1).closed());
    ASSERT_EQ(stage.backend_count(), 3U);
    stage.backend(2).hears({"Query LISTEN \"a\""});
    stage.backend(0).says(complete("INSERT 0 1") + ready());
    static_cast<void>(carol.take());
}

TEST(Quotas, AnIdleBackendIsClosedForOneThatListens) {
    Scene scene = one_backend_of_a_database();
    scene.settings.pgring.max_db_connections = 2;
    Stage stage(scene);
    Client& alice = stage.logged_in_as(kApp);
    stage.passes(100ms);
    Client& batch = stage.logged_in_as(kBatch);
    ASSERT_EQ(stage.open_backend_count(), 2U);
    stage.passes(100ms);
    alice.says(query("listen a"));
    ASSERT_EQ(stage.backend_count(), 3U);
    EXPECT_TRUE(stage.backend(0).closed());
    EXPECT_EQ(user_of(stage.backend(2)), "app");
    stage.backend(2).hears({"Query LISTEN \"a\""});
    static_cast<void>(batch);
}

TEST(Quotas, AnotherDatabaseIsNotConcerned) {
    Stage stage(one_backend_of_a_database());
    static_cast<void>(stage.logged_in_as(kApp));
    static_cast<void>(stage.logged_in_as(kBatchElsewhere));
    EXPECT_EQ(stage.open_backend_count(), 2U);
}

TEST(Quotas, ADatabaseAndAUserHaveTheirOwn) {
    Scene scene = one_backend_of_a_database();
    scene.settings.databases.push_back({.name = "elsewhere", .max_db_connections = 0});
    scene.settings.users.push_back({.name = "batch", .max_user_connections = 2});
    Stage stage(scene);
    for (int i = 0; i < 3; ++i) {
        Client& client = stage.client();
        client.says(startup(kBatchElsewhere) + query("select pg_sleep(60)"));
    }
    EXPECT_EQ(stage.open_backend_count(), 2U);
    Client& app = stage.logged_in_as(kApp);
    app.says(query("select pg_sleep(60)"));
    EXPECT_EQ(stage.open_backend_count(), 3U);
    Client& batch = stage.client();
    batch.says(startup(kBatch));
    stage.passes(1s);
    EXPECT_EQ(stage.open_backend_count(), 3U) << "both limits are reached";
}

/// Somebody always waits for the first user's backend, so that it is never idle.
TEST(Quotas, APoolThatIsNeverIdleGivesWayToWhoHasWaitedLonger) {
    Stage stage(one_backend_of_a_database());
    Client& alice = stage.logged_in_as(kApp);
    Client& bob = stage.logged_in_as(kApp);
    alice.says(query("select 1"));
    bob.says(query("select 1"));
    Client& batch = stage.client();
    batch.says(startup(kBatch));
    for (int i = 0; i < 20 && !stage.backend(0).closed(); ++i) {
        stage.passes(10ms);
        stage.backend(0).answers("1");
        Client& next = i % 2 == 0 ? alice : bob;
        next.hears(kAnswer);
        next.says(query("select 1"));
    }
    ASSERT_EQ(stage.backend_count(), 2U) << "after some 50 ms";
    EXPECT_EQ(user_of(stage.backend(1)), "batch");
    EXPECT_EQ(batch.take().back().type, 'Z');
    stage.passes(200ms);
    ASSERT_EQ(stage.backend_count(), 3U) << "nobody uses it: back to those who wait";
    stage.backend(2).hears({"Query select 1"});
}

TEST(Quotas, TheyHoldOverAllWorkers) {
    Stage stage(one_backend_of_a_database(2));
    Client& alice = stage.logged_in_as(kApp, 0);
    alice.says(query("select 1"));
    Client& batch = stage.client(1);
    batch.says(startup(kBatch));
    stage.passes(1s);
    EXPECT_EQ(stage.open_backend_count(), 1U);
    stage.backend(0).answers("1");
    ASSERT_EQ(stage.backend_count(), 2U);
    EXPECT_EQ(user_of(stage.backend(1)), "batch");
    stage.passes(200ms);
    alice.says(query("select 2"));
    stage.passes(100ms);
    EXPECT_TRUE(stage.backend(1).closed());
    stage.backend(2).hears({"Query select 2"});
}

TEST(Quotas, MinPoolSizeClosesNobodyElsesBackends) {
    Scene scene = one_backend_of_a_database();
    scene.settings.pgring.min_pool_size = 1;
    Stage stage(scene);
    static_cast<void>(stage.logged_in_as(kApp));
    stage.passes(100ms);
    static_cast<void>(stage.logged_in_as(kBatch));
    stage.passes(60s);
    EXPECT_EQ(stage.backend_count(), 2U);
    EXPECT_EQ(stage.open_backend_count(), 1U);
}

TEST(Quotas, AFailedLoginGivesItsPlaceBack) {
    Scene scene = one_backend_of_a_database();
    scene.settings.pgring.server_login_retry = 1s;
    Stage stage(scene);
    stage.set_connects(0, Stage::Connects::Refused);
    Client& alice = stage.client();
    alice.says(startup(kApp));
    stage.passes(3s);
    stage.set_connects(0, Stage::Connects::Accepted);
    stage.passes(2s);
    EXPECT_EQ(alice.take().back().type, 'Z');
}

}  // namespace
}  // namespace pgring::conversation
