#include "config/utf8.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace pgring::config {
namespace {

using namespace std::string_view_literals;

TEST(Utf8, WellFormedTextHasNoPlace) {
    // The least and the greatest character of each length, and those around the surrogates.
    EXPECT_EQ(find_invalid_utf8("\x00\x7F"sv), std::nullopt);
    EXPECT_EQ(find_invalid_utf8("\xC2\x80\xDF\xBF"), std::nullopt);
    EXPECT_EQ(find_invalid_utf8("\xE0\xA0\x80\xEF\xBF\xBF"), std::nullopt);
    EXPECT_EQ(find_invalid_utf8("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"), std::nullopt);
    EXPECT_EQ(find_invalid_utf8("\xED\x9F\xBF\xEE\x80\x80"), std::nullopt);
    EXPECT_EQ(find_invalid_utf8(""), std::nullopt);
}

TEST(Utf8, IllFormedSequencesAreFound) {
    constexpr std::string_view kSequences[] = {
        "\x80",              // continuation without a beginning
        "\xC3",              // cut off
        "\xC3\x28",          // not continued
        "\xC0\x80",          // overlong NUL
        "\xC1\xBF",          // overlong
        "\xE0\x9F\xBF",      // overlong
        "\xED\xA0\x80",      // surrogate
        "\xE2\x82",          // cut off
        "\xE2\x82\x28",      // not continued
        "\xF0\x8F\xBF\xBF",  // overlong
        "\xF4\x90\x80\x80",  // above U+10FFFF
        "\xF5\x80\x80\x80",  // above U+10FFFF
        "\xFF",
    };
    for (const std::string_view sequence : kSequences) {
        EXPECT_EQ(find_invalid_utf8(sequence), (Position{.line = 1, .column = 1}));
        EXPECT_EQ(find_invalid_utf8("a\nb" + std::string(sequence)), (Position{.line = 2, .column = 2}));
    }
}

TEST(Utf8, ColumnsCountCharacters) {
    EXPECT_EQ(find_invalid_utf8("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\xFF"),
              (Position{.line = 1, .column = 4}));
}

}  // namespace
}  // namespace pgring::config
