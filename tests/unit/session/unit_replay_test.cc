#include "session/unit_replay.h"

#include <gtest/gtest.h>

namespace pgring::session {
namespace {

std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

constexpr Expected kBind{.request = Request::Bind, .statement = 7};
constexpr Expected kDescribe{.request = Request::Describe};
constexpr Expected kExecute{.request = Request::Execute, .stake = Stake::Writes};
constexpr Expected kSync{.request = Request::Sync, .stake = Stake::Writes};

TEST(UnitReplay, KeepsAUnitWithItsEntries) {
    UnitReplay replay;
    for (int round = 0; round < 2; ++round) {
        replay.begin(bytes("B1"), bytes("2"), kBind);
        EXPECT_TRUE(replay.open());
        replay.append(bytes("D"), kDescribe);
        replay.append(bytes("E"), kExecute);
        EXPECT_FALSE(replay.complete());
        replay.append(bytes("S"), kSync);
        ASSERT_TRUE(replay.complete());
        EXPECT_EQ(std::string(reinterpret_cast<const char*>(replay.bytes().data()), replay.bytes().size()),
                  "B12DES");
        ASSERT_EQ(replay.entries().size(), 4U);
        EXPECT_EQ(replay.entries()[0].statement, 7U);
        EXPECT_EQ(replay.entries()[2].stake, Stake::Writes);
    }
}

TEST(UnitReplay, IsOfNoUseWhereTheClientDoesNotAskForTheRowsShape) {
    UnitReplay replay;
    replay.begin(bytes("B"), {}, kBind);
    replay.append(bytes("E"), kExecute);
    replay.append(bytes("S"), kSync);
    EXPECT_FALSE(replay.complete());
}

TEST(UnitReplay, GivesUpOnWhatIsLongOrForgotten) {
    std::string const much(UnitReplay::kBytesMax, 'x');
    UnitReplay replay;
    replay.begin(bytes("B"), bytes(much), kBind);
    EXPECT_FALSE(replay.open());
    replay.begin(bytes("B"), {}, kBind);
    replay.append(bytes(much), kDescribe);
    replay.append(bytes("S"), kSync);
    EXPECT_FALSE(replay.complete());
    replay.begin(bytes("B"), {}, kBind);
    replay.forget();
    replay.append(bytes("D"), kDescribe);
    replay.append(bytes("S"), kSync);
    EXPECT_FALSE(replay.complete());
}

}  // namespace
}  // namespace pgring::session
