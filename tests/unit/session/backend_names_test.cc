#include "session/backend_names.h"

#include <gtest/gtest.h>

namespace pgring::session {
namespace {

using Made = BackendNames::Made;

class NamesAtABackend : public testing::Test {
  protected:
    Statement statement(std::uint32_t number) {
        Statement made;
        made.number = number;
        made.text = std::make_shared<StatementText>();
        return made;
    }
    BackendNames::Ticket add(std::string_view name, std::uint32_t number, Made made = Made::Carried) {
        return names_.add(name, statement(number), unit_, made);
    }

    BackendNames names_;
    std::uint64_t unit_ = 1;
};

TEST_F(NamesAtABackend, StandForOneVersionOfOneStatement) {
    Statement one = statement(1);
    static_cast<void>(names_.add("p", one, unit_, Made::Carried));
    EXPECT_TRUE(names_.stands_for("p", one));
    EXPECT_FALSE(names_.stands_for("P", one));
    EXPECT_FALSE(names_.stands_for("p", statement(2)));
    ++one.text->version;
    EXPECT_FALSE(names_.stands_for("p", one));
    EXPECT_TRUE(names_.has("p"));
}

TEST_F(NamesAtABackend, AParseThatWasSkippedIsUndone) {
    BackendNames::Ticket const ticket = add("p", 1);
    add("q", 1);
    names_.undo(ticket);
    EXPECT_FALSE(names_.has("p"));
    EXPECT_TRUE(names_.has("q"));
}

TEST_F(NamesAtABackend, ACloseThatWasSkippedLeavesTheNameThere) {
    add("p", 1, Made::BySql);
    BackendNames::Ticket const closed = names_.remove("p");
    EXPECT_FALSE(names_.has("p"));
    BackendNames::Ticket const parsed = add("p", 2);
    names_.undo(parsed);
    names_.undo(closed);
    EXPECT_TRUE(names_.stands_for("p", statement(1)));
    EXPECT_EQ(names_.by_sql_count(), 1U);
}

TEST_F(NamesAtABackend, ACloseThatWasAnsweredIsForGood) {
    add("p", 1);
    BackendNames::Ticket const closed = names_.remove("p");
    names_.removed(closed);
    names_.undo(closed);
    EXPECT_FALSE(names_.has("p"));
}

TEST_F(NamesAtABackend, OnlyThoseThatSqlPreparedCountAsSuch) {
    add("a", 1);
    add("b", 2, Made::BySql);
    add("c", 3, Made::BySql);
    EXPECT_EQ(names_.by_sql_count(), 2U);
    names_.erase("c");
    names_.erase("nobody");
    EXPECT_EQ(names_.by_sql_count(), 1U);
    names_.clear();
    EXPECT_TRUE(names_.empty());
    EXPECT_EQ(names_.by_sql_count(), 0U);
}

TEST_F(NamesAtABackend, TheLeastRecentlyUsedGoesFirst) {
    add("a", 1);
    add("b", 2);
    ++unit_;
    names_.use("a", unit_);
    EXPECT_EQ(names_.surplus(3, unit_), std::nullopt);
    EXPECT_EQ(names_.surplus(2, unit_), "b");
    names_.removed(names_.remove("b"));
    EXPECT_EQ(names_.surplus(1, unit_), std::nullopt) << "what the unit uses stays";
    EXPECT_EQ(names_.surplus(1, unit_ + 1), "a");
}

TEST_F(NamesAtABackend, AreVisitedWithTheirStatements) {
    add("a", 1);
    add("b", 2);
    std::string all;
    names_.for_each([&all](std::string_view name, std::uint32_t number) {
        all += std::string(name) + std::to_string(number);
    });
    EXPECT_EQ(all, "b2a1");
}

}  // namespace
}  // namespace pgring::session
