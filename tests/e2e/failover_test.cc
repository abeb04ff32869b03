/// Scenario "failover": reads and writes go on while the primary is killed, clients are told the truth, and
/// the survivor's rows agree with what they were told.

#include <algorithm>
#include <atomic>
#include <iostream>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "environment.h"
#include "wait.h"

namespace pgring::e2e {
namespace {

using namespace std::chrono_literals;

/// SQLSTATEs that say what happened and what to do: nothing was applied and it may be tried again (40001,
/// 57P03, 53300), or nobody knows (08007).
const std::set<std::string> kHonest = {"40001", "08007", "57P03", "53300"};

/// Between two statements of one client. Without it the load alone, on two cores, makes repmgrd miss its
/// deadlines, and nobody promotes.
constexpr std::chrono::milliseconds kThinkTime = 2ms;

/// One insert of one row, as its client saw it.
struct Write {
    std::string sqlstate;
    Clock::time_point begin;
    Clock::time_point end;
    /// A position at or behind the commit's; empty where it could not be asked for.
    std::string lsn;
};

/// What all clients did.
struct Account {
    std::mutex mutex;
    std::map<std::string, Write> writes;
    std::map<std::string, int> errors;
    std::vector<Clock::time_point> reads;
    std::map<std::string, int> read_errors;
    int sessions_lost = 0;
    std::atomic<bool> stop = false;
    std::atomic<int> acknowledged = 0;
};

/// Inserts row after row, each id once, until told to stop; every second client in explicit transactions.
void write_on(Account& account, Connection client, int number) {
    bool const transactions = number % 2 == 0;
    for (int sequence = 0; !account.stop && client.alive(); ++sequence) {
        std::this_thread::sleep_for(kThinkTime);
        std::string const id = fmt::format("{}-{}", number, sequence);
        Write write{.sqlstate = "00000", .begin = Clock::now(), .end = {}, .lsn = {}};
        std::vector<std::string> steps = {"insert into failed_over values ('" + id + "')"};
        if (transactions) {
            steps = {"begin", steps.front(), "commit"};
        }
        for (const std::string& step : steps) {
            write.sqlstate = client.attempt(step).sqlstate();
            if (write.sqlstate != "00000") {
                break;
            }
        }
        write.end = Clock::now();
        bool const applied = write.sqlstate == "00000";
        if (!applied && PQtransactionStatus(client.get()) == PQTRANS_INERROR) {
            static_cast<void>(client.attempt("rollback"));
        }
        if (applied) {
            ++account.acknowledged;
            if (Result const position = client.attempt("select pg_current_wal_insert_lsn()"); position.ok()) {
                write.lsn = position.value();
            }
        }
        std::scoped_lock const lock(account.mutex);
        account.writes[id] = write;
        if (!applied) {
            ++account.errors[write.sqlstate.empty() ? "none" : write.sqlstate];
        }
    }
    if (!client.alive()) {
        std::scoped_lock const lock(account.mutex);
        ++account.sessions_lost;
    }
}

void read_on(Account& account, Connection client) {
    while (!account.stop && client.alive()) {
        std::this_thread::sleep_for(kThinkTime);
        std::string const sqlstate = client.attempt("select count(*) from failed_over").sqlstate();
        std::scoped_lock const lock(account.mutex);
        if (sqlstate == "00000") {
            account.reads.push_back(Clock::now());
        } else {
            ++account.read_errors[sqlstate.empty() ? "none" : sqlstate];
        }
    }
    if (!client.alive()) {
        std::scoped_lock const lock(account.mutex);
        ++account.sessions_lost;
    }
}

/// The longest time between two answers.
double longest_gap(std::vector<Clock::time_point> times) {
    std::ranges::sort(times);
    double longest = 0;
    for (std::size_t i = 1; i < times.size(); ++i) {
        longest = std::max(longest, seconds_between(times[i - 1], times[i]));
    }
    return longest;
}

/// Where the survivor's timeline left the dead primary's: what lies before, replication had.
std::string switch_position(const Cluster& cluster, const std::string& survivor) {
    // The last line of the history file: "1\t0/5000148\tno recovery target specified".
    std::string const history =
        cluster.psql(survivor,
                     "select pg_read_file('pg_wal/' || name) from pg_ls_waldir() where name like '%.history' "
                     "order by name desc limit 1");
    std::size_t const line = history.rfind('\n', history.size() - 2);
    std::string const last = line == std::string::npos ? history : history.substr(line + 1);
    std::size_t const begin = last.find('\t') + 1;
    return last.substr(begin, last.find('\t', begin) - begin);
}

std::uint64_t position_bytes(const std::string& lsn) {
    std::size_t const slash = lsn.find('/');
    return (std::stoull(lsn.substr(0, slash), nullptr, 16) << 32) +
           std::stoull(lsn.substr(slash + 1), nullptr, 16);
}

class Failover : public EndToEnd {
  protected:
    static constexpr int kWriters = 8;
    static constexpr int kReaders = 4;
    static constexpr int kIdle = 5;

