#pragma once
/// The pgring that meson built, with a configuration of the test's own, in front of the cluster.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "cluster.h"
#include "connection.h"
#include "process.h"

namespace pgring::e2e {

/// Options by section, as TOML values: {"pool_mode", "\"session\""}.
struct Configuration {
    std::map<std::string, std::string> pgring{};
    std::map<std::string, std::string> health{};
    std::map<std::string, std::string> routing{};
    /// Of the databases that have a section of their own, by name.
    std::map<std::string, std::map<std::string, std::string>> databases{};
    /// Of the other pgrings, by number.
    std::map<int, std::map<std::string, std::string>> peers{};
    /// How many files it may have open; nothing is as many as the tests.
    std::optional<int> descriptors{};
    /// Where pgring looks for the servers: an address, or the folder of their unix sockets.
    std::string server_host = "127.0.0.1";
};

/// What pgring last logged of one server.
struct ServerCounters {
    std::uint64_t assignments = 0;
    std::uint64_t reads_balanced = 0;
    std::uint64_t queries = 0;
    std::uint64_t logins = 0;
    std::uint64_t backends_borrowed = 0;
};

class PgringProcess {
  public:
    /// Starts it and returns when it serves. `name` is that of its files. Throws std::runtime_error with its
    /// log where it does not come to serve.
    PgringProcess(const std::string& name, const Cluster& cluster, const Configuration& configuration = {});
    /// Ends it, within seconds.
    ~PgringProcess();
    PgringProcess(const PgringProcess&) = delete;
    PgringProcess& operator=(const PgringProcess&) = delete;

    /// How the application connects.
    [[nodiscard]] Parameters parameters() const;
    [[nodiscard]] Connection connect(const Parameters& changed = {}) const;
    [[nodiscard]] std::string log() const { return read_text(log_file_); }
    /// The counters of a server in the newest server_stats line.
    [[nodiscard]] ServerCounters counters(const std::string& server) const;
    [[nodiscard]] Process& process() { return *process_; }
    [[nodiscard]] int port() const { return port_; }

  private:
    const Cluster& cluster_;
    int port_;
    std::string log_file_;
    std::unique_ptr<Process> process_;
};

/// The text of a configuration file for the cluster's servers.
[[nodiscard]] std::string configuration_text(const Cluster& cluster, int port,
                                             const Configuration& configuration);
/// The environment that such a file refers to.
[[nodiscard]] std::map<std::string, std::string> pgring_environment(const Cluster& cluster);

}  // namespace pgring::e2e
