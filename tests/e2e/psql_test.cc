/// psql, the client that everybody has: \copy in and out, and Ctrl-C.

#include <csignal>

#include <sys/stat.h>
#include <unistd.h>

#include "environment.h"
#include "wait.h"

namespace pgring::e2e {
namespace {

using namespace std::chrono_literals;

class Psql : public EndToEnd {
  protected:
    static Command command(const std::string& text) {
        Parameters const parameters = pgring().parameters();
        return {.arguments = {"/usr/lib/postgresql/15/bin/psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h",
                              "127.0.0.1", "-p", parameters.at("port"), "-U", parameters.at("user"), "-d",
                              parameters.at("dbname"), "-c", text},
                .environment = {{"PGPASSWORD", parameters.at("password")}}};
    }
    static std::string output(const std::string& text) {
        Outcome const outcome = run(command(text), 30s);
        EXPECT_EQ(outcome.status, 0) << outcome.error;
        return outcome.output;
    }
};

TEST_F(Psql, CopiesInAndOut) {
    std::string const folder = environment().log_folder();
    std::string rows;
    for (int id = 0; id < 20'000; ++id) {
        rows += std::to_string(id) + "\ttext with \\t tab, \\\\ backslash, naïve\n";
    }
    write_text(folder + "/in.tsv", rows);
    output("drop table if exists copied; create table copied (id int, text text)");
    output("\\copy copied from '" + folder + "/in.tsv'");
    cluster().wait_for_replay();
    output("\\copy (select * from copied order by id) to '" + folder + "/out.tsv'");
    EXPECT_TRUE(read_text(folder + "/out.tsv") == rows);
    ::unlink((folder + "/in.tsv").c_str());
    ::unlink((folder + "/out.tsv").c_str());
}

TEST_F(Psql, SaysWhatIsWrongWithACopy) {
    std::string const file = environment().log_folder() + "/bad.tsv";
    write_text(file, "1\tgood\nnot a number\tbad\n");
    output("drop table if exists copied; create table copied (id int, text text)");
    Outcome const outcome = run(command("\\copy copied from '" + file + "'"), 30s);
    EXPECT_NE(outcome.status, 0);
    EXPECT_TRUE(outcome.error.contains("invalid input syntax for type integer")) << outcome.error;
    cluster().wait_for_replay();
    EXPECT_EQ(connect().value("select count(*) from copied"), "0");
    ::unlink(file.c_str());
}

TEST_F(Psql, ControlCEndsAStatement) {
    Command line = command("begin; select pg_sleep(60), 'from psql'");
    line.error_file = environment().log_folder() + "/psql.err";
    write_text(line.error_file, "");
    Process psql(line);
    Connection observer(cluster().direct(cluster().primary()));
    ASSERT_TRUE(eventually(10s, [&observer] {
        return observer.value(
                   "select count(*) from pg_stat_activity where query like '%from psql%' "
                   "and pid <> pg_backend_pid() and wait_event = 'PgSleep'") == "1";
    }));
    Clock::time_point const begin = Clock::now();
    psql.signal(SIGINT);
    EXPECT_EQ(psql.wait(5s), 1);
    EXPECT_LT(seconds_between(begin, Clock::now()), 2.0);
    EXPECT_TRUE(read_text(line.error_file).contains("Cancel request sent")) << read_text(line.error_file);
    EXPECT_EQ(observer.value("select count(*) from pg_stat_activity where query like '%from psql%' "
                             "and pid <> pg_backend_pid() and state = 'active'"),
              "0");
}

}  // namespace
}  // namespace pgring::e2e
