/// pool_mode = "session": a client has a backend of its own from its welcome to its end, started as it asked.

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

using namespace std::chrono_literals;

const Lines kAnswer{"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"};

Scene scene_of(std::uint32_t pool_size = 1, std::size_t workers = 1) {
    Scene scene;
    scene.workers = workers;
    scene.settings.pgring.pool_mode = config::PoolMode::Session;
    scene.settings.pgring.default_pool_size = pool_size;
    return scene;
}

Parameters app_with(std::initializer_list<Parameters::value_type> more) {
    Parameters parameters{{"user", "app"}, {"database", "db"}};
    parameters.insert(parameters.end(), more);
    return parameters;
}

TEST(SessionPooling, AClientKeepsItsBackendUntilItLeavesAndTheNextOneFindsItClean) {
    Stage stage(scene_of());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("set work_mem = '1MB'"));
    backend.says(complete("SET") + ready());
    alice.hears({"CommandComplete SET", "ReadyForQuery I"});
    Client& bob = stage.client();
    bob.says(startup(app_with({})) + query("select 2"));
    backend.hears({"Query set work_mem = '1MB'"});
    bob.hears_nothing();
    alice.says(terminate());
    backend.hears({"Query DISCARD ALL"});
    backend.says(complete("DISCARD ALL") + ready());
    backend.hears({"Query select 2"});
}

TEST(SessionPooling, TheClientIsShownTheProcessOfItsServer) {
    Stage stage(scene_of(2));
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    EXPECT_EQ(alice.process_id(), stage.backend(0).process_id());
    EXPECT_EQ(bob.process_id(), stage.backend(1).process_id());
    EXPECT_NE(alice.secret(), stage.backend(0).secret());
}

TEST(SessionPooling, AServerThatGivesNoKeyLeavesTheClientWithOneOfPgrings) {
    Scene scene = scene_of();
    scene.logins = Scene::Logins::Scripted;
    Stage stage(scene);
    Client& alice = stage.client();
    alice.says(startup(app_with({})));
    stage.backend(0).says(authentication_ok() + ready());
    static_cast<void>(alice.take());
    EXPECT_GE(alice.process_id(), 1U << 30U);
}

TEST(SessionPooling, ACancelFindsItsSessionOnWhateverWorkerByTheProcessOfItsServer) {
    for (std::uint32_t const minor : {0U, 2U}) {
        Stage stage(scene_of(2, 3));
        Client& alice = stage.client(2);
        alice.says(startup(app_with({}), (3U << 16U) | minor));
        static_cast<void>(alice.take());
        ASSERT_EQ(alice.process_id(), stage.backend(0).process_id());
        alice.says(query("select pg_sleep(9)"));
        stage.passes(30ms);
        for (std::size_t worker = 0; worker < 3; ++worker) {
            Client& stranger = stage.client(worker);
            stranger.says(cancel_request(alice.process_id(), std::string(alice.secret().size(), 'x')));
            EXPECT_TRUE(stranger.closed());
            std::size_t const before = stage.backend_count();
            Client& canceler = stage.client(worker);
            canceler.says(cancel_request(alice.process_id(), alice.secret()));
            ASSERT_EQ(stage.backend_count(), before + 1);
            EXPECT_EQ(stage.backend(before).cancels_process(), stage.backend(0).process_id());
            EXPECT_FALSE(canceler.closed());
            stage.backend(before).hangs_up();
            EXPECT_TRUE(canceler.closed());
        }
        alice.says(terminate());
        Client& late = stage.client(0);
        late.says(cancel_request(alice.process_id(), alice.secret()));
        EXPECT_TRUE(late.closed());
        EXPECT_EQ(stage.backend_count(), 4U);
    }
}

