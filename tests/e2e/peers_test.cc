/// Several pgrings behind one address: a request to cancel may come to any of them.

#include <filesystem>

#include <unistd.h>

#include "environment.h"
#include "wait.h"

namespace pgring::e2e {
namespace {

/// A socket that leads to one pgring and later to another, as a load balancer's address does.
class Address {
  public:
    Address() { std::filesystem::create_directory(folder_); }
    ~Address() { std::filesystem::remove_all(folder_); }
    Address(const Address&) = delete;
    Address& operator=(const Address&) = delete;

    [[nodiscard]] std::string folder(const std::string& name) const { return folder_ + "/" + name; }
    /// A folder for the socket of the pgring called `name`, as a value of the configuration.
    [[nodiscard]] std::string make_folder(const std::string& name) const {
        std::filesystem::create_directory(folder(name));
        return "\"" + folder(name) + "\"";
    }
    void leads_to(const std::string& name, const PgringProcess& pgring) const {
        std::filesystem::remove(socket_);
        std::filesystem::create_symlink(folder(name) + "/.s.PGSQL." + std::to_string(pgring.port()), socket_);
    }
    [[nodiscard]] Parameters parameters() const { return {{"host", folder_}, {"port", "1"}}; }

  private:
    std::string folder_ = "/tmp/pgring-peers-" + std::to_string(::getpid());
    std::string socket_ = folder_ + "/.s.PGSQL.1";
};

class Peers : public EndToEnd {};

TEST_F(Peers, ACancelThatComesToTheOtherPgringEndsItsStatement) {
    Address address;
    PgringProcess here("peer_1", cluster(),
                       {.pgring = {{"peer_id", "1"}, {"unix_socket_dir", address.make_folder("here")}}});
    PgringProcess there("peer_2", cluster(),
                        {.pgring = {{"peer_id", "2"}, {"unix_socket_dir", address.make_folder("there")}},
                         .peers = {{1, {{"host", "\"127.0.0.1\""}, {"port", std::to_string(here.port())}}}}});
    address.leads_to("here", here);
    Connection client = here.connect(address.parameters());
    ASSERT_EQ(PQsendQuery(client.get(), "select pg_sleep(60) /* peers */"), 1);
    ASSERT_TRUE(runs("/* peers */"));

    address.leads_to("there", there);
    Clock::time_point const begin = Clock::now();
    std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> const request(PQgetCancel(client.get()), PQfreeCancel);
    char error[256] = "";
    ASSERT_EQ(PQcancel(request.get(), error, sizeof error), 1) << error;
    std::string sqlstate;
    while (PGresult* const result = PQgetResult(client.get())) {
        sqlstate = Result(result).sqlstate();
    }
    EXPECT_EQ(sqlstate, "57014");
    EXPECT_LT(seconds_between(begin, Clock::now()), 2.0);
    EXPECT_EQ(client.value("select 1"), "1");
}

}  // namespace
}  // namespace pgring::e2e
