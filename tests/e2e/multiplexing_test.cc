/// multiplex = "sync" in front of a real server: many clients, few backends, each gets its own answers.

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "environment.h"
#include "wait.h"

namespace pgring::e2e {
namespace {

using namespace std::chrono_literals;

class Multiplexing : public EndToEnd {};

/// Asks for numbers of its own, in every protocol, now and then in a way that fails, or writes. How many
/// answers were wrong.
int ask(Connection& client, int number, int unit_count) {
    std::string const name = "s" + std::to_string(number);
    int wrong = client.prepare(name, "select $1::int + 1").ok() ? 0 : 1;
    for (int i = 0; i < unit_count; ++i) {
        int const mine = number * 100'000 + i;
        std::string const value = std::to_string(mine);
        bool const fails = i % 16 == 4;
        Result const result = [&] {
            switch (i % 8) {
                case 0:
                case 1:
                    return client.execute(name, {value});
                case 2:
                case 3:
                    return client.attempt("select $1::int + 1", {value});
                case 4:
                    return client.attempt(fails ? "select 1 / 0 + " + value : "select 1 + " + value);
                case 5:
                    return client.attempt("insert into multiplexed values (" + value + ") returning a + 1");
                default:
                    return client.attempt("select 1 + " + value);
            }
        }();
        bool const right = fails ? result.sqlstate() == "22012"
                                 : result.row_count() == 1 && result.value() == std::to_string(mine + 1);
        wrong += right ? 0 : 1;
    }
    return wrong;
}

TEST_F(Multiplexing, EverybodyGetsItsOwnAnswers) {
    Connection(cluster().direct(cluster().primary())).run("create table multiplexed (a int)");
    PgringProcess own("multiplexing", cluster(),
                      {.pgring = {{"multiplex", "\"sync\""},
                                  {"default_pool_size", "2"},
                                  {"workers", "1"},
                                  {"stats_period", "\"1s\""}}});
    constexpr int kClients = 16;
    constexpr int kUnits = 400;
    std::vector<Connection> clients;
    for (int i = 0; i < kClients; ++i) {
        clients.push_back(own.connect());
    }
    std::atomic<int> wrong = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < kClients; ++i) {
        threads.emplace_back([&, i] { wrong += ask(clients[static_cast<std::size_t>(i)], i, kUnits); });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(wrong, 0);
    Connection direct(cluster().direct(cluster().primary()));
    EXPECT_EQ(direct.value("select count(*) from multiplexed"), std::to_string(kClients * kUnits / 8));
    EXPECT_EQ(direct.value("select count(distinct a) from multiplexed"),
              std::to_string(kClients * kUnits / 8));
    direct.run("drop table multiplexed");
    // It was not all for nothing.
    EXPECT_TRUE(eventually(10s, [&] { return own.log().contains("units_ahead_used="); }));
}

}  // namespace
}  // namespace pgring::e2e
