#include "config/expansion.h"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pgring::config {
namespace {

constexpr std::array kVariables{
    EnvironmentVariable{"USER", "alice"},
    EnvironmentVariable{"EMPTY", ""},
    EnvironmentVariable{"NESTED", "${USER}"},
    EnvironmentVariable{"USER", "shadowed"},
};

std::string expanded(std::string_view text) {
    std::vector<std::string> referenced;
    const auto result = expand(text, kVariables, referenced);
    EXPECT_TRUE(result.has_value()) << text;
    return result.value_or("");
}

std::vector<std::string> messages_of(std::string_view text) {
    std::vector<std::string> referenced;
    const auto result = expand(text, kVariables, referenced);
    std::vector<std::string> messages;
    if (!result) {
        for (const Advice& advice : result.error()) {
            messages.push_back(advice.message);
        }
    }
    return messages;
}

TEST(Expansion, TextWithoutReferencesStaysAsItIs) {
    EXPECT_EQ(expanded(""), "");
    EXPECT_EQ(expanded("plain"), "plain");
    EXPECT_EQ(expanded("pa$$word costs $5 {x} $USER $"), "pa$$word costs $5 {x} $USER $");
}

TEST(Expansion, ReferencesAreReplacedWhereTheyStand) {
    EXPECT_EQ(expanded("${USER}"), "alice");
    EXPECT_EQ(expanded("<${USER}@${USER}>"), "<alice@alice>");
    EXPECT_EQ(expanded("[${EMPTY}]"), "[]");
}

TEST(Expansion, WhatAVariableBringsInIsNotExpandedAgain) {
    EXPECT_EQ(expanded("${NESTED}"), "${USER}");
}

TEST(Expansion, DefaultStandsInForUnsetAndEmpty) {
    EXPECT_EQ(expanded("${UNSET:-bob}"), "bob");
    EXPECT_EQ(expanded("${EMPTY:-bob}"), "bob");
    EXPECT_EQ(expanded("${USER:-bob}"), "alice");
    EXPECT_EQ(expanded("${UNSET:-}"), "");
    EXPECT_EQ(expanded("${UNSET:-a:-b}"), "a:-b");
}

TEST(Expansion, DoubledDollarKeepsTheBraces) {
    EXPECT_EQ(expanded("$${USER}"), "${USER}");
    EXPECT_EQ(expanded("$${USER} ${USER}"), "${USER} alice");
}

TEST(Expansion, EachUnsetVariableIsNamed) {
    EXPECT_EQ(messages_of("${ONE} ${USER} ${TWO}"),
              (std::vector<std::string>{"needs the environment variable ONE, which is not set",
                                        "needs the environment variable TWO, which is not set"}));
}

TEST(Expansion, RemedySaysHowToSetOrDefaultIt) {
    std::vector<std::string> referenced;
    const auto result = expand("${ONE}", kVariables, referenced);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().front().remedy, "set ONE, or write ${ONE:-DEFAULT} to have a default");
}

TEST(Expansion, BrokenReferencesAreErrors) {
    for (const char* text : {"${", "${}", "${USER", "${1ST}", "${A B}", "${:-x}", "${a-b}", "${${USER}}"}) {
        EXPECT_EQ(messages_of(text),
                  std::vector<std::string>{"has a ${ that no variable's name and } follow"})
            << text;
    }
}

TEST(Expansion, ReferencedNamesAreCollectedFoundOrNot) {
    std::vector<std::string> referenced;
    static_cast<void>(expand("${USER} ${UNSET} ${OTHER:-x} $${KEPT}", kVariables, referenced));
    EXPECT_EQ(referenced, (std::vector<std::string>{"USER", "UNSET", "OTHER"}));
}

TEST(Environment, EntriesAreSplitAtTheFirstEqualsSign) {
    EXPECT_EQ(split_environment_entry("A=b=c").name, "A");
    EXPECT_EQ(split_environment_entry("A=b=c").value, "b=c");
    EXPECT_EQ(split_environment_entry("A=").value, "");
    EXPECT_EQ(split_environment_entry("A").name, "A");
}

TEST(Environment, FirstOfTwoVariablesCounts) {
    EXPECT_EQ(find_variable(kVariables, "USER"), "alice");
    EXPECT_EQ(find_variable(kVariables, "user"), std::nullopt);
}

}  // namespace
}  // namespace pgring::config
