/// Cancelling: it ends the statement it was meant for, soon, and no other.

#include "environment.h"
#include "wait.h"

namespace pgring::e2e {
namespace {

using namespace std::chrono_literals;

class Cancel : public EndToEnd {
  protected:
    Cancel()
        : pgring_("cancel", cluster(),
                  {.pgring = {{"default_pool_size", "2"}, {"query_wait_timeout", "60"}}}) {}

    /// As Ctrl-C in psql does.
    static void cancel(const Connection& client) {
        std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> const request(PQgetCancel(client.get()),
                                                                         PQfreeCancel);
        char error[256] = "";
        EXPECT_EQ(PQcancel(request.get(), error, sizeof error), 1) << error;
    }
    static std::string finish(const Connection& client) {
        std::string sqlstate;
        while (PGresult* const result = PQgetResult(client.get())) {
            sqlstate = Result(result).sqlstate();
        }
        return sqlstate;
    }
    static void start_sleeping(Connection& client) {
        client.run("begin");
        ASSERT_EQ(PQsendQuery(client.get(), "select pg_sleep(60) /* to cancel */"), 1);
    }

    PgringProcess pgring_;
};

TEST_F(Cancel, EndsAStatementWithinTwoSeconds) {
    Connection client = pgring_.connect();
    start_sleeping(client);
    ASSERT_TRUE(runs("/* to cancel */"));
    Clock::time_point const begin = Clock::now();
    cancel(client);
    EXPECT_EQ(finish(client), "57014");
    EXPECT_LT(seconds_between(begin, Clock::now()), 2.0);
    client.run("rollback");
    EXPECT_EQ(client.value("select 1"), "1");
}

TEST_F(Cancel, EndsOnlyItsOwnClientsStatement) {
    Connection one = pgring_.connect();
    Connection other = pgring_.connect();
    start_sleeping(one);
    start_sleeping(other);
    ASSERT_TRUE(runs("/* to cancel */", 2));
    cancel(one);
    EXPECT_EQ(finish(one), "57014");
    EXPECT_TRUE(runs("/* to cancel */", 1));
    EXPECT_EQ(PQtransactionStatus(other.get()), PQTRANS_ACTIVE);
    cancel(other);
    EXPECT_EQ(finish(other), "57014");
}

TEST_F(Cancel, DoesNotHitTheNextUserOfTheBackend) {
    // Each cancel comes when the statement may just be over; whoever has the backend then must not feel it.
    std::vector<Connection> clients;
    for (int i = 0; i < 6; ++i) {
        clients.push_back(pgring_.connect());
    }
    int canceled = 0;
    for (int round = 0; round < 40; ++round) {
        Connection& victim = clients[static_cast<std::size_t>(round) % clients.size()];
        for (Connection& client : clients) {
            ASSERT_EQ(PQsendQuery(client.get(), "select pg_sleep(0.005)"), 1);
        }
        cancel(victim);
        for (Connection& client : clients) {
            std::string const sqlstate = finish(client);
            if (&client == &victim) {
                EXPECT_TRUE(sqlstate == "00000" || sqlstate == "57014") << sqlstate;
                canceled += sqlstate == "57014" ? 1 : 0;
            } else {
                EXPECT_EQ(sqlstate, "00000") << "hit by a cancel of somebody else's, round " << round;
            }
        }
    }
    EXPECT_GT(canceled, 0);
}

TEST_F(Cancel, OfAnIdleClientHasNoEffect) {
    Connection client = pgring_.connect();
    cancel(client);
    EXPECT_EQ(client.value("select 1"), "1");
    EXPECT_EQ(pgring_.connect().value("select 2"), "2");
}

TEST_F(Cancel, OfAWaitingClientEndsTheWait) {
    // It has logged in before: the first login at a worker asks the primary for the server's parameters.
    Connection waiting = pgring_.connect();
    // The holders keep both backends of the primary.
    std::vector<Connection> holders;
    for (int i = 0; i < 2; ++i) {
        holders.push_back(pgring_.connect());
        holders.back().run("begin");
        holders.back().run("select txid_current()");
    }
    waiting.run("begin");
    ASSERT_EQ(PQsendQuery(waiting.get(), "select txid_current()"), 1);
    ASSERT_TRUE(eventually(5s, [this] { return pgring_.log().contains(" waiting=1 "); })) << pgring_.log();
    Clock::time_point const begin = Clock::now();
    cancel(waiting);
    EXPECT_EQ(finish(waiting), "57014");
    EXPECT_LT(seconds_between(begin, Clock::now()), 2.0);
    waiting.run("rollback");
    holders.clear();
    EXPECT_EQ(waiting.value("select 1"), "1");
}

}  // namespace
}  // namespace pgring::e2e
