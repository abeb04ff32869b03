/// Scenario "read/write separation": readonly sessions read and cannot write, transactions are isolated, and
/// nothing of one session shows in another although they share backends.

#include "environment.h"
#include "wait.h"

namespace pgring::e2e {
namespace {

class Separation : public EndToEnd {
  protected:
    Separation() {
        connect().run(
            "drop table if exists separated; create table separated (id int primary key, value int);"
            "insert into separated values (1, 10), (2, 20)");
        cluster().wait_for_replay();
    }
    static Connection connect_readonly() { return connect({{"application_name", "readonly"}}); }
};

TEST_F(Separation, AReadonlySessionReadsFromTheStandby) {
    Connection client = connect_readonly();
    EXPECT_EQ(client.node(), cluster().standby());
    EXPECT_EQ(client.value("select sum(value) from separated"), "30");
    client.run("begin");
    EXPECT_EQ(client.node(), cluster().standby());
    client.run("commit");
}

TEST_F(Separation, WritesOfAReadonlySessionAreRefused) {
    Connection client = connect_readonly();
    for (const char* write :
         {"insert into separated values (3, 30)", "update separated set value = 0", "delete from separated",
          "create table forbidden (id int)", "truncate separated", "select * from separated for update",
          "with gone as (delete from separated returning id) select * from gone"}) {
        EXPECT_EQ(client.attempt(write).sqlstate(), "25006") << write;
        EXPECT_EQ(client.attempt(write, {}).sqlstate(), "25006") << write << " (extended)";
    }
    client.run("begin");
    EXPECT_EQ(client.attempt("insert into separated values (3, 30)").sqlstate(), "25006");
    client.run("rollback");
    EXPECT_EQ(Connection(cluster().direct(cluster().primary())).value("select sum(value) from separated"),
              "30");
}

TEST_F(Separation, AReadOnlyTransactionCannotWrite) {
    Connection client = connect();
    for (const char* begin :
         {"begin read only", "start transaction isolation level repeatable read read only"}) {
        client.run(begin);
        EXPECT_EQ(client.attempt("insert into separated values (3, 30)").sqlstate(), "25006") << begin;
        EXPECT_EQ(client.attempt("select 1").sqlstate(), "25P02") << begin;
        client.run("rollback");
    }
    client.run("insert into separated values (3, 30)");
}

TEST_F(Separation, RepeatableReadKeepsItsSnapshot) {
    Connection reader = connect();
    Connection writer = connect();
    reader.run("begin isolation level repeatable read");
    EXPECT_EQ(reader.value("select sum(value) from separated"), "30");
    writer.run("insert into separated values (3, 30)");
    EXPECT_EQ(reader.value("select sum(value) from separated"), "30");
    reader.run("commit");
    reader.run("begin isolation level repeatable read");
    EXPECT_EQ(reader.value("select sum(value) from separated"), "60");
    reader.run("commit");
}

TEST_F(Separation, ReadCommittedSeesCommitsAndNothingElse) {
    Connection reader = connect();
    Connection writer = connect();
    reader.run("begin");
    writer.run("begin");
    writer.run("update separated set value = 100 where id = 1");
    EXPECT_EQ(reader.value("select value from separated where id = 1"), "10");
    writer.run("commit");
    EXPECT_EQ(reader.value("select value from separated where id = 1"), "100");
    reader.run("commit");
}

TEST_F(Separation, SerializableTransactionsConflict) {
    Connection one = connect();
    Connection other = connect();
    for (Connection* client : {&one, &other}) {
        client->run("begin isolation level serializable");
        client->run("select sum(value) from separated");
    }
    one.run("insert into separated values (3, 30)");
    other.run("insert into separated values (4, 40)");
    one.run("commit");
    EXPECT_EQ(other.attempt("commit").sqlstate(), "40001");
    other.run("rollback");
    EXPECT_EQ(one.value("select 1"), "1");
}

TEST_F(Separation, ATransactionSeesItsOwnWrites) {
    Connection client = connect();
    client.run("begin");
    client.run("insert into separated values (3, 30)");
    EXPECT_EQ(client.value("select sum(value) from separated"), "60");
    client.run("rollback");
}

/// Two backends for all sessions, so that they meet on them.
class SharedBackends : public EndToEnd {
  protected:
    SharedBackends() : pgring_("narrow", cluster(), {.pgring = {{"default_pool_size", "2"}}}) {}
    PgringProcess pgring_;
};

TEST_F(SharedBackends, ReportedSettingsFollowTheirSession) {
    const std::vector<std::string> zones = {"UTC", "Asia/Tokyo", "Europe/Berlin", "America/Lima"};
    std::vector<Connection> clients;
    for (int i = 0; i < 6; ++i) {
        clients.push_back(pgring_.connect({{"application_name", "client " + std::to_string(i)}}));
    }
    for (std::size_t i = 0; i < zones.size(); ++i) {
        clients[i].run("set timezone = '" + zones[i] + "'");
    }
    std::string const default_zone = Connection(cluster().direct("pg-0")).value("show timezone");
    for (int round = 0; round < 4; ++round) {
        for (std::size_t i = 0; i < clients.size(); ++i) {
            std::string const expected = i < zones.size() ? zones[i] : default_zone;
            EXPECT_EQ(clients[i].value("show timezone"), expected) << "client " << i;
            clients[i].run("begin");
            EXPECT_EQ(clients[i].value("show timezone"), expected) << "client " << i << ", primary";
            EXPECT_EQ(clients[i].value("show application_name"), "client " + std::to_string(i));
            clients[i].run("commit");
            EXPECT_EQ(PQparameterStatus(clients[i].get(), "TimeZone"), expected);
        }
    }
}

TEST_F(SharedBackends, OtherSettingsStayWithTheirSession) {
    Connection owner = pgring_.connect();
    owner.run("set work_mem = '10MB'");
    for (int i = 0; i < 4; ++i) {
        Connection other = pgring_.connect();
        EXPECT_EQ(owner.value("show work_mem"), "10MB");
        EXPECT_EQ(other.value("show work_mem"), "4MB");
        other.run("begin");
        EXPECT_EQ(other.value("show work_mem"), "4MB");
        other.run("commit");
    }
    // Who comes after it finds its backend clean.
    owner = pgring_.connect();
    for (int i = 0; i < 4; ++i) {
        Connection other = pgring_.connect();
        other.run("begin");
        EXPECT_EQ(other.value("show work_mem"), "4MB");
        EXPECT_EQ(owner.value("show work_mem"), "4MB");
        other.run("commit");
    }
}

TEST_F(SharedBackends, IdleBackendsOfOneWorkerServeTheClientsOfAnother) {
    // Which worker a client meets is the kernel's choice: among so many, each worker has some. One after the
    // other they use both backends at once, and leave them idle where they are.
    std::vector<std::pair<Connection, Connection>> pairs;
    for (int i = 0; i < 8; ++i) {
        pairs.emplace_back(pgring_.connect(), pgring_.connect());
    }
    for (int round = 0; round < 3; ++round) {
        for (auto& [one, other] : pairs) {
            Clock::time_point const begin = Clock::now();
            one.run("begin");
            one.run("select 1");
            other.run("begin");
            other.run("select 1");
            one.run("commit");
            other.run("commit");
            EXPECT_LT(seconds_between(begin, Clock::now()), 2.0);
        }
    }
}

TEST_F(SharedBackends, ASettingOfARolledBackTransactionIsGone) {
    Connection client = pgring_.connect();
    client.run("begin");
    client.run("set work_mem = '77MB'");
    client.run("rollback");
    client.run("begin");
    client.run("set local work_mem = '78MB'");
    client.run("commit");
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(pgring_.connect().value("show work_mem"), "4MB");
        EXPECT_EQ(client.value("show work_mem"), "4MB");
    }
}

TEST_F(SharedBackends, AResetAmidATransactionLeadsBackToTheStartupPacket) {
    Connection client = pgring_.connect({{"application_name", "mine"}, {"options", "-c work_mem=7MB"}});
    for (const char* const text : {"reset all", "set work_mem to default; set application_name to default"}) {
        client.run("begin");
        client.run("set work_mem = '9MB'");
        client.run("set application_name = 'other'");
        client.run("savepoint a");
        client.run(text);
        EXPECT_STREQ(PQparameterStatus(client.get(), "application_name"), "mine");
        EXPECT_EQ(client.value("show work_mem"), "7MB");
        EXPECT_EQ(client.value("show application_name"), "mine");
        client.run("rollback to a");
        EXPECT_EQ(client.value("show work_mem"), "9MB");
        EXPECT_EQ(client.value("show application_name"), "other");
        client.run("reset all", {});
        EXPECT_EQ(client.value("show work_mem"), "7MB");
        client.run("commit");
        EXPECT_EQ(client.value("show application_name"), "mine");
        EXPECT_EQ(pgring_.connect().value("show work_mem"), "4MB");
    }
}

TEST_F(SharedBackends, ATemporaryTableIsSeenByItsSessionOnly) {
    Connection owner = pgring_.connect();
    owner.run("create temp table private (id int)");
    owner.run("insert into private values (1)");
    Connection stranger = pgring_.connect();
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(owner.value("select count(*) from private"), "1");
        EXPECT_EQ(stranger.attempt("select count(*) from private").sqlstate(), "42P01");
        stranger.run("begin");
        EXPECT_EQ(stranger.attempt("select count(*) from private").sqlstate(), "42P01");
        stranger.run("rollback");
    }
    // The next session on that backend does not find it either.
    owner = pgring_.connect();
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(pgring_.connect().attempt("insert into private values (2)").sqlstate(), "42P01");
    }
}

