#pragma once
/// The real cluster behind pgring, brought up and broken through tools/cluster.

#include <chrono>
#include <map>
#include <string>

#include <sys/types.h>

#include "connection.h"

namespace pgring::e2e {

/// A cluster in a folder of its own, on free ports. A guardian process takes it down, and keeps its logs,
/// when this object goes or the tests end in any other way.
class Cluster {
  public:
    /// Throws std::runtime_error with the words of tools/cluster.
    Cluster(std::string program, const std::string& log_folder);
    ~Cluster();
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;

    void kill(const std::string& node) const { command({"kill", node}); }
    void rejoin(const std::string& node) const { command({"rejoin", node}); }
    /// Starts what is down and repairs what is broken.
    void repair() const { command({"up"}); }
    /// psql as the administrator; what it prints.
    [[nodiscard]] std::string psql(const std::string& node, const std::string& text) const;

    /// Where an application reaches a node without pgring.
    [[nodiscard]] Parameters direct(const std::string& node) const;
    /// The node that is primary now; throws where there is none.
    [[nodiscard]] std::string primary() const;
    [[nodiscard]] std::string standby() const { return other(primary()); }
    [[nodiscard]] static std::string other(const std::string& node) {
        return node == "pg-0" ? "pg-1" : "pg-0";
    }
    /// Waits until the standby has replayed all that the primary has written by now.
    void wait_for_replay() const;

    [[nodiscard]] int port(const std::string& node) const { return port_ + (node == "pg-1" ? 1 : 0); }
    /// A variable of the cluster's .env.
    [[nodiscard]] const std::string& variable(const std::string& name) const { return environment_.at(name); }
    [[nodiscard]] std::string user_list() const { return directory_ + "/userlist.txt"; }
    [[nodiscard]] const std::string& directory() const { return directory_; }

  private:
    void start_guardian(const std::string& log_folder);
    std::string command(const std::vector<std::string>& arguments,
                        std::chrono::seconds limit = std::chrono::seconds(90)) const;

    std::string program_;
    std::string directory_;
    int port_ = 0;
    std::map<std::string, std::string> environment_;
    pid_t guardian_ = -1;
    /// The guardian acts when this end of its pipe is closed.
    int leash_ = -1;
};

}  // namespace pgring::e2e
