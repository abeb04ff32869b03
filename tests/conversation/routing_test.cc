/// Reads go to the standby, everything else to the primary.

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

constexpr std::size_t kPrimary = 0;
constexpr std::size_t kStandby = 1;

/// A primary and a standby; both have an idle backend, which are backend(0) and backend(1).
class Routing : public ::testing::Test {
  protected:
    Routing() : stage_(make_scene()), alice_(stage_.logged_in()) {
        alice_.says(query("select 0"));
        standby().answers("0");
        static_cast<void>(alice_.take());
        static_cast<void>(standby().take());
    }

    static Scene make_scene() {
        Scene scene;
        scene.servers = 2;
        return scene;
    }
    Backend& primary() { return stage_.backend(0); }
    Backend& standby() { return stage_.backend(1); }

    Stage stage_;
    Client& alice_;
};

TEST_F(Routing, ReadsGoToTheStandbyAndWritesToThePrimary) {
    ASSERT_EQ(primary().server(), kPrimary);
    ASSERT_EQ(standby().server(), kStandby);
    alice_.says(query("select 1"));
    standby().hears({"Query select 1"});
    standby().answers("1");
    alice_.says(query("insert into t values (1)"));
    primary().hears({"Query insert into t values (1)"});
    primary().answers("1");
    alice_.says(query("select * from t for update"));
    primary().hears({"Query select * from t for update"});
}

TEST_F(Routing, ABatchOfReadsGoesToTheStandbyAsAWhole) {
    alice_.says(parse("", "select 1") + bind("") + execute());
    standby().hears_nothing();
    primary().hears_nothing();
    alice_.says(sync());
    standby().hears({"Parse: select 1", "Bind", "Execute", "Sync"});
}

TEST_F(Routing, ABatchWithOneWriteGoesToThePrimaryAsAWhole) {
    alice_.says(parse("", "select 1") + bind("") + execute() + parse("", "delete from t") + bind("") +
                execute() + sync());
    primary().hears(
        {"Parse: select 1", "Bind", "Execute", "Parse: delete from t", "Bind", "Execute", "Sync"});
    standby().hears_nothing();
}

TEST_F(Routing, APreparedReadIsPreparedWhereItRuns) {
    alice_.says(parse("s", "select 1") + sync());
    standby().hears({"Parse pgring_1: select 1", "Sync"});
    standby().says(parse_complete() + ready());
    alice_.says(query("begin"));
    alice_.says(bind("s") + execute() + sync());
    primary().hears({"Query begin", "Parse pgring_1: select 1", "Bind pgring_1", "Execute", "Sync"});
}

TEST_F(Routing, AReadOnlyTransactionRunsOnTheStandby) {
    alice_.says(query("begin read only"));
    alice_.hears({"CommandComplete BEGIN", "ReadyForQuery T"});
    alice_.says(query("select 1"));
    standby().hears({"Query begin read only", "Query select 1"});
    standby().says(complete("BEGIN") + ready('T') + complete("SELECT 0") + ready('T'));
    alice_.hears({"CommandComplete SELECT 0", "ReadyForQuery T"});
    alice_.says(query("insert into t values (1)"));
    standby().hears({"Query insert into t values (1)"});
}

