/// LISTEN in transaction pooling when the server connection that listens for the sessions is lost.

#include <string>
#include <utility>
#include <vector>

#include "environment.h"
#include "wait.h"

namespace pgring::e2e {
namespace {

using namespace std::chrono_literals;

/// What came on the connection since the last call, "channel payload" each; asks the server nothing.
std::vector<std::string> heard(Connection& connection) {
    std::vector<std::string> result;
    PQconsumeInput(connection.get());
    while (PGnotify* const notification = PQnotifies(connection.get())) {
        result.push_back(std::string(notification->relname) + " " + notification->extra);
        PQfreemem(notification);
    }
    return result;
}

class Listen : public EndToEnd {
  protected:
    Listen() : pgring_("listen", cluster(), {.pgring = {{"default_pool_size", "2"}}}) {
        for (int i = 0; i < 4; ++i) {
            listeners_.push_back(pgring_.connect());
            listeners_.back().run("listen jobs");
        }
    }

    /// Each has been told that notifications may have been missed, as often as `count`.
    [[nodiscard]] bool told_of_gaps(std::size_t count, std::chrono::milliseconds limit) {
        constexpr std::string_view kNotice = "notifications may have been missed";
        return eventually(limit, [this, count, kNotice] {
            bool all = true;
            for (Connection& listener : listeners_) {
                PQconsumeInput(listener.get());
                // Notices are passed on when libpq looks at what it has read.
                static_cast<void>(PQisBusy(listener.get()));
                std::size_t found = 0;
                for (std::size_t at = 0; (at = listener.notices().find(kNotice, at)) != std::string::npos;
                     at += kNotice.size()) {
                    ++found;
                }
                all = all && found >= count;
            }
            return all;
        });
    }
    /// Everybody hears this and nothing else.
    void all_hear(const std::vector<std::string>& expected) {
        for (Connection& listener : listeners_) {
            std::vector<std::string> got;
            EXPECT_TRUE(eventually(10s, [&] {
                for (std::string& one : heard(listener)) {
                    got.push_back(std::move(one));
                }
                return got.size() >= expected.size();
            })) << pgring_.log();
            EXPECT_EQ(got, expected);
        }
    }

    PgringProcess pgring_;
    std::vector<Connection> listeners_;
};

TEST_F(Listen, GoesOnWhenTheListeningBackendIsTerminated) {
    Connection sender = pgring_.connect();
    sender.run("notify jobs, 'before'");
    all_hear({"jobs before"});
    for (std::size_t round = 1; round <= 3; ++round) {
        std::string const terminated =
            cluster().psql(cluster().primary(),
                           "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                           " where application_name = 'pgring listener'");
        ASSERT_NE(terminated, "0");
        ASSERT_TRUE(told_of_gaps(round, 10s)) << pgring_.log();
        std::string const payload = "after " + std::to_string(round);
        sender.run("notify jobs, '" + payload + "'");
        all_hear({"jobs " + payload});
    }
}

TEST_F(Listen, FollowsAFailover) {
    std::string const dead = cluster().primary();
    cluster().kill(dead);
    EXPECT_TRUE(told_of_gaps(1, 60s)) << pgring_.log();
    pgring_.connect().run("notify jobs, 'from the new primary'");
    all_hear({"jobs from the new primary"});
    cluster().repair();
    EXPECT_TRUE(eventually(20s, [] { return connect().node() == cluster().standby(); })) << pgring().log();
}

}  // namespace
}  // namespace pgring::e2e
