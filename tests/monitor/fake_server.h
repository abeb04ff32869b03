#pragma once
/// A server on loopback that speaks just enough of the protocol for a probe, and misbehaves on request. Real
/// sockets, so that libpq and the monitor are tested as they run.

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "failover/probe.h"
#include "topology/topology.h"

namespace pgring::monitor {

class FakeServer {
  public:
    enum class Manner : std::uint8_t {
        /// Lets everybody in and answers each query with the sighting.
        Answer,
        /// Accepts and reads, and says nothing, like a stopped process.
        Silence,
        /// Refuses logins with the SQLSTATE; connections made before go on.
        RefuseLogin,
        /// Closes each connection when it speaks.
        HangUp,
        /// Answers each query with the SQLSTATE.
        RefuseQuery,
    };

    explicit FakeServer(failover::Sighting sighting);
    /// Stops listening, as a dead postmaster: its port refuses.
    ~FakeServer();
    FakeServer(const FakeServer&) = delete;
    FakeServer& operator=(const FakeServer&) = delete;

    void set(failover::Sighting sighting);
    void set(Manner manner, std::string sqlstate = {});
    /// Sends the SQLSTATE as a FATAL error to all connections and closes them.
    void terminate_connections(const std::string& sqlstate);

    [[nodiscard]] topology::ServerIdentity identity(std::string name) const;
    /// Queries answered since the start.
    [[nodiscard]] std::uint64_t query_count() const { return query_count_; }
    /// Connections accepted since the start.
    [[nodiscard]] std::uint64_t connection_count() const { return connection_count_; }

  private:
    void run(const std::stop_token& stop);
    void accept_one();
    /// Reads from `client` and answers; false when the connection is to be closed.
    bool serve(int client, std::string& unread);
    bool serve_startup(int client, std::string& unread);
    bool serve_message(int client, std::string& unread);
    [[nodiscard]] std::string answer() const;

    int listener_ = -1;
    std::uint16_t port_ = 0;

    std::mutex mutex_;
    failover::Sighting sighting_;
    Manner manner_ = Manner::Answer;
    std::string sqlstate_;
    /// What each client has sent and nobody has taken yet.
    std::map<int, std::string> clients_;
    std::map<int, bool> logged_in_;

    std::atomic<std::uint64_t> query_count_ = 0;
    std::atomic<std::uint64_t> connection_count_ = 0;
    std::jthread thread_;
};

/// A port of loopback whose queue of connections is full, so that the kernel drops further attempts without
/// an answer: what a firewall, a cut cable or a dead host looks like.
class DroppingServer {
  public:
    DroppingServer();
    ~DroppingServer();
    DroppingServer(const DroppingServer&) = delete;
    DroppingServer& operator=(const DroppingServer&) = delete;

    [[nodiscard]] topology::ServerIdentity identity(std::string name) const;

  private:
    int listener_ = -1;
    int filler_ = -1;
    std::uint16_t port_ = 0;
};

/// A port of loopback where nobody listens.
[[nodiscard]] topology::ServerIdentity make_refusing_server(std::string name);

}  // namespace pgring::monitor
