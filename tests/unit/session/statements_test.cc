#include "session/statements.h"

#include <gtest/gtest.h>

namespace pgring::session {
namespace {

TEST(StatementMap, SharesWhatIsTheSameAndForgetsWhatNobodyNames) {
    StatementMap map;
    {
        StatementRef const first = map.intern("select 1", {});
        StatementRef const second = map.intern("select 1", {});
        StatementRef const other = map.intern("select 2", {});
        EXPECT_EQ(first->number, second->number);
        EXPECT_NE(first->number, other->number);
        EXPECT_EQ(map.size(), 2U);
    }
    EXPECT_EQ(map.size(), 0U);
    EXPECT_EQ(map.size_bytes(), 0U);
}

TEST(StatementMap, ANumberIsNeverUsedAgain) {
    StatementMap map;
    std::uint32_t const first = map.intern("select 1", {})->number;
    EXPECT_NE(map.intern("select 1", {})->number, first) << "a backend may still know the old one";
}

TEST(SessionStatements, UndoRestoresWhatWasBefore) {
    StatementMap map;
    SessionStatements names;
    names.add("s", map.intern("select 1", {}));
    names.confirm();
    names.drop("s");
    names.add("s", map.intern("select 2", {}));
    names.undo(2);
    ASSERT_NE(names.find("s"), nullptr);
    EXPECT_EQ((*names.find("s"))->parse_body, "select 1");
}

TEST(SessionStatements, WhatIsConfirmedIsNotUndone) {
    StatementMap map;
    SessionStatements names;
    names.add("a", map.intern("select 1", {}));
    names.add("b", map.intern("select 2", {}));
    names.confirm();
    names.undo(1);
    EXPECT_NE(names.find("a"), nullptr);
    EXPECT_EQ(names.find("b"), nullptr);
}

TEST(BackendStatements, TheLeastRecentlyUsedGoesFirstAndNothingOfThisUnit) {
    BackendStatements statements;
    statements.add(1, 1);
    statements.add(2, 1);
    statements.add(3, 2);
    EXPECT_EQ(statements.surplus(4, 3), kNoStatement) << "within the limit";
    EXPECT_EQ(statements.surplus(3, 3), 1U);
    EXPECT_TRUE(statements.use(1, 3));
    EXPECT_EQ(statements.surplus(3, 3), 2U);
    EXPECT_TRUE(statements.use(2, 3));
    EXPECT_TRUE(statements.use(3, 3));
    EXPECT_EQ(statements.surplus(3, 3), kNoStatement) << "all are in use";
    EXPECT_FALSE(statements.use(4, 3));
}

TEST(BackendStatements, AStatementWhoseCloseWasSkippedIsTheFirstToGo) {
    BackendStatements statements;
    statements.add(1, 1);
    statements.add(2, 1);
    statements.remove(1);
    EXPECT_FALSE(statements.use(1, 2));
    statements.restore(1);
    EXPECT_EQ(statements.surplus(2, 2), 1U);
}

TEST(ServerName, NamesWorkerAndNumber) {
    std::array<char, 32> memory{};
    EXPECT_EQ(server_name(4'294'967'295U, 255, memory), "pgring_255_4294967295");
}

}  // namespace
}  // namespace pgring::session
