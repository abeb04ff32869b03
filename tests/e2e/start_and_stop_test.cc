/// The programme itself: bad starts say what is wrong and what to do, SIGTERM drains, SIGINT is quick.

#include <csignal>

#include <unistd.h>

#include "environment.h"
#include "wait.h"

namespace pgring::e2e {
namespace {

using namespace std::chrono_literals;

class Start : public EndToEnd {
  protected:
    static Outcome start(const std::vector<std::string>& arguments) {
        Command command{.arguments = {pgring_program()}, .environment = pgring_environment(cluster())};
        command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
        return run(command, 10s);
    }
    static Outcome start_with(const std::string& text) {
        std::string const file = environment().log_folder() + "/bad.toml";
        write_text(file, text);
        Outcome const outcome = start({"--config", file});
        ::unlink(file.c_str());
        return outcome;
    }
    static void expect_refused(const Outcome& outcome, int status, const std::string& words) {
        EXPECT_EQ(outcome.status, status) << outcome.error;
        EXPECT_TRUE(outcome.error.contains(words)) << outcome.error;
        EXPECT_FALSE(outcome.error.contains("listening")) << outcome.error;
    }
};

TEST_F(Start, AWrongFlagIsNamed) {
    expect_refused(start({"--confg", "x"}), 2, "--confg");
}

TEST_F(Start, WithoutAConfigurationItSaysHowToGiveOne) {
    expect_refused(start({}), 2, "--config");
}

TEST_F(Start, AMissingFileIsNamed) {
    expect_refused(start({"--config", "/nonexistent/pgring.toml"}), 1, "/nonexistent/pgring.toml");
}

TEST_F(Start, VersionAndHelpAreAnswered) {
    Outcome const version = start({"--version"});
    EXPECT_EQ(version.status, 0);
    EXPECT_TRUE(version.output.starts_with("pgring ")) << version.output;
    Outcome const help = start({"--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_TRUE(help.output.contains("--config")) << help.output;
}

TEST_F(Start, WithFewDescriptorsTheNextClientIsRefusedAndNobodyElseSuffers) {
    PgringProcess own("few_descriptors", cluster(), {.pgring = {{"workers", "2"}}, .descriptors = 120});
    EXPECT_TRUE(own.log().contains("few_descriptors limit=120 max_client_conn=10000 clients_affordable=90"))
        << own.log();
    std::vector<Connection> clients;
    while (clients.size() < 90) {
        clients.push_back(own.connect());
    }
    EXPECT_EQ(clients[0].value("select 1"), "1");
    try {
        Connection const refused = own.connect();
        ADD_FAILURE() << "there is room for one more";
    } catch (const SqlError& error) {
        EXPECT_EQ(error.sqlstate(), "53300");
    }
    // Connected, and not a word said.
    std::vector<std::unique_ptr<PGconn, decltype(&PQfinish)>> silent;
    std::string const where = "host=127.0.0.1 port=" + std::to_string(own.port());
    while (silent.size() < 60) {
        silent.emplace_back(PQconnectStart(where.c_str()), PQfinish);
    }
    EXPECT_TRUE(eventually(5s, [&own] { return own.log().contains("accept_failed"); }));
    std::this_thread::sleep_for(1s);
    EXPECT_EQ(clients[0].value("select 2"), "2");
    std::string const log = own.log();
    std::size_t told = 0;
    for (std::size_t at = log.find("accept_failed"); at != std::string::npos;
         at = log.find("accept_failed", at + 1)) {
        ++told;
    }
    EXPECT_LE(told, 8U) << "a failure is told once a second by each worker";
    silent.clear();
    clients.pop_back();
    EXPECT_TRUE(eventually(5s, [&own] {
        try {
            return own.connect().value("select 3") == "3";
        } catch (const SqlError&) {
            return false;
        }
    }));
}

TEST_F(Start, ABusyPortIsNamed) {
    expect_refused(start_with(configuration_text(cluster(), pgring().port(), {})), 1,
                   std::to_string(pgring().port()));
    // Whoever has it goes on serving.
    EXPECT_EQ(connect().value("select 1"), "1");
}

TEST_F(Start, AHalfWrittenFileIsRefusedWithItsLine) {
    std::string const whole = configuration_text(cluster(), free_ports(6732, 1), {});
    std::size_t const cut = whole.find("health_check_password") + std::string("health_check_pass").size();
    Outcome const outcome = start_with(whole.substr(0, cut));
    expect_refused(outcome, 1, "bad.toml:");
}

TEST_F(Start, AnUnknownServerHostIsNamed) {
    std::string text = configuration_text(cluster(), free_ports(6732, 1), {});
    std::size_t const at = text.find("127.0.0.1");
    text.replace(at, std::string("127.0.0.1").size(), "no-such-host.invalid");
    expect_refused(start_with(text), 1, "no-such-host.invalid");
}

TEST_F(Start, AMissingUserListIsNamed) {
    expect_refused(start_with(configuration_text(cluster(), free_ports(6732, 1),
                                                 {.pgring = {{"auth_file", "\"/nonexistent/users\""}}})),
                   1, "/nonexistent/users");
}

TEST_F(Start, CheckSaysWhetherAFileIsGood) {
    std::string const file = environment().log_folder() + "/checked.toml";
    write_text(file, configuration_text(cluster(), 6432, {}));
    Outcome const good = start({"check", file});
    EXPECT_EQ(good.status, 0) << good.error;
    write_text(file, configuration_text(cluster(), 6432, {.pgring = {{"pool_mode", "\"transactoin\""}}}));
    Outcome const bad = start({"check", file});
    EXPECT_EQ(bad.status, 1);
    EXPECT_TRUE(bad.error.contains("transaction")) << bad.error;
    ::unlink(file.c_str());
}

TEST_F(Start, WithoutAnyServerItWaitsForOne) {
    // Nobody listens on these ports: a cluster that is still down is no reason not to start.
    std::string text = configuration_text(cluster(), free_ports(6732, 1), {});
    int const nobody = free_ports(6800, 2);
    for (const std::string node : {"pg-0", "pg-1"}) {
        std::string const port = "port = " + std::to_string(cluster().port(node));
        text.replace(text.find(port), port.size(),
                     "port = " + std::to_string(nobody + (node == "pg-1" ? 1 : 0)));
    }
    std::string const file = environment().log_folder() + "/alone.toml";
    std::string const log = environment().log_folder() + "/alone.log";
    write_text(file, text);
    write_text(log, "");
    Process alone({.arguments = {pgring_program(), "--config", file},
                   .environment = pgring_environment(cluster()),
                   .error_file = log});
    EXPECT_TRUE(eventually(10s, [&log] { return read_text(log).contains("server_down"); })) << read_text(log);
    EXPECT_TRUE(alone.running());
    alone.signal(SIGTERM);
    EXPECT_EQ(alone.wait(5s), 0);
}

class Stop : public EndToEnd {
  protected:
    /// The SQLSTATE with which a new client is refused, "00000" where it is let in.
    static std::string refusal(const PgringProcess& pgring) {
        try {
            static_cast<void>(pgring.connect());
            return "00000";
        } catch (const SqlError& error) {
            return error.sqlstate();
        }
    }
    /// Expects that an idle client was told, and not only cut off.
    static void expect_told_of_shutdown(Connection& client) {
        Result const result = client.attempt("select 1");
        EXPECT_FALSE(result.ok());
        std::string const told = client.notices() + result.message();
        EXPECT_TRUE(told.contains("pooler is shutting down")) << told;
    }
};

TEST_F(Stop, SigtermLetsClientsFinish) {
    PgringProcess own("drain", cluster());
    Connection client = own.connect();
    client.run("drop table if exists drained; create table drained (id int)");
    client.run("begin");
    client.run("insert into drained values (1)");
    own.process().signal(SIGTERM);
    ASSERT_TRUE(eventually(5s, [&own] { return own.log().contains("shutdown"); }));
    // Who comes now is refused, with a reason, whichever worker he meets.
    ASSERT_TRUE(eventually(5s, [&own] { return refusal(own) == "57P01"; }));
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(refusal(own), "57P01");
    }
    client.run("insert into drained values (2)");
    client.run("commit");
    EXPECT_EQ(client.value("begin; select count(*) from drained"), "2");
    client.run("commit");
    EXPECT_TRUE(own.process().running());
    client = connect();
    EXPECT_EQ(own.process().wait(5s), 0) << own.log();
    client.run("drop table drained");
}

TEST_F(Stop, SigtermTwiceOrATimeoutEndsTheWait) {
    PgringProcess timed("timed", cluster(), {.pgring = {{"shutdown_timeout", "\"300ms\""}}});
    Connection idle = timed.connect();
    timed.process().signal(SIGTERM);
    EXPECT_EQ(timed.process().wait(5s), 0) << timed.log();
    expect_told_of_shutdown(idle);

    PgringProcess twice("twice", cluster());
    Connection other = twice.connect();
    twice.process().signal(SIGTERM);
    ASSERT_TRUE(eventually(5s, [&twice] { return twice.log().contains("shutdown"); }));
    twice.process().signal(SIGTERM);
    EXPECT_EQ(twice.process().wait(5s), 0) << twice.log();
}

TEST_F(Stop, SigintEndsAtOnceAndSaysSo) {
    PgringProcess own("interrupted", cluster());
    Connection idle = own.connect();
    Connection busy = own.connect();
    ASSERT_EQ(PQsendQuery(busy.get(), "select pg_sleep(60)"), 1);
    Clock::time_point const begin = Clock::now();
    own.process().signal(SIGINT);
    EXPECT_EQ(own.process().wait(5s), 0) << own.log();
    EXPECT_LT(seconds_between(begin, Clock::now()), 2.0);
    expect_told_of_shutdown(idle);
    EXPECT_EQ(Result(PQgetResult(busy.get())).sqlstate(), "57P01");
    // The port is free again, whoever still has his end of a connection open.
    EXPECT_TRUE(eventually(2s, [&own] { return free_ports(own.port(), 1) == own.port(); }));
}

}  // namespace
}  // namespace pgring::e2e
