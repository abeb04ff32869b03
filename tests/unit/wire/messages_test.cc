#include "wire/messages.h"

#include <array>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace pgring::wire {
namespace {

std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

std::string exactly(std::string_view text) {
    return std::string(text);
}

class Writing : public ::testing::Test {
  protected:
    std::array<std::byte, 256> memory_{};
    MessageWriter writer_{memory_};
};

TEST_F(Writing, ReadyForQueryIsSixBytes) {
    write_ready_for_query(writer_, TransactionStatus::InFailedTransaction);
    EXPECT_EQ(text_of(writer_.written()), exactly(std::string_view("Z\0\0\0\x05"
                                                                   "E",
                                                                   6)));
}

TEST_F(Writing, MessagesFollowOneAnother) {
    write_command_complete(writer_, "BEGIN");
    write_parameter_status(writer_, "a", "b");
    EXPECT_EQ(text_of(writer_.written()), exactly(std::string_view("C\0\0\0\x0a"
                                                                   "BEGIN\0"
                                                                   "S\0\0\0\x08"
                                                                   "a\0b\0",
                                                                   20)));
}

TEST_F(Writing, ANegotiationListsTheOptionsThatNobodyKnows) {
    std::string const options[] = {"_pq_.a", "_pq_.bc"};
    write_negotiate_protocol_version(writer_, kProtocol3_2, options);
    EXPECT_EQ(text_of(writer_.written()), exactly(std::string_view("v\0\0\0\x1b\0\x03\0\x02\0\0\0\x02"
                                                                   "_pq_.a\0_pq_.bc\0",
                                                                   28)));
}

TEST_F(Writing, BackendKeyDataHasASecretOfAnyLength) {
    write_backend_key_data(writer_, 0x01020304, "abcdefgh");
    EXPECT_EQ(text_of(writer_.written()), exactly(std::string_view("K\0\0\0\x10\x01\x02\x03\x04"
                                                                   "abcdefgh",
                                                                   17)));
}

TEST_F(Writing, ACancelRequestHasNoTypeAndASecretOfAnyLength) {
    write_cancel_request(writer_, 0x01020304, bytes_of("abcdef"));
    EXPECT_EQ(text_of(writer_.written()),
              exactly(std::string_view("\0\0\0\x12\x04\xd2\x16\x2e\x01\x02\x03\x04"
                                       "abcdef",
                                       18)));
}

TEST_F(Writing, ACancelRequestForAPeerHasACodeOfItsOwn) {
    write_peer_cancel_request(writer_, 0x01020304, bytes_of("abcdef"));
    EXPECT_EQ(text_of(writer_.written()),
              exactly(std::string_view("\0\0\0\x12\x04\xd2\x1d\x28\x01\x02\x03\x04"
                                       "abcdef",
                                       18)));
}

TEST_F(Writing, ALengthMayCountBytesThatFollowFromElsewhere) {
    writer_.begin(FrontendType::Parse).string("s").end(100);
    EXPECT_EQ(text_of(writer_.written()), exactly(std::string_view("P\0\0\0\x6a"
                                                                   "s\0",
                                                                   7)));
}

TEST_F(Writing, WhatDoesNotFitFailsAsAWhole) {
    std::array<std::byte, 8> small{};
    MessageWriter writer(small);
    write_query(writer, "select 1");
    EXPECT_FALSE(writer.ok());
}

TEST_F(Writing, AnErrorSaysItsSeverityTwiceAndLeavesOutWhatIsEmpty) {
    write_error(writer_, {.severity = Severity::Fatal, .sqlstate = "57P01", .message = "bye"});
    EXPECT_EQ(text_of(writer_.written()), exactly(std::string_view("E\0\0\0\x1f"
                                                                   "SFATAL\0VFATAL\0C57P01\0Mbye\0\0",
                                                                   32)));
}

TEST_F(Writing, LongTextsOfAnErrorAreCut) {
    std::array<std::byte, 2048> memory{};
    MessageWriter writer(memory);
    std::string const text(5000, 'x');
    write_error(writer, {.sqlstate = "XX000", .message = text, .detail = text, .hint = text});
    ASSERT_TRUE(writer.ok());
    EXPECT_EQ(read_error(writer.written().subspan(kHeaderBytes)).message, std::string(512, 'x'));
}

TEST(ReadError, TakesTheUnlocalizedSeverityWhereThereIsOne) {
    ErrorReport const report =
        read_error(bytes_of(std::string_view("SFEHLER\0VERROR\0C42601\0Mtext\0\0", 31)));
    EXPECT_EQ(report.severity, "ERROR");
    EXPECT_EQ(report.sqlstate, "42601");
    EXPECT_EQ(report.message, "text");
}

TEST(ReadError, TakesTheLocalizedSeverityOfAnOldServer) {
    EXPECT_EQ(read_error(bytes_of(std::string_view("SFATAL\0\0", 8))).severity, "FATAL");
}

TEST(ReadError, SurvivesWhatIsMissingOrCutOff) {
    // A server that left out the SQLSTATE crashed another pooler (CVE-2026-6666).
    for (std::string_view const body :
         {std::string_view(), std::string_view("\0", 1), std::string_view("Mtext"), std::string_view("S"),
          std::string_view("Mtext\0", 6)}) {
        EXPECT_EQ(read_error(bytes_of(body)).sqlstate, "");
    }
}

TEST(StartupParameters, AreReadInPairs) {
    auto const parameters =
        read_startup_parameters(bytes_of(std::string_view("user\0me\0database\0\0\0", 19)));
    ASSERT_TRUE(parameters.has_value());
    ASSERT_EQ(parameters->size(), 2U);
    EXPECT_EQ((*parameters)[0].name, "user");
    EXPECT_EQ((*parameters)[0].value, "me");
    EXPECT_EQ((*parameters)[1].name, "database");
    EXPECT_EQ((*parameters)[1].value, "");
}

TEST(StartupParameters, AnythingElseIsMalformed) {
    for (std::string_view const body :
         {std::string_view(), std::string_view("user"), std::string_view("user\0", 5),
          std::string_view("user\0me", 7), std::string_view("user\0me\0", 8), std::string_view("\0more", 5),
          std::string_view("user\0me\0\0x", 10)}) {
        EXPECT_FALSE(read_startup_parameters(bytes_of(body)).has_value()) << body.size();
    }
}

}  // namespace
}  // namespace pgring::wire
