/// CREATE, DROP and ALTER DATABASE through a pool, whose idle backends are connected to databases too.

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

Parameters in_database(std::string database) {
    return {{"user", "app"}, {"database", std::move(database)}};
}

TEST(DatabaseCommands, FindNoIdleBackendInTheirWay) {
    for (const char* const text :
         {"drop database \"Shop\"", "create database copy template \"Shop\"",
          "alter database \"Shop\" rename to old", "alter database \"Shop\" set tablespace fast"}) {
        Stage stage;
        static_cast<void>(stage.logged_in_as(in_database("Shop")));
        Client& alice = stage.logged_in();
        alice.says(query(text));
        stage.backend(1).hears({std::string("Query ") + text});
        EXPECT_TRUE(stage.backend(0).closed()) << text;
    }
}

TEST(DatabaseCommands, OfAnotherWorkerFindNoneEither) {
    Scene scene;
    scene.workers = 2;
    Stage stage(scene);
    static_cast<void>(stage.logged_in_as(in_database("shop"), 0));
    Client& alice = stage.logged_in(1);
    alice.says(query("drop database shop"));
    EXPECT_TRUE(stage.backend(0).closed());
}

TEST(DatabaseCommands, InTheExtendedProtocolDoTheSame) {
    Stage stage;
    static_cast<void>(stage.logged_in_as(in_database("shop")));
    Client& alice = stage.logged_in();
    alice.says(parse("", "drop database shop") + bind("") + execute() + sync());
    EXPECT_TRUE(stage.backend(0).closed());
}

TEST(DatabaseCommands, InSessionPoolingDoTheSame) {
    Scene scene;
    scene.settings.pgring.pool_mode = config::PoolMode::Session;
    Stage stage(scene);
    Client& visitor = stage.logged_in_as(in_database("shop"));
    visitor.says(terminate());
    stage.backend(0).hears({"Query DISCARD ALL"});
    stage.backend(0).says(complete("DISCARD ALL") + ready());
    Client& alice = stage.logged_in();
    alice.says(query("drop database shop"));
    EXPECT_TRUE(stage.backend(0).closed());
}

TEST(DatabaseCommands, CloseABackendThatIsInUseWhenItIsGivenBack) {
    Stage stage;
    Client& bob = stage.logged_in_as(in_database("shop"));
    bob.says(query("select 1"));
    Client& alice = stage.logged_in();
    alice.says(query("drop database shop"));
    EXPECT_FALSE(stage.backend(0).closed());
    stage.backend(0).answers("1");
    EXPECT_TRUE(stage.backend(0).closed()) << "the server waits some seconds for it";
    EXPECT_EQ(bob.take().size(), 4U);
}

TEST(DatabaseCommands, LeaveOtherDatabasesAlone) {
    Stage stage;
    static_cast<void>(stage.logged_in_as(in_database("shop")));
    Client& alice = stage.logged_in();
    alice.says(query("drop database shops; alter database shop connection limit 5"));
    EXPECT_FALSE(stage.backend(0).closed());
}

}  // namespace
}  // namespace pgring::conversation
