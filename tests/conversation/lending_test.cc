/// A backend on its way from one worker to another: what goes along with it, and what may happen meanwhile.

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

using namespace std::chrono_literals;

const Lines kAnswer{"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"};

Scene one_backend(std::size_t workers = 2) {
    Scene scene;
    scene.workers = workers;
    scene.settings.pgring.default_pool_size = 1;
    return scene;
}

/// Alice is at worker 0 and bob at worker 1, whose sessions have the same ids; the one backend is idle at
/// alice's.
class Lending : public testing::Test {
  protected:
    explicit Lending(Scene scene = one_backend()) : stage_(std::move(scene)) {}

    void SetUp() override { alice_asks(); }
    /// Wherever the backend is, it comes to alice and is idle there.
    void alice_asks() {
        alice_.says(query("select 1"));
        backend().hears({"Query select 1"});
        backend().answers("1");
        alice_.hears(kAnswer);
        ASSERT_EQ(backend().worker(), 0U);
    }
    void bob_asks() { bob_.says(query("select 2")); }
    void bob_is_served_by(Backend& backend) {
        EXPECT_EQ(backend.worker(), 1U);
        backend.hears({"Query select 2"});
        backend.answers("1");
        bob_.hears(kAnswer);
    }
    Backend& backend() { return stage_.backend(0); }

    Stage stage_;
    Client& alice_ = stage_.logged_in(0);
    Client& bob_ = stage_.logged_in(1);
};

TEST_F(Lending, TakesAlongWhatIsPrepared) {
    alice_.says(parse("mine", "select $1") + sync());
    backend().hears({"Parse pgring_1: select $1", "Sync"});
    backend().says(parse_complete() + ready());
    alice_.hears({"ParseComplete", "ReadyForQuery I"});
    bob_.says(parse("his", "select $1") + bind("his", {"7"}) + execute() + sync());
    backend().hears({"Bind pgring_1 (7)", "Execute", "Sync"});
    backend().says(bind_complete() + row("7") + complete("SELECT 1") + ready());
    bob_.hears({"ParseComplete", "BindComplete", "DataRow 7", "CommandComplete SELECT 1", "ReadyForQuery I"});
}

TEST_F(Lending, WhatIsPreparedThereIsEvictedByItsName) {
    Scene scene = one_backend();
    scene.settings.pgring.max_prepared_statements = 1;
    Stage stage(std::move(scene));
    Client& alice = stage.logged_in(0);
    Client& bob = stage.logged_in(1);
    Backend& backend = stage.backend(0);
    alice.says(parse("mine", "select 1") + sync());
    backend.hears({"Parse pgring_1: select 1", "Sync"});
    backend.says(parse_complete() + ready());
    bob.says(parse("his", "select 2") + sync());
    backend.hears({"Close S pgring_1", "Parse pgring_2: select 2", "Sync"});
}

TEST_F(Lending, AnOutdatedPlanIsKnownToBeOneThere) {
    alice_.says(parse("mine", "select * from t") + sync());
    static_cast<void>(backend().take());
    backend().says(parse_complete() + ready());
    // The next statement is out when the plan is found to be outdated, so it is told.
    alice_.says(query("begin"));
    alice_.says(bind("mine") + execute() + sync());
    static_cast<void>(backend().take());
    backend().says(complete("BEGIN") + ready('T') +
                   message('E', std::string_view(
                                    "SERROR\0VERROR\0C0A000\0Mcached plan\0RRevalidateCachedQuery\0\0", 58)) +
                   ready('E'));
    alice_.says(query("rollback"));
    static_cast<void>(backend().take());
    backend().says(complete("ROLLBACK") + ready());
    bob_.says(parse("his", "select * from t") + bind("his") + execute() + sync());
    EXPECT_EQ(backend().worker(), 1U);
    backend().hears(
        {"Close S pgring_1", "Parse pgring_1: select * from t", "Bind pgring_1", "Execute", "Sync"});
}

TEST_F(Lending, TheUnnamedStatementIsNotTheOtherSessionsThatHasTheSameId) {
    alice_.says(parse("", "select 'alice'") + sync());
    backend().hears({"Parse: select 'alice'", "Sync"});
    backend().says(parse_complete() + ready());
    static_cast<void>(alice_.take());
    bob_.says(parse("", "select 'bob'") + sync());
    backend().hears({"Parse: select 'bob'", "Sync"});
    backend().says(parse_complete() + ready());
    static_cast<void>(bob_.take());
    alice_.says(bind("") + execute() + sync());
    EXPECT_EQ(backend().worker(), 0U);
    backend().hears({"Parse: select 'alice'", "Bind", "Execute", "Sync"});
}

