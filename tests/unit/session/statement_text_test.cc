#include "session/statement_text.h"

#include <gtest/gtest.h>

namespace pgring::session {
namespace {

TEST(BeginTag, IsWhatTheServerWouldAnswer) {
    EXPECT_EQ(begin_tag("begin"), "BEGIN");
    EXPECT_EQ(begin_tag("  BEGIN WORK;"), "BEGIN");
    EXPECT_EQ(begin_tag("Start Transaction read only"), "START TRANSACTION");
}

TEST(BeginTag, IsEmptyBehindAComment) {
    EXPECT_EQ(begin_tag("/* trace */ begin"), "");
    EXPECT_EQ(begin_tag(""), "");
}

TEST(DeallocatedName, IsReadInEachSpelling) {
    EXPECT_EQ(deallocated_name("DEALLOCATE s1"), "s1");
    EXPECT_EQ(deallocated_name(" deallocate PREPARE s1 ; "), "s1");
    EXPECT_EQ(deallocated_name("DEALLOCATE \"pgx 1\""), "pgx 1");
}

TEST(DeallocatedName, OfAStatementCalledPrepare) {
    EXPECT_EQ(deallocated_name("DEALLOCATE prepare"), "prepare");
}

TEST(DeallocatedName, IsLeftToTheServerWhereItHasToBeFolded) {
    EXPECT_EQ(deallocated_name("DEALLOCATE S1"), "");
    EXPECT_EQ(deallocated_name("DEALLOCATE \"a\"\"b\""), "");
    EXPECT_EQ(deallocated_name("DEALLOCATE s1 /* x */"), "");
}

TEST(DeallocatedName, IsEmptyForAnotherStatement) {
    EXPECT_EQ(deallocated_name("DEALLOCATED s1"), "");
    EXPECT_EQ(deallocated_name("SELECT 1"), "");
    EXPECT_EQ(deallocated_name("DEALLOCATE"), "");
}

}  // namespace
}  // namespace pgring::session
