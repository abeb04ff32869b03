/// CancelRequests: they reach what they were meant for and nothing else.

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

using namespace std::chrono_literals;

Scene small(std::size_t workers = 1) {
    Scene scene;
    scene.workers = workers;
    scene.settings.pgring.default_pool_size = 1;
    return scene;
}

TEST(Cancel, OfARunningStatementReachesItsBackend) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    alice.says(query("select pg_sleep(9)"));
    Client& canceler = stage.client();
    canceler.says(cancel_request(alice.process_id(), alice.secret()));
    ASSERT_EQ(stage.backend_count(), 2U);
    Backend& request = stage.backend(1);
    EXPECT_EQ(request.cancels_process(), stage.backend(0).process_id());
    EXPECT_FALSE(canceler.closed());
    request.hangs_up();
    EXPECT_TRUE(canceler.closed());
    canceler.hears_nothing();
    stage.backend(0).says(error("57014") + ready());
    alice.hears({"ErrorResponse ERROR 57014", "ReadyForQuery I"});
}

TEST(Cancel, NobodyGetsTheBackendWhileOneIsOnItsWay) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("select 1"));
    Client& canceler = stage.client();
    canceler.says(cancel_request(alice.process_id(), alice.secret()));
    bob.says(query("select 2"));
    backend.hears({"Query select 1"});
    backend.answers("1");
    alice.hears({"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
    backend.hears_nothing();
    stage.backend(1).hangs_up();
    backend.hears({"Query select 2"});
}

TEST(Cancel, OfAnIdleClientDoesNothing) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    Client& canceler = stage.client();
    canceler.says(cancel_request(alice.process_id(), alice.secret()));
    EXPECT_TRUE(canceler.closed());
    EXPECT_FALSE(alice.closed());
    EXPECT_EQ(stage.backend_count(), 1U);
}

TEST(Cancel, WithAWrongSecretDoesNothing) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    alice.says(query("select 1"));
    std::string const other(4, static_cast<char>(alice.secret()[0] ^ 1));
    for (const std::string& secret : {other, std::string("xx"), std::string(256, 'x')}) {
        Client& canceler = stage.client();
        canceler.says(cancel_request(alice.process_id(), secret));
        EXPECT_TRUE(canceler.closed());
        canceler.hears_nothing();
    }
    Client& stranger = stage.client();
    stranger.says(cancel_request(alice.process_id() + 1, alice.secret()));
    EXPECT_TRUE(stranger.closed());
    Client& nobody = stage.client();
    nobody.says(cancel_request(0x7fffffff, alice.secret()));
    EXPECT_TRUE(nobody.closed());
    EXPECT_EQ(stage.backend_count(), 1U);
}

TEST(Cancel, OfWrongLengthIsClosedSilently) {
    Stage stage(small());
    Client& canceler = stage.client();
    canceler.says(cancel_request(1, ""));
    canceler.hears_nothing();
    EXPECT_TRUE(canceler.closed());
}

TEST(Cancel, OfAStatementThatWaitsIsAnsweredByPgring) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    alice.says(query("select pg_sleep(9)"));
    bob.says(query("select 2"));
    Client& canceler = stage.client();
    canceler.says(cancel_request(bob.process_id(), bob.secret()));
    EXPECT_TRUE(canceler.closed());
    bob.hears({"ErrorResponse ERROR 57014", "ReadyForQuery I"});
    stage.backend(0).hears({"Query select pg_sleep(9)"});
    stage.backend(0).answers("1");
    stage.backend(0).hears_nothing();
}

