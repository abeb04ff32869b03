#include "session/startup_return.h"

#include <gtest/gtest.h>

namespace pgring::session {
namespace {

using Action = sql::SettingChange::Action;
using Changes = std::vector<sql::SettingChange>;

class StartupReturnTest : public ::testing::Test {
  protected:
    StartupReturnTest() {
        defaults_ = sets_.with(sets_.with(sets_.empty(), "DateStyle", "ISO"), "application_name", "");
        wanted_ = sets_.with(sets_.with(defaults_, "application_name", "it's me"), "work_mem", "7MB");
    }
    [[nodiscard]] StartupValues values() const { return {*wanted_, *defaults_}; }

    ParameterSets sets_;
    ParameterSetPtr defaults_;
    ParameterSetPtr wanted_;
    StartupReturn returns_;
};

TEST_F(StartupReturnTest, SetsWhatTheSessionAskedForAndNothingElse) {
    returns_.note(Changes{{.action = Action::Reset, .name = "application_name"},
                          {.action = Action::Reset, .name = "datestyle"},
                          {.action = Action::Reset, .name = "statement_timeout"}},
                  values());
    EXPECT_EQ(returns_.query(), "SELECT pg_catalog.set_config(E'application_name', E'it''s me', false)");
}

TEST_F(StartupReturnTest, OfAllIsOneQuery) {
    returns_.note(Changes{{.action = Action::ResetAll, .name = {}}}, values());
    EXPECT_EQ(returns_.query(),
              "SELECT pg_catalog.set_config(E'application_name', E'it''s me', false), "
              "pg_catalog.set_config(E'work_mem', E'7MB', false)");
}

TEST_F(StartupReturnTest, LeavesWhatTheSameTextSetsBehindTheReset) {
    returns_.note(
        Changes{{.action = Action::ResetAll, .name = {}}, {.action = Action::Set, .name = "work_mem"}},
        values());
    EXPECT_EQ(returns_.query(), "SELECT pg_catalog.set_config(E'application_name', E'it''s me', false)");
}

TEST_F(StartupReturnTest, OfSetLocalEndsWithTheTransaction) {
    returns_.note(Changes{{.action = Action::ResetLocal, .name = "work_mem"}}, values());
    EXPECT_EQ(returns_.query(), "SELECT pg_catalog.set_config(E'work_mem', E'7MB', true)");
}

TEST_F(StartupReturnTest, IsDueOnlyOnceAQueryWasSent) {
    returns_.note_all(values());
    EXPECT_TRUE(returns_.bound());
    EXPECT_FALSE(returns_.due());
    EXPECT_EQ(returns_.find("work_mem"), nullptr);
    returns_.sent(sql::Control::None);
    EXPECT_FALSE(returns_.bound());
    EXPECT_TRUE(returns_.due());
    ASSERT_NE(returns_.find("WORK_MEM"), nullptr);
    EXPECT_EQ(*returns_.find("WORK_MEM"), "7MB");
    returns_.clear();
    EXPECT_FALSE(returns_.due());
}

TEST_F(StartupReturnTest, TellsNothingOfATextThatMayHaveUndoneIt) {
    returns_.note_all(values());
    returns_.sent(sql::Control::Mixed);
    EXPECT_TRUE(returns_.due());
    EXPECT_EQ(returns_.find("work_mem"), nullptr);
}

TEST_F(StartupReturnTest, IsNothingWhereTheSessionAskedForNothing) {
    returns_.note_all({*defaults_, *defaults_});
    EXPECT_FALSE(returns_.bound());
    returns_.sent(sql::Control::None);
    EXPECT_FALSE(returns_.due());
}

}  // namespace
}  // namespace pgring::session
