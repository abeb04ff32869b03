/// Where statements may run: the table of what a standby answers, measured on PostgreSQL 15 (silently wrong
/// answers included), and the traps other proxies fell into.

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "fixture.h"

namespace pgring::sql {
namespace {

void expect_all(Access access, std::initializer_list<std::string_view> texts) {
    TestClassifier classify;
    for (const std::string_view text : texts) {
        const Traits traits = classify(text);
        EXPECT_EQ(traits.access, access) << text << "\n  " << traits;
        EXPECT_FALSE(traits.effects.has_any(Effect::Unjudged | Effect::Unparsed)) << text;
        EXPECT_EQ(classify(text), traits) << "asked again: " << text;
    }
}

TEST(Routing, QueriesOfOnlyHarmlessPartsAreReads) {
    expect_all(
        Access::Read,
        {
            "SELECT 1",
            "select abalance from pgbench_accounts where aid = 4711",
            "SELECT * FROM t WHERE a = $1 AND b LIKE 'x%' ORDER BY c DESC NULLS LAST LIMIT 10 OFFSET $2",
            "TABLE t",
            "VALUES (1, 'a'), (2, 'b')",
            "WITH w AS (SELECT 1) SELECT * FROM w",
            "WITH RECURSIVE w(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM w WHERE n < 9) SELECT sum(n) "
            "FROM w",
            "(SELECT 1) UNION (SELECT 2) EXCEPT ALL SELECT 3",
            "SELECT now(), version(), current_user, current_date, localtimestamp",
            "SELECT clock_timestamp(), random(), gen_random_uuid(), pg_sleep(0.1), timeofday()",
            "SELECT count(*) FILTER (WHERE a > 1) OVER (PARTITION BY b ORDER BY c) FROM t",
            "SELECT CASE WHEN a IS NULL THEN 1 ELSE coalesce(b, greatest(c, 2)) END FROM t",
            "SELECT a::int, (cast(b AS numeric(10, 2)[]))[1], '2020-01-01'::timestamptz AT TIME ZONE 'UTC' "
            "FROM "
            "t",
            "SELECT EXISTS (SELECT FROM t WHERE a = ANY ($1)), ARRAY (SELECT b FROM u), (1, 2) = ROW (1, 2)",
            "SELECT * FROM a JOIN b USING (x) LEFT JOIN LATERAL (SELECT 1) c ON true NATURAL JOIN d",
            "SELECT * FROM generate_series(1, 10) AS g(n), unnest(ARRAY[1, 2]) WITH ORDINALITY",
            "SELECT * FROM json_to_record('{}') AS x(a int, b text)",
            "SELECT * FROM t TABLESAMPLE bernoulli (10) REPEATABLE (1)",
            "SELECT a, sum(b) FROM t GROUP BY GROUPING SETS ((a), ()) HAVING grouping(a) = 0",
            "SELECT DISTINCT ON (a) a FROM t WINDOW w AS (ORDER BY a)",
            "SELECT extract(year FROM a), substring(b FROM 1 FOR 2), trim(both FROM c), position('x' IN d)",
            "SELECT a BETWEEN 1 AND 2, b NOT IN (1, 2), c IS DISTINCT FROM d, e ILIKE f, NOT g FROM t",
            "SELECT doc -> 'a' ->> 'b', doc @> '{}', doc #>> '{a}', a || b, a ~* 'x' FROM t",
            "SELECT pg_catalog.lower(a) OPERATOR(pg_catalog.||) 'x' FROM pg_class",
            "SELECT * FROM information_schema.tables",
            "SELECT relname FROM pg_catalog.pg_class JOIN pg_stats ON tablename = relname",
            "SELECT pg_size_pretty(pg_total_relation_size('t'))",
            "SELECT xmlelement(name a, xmlattributes(b AS c)), xmlserialize(content d AS text) FROM t",
            "SELECT current_setting('search_path'), current_setting('app.user', true)",
        });
}

TEST(Routing, StatementsThatWriteGoToThePrimary) {
    expect_all(Access::Write, {
                                  "INSERT INTO t VALUES (1)",
                                  "UPDATE t SET a = 1",
                                  "DELETE FROM t",
                                  "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DO NOTHING",
                                  "TRUNCATE t",
                                  "CREATE TABLE t (a int)",
                                  "CREATE TABLE t AS SELECT 1",
                                  "SELECT 1 INTO t",
                                  "CREATE MATERIALIZED VIEW v AS SELECT 1",
                                  "REFRESH MATERIALIZED VIEW v",
                                  "CREATE INDEX ON t (a)",
                                  "ALTER TABLE t ADD b int",
                                  "DROP TABLE t",
                                  "GRANT SELECT ON t TO u",
                                  "ANALYZE t",
                                  "VACUUM t",
                                  "CLUSTER t",
                                  "REINDEX TABLE t",
                                  "COMMENT ON TABLE t IS 'x'",
                                  "CHECKPOINT",
                                  "LOCK TABLE t IN ACCESS SHARE MODE",
                                  "ALTER SYSTEM SET work_mem = '1MB'",
                              });
}

TEST(Routing, AWriteHiddenInAQueryIsFound) {
    expect_all(Access::Write,
               {
                   "WITH w AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM w",
                   "WITH a AS (WITH b AS (DELETE FROM t RETURNING *) SELECT * FROM b) SELECT * FROM a",
                   "SELECT * FROM t FOR UPDATE",
                   "SELECT * FROM t FOR SHARE",
                   "SELECT * FROM t FOR NO KEY UPDATE SKIP LOCKED",
                   "SELECT * FROM (SELECT * FROM t FOR KEY SHARE) s",
                   "WITH w AS (SELECT * FROM t FOR UPDATE) SELECT * FROM w",
                   "SELECT 1 WHERE EXISTS (SELECT FROM t FOR UPDATE)",
                   "SELECT 1 UNION (SELECT 2 FROM t FOR UPDATE)",
                   "SELECT nextval('s')",
                   "SELECT a FROM t WHERE b = setval('s', 1)",
                   "SELECT 1 ORDER BY lo_create(0)",
                   "SELECT CASE WHEN a THEN nextval('s') END FROM t",
                   "SELECT 1 UNION ALL SELECT nextval('s')",
                   "SELECT * FROM a, LATERAL (SELECT nextval('s')) b",
                   "SELECT * FROM nextval('s')",
                   "SELECT sum(nextval('s')) OVER () FROM t",
                   "SELECT count(*) FILTER (WHERE nextval('s') > 1) FROM t",
                   "SELECT pg_catalog.nextval('s')",
                   "SELECT 1 LIMIT nextval('s')",
                   "VALUES (nextval('s'))",
                   "SELECT query_to_xml('delete from t', true, false, '')",
                   "SELECT pg_notify('a', 'b')",
               });
}

TEST(Routing, WhatIsNotKnownIsNotARead) {
    expect_all(Access::Write, {
                                  "SELECT my_function(1)",
                                  "SELECT public.lower('X')",
                                  "SELECT public.now()",
                                  "SELECT * FROM my_function()",
                                  "SELECT a OPERATOR(public.+) b FROM t",
                                  "SELECT a <=> b FROM t",
                                  "SELECT a <=> ALL (SELECT b FROM u) FROM t",
                                  "SELECT (a, b) <=> ANY (SELECT b, c FROM u) FROM t",
                                  "SELECT a FROM t ORDER BY a USING <~~>",
                                  "SELECT 'x'::public.mood",
                                  "SELECT 'x'::mood",
                                  "SELECT * FROM t TABLESAMPLE my_method (1)",
                                  "SELECT information_schema._pg_truetypid(a, b) FROM t",
                              });
    EXPECT_TRUE(fresh("SELECT my_function(1)").effects.has(Effect::UnknownFunction));
    EXPECT_EQ(fresh("SELECT 'x'::mood").access, Access::Write);
    EXPECT_FALSE(fresh("SELECT lo_create(0)").effects.has(Effect::UnknownFunction));
}

/// No error on a standby, and yet another answer.
TEST(Routing, WhatOnlyThePrimaryKnowsIsAskedThere) {
    expect_all(Access::Write, {
                                  "SELECT txid_current()",
                                  "SELECT pg_current_xact_id()",
                                  "SELECT pg_current_wal_lsn()",
                                  "SELECT pg_current_snapshot()",
                                  "SELECT pg_export_snapshot()",
                                  "SELECT pg_is_in_recovery()",
                                  "SELECT pg_backend_pid(), inet_server_port()",
                                  "SELECT pg_switch_wal()",
                                  "SELECT currval('s'), lastval()",
                                  "SELECT * FROM pg_stat_replication",
                                  "SELECT * FROM pg_catalog.pg_stat_activity",
                                  "SELECT pg_stat_get_activity(1)",
                                  "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation",
                                  "SELECT * FROM pg_prepared_xacts",
                                  "SELECT * FROM pg_replication_slots",
                                  "SELECT * FROM pg_settings",
                                  "SELECT last_value FROM pg_sequences",
                                  "SELECT pg_advisory_lock(1)",
                                  "SELECT pg_try_advisory_lock(1)",
                                  "SELECT pg_advisory_xact_lock(1)",
                                  "SHOW transaction_read_only",
                                  "SHOW in_hot_standby",
                                  "SHOW ALL",
                                  "SELECT current_setting('transaction_read_only')",
                                  "SELECT current_setting('Transaction_Read_Only', true)",
                                  "SELECT current_setting($1)",
                                  "SELECT current_setting('transaction_' || 'read_only')",
                              });
    expect_all(Access::Read,
               {"SHOW search_path", "SHOW TIME ZONE", "SELECT * FROM public.pg_stat_replication"});
}

TEST(Routing, TemporaryObjectsLiveOnThePrimary) {
    expect_all(Access::Write, {
                                  "SELECT * FROM pg_temp.t",
                                  "SELECT pg_temp.f()",
                                  "SELECT 1::pg_temp.mytype",
                                  "SELECT * FROM pg_temp_3.t",
                              });
}

TEST(Routing, CopyReadsOnlyWhenItGoesToTheClient) {
    expect_all(Access::Read, {
                                 "COPY t TO STDOUT",
                                 "COPY t (a, b) TO STDOUT WITH (FORMAT csv, HEADER)",
                                 "COPY (SELECT * FROM t) TO STDOUT",
                             });
    expect_all(Access::Write, {
                                  "COPY t FROM STDIN",
                                  "COPY t FROM '/tmp/x'",
                                  "COPY t TO '/tmp/x'",
                                  "COPY t TO PROGRAM 'cat'",
                                  "COPY (SELECT nextval('s')) TO STDOUT",
                                  "COPY (INSERT INTO t VALUES (1) RETURNING *) TO STDOUT",
                                  "COPY pg_stat_activity TO STDOUT",
                                  "COPY pg_temp.t TO STDOUT",
                              });
}

TEST(Routing, ExplainReadsUnlessItRunsAWrite) {
    expect_all(Access::Read, {
                                 "EXPLAIN SELECT 1",
                                 "EXPLAIN (VERBOSE, COSTS OFF) SELECT * FROM t",
                                 "EXPLAIN INSERT INTO t VALUES (1)",
                                 "EXPLAIN UPDATE t SET a = 1 WHERE b = 2",
                                 "EXPLAIN SELECT * FROM t FOR UPDATE",
                                 "EXPLAIN ANALYZE SELECT 1",
                                 "EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM t",
                             });
    expect_all(Access::Write, {
                                  "EXPLAIN ANALYZE INSERT INTO t VALUES (1)",
                                  "EXPLAIN (ANALYZE) DELETE FROM t",
                                  "EXPLAIN (BUFFERS, ANALYZE true) SELECT * FROM t FOR UPDATE",
                                  "EXPLAIN ANALYZE SELECT nextval('s')",
                                  "EXPLAIN (ANALYZE off) DELETE FROM t",
                                  "EXPLAIN (ANALYZE 0) DELETE FROM t",
                                  "EXPLAIN EXECUTE p",
                                  "EXPLAIN CREATE TABLE t AS SELECT 1",
                                  "EXPLAIN CREATE TEMP TABLE t AS SELECT 1",
                                  "EXPLAIN SELECT 1 INTO t",
                                  "EXPLAIN SELECT my_function()",
                              });
    EXPECT_TRUE(fresh("EXPLAIN EXECUTE p").effects.has(Effect::SqlExecute));
    EXPECT_TRUE(fresh("EXPLAIN CREATE TEMP TABLE t AS SELECT 1").effects.empty());
    EXPECT_TRUE(
        fresh("EXPLAIN ANALYZE CREATE TEMP TABLE t AS SELECT 1").effects.has(Effect::TemporaryObject));
}

TEST(Routing, CommentsAndBracketsDoNotMisroute) {
    expect_all(Access::Read, {
                                 "/* application: x, route: y */ SELECT 1",
                                 "-- leading\nSELECT 1",
                                 "SELECT 1 -- INSERT INTO t VALUES (1)",
                                 "SELECT 1 /* ; DELETE FROM t; */",
                                 "SELECT '; DELETE FROM t; --'",
                                 "((SELECT 1))",
                                 "  \n\t SELECT 1 ; ",
                                 "SELECT $$ ; DELETE FROM t $$",
                             });
    expect_all(Access::Write, {
                                  "/* SELECT 1 */ DELETE FROM t",
                                  "-- SELECT 1\nDELETE FROM t",
                                  "/* /* */ SELECT */ DELETE FROM t",
                                  "((SELECT 1 FROM t FOR UPDATE))",
                              });
}

TEST(Routing, SeveralStatementsWriteIfOneDoes) {
    expect_all(Access::Read, {"SELECT 1; SELECT 2", "SELECT 1;; SHOW search_path;"});
    expect_all(Access::Write, {
                                  "SELECT 1; INSERT INTO t VALUES (1)",
                                  "INSERT INTO t VALUES (1); SELECT 1",
                                  "SELECT 1; SELECT 2; SELECT nextval('s')",
                              });
    EXPECT_EQ(fresh("SELECT 1; SELECT 2").statements, StatementCount::Many);
    EXPECT_EQ(fresh("SELECT 1;").statements, StatementCount::One);
    EXPECT_EQ(fresh("SELECT 1; LISTEN a; SELECT pg_advisory_lock(1)").effects,
              Effect::Listen | Effect::AdvisoryLock);
}

TEST(Routing, EmptyTextsAreEmptyReads) {
    for (const std::string_view text : {"", " \n", "-- nothing", "/* nothing */", ";", ";;/**/;"}) {
        EXPECT_EQ(fresh(text),
                  (Traits{.effects = {}, .access = Access::Read, .statements = StatementCount::Empty}))
            << text;
    }
}

TEST(Routing, WhatPostgresRejectsGoesToThePrimary) {
    for (const std::string_view text :
         {"SELEC 1", "SELECT 1 FROM", "SELECT 'open", "/* open", "SELECT (", "\\", "{}"}) {
        EXPECT_EQ(fresh(text), kUnparsed) << text;
    }
}

TEST(Routing, CodeOfTheClientsOwnRunsOnThePrimary) {
    expect_all(Access::Write, {"DO 'begin end'", "CALL p(1)"});
    EXPECT_EQ(fresh("DO 'begin end'").effects, Effect::MayChangeSession);
    EXPECT_EQ(fresh("CALL p(1)").effects, Effect::MayChangeSession);
}

}  // namespace
}  // namespace pgring::sql