TEST_F(Lending, NamesOfSqlAreNotTheOtherSessionsThatHasTheSameId) {
    alice_.says(query("prepare p as select 'alice'"));
    backend().hears({"Query prepare p as select 'alice'"});
    backend().says(complete("PREPARE") + ready());
    static_cast<void>(alice_.take());
    bob_asks();
    EXPECT_EQ(backend().worker(), 1U);
    backend().hears({"Close S p", "Sync"});
    backend().says(close_complete() + ready());
    bob_is_served_by(backend());
}

TEST_F(Lending, ParametersGoAlongAndAreMadeThoseOfTheNextSession) {
    alice_.says(query("set timezone = 'Asia/Tokyo'"));
    static_cast<void>(backend().take());
    backend().says(complete("SET") + parameter_status("TimeZone", "Asia/Tokyo") + ready());
    bob_asks();
    EXPECT_EQ(backend().worker(), 1U);
    backend().hears({"Query SELECT pg_catalog.set_config(E'TimeZone', E'UTC', false)"});
    backend().says(parameter_status("TimeZone", "UTC") + row_description() + row("UTC") +
                   complete("SELECT 1") + ready());
    bob_is_served_by(backend());
}

TEST_F(Lending, ACancelReachesTheSessionThatHasTheBackendNow) {
    bob_.says(query("select pg_sleep(60)"));
    backend().hears({"Query select pg_sleep(60)"});
    stage_.passes(1s);
    stage_.client(0).says(cancel_request(alice_.process_id(), alice_.secret()));
    EXPECT_EQ(stage_.backend_count(), 1U) << "alice has nothing to be canceled any more";
    stage_.client(0).says(cancel_request(bob_.process_id(), bob_.secret()));
    ASSERT_EQ(stage_.backend_count(), 2U);
    EXPECT_EQ(stage_.backend(1).cancels_process(), backend().process_id());
    EXPECT_EQ(stage_.backend(1).cancels_secret(), backend().secret());
    stage_.backend(1).hangs_up();
}

TEST_F(Lending, ABackendThatACancelIsOnItsWayToStays) {
    alice_.says(query("select pg_sleep(60)"));
    static_cast<void>(backend().take());
    stage_.passes(1s);
    stage_.client(0).says(cancel_request(alice_.process_id(), alice_.secret()));
    ASSERT_EQ(stage_.backend_count(), 2U);
    bob_asks();
    backend().says(error("57014") + ready());
    EXPECT_EQ(backend().worker(), 0U);
    backend().hears_nothing();
    stage_.backend(1).hangs_up();
    bob_is_served_by(backend());
}

TEST_F(Lending, TheLifetimeGoesOn) {
    Scene scene = one_backend();
    scene.settings.pgring.server_lifetime = 10s;
    Stage stage(std::move(scene));
    static_cast<void>(stage.logged_in(0));
    stage.passes(8s);
    Client& bob = stage.logged_in(1);
    ASSERT_EQ(stage.backend(0).worker(), 1U);
    ASSERT_FALSE(stage.backend(0).closed());
    stage.passes(3s);
    EXPECT_TRUE(stage.backend(0).closed());
    static_cast<void>(bob);
}

TEST_F(Lending, WhatWasIdleForLongIsCheckedThere) {
    Scene scene = one_backend();
    scene.settings.pgring.server_check_query = "select 'alive'";
    scene.settings.pgring.server_check_delay = 30s;
    Stage stage(std::move(scene));
    Client& bob = stage.logged_in(1);
    Client& carol = stage.logged_in(0);
    ASSERT_EQ(stage.backend(0).worker(), 0U);
    stage.passes(31s);
    bob.says(query("select 2"));
    EXPECT_EQ(stage.backend(0).worker(), 1U);
    stage.backend(0).hears({"Query select 'alive'"});
    stage.backend(0).answers("alive");
    stage.backend(0).hears({"Query select 2"});
    carol.says(query("select 3"));
    stage.backend(0).answers("2");
    EXPECT_EQ(stage.backend(0).worker(), 0U);
    stage.backend(0).hears({"Query select 3"});
}

// -- What may come while it leaves