    Failover() {
        // Without a unique index: a row that is written twice is there twice.
        connect().run("drop table if exists failed_over; create table failed_over (id text)");
        cluster().wait_for_replay();
        for (int i = 0; i < kIdle; ++i) {
            idle_.push_back(connect());
            idle_.back().run("set timezone = 'Asia/Tokyo'");
        }
    }
    ~Failover() override { stop(); }

    /// Whatever happened, the tests that follow find a whole cluster.
    void TearDown() override {
        stop();
        cluster().repair();
        std::string const standby = cluster().standby();
        EXPECT_TRUE(eventually(20s, [&standby] { return connect().node() == standby; })) << pgring().log();
    }

    void start() {
        for (int i = 0; i < kWriters; ++i) {
            threads_.emplace_back(write_on, std::ref(account_), connect(), i);
        }
        for (int i = 0; i < kReaders; ++i) {
            threads_.emplace_back(read_on, std::ref(account_), connect());
        }
    }
    void stop() {
        account_.stop = true;
        threads_.clear();
    }
    /// Waits until so many more writes were acknowledged.
    [[nodiscard]] bool more_writes(int count, std::chrono::milliseconds limit) {
        int const goal = account_.acknowledged + count;
        return eventually(limit, [this, goal] { return account_.acknowledged >= goal; });
    }

    /// Holds what the clients were told against the survivor's rows.
    void audit(const std::string& survivor) {
        std::uint64_t const fork = position_bytes(switch_position(cluster(), survivor));
        Connection direct(cluster().direct(survivor));
        std::map<std::string, int> rows;
        Result const found = direct.run("select id, count(*) from failed_over group by id");
        for (int row = 0; row < found.row_count(); ++row) {
            rows[found.value(row, 0)] = std::stoi(found.value(row, 1));
        }
        int lost = 0;
        for (const auto& [id, write] : account_.writes) {
            int const copies = rows.contains(id) ? rows[id] : 0;
            EXPECT_LE(copies, 1) << id << " was applied twice";
            if (write.sqlstate == "00000") {
                // Committed on the survivor itself, or before the fork and so replicated.
                bool const kept =
                    write.begin > promoted_ || (!write.lsn.empty() && position_bytes(write.lsn) <= fork);
                lost += copies == 0 ? 1 : 0;
                EXPECT_TRUE(copies == 1 || !kept) << id << " was acknowledged and replicated, and is lost";
            } else if (write.sqlstate != "08007") {
                EXPECT_EQ(copies, 0) << id << " was applied though its client was told " << write.sqlstate;
            }
            rows.erase(id);
        }
        EXPECT_TRUE(rows.empty()) << rows.begin()->first << " was never sent";
        std::cout << fmt::format("failover: {} acknowledged writes, {} of them never replicated and lost\n",
                                 account_.acknowledged.load(), lost);
    }

    void say_reads() const {
        std::cout << fmt::format("failover: {} reads, longest gap {:.3f} s\n", account_.reads.size(),
                                 longest_gap(account_.reads));
        for (const auto& [sqlstate, count] : account_.read_errors) {
            std::cout << fmt::format("failover: {} reads ended with {}\n", count, sqlstate);
        }
    }

