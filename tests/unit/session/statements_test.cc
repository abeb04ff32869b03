#include "session/statements.h"

#include <gtest/gtest.h>

namespace pgring::session {
namespace {

TEST(StatementMap, ATextUnderAnotherSearchPathIsAnotherStatement) {
    StatementMap map{std::make_shared<StatementTexts>()};
    StatementRef const plain = map.intern({"select * from t"}, {});
    StatementRef const tenant = map.intern({.parse_body = "select * from t", .search_path = "tenant"}, {});
    EXPECT_NE(plain->number, tenant->number);
    EXPECT_EQ(map.find({.parse_body = "select * from t", .search_path = "tenant"})->number, tenant->number);
    EXPECT_FALSE(map.find({.parse_body = "select * from t", .search_path = "other"}));
    EXPECT_EQ(map.size_bytes(), 36U);
}

TEST(StatementMap, TheSameTextIsTheSameStatement) {
    StatementMap map{std::make_shared<StatementTexts>()};
    StatementRef const first = map.intern({"select 1"}, {});
    StatementRef const second = map.intern({"select 1"}, {});
    StatementRef const other = map.intern({"select 2"}, {});
    EXPECT_EQ(first.get(), second.get());
    EXPECT_NE(first.get(), other.get());
    EXPECT_EQ(map.size(), 2U);
}

TEST(StatementMap, ATextIsForgottenWithItsLastNameAndItsNumberIsNotUsedAgain) {
    StatementMap map{std::make_shared<StatementTexts>()};
    StatementRef first = map.intern({"select 1"}, {});
    std::uint32_t const number = first->number;
    StatementRef second = first;
    first.reset();
    EXPECT_EQ(map.size(), 1U);
    second.reset();
    EXPECT_EQ(map.size(), 0U);
    EXPECT_EQ(map.size_bytes(), 0U);
    EXPECT_NE(map.intern({"select 1"}, {})->number, number);
}

TEST(StatementMap, IsBoundedInBytes) {
    StatementMap map{std::make_shared<StatementTexts>()};
    StatementRef const large = map.intern({std::string(StatementMap::kBytesMax, 'x')}, {});
    EXPECT_TRUE(large);
    EXPECT_FALSE(map.intern({"one more"}, {}));
}

TEST(StatementMap, RemembersWhatAServerAccepted) {
    StatementMap map{std::make_shared<StatementTexts>()};
    StatementRef const statement = map.intern({"select 1"}, {});
    EXPECT_FALSE(map.find({"select 1"})->accepted());
    map.accept(statement->number);
    EXPECT_TRUE(map.find({"select 1"})->accepted());
    map.accept(statement->number + 1);
    EXPECT_FALSE(map.find({"select 2"}));
}

class Names : public ::testing::Test {
  protected:
    StatementMap map_{std::make_shared<StatementTexts>()};
    SessionStatements names_;
    /// What a name stands for; nullptr where it is free.
    const Statement* meaning(std::string_view name) {
        const SessionStatements::Named* const found = names_.find(name);
        return found == nullptr ? nullptr : found->statement.get();
    }
    StatementRef one_ = map_.intern({"select 1"}, {});
    StatementRef two_ = map_.intern({"select 2"}, {});
};

TEST_F(Names, AreTakenAtOnceAndConfirmedLater) {
    names_.add("s", one_);
    EXPECT_EQ(meaning("s"), one_.get());
    names_.confirm();
    EXPECT_EQ(meaning("s"), one_.get());
}

TEST_F(Names, AreFreeAgainWhenTheServerRefused) {
    names_.add("s", one_);
    names_.undo(1);
    EXPECT_EQ(meaning("s"), nullptr);
}

TEST_F(Names, ComeBackWhenTheirCloseWasSkipped) {
    names_.add("s", one_);
    names_.confirm();
    names_.drop("s");
    EXPECT_EQ(meaning("s"), nullptr);
    names_.undo(1);
    EXPECT_EQ(meaning("s"), one_.get());
}

TEST_F(Names, AClosedAndReusedNameReturnsToItsFirstMeaning) {
    names_.add("s", one_);
    names_.confirm();
    names_.drop("s");
    names_.add("s", two_);
    names_.undo(2);
    EXPECT_EQ(meaning("s"), one_.get());
}

TEST_F(Names, OnlyTheOldestChangesAreUndone) {
    names_.add("a", one_);
    names_.add("b", two_);
    names_.undo(1);
    EXPECT_EQ(meaning("a"), nullptr);
    EXPECT_EQ(meaning("b"), two_.get());
}

TEST_F(Names, ANameThatALaterUnitTookKeepsItsNewMeaning) {
    names_.add("s", one_);
    names_.confirm();
    names_.drop("s");
    names_.add("s", two_);
    names_.undo(1);
    EXPECT_EQ(meaning("s"), two_.get());
}

TEST_F(Names, ClosingAnUnknownNameIsFine) {
    names_.drop("never");
    names_.confirm();
    EXPECT_EQ(names_.size(), 0U);
}

TEST_F(Names, AreFoundByTheirStatementUntilTheirCloseIsConfirmed) {
    names_.add_confirmed("s", one_);
    EXPECT_EQ(names_.name_of(one_->number), "s");
    EXPECT_EQ(names_.name_of(two_->number), "");
    names_.drop("s");
    EXPECT_EQ(names_.name_of(one_->number), "s");
    names_.confirm();
    EXPECT_EQ(names_.name_of(one_->number), "");
}

TEST_F(Names, HoldTheirStatements) {
    names_.add_confirmed("s", one_);
    one_.reset();
    EXPECT_EQ(map_.size(), 2U);
    names_.erase("s");
    EXPECT_EQ(map_.size(), 1U);
}

Statement numbered(std::uint32_t number) {
    Statement statement;
    statement.number = number;
    statement.text = std::make_shared<StatementText>();
    return statement;
}

TEST(BackendStatements, TheLeastRecentlyUsedGoesFirst) {
    BackendStatements statements;
    statements.add(numbered(1), 1);
    statements.add(numbered(2), 2);
    statements.add(numbered(3), 3);
    EXPECT_TRUE(statements.use(numbered(1), 4));
    EXPECT_EQ(statements.surplus(3, 5), 2U);
    EXPECT_EQ(statements.surplus(4, 5), kNoStatement) << "there is room";
    EXPECT_FALSE(statements.use(numbered(7), 5));
}

TEST(BackendStatements, WhatTheUnitUsesDoesNotGo) {
    BackendStatements statements;
    statements.add(numbered(1), 1);
    EXPECT_TRUE(statements.use(numbered(1), 2));
    EXPECT_EQ(statements.surplus(1, 2), kNoStatement);
    EXPECT_EQ(statements.surplus(1, 3), 1U);
}

TEST(BackendStatements, ARestoredOneIsThereAndTheFirstToGo) {
    BackendStatements statements;
    statements.add(numbered(1), 1);
    statements.add(numbered(2), 1);
    statements.remove(2);
    statements.restore(2, 1);
    EXPECT_EQ(statements.surplus(2, 5), 2U);
    EXPECT_TRUE(statements.use(numbered(2), 5));
}

TEST(BackendStatements, AnOlderVersionIsOutdated) {
    BackendStatements statements;
    Statement statement = numbered(1);
    statements.add(statement, 1);
    statements.describe(1, 77);
    EXPECT_EQ(statements.shape(statement), 77U);
    ++statement.text->version;
    EXPECT_FALSE(statements.use(statement, 2));
    EXPECT_TRUE(statements.outdated(statement));
    EXPECT_EQ(statements.shape(statement), kNoShape);
    statements.remove(1);
    statements.add(statement, 2);
    EXPECT_TRUE(statements.use(statement, 3));
    EXPECT_FALSE(statements.outdated(statement));
}

TEST(BackendStatements, KnowInWhichUnitTheyWereAsked) {
    BackendStatements statements;
    Statement const statement = numbered(1);
    statements.add(statement, 1);
    statements.describe(1, 77);
    EXPECT_FALSE(statements.was_asked(statement, 1));
    statements.describe(1, 78, 2);
    EXPECT_EQ(statements.shape(statement), 78U);
    EXPECT_TRUE(statements.was_asked(statement, 2));
    EXPECT_FALSE(statements.was_asked(statement, 3));
    EXPECT_TRUE(statements.use(statement, 3));
    statements.outdate(1);
    EXPECT_FALSE(statements.use(statement, 3));
}

TEST(StatementMaps, OfAllWorkersHaveOneNumberAndOneVersionForOneText) {
    auto const texts = std::make_shared<StatementTexts>();
    StatementMap map{texts};
    StatementMap other{texts};
    StatementRef const mine = map.intern({"select 1"}, {});
    StatementRef const different = other.intern({"select 2"}, {});
    StatementRef const same = other.intern({"select 1"}, {});
    EXPECT_EQ(same->number, mine->number);
    EXPECT_EQ(&same->parse_body(), &mine->parse_body()) << "the text is kept once";
    EXPECT_NE(different->number, mine->number);
    map.outdate(mine->number);
    EXPECT_EQ(same->version(), 2U) << "a backend of the other worker may come here";
    EXPECT_EQ(different->version(), 1U);
}

TEST(StatementMaps, WhatIsOneSessionsOwnIsNotShared) {
    auto const texts = std::make_shared<StatementTexts>();
    StatementMap map{texts};
    StatementMap other{texts};
    pool::SessionId const session{.index = 1, .generation = 1};
    StatementRef const mine = map.intern({.parse_body = "execute p", .only_for = session}, {});
    StatementRef const theirs = other.intern({.parse_body = "execute p", .only_for = session}, {});
    EXPECT_NE(mine->number, theirs->number) << "another worker's session has the same id";
}

TEST(StatementTexts, AreForgottenWithTheLastWorkerThatHasThem) {
    StatementTexts texts;
    std::shared_ptr<StatementText> text = texts.shared("select 1", "");
    std::weak_ptr<StatementText> const last = text;
    std::uint32_t const number = text->number;
    EXPECT_NE(texts.shared("select 1", "tenant")->number, number);
    text.reset();
    EXPECT_TRUE(last.expired());
    EXPECT_NE(texts.shared("select 1", "")->number, number) << "a backend may have the old one still";
    for (int i = 0; i < 1000; ++i) {
        static_cast<void>(texts.shared("select " + std::to_string(i), ""));
    }
    EXPECT_NE(texts.shared("select 1", ""), nullptr);
}

TEST(ServerName, SaysTheNumber) {
    std::array<char, 32> memory{};
    EXPECT_EQ(server_name(4294967295U, memory), "pgring_4294967295");
}

}  // namespace
}  // namespace pgring::session
