#include "instant_statement.h"

#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "monitor/probe_query.h"

namespace pgring::bench {
namespace {

using Kind = InstantStatement::Kind;

TEST(InstantStatement, KnowsByTheFirstWordWhatComesBack) {
    EXPECT_EQ(understand("SELECT 1").kind, Kind::Row);
    EXPECT_EQ(understand("  select 1").kind, Kind::Row);
    EXPECT_EQ(understand("with a as (select 1) select * from a").kind, Kind::Row);
    EXPECT_EQ(understand("update t set a = 1").text, "UPDATE 1");
    EXPECT_EQ(understand("INSERT INTO t VALUES (1)").text, "INSERT 0 1");
    EXPECT_EQ(understand("discard all").text, "DISCARD ALL");
    EXPECT_EQ(understand("begin").kind, Kind::Begin);
    EXPECT_EQ(understand("START TRANSACTION READ ONLY").text, "START TRANSACTION");
    EXPECT_EQ(understand("end").kind, Kind::Commit);
    EXPECT_EQ(understand("ABORT").kind, Kind::Rollback);
    EXPECT_EQ(understand(" \n").kind, Kind::Empty);
}

TEST(InstantStatement, KnowsTheMonitorsProbe) {
    EXPECT_EQ(understand(monitor::probe_query()).kind, Kind::Probe);
    EXPECT_EQ(understand("SELECT pg_is_in_recovery()").text, "f");
}

TEST(InstantStatement, CountsParameters) {
    EXPECT_EQ(understand("SELECT a FROM t WHERE b = $1 AND c = $12").parameter_count, 12);
    EXPECT_EQ(understand("UPDATE t SET a = $2 WHERE b = $1").parameter_count, 2);
    EXPECT_EQ(understand("SELECT 1").parameter_count, 0);
}

TEST(InstantStatement, CopyOutHasAsManyRowsAsTheSeriesSays) {
    auto const out = understand("COPY (SELECT repeat('x', 1023) FROM generate_series(1, 4096)) TO STDOUT");
    EXPECT_EQ(out.kind, Kind::CopyOut);
    EXPECT_EQ(out.row_count, 4096U);
    EXPECT_EQ(understand("copy t from stdin").kind, Kind::CopyIn);
}

TEST(InstantStatement, SetNamesAParameterAndItsValue) {
    for (std::string_view const text :
         {"SET application_name = 'a b'", "set session application_name TO 'a b'",
          "SET LOCAL application_name='a b'"}) {
        auto const set = understand(text);
        EXPECT_EQ(set.kind, Kind::Set) << text;
        EXPECT_EQ(set.name, "application_name") << text;
        EXPECT_EQ(set.text, "a b") << text;
    }
}

TEST(InstantStatement, SemicolonsInLiteralsSplitNothing) {
    EXPECT_EQ(split_statements("BEGIN; SELECT ';' ;;"),
              (std::vector<std::string_view>{"BEGIN", "SELECT ';'"}));
    EXPECT_TRUE(split_statements(" ; ").empty());
}

}  // namespace
}  // namespace pgring::bench
