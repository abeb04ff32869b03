#include "session/function_question.h"

#include <array>

#include <gtest/gtest.h>

namespace pgring::session {
namespace {

using Values = std::vector<std::optional<std::string>>;
using Unlisted = FunctionQuestion::Answer::Unlisted;

TEST(HarmlessFunctions, AreBelievedForTheAgeInWhichTheyWereAskedAndTheNext) {
    HarmlessFunctions functions;
    EXPECT_FALSE(functions.contains(0));
    functions.prove(3, functions.age());
    EXPECT_TRUE(functions.contains(3));
    EXPECT_FALSE(functions.contains(2));
    functions.pass();
    EXPECT_TRUE(functions.contains(3));
    functions.pass();
    EXPECT_FALSE(functions.contains(3));
}

TEST(HarmlessFunctions, AreForgottenWithWhatIsBeingAsked) {
    HarmlessFunctions functions;
    functions.prove(1, functions.age());
    HarmlessFunctions::Age const asked = functions.age();
    functions.forget();
    EXPECT_FALSE(functions.contains(1));
    functions.prove(1, asked);
    EXPECT_FALSE(functions.contains(1)) << "it was asked before the definition changed";
    functions.prove(1, functions.age());
    EXPECT_TRUE(functions.contains(1));
}

class FunctionQuestionTest : public testing::Test {
  protected:
    void calls(const std::vector<std::string>& names) {
        question_.note(names_.members(names_.intern(names)));
    }
    std::string asks() { return question_.columns(names_, harmless_.age()); }

    sql::FunctionNames names_;
    HarmlessFunctions harmless_;
    FunctionQuestion question_;
};

TEST_F(FunctionQuestionTest, NamesEachFunctionOnceAsAConstant) {
    calls({"it's"});
    calls({"it's"});
    std::string const asked = asks();
    constexpr std::string_view kHarmless = "f.proname OPERATOR(pg_catalog.=) E'it''s'";
    EXPECT_NE(asked.find(kHarmless), std::string::npos);
    EXPECT_EQ(asked.find(kHarmless), asked.rfind(kHarmless));
    question_.clear();
    EXPECT_TRUE(question_.empty());
}

TEST_F(FunctionQuestionTest, BelievesWhatTheServerSaysIsHarmless) {
    calls({"st_area"});
    calls({"take_lock"});
    static_cast<void>(asks());
    FunctionQuestion::Answer const answer = question_.read(Values{"t", "f", std::nullopt, "f"}, harmless_);
    EXPECT_TRUE(harmless_.contains(names_.members(names_.intern({"st_area"}))[0]));
    EXPECT_FALSE(harmless_.contains(names_.members(names_.intern({"take_lock"}))[0]));
    EXPECT_TRUE(answer.parameters.empty());
    EXPECT_EQ(answer.unlisted, Unlisted::No);
    EXPECT_TRUE(question_.empty());
}

TEST_F(FunctionQuestionTest, BelievesNothingOfAFunctionThatIsNotThere) {
    calls({"gone"});
    static_cast<void>(asks());
    static_cast<void>(question_.read(Values{std::nullopt, std::nullopt, std::nullopt}, harmless_));
    EXPECT_FALSE(harmless_.contains(0));
}

TEST_F(FunctionQuestionTest, TellsOfWhatNoServerLists) {
    calls({"set_tenant"});
    static_cast<void>(asks());
    FunctionQuestion::Answer const answer =
        question_.read(Values{"f", "app.tenant,app.user", "t"}, harmless_);
    EXPECT_EQ(answer.parameters, (std::vector<std::string>{"app.tenant", "app.user"}));
    EXPECT_EQ(answer.unlisted, Unlisted::Perhaps);
}

TEST_F(FunctionQuestionTest, AnAnswerOfAnotherLengthIsNone) {
    calls({"f"});
    static_cast<void>(asks());
    FunctionQuestion::Answer const answer = question_.read(Values{"t"}, harmless_);
    EXPECT_FALSE(harmless_.contains(0));
    EXPECT_EQ(answer.unlisted, Unlisted::No);
}

TEST_F(FunctionQuestionTest, TellsOnceThatDefinitionsHaveChanged) {
    EXPECT_FALSE(question_.take_definitions_changed());
    question_.definitions_change();
    EXPECT_TRUE(question_.take_definitions_changed());
    EXPECT_FALSE(question_.take_definitions_changed());
}

}  // namespace
}  // namespace pgring::session