TEST_F(Routing, AWriteBehindAPipelinedReadWaitsForIt) {
    alice_.says(query("select 1") + query("insert into t values (1)"));
    standby().hears({"Query select 1"});
    primary().hears_nothing();
    standby().answers("1");
    alice_.hears({"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
    primary().hears({"Query insert into t values (1)"});
}

TEST_F(Routing, AReadBehindAPipelinedWriteFollowsItOnThePrimary) {
    alice_.says(query("insert into t values (1)") + query("select 1"));
    primary().hears({"Query insert into t values (1)", "Query select 1"});
}

TEST_F(Routing, AFunctionCallGoesToThePrimary) {
    alice_.says(function_call(1299) + query("insert into t values (1)"));
    primary().hears({"FunctionCall", "Query insert into t values (1)"});
    standby().hears_nothing();
}

TEST_F(Routing, AHintOverrules) {
    alice_.says(query("/* pgring: primary */ select 1"));
    primary().hears({"Query /* pgring: primary */ select 1"});
}

TEST_F(Routing, SessionsNamedReadonlyStayOnTheStandbyWithTheirWrites) {
    Client& reader =
        stage_.logged_in_as({{"user", "app"}, {"database", "db"}, {"application_name", "readonly"}});
    EXPECT_EQ(reader.parameter("in_hot_standby"), "on");
    reader.says(query("insert into t values (1)"));
    standby().hears({"Query SELECT pg_catalog.set_config(E'application_name', E'readonly', false)"});
    standby().says(complete("SELECT 1") + parameter_status("application_name", "readonly") + ready());
    standby().hears({"Query insert into t values (1)"});
    standby().says(error("25006") + ready());
    reader.hears({"ErrorResponse ERROR 25006", "ReadyForQuery I"});
}

TEST_F(Routing, WithoutAStandbySessionsNamedReadonlyWaitAndAreTold) {
    Client& reader =
        stage_.logged_in_as({{"user", "app"}, {"database", "db"}, {"application_name", "readonly"}});
    stage_.publish(kPrimary, {kStandby});
    reader.says(query("select 1"));
    primary().hears_nothing();
    stage_.passes(std::chrono::seconds(121));
    reader.hears({"ErrorResponse ERROR 57P03", "ReadyForQuery I"});
}

TEST_F(Routing, WithoutAStandbyReadsGoToThePrimary) {
    stage_.publish(kPrimary, {kStandby});
    EXPECT_TRUE(standby().closed());
    alice_.says(query("select 1"));
    primary().hears({"Query select 1"});
}

TEST_F(Routing, WhereAStatementRunsIsNotToldByInHotStandby) {
    EXPECT_EQ(alice_.parameter("in_hot_standby"), "off");
    alice_.says(query("select 1"));
    standby().answers("1");
    alice_.hears({"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
}

TEST_F(Routing, WhatAServerIsIsToldWhereAnotherOneDiffers) {
    standby().says(parameter_status("server_version", "16.1"));
    alice_.says(query("select 1"));
    standby().answers("1");
    alice_.hears({"ParameterStatus server_version=16.1", "RowDescription", "DataRow 1",
                  "CommandComplete SELECT 1", "ReadyForQuery I"});
    alice_.says(query("select 1"));
    standby().answers("1");
    alice_.hears({"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
    alice_.says(query("insert into t values (1)"));
    alice_.hears({"ParameterStatus server_version=15.0"});
}

TEST_F(Routing, AWriteAfterACancelledReadDoesNotStayOnTheStandby) {
    alice_.says(query("select pg_sleep(9)"));
    standby().hears({"Query select pg_sleep(9)"});
    Client& canceler = stage_.client();
    canceler.says(cancel_request(alice_.process_id(), alice_.secret()));
    standby().says(error("57014") + ready());
    alice_.hears({"ErrorResponse ERROR 57014", "ReadyForQuery I"});
    // The connection of the cancel is still open; the standby's backend has to wait for it, the session not.
    alice_.says(query("insert into t values (1)"));
    standby().hears_nothing();
    primary().hears({"Query insert into t values (1)"});
}

TEST_F(Routing, AWriteDoesNotFollowAReadToTheStandbyBehindHalfANotice) {
    std::string const word = notice("a word of the server's own");
    alice_.says(query("select 1") + query("insert into t values (1)"));
    standby().hears({"Query select 1"});
    standby().says(complete("SELECT 0") + ready() + word.substr(0, 10));
    standby().hears_nothing();
    standby().says(word.substr(10));
    primary().hears({"Query insert into t values (1)"});
}

TEST_F(Routing, WithoutAPrimaryReadsGoOnAndWritesWaitForTheNextOne) {
    Client& bob = stage_.logged_in();
    stage_.publish(std::nullopt, {kPrimary});
    alice_.says(query("insert into t values (1)"));
    alice_.hears_nothing();
    bob.says(query("select 1"));
    standby().hears({"Query select 1"});
    standby().answers("1");
    bob.hears({"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
    stage_.publish(kStandby, {kPrimary});
    standby().hears({"Query insert into t values (1)"});
    standby().answers("1");
    alice_.hears({"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
}

TEST(Routes, NothingIsOpenedAtAServerThatIsDown) {
    Scene scene;
    scene.servers = 2;
    scene.settings.pgring.default_pool_size = 2;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Client& carol = stage.logged_in();
    stage.set_connects(kPrimary, Stage::Connects::Unanswered);
    alice.says(query("insert into t values (1)"));
    bob.says(query("insert into t values (2)"));
    carol.says(query("insert into t values (3)"));
    ASSERT_EQ(stage.backend_count(), 2U) << "one waits for its login, and there may be no third";
    stage.publish(std::nullopt, {kPrimary});
    EXPECT_EQ(stage.backend_count(), 2U);
}

TEST_F(Routing, AWriteThatWaitedForThePrimaryTooLongIsToldWhy) {
    stage_.publish(std::nullopt, {kPrimary});
    alice_.says(query("insert into t values (1)"));
    stage_.passes(std::chrono::seconds(121));
    alice_.hears({"ErrorResponse ERROR 57P03", "ReadyForQuery I"});
    stage_.publish(kStandby, {kPrimary});
    standby().hears_nothing();
}

TEST_F(Routing, LoginsGoOnWithoutAPrimary) {
    stage_.publish(std::nullopt, {kPrimary});
    static_cast<void>(stage_.logged_in_as({{"user", "other"}, {"database", "db"}}));
}

TEST(SessionPooling, ALoginWithoutAPrimaryWaitsForTheServerWhereTheSessionWillStay) {
    Scene scene;
    scene.servers = 2;
    scene.settings.pgring.pool_mode = config::PoolMode::Session;
    Stage stage(scene);
    stage.publish(std::nullopt, {0});
    Client& alice = stage.client();
    alice.says(startup({{"user", "app"}, {"database", "db"}}));
    EXPECT_EQ(stage.backend_count(), 0U) << "a standby would refuse its writes for as long as it stays";
    stage.publish(1, {0});
    EXPECT_EQ(stage.backend(0).server(), 1U);
    EXPECT_FALSE(alice.take().empty());
}

TEST_F(Routing, AWaitThatANewTopologyMovesElsewhereStillEndsInTime) {
    alice_.says(query("begin") + query("insert into t values (1)"));
    stage_.set_connects(kPrimary, Stage::Connects::Unanswered);
    Client& bob = stage_.logged_in();
    bob.says(query("insert into t values (2)"));
    stage_.publish(std::nullopt, {kPrimary});
    stage_.passes(std::chrono::seconds(60));
    stage_.publish(std::nullopt, {kPrimary});
    stage_.passes(std::chrono::seconds(61));
    bob.hears({"ErrorResponse ERROR 57P03", "ReadyForQuery I"});
}

}  // namespace
}  // namespace pgring::conversation
