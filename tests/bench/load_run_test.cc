/// The load generator against the instant server, each in a thread of its own, over a unix socket.

#include "load_run.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "config/settings.h"
#include "instant_server.h"

namespace pgring::bench {
namespace {

using namespace std::chrono_literals;

class LoadRunTest : public testing::Test {
  protected:
    LoadRunTest() : stop_(::eventfd(0, EFD_CLOEXEC)) {
        char folder[] = "/tmp/pgring-bench-XXXXXX";
        settings_.unix_socket_dir = ::mkdtemp(folder);
        settings_.listen_port = 5432;
        listeners_ = *uring::listen_unix(settings_);
        thread_ =
            std::thread([this] { EXPECT_TRUE(InstantServer(listeners_, stop_.get()).run().has_value()); });
    }
    ~LoadRunTest() override {
        stop();
        std::filesystem::remove_all(settings_.unix_socket_dir);
    }

    void stop() {
        if (thread_.joinable()) {
            ::eventfd_write(stop_.get(), 1);
            thread_.join();
        }
    }

    LoadPlan plan(LoadMode mode, std::size_t client_count) const {
        LoadPlan plan;
        plan.address = {.host = settings_.unix_socket_dir, .port = settings_.listen_port};
        plan.user = plan.database = "a";
        plan.mode = mode;
        plan.client_count = client_count;
        plan.warmup = 10ms;
        plan.duration = 100ms;
        plan.copy_bytes = 64 * kCopyUnitBytes;
        return plan;
    }

    static std::expected<LoadResult, std::string> run(const LoadPlan& plan) {
        auto const server = uring::resolve(plan.address);
        return LoadRun(plan, *server).run();
    }

    config::PgringSettings settings_;
    std::vector<uring::Listener> listeners_;
    uring::Descriptor stop_;
    std::thread thread_;
};

TEST_F(LoadRunTest, EveryModeIsAnswered) {
    for (LoadMode const mode : {LoadMode::Simple, LoadMode::Extended, LoadMode::Prepared, LoadMode::Pipelined,
                                LoadMode::CopyOut, LoadMode::CopyIn, LoadMode::Connect}) {
        auto const result = run(plan(mode, 3));
        ASSERT_TRUE(result.has_value()) << static_cast<int>(mode) << ": " << result.error();
        EXPECT_GT(result->transaction_count, 0U) << static_cast<int>(mode);
        EXPECT_EQ(result->latency.count(), result->transaction_count) << static_cast<int>(mode);
        EXPECT_GE(result->seconds, 0.1);
    }
}

TEST_F(LoadRunTest, EndsAfterAsManyAsWereAskedFor) {
    for (LoadMode const mode : {LoadMode::Simple, LoadMode::CopyOut}) {
        LoadPlan counted = plan(mode, 2);
        counted.transaction_count = 7;
        auto const result = run(counted);
        ASSERT_TRUE(result.has_value()) << result.error();
        EXPECT_GE(result->transaction_count, 7U);
        EXPECT_LE(result->transaction_count, 8U);  // the other client's was under way
    }
}

TEST_F(LoadRunTest, OpenLoopAsksAtItsRate) {
    LoadPlan open = plan(LoadMode::Simple, 2);
    open.rate = 1000;
    auto const result = run(open);
    ASSERT_TRUE(result.has_value()) << result.error();
    EXPECT_NEAR(static_cast<double>(result->latency.count()), result->seconds * 1000, 2);
    EXPECT_EQ(result->unanswered_count, 0U);
}

TEST_F(LoadRunTest, OpenLoopCountsTheWaitingOfWhatCouldNotBeSent) {
    LoadPlan open = plan(LoadMode::CopyOut, 1);
    LoadPlan probe = open;
    probe.transaction_count = 3;
    auto const alone = run(probe);
    ASSERT_TRUE(alone.has_value()) << alone.error();
    // Twice as many as one client gets answered in the closed loop.
    open.rate = 2e9 / static_cast<double>(alone->latency.mean().count());
    auto const result = run(open);
    ASSERT_TRUE(result.has_value()) << result.error();
    // Nearly all wait for longer than one takes; without the waiting, the median would be as in the closed
    // loop.
    EXPECT_GT(result->latency.quantile(0.5), 3 * alone->latency.mean());
}

TEST_F(LoadRunTest, AServerThatLeavesFailsTheRun) {
    LoadPlan lasting = plan(LoadMode::Simple, 2);
    lasting.duration = 10s;
    std::thread stopper([this] {
        std::this_thread::sleep_for(100ms);
        ::eventfd_write(stop_.get(), 1);
    });
    auto const result = run(lasting);
    stopper.join();
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error(), "a client was lost: the connection was closed");
}

TEST_F(LoadRunTest, NobodyThereIsAnError) {
    stop();
    listeners_.clear();
    auto const result = run(plan(LoadMode::Simple, 1));
    ASSERT_FALSE(result.has_value());
    EXPECT_TRUE(result.error().starts_with("cannot connect")) << result.error();
}

}  // namespace
}  // namespace pgring::bench
