#include "session/parameters.h"

#include <array>

#include <gtest/gtest.h>

#include "session/frontend_login.h"

namespace pgring::session {
namespace {

TEST(ParameterSets, EqualSetsAreTheSameSet) {
    ParameterSets sets;
    ParameterSetPtr const first = sets.with(sets.with(sets.empty(), "TimeZone", "UTC"), "a", "1");
    ParameterSetPtr const second = sets.with(sets.with(sets.empty(), "a", "1"), "TimeZone", "UTC");
    EXPECT_EQ(first, second);
    EXPECT_NE(first, sets.with(first, "a", "2"));
}

TEST(ParameterSets, SettingWhatIsSetChangesNothing) {
    ParameterSets sets;
    ParameterSetPtr const set = sets.with(sets.empty(), "a", "1");
    EXPECT_EQ(sets.with(set, "a", "1"), set);
    EXPECT_EQ(sets.without(set, "b"), set);
    EXPECT_EQ(sets.without(set, "A")->all().size(), 0U);
}

TEST(ParameterSets, NamesDoNotCareAboutCase) {
    ParameterSets sets;
    ParameterSetPtr const set = sets.with(sets.empty(), "TimeZone", "UTC");
    ASSERT_NE(set->find("timezone"), nullptr);
    EXPECT_EQ(*set->find("TIMEZONE"), "UTC");
    EXPECT_EQ(sets.with(set, "timezone", "Asia/Tokyo")->all().size(), 1U);
    EXPECT_EQ(set->find("timezon"), nullptr);
}

TEST(ParameterSets, ASetLivesAsLongAsSomebodyHasIt) {
    ParameterSets sets;
    std::weak_ptr<const ParameterSet> const weak = sets.with(sets.empty(), "a", "1");
    EXPECT_TRUE(weak.expired());
    for (int i = 0; i < 1000; ++i) {
        static_cast<void>(sets.with(sets.empty(), "a", std::to_string(i)));
    }
    EXPECT_EQ(*sets.with(sets.empty(), "a", "5")->find("a"), "5");
}

TEST(ParameterSets, RemembersHowTheServerSpellsAValue) {
    ParameterSets sets;
    EXPECT_EQ(sets.canonical("client_encoding", "latin1"), nullptr);
    sets.learn_canonical("client_encoding", "latin1", "LATIN1");
    ASSERT_NE(sets.canonical("client_encoding", "latin1"), nullptr);
    EXPECT_EQ(*sets.canonical("client_encoding", "latin1"), "LATIN1");
}

TEST(Parameters, KnowsWhatNobodyCanSetAndWhatIsReported) {
    EXPECT_FALSE(settable("server_version"));
    EXPECT_FALSE(settable("In_Hot_Standby"));
    EXPECT_TRUE(settable("DateStyle"));
    EXPECT_TRUE(reported("datestyle"));
    EXPECT_TRUE(reported("server_version"));
    EXPECT_FALSE(reported("search_path"));
}

TEST(SetStatement, SetsInOneSelectAndResetsBehindIt) {
    std::string const zone = "Asia/Tokyo";
    std::string const name = "x";
    std::array<ParameterChange, 3> const changes{{{.name = "work_mem", .value = nullptr},
                                                  {.name = "TimeZone", .value = &zone},
                                                  {.name = "application_name", .value = &name}}};
    EXPECT_EQ(set_statement(changes),
              "SELECT pg_catalog.set_config(E'TimeZone', E'Asia/Tokyo', false), "
              "pg_catalog.set_config(E'application_name', E'x', false); RESET \"work_mem\"");
}

TEST(SetStatement, QuotesWhateverAValueHolds) {
    std::string const value = R"(it's a \ "trap"; DROP)";
    std::array<ParameterChange, 1> const changes{{{.name = "application_name", .value = &value}}};
    EXPECT_EQ(set_statement(changes),
              R"(SELECT pg_catalog.set_config(E'application_name', E'it''s a \\ "trap"; DROP', false))");
}

// -- The startup parameter "options"

std::string spelled(std::string_view options) {
    auto const parameters = read_options(options);
    if (!parameters.has_value()) {
        return "refused";
    }
    std::string text;
    for (const SpelledParameter& parameter : *parameters) {
        text += "[" + parameter.name + "=" + parameter.value + "]";
    }
    return text;
}

TEST(ReadOptions, TakesAllSpellingsOfASetting) {
    EXPECT_EQ(spelled("-c a=b"), "[a=b]");
    EXPECT_EQ(spelled("-ca=b"), "[a=b]");
    EXPECT_EQ(spelled("--a=b"), "[a=b]");
    EXPECT_EQ(spelled("  -c   a=b\t--c-d=e "), "[a=b][c_d=e]");
    EXPECT_EQ(spelled(""), "");
}

TEST(ReadOptions, ABackslashKeepsASpaceInTheValue) {
    EXPECT_EQ(spelled(R"(-c search_path=a,\ b --x=\\y)"), R"([search_path=a, b][x=\y])");
}

TEST(ReadOptions, AValueMayHoldEqualsSignsAndNothing) {
    EXPECT_EQ(spelled("-c a=b=c -c d="), "[a=b=c][d=]");
}

TEST(ReadOptions, AnythingElseIsRefused) {
    // An empty name sent another pooler into an endless loop (CVE-2026-107349).
    for (std::string_view const options :
         {"-c =", "-c", "--", "--=x", "-c a", "-B 5", "a=b", "-c a;b=c", "-c a=b nonsense", "--a'b=c"}) {
        EXPECT_EQ(spelled(options), "refused") << options;
    }
}

TEST(ParameterSets, ThoseOfAnotherWorkerAreFoundByTheirValues) {
    ParameterSets mine;
    ParameterSets other;
    ParameterSetPtr const theirs = other.with(other.empty(), "TimeZone", "UTC");
    ParameterSetPtr const ours = mine.equal_to(*theirs);
    EXPECT_NE(ours, theirs);
    EXPECT_EQ(mine.with(mine.empty(), "TimeZone", "UTC"), ours);
    EXPECT_EQ(mine.equal_to(*other.empty()), mine.empty());
}

}  // namespace
}  // namespace pgring::session
