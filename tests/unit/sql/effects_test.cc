/// What statements leave behind in the session, and what they do to transactions.

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "fixture.h"

namespace pgring::sql {
namespace {

struct Row {
    std::string_view text;
    Access access;
    Effects effects;
};

void expect_rows(std::initializer_list<Row> rows) {
    TestClassifier classify;
    for (const Row& row : rows) {
        const Traits traits = classify(row.text);
        EXPECT_EQ(traits.access, row.access) << row.text;
        EXPECT_EQ(traits.effects.bits(), row.effects.bits()) << row.text;
        EXPECT_EQ(traits.control, Control::None) << row.text;
        EXPECT_EQ(classify(row.text), traits) << "asked again: " << row.text;
    }
}

constexpr Access kRead = Access::Read;
constexpr Access kWrite = Access::Write;

TEST(Effects, SettingsTellReportedFromOthers) {
    expect_rows({
        {"SET client_encoding TO 'UTF8'", kRead, Effect::SetReportedParameter},
        {"SET NAMES 'LATIN1'", kRead, Effect::SetReportedParameter},
        {"SET DateStyle = ISO, DMY", kRead, Effect::SetReportedParameter},
        {"SET \"TimeZone\" TO 'UTC'", kRead, Effect::SetReportedParameter},
        {"SET TIME ZONE 'Europe/Berlin'", kRead, Effect::SetReportedParameter},
        {"SET TIME ZONE INTERVAL '1' HOUR", kRead, Effect::SetReportedParameter},
        {"SET SESSION intervalstyle = 'iso_8601'", kRead, Effect::SetReportedParameter},
        {"SET standard_conforming_strings = off", kRead, Effect::SetReportedParameter},
        {"SET application_name = 'x'", kRead, Effect::SetReportedParameter},
        {"SET search_path TO a, b", kRead, Effect::SetParameter},
        {"SET SCHEMA 'a'", kRead, Effect::SetParameter},
        {"SET app.tenant = '42'", kRead, Effect::SetParameter},
        {"SET extra_float_digits = 3", kRead, Effect::SetParameter},
        {"SET SEED TO 0.5", kRead, Effect::SetSessionState},
    });
}

TEST(Effects, CopyInIsWhatTheClientSendsBehindIt) {
    expect_rows({
        {"COPY t FROM STDIN", kWrite, Effect::CopyIn},
        {"COPY t (a) FROM STDIN WITH (FORMAT csv)", kWrite, Effect::CopyIn},
        {"SELECT 1; COPY t FROM STDIN", kWrite, Effect::CopyIn},
        {"COPY t FROM '/tmp/x'", kWrite, {}},
        {"COPY t FROM PROGRAM 'cat'", kWrite, {}},
        {"COPY t TO STDOUT", kRead, {}},
    });
}

TEST(Effects, TransactionDefaultsAreNoticed) {
    constexpr Effects kReadOnly = Effect::SetTransactionDefaults | Effect::SetReportedParameter;
    constexpr Effects kIsolation = Effect::SetTransactionDefaults | Effect::SetParameter;
    expect_rows({
        {"SET default_transaction_read_only = on", kRead, kReadOnly},
        {"SET default_transaction_isolation TO 'serializable'", kRead, kIsolation},
        {"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", kRead, kReadOnly},
        {"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE", kRead, kIsolation},
        {"SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE, DEFERRABLE", kRead, kReadOnly | kIsolation},
        {"RESET default_transaction_isolation", kRead,
         Effect::ResetParameter | Effect::SetTransactionDefaults},
        {"RESET ALL", kRead, Effect::ResetAll | Effect::SetTransactionDefaults},
    });
}

TEST(Effects, ResetIsToldFromSet) {
    expect_rows({
        {"RESET search_path", kRead, Effect::ResetParameter},
        {"RESET TIME ZONE", kRead, Effect::ResetParameter},
        {"SET search_path TO DEFAULT", kRead, Effect::ResetParameter},
        {"SET TIME ZONE LOCAL", kRead, Effect::ResetParameter},
        {"DISCARD ALL", kRead, Effect::DiscardAll},
        {"DISCARD TEMP", kRead, Effect::DiscardTemporary},
        {"DISCARD PLANS", kRead, Effect::DiscardOther},
        {"DISCARD SEQUENCES", kRead, Effect::DiscardOther},
    });
}

TEST(Effects, RolesAreOfTheSession) {
    expect_rows({
        {"SET ROLE admin", kRead, Effect::SetRole},
        {"SET ROLE NONE", kRead, Effect::SetRole},
        {"SET SESSION AUTHORIZATION 'admin'", kRead, Effect::SetRole},
        {"RESET ROLE", kRead, Effect::SetRole | Effect::ResetParameter},
        {"RESET SESSION AUTHORIZATION", kRead, Effect::SetRole | Effect::ResetParameter},
        {"SET LOCAL ROLE admin", kRead, {}},
    });
}

TEST(Effects, WhatEndsWithTheTransactionLeavesNothing) {
    expect_rows({
        {"SET LOCAL search_path TO a", kRead, {}},
        {"SET LOCAL app.tenant TO DEFAULT", kRead, Effect::ResetParameter},
        {"SET CONSTRAINTS ALL DEFERRED", kRead, {}},
        {"SET TRANSACTION READ ONLY", kRead, {}},
        {"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", kRead, {}},
        {"SET TRANSACTION READ WRITE", kWrite, {}},
        {"SET TRANSACTION READ ONLY, READ WRITE", kWrite, {}},
        {"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", kWrite, {}},
        {"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY", kWrite, {}},
        {"SET TRANSACTION SNAPSHOT '1-1'", kWrite, {}},
        {"SET transaction_read_only = off", kWrite, {}},
        {"SET LOCAL transaction_isolation = 'serializable'", kWrite, {}},
        {"SELECT pg_advisory_xact_lock(1)", kWrite, {}},
        {"SELECT set_config('app.user', '42', true)", kRead, {}},
        {"CREATE TEMP TABLE t (a int) ON COMMIT DROP", kWrite, {}},
        {"CREATE TEMP TABLE t ON COMMIT DROP AS SELECT 1", kWrite, {}},
    });
}

TEST(Effects, SetConfigIsLocalOnlyByTheKeyWordTrue) {
    constexpr Effects kOther = Effect::SetSessionState | Effect::SetParameter;
    constexpr Effects kReported = Effect::SetSessionState | Effect::SetReportedParameter;
    constexpr Effects kAny = kOther | kReported;
    expect_rows({
        {"SELECT set_config('app.user', '42', true)", kRead, {}},
        {"SELECT set_config('app.user', '42', TRUE), set_config('app.y', $1, true)", kRead, {}},
        {"SELECT set_config('app.user', '42', false)", kWrite, kOther},
        {"SELECT set_config('app.user', '42', 't')", kWrite, kOther},
        {"SELECT set_config('app.user', '42', 't'::bool)", kWrite, kOther},
        {"SELECT set_config('app.user', '42', 1::bool)", kWrite, kOther},
        {"SELECT set_config('app.user', '42', $1)", kWrite, kOther},
        {"SELECT set_config('app.user', '42', not false)", kWrite, kOther},
        {"SELECT set_config('app.user', '42', \"true\") FROM t", kWrite, kOther},
        {"SELECT set_config('TimeZone', 'UTC', false)", kWrite, kReported},
        {"SELECT set_config($1, $2, false)", kWrite, kAny},
        {"SELECT set_config('app.' || 'user', '42', false)", kWrite, kAny},
        {"SELECT set_config(setting_name => 'a.b', new_value => 'x', is_local => true)", kWrite, kAny},
        {"SELECT set_config('role', 'admin', false)", kWrite, Effect::SetSessionState | Effect::SetRole},
        {"SELECT set_config('transaction_read_only', 'off', true)", kWrite, {}},
        {"SELECT set_config($1, '42', true)", kWrite, {}},
        {"SELECT 1 FROM t WHERE set_config('a.b', c, false) = ''", kWrite, kOther},
        {"INSERT INTO t SELECT set_config('a.b', 'c', false)", kWrite, kOther},
    });
}

TEST(Effects, WhatTiesASessionToItsBackendIsNamed) {
    expect_rows({
        {"CREATE TEMP TABLE t (a int)", kWrite, Effect::TemporaryObject},
        {"CREATE TEMPORARY TABLE t AS SELECT 1", kWrite, Effect::TemporaryObject},
        {"SELECT 1 INTO TEMP t", kWrite, Effect::TemporaryObject},
        {"CREATE TEMP VIEW v AS SELECT 1", kWrite, Effect::TemporaryObject},
        {"CREATE TEMP SEQUENCE s", kWrite, Effect::TemporaryObject},
        {"CREATE TABLE pg_temp.t (a int)", kWrite, Effect::TemporaryObject},
        {"CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'select 1'", kWrite,
         Effect::TemporaryObject | Effect::ChangesFunctions},
        {"CREATE TYPE pg_temp.mood AS ENUM ('ok')", kWrite, Effect::TemporaryObject},
        {"CREATE TABLE t (a int)", kWrite, {}},
        {"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 1'", kWrite, Effect::ChangesFunctions},
        {"ALTER FUNCTION f() RENAME TO g", kWrite, Effect::ChangesFunctions},
        {"CREATE EXTENSION postgis", kWrite, Effect::ChangesFunctions},
        {"SELECT pg_advisory_lock(1)", kWrite, Effect::AdvisoryLock},
        {"SELECT pg_try_advisory_lock_shared(1, 2)", kWrite, Effect::AdvisoryLock},
        {"SELECT pg_advisory_unlock_all()", kWrite, Effect::AdvisoryUnlock},
        {"DECLARE c CURSOR WITH HOLD FOR SELECT 1", kWrite, Effect::HoldCursor},
        {"DECLARE c CURSOR FOR SELECT 1", kRead, {}},
        {"DECLARE c SCROLL CURSOR WITHOUT HOLD FOR SELECT 1 FROM t FOR UPDATE", kWrite, {}},
        {"FETCH 10 FROM c", kRead, {}},
        {"MOVE ALL FROM c", kRead, {}},
        {"CLOSE c", kRead, Effect::CloseCursor},
        {"LISTEN a", kWrite, Effect::Listen},
        {"UNLISTEN *", kWrite, Effect::Unlisten},
        {"NOTIFY a", kWrite, {}},
        {"LOAD 'auto_explain'", kWrite, Effect::LoadLibrary},
        {"PREPARE p (int) AS SELECT $1", kRead, Effect::SqlPrepare},
        {"EXECUTE p (1)", kRead, Effect::SqlExecute},
        {"EXECUTE p (my_function())", kWrite, Effect::SqlExecute | Effect::UnknownFunction},
        {"EXECUTE p (pg_advisory_lock(1))", kWrite, Effect::SqlExecute | Effect::AdvisoryLock},
        {"CREATE TABLE t AS EXECUTE p", kWrite, Effect::SqlExecute},
        {"DEALLOCATE ALL", kRead, Effect::SqlDeallocate},
        {"SELECT setseed(0.5), random()", kWrite, Effect::SetSessionState},
        {"SELECT nextval('s')", kWrite, Effect::SequenceState},
        {"SELECT setval('s', 1)", kWrite, Effect::SequenceState},
        {"SELECT currval('s')", kWrite, Effect::SequenceMemory},
        {"SELECT lastval()", kWrite, Effect::SequenceMemory},
        {"CREATE DATABASE d", kWrite, Effect::VacatesDatabase},
        {"DROP DATABASE d", kWrite, Effect::VacatesDatabase},
        {"ALTER DATABASE d SET TABLESPACE s", kWrite, Effect::VacatesDatabase},
        {"ALTER DATABASE d RENAME TO e", kWrite, Effect::VacatesDatabase},
        {"ALTER TABLE pg_temp.t RENAME TO u", kWrite, Effect::TemporaryObject},
        {"ALTER TABLE t RENAME TO u", kWrite, {}},
        {"SELECT my_function()", kWrite, Effect::UnknownFunction},
        {"INSERT INTO t SELECT pg_advisory_lock(1)", kWrite, Effect::AdvisoryLock},
    });
}

struct ControlRow {
    std::string_view text;
    Control control;
    Access access;
};

TEST(Control, EveryStatementOfTransactionsIsNamed) {
    constexpr ControlRow kRows[] = {
        {"BEGIN", Control::Begin, kWrite},
        {"begin work", Control::Begin, kWrite},
        {"START TRANSACTION", Control::Begin, kWrite},
        {"BEGIN READ WRITE", Control::Begin, kWrite},
        {"BEGIN ISOLATION LEVEL REPEATABLE READ", Control::Begin, kWrite},
        {"BEGIN READ ONLY", Control::BeginReadOnly, kRead},
        {"START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", Control::BeginReadOnly, kRead},
        {"BEGIN READ WRITE, READ ONLY", Control::Begin, kWrite},
        {"BEGIN READ ONLY, READ WRITE", Control::Begin, kWrite},
        {"BEGIN ISOLATION LEVEL SERIALIZABLE, ISOLATION LEVEL READ COMMITTED, READ ONLY",
         Control::BeginSerializable, kWrite},
        {"BEGIN ISOLATION LEVEL SERIALIZABLE", Control::BeginSerializable, kWrite},
        {"BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE", Control::BeginSerializable, kWrite},
        {"COMMIT", Control::Commit, kRead},
        {"END", Control::Commit, kRead},
        {"COMMIT AND CHAIN", Control::CommitAndChain, kRead},
        {"COMMIT AND NO CHAIN", Control::Commit, kRead},
        {"ROLLBACK", Control::Rollback, kRead},
        {"ABORT", Control::Rollback, kRead},
        {"ROLLBACK AND CHAIN", Control::RollbackAndChain, kRead},
        {"SAVEPOINT a", Control::Savepoint, kRead},
        {"ROLLBACK TO SAVEPOINT a", Control::RollbackTo, kRead},
        {"RELEASE a", Control::Release, kRead},
        {"PREPARE TRANSACTION 'x'", Control::PrepareTransaction, kWrite},
        {"COMMIT PREPARED 'x'", Control::CommitPrepared, kWrite},
        {"ROLLBACK PREPARED 'x'", Control::RollbackPrepared, kWrite},
        {"BEGIN; SELECT 1", Control::Mixed, kWrite},
        {"SELECT 1; COMMIT", Control::Mixed, kRead},
        {"BEGIN READ ONLY; SELECT 1; COMMIT", Control::Mixed, kRead},
        {"SELECT 1; SELECT 2", Control::None, kRead},
    };
    TestClassifier classify;
    for (const ControlRow& row : kRows) {
        const Traits traits = classify(row.text);
        EXPECT_EQ(traits.control, row.control) << row.text;
        EXPECT_EQ(traits.access, row.access) << row.text;
        EXPECT_TRUE(traits.effects.empty()) << row.text;
    }
}

TEST(Control, OnlyABeginAloneIsDeferrable) {
    EXPECT_TRUE(fresh("BEGIN;").begin_deferrable());
    EXPECT_TRUE(fresh("/* x */ START TRANSACTION READ ONLY -- y").begin_deferrable());
    EXPECT_TRUE(fresh("BEGIN ISOLATION LEVEL SERIALIZABLE").begin_deferrable());
    EXPECT_FALSE(fresh("BEGIN; BEGIN").begin_deferrable());
    EXPECT_FALSE(fresh("BEGIN; SELECT 1").begin_deferrable());
    EXPECT_FALSE(fresh("COMMIT").begin_deferrable());
    EXPECT_FALSE(fresh("SELECT 1").begin_deferrable());
}

}  // namespace
}  // namespace pgring::sql
