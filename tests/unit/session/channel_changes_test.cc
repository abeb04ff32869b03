#include "session/channel_changes.h"

#include <gtest/gtest.h>

namespace pgring::session {
namespace {

using Kind = sql::ChannelStep::Kind;

/// Applies each statement of a text; "commit" and "rollback" are told apart as by their tags.
void run(ChannelChanges& changes, std::string_view text) {
    for (const sql::ChannelStep& step : sql::channel_steps_of(text)) {
        changes.apply(step);
    }
}

TEST(ChannelChanges, TakeEffectAtTheCommit) {
    ChannelChanges changes;
    run(changes, "listen a");
    EXPECT_TRUE(changes.channels().empty());
    EXPECT_TRUE(changes.asks_for("a"));
    EXPECT_TRUE(changes.pending());
    changes.commit();
    EXPECT_EQ(changes.channels(), ChannelNames{"a"});
    EXPECT_FALSE(changes.pending());
    EXPECT_FALSE(changes.asks_for("a"));
}

TEST(ChannelChanges, AreUndoneByARollback) {
    ChannelChanges changes;
    run(changes, "listen a; listen b");
    changes.commit();
    run(changes, "unlisten a; listen c");
    changes.roll_back();
    changes.commit();
    EXPECT_EQ(changes.channels(), (ChannelNames{"a", "b"}));
}

TEST(ChannelChanges, HappenInOrder) {
    ChannelChanges changes;
    run(changes, "listen a; unlisten a; listen b; unlisten *; listen c; unlisten d");
    changes.commit();
    EXPECT_EQ(changes.channels(), ChannelNames{"c"});
    run(changes, "listen d; discard all");
    changes.commit();
    EXPECT_TRUE(changes.channels().empty());
}

TEST(ChannelChanges, OfASavepointAreUndoneWithIt) {
    ChannelChanges changes;
    run(changes, "listen a; savepoint s; listen b; savepoint t; listen c; rollback to s; listen d");
    changes.commit();
    EXPECT_EQ(changes.channels(), (ChannelNames{"a", "d"}));
}

TEST(ChannelChanges, OfAReleasedSavepointStay) {
    ChannelChanges changes;
    run(changes, "listen a; savepoint s; listen b; savepoint t; listen c; release s");
    changes.commit();
    EXPECT_EQ(changes.channels(), (ChannelNames{"a", "b", "c"}));
}

TEST(ChannelChanges, OfAReleasedSavepointAreUndoneWithTheOneAroundIt) {
    ChannelChanges changes;
    run(changes, "listen a; savepoint s; savepoint t; listen b; release t; rollback to s");
    changes.commit();
    EXPECT_EQ(changes.channels(), ChannelNames{"a"});
}

TEST(ChannelChanges, ASavepointOlderThanTheFirstChangeUndoesAll) {
    ChannelChanges changes;
    run(changes, "savepoint s; listen a; savepoint t; listen b; rollback to s");
    EXPECT_FALSE(changes.pending());
    changes.commit();
    EXPECT_TRUE(changes.channels().empty());
}

TEST(ChannelChanges, OfTwoSavepointsOfOneNameTheInnerIsMeant) {
    ChannelChanges changes;
    run(changes, "listen a; savepoint s; listen b; savepoint s; listen c; rollback to s");
    changes.commit();
    EXPECT_EQ(changes.channels(), (ChannelNames{"a", "b"}));
    run(changes, "savepoint s; listen x; savepoint s; listen y; release s; rollback to s");
    changes.commit();
    EXPECT_EQ(changes.channels(), (ChannelNames{"a", "b"})) << "the second ROLLBACK TO means the outer one";
}

}  // namespace
}  // namespace pgring::session
