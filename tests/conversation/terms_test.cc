/// What databases and users have of their own: pools, limits, timeouts, and as whom pgring logs in.

#include <set>

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

using namespace std::chrono_literals;

const Parameters kBatch{{"user", "batch"}, {"database", "db"}};
const Parameters kReports{{"user", "app"}, {"database", "reports"}};

/// Two backends at rest, and one client.
Client& lone_client_of_two_backends(Stage& stage) {
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    alice.says(query("select 1"));
    bob.says(query("select 1"));
    stage.backend(0).answers("1");
    stage.backend(1).answers("1");
    static_cast<void>(stage.backend(0).take());
    static_cast<void>(stage.backend(1).take());
    return alice;
}

// -- Overrides --

TEST(Terms, ADatabaseHasItsOwnPoolSizeAndMode) {
    Scene scene;
    scene.settings.pgring.default_pool_size = 5;
    scene.settings.databases.push_back(
        {.name = "reports", .pool_size = 1, .pool_mode = config::PoolMode::Session});
    Stage stage(scene);
    Client& alice = stage.logged_in_as(kReports);
    alice.says(query("select 1"));
    stage.backend(0).answers("1");
    Client& bob = stage.client();
    bob.says(startup(kReports));
    EXPECT_EQ(stage.backend_count(), 1U) << "alice keeps the one there is";
    alice.says(terminate());
    stage.backend(0).hears({"Query select 1", "Query DISCARD ALL"});
    static_cast<void>(stage.logged_in());
    EXPECT_EQ(stage.backend_count(), 2U) << "another database is another pool";
}

TEST(Terms, AUserHasHisOwnPoolSizeAndTimeouts) {
    Scene scene;
    scene.settings.pgring.query_timeout = 5s;
    scene.settings.users.push_back(
        {.name = "batch", .pool_size = 1, .query_wait_timeout = 2s, .query_timeout = 0s});
    Stage stage(scene);
    Client& first = stage.logged_in_as(kBatch);
    Client& second = stage.logged_in_as(kBatch);
    Client& other = stage.logged_in();
    first.says(query("select pg_sleep(60)"));
    second.says(query("select 2"));
    other.says(query("select pg_sleep(60)"));
    stage.passes(2100ms);
    second.hears({"ErrorResponse ERROR 53300", "ReadyForQuery I"});
    stage.passes(3s);
    other.hears({"ErrorResponse FATAL 57014"});
    EXPECT_FALSE(first.closed()) << "exempt from query_timeout";
}

TEST(Terms, ADatabaseHasItsOwnWaitAndLifetime) {
    Scene scene;
    scene.settings.pgring.server_idle_timeout = 0s;
    scene.settings.databases.push_back(
        {.name = "reports", .pool_size = 1, .query_wait_timeout = 2s, .server_lifetime = 10s});
    Stage stage(scene);
    static_cast<void>(stage.logged_in());
    Client& holder = stage.logged_in_as(kReports);
    Client& waiting = stage.logged_in_as(kReports);
    holder.says(query("select pg_sleep(60)"));
    waiting.says(query("select 2"));
    stage.passes(2100ms);
    waiting.hears({"ErrorResponse ERROR 53300", "ReadyForQuery I"});
    stage.backend(1).answers("1");
    stage.passes(10s);
    EXPECT_TRUE(stage.backend(1).closed());
    EXPECT_FALSE(stage.backend(0).closed()) << "it lives for an hour";
}

TEST(Terms, ADatabaseHasItsOwnReserve) {
    Scene scene;
    scene.settings.pgring.default_pool_size = 1;
    scene.settings.pgring.reserve_pool_timeout = 1s;
    scene.settings.databases.push_back({.name = "reports", .reserve_pool_size = 1});
    Stage stage(scene);
    for (const Parameters& parameters : {kReports, kBatch}) {
        for (int i = 0; i < 2; ++i) {
            Client& client = stage.client();
            client.says(startup(parameters) + query("select pg_sleep(60)"));
        }
    }
    EXPECT_EQ(stage.backend_count(), 2U);
    stage.passes(10s);
    ASSERT_EQ(stage.backend_count(), 3U);
    EXPECT_EQ(stage.backend(2).startup_parameters()[1].second, "reports");
}

TEST(Terms, ADatabaseMayRefuseWhatOthersPin) {
    Scene scene;
    scene.settings.databases.push_back(
        {.name = "reports", .unpoolable_statements = config::UnpoolableStatements::Refuse});
    Stage stage(scene);
    Client& reports = stage.logged_in_as(kReports);
    reports.says(query("create temporary table x (y int)"));
    reports.hears({"ErrorResponse ERROR 0A000", "ReadyForQuery I"});
    Client& app = stage.logged_in();
    app.says(query("create temporary table x (y int)"));
    stage.backend(1).hears({"Query create temporary table x (y int)"});
}

