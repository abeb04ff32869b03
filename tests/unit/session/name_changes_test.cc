#include "session/name_changes.h"

#include <gtest/gtest.h>

namespace pgring::session {
namespace {

using Kind = sql::PreparedStep::Kind;

TEST(NameChanges, StepsAreCompletedInOrder) {
    NameChanges changes;
    EXPECT_FALSE(changes.under_way());
    changes.sent({{.kind = Kind::Prepare, .name = "a"}, {}, {.kind = Kind::Deallocate, .name = "a"}});
    EXPECT_TRUE(changes.under_way());
    EXPECT_EQ(changes.completed().kind, Kind::Prepare);
    EXPECT_EQ(changes.completed().kind, Kind::Other);
    EXPECT_EQ(changes.completed().name, "a");
    EXPECT_TRUE(changes.under_way()) << "its end is still to come";
    changes.over();
    EXPECT_FALSE(changes.under_way());
}

TEST(NameChanges, MoreThanWasSentChangesNothing) {
    NameChanges changes;
    changes.sent({});
    EXPECT_EQ(changes.completed().kind, Kind::Other);
}

TEST(NameChanges, AFlushIsSentOnceForEachText) {
    NameChanges changes;
    changes.sent({});
    EXPECT_TRUE(changes.take_flush());
    EXPECT_FALSE(changes.take_flush());
    changes.over();
    changes.sent({});
    EXPECT_TRUE(changes.take_flush());
}

}  // namespace
}  // namespace pgring::session
