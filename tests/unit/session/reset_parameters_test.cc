#include "session/reset_parameters.h"

#include <array>

#include <gtest/gtest.h>

namespace pgring::session {
namespace {

using Action = sql::SettingChange::Action;

TEST(ResetParameters, AreThoseThatAreNamed) {
    ResetParameters resets;
    std::array const changes{sql::SettingChange{.action = Action::Set, .name = "work_mem"},
                             sql::SettingChange{.action = Action::Reset, .name = "datestyle"}};
    resets.note(changes);
    EXPECT_FALSE(resets.empty());
    EXPECT_TRUE(resets.has("DateStyle"));
    EXPECT_FALSE(resets.has("work_mem"));
    resets.clear();
    EXPECT_TRUE(resets.empty());
    EXPECT_FALSE(resets.has("DateStyle"));
}

TEST(ResetParameters, AreAllAfterResetAll) {
    ResetParameters resets;
    std::array const changes{sql::SettingChange{.action = Action::ResetAll, .name = {}}};
    resets.note(changes);
    EXPECT_FALSE(resets.empty());
    EXPECT_TRUE(resets.has("work_mem"));
}

TEST(ResetParameters, AreAllWhereTheyAreTooMany) {
    ResetParameters resets;
    for (std::size_t i = 0; i <= ResetParameters::kNamesMax; ++i) {
        std::array const changes{
            sql::SettingChange{.action = Action::Reset, .name = "app.p" + std::to_string(i)}};
        EXPECT_FALSE(resets.has("work_mem")) << i;
        resets.note(changes);
    }
    EXPECT_TRUE(resets.has("work_mem"));
}

}  // namespace
}  // namespace pgring::session