TEST(Cancel, ReachesASessionOfAnotherWorkerInEveryProtocol) {
    for (std::uint32_t const minor : {0U, 1U, 2U}) {
        Stage stage(small(2));
        Client& alice = stage.client(1);
        alice.says(startup({{"user", "app"}, {"database", "db"}}, (3U << 16U) | minor));
        static_cast<void>(alice.take());
        alice.says(query("select pg_sleep(9)"));
        Client& canceler = stage.client(0);
        stage.hold_mail();
        canceler.says(cancel_request(alice.process_id(), alice.secret()));
        EXPECT_EQ(stage.backend_count(), 1U);
        stage.deliver_mail();
        ASSERT_EQ(stage.backend_count(), 2U);
        EXPECT_EQ(stage.backend(1).cancels_process(), stage.backend(0).process_id());
        EXPECT_FALSE(canceler.closed());
        stage.backend(1).hangs_up();
        EXPECT_TRUE(canceler.closed());
    }
}

TEST(Cancel, OfALongKeyWithAWrongByteDoesNothing) {
    Stage stage(small());
    Client& alice = stage.client();
    alice.says(startup({{"user", "app"}, {"database", "db"}}, (3U << 16U) | 2U));
    static_cast<void>(alice.take());
    alice.says(query("select 1"));
    for (std::size_t i = 0; i < alice.secret().size(); ++i) {
        std::string secret = alice.secret();
        secret[i] = static_cast<char>(secret[i] ^ 1);
        Client& canceler = stage.client();
        canceler.says(cancel_request(alice.process_id(), secret));
        EXPECT_TRUE(canceler.closed()) << i;
    }
    stage.client().says(cancel_request(alice.process_id() + 1, alice.secret()));
    EXPECT_EQ(stage.backend_count(), 1U);
}

TEST(Cancel, OfAWorkerThatDoesNotExistDoesNothing) {
    Stage stage(small());
    Client& canceler = stage.client();
    canceler.says(cancel_request((1U << 30U) | (7U << 22U) | 1U, "abcd"));
    EXPECT_TRUE(canceler.closed());
    Client& other = stage.client();
    other.says(cancel_request(1, std::string(32, '\xff')));
    EXPECT_TRUE(other.closed());
}

TEST(Cancel, ThatTheServerTakesTooLongForMayComeYetSoNobodyElseGetsTheBackend) {
    Scene scene = small();
    scene.settings.pgring.cancel_wait_timeout = 3s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    alice.says(query("select 1"));
    Client& canceler = stage.client();
    canceler.says(cancel_request(alice.process_id(), alice.secret()));
    stage.backend(0).answers("1");
    bob.says(query("select 2"));
    stage.passes(3100ms);
    EXPECT_TRUE(stage.backend(1).closed());
    EXPECT_TRUE(canceler.closed());
    EXPECT_TRUE(stage.backend(0).closed());
    stage.backend(2).hears({"Query select 2"});
    EXPECT_FALSE(alice.closed());
}