TEST_F(Lending, WhatItReportsWhileItLeavesIsMet) {
    stage_.hold_leaving();
    bob_asks();
    backend().says(parameter_status("TimeZone", "Asia/Tokyo") + notice("reloaded"));
    stage_.let_leave();
    EXPECT_EQ(backend().worker(), 1U);
    backend().hears({"Query SELECT pg_catalog.set_config(E'TimeZone', E'UTC', false)"});
    bob_.hears_nothing();
}

TEST_F(Lending, ABackendThatDiesWhileItLeavesIsNotLent) {
    stage_.hold_leaving();
    bob_asks();
    backend().says(error("57P01", "terminating connection", "FATAL"));
    stage_.let_leave();
    EXPECT_TRUE(backend().closed());
    ASSERT_EQ(stage_.backend_count(), 2U) << "bob's worker has the token";
    bob_is_served_by(stage_.backend(1));
}

TEST_F(Lending, ABackendThatHangsUpWhileItLeavesIsNotLent) {
    stage_.hold_leaving();
    bob_asks();
    backend().hangs_up();
    stage_.let_leave();
    ASSERT_EQ(stage_.backend_count(), 2U);
    bob_is_served_by(stage_.backend(1));
}

TEST_F(Lending, HalfAMessageKeepsIt) {
    stage_.hold_leaving();
    bob_asks();
    std::string const whole = notice("reloaded");
    backend().says(whole.substr(0, 3));
    stage_.let_leave();
    EXPECT_EQ(backend().worker(), 0U);
    backend().says(whole.substr(3));
    stage_.passes(100ms);
    bob_is_served_by(backend());
}

TEST_F(Lending, ADatabaseThatIsVacatedClosesItBeforeItLeaves) {
    Stage stage(one_backend(3));
    Client& bob = stage.logged_in(1);
    Client& alice = stage.logged_in(0);
    Client& carol = stage.logged_in_as({{"user", "app"}, {"database", "other"}}, 2);
    Backend& backend = stage.backend(0);
    ASSERT_EQ(backend.worker(), 0U);
    stage.hold_leaving();
    bob.says(query("select 2"));
    stage.hold_mail();
    carol.says(query("drop database db"));
    stage.let_leave();
    EXPECT_EQ(stage.crossing_count(), 0U);
    stage.deliver_mail();
    EXPECT_TRUE(backend.closed());
    static_cast<void>(alice);
}

// -- What may come while it is on its way

TEST_F(Lending, WhatItSaysOnItsWayIsHeardThere) {
    stage_.hold_mail();
    bob_asks();
    stage_.passes(1ms);
    EXPECT_EQ(stage_.crossing_count(), 0U) << "bob's question is on its way as well";
    stage_.deliver_mail();
    bob_is_served_by(backend());
}

/// Bob waits, alice's statement ends, and nothing arrives at bob's worker yet.
class OnItsWay : public Lending {
  protected:
    explicit OnItsWay(Scene scene = one_backend()) : Lending(std::move(scene)) {}

    void SetUp() override {
        Lending::SetUp();
        alice_.says(query("select 3"));
        backend().hears({"Query select 3"});
        bob_asks();
        stage_.hold_mail();
        backend().answers("1");
        alice_.hears(kAnswer);
        ASSERT_EQ(stage_.crossing_count(), 1U);
    }
};

TEST_F(OnItsWay, WhatItSaysIsHeardThere) {
    backend().says(parameter_status("TimeZone", "Asia/Tokyo"));
    stage_.deliver_mail();
    EXPECT_EQ(backend().worker(), 1U);
    static_cast<void>(backend().take());
    backend().answers("1");
    EXPECT_EQ(bob_.parameter("TimeZone"), "UTC");
}

TEST_F(OnItsWay, NobodyElseOpensOneInItsPlace) {
    Client& carol = stage_.logged_in(0);
    static_cast<void>(carol);
    alice_.says(query("select 4"));
    stage_.passes(1s);
    EXPECT_EQ(stage_.backend_count(), 1U);
    stage_.deliver_mail();
    bob_is_served_by(backend());
    backend().hears({"Query select 4"});
}

TEST_F(OnItsWay, ItMayEnd) {
    backend().hangs_up();
    stage_.deliver_mail();
    stage_.passes(1s);
    ASSERT_GE(stage_.backend_count(), 2U);
}

