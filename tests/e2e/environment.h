#pragma once
/// What all tests of the programme share: one cluster, and one pgring with default settings in front of it.

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "cluster.h"
#include "pgring_process.h"

namespace pgring::e2e {

class Environment : public testing::Environment {
  public:
    void SetUp() override;
    void TearDown() override;

    [[nodiscard]] Cluster& cluster() { return *cluster_; }
    [[nodiscard]] PgringProcess& pgring() { return *pgring_; }
    /// Logs of servers and of each pgring, kept after the tests.
    [[nodiscard]] const std::string& log_folder() const { return log_folder_; }

  private:
    std::string log_folder_;
    std::unique_ptr<Cluster> cluster_;
    std::unique_ptr<PgringProcess> pgring_;
};

[[nodiscard]] Environment& environment();
/// The pgring under test: the one that was built with the tests, or what PGRING_PROGRAM in the environment
/// names.
[[nodiscard]] std::string pgring_program();

/// A test of behaviour in front of the shared cluster.
class EndToEnd : public testing::Test {
  protected:
    [[nodiscard]] static Cluster& cluster() { return environment().cluster(); }
    [[nodiscard]] static PgringProcess& pgring() { return environment().pgring(); }
    /// A connection through the shared pgring.
    [[nodiscard]] static Connection connect(const Parameters& changed = {}) {
        return pgring().connect(changed);
    }
    /// Waits until so many statements that contain `words` run on the servers; false when they do not within
    /// ten seconds. Both servers are up. A cancel that came before its statement would rightly do nothing.
    [[nodiscard]] static bool runs(const std::string& words, int count = 1);
};

}  // namespace pgring::e2e