TEST(Terms, AUserHasHisOwnModeAndReserve) {
    Scene scene;
    scene.settings.pgring.reserve_pool_timeout = 1s;
    scene.settings.users.push_back(
        {.name = "batch", .pool_size = 1, .pool_mode = config::PoolMode::Session, .reserve_pool_size = 1});
    Stage stage(scene);
    Client& first = stage.logged_in_as(kBatch);
    EXPECT_EQ(first.process_id(), stage.backend(0).process_id()) << "session pooling";
    Client& second = stage.client();
    second.says(startup(kBatch));
    EXPECT_EQ(stage.backend_count(), 1U);
    stage.passes(1100ms);
    ASSERT_EQ(stage.backend_count(), 2U);
    EXPECT_EQ(second.take().back().type, 'Z');
}

TEST(Terms, AUserHasHisOwnPatience) {
    struct Case {
        config::UserSettings settings;
        std::string says;
        const char* sqlstate;
    };
    std::string const begin = query("begin");
    for (const Case& one : {Case{{.name = "batch", .client_idle_timeout = 5s}, "", "57P05"},
                            Case{{.name = "batch", .idle_transaction_timeout = 5s}, begin, "25P03"},
                            Case{{.name = "batch", .transaction_timeout = 5s},
                                 begin + query("insert into t values (1)"),
                                 "25P04"}}) {
        Scene scene;
        scene.settings.users.push_back(one.settings);
        Stage stage(scene);
        Client& batch = stage.logged_in_as(kBatch);
        Client& app = stage.logged_in();
        batch.says(one.says);
        app.says(one.says);
        static_cast<void>(batch.take());
        stage.passes(5100ms);
        batch.hears({std::string("ErrorResponse FATAL ") + one.sqlstate});
        EXPECT_TRUE(batch.closed());
        EXPECT_FALSE(app.closed());
    }
}

TEST(Terms, TheNameAtTheServerAndTheWildcard) {
    Scene scene;
    scene.settings.databases = {{.name = "*"}, {.name = "reports", .dbname = "reports_2026"}};
    Stage stage(scene);
    static_cast<void>(stage.logged_in_as(kReports));
    static_cast<void>(stage.logged_in_as({{"user", "app"}, {"database", "anything"}}));
    EXPECT_EQ(stage.backend(0).startup_parameters()[1],
              std::pair(std::string("database"), std::string("reports_2026")));
    EXPECT_EQ(stage.backend(1).startup_parameters()[1],
              std::pair(std::string("database"), std::string("anything")));
}

TEST(Terms, AForcedUserHasOnePoolForAllClientsAndItsOwnPassword) {
    Scene scene;
    scene.logins = Scene::Logins::Scripted;
    scene.settings.pgring.default_pool_size = 1;
    scene.settings.databases = {{.name = "*", .user = "service", .password = "open sesame"}};
    Stage stage(scene);
    Client& alice = stage.client();
    alice.says(startup({{"user", "alice"}, {"database", "db"}}));
    Backend& backend = stage.backend(0);
    EXPECT_EQ(backend.startup_parameters()[0], std::pair(std::string("user"), std::string("service")));
    backend.says(message('R', number(3)));
    std::vector<Message> const password = backend.take();
    ASSERT_EQ(password.size(), 1U);
    EXPECT_EQ(password[0].type, 'p');
    EXPECT_EQ(password[0].body, zero_ended("open sesame"));
    backend.says(authentication_ok());
    backend.welcomes();
    stage.settle();
    EXPECT_EQ(backend_text(alice.take().back()), "ReadyForQuery I");
    Client& bob = stage.logged_in_as({{"user", "bob"}, {"database", "db"}});
    bob.says(query("select 1"));
    backend.hears({"Query select 1"});
    backend.answers("1");
    alice.says(query("select 2"));
    backend.hears({"Query select 2"});
    EXPECT_EQ(stage.backend_count(), 1U);
}

// -- Clients --

