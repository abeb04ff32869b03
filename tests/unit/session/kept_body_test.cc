#include "session/kept_body.h"

#include <gtest/gtest.h>

namespace pgring::session {
namespace {

TEST(KeptBody, IsWhatWasKeptLast) {
    KeptBody body;
    EXPECT_EQ(body.view(), "");
    body = "select 1";
    EXPECT_EQ(body.view(), "select 1");
    body = std::string_view("a\0b", 3);
    EXPECT_EQ(body.size(), 3U);
    body.clear();
    EXPECT_EQ(body.view(), "");
}

TEST(KeptBody, LetsGoOfTheMemoryOfALargeOneWithTheNext) {
    std::string const large(1'000'000, 'x');
    KeptBody body;
    body = large;
    EXPECT_EQ(body.view(), large);
    body = "select 1";
    EXPECT_EQ(body.view(), "select 1");
    EXPECT_LE(body.memory_bytes(), KeptBody::kSpareBytesMax);
    body = large;
    body.clear();
    EXPECT_LE(body.memory_bytes(), KeptBody::kSpareBytesMax);
}

TEST(KeptBody, KeepsItsMemoryForBodiesOfLikeSize) {
    KeptBody body;
    for (std::size_t const size_bytes : {std::size_t{100}, std::size_t{100'000}}) {
        body = std::string(size_bytes, 'x');
        std::size_t const memory_bytes = body.memory_bytes();
        const char* const place = body.view().data();
        body = std::string(size_bytes * 3 / 4, 'y');
        body = std::string(size_bytes, 'z');
        EXPECT_EQ(body.memory_bytes(), memory_bytes);
        EXPECT_EQ(body.view().data(), place) << "nothing was allocated";
    }
}

}  // namespace
}  // namespace pgring::session