TEST_F(SharedBackends, PreparedStatementsOfTheSameNameAreTheirSessionsOwn) {
    std::vector<Connection> clients;
    for (int i = 0; i < 5; ++i) {
        clients.push_back(pgring_.connect());
        ASSERT_TRUE(clients.back().prepare("mine", "select " + std::to_string(i) + " + $1::int").ok());
    }
    for (int round = 0; round < 5; ++round) {
        for (std::size_t i = 0; i < clients.size(); ++i) {
            Result const result = clients[i].execute("mine", {"100"});
            ASSERT_TRUE(result.ok()) << result.message();
            EXPECT_EQ(result.value(), std::to_string(100 + i));
        }
    }
    EXPECT_EQ(pgring_.connect().execute("mine", {"100"}).sqlstate(), "26000");
    EXPECT_EQ(clients[0].prepare("mine", "select 1").sqlstate(), "42P05");
    EXPECT_EQ(clients[0].execute("mine", {"1"}).value(), "1");
}

TEST_F(SharedBackends, AnAdvisoryLockIsHeldByItsSession) {
    Connection owner = pgring_.connect();
    EXPECT_EQ(owner.value("select pg_try_advisory_lock(42)"), "t");
    Connection other = pgring_.connect();
    EXPECT_EQ(other.value("select pg_try_advisory_lock(42)"), "f");
    EXPECT_EQ(owner.value("select pg_advisory_unlock(42)"), "t");
    EXPECT_EQ(other.value("select pg_try_advisory_lock(42)"), "t");
}

