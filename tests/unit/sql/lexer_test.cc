/// What is one shape and what is not, by PostgreSQL's own rules of tokens.

#include "sql/lexer.h"

#include <cctype>
#include <cstddef>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "fixture.h"

namespace pgring::sql {
namespace {

std::string normal_form(std::string_view text) {
    Lexer lexer(text.size());
    return std::string(lexer.read(text).normal_form);
}

void expect_same(std::initializer_list<std::string_view> texts) {
    for (const std::string_view text : texts) {
        EXPECT_EQ(normal_form(text), normal_form(*texts.begin())) << text;
    }
}

void expect_all_different(const std::vector<std::string_view>& texts) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
        for (std::size_t j = i + 1; j < texts.size(); ++j) {
            EXPECT_NE(normal_form(texts[i]), normal_form(texts[j])) << texts[i] << "\n" << texts[j];
        }
    }
}

TEST(Lexer, DropsSpaceCommentsAndTheCaseOfWords) {
    expect_same({"select a from t", "SELECT a FROM t", "Select\tA\r\n\fFrom/**/T", "select a--b\nfrom t--c",
                 "/* /* nested */ -- */select a from t", "select a from t -- to the end",
                 "select a from t\v"});
}

TEST(Lexer, DropsTheValuesOfStrings) {
    expect_same({"select 'a'",
                 "select ''",
                 "select 'it''s'",
                 "select '--'",
                 "select '/*'",
                 "select '\"'",
                 "select 'a\\'",
                 "select E'a\\'b'",
                 "select e'\\\\'",
                 "select E'\\''''",
                 "select U&'\\0041'",
                 "select u&'a''b'",
                 "select $$it's$$",
                 "select $tag$ $$ $other$ $tag$",
                 "select $\xc3\xa4$ ' $\xc3\xa4$",
                 "select $a1$$a$a1$",
                 "select 'a\nb'",
                 "select 'a' \n 'b'",
                 "select 'a'\r'b'",
                 "select 'a' -- c\n -- d\n 'b'",
                 "select E'a'\n'\\''",
                 "select '\xff\xfe'"});
}

TEST(Lexer, DropsTheValuesOfNumbers) {
    expect_same({"select 1 + x", "select 42 + x", "select 1.5 + x", "select .5 + x", "select 5. + x",
                 "select 1e10 + x", "select 1.5E-3 + x", "select .5e+3 + x", "select 00 + x"});
    expect_same({"select $1", "select $23"});
}

TEST(Lexer, CountsAListOfConstantsAsOne) {
    expect_same({"select a in (1)", "select a in (1, 2)", "select a in (1,2 , /* x */ 3.5)"});
    expect_same({"values ($1)", "values ($1, $2, $3)"});
    expect_same({"f('a')", "f('a', $$b$$, E'c')"});
    expect_all_different(
        {"f(1)", "f(1, 'a')", "f('a', 1)", "f($1)", "f(1, $1)", "f(a)", "f(a, 1)", "f(1, a)", "f(a, b)"});
    expect_all_different({"values (1)", "values (1), (1)"});
}

TEST(Lexer, KeepsWhatMakesTheShape) {
    expect_all_different({
        "a",     "A1",      "\"A\"",    "\"a\"",      "\"a\"\"b\"", "U&\"a\"", "u & \"a\"",
        "'a'",   "B'1'",    "X'1'",     "N'a'",       "1",          "$1",      "$a",
        "$",     "a b",     "a.b",      "a . 1",      "a,b",        "a;b",     "(a)",
        "[a]",   "a:b",     "a::b",     "a: :b",      "a:=b",       "a: =b",   "a=b",
        "a=>b",  "a= >b",   "a<=b",     "a< =b",      "a - b",      "a /* b",  "a / b",
        "a * b", "'open",   "1x",       "1 x",        "$1x",        "$1 x",    "e 'a'",
        "b '1'", "u&'a' b", "not true", "not 'true'", "\\",         "a$b",     "a $b$ $b$",
    });
}

