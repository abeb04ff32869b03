/// One pool over several workers, and fewer backends than workers: they take turns, and nobody waits for
/// ever.

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

using namespace std::chrono_literals;

const Lines kAnswer{"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"};

Scene scene_of(std::uint32_t pool_size, std::size_t workers) {
    Scene scene;
    scene.workers = workers;
    scene.settings.pgring.default_pool_size = pool_size;
    return scene;
}

TEST(SharedPool, AWorkerWithItsTurnKeepsTheBackendBetweenTwoStatements) {
    Stage stage(scene_of(1, 2));
    Client& alice = stage.logged_in(0);
    stage.passes(100ms);
    Client& bob = stage.logged_in(1);
    stage.passes(100ms);
    alice.says(query("select 1"));
    ASSERT_EQ(stage.backend_count(), 3U) << "one for each login, and one back";
    Backend& backend = stage.backend(2);
    bob.says(query("select 2"));
    for (int i = 0; i < 3; ++i) {
        backend.answers("1");
        alice.hears(kAnswer);
        stage.passes(1ms);
        alice.says(query("select 1"));
    }
    EXPECT_EQ(stage.backend_count(), 3U);
    stage.passes(pool::kTurn);
    EXPECT_EQ(stage.backend_count(), 3U);
    backend.answers("1");
    ASSERT_EQ(stage.backend_count(), 4U) << "its turn is over";
    stage.backend(3).hears({"Query select 2"});
    EXPECT_TRUE(backend.closed());
}

TEST(SharedPool, ATurnEndsWhenNobodyUsesIt) {
    Stage stage(scene_of(1, 2));
    Client& alice = stage.logged_in(0);
    stage.passes(100ms);
    Client& bob = stage.logged_in(1);
    stage.passes(100ms);
    alice.says(query("select 1"));
    bob.says(query("select 2"));
    stage.backend(2).answers("1");
    EXPECT_FALSE(stage.backend(2).closed());
    stage.passes(20ms);
    EXPECT_TRUE(stage.backend(2).closed());
    stage.backend(3).hears({"Query select 2"});
}

/// Both pools of a worker ask for tokens; the one that goes on waiting asks again.
TEST(SharedPool, WhoWaitsAsksAgainThoughAnotherPoolAsked) {
    Stage stage(scene_of(1, 2));
    Parameters const other{{"user", "app"}, {"database", "other"}};
    Client& alice = stage.logged_in(0);
    Client& bob = stage.logged_in_as(other, 0);
    stage.passes(100ms);
    Client& carol = stage.logged_in(1);
    Client& dave = stage.logged_in_as(other, 1);
    stage.passes(100ms);
    alice.says(query("select pg_sleep(60)"));
    bob.says(query("select pg_sleep(60)"));
    stage.passes(100ms);
    std::size_t const count = stage.backend_count();
    carol.says(query("select 3"));
    stage.passes(30ms);
    dave.says(query("select 4"));
    carol.hangs_up();
    // Between two events Worker::check_invariants() looks whether somebody still asks for dave.
    stage.passes(1s);
    EXPECT_EQ(stage.backend_count(), count);
    bob.hangs_up();
    ASSERT_EQ(stage.backend_count(), count + 1);
    stage.backend(count).hears({"Query select 4"});
}

TEST(SharedPool, WhoWaitedWhileOneWasOpenedGetsAnIdleOneOfAnotherWorker) {
    Scene scene = scene_of(2, 2);
    Stage stage(scene);
    static_cast<void>(stage.logged_in(0));
    Client& bob = stage.logged_in(1);
    ASSERT_EQ(stage.open_backend_count(), 2U) << "one each, both idle";
    Client& carol = stage.logged_in(1);
    stage.passes(200ms);
    stage.backend(1).hangs_up();
    stage.set_connects(0, Stage::Connects::Unanswered);
    bob.says(query("select pg_sleep(60)"));
    carol.says(query("select 3"));
    ASSERT_EQ(stage.backend_count(), 3U);
    stage.set_connects(0, Stage::Connects::Accepted);
    stage.backend(2).is_accepted();
    stage.backend(2).hears({"Query select pg_sleep(60)"});
    ASSERT_EQ(stage.backend_count(), 4U);
    stage.backend(3).hears({"Query select 3"});
    EXPECT_TRUE(stage.backend(0).closed());
}

}  // namespace
}  // namespace pgring::conversation
