/// The classifier as a machine: cache, limits, flood, dialects, hints, allocation.

#include "sql/classifier.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "fixture.h"

namespace {

std::atomic<std::size_t> allocations = 0;

void* counted(std::size_t size) {
    ++allocations;
    void* memory = std::malloc(size == 0 ? 1 : size);
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    return memory;
}

}  // namespace

// The whole test programme counts what it allocates.
void* operator new(std::size_t size) {
    return counted(size);
}
void* operator new[](std::size_t size) {
    return counted(size);
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete[](void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace pgring::sql {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string repeated(std::string_view part, std::size_t times) {
    std::string text;
    for (std::size_t i = 0; i < times; ++i) {
        text += part;
    }
    return text;
}

TEST(Classifier, AnswersAKnownShapeWithoutParsing) {
    TestClassifier classify;
    EXPECT_EQ(classify("SELECT a FROM t WHERE b = 1").access, Access::Read);
    EXPECT_EQ(classify("select A from T where B = 2 -- again").access, Access::Read);
    EXPECT_EQ(classify.classifier.counters().misses, 1U);
    EXPECT_EQ(classify.classifier.counters().hits, 1U);
}

TEST(Classifier, AllocatesNothingOnAHit) {
    TestClassifier classify;
    const std::string text =
        "SELECT abalance FROM pgbench_accounts WHERE aid IN (1, 2, 3) AND b = 'x' /* c */";
    static_cast<void>(classify(text));
    const std::size_t before = allocations;
    for (int i = 0; i < 100; ++i) {
        static_cast<void>(classify(text));
    }
    EXPECT_EQ(allocations, before);
    EXPECT_EQ(classify.classifier.counters().hits, 100U);
    static_cast<void>(classify("SELECT something_new"));
    EXPECT_GT(allocations, before) << "the counter counts";
}

TEST(Classifier, RemembersErrorsByTheirWholeText) {
    TestClassifier classify;
    EXPECT_EQ(classify("SELECT E'\\u00zz'"), kUnparsed);
    EXPECT_EQ(classify("SELECT E'\\u00zz'"), kUnparsed);
    EXPECT_EQ(classify.classifier.counters().parse_errors, 1U);
    EXPECT_EQ(classify("SELECT E'fine'").access, Access::Read) << "an error must not spoil its shape";
}

TEST(Classifier, LeavesLongTextsUnjudged) {
    TestClassifier classify({.text_bytes_max = 64});
    const std::string fits = "SELECT '" + repeated("x", 64 - 9) + "'";
    EXPECT_EQ(classify(fits).access, Access::Read);
    EXPECT_EQ(classify(fits + " "), kUnjudged);
    EXPECT_EQ(classify.classifier.counters().too_long, 1U);
}

TEST(Classifier, TakesTextsOfTheGreatestLengthWhateverTheirBytes) {
    TestClassifier classify({.misses_per_second_max = 1'000'000'000});
    const std::size_t size = ClassifierLimits{}.text_bytes_max;
    for (int byte = 0; byte < 256; ++byte) {
        static_cast<void>(classify(std::string(size, static_cast<char>(byte))));
    }
    for (const std::string_view part :
         {"''", "a ", "U&\"\"", "$$$$", "-+", "set_config('' ", "copy to'' ", "1a", "\"\"", ": :"}) {
        static_cast<void>(classify(repeated(part, size / part.size())));
    }
    const ClassifierCounters& counters = classify.classifier.counters();
    EXPECT_EQ(counters.too_long, 0U);
    EXPECT_EQ(counters.hits + counters.misses + counters.parse_errors + counters.too_deep, 266U);
}

TEST(Classifier, LeavesDeepNestingUnjudged) {
    TestClassifier classify;
    EXPECT_EQ(classify("SELECT " + repeated("(", 200) + "1" + repeated(")", 200)).access, Access::Read);
    EXPECT_EQ(classify("SELECT " + repeated("(", 201) + "1" + repeated(")", 201)), kUnjudged);
    EXPECT_EQ(classify("SELECT " + repeated("array[", 201) + "1" + repeated("]", 201)), kUnjudged);
    EXPECT_EQ(classify(repeated("/*", 201) + repeated("*/", 201) + "SELECT 1"), kUnjudged);
    EXPECT_EQ(classify("SELECT 1" + repeated("+1", 1001)), kUnjudged);
    EXPECT_EQ(classify("SELECT 1" + repeated("::int", 1001)), kUnjudged);
    EXPECT_EQ(classify.classifier.counters().too_deep, 5U);
}

TEST(Classifier, WalksTheDeepestTreesThatTheLimitsAllow) {
    // Parsed and judged, or rejected by the grammar; either way within the stack.
    TestClassifier classify({.misses_per_second_max = 1'000'000'000});
    const std::size_t size = ClassifierLimits{}.text_bytes_max - 64;
    for (const std::string_view part : {"NOT ", "(SELECT ", "- ", "CASE WHEN a THEN a ELSE ",
                                        "a UNION SELECT ", "a COLLATE ", "a IS NULL AND NOT "}) {
        const std::string text = "SELECT " + repeated(part, size / part.size()) + "a";
        static_cast<void>(classify(text));
    }
    EXPECT_EQ(classify("SELECT a" + repeated(" IS NULL", size / 8)).access, Access::Read);
    EXPECT_EQ(classify("SELECT" + repeated(" UNION SELECT", size / 13)).access, Access::Read);
    EXPECT_EQ(classify("SELECT " + repeated("NOT ", 2000) + "a").access, Access::Read);
    EXPECT_EQ(classify("SELECT a" + repeated(" COLLATE \"C\"", size / 12)).access, Access::Read);
}

TEST(Classifier, EndsAHundredThousandNestedCommentsAtOnce) {
    TestClassifier classify({.text_bytes_max = 1U << 20U});
    EXPECT_EQ(classify(repeated("/*", 100'000) + repeated("*/", 100'000) + "SELECT 1"), kUnjudged);
}

TEST(Classifier, LeavesNewShapesUnjudgedOnceTheBudgetIsSpent) {
    TestClassifier classify({.misses_per_second_max = 10});
    const auto shape = [](int number) { return "SELECT a" + std::to_string(number); };
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(classify(shape(i)).access, Access::Read);
    }
    EXPECT_EQ(classify(shape(10)), kUnjudged);
    EXPECT_EQ(classify(shape(3)).access, Access::Read) << "what is known stays known";
    EXPECT_EQ(classify.classifier.counters().flood, 1U);

    const base::Instant start{seconds(100)};
    classify.classifier.refill(start);
    for (int i = 10; i < 20; ++i) {
        EXPECT_EQ(classify(shape(i)).access, Access::Read);
    }
    classify.classifier.refill(start + milliseconds(99));
    EXPECT_EQ(classify(shape(20)), kUnjudged);
    classify.classifier.refill(start + milliseconds(100));
    EXPECT_EQ(classify(shape(20)).access, Access::Read);
    EXPECT_EQ(classify(shape(21)), kUnjudged);
}

TEST(Classifier, ALongMissCostsAsManyShortOnes) {
    TestClassifier classify({.misses_per_second_max = 10});
    EXPECT_EQ(classify("SELECT '" + std::string(2400, 'x') + "'").access, Access::Read);
    EXPECT_EQ(classify("SELECT a"), kUnjudged);
}

TEST(Classifier, ForgetsTheOldestShapesAndJudgesThemAgain) {
    TestClassifier classify({.misses_per_second_max = 100'000, .shapes_max = 64});
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 1000; ++i) {
            EXPECT_EQ(classify("SELECT a" + std::to_string(i)).access, Access::Read);
            EXPECT_EQ(classify("DELETE FROM a" + std::to_string(i)).access, Access::Write);
        }
    }
    EXPECT_GT(classify.classifier.counters().misses, 2000U);
}

TEST(Classifier, ForgetsAllWhenTheFunctionCatalogueChanges) {
    class OneFunction final : public FunctionCatalogue {
      public:
        FunctionKind kind = FunctionKind::Unknown;
        [[nodiscard]] FunctionKind kind_of(std::string_view schema, std::string_view name) const override {
            return schema == "public" && name == "f" ? kind : builtin_functions().kind_of(schema, name);
        }
    };
    OneFunction functions;
    base::Prng random{1};
    Classifier classifier({}, random, functions);
    EXPECT_EQ(classifier.classify("SELECT public.f(lower('X'))").access, Access::Write);
    functions.kind = FunctionKind::Harmless;
    EXPECT_EQ(classifier.classify("SELECT public.f(lower('X'))").access, Access::Write);
    classifier.forget();
    EXPECT_EQ(classifier.classify("SELECT public.f(lower('X'))").access, Access::Read);
}

TEST(Classifier, JudgesInAnotherDialectOnlyWhatEveryDialectReadsAlike) {
    TestClassifier classify;
    EXPECT_EQ(classify.classifier.classify("SELECT 'a'", Dialect::Other).access, Access::Read);
    EXPECT_EQ(classify.classifier.counters().other_dialect, 0U);
    // With standard_conforming_strings off this deletes.
    EXPECT_EQ(classify.classifier.classify("SELECT '\\'; DELETE FROM t --'", Dialect::Other), kUnjudged);
    // The second byte of a character in SJIS may be one of ASCII's.
    EXPECT_EQ(classify.classifier.classify("SELECT '\x83'", Dialect::Other), kUnjudged);
    EXPECT_EQ(classify.classifier.counters().other_dialect, 2U);
    EXPECT_EQ(dialect_of("on", "UTF8"), Dialect::Standard);
    EXPECT_EQ(dialect_of("on", "LATIN1"), Dialect::Standard);
    EXPECT_EQ(dialect_of("off", "UTF8"), Dialect::Other);
    EXPECT_EQ(dialect_of("on", "SJIS"), Dialect::Other);
}

TEST(Classifier, RejectsTextsWithANulByte) {
    const std::string_view text("SELECT 1\0; DELETE FROM t", 24);
    EXPECT_EQ(fresh(text), kUnparsed);
    TestClassifier classify;
    EXPECT_EQ(classify("SELECT '1'").access, Access::Read);
    EXPECT_EQ(classify(std::string_view("SELECT '\0'", 10)), kUnparsed) << "also where the shape is known";
}

TEST(Classifier, TwoKeysGiveTheSameTraits) {
    base::Prng first{1};
    base::Prng second{2};
    Classifier one({}, first);
    Classifier other({}, second);
    for (const std::string_view text : {"SELECT 1", "DELETE FROM t", "BEGIN", "SELECT 'open"}) {
        EXPECT_EQ(one.classify(text), other.classify(text)) << text;
    }
}

TEST(Hint, IsReadFromACommentOfExactlyThatForm) {
    EXPECT_EQ(fresh("/* pgring: primary */ SELECT 1").hint, Hint::Primary);
    EXPECT_EQ(fresh("SELECT 1 /*pgring:standby*/").hint, Hint::Standby);
    EXPECT_EQ(fresh("SELECT /*\t PgRing:\n PRIMARY  */ 1").hint, Hint::Primary);
    EXPECT_EQ(fresh("/* pgring: standby */ DELETE FROM t").hint, Hint::Standby);
    EXPECT_EQ(fresh("/* pgring: primary */").hint, Hint::Primary);
    for (const std::string_view text :
         {"SELECT 1", "/* pgring: replica */ SELECT 1", "/* pgring primary */ SELECT 1",
          "/* x pgring: primary */ SELECT 1", "/* pgring: primary please */ SELECT 1",
          "-- pgring: primary\nSELECT 1", "SELECT '/* pgring: primary */'",
          "SELECT $$/* pgring: primary */$$", "SELECT \"/* pgring: primary */\"",
          "/* /* pgring: primary */ */ SELECT 1", "/* pgring : primary */ SELECT 1", "/* : */ SELECT 1",
          "/**/ SELECT 1"}) {
        EXPECT_EQ(fresh(text).hint, Hint::None) << text;
    }
}

TEST(Hint, OfTwoThePrimaryHolds) {
    EXPECT_EQ(fresh("/* pgring: primary */ SELECT 1 /* pgring: standby */").hint, Hint::Primary);
    EXPECT_EQ(fresh("/* pgring: standby */ SELECT 1 /* pgring: primary */").hint, Hint::Primary);
}

TEST(Hint, DoesNotStickToTheShape) {
    TestClassifier classify;
    EXPECT_EQ(classify("SELECT 1").hint, Hint::None);
    EXPECT_EQ(classify("/* pgring: primary */ SELECT 1").hint, Hint::Primary);
    EXPECT_EQ(classify("SELECT 1").hint, Hint::None);
    EXPECT_EQ(classify.classifier.counters().misses, 1U);
}

}  // namespace
}  // namespace pgring::sql