TEST(Cancel, ThatTakesTooLongWhileItsSessionGoesOnCostsTheBackendAtTheEnd) {
    Scene scene = small();
    scene.settings.pgring.cancel_wait_timeout = 3s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    alice.says(query("select pg_sleep(9)"));
    Client& canceler = stage.client();
    canceler.says(cancel_request(alice.process_id(), alice.secret()));
    stage.passes(3100ms);
    EXPECT_TRUE(canceler.closed());
    EXPECT_FALSE(stage.backend(0).closed());
    stage.backend(0).answers("1");
    alice.hears({"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
    EXPECT_TRUE(stage.backend(0).closed());
}

TEST(Cancel, ThatNeverReachedTheServerCostsNoBackend) {
    Scene scene = small();
    scene.settings.pgring.cancel_wait_timeout = 3s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    alice.says(query("select 1"));
    stage.set_connects(0, Stage::Connects::Unanswered);
    Client& canceler = stage.client();
    canceler.says(cancel_request(alice.process_id(), alice.secret()));
    stage.backend(0).answers("1");
    stage.passes(3100ms);
    EXPECT_TRUE(canceler.closed());
    static_cast<void>(stage.backend(0).take());
    alice.says(query("select 2"));
    stage.backend(0).hears({"Query select 2"});
}

TEST(Cancel, ThatComesWhenTheStatementIsDoneDoesNotHitAnErrandOfPgrings) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    alice.says(query("set work_mem = '1MB'"));
    stage.backend(0).says(complete("SET") + ready());
    alice.hears({"CommandComplete SET", "ReadyForQuery I"});
    EXPECT_EQ(stage.backend(0).take().size(), 2U) << "its value is being read";
    Client& canceler = stage.client();
    canceler.says(cancel_request(alice.process_id(), alice.secret()));
    EXPECT_TRUE(canceler.closed());
    EXPECT_EQ(stage.backend_count(), 1U);
}

TEST(Cancel, OfAStatementThatHasJustLeftTheLineWaitsUntilItsServerHasReadIt) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    alice.says(query("select 1"));
    bob.says(query("select pg_sleep(9)"));
    stage.backend(0).answers("1");
    Client& canceler = stage.client();
    canceler.says(cancel_request(bob.process_id(), bob.secret()));
    stage.backend(0).hears({"Query select 1", "Query select pg_sleep(9)"});
    EXPECT_EQ(stage.backend_count(), 1U) << "the server may still be idle";
    EXPECT_FALSE(canceler.closed());
    stage.passes(30ms);
    ASSERT_EQ(stage.backend_count(), 2U);
    EXPECT_EQ(stage.backend(1).cancels_process(), stage.backend(0).process_id());
    stage.backend(1).hangs_up();
    EXPECT_TRUE(canceler.closed());
}

TEST(Cancel, OfAStatementWhoseParametersAreBeingSetWaitsForIt) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    Client& bob = stage.client();
    bob.logs_in({{"user", "app"}, {"database", "db"}, {"application_name", "bob"}});
    static_cast<void>(alice);
    Backend& backend = stage.backend(0);
    static_cast<void>(backend.take());
    bob.says(query("select pg_sleep(9)"));
    EXPECT_EQ(backend.take().size(), 1U) << "its parameters";
    Client& canceler = stage.client();
    canceler.says(cancel_request(bob.process_id(), bob.secret()));
    stage.passes(100ms);
    EXPECT_EQ(stage.backend_count(), 1U);
    backend.says(parameter_status("application_name", "bob") + row("bob") + complete("SELECT 1") + ready());
    backend.hears({"Query select pg_sleep(9)"});
    EXPECT_FALSE(canceler.closed());
    stage.passes(30ms);
    ASSERT_EQ(stage.backend_count(), 2U);
    EXPECT_EQ(stage.backend(1).cancels_process(), backend.process_id());
}

TEST(Cancel, ThatIsHeldDoesNotHitTheNextStatement) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    alice.says(query("select 1"));
    bob.says(query("select 2"));
    stage.backend(0).answers("1");
    Client& canceler = stage.client();
    canceler.says(cancel_request(bob.process_id(), bob.secret()));
    stage.backend(0).answers("2");
    bob.says(query("select 3"));
    stage.passes(100ms);
    EXPECT_TRUE(canceler.closed());
    EXPECT_EQ(stage.backend_count(), 1U);
}

TEST(Cancel, ThatIsHeldForAClientWhoLeavesIsDropped) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    alice.says(query("select 1"));
    bob.says(query("select 2"));
    stage.backend(0).answers("1");
    Client& canceler = stage.client();
    canceler.says(cancel_request(bob.process_id(), bob.secret()));
    bob.hangs_up();
    stage.passes(100ms);
    EXPECT_TRUE(canceler.closed());
}