TEST(SessionPooling, StartupParametersAndOptionsAreTheBackendsOwn) {
    Stage stage(scene_of());
    Client& alice = stage.logged_in_as(app_with(
        {{"options", "-c work_mem=1MB --search-path=a,\\ b -cTimeZone=UTC"}, {"timezone", "Europe/Berlin"}}));
    EXPECT_EQ(stage.backend(0).startup_parameters(),
              app_with({{"search_path", "a, b"}, {"TimeZone", "Europe/Berlin"}, {"work_mem", "1MB"}}));
    EXPECT_EQ(alice.parameter("TimeZone"), "Europe/Berlin");
    alice.says(query("reset all"));
    stage.backend(0).hears({"Query reset all"});
    stage.backend(0).says(complete("RESET") + ready());
    alice.hears({"CommandComplete RESET", "ReadyForQuery I"});
    stage.backend(0).hears_nothing();
}

TEST(SessionPooling, ABackendGoesOnlyToThoseThatStartAsItDid) {
    Stage stage(scene_of(3));
    Parameters const berlin = app_with({{"TimeZone", "Europe/Berlin"}, {"application_name", "x"}});
    stage.logged_in_as(berlin).says(terminate());
    stage.backend(0).says(complete("DISCARD ALL") + ready());
    Client& bob = stage.logged_in();
    EXPECT_EQ(bob.process_id(), stage.backend(1).process_id());
    Client& carol = stage.logged_in_as(app_with({{"APPLICATION_NAME", "x"}, {"timezone", "Europe/Berlin"}}));
    EXPECT_EQ(carol.process_id(), stage.backend(0).process_id());
    EXPECT_EQ(stage.backend_count(), 2U);
}

TEST(SessionPooling, AnIdleBackendThatStartedOtherwiseMakesRoomForOneThatIsNeeded) {
    Stage stage(scene_of(1));
    stage.logged_in_as(app_with({{"TimeZone", "Europe/Berlin"}})).says(terminate());
    stage.backend(0).says(complete("DISCARD ALL") + ready());
    EXPECT_FALSE(stage.backend(0).closed());
    Client& bob = stage.logged_in();
    EXPECT_TRUE(stage.backend(0).closed());
    EXPECT_EQ(bob.process_id(), stage.backend(1).process_id());
    EXPECT_EQ(stage.open_backend_count(), 1U);
}

TEST(SessionPooling, WhoWaitsLongestIsNextWhateverItStartsWith) {
    Stage stage(scene_of(1));
    Client& alice = stage.logged_in();
    Client& bob = stage.client();
    bob.says(startup(app_with({{"TimeZone", "Europe/Berlin"}})));
    Client& carol = stage.client();
    carol.says(startup(app_with({})));
    Client& dave = stage.client();
    dave.says(startup(app_with({{"TimeZone", "Asia/Tokyo"}})));
    alice.says(terminate());
    stage.backend(0).says(complete("DISCARD ALL") + ready());
    EXPECT_TRUE(stage.backend(0).closed());
    EXPECT_EQ(backend_text(bob.take().back()), "ReadyForQuery I");
    carol.hears_nothing();
    bob.says(terminate());
    stage.backend(1).says(complete("DISCARD ALL") + ready());
    EXPECT_EQ(backend_text(carol.take().back()), "ReadyForQuery I");
    dave.hears_nothing();
    carol.says(terminate());
    stage.backend(2).says(complete("DISCARD ALL") + ready());
    EXPECT_EQ(backend_text(dave.take().back()), "ReadyForQuery I");
    EXPECT_EQ(stage.open_backend_count(), 1U);
}

TEST(SessionPooling, AStartupParameterThatTheServerRefusesEndsTheLoginWithItsWords) {
    Scene scene = scene_of();
    scene.logins = Scene::Logins::Scripted;
    Stage stage(scene);
    Client& alice = stage.client();
    alice.says(startup(app_with({{"TimeZone", "Nowhere"}})));
    stage.backend(0).says(authentication_ok() +
                          error("22023", "invalid value for parameter \"TimeZone\": \"Nowhere\"", "FATAL"));
    alice.hears({"ErrorResponse FATAL 22023"});
    EXPECT_TRUE(alice.closed());
}

