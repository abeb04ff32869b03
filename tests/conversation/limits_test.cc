/// Limits, shutdown, and flow control: a client costs what it may cost and no more.

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMegabyte = 1 << 20U;

Scene small(std::uint32_t pool_size = 1, std::size_t workers = 1) {
    Scene scene;
    scene.workers = workers;
    scene.settings.pgring.default_pool_size = pool_size;
    return scene;
}

TEST(Limits, WhoWaitsTooLongIsToldThatNothingWasExecuted) {
    Scene scene = small();
    scene.settings.pgring.query_wait_timeout = 5s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    alice.says(query("select 1"));
    bob.says(query("select 2"));
    stage.passes(4900ms);
    bob.hears_nothing();
    stage.passes(200ms);
    bob.hears({"ErrorResponse ERROR 53300", "ReadyForQuery I"});
    stage.backend(0).hears({"Query select 1"});
    stage.backend(0).answers("1");
    stage.backend(0).hears_nothing();
    bob.says(query("select 3"));
    stage.backend(0).hears({"Query select 3"});
}

TEST(Limits, ABatchThatWaitsTooLongIsSkippedToItsSync) {
    Scene scene = small();
    scene.settings.pgring.query_wait_timeout = 5s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    alice.says(query("select 1"));
    bob.says(parse("", "select 2") + bind("") + execute() + sync() + query("select 3"));
    stage.passes(5100ms);
    bob.hears({"ErrorResponse ERROR 53300", "ReadyForQuery I"});
    static_cast<void>(stage.backend(0).take());
    stage.backend(0).answers("1");
    stage.backend(0).hears({"Query select 3"});
}

TEST(Limits, ATransactionThatCouldNotBeginIsFailed) {
    Scene scene = small();
    scene.settings.pgring.query_wait_timeout = 5s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    alice.says(query("select 1"));
    bob.says(query("begin"));
    bob.says(query("insert into t values (1)"));
    stage.passes(5100ms);
    bob.hears({"CommandComplete BEGIN", "ReadyForQuery T", "ErrorResponse ERROR 53300", "ReadyForQuery E"});
}

TEST(Limits, TooManyWaitersAreRefusedAtOnce) {
    Scene scene = small();
    scene.settings.pgring.waiting_clients_max = 1;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Client& carol = stage.logged_in();
    alice.says(query("select 1"));
    bob.says(query("select 2"));
    carol.says(query("select 3"));
    carol.hears({"ErrorResponse ERROR 53300", "ReadyForQuery I"});
    bob.hears_nothing();
}

/// However close the two are, the backend goes to one of those who wait, and nobody is told two things.
TEST(Limits, ABackendThatComesFreeAsItsWaiterGivesUpIsNotLost) {
    int served_in_time = 0;
    for (int at = 4985; at <= 5015; ++at) {
        Scene scene = small();
        scene.settings.pgring.query_wait_timeout = 5s;
        Stage stage(scene);
        Client& alice = stage.logged_in();
        Client& bob = stage.logged_in();
        Client& carol = stage.logged_in();
        Backend& backend = stage.backend(0);
        alice.says(query("select 1"));
        bob.says(query("select 2"));
        stage.passes(1s);
        carol.says(query("select 3"));
        static_cast<void>(backend.take());
        stage.passes(std::chrono::milliseconds(at) - 1s);
        backend.answers("1");
        std::vector<Message> const asked = backend.take();
        ASSERT_EQ(asked.size(), 1U) << at;
        bool const in_time = frontend_text(asked[0]) == "Query select 2";
        if (in_time) {
            ++served_in_time;
            stage.passes(100ms);
            bob.hears_nothing();
            backend.answers("2");
            bob.hears({"RowDescription", "DataRow 2", "CommandComplete SELECT 1", "ReadyForQuery I"});
            backend.hears({"Query select 3"});
        } else {
            bob.hears({"ErrorResponse ERROR 53300", "ReadyForQuery I"});
            EXPECT_EQ(frontend_text(asked[0]), "Query select 3");
        }
    }
    EXPECT_GT(served_in_time, 0);
    EXPECT_LT(served_in_time, 31);
}

