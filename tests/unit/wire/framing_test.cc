#include "wire/framing.h"

#include <array>
#include <string_view>

#include <gtest/gtest.h>

#include "wire/body_reader.h"

namespace pgring::wire {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(Framing, FiveBytesAreAHeader) {
    Framed const framed = frame(bytes_of(std::string_view("Q\0\0\0\x0d", 5)));
    ASSERT_EQ(framed.state, Framed::State::Complete);
    EXPECT_EQ(framed.header.type, 'Q');
    EXPECT_EQ(framed.header.body_bytes, 9U);
    EXPECT_EQ(framed.header.message_bytes(), 14U);
}

TEST(Framing, FewerBytesAreNotYetOne) {
    std::string_view const header("Q\0\0\0\x0d", 5);
    for (std::size_t size = 0; size < header.size(); ++size) {
        EXPECT_EQ(frame(bytes_of(header.substr(0, size))).state, Framed::State::NeedMore) << size;
    }
}

TEST(Framing, ALengthThatDoesNotCountItselfIsBroken) {
    for (char const length : {'\0', '\x01', '\x02', '\x03'}) {
        std::array<char, 5> const header{'Q', 0, 0, 0, length};
        Framed const framed = frame(std::as_bytes(std::span(header)));
        EXPECT_EQ(framed.state, Framed::State::Broken);
        EXPECT_EQ(framed.error, FramingError::LengthTooSmall);
    }
}

TEST(Framing, TheSmallestLengthIsAnEmptyBody) {
    Framed const framed = frame(bytes_of(std::string_view("S\0\0\0\x04", 5)));
    ASSERT_EQ(framed.state, Framed::State::Complete);
    EXPECT_EQ(framed.header.body_bytes, 0U);
}

TEST(Framing, LengthsBeyondPostgresqlsLimitAreBroken) {
    std::array<std::byte, 5> header{std::byte{'D'}};
    store_u32(header.data() + 1, kMessageLengthMax);
    EXPECT_EQ(frame(header).state, Framed::State::Complete);
    for (std::uint32_t const length : {kMessageLengthMax + 1, 0x7fffffffU, 0x80000000U, 0xffffffffU}) {
        store_u32(header.data() + 1, length);
        EXPECT_EQ(frame(header).state, Framed::State::Broken) << length;
        EXPECT_EQ(frame(header).error, FramingError::LengthTooLarge);
    }
}

TEST(Framing, TheCallersLimitHoldsToo) {
    std::array<std::byte, 5> header{std::byte{'p'}};
    store_u32(header.data() + 1, 1001);
    EXPECT_EQ(frame(header, 1000).state, Framed::State::Broken);
    EXPECT_EQ(frame(header, 1001).state, Framed::State::Complete);
}

TEST(Framing, NumbersAreInNetworkOrder) {
    std::array<std::byte, 4> memory{};
    store_u32(memory.data(), 0x01020304U);
    EXPECT_EQ(memory[0], std::byte{1});
    EXPECT_EQ(memory[3], std::byte{4});
    EXPECT_EQ(load_u32(memory.data()), 0x01020304U);
}

TEST(RunBytes, CountsMessagesOfOneTypeInARow) {
    std::string_view const row("D\0\0\0\x05x", 6);
    std::string_view const end("C\0\0\0\x04", 5);
    std::string const rows = std::string(row) + std::string(row) + std::string(end) + std::string(row);
    EXPECT_EQ(run_bytes(bytes_of(rows), 'D'), 12U);
    EXPECT_EQ(run_bytes(bytes_of(rows), 'C'), 0U);
    EXPECT_EQ(run_bytes({}, 'D'), 0U);
}

TEST(RunBytes, TheLastMayReachBeyondTheEnd) {
    std::string_view const row("D\0\0\0\x05x", 6);
    std::string_view const begun("D\0\0\1\4xx", 7);
    EXPECT_EQ(run_bytes(bytes_of(std::string(row) + std::string(begun)), 'D'), 6U + 261U);
    EXPECT_EQ(run_bytes(bytes_of(std::string(row) + std::string(begun.substr(0, 4))), 'D'), 6U);
}

TEST(RunBytes, EndsBeforeABrokenHeader) {
    std::string_view const row("D\0\0\0\x05x", 6);
    std::string_view const broken("D\0\0\0\x03x", 6);
    EXPECT_EQ(run_bytes(bytes_of(std::string(row) + std::string(broken)), 'D'), 6U);
}

TEST(BodyReader, ReadsFieldsInOrder) {
    BodyReader reader(bytes_of(std::string_view("\x01\x02\x03\0\0\x01\0name\0rest", 16)));
    EXPECT_EQ(reader.byte(), 1);
    EXPECT_EQ(reader.u16(), 0x0203);
    EXPECT_EQ(reader.u32(), 0x100U);
    EXPECT_EQ(reader.string(), "name");
    EXPECT_EQ(reader.rest_bytes(), 4U);
    EXPECT_TRUE(reader.ok());
    EXPECT_FALSE(reader.at_end());
}

TEST(BodyReader, AReadBeyondTheEndFailsForGood) {
    BodyReader reader(bytes_of(std::string_view("\x01\x02\x03", 3)));
    EXPECT_EQ(reader.u32(), 0U);
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(reader.byte(), 0) << "what is there is not handed out any more";
    EXPECT_FALSE(reader.ok());
}

TEST(BodyReader, AStringWithoutItsZeroByteFails) {
    BodyReader reader(bytes_of("endless"));
    EXPECT_EQ(reader.string(), "");
    EXPECT_FALSE(reader.ok());
}

TEST(BodyReader, AnEmptyBodyHasNoString) {
    BodyReader reader{std::span<const std::byte>()};
    EXPECT_TRUE(reader.at_end());
    static_cast<void>(reader.string());
    EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace pgring::wire
