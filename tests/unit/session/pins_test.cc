#include "session/pins.h"

#include <array>

#include <gtest/gtest.h>

namespace pgring::session {
namespace {

using Row = std::vector<std::optional<std::string>>;

TEST(Pins, AReasonIsDoubtedUntilItIsRead) {
    Pins pins;
    pins.note(sql::Effect::AdvisoryLock);
    EXPECT_FALSE(pins.empty());
    EXPECT_TRUE(pins.doubted());
    EXPECT_EQ(pins.take_news().pin, Pin::None) << "it may not have got the lock";
    EXPECT_TRUE(pins.read(Row{"t"}).empty());
    EXPECT_FALSE(pins.doubted());
    EXPECT_TRUE(pins.has(Pin::AdvisoryLock));
    Pins::News const news = pins.take_news();
    EXPECT_EQ(news.pin, Pin::AdvisoryLock);
    EXPECT_TRUE(news.first);
    EXPECT_EQ(pins.take_news().pin, Pin::None);
}

TEST(Pins, WhatIsThereIsNotReadAgainUntilItMayBeUndone) {
    Pins pins;
    pins.note(sql::Effect::TemporaryObject);
    static_cast<void>(pins.read(Row{"t"}));
    pins.note(sql::Effect::TemporaryObject);
    EXPECT_FALSE(pins.doubted());
    pins.note(sql::Effect::DropObject);
    EXPECT_TRUE(pins.doubted());
    static_cast<void>(pins.read(Row{"f"}));
    EXPECT_TRUE(pins.empty());
}

TEST(Pins, WhatUndoesNothingThatIsThereCostsNothing) {
    Pins pins;
    pins.note(sql::Effect::DropObject | sql::Effect::AdvisoryUnlock | sql::Effect::SqlDeallocate |
              sql::Effect::CloseCursor | sql::Effect::Unlisten | sql::Effect::DiscardTemporary);
    EXPECT_FALSE(pins.doubted());
    EXPECT_TRUE(pins.empty());
}

TEST(Pins, OnlyWhatIsDoubtedIsAskedFor) {
    Pins pins;
    pins.note(sql::Effect::SetRole | sql::Effect::HoldCursor);
    std::string const text = pins.query("o'neil", 0);
    EXPECT_NE(text.find("pg_cursors"), std::string::npos);
    EXPECT_NE(text.find("session_user OPERATOR(pg_catalog.<>) E'o''neil'"), std::string::npos) << text;
    EXPECT_EQ(text.find("pg_locks"), std::string::npos);
    EXPECT_EQ(text.find("pg_settings"), std::string::npos);
    static_cast<void>(pins.read(Row{"f", "t"}));
    EXPECT_FALSE(pins.has(Pin::Role));
    EXPECT_TRUE(pins.has(Pin::HoldCursor));
}

TEST(Pins, CodeMayLeaveAnythingAndIsNoReasonOnceThatIsRead) {
    Pins pins;
    pins.note(sql::Effect::MayChangeSession);
    EXPECT_TRUE(pins.has(Pin::Code));
    // Role, temporary objects, advisory locks, cursors, channels, statements, parameters.
    std::vector<std::string> const set = pins.read(Row{"f", "f", "t", "f", "f", "f", "TimeZone,work_mem"});
    EXPECT_EQ(set, (std::vector<std::string>{"TimeZone", "work_mem"}));
    EXPECT_FALSE(pins.has(Pin::Code));
    EXPECT_TRUE(pins.has(Pin::AdvisoryLock));
    pins.note(sql::Effect::AdvisoryUnlock);
    static_cast<void>(pins.read(Row{"f"}));
    EXPECT_TRUE(pins.empty());
    pins.note(sql::Effect::MayChangeSession);
    EXPECT_TRUE(pins.read(Row{"f", "f", "f", "f", "f", "f", std::nullopt}).empty());
    EXPECT_TRUE(pins.empty());
}

TEST(Pins, WhatCannotBeReadStays) {
    Pins pins;
    pins.note(sql::Effect::MayChangeSession);
    pins.reading_failed();
    EXPECT_FALSE(pins.doubted());
    EXPECT_TRUE(pins.has(Pin::Code));
    pins.note(sql::Effect::AdvisoryLock);
    static_cast<void>(pins.read(Row{}));
    EXPECT_TRUE(pins.has(Pin::AdvisoryLock)) << "an answer without a row says nothing";
    EXPECT_FALSE(pins.doubted());
}

TEST(Pins, DiscardAllEndsAllButALoadedLibrary) {
    Pins pins;
    pins.hold(Pin::Parameter);
    pins.note(sql::Effect::TemporaryObject);
    pins.discarded();
    EXPECT_TRUE(pins.empty());
    pins.note(sql::Effect::LoadLibrary);
    EXPECT_FALSE(pins.doubted());
    pins.discarded();
    EXPECT_TRUE(pins.has(Pin::LoadLibrary));
}

TEST(Pins, AReasonThatComesBackIsCountedAgainAndLoggedOnce) {
    Pins pins;
    for (bool const first : {true, false}) {
        pins.note(sql::Effect::Listen);
        static_cast<void>(pins.read(Row{"t"}));
        Pins::News const news = pins.take_news();
        EXPECT_EQ(news.pin, Pin::Listen);
        EXPECT_EQ(news.first, first);
        pins.note(sql::Effect::Unlisten);
        static_cast<void>(pins.read(Row{"f"}));
    }
}

}  // namespace
}  // namespace pgring::session