TEST(Terms, TooManyClientsOfADatabaseAreToldSo) {
    Scene scene;
    scene.workers = 2;
    scene.settings.pgring.max_db_client_connections = 2;
    scene.settings.databases.push_back({.name = "reports", .max_db_client_connections = 1});
    Stage stage(scene);
    Client& alice = stage.logged_in(0);
    static_cast<void>(stage.logged_in_as(kBatch, 1));
    Client& third = stage.client(1);
    third.says(startup({{"user", "app"}, {"database", "db"}}));
    third.hears({"ErrorResponse FATAL 53300"});
    EXPECT_EQ(error_field(third.last_error(), 'M'),
              "client connections exceeded (max_db_client_connections)");
    EXPECT_TRUE(third.closed());
    static_cast<void>(stage.logged_in_as(kReports, 0));
    Client& second_reader = stage.client(1);
    second_reader.says(startup(kReports));
    second_reader.hears({"ErrorResponse FATAL 53300"});
    alice.says(terminate());
    static_cast<void>(stage.logged_in(1));
}

TEST(Terms, TooManyClientsOfAUserAreToldSo) {
    Scene scene;
    scene.workers = 2;
    scene.settings.users.push_back({.name = "batch", .max_user_client_connections = 1});
    Stage stage(scene);
    Client& first = stage.logged_in_as(kBatch, 0);
    Client& second = stage.client(1);
    second.says(startup({{"user", "batch"}, {"database", "elsewhere"}}));
    second.hears({"ErrorResponse FATAL 53300"});
    EXPECT_EQ(error_field(second.last_error(), 'M'),
              "client connections exceeded (max_user_client_connections)");
    static_cast<void>(stage.logged_in(1));
    first.hangs_up();
    static_cast<void>(stage.logged_in_as(kBatch, 1));
}

TEST(Terms, LoginsThatFailAreNotCounted) {
    Scene scene;
    scene.logins = Scene::Logins::Scripted;
    scene.settings.pgring.auth_type = config::AuthType::Password;
    scene.settings.pgring.max_client_conn = 2;
    scene.settings.pgring.max_db_client_connections = 1;
    scene.settings.pgring.max_user_client_connections = 1;
    scene.users = "\"app\" \"secret\"\n";
    Stage stage(scene);
    auto const proves_itself = [&stage](const char* secret) -> Client& {
        Client& client = stage.client();
        client.says(startup({{"user", "app"}, {"database", "db"}}));
        client.says(password(zero_ended(secret)));
        return client;
    };
    for (int i = 0; i < 5; ++i) {
        EXPECT_TRUE(proves_itself("guess").closed());
    }
    for (std::size_t i = 0; i < 5; ++i) {
        Client& refused = proves_itself("secret");
        stage.passes(2s);
        stage.backend(i).says(error("28000", "no entry", "FATAL"));
        EXPECT_TRUE(refused.closed());
    }
    for (std::size_t i = 0; i < 5; ++i) {
        proves_itself("secret").hangs_up();
    }
    Client& alice = proves_itself("secret");
    stage.passes(2s);
    Backend& backend = stage.backend(stage.backend_count() - 1);
    backend.says(authentication_ok());
    backend.welcomes();
    stage.settle();
    EXPECT_EQ(backend_text(alice.take().back()), "ReadyForQuery I");
    Client& second = proves_itself("secret");
    EXPECT_TRUE(second.closed()) << "and the limits hold";
}

// -- How many backends --

TEST(ReservePool, WhoWaitedLongGetsABackendBeyondThePoolsSize) {
    Scene scene;
    scene.settings.pgring.default_pool_size = 1;
    scene.settings.pgring.reserve_pool_size = 1;
    scene.settings.pgring.reserve_pool_timeout = 3s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Client& carol = stage.logged_in();
    alice.says(query("select pg_sleep(60)"));
    bob.says(query("select 2"));
    stage.passes(2s);
    carol.says(query("select 3"));
    stage.passes(900ms);
    EXPECT_EQ(stage.backend_count(), 1U);
    stage.passes(200ms);
    ASSERT_EQ(stage.backend_count(), 2U);
    stage.backend(1).hears({"Query select 2"});
    stage.passes(10s);
    EXPECT_EQ(stage.backend_count(), 2U) << "carol has to wait: the reserve is used up";
    stage.backend(1).answers("1");
    stage.backend(1).hears({"Query select 3"});
}

TEST(ReservePool, ATimeoutOfZeroNeverUsesIt) {
    Scene scene;
    scene.settings.pgring.default_pool_size = 1;
    scene.settings.pgring.reserve_pool_size = 1;
    scene.settings.pgring.reserve_pool_timeout = 0s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    alice.says(query("select pg_sleep(60)"));
    bob.says(query("select 2"));
    stage.passes(100s);
    EXPECT_EQ(stage.backend_count(), 1U);
}