TEST(Lexer, WhatIsNeverClosedIsAnError) {
    expect_same({"a 'open", "a \"open", "a $$open", "a $a$open$b$", "a /* open", "a /* /* open */",
                 "a E'open\\'", "a 'open'' ", "a b'open"});
    EXPECT_NE(normal_form("a 'open"), normal_form("a 'closed'"));
}

TEST(Lexer, CutsOperatorsAtComments) {
    expect_same({"a + b", "a +-- x\nb", "a+/* x */b", "a +--+\n b"});
    expect_same({"a * b", "a */* x */b"});
    expect_same({"a < -1", "a < --x\n-1"});
    EXPECT_NE(normal_form("a <-1"), normal_form("a < -1"));
}

TEST(Lexer, AContinuedStringIsReadByTheRulesOfItsFirstPart) {
    // In E'..' the backslash of the second part escapes the quote, so the constant ends at the very end.
    expect_same({"select E'x'", "select E'x'\n' \\' ; delete from t --'"});
    // A plain string ends at the backslash, and what follows is text.
    EXPECT_NE(normal_form("select 'x'\n' \\' ; delete from t --'"), normal_form("select 'x'"));
    // No line break, or a block comment: not continued.
    EXPECT_NE(normal_form("select 'a' 'b'"), normal_form("select 'a'"));
    EXPECT_NE(normal_form("select 'a' /*\n*/ 'b'"), normal_form("select 'a'"));
}

TEST(Lexer, QuotesThatAreNotDoubledInBitStringsEndThem) {
    EXPECT_EQ(normal_form("select B'1''0'"), normal_form("select B'1' '0'"));
    EXPECT_NE(normal_form("select B'1''0'"), normal_form("select B'1'"));
}

TEST(Lexer, ADollarInAWordIsNoQuote) {
    EXPECT_NE(normal_form("a$b$ 'x' $b$"), normal_form("a$b$ 'x' $b$ $b$"));
    EXPECT_NE(normal_form("select a$$, b from t where c = $$x"), normal_form("select a$$"));
}

TEST(Lexer, KeepsConstantsThatDecide) {
    expect_all_different({"set_config('a', 'b', true)", "set_config('c', 'b', true)"});
    expect_same(
        {"set_config('a', 'b', true)", "SET_CONFIG ( 'a', 'c', true)", "set_config/**/('a', '', true)"});
    expect_all_different(
        {"current_setting('a')", "current_setting('b')", "current_setting(E'a')", "current_setting($1)"});
    expect_all_different({"set_config((('a')), x, true)", "set_config((('b')), x, true)"});
    expect_all_different({"set_config(all 'a', x, true)", "set_config(all 'b', x, true)"});
    expect_all_different({"\"set_config\"('a', x, true)", "\"set_config\"('b', x, true)"});
    expect_all_different({"u&\"\\0073et_config\"('a', x)", "u&\"\\0073et_config\"('b', x)"});
    expect_all_different({"current_setting('a'\n'b')", "current_setting('a'\n'c')"});
    expect_all_different({"set_config('a', 'b', true)", "set_config('a', 'b', 'c', true)"});
    expect_all_different({"copy t to ''", "copy t to 'a'", "copy t to 'b'"});
    expect_all_different({"copy t from ''", "copy t from 'a'", "copy t from 'b'"});
    expect_same(
        {"copy (select a from t where b = 1) to stdout", "copy (select a from t where b = 2) to stdout"});
    expect_same({"set x to 'a'", "set x to 'b'"});
    expect_all_different({"select u&\"d!0061\" uescape '!'", "select u&\"d!0061\" uescape '#'"});
}

TEST(Lexer, MeasuresNesting) {
    const auto nesting = [](std::string_view text) { return Lexer(text.size()).read(text).nesting; };
    EXPECT_EQ(nesting("a"), 0U);
    EXPECT_EQ(nesting("(a[b])(c)"), 2U);
    EXPECT_EQ(nesting("))))("), 1U);
    EXPECT_EQ(nesting("/* /* /* */ */ */ (a)"), 3U);
    EXPECT_EQ(nesting("'((('"), 0U);
}

