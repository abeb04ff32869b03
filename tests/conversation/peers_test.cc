/// Cancel requests that a load balancer led to the wrong pgring.

#include <gtest/gtest.h>

#include "conversation/messages.h"
#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

using namespace std::chrono_literals;

Scene with_peers(std::uint16_t count) {
    Scene scene;
    scene.settings.pgring.peer_id = 1;
    for (std::uint16_t id = 1; id <= count + 1; ++id) {
        scene.settings.peers.push_back({.id = id, .host = "192.0.2.2"});
    }
    return scene;
}

TEST(Peers, AreAskedToCancelWhatNobodyHereKnows) {
    Stage here(with_peers(1));
    Stage there(with_peers(1));
    Client& alice = there.logged_in();
    alice.says(query("select pg_sleep(60)"));
    there.backend(0).hears({"Query select pg_sleep(60)"});
    there.passes(20ms);

    Client& canceler = here.client();
    canceler.says(cancel_request(alice.process_id(), alice.secret()));
    Backend& peer = here.backend(0);
    EXPECT_EQ(peer.server(), 1U);
    EXPECT_FALSE(canceler.closed());

    Client& passed_on = there.client();
    passed_on.says(peer.packet());
    EXPECT_EQ(there.backend(1).cancels_process(), there.backend(0).process_id());
    there.backend(1).hangs_up();
    EXPECT_TRUE(passed_on.closed());
    peer.hangs_up();
    EXPECT_TRUE(canceler.closed());
    canceler.hears_nothing();
    there.backend(0).says(error("57014", "canceled") + ready());
    static_cast<void>(alice.take());
}

TEST(Peers, AreNotAskedForSessionsOfThisPgring) {
    Stage stage(with_peers(2));
    Client& alice = stage.logged_in();
    stage.client().says(cancel_request(alice.process_id(), alice.secret()));
    EXPECT_EQ(stage.backend_count(), 1U);
}

TEST(Peers, AreNotAskedWhatAPeerAsks) {
    Stage stage(with_peers(2));
    Client& peer = stage.client();
    peer.says(peer_cancel_request(1234, "abcd"));
    EXPECT_TRUE(peer.closed());
    EXPECT_EQ(stage.backend_count(), 0U);
}

TEST(Peers, AreAllWaitedForWhetherTheyAnswerOrNot) {
    Scene scene = with_peers(3);
    scene.settings.pgring.cancel_wait_timeout = 3s;
    scene.workers = 2;
    Stage stage(scene);
    stage.set_connects(2, Stage::Connects::Refused);
    stage.set_connects(3, Stage::Connects::Unanswered);
    // A key that could be of a session of the other worker, and one that could be anybody's.
    for (std::uint32_t const process_id : {(1U << 30U) | (1U << 22U) | 5U, 4321U}) {
        std::size_t const before = stage.backend_count();
        Client& canceler = stage.client();
        canceler.says(cancel_request(process_id, "abcd"));
        ASSERT_EQ(stage.backend_count(), before + 3);
        EXPECT_EQ(stage.backend(before).packet(), peer_cancel_request(process_id, "abcd"));
        stage.backend(before).hangs_up();
        EXPECT_FALSE(canceler.closed());
        stage.passes(4s);
        EXPECT_TRUE(canceler.closed());
        canceler.hears_nothing();
    }
}

TEST(Peers, AFloodOfUnknownKeysCostsABoundedNumberOfConnections) {
    Stage stage(with_peers(2));
    stage.set_connects(1, Stage::Connects::Unanswered);
    stage.set_connects(2, Stage::Connects::Unanswered);
    for (std::uint32_t i = 0; i < 300; ++i) {
        stage.client().says(cancel_request(1000 + i, "abcd"));
    }
    EXPECT_EQ(stage.open_backend_count(), 256U);
}

TEST(Peers, ACancelOfAPeerNeedsTheSecretAsAnyOther) {
    Stage stage(with_peers(1));
    Client& alice = stage.logged_in();
    alice.says(query("select pg_sleep(60)"));
    stage.backend(0).hears({"Query select pg_sleep(60)"});
    stage.passes(20ms);
    Client& peer = stage.client();
    peer.says(peer_cancel_request(alice.process_id(), "abcd"));
    EXPECT_TRUE(peer.closed());
    EXPECT_EQ(stage.backend_count(), 1U);
    stage.backend(0).answers("1");
    static_cast<void>(alice.take());
}

}  // namespace
}  // namespace pgring::conversation