TEST_F(OnItsWay, WhoWaitedMayHaveGivenUp) {
    bob_.hangs_up();
    stage_.deliver_mail();
    EXPECT_EQ(backend().worker(), 1U);
    EXPECT_FALSE(backend().closed());
    alice_asks();
    EXPECT_EQ(stage_.backend_count(), 1U);
}

TEST_F(OnItsWay, TheWorkerMayBeAtItsEnd) {
    stage_.worker(1).shut_down(proxy::Worker::Shutdown::Now, stage_.now());
    stage_.deliver_mail();
    EXPECT_TRUE(backend().closed());
    alice_.says(query("select 5"));
    ASSERT_EQ(stage_.backend_count(), 2U) << "the token came back";
    stage_.backend(1).hears({"Query select 5"});
}

TEST_F(OnItsWay, AWorkerThatDrainsServesThoseItHas) {
    stage_.worker(1).shut_down(proxy::Worker::Shutdown::Drain, stage_.now());
    stage_.deliver_mail();
    bob_is_served_by(backend());
}

TEST_F(OnItsWay, ItsServerMayBeFoundToBeDown) {
    stage_.publish(std::nullopt, {0});
    stage_.publish(0);
    stage_.deliver_mail();
    EXPECT_TRUE(backend().closed()) << "its worker gave up those that it had";
    ASSERT_EQ(stage_.backend_count(), 2U);
    bob_is_served_by(stage_.backend(1));
}

TEST_F(OnItsWay, ItsDatabaseMayBeVacated) {
    Client& carol = stage_.logged_in_as({{"user", "app"}, {"database", "other"}}, 0);
    carol.says(query("drop database db"));
    stage_.deliver_mail();
    EXPECT_TRUE(backend().closed());
}

// -- What is not lent

TEST(LendingNot, ASessionsOwnInSessionPooling) {
    Scene scene = one_backend();
    scene.settings.pgring.pool_mode = config::PoolMode::Session;
    Stage stage(std::move(scene));
    Client& alice = stage.logged_in(0);
    Client& bob = stage.client(1);
    bob.says(startup({{"user", "app"}, {"database", "db"}}));
    stage.passes(1s);
    EXPECT_EQ(stage.backend_count(), 1U);
    alice.says(terminate());
    stage.backend(0).hears({"Query DISCARD ALL"});
    stage.backend(0).says(complete("DISCARD ALL") + ready());
    EXPECT_TRUE(stage.backend(0).closed());
    ASSERT_EQ(stage.backend_count(), 2U);
    EXPECT_EQ(backend_text(bob.take().back()), "ReadyForQuery I");
}

TEST(LendingNot, OneThatMustBeResetFirst) {
    Scene scene = one_backend();
    scene.settings.pgring.server_reset_query_always = true;
    Stage stage(std::move(scene));
    Client& alice = stage.logged_in(0);
    stage.backend(0).hears({"Query DISCARD ALL"});
    stage.backend(0).says(complete("DISCARD ALL") + ready());
    Client& bob = stage.client(1);
    bob.says(startup({{"user", "app"}, {"database", "db"}}));
    EXPECT_EQ(stage.backend(0).worker(), 1U);
    stage.backend(0).hears({"Query DISCARD ALL"});
    alice.says(query("select 1"));
    EXPECT_EQ(stage.backend(0).worker(), 1U);
    stage.backend(0).says(complete("DISCARD ALL") + ready());
    EXPECT_EQ(stage.backend(0).worker(), 0U);
    stage.backend(0).hears({"Query select 1"});
}

TEST(LendingUnderAQuota, ABackendOfTheSamePoolIsLentAndNotClosed) {
    Scene scene;
    scene.workers = 2;
    scene.settings.pgring.max_db_connections = 1;
    Stage stage(std::move(scene));
    static_cast<void>(stage.logged_in(0));
    Client& bob = stage.logged_in(1);
    EXPECT_EQ(stage.backend_count(), 1U);
    bob.says(query("select 2"));
    stage.backend(0).hears({"Query select 2"});
    stage.backend(0).answers("1");
    // Another pool has it closed, since it has no use for it.
    Client& carol = stage.client(0);
    carol.says(startup({{"user", "carol"}, {"database", "db"}}));
    stage.passes(1s);
    EXPECT_TRUE(stage.backend(0).closed());
    EXPECT_EQ(stage.open_backend_count(), 1U);
    EXPECT_EQ(backend_text(carol.take().back()), "ReadyForQuery I");
}

}  // namespace
}  // namespace pgring::conversation