TEST(SessionPooling, ABackendThatAResetDidNotLeadBackIsGivenToNobody) {
    Scene scene = scene_of();
    scene.settings.pgring.server_reset_query = "DISCARD TEMP";
    Stage stage(scene);
    Client& alice = stage.logged_in();
    alice.says(query("set timezone = 'Asia/Tokyo'"));
    stage.backend(0).says(complete("SET") + parameter_status("TimeZone", "Asia/Tokyo") + ready());
    alice.says(terminate());
    stage.backend(0).says(complete("DISCARD TEMP") + ready());
    EXPECT_TRUE(stage.backend(0).closed());
    EXPECT_EQ(stage.logged_in().parameter("TimeZone"), "UTC");
}

TEST(SessionPooling, ALoginThatWaitsForABackendEndsAfterQueryWaitTimeout) {
    Scene scene = scene_of();
    scene.settings.pgring.query_wait_timeout = 2s;
    scene.settings.pgring.client_login_timeout = 1s;
    Stage stage(scene);
    static_cast<void>(stage.logged_in());
    Client& bob = stage.client();
    bob.says(startup(app_with({})));
    stage.passes(1900ms);
    bob.hears_nothing();
    stage.passes(200ms);
    bob.hears({"ErrorResponse FATAL 53300"});
    EXPECT_TRUE(bob.closed());
}

TEST(SessionPooling, AReaderIsWelcomedByAStandby) {
    Scene scene = scene_of();
    scene.servers = 2;
    Stage stage(scene);
    Client& alice = stage.logged_in_as(app_with({{"application_name", "readonly"}}));
    EXPECT_EQ(stage.backend(0).server(), 1U);
    EXPECT_EQ(alice.parameter("in_hot_standby"), "on");
}

TEST(SessionPooling, AWriterIsNotWelcomedByAStandbyWhileThereIsNoPrimary) {
    Scene scene = scene_of();
    scene.servers = 2;
    Stage stage(scene);
    stage.publish(std::nullopt);
    Client& alice = stage.client();
    alice.says(startup(app_with({})));
    EXPECT_EQ(stage.backend_count(), 0U);
    stage.publish(0);
    EXPECT_EQ(backend_text(alice.take().back()), "ReadyForQuery I");
    EXPECT_EQ(alice.process_id(), stage.backend(0).process_id());
}

TEST(SessionPooling, ManyWaysToStartAreForgottenWithTheirClients) {
    Stage stage(scene_of(2));
    for (int i = 0; i < 300; ++i) {
        Client& client = stage.logged_in_as(app_with({{"application_name", "c" + std::to_string(i)}}));
        client.hangs_up();
        Backend& backend = stage.backend(stage.backend_count() - 1);
        backend.says(complete("DISCARD ALL") + ready());
    }
    EXPECT_LE(stage.worker().destination_count(), 64U);
}

// -- Replication --

TEST(Replication, IsRefusedInTransactionPooling) {
    Stage stage;
    for (const char* const kind : {"true", "database"}) {
        Client& client = stage.client();
        client.says(startup(app_with({{"replication", kind}})));
        client.hears({"ErrorResponse FATAL 0A000"});
        EXPECT_TRUE(client.closed());
    }
    EXPECT_EQ(stage.backend_count(), 0U);
}

TEST(Replication, WithAValueThatPostgresDoesNotKnowIsRefused) {
    Stage stage(scene_of());
    Client& client = stage.client();
    client.says(startup(app_with({{"replication", "maybe"}})));
    client.hears({"ErrorResponse FATAL 22023"});
}

TEST(Replication, SwitchedOffIsAnOrdinarySession) {
    Stage stage;
    for (const char* const no : {"false", "off", "no", "0"}) {
        EXPECT_FALSE(stage.logged_in_as(app_with({{"replication", no}})).closed());
    }
}