/// A function that leaves a lock, and that nobody knows.
constexpr std::string_view kTakeLock =
    "create or replace function take_lock(int) returns void language plpgsql as $$ begin perform "
    "pg_advisory_lock($1); end $$;";

TEST_F(SharedBackends, WhatAFunctionLeavesStaysWithItsSession) {
    Connection(cluster().direct(cluster().primary()))
        .run(std::string(kTakeLock) +
             "create or replace function set_tenant(text) returns text language sql as $$ select "
             "set_config('app.tenant', $1, false) $$");
    Connection owner = pgring_.connect();
    owner.run("select take_lock(4711)");
    owner.run("select set_tenant('ours')");
    for (int i = 0; i < 4; ++i) {
        Connection stranger = pgring_.connect();
        EXPECT_EQ(stranger.value("select coalesce(current_setting('app.tenant', true), '')"), "");
        EXPECT_EQ(stranger.value("select pg_try_advisory_lock(4711)"), "f");
        EXPECT_EQ(owner.value("select current_setting('app.tenant', true)"), "ours");
    }
    EXPECT_EQ(owner.value("select pg_advisory_unlock(4711)"), "t");
}

TEST_F(SharedBackends, AFunctionThatCallsOneThatLocksIsNotTakenForHarmless) {
    Connection(cluster().direct(cluster().primary()))
        .run(std::string(kTakeLock) +
             "create or replace function lock_twice(int) returns void language sql as $$ select "
             "take_lock($1); "
             "select Take_Lock($1 + 1) $$");
    Connection owner = pgring_.connect();
    // What the server has said of a function is believed for a while: the first answer is as good as the
    // second.
    for (int i = 0; i < 3; ++i) {
        owner.run("select lock_twice(4712)");
        Connection stranger = pgring_.connect();
        EXPECT_EQ(stranger.value("select pg_try_advisory_lock(4712)"), "f");
        EXPECT_EQ(stranger.value("select pg_try_advisory_lock(4713)"), "f");
        EXPECT_EQ(owner.value("select pg_advisory_unlock(4712) and pg_advisory_unlock(4713)"), "t");
    }
}

