#include "sql/channel_step.h"

#include <gtest/gtest.h>

namespace pgring::sql {
namespace {

using Kind = ChannelStep::Kind;
using Steps = std::vector<ChannelStep>;

TEST(ChannelSteps, NamesAreFoldedUnlessQuoted) {
    EXPECT_EQ(channel_steps_of("LISTEN Jobs"), (Steps{{.kind = Kind::Listen, .name = "jobs"}}));
    EXPECT_EQ(channel_steps_of("listen \"Jobs\""), (Steps{{.kind = Kind::Listen, .name = "Jobs"}}));
    EXPECT_EQ(channel_steps_of("listen \"a\"\"b.c\" ;"), (Steps{{.kind = Kind::Listen, .name = "a\"b.c"}}));
    EXPECT_EQ(channel_steps_of("UNLISTEN Jobs"), (Steps{{.kind = Kind::Unlisten, .name = "jobs"}}));
}

TEST(ChannelSteps, NamesAreCutToSixtyThreeBytes) {
    std::string const longest(63, 'x');
    EXPECT_EQ(channel_steps_of("LISTEN " + longest + "yz"), (Steps{{.kind = Kind::Listen, .name = longest}}));
    EXPECT_EQ(channel_steps_of("LISTEN \"" + longest + "yz\""),
              (Steps{{.kind = Kind::Listen, .name = longest}}));
}

TEST(ChannelSteps, EverythingThatUnlistensAllDoesTheSame) {
    EXPECT_EQ(channel_steps_of("unlisten *"), (Steps{{.kind = Kind::UnlistenAll}}));
    EXPECT_EQ(channel_steps_of("discard all"), (Steps{{.kind = Kind::UnlistenAll}}));
    EXPECT_EQ(channel_steps_of("discard plans"), (Steps{{.kind = Kind::Other}}));
}

TEST(ChannelSteps, SavepointsHaveNamesToo) {
    EXPECT_EQ(channel_steps_of("savepoint S; release savepoint s; rollback to s"),
              (Steps{{.kind = Kind::Savepoint, .name = "s"},
                     {.kind = Kind::Release, .name = "s"},
                     {.kind = Kind::RollbackTo, .name = "s"}}));
}

TEST(ChannelSteps, EachStatementOfATextIsOne) {
    EXPECT_EQ(channel_steps_of("begin; listen a; select 1; commit; rollback"),
              (Steps{{}, {.kind = Kind::Listen, .name = "a"}, {}, {}, {}}));
    EXPECT_TRUE(channel_steps_of("").empty());
    EXPECT_TRUE(channel_steps_of("listen").empty()) << "the grammar rejects it, and so will the server";
}

}  // namespace
}  // namespace pgring::sql
