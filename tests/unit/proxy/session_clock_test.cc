#include "proxy/session_clock.h"

#include <gtest/gtest.h>

namespace pgring::proxy {
namespace {

using namespace std::chrono_literals;

constexpr config::SessionTimeouts kAll{
    .query = 10s, .idle_transaction = 20s, .transaction = 60s, .client_idle = 100s};

base::Instant at(base::Duration since_start) {
    return base::Instant(1h) + since_start;
}

void expect_due(const SessionClock& clock, base::Duration when, Timeout timeout) {
    SessionClock::Due const due = clock.due(kAll);
    EXPECT_EQ(due.at, at(when)) << (due.at - at(0s)) / 1ms << " ms";
    EXPECT_EQ(due.timeout, timeout);
}

TEST(SessionClock, EachActivityHasItsTimeout) {
    SessionClock clock;
    clock.observe(Activity::Idle, {}, at(0s));
    clock.client_spoke(at(1s));
    expect_due(clock, 101s, Timeout::ClientIdle);
    clock.observe(Activity::Querying, {}, at(2s));
    expect_due(clock, 12s, Timeout::Query);
    clock.observe(Activity::IdleInTransaction, {.exchanges = 1}, at(5s));
    expect_due(clock, 25s, Timeout::IdleTransaction);
    clock.observe(Activity::Idle, {.exchanges = 2, .transactions = 1}, at(7s));
    expect_due(clock, 107s, Timeout::ClientIdle);
}

TEST(SessionClock, ATransactionLastsOverItsStatements) {
    SessionClock clock;
    for (std::uint32_t i = 0; i < 11; ++i) {
        clock.observe(Activity::Querying, {.exchanges = i}, at(5s * i));
        clock.observe(Activity::IdleInTransaction, {.exchanges = i + 1}, at(5s * i + 4s));
    }
    expect_due(clock, 60s, Timeout::Transaction);
}

TEST(SessionClock, WhileAQueryRunsTheClientsBytesChangeNothing) {
    SessionClock clock;
    clock.observe(Activity::Querying, {}, at(0s));
    clock.client_spoke(at(5s));
    clock.observe(Activity::Querying, {}, at(5s));
    expect_due(clock, 10s, Timeout::Query);
}

TEST(SessionClock, AnAnsweredQueryOfAPipelineStartsTheNext) {
    SessionClock clock;
    clock.observe(Activity::Querying, {}, at(0s));
    clock.observe(Activity::Querying, {.exchanges = 1}, at(5s));
    expect_due(clock, 15s, Timeout::Query);
    constexpr config::SessionTimeouts kTransactionOnly{.transaction = 60s};
    EXPECT_EQ(clock.due(kTransactionOnly).at, at(60s)) << "within one transaction";
    clock.observe(Activity::Querying, {.exchanges = 2, .transactions = 1}, at(8s));
    EXPECT_EQ(clock.due(kTransactionOnly).at, at(68s));
}

TEST(SessionClock, AClientThatAsksWithItsFirstPacketIsQueryingFromThenOn) {
    SessionClock clock;
    EXPECT_EQ(clock.due(kAll).at, base::kNever);
    clock.observe(Activity::Querying, {}, at(3s));
    expect_due(clock, 13s, Timeout::Query);
}

TEST(SessionClock, WithoutLimitsNothingIsDue) {
    SessionClock clock;
    clock.observe(Activity::Querying, {}, at(0s));
    EXPECT_EQ(clock.due({}).at, base::kNever);
    clock.observe(Activity::IdleInTransaction, {}, at(0s));
    EXPECT_EQ(clock.due({}).at, base::kNever);
}

}  // namespace
}  // namespace pgring::proxy
