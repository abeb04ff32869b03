// What must hold for the rows as such: a new option that breaks a rule fails here.

#include "config/options.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "config/foreign_names.h"
#include "config/unknown_names.h"
#include "config/value_type.h"

namespace pgring::config {

/// Stands for a value of any type where only the number of values counts.
struct Anything {
    template <class T>
    operator T() const;  // Implicit on purpose; never called, so not defined.
};

namespace {

template <class Struct>
class OptionTable : public ::testing::Test {};

using Structs =
    ::testing::Types<PgringSettings, HealthSettings, RoutingSettings, ServerSettings, DatabaseSettings>;
TYPED_TEST_SUITE(OptionTable, Structs);

TYPED_TEST(OptionTable, DefaultsSurviveBeingWrittenAndRead) {
    for (const Option<TypeParam>& option : options<TypeParam>()) {
        const std::optional<Datum> datum = option.field.get(TypeParam{});
        if (!datum) {
            continue;
        }
        const std::string line = std::string("value = ") + to_toml(*datum, option.field.type);
        const auto document = parse_document(line);
        ASSERT_TRUE(document.has_value()) << option.name << ": " << line;
        const Given given{.value = document->front().value, .shown = ""};
        const auto again = read(given, option.field.type, option.limits);
        ASSERT_TRUE(again.has_value())
            << option.name << " " << again.error() << ": the default breaks its own limits";
        EXPECT_EQ(*again, *datum) << option.name;
    }
}

TYPED_TEST(OptionTable, SettingAFieldChangesThatMemberAndNoOther) {
    for (const Option<TypeParam>& option : options<TypeParam>()) {
        Datum changed = std::int64_t{1};
        switch (option.field.type.kind) {
            case Kind::Boolean:
                changed = !std::get<bool>(option.field.get(TypeParam{}).value());
                break;
            case Kind::Text:
                changed = std::string("other");
                break;
            case Kind::List:
                changed = std::vector<std::string>{"other"};
                break;
            case Kind::Duration:
                changed = std::int64_t{77'000'000'000};
                break;
            case Kind::Count:
            case Kind::Size:
            case Kind::Mode:
                changed = std::int64_t{77};
                break;
            case Kind::Choice:
                changed = option.field.get(TypeParam{}) == Datum(std::int64_t{0}) ? std::int64_t{1}
                                                                                  : std::int64_t{0};
                break;
        }
        TypeParam settings;
        ASSERT_NE(option.field.get(settings), changed) << option.name;
        option.field.set(settings, changed);
        EXPECT_EQ(option.field.get(settings), changed) << option.name;
        for (const Option<TypeParam>& other : options<TypeParam>()) {
            const bool untouched = other.field.get(settings) == other.field.get(TypeParam{});
            EXPECT_EQ(untouched, other.name != option.name) << option.name << " and " << other.name;
        }
    }
}

TYPED_TEST(OptionTable, SentencesEndWithAFullStop) {
    for (const Option<TypeParam>& option : options<TypeParam>()) {
        EXPECT_GT(option.sentence.size(), 20U) << option.name;
        EXPECT_TRUE(option.sentence.ends_with('.')) << option.name;
    }
}

TYPED_TEST(OptionTable, EachOptionHasADefaultOrAnExample) {
    for (const Option<TypeParam>& option : options<TypeParam>()) {
        const std::optional<Datum> datum = option.field.get(TypeParam{});
        EXPECT_TRUE(datum.has_value() || !option.example.empty()) << option.name;
        EXPECT_TRUE(datum.has_value() || !option.default_means.empty()) << option.name;
    }
}

TEST(Options, NamesAreUniqueWhereAVariableCanOverrideThem) {
    std::set<std::string_view> names;
    for (const std::string_view section : {"pgring", "health", "routing"}) {
        for (const std::string_view name : option_names(section)) {
            EXPECT_TRUE(names.insert(name).second) << name;
        }
    }
    EXPECT_EQ(names.size(),
              option_names("pgring").size() + option_names("health").size() + option_names("routing").size());
}

TEST(Options, NamesWithinASectionAreUnique) {
    for (const Section& section : kSections) {
        std::vector<std::string_view> names = option_names(section.name);
        ASSERT_FALSE(names.empty()) << section.name;
        std::ranges::sort(names);
        EXPECT_EQ(std::ranges::adjacent_find(names), names.end()) << section.name;
    }
}

TEST(Options, NoneIsAlsoCalledForeign) {
    for (const Section& section : kSections) {
        for (const std::string_view name : option_names(section.name)) {
            EXPECT_FALSE(find_foreign_option(section.name, name).has_value()) << name;
        }
    }
}

TEST(Options, NoVariableIsOneThatKubernetesSets) {
    for (const std::string_view section : {"pgring", "health", "routing"}) {
        for (const std::string_view name : option_names(section)) {
            const std::string variable = variable_of(name);
            EXPECT_NE(variable, "PGRING_PORT");
            EXPECT_FALSE(variable.starts_with("PGRING_PORT_")) << variable;
            EXPECT_FALSE(variable.starts_with("PGRING_SERVICE_")) << variable;
        }
    }
}

TEST(Options, VariableIsTheNameInCapitals) {
    EXPECT_EQ(variable_of("listen_port"), "PGRING_LISTEN_PORT");
}

/// How many members the aggregate `Struct` has: as many as it takes initializers.
template <class Struct, class... Initializers>
consteval std::size_t member_count() {
    if constexpr (requires { Struct{Initializers{}..., Anything{}}; }) {
        return member_count<Struct, Initializers..., Anything>();
    } else {
        return sizeof...(Initializers);
    }
}

TEST(Options, EveryMemberOfTheSettingsHasARow) {
    EXPECT_EQ(options<PgringSettings>().size(), member_count<PgringSettings>());
    EXPECT_EQ(options<HealthSettings>().size(), member_count<HealthSettings>());
    EXPECT_EQ(options<RoutingSettings>().size(), member_count<RoutingSettings>());
    // The name of a server or database is that of its section.
    EXPECT_EQ(options<ServerSettings>().size() + 1, member_count<ServerSettings>());
    EXPECT_EQ(options<DatabaseSettings>().size() + 1, member_count<DatabaseSettings>());
}

}  // namespace
}  // namespace pgring::config