TEST(Limits, ZeroIsNever) {
    Scene scene = small();
    scene.settings.pgring.server_idle_timeout = 0s;
    scene.settings.pgring.server_lifetime = 0s;
    scene.settings.pgring.client_idle_timeout = 0s;
    scene.settings.pgring.client_login_timeout = 0s;
    scene.settings.pgring.query_wait_timeout = 0s;
    scene.settings.pgring.query_timeout = 0s;
    scene.settings.pgring.idle_transaction_timeout = 0s;
    scene.settings.pgring.transaction_timeout = 0s;
    Stage stage(scene);
    Client& unfinished = stage.client();
    unfinished.says(startup({{"user", "app"}, {"database", "db"}}).substr(0, 9));
    static_cast<void>(stage.logged_in());
    stage.passes(std::chrono::hours(24 * 30));
    EXPECT_FALSE(stage.backend(0).closed()) << "idle, and old";
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    alice.says(query("begin") + query("insert into t values (1)"));
    bob.says(query("select 1"));
    stage.passes(std::chrono::hours(24 * 30));
    stage.backend(0).says(complete("BEGIN") + ready('T') + complete("INSERT 0 1") + ready('T'));
    stage.passes(std::chrono::hours(24 * 30));
    EXPECT_FALSE(alice.closed());
    bob.hears_nothing();
    EXPECT_FALSE(unfinished.closed());
}

TEST(Limits, TooManyClientsAreToldSo) {
    Scene scene = small();
    scene.settings.pgring.max_client_conn = 2;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    static_cast<void>(stage.logged_in());
    Client& third = stage.client();
    third.says(startup({{"user", "app"}, {"database", "db"}}));
    third.hears({"ErrorResponse FATAL 53300"});
    EXPECT_TRUE(third.closed());
    alice.says(terminate());
    static_cast<void>(stage.logged_in());
}

TEST(Limits, ThePoolSizeIsOneNumberOverAllWorkers) {
    Stage stage(small(2, 2));
    Client& alice = stage.logged_in(0);
    Client& carol = stage.logged_in(0);
    alice.says(query("select 1"));
    carol.says(query("select 2"));
    ASSERT_EQ(stage.backend_count(), 2U);
    Client& bob = stage.client(1);
    bob.says(startup({{"user", "app"}, {"database", "db"}}));
    stage.passes(1s);
    EXPECT_EQ(stage.backend_count(), 2U);
    stage.backend(0).answers("1");
    EXPECT_EQ(stage.backend_count(), 2U);
    EXPECT_EQ(backend_text(bob.take().back()), "ReadyForQuery I");
}

TEST(Limits, AnIdleBackendIsClosedInTime) {
    Scene scene = small();
    scene.settings.pgring.server_idle_timeout = 10s;
    Stage stage(scene);
    static_cast<void>(stage.logged_in());
    stage.passes(9s);
    EXPECT_FALSE(stage.backend(0).closed());
    stage.passes(1100ms);
    EXPECT_TRUE(stage.backend(0).closed());
}

TEST(Limits, AnOldBackendIsClosedBetweenTransactionsOnly) {
    Scene scene = small();
    scene.settings.pgring.server_lifetime = 10s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    alice.says(query("insert into t values (1)"));
    stage.backend(0).answers("1", 'T');
    stage.passes(11s);
    EXPECT_FALSE(stage.backend(0).closed());
    alice.says(query("commit"));
    stage.backend(0).says(complete("COMMIT") + ready());
    EXPECT_TRUE(stage.backend(0).closed());
    EXPECT_FALSE(alice.closed());
}

