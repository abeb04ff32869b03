/// Timeouts of sessions against real servers: what ran is stopped there, what was held is let go.

#include "environment.h"
#include "wait.h"

namespace pgring::e2e {
namespace {

using namespace std::chrono_literals;

class Timeouts : public EndToEnd {
  protected:
    Timeouts()
        : pgring_("timeouts", cluster(),
                  {.pgring = {{"default_pool_size", "2"},
                              {"query_timeout", "\"1s\""},
                              {"idle_transaction_timeout", "\"1s\""},
                              {"client_idle_timeout", "\"3s\""}}}) {}

    /// Sessions at the primary that run or hold what has `mark` in its text.
    static std::string count_of(const std::string& mark) {
        return cluster().psql(cluster().primary(),
                              "select count(*) from pg_stat_activity where query like '%" + mark +
                                  "%' and pid <> pg_backend_pid() and state <> 'idle'");
    }
    PgringProcess pgring_;
};

TEST_F(Timeouts, AStatementThatRunsTooLongIsStoppedAtTheServer) {
    Connection client = pgring_.connect();
    Result const result = client.attempt("/* stopped */ select pg_sleep(60), txid_current()");
    EXPECT_FALSE(result.ok());
    EXPECT_NE(result.message().find("query_timeout"), std::string::npos) << result.message();
    EXPECT_FALSE(client.alive());
    EXPECT_TRUE(eventually(5s, [] { return count_of("/* stopped */").starts_with("0"); }));
    EXPECT_EQ(pgring_.connect().value("select 1"), "1");
}

TEST_F(Timeouts, ASilentTransactionLetsGoOfItsLocks) {
    Connection holder = pgring_.connect();
    holder.run("create table if not exists held (id int)");
    holder.run("begin");
    holder.run("lock table held in access exclusive mode");
    Connection other = connect();
    other.run("set lock_timeout = '10s'");
    // A write: a read would go to the standby, which may not know of the lock yet.
    EXPECT_TRUE(other.attempt("insert into held values (1)").ok());
    EXPECT_EQ(holder.attempt("commit").sqlstate(), "25P03");
    EXPECT_FALSE(holder.alive());
}

TEST_F(Timeouts, ASilentClientIsDisconnected) {
    Connection client = pgring_.connect();
    EXPECT_EQ(client.value("select 1"), "1");
    // It reads what pgring has to say, and then the end.
    EXPECT_TRUE(eventually(10s, [&client] { return PQconsumeInput(client.get()) == 0; }));
}

TEST_F(EndToEnd, ATransactionThatLastsTooLongIsRolledBack) {
    PgringProcess own("transaction_timeout", cluster(), {.pgring = {{"transaction_timeout", "\"2s\""}}});
    Connection client = own.connect();
    client.run("drop table if exists long_lasting; create table long_lasting (id int)");
    client.run("begin");
    EXPECT_TRUE(eventually(10s, [&client] {
        // Busy all the time.
        return client.attempt("insert into long_lasting values (1)").sqlstate() == "25P04" || !client.alive();
    }));
    EXPECT_EQ(own.connect().value("select count(*) from long_lasting"), "0");
}

}  // namespace
}  // namespace pgring::e2e
