#include "instant_session.h"

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "wire/framing.h"
#include "wire/messages.h"

namespace pgring::bench {
namespace {

using wire::FrontendType;
using wire::MessageWriter;

/// A client of one session.
class InstantSessionTest : public testing::Test {
  protected:
    InstantSessionTest() {
        send([](MessageWriter& writer) {
            writer.begin_untyped().u32(wire::kProtocol3_0).string("user").string("a");
            writer.string("TimeZone").string("Asia/Tokyo").byte('\0').end();
        });
    }

    void send(const std::function<void(MessageWriter&)>& write) {
        std::vector<std::byte> memory(std::size_t{64} * 1024);
        MessageWriter writer(memory);
        write(writer);
        ASSERT_TRUE(writer.ok());
        auto const written = writer.written();
        input_.insert(input_.end(), written.begin(), written.end());
        work();
    }

    void work() {
        std::size_t const used = session_.receive(input_, output_);
        input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(used));
    }

    void query(std::string_view text) {
        send([text](MessageWriter& writer) { wire::write_query(writer, text); });
    }

    void parse(std::string_view name, std::string_view text) {
        send([=](MessageWriter& writer) {
            writer.begin(FrontendType::Parse).string(name).string(text).u16(0).end();
        });
    }

    void run(std::string_view name) {
        send([=](MessageWriter& writer) {
            writer.begin(FrontendType::Bind).string("").string(name).u16(0).u16(0).u16(0).end();
            writer.begin(FrontendType::Describe).byte('P').string("").end();
            writer.begin(FrontendType::Execute).string("").u32(0).end();
            writer.begin(FrontendType::Sync).end();
        });
    }

    /// The types of all messages that came since the last call; of ReadyForQuery the status besides.
    std::string answers() {
        std::string types;
        std::span<const std::byte> rest = output_;
        while (!rest.empty()) {
            wire::Framed const framed = wire::frame(rest);
            EXPECT_EQ(framed.state, wire::Framed::State::Complete);
            types += framed.header.type;
            if (framed.header.type == 'Z') {
                types += static_cast<char>(rest[wire::kHeaderBytes]);
            }
            last_body_.assign(reinterpret_cast<const char*>(rest.data()) + wire::kHeaderBytes,
                              framed.header.body_bytes);
            if (framed.header.type == 'C') {
                last_tag_ = last_body_.c_str();
            }
            rest = rest.subspan(framed.header.message_bytes());
        }
        output_.clear();
        return types;
    }

    InstantSession session_{7};
    std::vector<std::byte> input_;
    InstantSession::Output output_;
    std::string last_body_;
    std::string last_tag_;
};

TEST_F(InstantSessionTest, LoginIsAnsweredWithTheParametersThatWereAskedFor) {
    std::string const text(reinterpret_cast<const char*>(output_.data()), output_.size());
    EXPECT_NE(text.find(std::string("TimeZone\0Asia/Tokyo", 19)), std::string::npos);
    EXPECT_EQ(answers(), "RSSSSSSSSSSSSSKZI");
}

TEST_F(InstantSessionTest, SimpleQueryReturnsARow) {
    answers();
    query("SELECT 1");
    EXPECT_EQ(answers(), "TDCZI");
    query("BEGIN; UPDATE t SET a = 1");
    EXPECT_EQ(answers(), "CCZT");
    query("COMMIT");
    EXPECT_EQ(answers(), "CZI");
    query(" ");
    EXPECT_EQ(answers(), "IZI");
}

TEST_F(InstantSessionTest, StatementsHaveNames) {
    answers();
    parse("s", "SELECT a FROM t WHERE b = $1");
    run("s");
    EXPECT_EQ(answers(), "12TDCZI");
    run("s");
    EXPECT_EQ(answers(), "2TDCZI");
    send([](MessageWriter& writer) {
        writer.begin(FrontendType::Close).byte('S').string("s").end();
        writer.begin(FrontendType::Sync).end();
    });
    EXPECT_EQ(answers(), "3ZI");
}

TEST_F(InstantSessionTest, WhatIsMixedUpIsAnErrorUntilSync) {
    answers();
    run("nobody parsed it");
    EXPECT_EQ(answers(), "EZI");
    parse("s", "SELECT 1");
    parse("s", "SELECT 2");
    run("s");
    EXPECT_EQ(answers(), "1EZI");
    query("BEGIN");
    run("nor this");
    EXPECT_EQ(answers(), "CZTEZE");
    query("COMMIT");
    EXPECT_EQ(answers(), "CZI");
    EXPECT_EQ(last_tag_, "ROLLBACK");
}

TEST_F(InstantSessionTest, DiscardAllForgetsStatements) {
    answers();
    parse("s", "SELECT 1");
    query("DISCARD ALL");
    EXPECT_EQ(answers(), "1CZI");
    run("s");
    EXPECT_EQ(answers(), "EZI");
    parse("s", "SELECT 1");
    EXPECT_EQ(answers(), "1");
}

TEST_F(InstantSessionTest, SetReportsWhatIsReported) {
    answers();
    query("SET application_name = 'x'");
    EXPECT_EQ(answers(), "SCZI");
    query("SET work_mem = '1MB'");
    EXPECT_EQ(answers(), "CZI");
}

TEST_F(InstantSessionTest, CopyOutStreamsBeforeAnythingElse) {
    answers();
    query("COPY (SELECT repeat('x', 1023) FROM generate_series(1, 3)) TO STDOUT");
    query("SELECT 1");
    EXPECT_EQ(answers(), "H");
    ASSERT_TRUE(session_.streams());
    EXPECT_EQ(session_.rows_to_stream(), 3U);
    session_.streamed(output_);
    EXPECT_EQ(answers(), "cCZI");
    EXPECT_EQ(last_tag_, "COPY 3");
    work();
    EXPECT_EQ(answers(), "TDCZI");
}

TEST_F(InstantSessionTest, CopyInCountsWhatItDrops) {
    answers();
    query("COPY t FROM STDIN");
    EXPECT_EQ(answers(), "G");
    std::string const row(kCopyRowBytes, 'x');
    for (int i = 0; i < 5; ++i) {
        send([&row](MessageWriter& writer) { writer.begin(FrontendType::CopyData).raw(row).end(); });
    }
    send([](MessageWriter& writer) { writer.begin(FrontendType::CopyDone).end(); });
    EXPECT_EQ(answers(), "CZI");
    EXPECT_EQ(last_tag_, "COPY 5");
}

TEST_F(InstantSessionTest, BytesMayComeOneByOne) {
    answers();
    std::vector<std::byte> memory(256);
    MessageWriter writer(memory);
    wire::write_query(writer, "COPY t FROM STDIN");
    writer.begin(FrontendType::CopyData).raw(std::string(20, 'x')).end();
    writer.begin(FrontendType::CopyDone).end();
    for (std::byte const byte : writer.written()) {
        input_.push_back(byte);
        work();
    }
    EXPECT_EQ(answers(), "GCZI");
}

TEST_F(InstantSessionTest, NonsenseEndsTheSession) {
    input_.assign(8, std::byte{0});
    work();
    EXPECT_TRUE(session_.ended());
}

}  // namespace
}  // namespace pgring::bench