TEST(Lexer, MeasuresOperators) {
    const auto operators = [](std::string_view text) { return Lexer(text.size()).read(text).operator_bytes; };
    EXPECT_EQ(operators("a"), 0U);
    EXPECT_EQ(operators("a + b::c <= d -- e"), 4U);
    EXPECT_EQ(operators("'+++' /* +++ */"), 0U);
}

// --- Properties over random texts.
// ---------------------------------------------------------------------------------

constexpr std::string_view kPieces[] = {
    "select",
    "from",
    "where",
    "t",
    "\"T\"",
    "a.b",
    "(",
    ")",
    ",",
    "=",
    "<>",
    "::",
    "int",
    "and",
    "not",
    "true",
    "false",
    "in",
    "nextval",
    "now()",
    "with",
    "insert",
    "into",
    "for update",
    "union",
    ";",
    "begin",
    "copy",
    "to",
    "stdout",
    "set",
    "*",
    "order by",
    "limit",
    "null",
    "is",
    "current_setting",
    "set_config",
    "pg_locks",
    "explain",
    "analyze",
    "e",
    "u",
    "b",
    "values",
    "delete",
};
constexpr std::string_view kStrings[] = {"'a'",       "''",   "'it''s'", "E'\\''",    "$$x;y$$",
                                         "$q$ ' $q$", "'--'", "'/*'",    "U&'\\0041'"};
constexpr std::string_view kNumbers[] = {"1", "42", "1.5", ".25", "1e9", "7.", "3E-2"};
constexpr std::string_view kSpaces[] = {
    " ", "\n", "\t ", " /* c */ ", " -- c\n", "\r\n", " /* /* ' */ $$ */ "};

template <std::size_t size>
std::string_view any(base::Prng& random, const std::string_view (&from)[size]) {
    return from[random.below(size)];
}

/// Pieces in a random order; 'S' stands for a string and 'N' for a number.
std::vector<std::string> random_skeleton(base::Prng& random) {
    std::vector<std::string> skeleton;
    for (std::uint64_t left = 1 + random.below(20); left > 0; --left) {
        const std::uint64_t draw = random.below(10);
        skeleton.emplace_back(draw == 0 ? "S" : draw == 1 ? "N" : any(random, kPieces));
    }
    return skeleton;
}

/// The skeleton with constants, white space and case of the moment.
std::string written(const std::vector<std::string>& skeleton, base::Prng& random, bool same_strings) {
    std::string text(any(random, kSpaces));
    for (const std::string& piece : skeleton) {
        if (piece == "S") {
            text += same_strings ? kStrings[0] : any(random, kStrings);
        } else if (piece == "N") {
            text += any(random, kNumbers);
        } else {
            const bool upper = random.chance(50) && piece.find('"') == std::string::npos;
            for (const char byte : piece) {
                text += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(byte))) : byte;
            }
        }
        // A line break between two strings would make them one.
        text += same_strings || piece == "S" ? std::string_view(" ") : any(random, kSpaces);
    }
    return text;
}

bool keeps_strings(const std::vector<std::string>& skeleton) {
    for (const std::string& piece : skeleton) {
        if (piece == "current_setting" || piece == "set_config" || piece == "copy") {
            return true;
        }
    }
    return false;
}

TEST(LexerProperty, TextsThatDifferInConstantsSpaceAndCaseAreOneShape) {
    base::Prng random(7);
    for (int round = 0; round < 20'000; ++round) {
        const std::vector<std::string> skeleton = random_skeleton(random);
        const bool same_strings = keeps_strings(skeleton);
        const std::string one = written(skeleton, random, same_strings);
        const std::string other = written(skeleton, random, same_strings);
        ASSERT_EQ(normal_form(one), normal_form(other)) << one << "\n-----\n" << other;
    }
}

