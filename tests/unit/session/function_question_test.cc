#include "session/function_question.h"

#include <array>

#include <gtest/gtest.h>

namespace pgring::session {
namespace {

using Values = std::vector<std::optional<std::string>>;
using Unlisted = FunctionTraces::Unlisted;

TEST(FunctionVerdicts, AreBelievedForTheAgeInWhichTheyWereAskedAndTheNext) {
    FunctionVerdicts verdicts;
    EXPECT_FALSE(verdicts.harmless(0));
    verdicts.acquit(3, verdicts.age());
    verdicts.convict(4, verdicts.age(), {.parameters = {"a.b"}});
    EXPECT_TRUE(verdicts.harmless(3));
    EXPECT_FALSE(verdicts.harmless(2));
    EXPECT_FALSE(verdicts.harmless(4));
    verdicts.pass();
    EXPECT_TRUE(verdicts.harmless(3));
    EXPECT_EQ(verdicts.traces(4).value_or(FunctionTraces{}).parameters, std::vector<std::string>{"a.b"});
    verdicts.pass();
    EXPECT_FALSE(verdicts.harmless(3));
    EXPECT_FALSE(verdicts.traces(4).has_value());
}

TEST(FunctionVerdicts, AreForgottenWithWhatIsBeingAsked) {
    FunctionVerdicts verdicts;
    verdicts.acquit(1, verdicts.age());
    FunctionVerdicts::Age const asked = verdicts.age();
    verdicts.forget();
    EXPECT_FALSE(verdicts.harmless(1));
    verdicts.acquit(1, asked);
    EXPECT_FALSE(verdicts.harmless(1)) << "it was asked before the definition changed";
    verdicts.convict(1, asked, {});
    EXPECT_FALSE(verdicts.traces(1).has_value());
    verdicts.acquit(1, verdicts.age());
    EXPECT_TRUE(verdicts.harmless(1));
}

TEST(FunctionVerdicts, TheLastOneCounts) {
    FunctionVerdicts verdicts;
    verdicts.acquit(1, verdicts.age());
    verdicts.convict(1, verdicts.age(), {.unlisted = Unlisted::Perhaps});
    EXPECT_FALSE(verdicts.harmless(1));
    verdicts.acquit(1, verdicts.age());
    EXPECT_TRUE(verdicts.harmless(1));
    EXPECT_EQ(verdicts.traces(1).value_or(FunctionTraces{.unlisted = Unlisted::Perhaps}).unlisted,
              Unlisted::No);
}

class FunctionQuestionTest : public testing::Test {
  protected:
    void calls(const std::vector<std::string>& names) {
        question_.note(names_.members(names_.intern(names)));
    }
    std::string asks() { return question_.columns(names_, verdicts_); }
    FunctionTraces is_told(const Values& values) { return question_.read(values, verdicts_); }
    sql::FunctionNumber number(const std::string& name) { return names_.members(names_.intern({name}))[0]; }

    sql::FunctionNames names_;
    FunctionVerdicts verdicts_;
    FunctionQuestion question_;
};

TEST_F(FunctionQuestionTest, NamesEachFunctionOnceAsAConstant) {
    calls({"it's"});
    calls({"it's"});
    std::string const asked = asks();
    constexpr std::string_view kHarmless =
        "AS code\n FROM pg_catalog.pg_proc f WHERE f.proname OPERATOR(pg_catalog.=) E'it''s'";
    EXPECT_NE(asked.find(kHarmless), std::string::npos);
    EXPECT_EQ(asked.find(kHarmless), asked.rfind(kHarmless));
    EXPECT_EQ(asked.find('$'), std::string::npos) << "every place is filled in";
    question_.clear();
    EXPECT_TRUE(question_.empty());
}

TEST_F(FunctionQuestionTest, BelievesWhatTheServerSays) {
    calls({"st_area"});
    calls({"take_lock"});
    static_cast<void>(asks());
    FunctionTraces const traces = is_told({"t", std::nullopt, "t", "f", std::nullopt, "f"});
    EXPECT_TRUE(verdicts_.harmless(number("st_area")));
    EXPECT_FALSE(verdicts_.harmless(number("take_lock")));
    EXPECT_TRUE(verdicts_.traces(number("take_lock")).has_value());
    EXPECT_TRUE(traces.parameters.empty());
    EXPECT_EQ(traces.unlisted, Unlisted::No) << "the code of what is harmless holds an UPDATE";
    EXPECT_TRUE(question_.empty());
}

TEST_F(FunctionQuestionTest, AsksOnlyForWhatIsNotKnown) {
    calls({"set_tenant"});
    static_cast<void>(asks());
    static_cast<void>(is_told({"f", "app.tenant", "f"}));
    calls({"set_tenant", "shuffle"});
    std::string const asked = asks();
    EXPECT_EQ(asked.find("set_tenant"), std::string::npos);
    EXPECT_NE(asked.find("shuffle"), std::string::npos);
    FunctionTraces const traces = is_told({"f", std::nullopt, "t"});
    EXPECT_EQ(traces.parameters, std::vector<std::string>{"app.tenant"});
    EXPECT_EQ(traces.unlisted, Unlisted::Perhaps);
    calls({"set_tenant", "shuffle"});
    EXPECT_EQ(asks(), "");
    FunctionTraces const known = is_told({});
    EXPECT_EQ(known.parameters, std::vector<std::string>{"app.tenant"});
    EXPECT_EQ(known.unlisted, Unlisted::Perhaps);
}

TEST_F(FunctionQuestionTest, BelievesNothingOfAFunctionThatIsNotThere) {
    calls({"gone"});
    static_cast<void>(asks());
    static_cast<void>(is_told({std::nullopt, std::nullopt, std::nullopt}));
    EXPECT_FALSE(verdicts_.traces(number("gone")).has_value());
}

TEST_F(FunctionQuestionTest, TellsOfWhatNoServerLists) {
    calls({"set_tenant"});
    static_cast<void>(asks());
    FunctionTraces const traces = is_told({"f", "app.tenant,app.user", "t"});
    EXPECT_EQ(traces.parameters, (std::vector<std::string>{"app.tenant", "app.user"}));
    EXPECT_EQ(traces.unlisted, Unlisted::Perhaps);
}

TEST_F(FunctionQuestionTest, KeepsNoLongListOfParameters) {
    calls({"set_all"});
    static_cast<void>(asks());
    FunctionTraces const traces = is_told({"f", std::string(1025, 'a'), "f"});
    EXPECT_EQ(traces.parameters.size(), 1U);
    EXPECT_FALSE(verdicts_.traces(number("set_all")).has_value());
}

TEST_F(FunctionQuestionTest, AnAnswerOfAnotherLengthIsNone) {
    calls({"f"});
    static_cast<void>(asks());
    EXPECT_EQ(is_told({"t"}).unlisted, Unlisted::No);
    EXPECT_FALSE(verdicts_.traces(number("f")).has_value());
}

TEST_F(FunctionQuestionTest, TellsOnceThatDefinitionsHaveChanged) {
    EXPECT_FALSE(question_.take_definitions_changed());
    question_.definitions_change();
    EXPECT_TRUE(question_.take_definitions_changed());
    EXPECT_FALSE(question_.take_definitions_changed());
}

}  // namespace
}  // namespace pgring::session
