/// Sizes of pools, what is asked of backends, and unix sockets, in front of real servers.

#include <filesystem>

#include "environment.h"
#include "wait.h"

namespace pgring::e2e {
namespace {

using namespace std::chrono_literals;

class Pools : public EndToEnd {
  protected:
    /// Backends of the application's user at the primary, or of one database.
    static std::string backend_count(const std::string& database = {}) {
        std::string text =
            "select count(*) from pg_stat_activity where backend_type = 'client backend' and "
            "usename = '" +
            cluster().variable("POSTGRES_USER") + "'";
        if (!database.empty()) {
            text += " and datname = '" + database + "'";
        }
        std::string const count = cluster().psql(cluster().primary(), text);
        return count.substr(0, count.find('\n'));
    }
    static bool comes_to(const std::string& count, const std::string& database = {}) {
        return eventually(10s, [&] { return backend_count(database) == count; });
    }
    static void end_backends() {
        for (std::string const node : {"pg-0", "pg-1"}) {
            static_cast<void>(cluster().psql(
                node, "select pg_terminate_backend(pid) from pg_stat_activity where usename = '" +
                          cluster().variable("POSTGRES_USER") + "'"));
        }
    }
    /// No other pgring has backends of this user any more.
    void SetUp() override {
        end_backends();
        ASSERT_TRUE(comes_to("0"));
    }
};

TEST_F(Pools, TheMinimumIsThereFromTheFirstClientOnAndComesBack) {
    PgringProcess own("min_pool", cluster(), {.pgring = {{"min_pool_size", "3"}}});
    Connection client = own.connect();
    EXPECT_TRUE(comes_to("3"));
    end_backends();
    EXPECT_TRUE(comes_to("3"));
}

TEST_F(Pools, TheReserveServesWhoHasWaited) {
    PgringProcess own(
        "reserve", cluster(),
        {.pgring = {
             {"default_pool_size", "1"}, {"reserve_pool_size", "1"}, {"reserve_pool_timeout", "\"500ms\""}}});
    Connection one = own.connect();
    Connection other = own.connect();
    one.run("begin");
    one.run("select txid_current()");
    EXPECT_TRUE(other.attempt("select txid_current()").ok());
    EXPECT_EQ(backend_count(), "2");
}

TEST_F(Pools, ALimitOnAUsersConnectionsHoldsOverDatabases) {
    PgringProcess own(
        "max_user", cluster(),
        {.pgring = {{"max_user_connections", "1"}}, .routing = {{"read_write_split", "false"}}});
    std::string const database = cluster().variable("POSTGRES_DB");
    Connection here = own.connect();
    Connection there = own.connect({{"dbname", "postgres"}});
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(here.value("select current_database()"), database);
        EXPECT_EQ(there.value("select current_database()"), "postgres");
        EXPECT_TRUE(comes_to("0", database));
        EXPECT_TRUE(comes_to("1"));
    }
}

TEST_F(Pools, ConnectQueryIsWhatSessionsStartFrom) {
    PgringProcess own("connect_query", cluster(),
                      {.pgring = {{"server_check_delay", "0"}},
                       .databases = {{"*", {{"connect_query", "\"set statement_timeout = '12345ms'\""}}}}});
    Connection client = own.connect();
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(client.value("show statement_timeout"), "12345ms");
    }
}

TEST_F(Pools, AConnectQueryThatFailsIsToldAndLogged) {
    PgringProcess own("bad_connect_query", cluster(),
                      {.databases = {{"*", {{"connect_query", "\"set no_such_parameter = 1\""}}}}});
    try {
        static_cast<void>(own.connect());
        FAIL() << "it got in";
    } catch (const SqlError& error) {
        EXPECT_NE(std::string(error.what()).find("no_such_parameter"), std::string::npos) << error.what();
    }
    EXPECT_TRUE(own.log().contains("connect_query_failed")) << own.log();
}

TEST_F(Pools, StatementPoolingRefusesTransactionBlocks) {
    PgringProcess own("statement", cluster(), {.pgring = {{"pool_mode", "\"statement\""}}});
    Connection client = own.connect();
    EXPECT_EQ(client.attempt("begin").sqlstate(), "0A000");
    EXPECT_EQ(client.value("select 1"), "1");
    EXPECT_TRUE(client.attempt("begin; select 1; commit").ok());
    static_cast<void>(client.attempt("begin; select 1"));
    EXPECT_FALSE(client.attempt("select 1").ok());
    EXPECT_EQ(own.connect().value("select 1"), "1");
}

TEST_F(Pools, ClientsAndServersMeetOverUnixSockets) {
    std::filesystem::path const folder =
        std::filesystem::temp_directory_path() / ("pgring-e2e-" + std::to_string(getpid()));
    std::filesystem::create_directory(folder);
    {
        PgringProcess own(
            "unix_sockets", cluster(),
            {.pgring = {{"unix_socket_dir", "\"" + folder.string() + "\""}, {"unix_socket_mode", "0o700"}},
             .server_host = cluster().variable("PGRING_SOCKET_DIRECTORY")});
        Connection client = own.connect({{"host", folder.string()}});
        EXPECT_EQ(client.value("select inet_client_addr() is null"), "t");
        EXPECT_EQ(std::string(PQhost(client.get())), folder.string());
        std::filesystem::path const socket = folder / (".s.PGSQL." + std::to_string(own.port()));
        EXPECT_EQ(std::filesystem::status(socket).permissions(), std::filesystem::perms::owner_all);
    }
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace pgring::e2e
