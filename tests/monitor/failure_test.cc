#include "monitor/failure.h"

#include <vector>

#include <gtest/gtest.h>

#include "monitor/failure_log.h"
#include "monitor/resolution.h"

namespace pgring::monitor {
namespace {

using failover::ProbeFailure;

TEST(Failure, FindsTheSqlstateInALoginRefusedByTheServer) {
    EXPECT_EQ(
        find_sqlstate("connection to server at \"127.0.0.1\", port 6300 failed: FATAL:  57P03: the database "
                      "system is starting up\nLOCATION:  ProcessStartupPacket, postmaster.c:2402\n"),
        "57P03");
}

TEST(Failure, FindsTheLastSqlstateWhereLibpqTriedTwice) {
    EXPECT_EQ(
        find_sqlstate("failed: FATAL:  28000: no entry, SSL encryption\nfailed: FATAL:  28P01: password\n"),
        "28P01");
}

TEST(Failure, TakesNoWordForAnSqlstate) {
    EXPECT_EQ(find_sqlstate("connection to server failed: Connection refused"), "");
    EXPECT_EQ(find_sqlstate("FATAL:  sorry: too many clients"), "");
    EXPECT_EQ(find_sqlstate("FATAL:  57P03"), "");
    EXPECT_EQ(find_sqlstate(":  "), "");
    EXPECT_EQ(find_sqlstate(""), "");
}

TEST(Failure, EachSqlstateMeansWhatTheServerSays) {
    EXPECT_EQ(classify_sqlstate("57P03"), ProbeFailure::NotAccepting);
    EXPECT_EQ(classify_sqlstate("53300"), ProbeFailure::TooManyConnections);
    EXPECT_EQ(classify_sqlstate("57P01"), ProbeFailure::Disconnected);
    EXPECT_EQ(classify_sqlstate("57014"), ProbeFailure::TimedOut);
    EXPECT_EQ(classify_sqlstate("28P01"), ProbeFailure::AuthenticationFailed);
    EXPECT_EQ(classify_sqlstate("28000"), ProbeFailure::AuthenticationFailed);
    EXPECT_EQ(classify_sqlstate("3D000"), ProbeFailure::Failed);
    EXPECT_EQ(classify_sqlstate(""), ProbeFailure::Failed);
}

class CountingSink final : public base::LogSink {
  public:
    void write(base::LogLevel /*level*/, std::string_view event,
               std::span<const base::LogField> fields) override {
        EXPECT_EQ(event, "probe_failed");
        for (const base::LogField& field : fields) {
            if (field.key == "suppressed") {
                suppressed.push_back(std::get<std::uint64_t>(field.value));
            }
        }
    }

    /// The count of each line written.
    std::vector<std::uint64_t> suppressed;
};

TEST(FailureLog, TellsTheFirstAndThenOneEachTenSecondsWithTheCountOfTheOthers) {
    CountingSink sink;
    FailureLog log(1, sink);
    const topology::ServerIdentity server{.name = "pg-0"};
    const Failure refused{.kind = ProbeFailure::Refused, .text = "Connection refused"};
    for (int i = 0; i <= 200; ++i) {
        log.write({0}, server, refused, base::Instant(std::chrono::milliseconds(50) * i));
    }
    EXPECT_EQ(sink.suppressed, (std::vector<std::uint64_t>{0, 199}));
}

TEST(FailureLog, TellsEachKindAndEachServerByItself) {
    CountingSink sink;
    FailureLog log(2, sink);
    const topology::ServerIdentity server{.name = "pg-0"};
    log.write({0}, server, {.kind = ProbeFailure::Refused, .text = ""}, base::Instant{});
    log.write({0}, server, {.kind = ProbeFailure::TimedOut, .text = ""}, base::Instant{});
    log.write({1}, server, {.kind = ProbeFailure::TimedOut, .text = ""}, base::Instant{});
    EXPECT_EQ(sink.suppressed, (std::vector<std::uint64_t>{0, 0, 0}));
}

TEST(Resolution, KnowsAnAddressFromAName) {
    EXPECT_TRUE(is_numeric_address("127.0.0.1"));
    EXPECT_TRUE(is_numeric_address("::1"));
    EXPECT_FALSE(is_numeric_address("localhost"));
    EXPECT_FALSE(is_numeric_address("127.0.0.1.example"));
}

}  // namespace
}  // namespace pgring::monitor