TEST(Cancel, OfOneOfTwoPipelinedStatementsLeavesTheNextUserAlone) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("select 1") + query("select 2"));
    stage.client().says(cancel_request(alice.process_id(), alice.secret()));
    stage.client().says(cancel_request(alice.process_id(), alice.secret()));
    bob.says(query("select 3"));
    backend.hears({"Query select 1", "Query select 2"});
    backend.says(error("57014") + ready());
    backend.answers("2");
    alice.hears({"ErrorResponse ERROR 57014", "ReadyForQuery I", "RowDescription", "DataRow 2",
                 "CommandComplete SELECT 1", "ReadyForQuery I"});
    stage.backend(1).hangs_up();
    backend.hears_nothing();
    stage.backend(2).hangs_up();
    backend.hears({"Query select 3"});
}

TEST(Cancel, TheClientThatLeavesMeanwhileLeavesTheBackendToNobodyUntilItIsThrough) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("select 1"));
    stage.client().says(cancel_request(alice.process_id(), alice.secret()));
    bob.says(query("select 2"));
    backend.hears({"Query select 1"});
    backend.answers("1");
    alice.hangs_up();
    backend.hears_nothing();
    stage.backend(1).hangs_up();
    backend.hears({"Query select 2"});
}

TEST(Cancel, OfABackendThatIsGoneMeanwhileIsDropped) {
    Scene scene = small();
    scene.settings.pgring.cancel_wait_timeout = base::Duration::zero();
    Stage stage(scene);
    Client& alice = stage.logged_in();
    alice.says(query("select 1"));
    stage.set_connects(0, Stage::Connects::Unanswered);
    Client& canceler = stage.client();
    canceler.says(cancel_request(alice.process_id(), alice.secret()));
    stage.backend(0).hangs_up();
    alice.hears({"ErrorResponse ERROR 40001", "ReadyForQuery I"});
    stage.backend(1).is_accepted();
    EXPECT_TRUE(stage.backend(1).closed());
    EXPECT_FALSE(stage.backend(1).cancels_process().has_value());
    EXPECT_TRUE(canceler.closed());
}

TEST(Cancel, ARefusedConnectionForItHarmsNothing) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    alice.says(query("select 1"));
    stage.set_connects(0, Stage::Connects::Refused);
    Client& canceler = stage.client();
    canceler.says(cancel_request(alice.process_id(), alice.secret()));
    EXPECT_TRUE(canceler.closed());
    stage.backend(0).answers("1");
    alice.hears({"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
}

TEST(Cancel, AFloodOfThemIsBoundedAndHindersNoLogin) {
    Scene scene = small();
    scene.settings.pgring.default_pool_size = 2;
    scene.settings.pgring.max_client_conn = 1000;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    alice.says(query("select pg_sleep(9)"));
    std::size_t refused = 0;
    for (int i = 0; i < 300; ++i) {
        Client& canceler = stage.client();
        canceler.says(cancel_request(alice.process_id(), alice.secret()));
        refused += canceler.closed() ? 1 : 0;
    }
    EXPECT_EQ(refused, 44U) << "256 at a time";
    EXPECT_EQ(stage.open_backend_count(), 257U);
    Client& bob = stage.logged_in();
    bob.says(query("select 1"));
    Backend& second = stage.backend(stage.backend_count() - 1);
    second.hears({"Query select 1"});
    second.answers("1");
    bob.hears({"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
}

TEST(Cancel, AfterAnSslRequestIsACancel) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    alice.says(query("select 1"));
    Client& canceler = stage.client();
    canceler.says(ssl_request());
    EXPECT_EQ(canceler.take_bytes(), "N");
    canceler.says(cancel_request(alice.process_id(), alice.secret()));
    EXPECT_EQ(stage.backend_count(), 2U);
}

TEST(Cancel, TheCancelingClientMayLeaveEarly) {
    Stage stage(small(2));
    Client& alice = stage.logged_in(1);
    alice.says(query("select 1"));
    Client& canceler = stage.client(0);
    canceler.says(cancel_request(alice.process_id(), alice.secret()));
    canceler.hangs_up();
    stage.backend(1).hangs_up();
    stage.backend(0).answers("1");
    EXPECT_FALSE(alice.closed());
}

}  // namespace
}  // namespace pgring::conversation