    /// From the fault to the end of the first write that began after it.
    [[nodiscard]] double recovery_seconds() {
        Clock::time_point first = Clock::time_point::max();
        for (const auto& [id, write] : account_.writes) {
            if (write.sqlstate == "00000" && write.end > killed_ + 500ms) {
                first = std::min(first, write.end);
            }
        }
        return seconds_between(killed_, first);
    }

    Account account_;
    std::vector<Connection> idle_;
    std::vector<std::jthread> threads_;
    Clock::time_point killed_;
    Clock::time_point promoted_;
};

TEST_F(Failover, ClientsGoOnWhenThePrimaryIsKilled) {
    std::string const dead = cluster().primary();
    std::string const survivor = Cluster::other(dead);
    start();
    ASSERT_TRUE(more_writes(200, 20s));

    cluster().kill(dead);
    killed_ = Clock::now();
    ASSERT_TRUE(eventually(30s, [&survivor] {
        return Connection(cluster().direct(survivor)).value("select pg_is_in_recovery()") == "f";
    })) << "repmgr did not promote";
    promoted_ = Clock::now();
    ASSERT_TRUE(more_writes(200, 20s)) << pgring().log();
    stop();

    std::cout << fmt::format("failover: promoted after {:.2f} s, first write after {:.2f} s\n",
                             seconds_between(killed_, promoted_), recovery_seconds());
    say_reads();
    for (const auto& [sqlstate, count] : account_.errors) {
        std::cout << fmt::format("failover: {} writes ended with {}\n", count, sqlstate);
        EXPECT_TRUE(kHonest.contains(sqlstate)) << sqlstate;
    }
    // They were on the standby, which nothing happened to.
    EXPECT_TRUE(account_.read_errors.empty());
    EXPECT_EQ(account_.sessions_lost, 0);
    EXPECT_LT(longest_gap(account_.reads), 2.0);
    EXPECT_LT(recovery_seconds(), 15.0);
    audit(survivor);

    // Who was idle all the while has noticed nothing.
    for (Connection& client : idle_) {
        ASSERT_TRUE(client.alive());
        EXPECT_EQ(client.value("show timezone"), "Asia/Tokyo");
        client.run("insert into failed_over values ('idle')");
    }
    EXPECT_EQ(connect().value("select count(*) from failed_over where id = 'idle'"), std::to_string(kIdle));

    // The old primary comes back as what it is by then: a standby.
    cluster().rejoin(dead);
    EXPECT_TRUE(eventually(20s, [&dead] { return connect().node() == dead; })) << pgring().log();
    EXPECT_EQ(connect({{"application_name", "readonly"}}).node(), dead);
    connect().run("insert into failed_over values ('afterwards')");
    EXPECT_EQ(cluster().primary(), survivor);
    cluster().wait_for_replay();
    EXPECT_EQ(connect().value("select count(*) from failed_over where id = 'afterwards'"), "1");
}

TEST_F(Failover, ReadsGoToThePrimaryWhileTheStandbyIsDown) {
    std::string const primary = cluster().primary();
    std::string const dead = cluster().standby();
    start();
    ASSERT_TRUE(more_writes(50, 20s));
    cluster().kill(dead);
    killed_ = Clock::now();
    EXPECT_TRUE(eventually(10s, [&primary] { return connect().node() == primary; }));
    ASSERT_TRUE(more_writes(50, 20s));
    stop();
    EXPECT_EQ(account_.sessions_lost, 0);
    EXPECT_TRUE(account_.errors.empty()) << "writes failed: " << account_.errors.begin()->first;
    std::cout << "failover: the standby was killed\n";
    say_reads();
    EXPECT_LT(longest_gap(account_.reads), 2.0);
    // What each reader had under way may fail, once, with the word that it may be tried again.
    for (const auto& [sqlstate, count] : account_.read_errors) {
        EXPECT_EQ(sqlstate, "40001");
        EXPECT_LE(count, kReaders);
    }

    cluster().rejoin(dead);
    EXPECT_TRUE(eventually(20s, [&dead] { return connect().node() == dead; })) << pgring().log();
}

}  // namespace
}  // namespace pgring::e2e
