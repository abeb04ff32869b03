/// pgbench through pgring: 64 clients over 8 backends, in each protocol, and not one error.

#include <regex>

#include <fmt/format.h>

#include "environment.h"

namespace pgring::e2e {
namespace {

using namespace std::chrono_literals;

struct Case {
    const char* protocol;
    const char* workload;
};

class Pgbench : public EndToEnd {
  protected:
    /// Runs pgbench as the application does, through pgring.
    static Outcome pgbench(const std::vector<std::string>& arguments) {
        Parameters const parameters = pgring().parameters();
        Command command{.arguments = {"/usr/lib/postgresql/15/bin/pgbench", "--host", "127.0.0.1", "--port",
                                      parameters.at("port"), "--username", parameters.at("user")},
                        .environment = {{"PGPASSWORD", parameters.at("password")}}};
        command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
        command.arguments.push_back(parameters.at("dbname"));
        return run(command, 60s);
    }
    static void initialise() {
        static bool done = false;
        if (!done) {
            Outcome const outcome = pgbench({"--initialize", "--scale", "1", "--quiet"});
            ASSERT_EQ(outcome.status, 0) << outcome.error;
            done = true;
        }
        cluster().wait_for_replay();
    }
};

class PgbenchProtocol : public Pgbench, public testing::WithParamInterface<Case> {};

TEST_P(PgbenchProtocol, EndsWithoutAnError) {
    initialise();
    std::vector<std::string> arguments = {"--no-vacuum", "--client", "64",         "--jobs",           "2",
                                          "--time",      "3",        "--protocol", GetParam().protocol};
    if (std::string(GetParam().workload) == "select") {
        arguments.emplace_back("--select-only");
    }
    Outcome const outcome = pgbench(arguments);
    EXPECT_EQ(outcome.status, 0) << outcome.error;
    EXPECT_FALSE(outcome.error.contains("error")) << outcome.error;
    EXPECT_FALSE(outcome.error.contains("aborted")) << outcome.error;
    EXPECT_TRUE(outcome.output.contains("number of failed transactions: 0 (0.000%)")) << outcome.output;
    std::smatch processed;
    ASSERT_TRUE(std::regex_search(outcome.output, processed,
                                  std::regex("number of transactions actually processed: (\\d+)")))
        << outcome.output;
    EXPECT_GT(std::stoi(processed[1].str()), 64);
    fmt::print("pgbench: {} {}: {} transactions\n", GetParam().protocol, GetParam().workload,
               processed[1].str());
}

/// TPC-B keeps its own books: what was paid to accounts was paid to tellers and branches, once.
TEST_F(Pgbench, TheBooksBalance) {
    initialise();
    Outcome const outcome = pgbench({"--no-vacuum", "--client", "64", "--transactions", "20"});
    ASSERT_EQ(outcome.status, 0) << outcome.error;
    EXPECT_TRUE(outcome.output.contains("number of transactions actually processed: 1280/1280"))
        << outcome.output;
    Connection direct(cluster().direct(cluster().primary()));
    std::string const paid = direct.value("select coalesce(sum(delta), 0) from pgbench_history");
    EXPECT_EQ(direct.value("select sum(abalance) from pgbench_accounts"), paid);
    EXPECT_EQ(direct.value("select sum(tbalance) from pgbench_tellers"), paid);
    EXPECT_EQ(direct.value("select sum(bbalance) from pgbench_branches"), paid);
}

INSTANTIATE_TEST_SUITE_P(Each, PgbenchProtocol,
                         testing::Values(Case{"simple", "select"}, Case{"extended", "select"},
                                         Case{"prepared", "select"}, Case{"simple", "tpcb"},
                                         Case{"extended", "tpcb"}, Case{"prepared", "tpcb"}),
                         [](const auto& that) {
                             return std::string(that.param.protocol) + "_" + that.param.workload;
                         });

}  // namespace
}  // namespace pgring::e2e
