#include "auth/base64.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "base/random.h"

namespace pgring::auth {
namespace {

struct Pair {
    std::string_view bytes;
    std::string_view text;
};

// RFC 4648, section 10.
constexpr std::array<Pair, 7> kRfcVectors = {{
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
}};

TEST(Base64, EncodesAndDecodesTheVectorsOfTheRfc) {
    for (const Pair& pair : kRfcVectors) {
        EXPECT_EQ(base64_encode(pair.bytes), pair.text);
        EXPECT_EQ(base64_decode(pair.text), pair.bytes);
    }
}

TEST(Base64, DecodesWhatItEncoded) {
    base::Prng random(7);
    for (std::size_t size = 0; size < 200; ++size) {
        std::string bytes(size, '\0');
        random.fill(std::as_writable_bytes(std::span(bytes)));
        EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
    }
}

TEST(Base64, RefusesWhatItWouldNotWrite) {
    for (const std::string_view text :
         {"Z",        "Zg",       "Zg=",       "Zm9vYg=", "=",     "====",     "=m9v", "Z===",
          "Zg==Zg==", "Zm8=Zm8=", "Zm9v\n",    "Zm9 ",    " Zm9v", "Zm9v====", "Zm-_", "Zm9v\r\n",
          "Zh==",  // bits behind the one byte
          "Zm9=",  // bits behind the two bytes
          "Z=9v",     "Zg=v",     "\xc3\xa4Zg"}) {
        EXPECT_EQ(base64_decode(text), std::nullopt) << text;
    }
    EXPECT_EQ(base64_decode(std::string_view("Zm\0v", 4)), std::nullopt);
}

}  // namespace
}  // namespace pgring::auth
