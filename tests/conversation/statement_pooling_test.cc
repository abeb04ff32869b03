/// pool_mode = "statement": as transaction pooling, without transactions of several statements.

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

const Lines kAnswer{"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"};

Scene scene_of() {
    Scene scene;
    scene.settings.databases = {{.name = "*", .pool_mode = config::PoolMode::Statement}};
    return scene;
}

TEST(StatementPooling, ABackendServesTheNextClientAfterEachStatement) {
    Stage stage(scene_of());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    for (Client* client : {&alice, &bob, &alice}) {
        client->says(query("insert into t values (1)"));
        backend.hears({"Query insert into t values (1)"});
        backend.answers("1");
        client->hears(kAnswer);
    }
    EXPECT_EQ(stage.backend_count(), 1U);
}

TEST(StatementPooling, ABeginIsRefusedAndTheSessionGoesOn) {
    Stage stage(scene_of());
    Client& alice = stage.logged_in();
    alice.says(query("begin"));
    alice.hears({"ErrorResponse ERROR 0A000", "ReadyForQuery I"});
    EXPECT_EQ(error_field(alice.last_error(), 'M'),
              "transaction blocks are not allowed in statement pooling mode");
    alice.says(query("start transaction read only"));
    alice.hears({"ErrorResponse ERROR 0A000", "ReadyForQuery I"});
    stage.backend(0).hears_nothing();
    alice.says(query("select 1"));
    stage.backend(0).answers("1");
    alice.hears(kAnswer);
}

TEST(StatementPooling, ABeginOfTheExtendedProtocolIsRefused) {
    Stage stage(scene_of());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(parse("", "begin") + bind("") + execute() + sync());
    backend.hears({"Parse: begin", "Bind pgring_none", "Execute", "Sync"});
    backend.says(parse_complete() + error("26000") + ready());
    alice.hears({"ParseComplete", "ErrorResponse ERROR 0A000", "ReadyForQuery I"});
}

TEST(StatementPooling, ABlockThatBeginsAndEndsInOneQueryIsFine) {
    Stage stage(scene_of());
    Client& alice = stage.logged_in();
    alice.says(query("begin; insert into t values (1); commit"));
    stage.backend(0).hears({"Query begin; insert into t values (1); commit"});
    stage.backend(0).says(complete("BEGIN") + complete("INSERT 0 1") + complete("COMMIT") + ready());
    alice.hears(
        {"CommandComplete BEGIN", "CommandComplete INSERT 0 1", "CommandComplete COMMIT", "ReadyForQuery I"});
}

TEST(StatementPooling, ABlockThatAQueryLeavesOpenEndsTheSessionAndIsRolledBack) {
    Stage stage(scene_of());
    Client& alice = stage.logged_in();
    alice.says(query("begin; insert into t values (1)"));
    stage.backend(0).says(complete("BEGIN") + complete("INSERT 0 1") + ready('T'));
    alice.hears({"CommandComplete BEGIN", "CommandComplete INSERT 0 1", "ReadyForQuery T",
                 "ErrorResponse FATAL 0A000"});
    EXPECT_TRUE(alice.closed());
    stage.backend(0).hears({"Query begin; insert into t values (1)", "Query ROLLBACK"});
}

}  // namespace
}  // namespace pgring::conversation
