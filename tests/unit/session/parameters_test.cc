#include "session/parameters.h"

#include <array>

#include <gtest/gtest.h>

#include "session/frontend_login.h"
#include "session/pin.h"
#include "session/touched_parameters.h"

namespace pgring::session {
namespace {

TEST(ParameterSets, EqualValuesAreOneSet) {
    ParameterSets sets;
    ParameterSetPtr const a = sets.with(sets.with(sets.empty(), "TimeZone", "UTC"), "DateStyle", "ISO");
    ParameterSetPtr const b = sets.with(sets.with(sets.empty(), "datestyle", "ISO"), "TIMEZONE", "UTC");
    ASSERT_NE(b->find("DateStyle"), nullptr) << "names compare without regard to case";
    EXPECT_EQ(*b->find("DateStyle"), "ISO");
    EXPECT_EQ(sets.with(a, "TimeZone", "UTC"), a);
    EXPECT_EQ(sets.with(sets.with(a, "TimeZone", "CET"), "TimeZone", "UTC"), a);
    EXPECT_EQ(sets.without(sets.with(a, "work_mem", "1MB"), "work_mem"), a);
}

TEST(ParameterSets, RememberWhatPostgresqlMadeOfASpelling) {
    ParameterSets sets;
    EXPECT_EQ(sets.canonical("client_encoding", "utf8"), nullptr);
    sets.learn_canonical("client_encoding", "utf8", "UTF8");
    ASSERT_NE(sets.canonical("client_encoding", "utf8"), nullptr);
    EXPECT_EQ(*sets.canonical("client_encoding", "utf8"), "UTF8");
}

TEST(SetStatement, QuotesSoThatNoValueCanEscape) {
    std::string const value = "a'; drop table t; --\\";
    std::array const changes{ParameterChange{.name = "app.x", .value = &value},
                             ParameterChange{.name = "work_mem", .value = nullptr}};
    EXPECT_EQ(
        set_statement(changes),
        "SELECT pg_catalog.set_config(E'app.x', E'a''; drop table t; --\\\\', false); RESET \"work_mem\"");
}

TEST(ReadOptions, UnderstandsEveryFormOfPostgresql) {
    auto const options = read_options("-c a=1 -cb=2 --search-path=x\\ y  -c d=");
    ASSERT_TRUE(options.has_value());
    ASSERT_EQ(options->size(), 4U);
    EXPECT_EQ((*options)[1].name, "b");
    EXPECT_EQ((*options)[2].name, "search_path");
    EXPECT_EQ((*options)[2].value, "x y");
    EXPECT_EQ((*options)[3].value, "");
}

TEST(ReadOptions, RefusesWhatItCannotCarryAndEnds) {
    for (std::string_view const bad : {"-c =", "-c", "-c a", "--=x", "-d 5", "word", "-c a;b=1", "\\"}) {
        EXPECT_FALSE(read_options(bad).has_value()) << bad;
    }
    EXPECT_TRUE(read_options("   ").has_value());
}

TEST(TouchedParameters, AskAndReadInTheSameOrder) {
    TouchedParameters touched;
    touched.note("work_mem");
    touched.note("app.user");
    touched.note("WORK_MEM");
    EXPECT_NE(touched.query().find("E'work_mem'"), std::string::npos);
    std::array<std::optional<std::string>, 4> const row{"1MB", "f", std::nullopt, std::nullopt};
    auto const readings = touched.read(row);
    ASSERT_EQ(readings.size(), 2U) << "a name is asked for once";
    EXPECT_EQ(readings[0].value, "1MB");
    EXPECT_EQ(readings[0].state, ParameterReading::State::Set);
    EXPECT_EQ(readings[1].state, ParameterReading::State::Default);
}

TEST(TouchedParameters, DoNotFollowWhoTheSessionIs) {
    TouchedParameters touched;
    std::array const changes{sql::SettingChange{.name = "role", .value = "x"}};
    EXPECT_FALSE(touched.note(changes));
}

TEST(Pins, EveryEffectThatStaysHasOne) {
    EXPECT_EQ(pin_of(sql::Effect::TemporaryObject), Pin::TemporaryObject);
    EXPECT_EQ(pin_of(sql::Effect::AdvisoryLock), Pin::AdvisoryLock);
    EXPECT_EQ(pin_of(sql::Effect::Listen | sql::Effect::UnknownFunction), Pin::Listen);
    EXPECT_EQ(pin_of(sql::Effect::SetReportedParameter), Pin::None);
    EXPECT_EQ(pin_of(sql::Effect::UnknownFunction), Pin::None);
}

}  // namespace
}  // namespace pgring::session