TEST(Limits, AServerThatDoesNotAnswerIsTriedAgain) {
    Scene scene = small();
    scene.settings.pgring.server_connect_timeout = 2s;
    scene.settings.pgring.server_login_retry = 1s;
    Stage stage(scene);
    stage.set_connects(0, Stage::Connects::Unanswered);
    Client& alice = stage.client();
    alice.says(startup({{"user", "app"}, {"database", "db"}}));
    EXPECT_EQ(stage.backend_count(), 1U);
    stage.passes(2100ms);
    EXPECT_TRUE(stage.backend(0).closed());
    EXPECT_EQ(stage.backend_count(), 1U);
    stage.set_connects(0, Stage::Connects::Accepted);
    stage.passes(1100ms);
    EXPECT_EQ(stage.backend_count(), 2U);
    EXPECT_EQ(backend_text(alice.take().back()), "ReadyForQuery I");
}

TEST(Limits, ARefusedConnectionRaisesSuspicion) {
    Stage stage(small());
    stage.set_connects(0, Stage::Connects::Refused);
    Client& alice = stage.client();
    alice.says(startup({{"user", "app"}, {"database", "db"}}));
    EXPECT_EQ(stage.take_suspected(), std::vector<std::size_t>{0});
    EXPECT_EQ(stage.backend_count(), 1U) << "the next attempt waits for server_login_retry";
}

TEST(Limits, AHostileLengthEndsTheClientOnly) {
    for (std::uint32_t const length : {0U, 3U, 0x3fffffffU, 0x7fffffffU, 0x80000000U, 0xffffffffU}) {
        Stage stage(small());
        Client& alice = stage.logged_in();
        alice.says("Q" + number(length) + "xxxx");
        alice.hears({"ErrorResponse FATAL 08P01"});
        EXPECT_TRUE(alice.closed());
        EXPECT_FALSE(stage.backend(0).closed());
    }
}

TEST(Limits, AnUnknownMessageTypeEndsTheClientOnly) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    alice.says(message('m', "surprise"));
    alice.hears({"ErrorResponse FATAL 08P01"});
    EXPECT_TRUE(alice.closed());
}

TEST(Limits, AQueryWithoutItsZeroByteEndsTheClientOnly) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    alice.says(message('Q', "select 1"));
    alice.hears({"ErrorResponse FATAL 08P01"});
    EXPECT_TRUE(alice.closed());
    stage.backend(0).hears_nothing();
}

TEST(Limits, HostileBodiesEndTheClientOnly) {
    for (const std::string& hostile : {message('B', "no end"), message('B', zero_ended("portal") + "no end"),
                                       message('D', ""), message('D', "S"), message('C', ""),
                                       message('P', "no end"), message('P', zero_ended("s") + "no end")}) {
        Stage stage(small());
        Client& alice = stage.logged_in();
        alice.says(hostile);
        alice.hears({"ErrorResponse FATAL 08P01"});
        EXPECT_TRUE(alice.closed());
        Client& bob = stage.logged_in();
        EXPECT_FALSE(bob.closed());
    }
}

// -- Shutdown
// -----------------------------------------------------------------------------------------------------------

TEST(Shutdown, NowEndsEverySession) {
    Stage stage(small(2));
    Client& idle = stage.logged_in();
    Client& busy = stage.logged_in();
    busy.says(query("select pg_sleep(9)"));
    stage.worker().shut_down(proxy::Worker::Shutdown::Now, stage.now());
    stage.settle();
    idle.hears({"ErrorResponse FATAL 57P01"});
    busy.hears({"ErrorResponse FATAL 57P01"});
    EXPECT_TRUE(stage.worker().finished());
}

TEST(Shutdown, AClientThatDoesNotReadItsFarewellIsNotWaitedForLong) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    alice.stops_reading();
    stage.worker().shut_down(proxy::Worker::Shutdown::Now, stage.now());
    stage.settle();
    EXPECT_FALSE(stage.worker().finished());
    stage.passes(6s);
    EXPECT_TRUE(stage.worker().finished());
}

