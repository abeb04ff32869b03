/// The lexer against PostgreSQL's own scanner, as libpg_query has it: texts of one normal form must be one
/// sequence of PostgreSQL's tokens but for the values of constants.

#include <map>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <pg_query.h>

#include "base/random.h"
#include "sql/lexer.h"
#include "sql/tree.h"

namespace pgring::sql {
namespace {

/// Numbers of pg_query.proto, enum Token.
enum ScannerToken : std::uint64_t {
    kIdent = 258,
    kUident,
    kFconst,
    kSconst,
    kUsconst,
    kBconst,
    kXconst,
    kOp,
    kIconst,
    kParam
};
constexpr std::uint64_t kSqlComment = 275;
constexpr std::uint64_t kBlockComment = 276;

std::string described(std::uint64_t token, std::string_view text) {
    switch (token) {
        case kSqlComment:
        case kBlockComment:
            return "";
        case kSconst:
        case kUsconst:
            return "string ";
        case kIconst:
        case kFconst:
            return "number ";
        case kBconst:
        case kXconst:
        case kParam:
            return std::to_string(token) + " ";
        default: {
            std::string lower(text);
            if (text.find('"') == std::string_view::npos) {
                for (char& byte : lower) {
                    byte = static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
                }
            }
            return std::to_string(token) + ":" + lower + " ";
        }
    }
}

bool quoted(std::uint64_t token) {
    return token == kSconst || token == kUsconst || token == kBconst || token == kXconst;
}

/// The tokens of `text`, constants without their value; "error" where the scanner gives up, and where it
/// differs from PostgreSQL's: libpg_query ends a string at a comment, after which PostgreSQL continues it.
std::string tokens_of(const std::string& text) {
    PgQueryScanResult result = pg_query_scan(text.c_str());
    std::string tokens;
    bool error = result.error != nullptr;
    std::uint64_t previous = 0;
    TreeFields scan({result.pbuf.data, result.pbuf.len});
    for (TreeField entry; !error && scan.next(entry);) {
        if (entry.id != 2) {  // ScanResult.tokens
            continue;
        }
        std::uint64_t start = 0;
        std::uint64_t end = 0;
        std::uint64_t token = 0;
        TreeFields fields(entry.bytes);
        for (TreeField field; fields.next(field);) {
            (field.id == 1   ? start
             : field.id == 2 ? end
             : field.id == 4 ? token
                             : field.number) = field.number;
        }
        error = quoted(previous) && token == kSqlComment;
        previous = token;
        tokens += described(token, std::string_view(text).substr(start, end - start));
    }
    pg_query_free_scan_result(result);
    return error ? "error" : tokens;
}

TEST(Scanner, OneNormalFormIsOneSequenceOfPostgresTokens) {
    // No comma: lists of constants are shortened on purpose.
    constexpr std::string_view kPieces[] = {
        "'",   "''", "\"",  "$",   "$$",   "$a$", "\\", "-",  "--",       "/*", "*/", "/",   "*", ".", "1",
        "2.5", "e",  "E'",  "u&'", "U&\"", "b'",  "X'", "n'", ":",        "=",  "<",  "+",   "@", " ", "\n",
        "\t",  "a",  "A_1", "(",   ")",    ";",   "&",  "$1", "\xc3\xa4", "\r", "u",  "1e5", "[",
    };
    base::Prng random(11);
    std::map<std::string, std::pair<std::string, std::string>> seen;
    int met_again = 0;
    for (int round = 0; round < 150'000; ++round) {
        std::string text;
        for (std::uint64_t left = 1 + random.below(6); left > 0; --left) {
            text += kPieces[random.below(std::size(kPieces))];
        }
        const std::string tokens = tokens_of(text);
        if (tokens == "error") {
            continue;
        }
        Lexer lexer(text.size());
        const std::string normal_form(lexer.read(text).normal_form);
        const auto [known, added] = seen.try_emplace(normal_form, tokens, text);
        met_again += added ? 0 : 1;
        ASSERT_EQ(known->second.first, tokens) << "-----\n"
                                               << known->second.second << "\n-----\n"
                                               << text << "\n-----";
    }
    EXPECT_GT(met_again, 30'000) << "shapes hardly ever meet";
}

}  // namespace
}  // namespace pgring::sql