TEST_F(SharedBackends, APlanOfSqlThatIsOutdatedIsMadeAnew) {
    Connection client = pgring_.connect();
    client.run("create table outdated (a int)");
    client.run("insert into outdated values (1)");
    cluster().wait_for_replay();
    client.run("prepare look as select * from outdated");
    EXPECT_EQ(client.value("execute look"), "1");
    client.run("alter table outdated add column b text default 'new'");
    cluster().wait_for_replay();
    EXPECT_EQ(client.run("execute look").value(0, 1), "new");
    client.run("drop table outdated");
}

TEST_F(SharedBackends, AnAdvisoryLockThatWasTakenByAFunctionCallIsHeldToo) {
    constexpr int kLock = 2880;  // pg_advisory_lock(bigint)
    Connection owner = pgring_.connect();
    int key[2]{0, 0x2b000000};  // 43 in network order
    PQArgBlock const argument{.len = sizeof key, .isint = 0, .u = {.ptr = key}};
    char answer[16];
    int answer_bytes = 0;
    Result const called(
        PQfn(owner.get(), kLock, reinterpret_cast<int*>(answer), &answer_bytes, 0, &argument, 1));
    ASSERT_TRUE(called.ok()) << called.message();
    // At each worker there is one, so that one of them would meet the owner's backend.
    std::vector<Connection> others;
    for (int i = 0; i < 8; ++i) {
        others.push_back(pgring_.connect());
        EXPECT_EQ(others.back().value("select pg_try_advisory_lock(43)"), "f");
    }
    EXPECT_EQ(owner.value("select pg_advisory_unlock(43)"), "t");
}

TEST_F(SharedBackends, ATransactionThatItsClientLeftIsUndone) {
    pgring_.connect().run("drop table if exists left_behind; create table left_behind (id int)");
    {
        Connection client = pgring_.connect();
        client.run("begin");
        client.run("insert into left_behind values (1)");
        client.vanish();
    }
    Connection next = pgring_.connect();
    for (int i = 0; i < 4; ++i) {
        next.run("begin");
        EXPECT_EQ(next.value("select count(*) from left_behind"), "0");
        next.run("commit");
    }
    next.run("drop table left_behind");
}

}  // namespace
}  // namespace pgring::e2e
