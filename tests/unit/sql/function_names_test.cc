#include "sql/function_names.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/random.h"
#include "sql/classifier.h"

namespace pgring::sql {
namespace {

std::vector<std::string> names_of(const FunctionNames& names, FunctionSet set) {
    std::vector<std::string> members;
    for (FunctionNumber const number : names.members(set)) {
        members.emplace_back(names.name(number));
    }
    return members;
}

TEST(FunctionNames, OfASetAreThereWhateverTheOrderAndHoweverOften) {
    FunctionNames names;
    FunctionSet const set = names.intern({"b", "a", "b"});
    EXPECT_EQ(names.intern({"a", "b"}), set);
    EXPECT_NE(names.intern({"a"}), set);
    std::vector<std::string> members = names_of(names, set);
    std::ranges::sort(members);
    EXPECT_EQ(members, (std::vector<std::string>{"a", "b"}));
}

TEST(FunctionNames, OfNoneIsNone) {
    FunctionNames names;
    EXPECT_EQ(names.intern({}), FunctionSet::None);
    EXPECT_TRUE(names.members(FunctionSet::None).empty());
    EXPECT_TRUE(names.members(FunctionSet::Nameless).empty());
}

TEST(FunctionNames, AreNotKeptBeyondTheirNumber) {
    FunctionNames names;
    for (std::size_t i = 0; i < FunctionNames::kNamesMax; ++i) {
        EXPECT_NE(names.intern({"f" + std::to_string(i)}), FunctionSet::Nameless);
    }
    EXPECT_EQ(names.intern({"one_more"}), FunctionSet::Nameless);
    EXPECT_EQ(names_of(names, names.intern({"f7"})), std::vector<std::string>{"f7"});
}

TEST(FunctionNames, OfAStatementWithManyAreNotKept) {
    FunctionNames names;
    std::vector<std::string> many;
    for (std::size_t i = 0; i <= FunctionNames::kNamesInSetMax; ++i) {
        many.push_back("f" + std::to_string(i));
    }
    EXPECT_EQ(names.intern(many), FunctionSet::Nameless);
}

class ClassifierFunctions : public testing::Test {
  protected:
    std::vector<std::string> called(std::string_view text) {
        Traits const traits = classifier_.classify(text);
        EXPECT_EQ(traits.functions != FunctionSet::None, traits.effects.has(Effect::UnknownFunction)) << text;
        return names_of(classifier_.function_names(), traits.functions);
    }

    base::Prng random_{1};
    Classifier classifier_{ClassifierLimits{}, random_};
};

TEST_F(ClassifierFunctions, AreThoseThatNoTableKnows) {
    EXPECT_EQ(called("SELECT my_function(lower(x)) FROM t"), std::vector<std::string>{"my_function"});
    EXPECT_EQ(called("SELECT app.lower('x')"), std::vector<std::string>{"lower"}) << "not PostgreSQL's own";
    EXPECT_EQ(called("INSERT INTO t VALUES (\"My\"(1))"), std::vector<std::string>{"My"});
    EXPECT_TRUE(called("SELECT lower('x'), now()").empty());
    EXPECT_TRUE(called("EXPLAIN SELECT my_function()").empty()) << "it is only planned";
}

TEST_F(ClassifierFunctions, AreKnownFromTheCacheAsWell) {
    FunctionSet const first = classifier_.classify("SELECT my_function(1)").functions;
    EXPECT_EQ(classifier_.classify("SELECT my_function(2)").functions, first);
    EXPECT_EQ(classifier_.counters().hits, 1U);
}

}  // namespace
}  // namespace pgring::sql
