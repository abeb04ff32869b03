/// Scenario "read operations": reads come from the standby, replicated data arrives, the counters show it.

#include <set>

#include "environment.h"
#include "wait.h"

namespace pgring::e2e {
namespace {

using namespace std::chrono_literals;

class ReadOperations : public EndToEnd {};

TEST_F(ReadOperations, AReadIsServedByTheStandbyInEachProtocol) {
    Connection client = connect();
    std::string const standby = cluster().standby();
    std::string const text = "select current_setting('cluster_name')";
    EXPECT_EQ(client.value(text), standby);
    EXPECT_EQ(client.run(text, {}).value(), standby);
    ASSERT_TRUE(client.prepare("who", text).ok());
    EXPECT_EQ(client.execute("who", {}).value(), standby);
    EXPECT_EQ(client.value("/* a comment first */ with w as (" + text + ") select * from w"), standby);
}

TEST_F(ReadOperations, AReadOnlyTransactionIsServedByTheStandby) {
    Connection client = connect();
    client.run("begin read only");
    EXPECT_EQ(client.node(), cluster().standby());
    client.run("commit");
}

TEST_F(ReadOperations, ATransactionThatMayWriteStaysOnThePrimary) {
    Connection client = connect();
    client.run("begin");
    EXPECT_EQ(client.node(), cluster().primary());
    client.run("commit");
    EXPECT_EQ(client.node(), cluster().standby());
}

TEST_F(ReadOperations, WhatWasWrittenArrivesAtTheStandby) {
    Connection client = connect();
    client.run("drop table if exists replicated; create table replicated (id int)");
    client.run("insert into replicated select generate_series(1, 1000)");
    cluster().wait_for_replay();
    Result const read = client.run("select count(*), current_setting('cluster_name') from replicated");
    EXPECT_EQ(read.value(0, 0), "1000");
    EXPECT_EQ(read.value(0, 1), cluster().standby());
}

TEST_F(ReadOperations, TheCountersShowWhereReadsAndWritesWent) {
    PgringProcess own("counters", cluster());
    std::string const primary = cluster().primary();
    std::string const standby = cluster().standby();
    Connection client = own.connect();
    client.run("create table if not exists counted (id int)");
    cluster().wait_for_replay();
    constexpr std::uint64_t kReads = 50;
    constexpr std::uint64_t kWrites = 20;
    for (std::uint64_t i = 0; i < kReads; ++i) {
        client.run("select count(*) from counted");
    }
    for (std::uint64_t i = 0; i < kWrites; ++i) {
        client.run("insert into counted values (1)");
    }
    EXPECT_TRUE(eventually(5s, [&] {
        ServerCounters const reads = own.counters(standby);
        ServerCounters const writes = own.counters(primary);
        return reads.queries >= kReads && writes.queries >= kWrites;
    })) << own.log();
    // Not one of them on the other's account: the table was made on the primary as well.
    EXPECT_EQ(own.counters(standby).queries, kReads);
    EXPECT_EQ(own.counters(primary).queries, kWrites + 1);
    // A login may borrow a backend to learn the server's parameters.
    EXPECT_GE(own.counters(standby).reads_balanced, kReads);
    EXPECT_EQ(own.counters(primary).reads_balanced, 0U);
    client.run("drop table counted");
}

TEST_F(ReadOperations, WithoutSplittingReadsStayOnThePrimary) {
    PgringProcess own("unsplit", cluster(), {.routing = {{"read_write_split", "false"}}});
    EXPECT_EQ(own.connect().node(), cluster().primary());
}

TEST_F(ReadOperations, ManyClientsShareFewBackends) {
    std::vector<Connection> clients;
    std::set<std::string> backends;
    for (int i = 0; i < 40; ++i) {
        clients.push_back(connect());
    }
    for (int round = 0; round < 5; ++round) {
        for (Connection& client : clients) {
            backends.insert(client.value("select pg_backend_pid()"));
        }
    }
    // The limit is default_pool_size on the server that answers.
    EXPECT_LE(backends.size(), 8U);
}

TEST_F(ReadOperations, AnswersGoToWhoAsked) {
    std::vector<Connection> clients;
    for (int i = 0; i < 30; ++i) {
        clients.push_back(connect());
    }
    for (int round = 0; round < 20; ++round) {
        for (std::size_t i = 0; i < clients.size(); ++i) {
            ASSERT_EQ(PQsendQuery(clients[i].get(),
                                  ("select " + std::to_string(round * 1000 + static_cast<int>(i))).c_str()),
                      1);
        }
        for (std::size_t i = 0; i < clients.size(); ++i) {
            Result const answer(PQgetResult(clients[i].get()));
            ASSERT_TRUE(answer.ok()) << answer.message();
            ASSERT_EQ(answer.value(), std::to_string(round * 1000 + static_cast<int>(i)));
            ASSERT_EQ(PQgetResult(clients[i].get()), nullptr);
        }
    }
}

}  // namespace
}  // namespace pgring::e2e
