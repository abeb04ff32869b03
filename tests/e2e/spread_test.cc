/// Clients are spread evenly over the workers, whatever the kernel's choice among their sockets was.

#include <regex>
#include <string>
#include <vector>

#include "environment.h"
#include "wait.h"

namespace pgring::e2e {
namespace {

using namespace std::chrono_literals;

class Spread : public EndToEnd {
  protected:
    static constexpr int kWorkers = 4;

    Spread()
        : pgring_("spread", cluster(),
                  {.pgring = {{"workers", std::to_string(kWorkers)}, {"stats_period", "\"1s\""}}}) {}

    struct Counts {
        std::size_t all = 0;
        std::size_t of_worker_min = 0;
        std::size_t of_worker_max = 0;
    };

    /// What the newest line of counters says.
    [[nodiscard]] Counts counts() const {
        std::regex const pattern("clients=(\\d+) clients_of_worker_min=(\\d+) clients_of_worker_max=(\\d+)");
        std::string const log = pgring_.log();
        Counts newest;
        for (std::sregex_iterator line(log.begin(), log.end(), pattern), end; line != end; ++line) {
            newest = {.all = std::stoull((*line)[1].str()),
                      .of_worker_min = std::stoull((*line)[2].str()),
                      .of_worker_max = std::stoull((*line)[3].str())};
        }
        return newest;
    }
    [[nodiscard]] bool each_worker_has(std::size_t clients) const {
        Counts const newest = counts();
        return newest.of_worker_min == clients && newest.of_worker_max == clients;
    }

    PgringProcess pgring_;
};

TEST_F(Spread, EachWorkerHasAsManyClientsAsTheNext) {
    std::vector<Connection> clients;
    for (int i = 0; i < kWorkers * 8; ++i) {
        clients.push_back(pgring_.connect());
    }
    EXPECT_TRUE(eventually(10s, [this] { return each_worker_has(8); })) << pgring_.log();
    for (Connection& client : clients) {
        EXPECT_EQ(client.value("select 1"), "1");
    }
    // Some leave; those that come take their places.
    clients.erase(clients.begin() + kWorkers * 3 + 1, clients.end());
    ASSERT_TRUE(eventually(10s, [&] { return counts().all == clients.size(); })) << pgring_.log();
    while (clients.size() < kWorkers * 6) {
        clients.push_back(pgring_.connect());
    }
    EXPECT_TRUE(eventually(10s, [this] { return each_worker_has(6); })) << pgring_.log();
    for (Connection& client : clients) {
        EXPECT_EQ(client.value("select 2"), "2");
    }
}

/// Each of four clients is another worker's, and there is one backend for all of them.
class OnePool : public EndToEnd {
  protected:
    static constexpr std::uint64_t kWorkers = 4;

    OnePool()
        : pgring_("one_pool", cluster(),
                  {.pgring = {{"workers", std::to_string(kWorkers)},
                              {"default_pool_size", "1"},
                              {"stats_period", "\"1s\""}},
                   .routing = {{"read_write_split", "false"}}}) {
        for (std::uint64_t i = 0; i < kWorkers; ++i) {
            clients_.push_back(pgring_.connect());
        }
    }

    PgringProcess pgring_;
    std::vector<Connection> clients_;
};

TEST_F(OnePool, ABackendServesClientsOfAllWorkersWithoutANewLogin) {
    constexpr std::uint64_t kRounds = 20;
    std::string const pid = clients_[0].value("select pg_backend_pid()");
    for (std::uint64_t round = 0; round < kRounds; ++round) {
        for (Connection& client : clients_) {
            EXPECT_EQ(client.value("select pg_backend_pid()"), pid);
        }
    }
    auto const lent = [this] {
        ServerCounters const counters = pgring_.counters("pg-0");
        return counters.queries > kRounds * kWorkers && counters.backends_borrowed >= kRounds * kWorkers - 1;
    };
    EXPECT_TRUE(eventually(10s, lent)) << pgring_.log();
    EXPECT_EQ(pgring_.counters("pg-0").logins, 1U);
}

TEST_F(OnePool, ABackendThatIsLentKeepsWhatIsPrepared) {
    for (std::size_t i = 0; i < clients_.size(); ++i) {
        ASSERT_TRUE(clients_[i].prepare("s", "select $1::int + " + std::to_string(i % 2)).ok());
    }
    for (int round = 0; round < 3; ++round) {
        for (std::size_t i = 0; i < clients_.size(); ++i) {
            EXPECT_EQ(clients_[i].execute("s", {"7"}).value(), std::to_string(7 + i % 2));
        }
    }
    EXPECT_EQ(clients_[0].value("select count(*) from pg_prepared_statements"), "2");
}

}  // namespace
}  // namespace pgring::e2e
