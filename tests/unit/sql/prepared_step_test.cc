#include "sql/prepared_step.h"

#include <gtest/gtest.h>

namespace pgring::sql {
namespace {

using Kind = PreparedStep::Kind;
using Steps = std::vector<PreparedStep>;

/// The body of a Parse behind the name.
std::string body(std::string_view text, std::initializer_list<std::uint32_t> oids = {}) {
    std::string bytes = std::string(text) + '\0' + '\0' + static_cast<char>(oids.size());
    for (std::uint32_t const oid : oids) {
        for (int shift = 24; shift >= 0; shift -= 8) {
            bytes.push_back(static_cast<char>(oid >> static_cast<unsigned>(shift)));
        }
    }
    return bytes;
}

Steps prepares(std::string_view name, std::string parse_body) {
    return {{.kind = Kind::Prepare, .name = std::string(name), .parse_body = std::move(parse_body)}};
}

TEST(PreparedSteps, WhatIsPreparedStandsBehindAs) {
    EXPECT_EQ(prepared_steps_of("PREPARE p AS SELECT 1 AS as_is"), prepares("p", body("SELECT 1 AS as_is")));
    EXPECT_EQ(prepared_steps_of("prepare P as\n  select $1 ; "), prepares("p", body("select $1")));
    EXPECT_EQ(prepared_steps_of("PREPARE \"as\" /* as */ AS -- as\n VALUES ('as')"),
              prepares("as", body("-- as\n VALUES ('as')")));
}

TEST(PreparedSteps, TypesAreTakenAlongByTheirOids) {
    EXPECT_EQ(prepared_steps_of("PREPARE p (int, text, varchar(5), numeric(10,2)) AS SELECT $1"),
              prepares("p", body("SELECT $1", {23, 25, 1043, 1700})));
    EXPECT_EQ(
        prepared_steps_of("PREPARE p(bigint[], timestamp with time zone, \"char\", char(3)) AS SELECT 1"),
        prepares("p", body("SELECT 1", {1016, 1184, 18, 1042})));
    EXPECT_EQ(prepared_steps_of("PREPARE p(pg_catalog.int4, unknown) AS SELECT 1"),
              prepares("p", body("SELECT 1", {23, 705})));
}

TEST(PreparedSteps, OfATypeThatOnlyTheServerKnowsNoneIsTold) {
    EXPECT_EQ(prepared_steps_of("PREPARE p (mood) AS SELECT $1"), prepares("p", ""));
    EXPECT_EQ(prepared_steps_of("PREPARE p (mine.int4) AS SELECT $1"), prepares("p", ""));
    EXPECT_EQ(prepared_steps_of("PREPARE p (int, mood[]) AS SELECT $1"), prepares("p", ""));
}

TEST(PreparedSteps, ExecuteIsFoundWhereverItMayStand) {
    Steps const executes{{.kind = Kind::Execute, .name = "p"}};
    EXPECT_EQ(prepared_steps_of("EXECUTE p (1, 'x')"), executes);
    EXPECT_EQ(prepared_steps_of("EXPLAIN EXECUTE P"), executes);
    EXPECT_EQ(prepared_steps_of("EXPLAIN (ANALYZE) EXECUTE p (1)"), executes);
    EXPECT_EQ(prepared_steps_of("CREATE TABLE t AS EXECUTE p (1)"), executes);
    EXPECT_EQ(prepared_steps_of("EXPLAIN ANALYZE CREATE TABLE t AS EXECUTE p"), executes);
    EXPECT_EQ(prepared_steps_of("CREATE TABLE t AS SELECT 1"), (Steps{{.kind = Kind::Other}}));
}

TEST(PreparedSteps, DeallocateNamesOneOrNone) {
    EXPECT_EQ(prepared_steps_of("DEALLOCATE Foo"), (Steps{{.kind = Kind::Deallocate, .name = "foo"}}));
    EXPECT_EQ(prepared_steps_of("DEALLOCATE PREPARE \"Foo\""),
              (Steps{{.kind = Kind::Deallocate, .name = "Foo"}}));
    EXPECT_EQ(prepared_steps_of("DEALLOCATE ALL"), (Steps{{.kind = Kind::Other}}));
    EXPECT_EQ(prepared_steps_of("DISCARD ALL"), (Steps{{.kind = Kind::Other}}));
}

TEST(PreparedSteps, EachStatementOfATextIsOne) {
    EXPECT_EQ(prepared_steps_of("begin; prepare a as select 1; execute a;; deallocate a; commit"),
              (Steps{{},
                     {.kind = Kind::Prepare, .name = "a", .parse_body = body("select 1")},
                     {.kind = Kind::Execute, .name = "a"},
                     {.kind = Kind::Deallocate, .name = "a"},
                     {}}));
    EXPECT_EQ(prepared_steps_of("prepare transaction 'x'"), (Steps{{.kind = Kind::Other}}));
    EXPECT_TRUE(prepared_steps_of("execute").empty());
}

TEST(ExecutedName, IsReadOfAPlainExecute) {
    EXPECT_EQ(executed_name("EXECUTE p"), "p");
    EXPECT_EQ(executed_name(" execute\tplan_2 ( 1 ) ;"), "plan_2");
    EXPECT_EQ(executed_name("Execute p;"), "p");
}

TEST(ExecutedName, IsLeftToTheGrammarWhereItHasToBeFoldedOrCut) {
    EXPECT_EQ(executed_name("EXECUTE P"), "");
    EXPECT_EQ(executed_name("EXECUTE \"p\""), "");
    EXPECT_EQ(executed_name("EXECUTE p\xC3\xA4"), "");
    EXPECT_EQ(executed_name("EXECUTE p$1"), "");
    EXPECT_EQ(executed_name("EXECUTE p/* x */"), "");
    EXPECT_EQ(executed_name("/* x */ EXECUTE p"), "");
    EXPECT_EQ(executed_name("EXECUTE " + std::string(64, 'x')), "");
    EXPECT_EQ(executed_name("EXPLAIN EXECUTE p"), "");
    EXPECT_EQ(executed_name("EXECUTE"), "");
    EXPECT_EQ(executed_name(""), "");
}

}  // namespace
}  // namespace pgring::sql
