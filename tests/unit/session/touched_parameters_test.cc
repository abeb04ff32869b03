#include "session/touched_parameters.h"

#include <array>

#include <gtest/gtest.h>

#include "session/pin.h"

namespace pgring::session {
namespace {

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
    std::array const changes{sql::SettingChange{.name = "role"}};
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
