/// pool_mode = "session": a client keeps its backend, and the next one finds it clean.

#include "environment.h"
#include "wait.h"

namespace pgring::e2e {
namespace {

using namespace std::chrono_literals;

class SessionPooling : public EndToEnd {
  protected:
    SessionPooling()
        : pgring_("session", cluster(),
                  {.pgring = {{"pool_mode", "\"session\""}, {"default_pool_size", "4"}}}) {}
    PgringProcess pgring_;
};

TEST_F(SessionPooling, AClientKeepsItsBackend) {
    Connection one = pgring_.connect();
    Connection other = pgring_.connect();
    std::string const mine = one.value("select pg_backend_pid()");
    for (int i = 0; i < 5; ++i) {
        EXPECT_NE(other.value("select pg_backend_pid()"), mine);
        EXPECT_EQ(one.value("select pg_backend_pid()"), mine);
    }
}

TEST_F(SessionPooling, StateLivesAsLongAsTheSessionAndNoLonger) {
    {
        Connection client = pgring_.connect();
        client.run("create temp table kept (id int)");
        client.run("set work_mem = '66MB'");
        client.run("prepare kept as select 42");
        client.run("select pg_advisory_lock(7)");
        client.run("insert into kept values (1)");
        EXPECT_EQ(client.value("select count(*) from kept"), "1");
        EXPECT_EQ(client.value("show work_mem"), "66MB");
        EXPECT_EQ(client.value("execute kept"), "42");
    }
    for (int i = 0; i < 4; ++i) {
        Connection next = pgring_.connect();
        EXPECT_EQ(next.value("show work_mem"), "4MB");
        EXPECT_EQ(next.attempt("select count(*) from kept").sqlstate(), "42P01");
        EXPECT_EQ(next.attempt("execute kept").sqlstate(), "26000");
        // Another backend may be asked before the first one was cleaned.
        EXPECT_TRUE(
            eventually(5s, [&next] { return next.value("select pg_try_advisory_xact_lock(7)") == "t"; }));
    }
}

TEST_F(SessionPooling, AnUnfinishedTransactionIsUndoneForTheNextClient) {
    pgring_.connect().run("drop table if exists half_done; create table half_done (id int)");
    {
        Connection client = pgring_.connect();
        client.run("begin");
        client.run("insert into half_done values (1)");
    }
    for (int i = 0; i < 4; ++i) {
        Connection next = pgring_.connect();
        EXPECT_EQ(PQtransactionStatus(next.get()), PQTRANS_IDLE);
        EXPECT_EQ(next.value("select count(*) from half_done"), "0");
    }
}

TEST_F(SessionPooling, TheClientSeesItsServersProcessAndCancelsByIt) {
    Connection client = pgring_.connect();
    EXPECT_EQ(client.value("select pg_backend_pid()"), std::to_string(PQbackendPID(client.get())));
    ASSERT_EQ(PQsendQuery(client.get(), "select pg_sleep(60) /* by process */"), 1);
    ASSERT_TRUE(runs("/* by process */"));
    std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> const request(PQgetCancel(client.get()), PQfreeCancel);
    char error[256] = "";
    ASSERT_EQ(PQcancel(request.get(), error, sizeof error), 1) << error;
    std::string sqlstate;
    while (PGresult* const result = PQgetResult(client.get())) {
        sqlstate = Result(result).sqlstate();
    }
    EXPECT_EQ(sqlstate, "57014");
}

TEST_F(SessionPooling, WhatTheClientStartedWithIsWhatResetLeadsBackTo) {
    Connection client = pgring_.connect(
        {{"options", "-c work_mem=7MB --search-path=a,\\ public"}, {"application_name", "starter"}});
    for (const char* const reset : {"reset all", "discard all"}) {
        client.run("set work_mem = '1MB'");
        client.run("set search_path = b");
        client.run("set application_name = 'other'");
        client.run(reset);
        EXPECT_EQ(client.value("show work_mem"), "7MB") << reset;
        EXPECT_EQ(client.value("show search_path"), "a, public") << reset;
        EXPECT_EQ(client.value("show application_name"), "starter") << reset;
    }
    EXPECT_EQ(pgring_.connect().value("show work_mem"), "4MB");
}

TEST_F(SessionPooling, AParameterThatTheServerRefusesEndsTheLogin) {
    try {
        static_cast<void>(pgring_.connect({{"options", "-c work_mem=nonsense"}}));
        FAIL() << "it got in";
    } catch (const SqlError& error) {
        EXPECT_NE(std::string(error.what()).find("work_mem"), std::string::npos) << error.what();
    }
}

}  // namespace
}  // namespace pgring::e2e