TEST(Shutdown, DrainingLetsClientsFinishAndRefusesNewOnes) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    stage.worker().shut_down(proxy::Worker::Shutdown::Drain, stage.now());
    Client& late = stage.client();
    late.says(startup({{"user", "app"}, {"database", "db"}}));
    late.hears({"ErrorResponse FATAL 57P01"});
    alice.says(query("select 1"));
    stage.backend(0).answers("1");
    alice.hears({"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
    EXPECT_FALSE(stage.worker().finished());
    alice.says(terminate());
    EXPECT_TRUE(stage.worker().finished());
}

// -- Flow
// ---------------------------------------------------------------------------------------------------------------

TEST(Flow, AClientThatDoesNotReadPausesItsBackendAndCostsABoundedAmount) {
    Stage stage(small(2));
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("copy t to stdout"));
    alice.stops_reading();
    std::string const piece = copy_data(std::string(50'000, 'x'));
    for (int i = 0; i < 100; ++i) {
        backend.says(piece);
    }
    EXPECT_TRUE(backend.paused());
    EXPECT_GT(backend.unreceived_bytes(), 4 * kMegabyte);
    bob.says(query("select 1"));
    stage.backend(1).answers("1");
    bob.hears({"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
    alice.reads_again();
    EXPECT_FALSE(backend.paused());
    EXPECT_EQ(backend.unreceived_bytes(), 0U);
    backend.says(copy_done() + complete("COPY 100") + ready());
    EXPECT_EQ(alice.take().size(), 103U);
}

TEST(Flow, AServerThatDoesNotReadPausesItsClientAndCostsABoundedAmount) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("copy t from stdin"));
    backend.says(copy_in_response());
    backend.stops_reading();
    std::string const piece = copy_data(std::string(50'000, 'x'));
    for (int i = 0; i < 100; ++i) {
        alice.says(piece);
    }
    EXPECT_TRUE(alice.paused());
    EXPECT_GT(alice.unreceived_bytes(), 4 * kMegabyte);
    backend.reads_again();
    EXPECT_FALSE(alice.paused());
    EXPECT_EQ(alice.unreceived_bytes(), 0U);
    EXPECT_EQ(backend.take().size(), 101U);
}

TEST(Flow, ManyPipelinedQueriesWithFullQueuesOnBothSidesGoThrough) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    backend.stops_reading();
    alice.stops_reading();
    std::string const text = query("select '" + std::string(10'000, 'x') + "'");
    for (int i = 0; i < 100; ++i) {
        alice.says(text);
    }
    EXPECT_TRUE(alice.paused());
    backend.reads_again();
    EXPECT_EQ(backend.take().size(), 100U);
    std::string const answer = row(std::string(10'000, 'y')) + complete("SELECT 1") + ready();
    for (int i = 0; i < 100; ++i) {
        backend.says(answer);
    }
    EXPECT_TRUE(backend.paused());
    alice.reads_again();
    EXPECT_EQ(alice.take().size(), 300U);
}

/// A buffer that a message fills to its last byte has nothing left to wait for.
TEST(Flow, MessagesThatJustFillABufferPassWhole) {
    Scene scene = small();
    // So that nothing of pgring's own comes between them.
    scene.settings.pgring.pool_mode = config::PoolMode::Session;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    constexpr std::size_t kQueryFrameBytes = 6;
    constexpr std::size_t kRowFrameBytes = 11;
    for (std::size_t const buffer_bytes :
         {std::size_t{buffer::kSmallBytes}, std::size_t{4'096}, std::size_t{8'192},
          std::size_t{buffer::kLargeBytes}, std::size_t{2 * buffer::kLargeBytes}}) {
        for (std::size_t const size_bytes : {buffer_bytes - 1, buffer_bytes, buffer_bytes + 1}) {
            alice.says(query(std::string(size_bytes - kQueryFrameBytes, 'x')));
            EXPECT_EQ(backend.heard_bytes(), size_bytes);
            EXPECT_EQ(backend.take().size(), 1U);
            backend.says(row(std::string(size_bytes - kRowFrameBytes, 'y')));
            EXPECT_EQ(alice.heard_bytes(), size_bytes);
            backend.says(complete("SELECT 1") + ready());
            EXPECT_EQ(alice.take().size(), 3U);
        }
    }
}

TEST(Flow, AServerThatDoesNotReadWhileItAnswersIsHeardAllTheSame) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    std::string const text = query("select '" + std::string(10'000, 'x') + "'");
    std::string const answer = row(std::string(10'000, 'y')) + complete("SELECT 1") + ready();
    for (int i = 0; i < 10; ++i) {
        alice.says(text);
    }
    EXPECT_EQ(backend.take().size(), 10U);
    backend.stops_reading();
    for (int i = 0; i < 500; ++i) {
        alice.says(text);
    }
    EXPECT_TRUE(alice.paused());
    for (int i = 0; i < 10; ++i) {
        backend.says(answer);
        EXPECT_EQ(alice.take().size(), 3U) << "both would wait for each other";
    }
    backend.reads_again();
    EXPECT_FALSE(alice.paused());
    EXPECT_EQ(backend.take().size(), 500U);
}

TEST(Flow, ALargeMessageLeavesNoBuffersBehind) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    const buffer::BufferPool& buffers = stage.worker().buffers();
    std::uint32_t const small_before = buffers.small_in_use_count();
    alice.says(query("select '" + std::string(4 * kMegabyte, 'x') + "'"));
    backend.says(row(std::string(4 * kMegabyte, 'y')) + complete("SELECT 1") + ready());
    EXPECT_EQ(alice.take().size(), 3U);
    EXPECT_EQ(buffers.large_free_count(), buffers.large_count());
    EXPECT_EQ(buffers.small_in_use_count(), small_before);
}

TEST(Flow, ALargeRowStreamsThrough) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("select large"));
    std::string const large = row(std::string(8 * kMegabyte, 'x'));
    backend.says_in_pieces(large.substr(0, 4 * kMegabyte), 65'536);
    EXPECT_GE(alice.heard_bytes(), 4 * kMegabyte);
    backend.says(large.substr(4 * kMegabyte) + complete("SELECT 1") + ready());
    EXPECT_EQ(alice.take().size(), 3U);
}

TEST(Flow, AClientGoneAmidALargeRowLeavesNothing) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("select large"));
    alice.stops_reading();
    backend.says(row(std::string(8 * kMegabyte, 'x')).substr(0, 4 * kMegabyte));
    alice.hangs_up();
    EXPECT_TRUE(backend.closed());
    bob.says(query("select 1"));
    stage.backend(1).hears({"Query select 1"});
}

TEST(Flow, AWaitingClientThatKeepsSendingIsPaused) {
    Stage stage(small());
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    alice.says(query("select pg_sleep(9)"));
    std::string const text = query("select '" + std::string(10'000, 'x') + "'");
    for (int i = 0; i < 100; ++i) {
        bob.says(text);
    }
    EXPECT_TRUE(bob.paused());
    EXPECT_GT(bob.unreceived_bytes(), 500'000U);
    static_cast<void>(stage.backend(0).take());
    stage.backend(0).answers("1");
    EXPECT_EQ(stage.backend(0).take().size(), 100U);
}

/// Else those who wait could hold all of them, and whoever they wait for could not end its transaction.
TEST(Flow, WhoWaitsHoldsNoReceiveBuffers) {
    Scene scene = small();
    scene.settings.pgring.receive_buffers = 8;
    scene.settings.pgring.query_wait_timeout = 0s;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    std::vector<Client*> others;
    for (int i = 0; i < 30; ++i) {
        others.push_back(&stage.logged_in());
    }
    alice.says(query("insert into t values (1)"));
    stage.backend(0).answers("1", 'T');
    std::string const text = query("insert into t values ('" + std::string(200'000, 'x') + "')");
    for (Client* other : others) {
        other->says(text);
        EXPECT_TRUE(other->paused());
    }
    static_cast<void>(stage.backend(0).take());
    alice.says(query("commit"));
    stage.backend(0).hears({"Query commit"});
    stage.backend(0).answers("1");
    EXPECT_EQ(stage.backend(0).take().size(), 1U) << "the first of the others, whole";
}

}  // namespace
}  // namespace pgring::conversation