/// Statements of the grammar, with a word or two at most that is not.
std::vector<std::string> random_statement(base::Prng& random) {
    constexpr std::string_view kStatements[] = {
        "select S , N from t where a = N and b in ( N , N , N ) order by N limit N",
        "select set_config ( S , S , true ) , current_setting ( S )",
        "select set_config ( S , S , N :: bool ) from t",
        "select set_config ( ( S ) , S , false )",
        "select set_config ( S , S , S )",
        "insert into t values ( N , S ) , ( N , N ) returning a",
        "update t set a = S where b = N",
        "with w as ( delete from t where a = N returning b ) select * from w",
        "select nextval ( S ) from pg_locks",
        "select lower ( S ) || S , N + N * - N , a :: int , b :: mood from pg_class for update",
        "copy t to S",
        "copy ( select N ) to stdout",
        "copy t from S",
        "explain ( analyze N ) delete from t",
        "explain ( analyze true , buffers off ) select N",
        "set search_path to S , S",
        "set local work_mem to N",
        "begin isolation level serializable ; select N ; commit",
        "begin read only",
        "declare c cursor with hold for select S",
        "create temp table t on commit drop as select N",
        "listen a ; select pg_advisory_lock ( N )",
        "prepare p as select N",
        "select N union all values ( N , S )",
        "select U&\"d!0061\" uescape S",
        "select * from pg_temp . t , now ( )",
        "show transaction_read_only",
    };
    std::vector<std::string> words;
    std::istringstream in{std::string(any(random, kStatements))};
    for (std::string word; in >> word;) {
        words.push_back(word);
    }
    if (random.chance(30)) {
        words[random.below(words.size())] = any(random, kPieces);
    }
    if (random.chance(10)) {
        words.insert(words.begin() + static_cast<std::ptrdiff_t>(random.below(words.size())),
                     std::string(any(random, kPieces)));
    }
    return words;
}

/// What the cache rests on: one shape, one judgement. Only errors inside constants may differ.
TEST(LexerProperty, TextsOfOneShapeAreJudgedAlike) {
    base::Prng random(8);
    TestClassifier classify({.misses_per_second_max = 1'000'000'000});
    int judged = 0;
    for (int round = 0; round < 10'000; ++round) {
        const std::string text = written(random_statement(random), random, false);
        Traits cached = classify(text);
        const Traits alone = fresh(text);
        // Each classifier has its own numbers for what is called.
        EXPECT_EQ(cached.functions == FunctionSet::None, alone.functions == FunctionSet::None) << text;
        cached.functions = alone.functions;
        if (alone != kUnparsed) {
            ++judged;
            ASSERT_EQ(cached, alone) << text;
        }
    }
    EXPECT_GT(judged, 5'000);
    EXPECT_GT(classify.classifier.counters().hits, 4'000U) << "shapes hardly ever meet";
}

TEST(LexerProperty, AnotherWordIsAnotherShape) {
    base::Prng random(9);
    for (int round = 0; round < 5'000; ++round) {
        std::vector<std::string> skeleton = random_skeleton(random);
        const std::string before = normal_form(written(skeleton, random, true));
        std::string& piece = skeleton[random.below(skeleton.size())];
        if (piece != "S" && piece != "N") {
            piece += "x_other";
            ASSERT_NE(normal_form(written(skeleton, random, true)), before) << piece;
        }
    }
}

TEST(LexerProperty, AnyBytesAreReadToTheEnd) {
    base::Prng random(10);
    constexpr std::string_view kTricky = "'\"$\\-/*;:.,()[]{}EeUu&BbXxNn0123 \n\t\r\0\x01\xff$$$$''''";
    TestClassifier classify({.misses_per_second_max = 1'000'000'000});
    for (int round = 0; round < 20'000; ++round) {
        std::string text(random.below(64), ' ');
        for (char& byte : text) {
            byte =
                random.chance(80) ? kTricky[random.below(kTricky.size())] : static_cast<char>(random.next());
        }
        ASSERT_LE(normal_form(text).size(), 2 * text.size() + 2) << text;
        const Traits traits = classify(text);
        ASSERT_EQ(classify(text), traits) << text;
    }
}

}  // namespace
}  // namespace pgring::sql
