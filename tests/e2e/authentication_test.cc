/// Who may come in, how they prove it, and what pgring says to those who do not.

#include "environment.h"
#include "wait.h"

namespace pgring::e2e {
namespace {

using namespace std::chrono_literals;

class Authentication : public EndToEnd {
  protected:
    /// The SQLSTATE with which a login is refused; "00000" where it is not.
    static std::string login(const PgringProcess& pgring, const Parameters& changed) {
        try {
            return pgring.connect(changed).value("select 1") == "1" ? "00000" : "wrong answer";
        } catch (const SqlError& error) {
            return error.sqlstate().empty() ? error.what() : error.sqlstate();
        }
    }
    static std::string login(const Parameters& changed) { return login(pgring(), changed); }
    static std::string file(const std::string& name, const std::string& text) {
        std::string path = environment().log_folder() + "/" + name;
        write_text(path, text);
        return "\"" + path + "\"";
    }
};

TEST_F(Authentication, TheRightPasswordIsLetIn) {
    EXPECT_EQ(login({}), "00000");
    EXPECT_EQ(connect().value("select current_user || '@' || current_database()"), "app@app");
}

TEST_F(Authentication, AWrongPasswordIsRefusedAsPostgresqlDoes) {
    EXPECT_EQ(login({{"password", "wrong"}}), "28P01");
    EXPECT_EQ(login({}), "00000");
}

TEST_F(Authentication, AnUnknownUserIsRefusedLikeAWrongPassword) {
    EXPECT_EQ(login({{"user", "nobody_of_that_name"}, {"password", "wrong"}}), "28P01");
}

TEST_F(Authentication, AnUnknownDatabaseIsNamed) {
    EXPECT_EQ(login({{"dbname", "no_such_database"}}), "3D000");
}

TEST_F(Authentication, AnUnknownParameterOfTheStartupIsRefusedByTheServersRules) {
    EXPECT_EQ(login({{"options", "-c work_mem=5MB"}}), "00000");
    EXPECT_EQ(connect({{"options", "-c work_mem=5MB"}}).value("show work_mem"), "5MB");
}

TEST_F(Authentication, Md5IsAsked) {
    PgringProcess own("md5", cluster(), {.pgring = {{"auth_type", "\"md5\""}}});
    EXPECT_EQ(login(own, {}), "00000");
    EXPECT_EQ(login(own, {{"password", "wrong"}}), "28P01");
}

TEST_F(Authentication, RulesDecideByDatabaseAndUser) {
    std::string const rules = file("rules.hba",
                                   "# app proves itself by md5 at app, is trusted at postgres\n"
                                   "host app      app 127.0.0.1/32 md5\n"
                                   "host postgres app 127.0.0.1/32 trust\n"
                                   "host all      all 127.0.0.1/32 reject\n");
    PgringProcess own("hba", cluster(), {.pgring = {{"auth_type", "\"hba\""}, {"auth_hba_file", rules}}});
    EXPECT_EQ(login(own, {}), "00000");
    EXPECT_EQ(login(own, {{"password", "wrong"}}), "28P01");
    EXPECT_EQ(login(own, {{"dbname", "postgres"}, {"password", "whatever"}}), "00000");
    EXPECT_EQ(login(own, {{"dbname", "template1"}}), "28000");
}

TEST_F(Authentication, WithAScramSecretPgringLogsInWithTheKeyItLearned) {
    std::string const secret =
        cluster().psql(cluster().primary(), "select rolpassword from pg_authid where rolname = 'app'");
    ASSERT_TRUE(secret.starts_with("SCRAM-SHA-256$"));
    std::string const users = file("secrets.txt", "\"app\" \"" + secret + "\"\n");
    PgringProcess own("secret", cluster(), {.pgring = {{"auth_file", users}}});
    EXPECT_EQ(login(own, {{"password", "wrong"}}), "28P01");
    Connection client = own.connect();
    EXPECT_EQ(client.node(), cluster().standby());
    client.run("begin");
    EXPECT_EQ(client.node(), cluster().primary());
    client.run("commit");
}

TEST_F(Authentication, AKeyThatWasLearnedServesEveryLaterLogin) {
    std::string const secret =
        cluster().psql(cluster().primary(), "select rolpassword from pg_authid where rolname = 'app'");
    std::string const users = file("later_secrets.txt", "\"app\" \"" + secret + "\"\n");
    PgringProcess own("learned", cluster(), {.pgring = {{"auth_file", users}, {"default_pool_size", "1"}}});
    Connection client = own.connect();
    std::string process = client.value("select pg_backend_pid(), txid_current()");
    for (int i = 0; i < 3; ++i) {
        static_cast<void>(
            cluster().psql(cluster().primary(), "select pg_terminate_backend(" + process + ")"));
        std::string next;
        EXPECT_TRUE(eventually(5s, [&] {
            Result const result = client.attempt("select pg_backend_pid(), txid_current()");
            next = result.ok() ? result.value() : process;
            return next != process;
        })) << "the client stays and has no password to give";
        process = next;
    }
}

TEST_F(Authentication, TooManyClientsAreRefusedWithAReason) {
    PgringProcess own("few", cluster(), {.pgring = {{"max_client_conn", "3"}}});
    std::vector<Connection> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(own.connect());
    }
    EXPECT_EQ(login(own, {}), "53300");
    clients.pop_back();
    EXPECT_TRUE(eventually(5s, [&own] { return login(own, {}) == "00000"; }));
}

}  // namespace
}  // namespace pgring::e2e