TEST(MinPoolSize, IsOpenedWithTheFirstClientAndKeptThoughIdle) {
    Scene scene;
    scene.workers = 2;
    scene.settings.pgring.min_pool_size = 2;
    scene.settings.pgring.server_idle_timeout = 10s;
    Stage stage(scene);
    EXPECT_EQ(stage.backend_count(), 0U);
    static_cast<void>(stage.logged_in(0));
    EXPECT_EQ(stage.open_backend_count(), 2U);
    static_cast<void>(stage.logged_in(1));
    EXPECT_EQ(stage.open_backend_count(), 3U) << "the one that the other worker's client needs, and no more";
    stage.passes(60s);
    EXPECT_EQ(stage.open_backend_count(), 2U);
    EXPECT_EQ(stage.backend_count(), 3U) << "still the same ones";
    stage.backend(stage.backend(0).closed() ? 1 : 0).hangs_up();
    EXPECT_EQ(stage.open_backend_count(), 2U);
}

TEST(MinPoolSize, WhatIsBeyondItGoesWhenIdle) {
    Scene scene;
    scene.settings.pgring.min_pool_size = 1;
    scene.settings.pgring.server_idle_timeout = 10s;
    Stage stage(scene);
    static_cast<void>(lone_client_of_two_backends(stage));
    EXPECT_EQ(stage.open_backend_count(), 2U);
    stage.passes(11s);
    EXPECT_EQ(stage.open_backend_count(), 1U);
    stage.passes(60s);
    EXPECT_EQ(stage.open_backend_count(), 1U);
}

TEST(MinPoolSize, AForcedUserHasItsBackendsBeforeAnybodyComes) {
    Scene scene;
    scene.settings.databases = {{.name = "db", .user = "service", .min_pool_size = 2}, {.name = "*"}};
    Stage stage(scene);
    stage.settle();
    EXPECT_EQ(stage.open_backend_count(), 2U);
    EXPECT_EQ(stage.backend(0).startup_parameters()[0],
              std::pair(std::string("user"), std::string("service")));
}

TEST(MinPoolSize, ARefusingServerIsTriedAgainNotAllTheTime) {
    Scene scene;
    scene.settings.pgring.min_pool_size = 2;
    scene.settings.pgring.server_login_retry = 1s;
    Stage stage(scene);
    static_cast<void>(stage.logged_in());
    ASSERT_EQ(stage.open_backend_count(), 2U);
    stage.set_connects(0, Stage::Connects::Refused);
    stage.backend(1).hangs_up();
    std::size_t const attempts = stage.backend_count();
    stage.passes(5s);
    EXPECT_LE(stage.backend_count(), attempts + 6);
    stage.set_connects(0, Stage::Connects::Accepted);
    stage.passes(1100ms);
    EXPECT_EQ(stage.open_backend_count(), 2U);
}

// -- Which backend --

TEST(RoundRobin, ALoneClientMeetsAnotherBackendInEachTransaction) {
    Scene scene;
    scene.settings.pgring.server_round_robin = true;
    Stage stage(scene);
    Client& alice = lone_client_of_two_backends(stage);
    for (std::size_t i = 0; i < 6; ++i) {
        alice.says(query("select 1"));
        stage.backend(i % 2).hears({"Query select 1"});
        stage.backend(i % 2).answers("1");
    }
}

TEST(RoundRobin, OffALoneClientStaysAtTheWarmestBackend) {
    Stage stage;
    Client& alice = lone_client_of_two_backends(stage);
    for (int i = 0; i < 6; ++i) {
        alice.says(query("select 1"));
        stage.backend(1).hears({"Query select 1"});
        stage.backend(1).answers("1");
    }
    stage.backend(0).hears_nothing();
}

TEST(ServerLifetime, BackendsOpenedTogetherDoNotGoTogether) {
    constexpr std::size_t kCount = 8;
    Scene scene;
    scene.settings.pgring.default_pool_size = kCount;
    scene.settings.pgring.server_lifetime = 100s;
    Stage stage(scene);
    for (std::size_t i = 0; i < kCount; ++i) {
        stage.logged_in().says(query("select 1"));
    }
    ASSERT_EQ(stage.backend_count(), kCount);
    for (std::size_t i = 0; i < kCount; ++i) {
        stage.backend(i).answers("1");
    }
    stage.passes(89s);
    EXPECT_EQ(stage.open_backend_count(), kCount);
    std::set<std::size_t> counts;
    for (int second = 89; second < 101; ++second) {
        counts.insert(stage.open_backend_count());
        stage.passes(1s);
    }
    EXPECT_EQ(stage.open_backend_count(), 0U);
    EXPECT_GE(counts.size(), 4U) << "they went in a few bursts";
}

}  // namespace
}  // namespace pgring::conversation
