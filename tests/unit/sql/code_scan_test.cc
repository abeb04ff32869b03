#include "sql/code_scan.h"

#include <gtest/gtest.h>

namespace pgring::sql {
namespace {

TEST(CodeScan, CodeThatWritesAndReadsLeavesNothingUnlisted) {
    EXPECT_FALSE(may_leave_unlisted("DO $$ BEGIN UPDATE t SET x = 1; PERFORM f(); END $$"));
    EXPECT_FALSE(may_leave_unlisted("do $$ begin set work_mem = '1MB'; set local search_path = a; end $$"));
    EXPECT_FALSE(may_leave_unlisted("DO $$ BEGIN EXECUTE format('UPDATE %I SET y = 2', t); END $$"));
    EXPECT_FALSE(may_leave_unlisted("call settle_accounts(1, 'payload')"));
    EXPECT_FALSE(may_leave_unlisted(""));
}

TEST(CodeScan, AParameterOfTheClientsOwnIsUnlisted) {
    EXPECT_TRUE(may_leave_unlisted("DO $$ BEGIN SET app.user = 'x'; END $$"));
    EXPECT_TRUE(may_leave_unlisted("DO $$ BEGIN set session app.user = 'x'; END $$"));
    EXPECT_TRUE(may_leave_unlisted("DO $$ BEGIN PERFORM Set_Config('app.user', 'x', false); END $$"));
}

TEST(CodeScan, ANameThatIsPutTogetherMayBeAny) {
    EXPECT_TRUE(may_leave_unlisted("DO $$ BEGIN EXECUTE 'SET ' || name || ' = 1'; END $$"));
    EXPECT_TRUE(may_leave_unlisted("DO $$ BEGIN EXECUTE format('SET %I = 1', name); END $$"));
    EXPECT_TRUE(may_leave_unlisted("DO $$ BEGIN EXECUTE 'set' || name; END $$"));
}

TEST(CodeScan, SeedsAndLibrariesAreUnlisted) {
    EXPECT_TRUE(may_leave_unlisted("DO $$ BEGIN PERFORM setseed(0.5); END $$"));
    EXPECT_TRUE(may_leave_unlisted("DO $$ BEGIN LOAD 'auto_explain'; END $$"));
}

}  // namespace
}  // namespace pgring::sql
