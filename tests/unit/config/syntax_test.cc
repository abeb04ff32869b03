// Files that are no TOML: each says where, and in words for somebody who comes from an INI file.

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "config/document.h"
#include "config/load.h"
#include "config/reference.h"
#include "loading.h"

namespace pgring::config {
namespace {

using testing::kMinimal;
using testing::problem_of;
using testing::problems_of;
using testing::with_pgring;

TEST(Syntax, TextWithoutQuotes) {
    EXPECT_EQ(problem_of(with_pgring("listen_addr = 127.0.0.1")),
              "test.toml:3:20: not valid TOML: floating-point: expected decimal digit or exponent; "
              "write text, and numbers with a unit, in quotes: listen_addr = \"...\"");
    EXPECT_EQ(problem_of(with_pgring("query_wait_timeout = 5s")),
              "test.toml:3:23: not valid TOML: decimal integer: expected digit; "
              "write text, and numbers with a unit, in quotes: query_wait_timeout = \"...\"");
}

TEST(Syntax, ValueThatCannotBeReadIsNotRepeated) {
    for (const char* secret :
         {"hunter2", "trustno1", "98765432109876543210987", "\"hunter2\"x", "fhunter2"}) {
        const std::string problem = problem_of("[health]\nhealth_check_password = " + std::string(secret));
        EXPECT_TRUE(problem.starts_with("test.toml:2:")) << problem;
        EXPECT_EQ(problem.find("hunter"), std::string::npos) << problem;
        EXPECT_EQ(problem.find("98765"), std::string::npos) << problem;
        EXPECT_EQ(problem.find("rust"), std::string::npos) << problem;
    }
}

TEST(Syntax, IniComment) {
    EXPECT_EQ(problem_of("; pgbouncer.ini\n"),
              "test.toml:1:1: not valid TOML: root table: expected keys, tables, whitespace or comments; "
              "begin comments with #");
}

TEST(Syntax, OptionGivenTwice) {
    const std::string problem = problem_of(with_pgring("listen_port = 1\nlisten_port = 2"));
    EXPECT_TRUE(problem.starts_with("test.toml:4:")) << problem;
    EXPECT_NE(problem.find("cannot redefine existing integer 'listen_port'; keep one of the two"),
              std::string::npos)
        << problem;
}

TEST(Syntax, SectionGivenTwice) {
    const std::string problem = problem_of(std::string(kMinimal) + "[pgring]\n");
    EXPECT_TRUE(problem.starts_with("test.toml:9:")) << problem;
    EXPECT_TRUE(problem.ends_with("keep one of the two")) << problem;
}

TEST(Syntax, LeadingZero) {
    EXPECT_EQ(problem_of(with_pgring("unix_socket_mode = 0777")),
              "test.toml:3:24: not valid TOML: decimal integer: leading zeroes are prohibited; "
              "leave out the zero in front, or write an octal number as 0o777");
}

TEST(Syntax, LineWithoutEqualsSign) {
    const std::string problem = problem_of(with_pgring("listen_port 6432"));
    EXPECT_TRUE(problem.starts_with("test.toml:3:")) << problem;
    EXPECT_TRUE(problem.ends_with("write one option a line: NAME = VALUE")) << problem;
}

TEST(Syntax, FileCutOffInAText) {
    EXPECT_EQ(problem_of("[pgring]\nauth_file = \"use"),
              "test.toml:2:17: not valid TOML: string: encountered end-of-file; "
              "close the quote or bracket that is open; the file may be cut off here");
}

TEST(Syntax, FileCutOffAnywhereIsAProblemOrAWholeConfiguration) {
    // Never a crash, and never a configuration that lost half a line.
    const std::string whole =
        with_pgring("listen_addr = [\"10.0.0.1\", \"10.0.0.2\"]\npool_mode = \"session\"");
    for (std::size_t length = 0; length < whole.size(); ++length) {
        const std::string_view part = std::string_view(whole).substr(0, length);
        const auto result = load({.file_name = "cut.toml", .text = part}, {});
        if (!result) {
            ASSERT_FALSE(result.error().empty()) << length;
            continue;
        }
        EXPECT_EQ(length, whole.size() - 1) << "all but the last newline";
    }
}

TEST(Syntax, BinaryGarbage) {
    using namespace std::string_view_literals;
    EXPECT_EQ(problem_of("\x7F"
                         "ELF\x02\x01\x01\x00\x00\x00"sv),
              "test.toml:1:1: not valid TOML: root table: expected keys, tables, whitespace or comments; "
              "write one option a line: NAME = VALUE");
    EXPECT_EQ(problem_of("[pgring]\n\xFF\xFE\x00"sv),
              "test.toml:2:1: not valid TOML: a byte that is not UTF-8; "
              "save the file as text in UTF-8, each value on one line");
    EXPECT_FALSE(problems_of("\x00\x00\x00\x00"sv).empty());
}

TEST(Syntax, LatinLettersInAnOldEncoding) {
    EXPECT_EQ(problem_of("# \xC3\xA4 is fine\n# caf\xC3\xA9 and na\xEFve\n"),
              "test.toml:2:14: not valid TOML: a byte that is not UTF-8; "
              "save the file as text in UTF-8, each value on one line");
}

TEST(Syntax, LettersOutsideOfTexts) {
    // These two end the process where toml++ is left as it is: its issues 294 and 295.
    EXPECT_TRUE(problem_of(with_pgring("listen_port = 1 \xC3\xA4")).starts_with("test.toml:3:"));
    EXPECT_TRUE(problem_of("[&").starts_with("test.toml:1:"));
}

TEST(Syntax, DeepNestingIsRefusedNotFollowed) {
    EXPECT_FALSE(problems_of("a = " + std::string(100'000, '[')).empty());
    EXPECT_FALSE(problems_of("a = " + std::string(200, '[') + std::string(200, ']')).empty());
}

TEST(Syntax, DamagedFilesNeverCrash) {
    const std::string whole = example_file();
    base::Prng random(20260101);
    for (int round = 0; round < 2000; ++round) {
        std::string damaged = whole;
        const std::uint64_t damages = 1 + random.below(8);
        for (std::uint64_t damage = 0; damage < damages; ++damage) {
            damaged[random.below(damaged.size())] = static_cast<char>(random.below(256));
        }
        const auto result = load({.file_name = "damaged.toml", .text = damaged}, {});
        ASSERT_FALSE(result.has_value()) << "the example needs variables that are not set";
        for (const Problem& problem : result.error()) {
            ASSERT_EQ(to_string(problem).find('\n'), std::string::npos);
        }
    }
}

}  // namespace
}  // namespace pgring::config