TEST(Replication, HasAWalsenderOfItsOwnThatNobodyElseEverGets) {
    Stage stage(scene_of(2));
    Client& alice = stage.logged_in_as(app_with({{"replication", "database"}}));
    EXPECT_EQ(stage.backend(0).startup_parameters(), app_with({{"replication", "database"}}));
    Client& bob = stage.logged_in();
    EXPECT_EQ(stage.backend(1).startup_parameters(), app_with({}));
    alice.says(query("IDENTIFY_SYSTEM"));
    stage.backend(0).hears({"Query IDENTIFY_SYSTEM"});
    stage.backend(0).answers("7711");
    alice.says(terminate());
    stage.backend(0).hears_nothing();
    EXPECT_TRUE(stage.backend(0).closed());
    EXPECT_FALSE(bob.closed());
}

TEST(Replication, OfTheClusterNeedsNoDatabase) {
    Stage stage(scene_of());
    Client& alice = stage.client();
    alice.says(startup({{"user", "app"}, {"replication", "true"}}));
    EXPECT_EQ(stage.backend(0).startup_parameters(),
              (Parameters{{"user", "app"}, {"database", "replication"}, {"replication", "true"}}));
    EXPECT_EQ(backend_text(alice.take().back()), "ReadyForQuery I");
}

TEST(Replication, StreamsBothWaysAtOnceAndEnds) {
    Stage stage(scene_of());
    Client& alice = stage.logged_in_as(app_with({{"replication", "true"}}));
    Backend& walsender = stage.backend(0);
    alice.says(query("START_REPLICATION 0/1000000"));
    walsender.hears({"Query START_REPLICATION 0/1000000"});
    walsender.says(message('W', number(0, 1) + number(0, 2)) + copy_data("w1"));
    alice.says(copy_data("r1"));
    walsender.says(copy_data("w2"));
    walsender.hears({"CopyData r1"});
    alice.says(copy_data("r2") + copy_done());
    walsender.hears({"CopyData r2", "CopyDone"});
    walsender.says(copy_data("w3") + message('c', "") + complete("START_STREAMING") + ready());
    std::vector<Message> const heard = alice.take();
    ASSERT_EQ(heard.size(), 7U);
    EXPECT_EQ(heard[0].type, 'W');
    EXPECT_EQ(heard[3].body, "w3");
    EXPECT_EQ(backend_text(heard.back()), "ReadyForQuery I");
    alice.says(query("IDENTIFY_SYSTEM"));
    walsender.hears({"Query IDENTIFY_SYSTEM"});
}

// pg_terminate_backend(), a shutdown, idle_session_timeout.
TEST(SessionPooling, TheServersLastWordsAreTheClientsToo) {
    for (const bool busy : {true, false}) {
        Stage stage(scene_of());
        Client& alice = stage.logged_in();
        if (busy) {
            alice.says(query("insert into t values (1)"));
        }
        stage.backend(0).says(error("57P01", "terminating connection", "FATAL"));
        alice.hears({"ErrorResponse FATAL 57P01"});
        stage.backend(0).hangs_up();
        alice.hears_nothing();
        EXPECT_TRUE(alice.closed());
    }
}

TEST(SessionPooling, WhereTheServerFallsSilentPgringSaysWhatBecameOfIt) {
    Stage stage(scene_of());
    Client& alice = stage.logged_in();
    alice.says(query("insert into t values (1)"));
    stage.backend(0).hangs_up();
    alice.hears({"ErrorResponse FATAL 08007"});
    EXPECT_TRUE(alice.closed());
}

TEST(SessionPooling, TheReserveStartsAsItsClientAsked) {
    Scene scene = scene_of(1);
    scene.settings.pgring.reserve_pool_size = 1;
    scene.settings.pgring.reserve_pool_timeout = 3s;
    Stage stage(scene);
    static_cast<void>(stage.logged_in());
    Client& bob = stage.client();
    bob.says(startup(app_with({{"application_name", "reports"}})));
    stage.passes(2900ms);
    EXPECT_EQ(stage.backend_count(), 1U);
    stage.passes(200ms);
    ASSERT_EQ(stage.backend_count(), 2U);
    EXPECT_EQ(stage.backend(1).startup_parameters().back(),
              std::pair(std::string("application_name"), std::string("reports")));
    EXPECT_EQ(bob.take().back().type, 'Z');
}

}  // namespace
}  // namespace pgring::conversation
