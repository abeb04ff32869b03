/// One pool over several workers, also where there are fewer backends than workers: who has waited longest is
/// next, and nobody waits for ever.

#include <string>
#include <vector>

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

TEST(SharedPool, AnIdleBackendGoesToWhoWaitsAtAnotherWorker) {
    Stage stage(scene_of(1, 2));
    Client& alice = stage.logged_in(0);
    Client& bob = stage.logged_in(1);
    Backend& backend = stage.backend(0);
    EXPECT_EQ(backend.worker(), 1U);
    alice.says(query("select 1"));
    EXPECT_EQ(backend.worker(), 0U);
    backend.hears({"Query select 1"});
    backend.answers("1");
    alice.hears(kAnswer);
    bob.says(query("select 2"));
    EXPECT_EQ(backend.worker(), 1U);
    backend.hears({"Query select 2"});
    EXPECT_EQ(stage.backend_count(), 1U) << "there was one login at the server";
    EXPECT_EQ(stage.worker(0).stats().servers[0].backends_open.value(), 0U);
    EXPECT_EQ(stage.worker(1).stats().servers[0].backends_open.value(), 1U);
    EXPECT_EQ(stage.worker(1).stats().servers[0].backends_borrowed.value(), 2U);
}

TEST(SharedPool, WhoHasWaitedLongestIsNextOnWhateverWorker) {
    Stage stage(scene_of(1, 3));
    Client& alice = stage.logged_in(0);
    Client& bob = stage.logged_in(1);
    Client& carol = stage.logged_in(2);
    Client& dave = stage.logged_in(0);
    Backend& backend = stage.backend(0);
    alice.says(query("select 1"));
    backend.hears({"Query select 1"});
    stage.passes(10ms);
    carol.says(query("select 2"));
    stage.passes(10ms);
    dave.says(query("select 3"));
    stage.passes(10ms);
    bob.says(query("select 4"));
    for (int i = 2; i <= 4; ++i) {
        backend.answers("1");
        backend.hears({"Query select " + std::to_string(i)});
    }
    EXPECT_EQ(stage.backend_count(), 1U);
}

TEST(SharedPool, ABackendThatIsWantedHereStaysUnlessItPays) {
    Stage stage(scene_of(1, 2));
    Client& alice = stage.logged_in(0);
    Client& bob = stage.logged_in(1);
    Client& carol = stage.logged_in(0);
    Backend& backend = stage.backend(0);
    alice.says(query("select 1"));
    backend.hears({"Query select 1"});
    bob.says(query("select 2"));
    stage.passes(pool::kWorthLending);
    carol.says(query("select 3"));
    backend.answers("1");
    EXPECT_EQ(backend.worker(), 0U) << "bob has not waited so much longer";
    backend.hears({"Query select 3"});
    backend.answers("1");
    EXPECT_EQ(backend.worker(), 1U);
    backend.hears({"Query select 2"});
}

TEST(SharedPool, ManyIdleBackendsGoToManyWhoWait) {
    Stage stage(scene_of(4, 2));
    std::vector<Client*> here;
    std::vector<Client*> there;
    for (int i = 0; i < 4; ++i) {
        here.push_back(&stage.logged_in(0));
        there.push_back(&stage.logged_in(1));
    }
    for (Client* client : here) {
        client->says(query("select 1"));
    }
    ASSERT_EQ(stage.backend_count(), 4U);
    for (std::size_t i = 0; i < 4; ++i) {
        static_cast<void>(stage.backend(i).take());
        stage.backend(i).answers("1");
    }
    for (Client* client : there) {
        client->says(query("select 2"));
    }
    for (std::size_t i = 0; i < 4; ++i) {
        stage.backend(i).hears({"Query select 2"});
    }
    EXPECT_EQ(stage.backend_count(), 4U);
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

TEST(SharedPool, WhoWaitsWhileOneIsOpenedGetsAnIdleOneOfAnotherWorker) {
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
    EXPECT_EQ(stage.backend(0).worker(), 1U);
    stage.backend(0).hears({"Query select pg_sleep(60)"});
    stage.set_connects(0, Stage::Connects::Accepted);
    stage.backend(2).is_accepted();
    stage.backend(2).hears({"Query select 3"});
    EXPECT_EQ(stage.backend_count(), 3U);
}

}  // namespace
}  // namespace pgring::conversation
