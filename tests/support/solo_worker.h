#pragma once
/// A proxy::Worker with all it refers to, for benchmarks and fuzz targets: one server, which is the primary
/// and up. Unless told otherwise, everybody trusts everybody. Time stands still unless it is moved.

#include <memory>
#include <string>
#include <utility>

#include "base/log.h"
#include "base/random.h"
#include "config/settings.h"
#include "proxy/worker.h"
#include "topology/topology.h"

namespace pgring::support {

[[nodiscard]] inline config::Settings solo_settings() {
    config::Settings settings;
    settings.pgring.auth_type = config::AuthType::Trust;
    settings.pgring.receive_buffers = 16;
    settings.servers = {{.name = "pg-0", .host = "192.0.2.1"}};
    settings.databases = {{.name = "*"}};
    return settings;
}

[[nodiscard]] inline std::shared_ptr<const topology::Topology> solo_topology() {
    topology::Topology topology = topology::make_unknown_topology({{.name = "pg-0"}});
    topology.generation = 1;
    topology.primary = topology::ServerIndex{0};
    topology.servers[0].role = topology::Role::Primary;
    topology.servers[0].health = topology::Health::Up;
    topology.servers[0].timeline = 1;
    topology.check_invariants();
    return std::make_shared<const topology::Topology>(std::move(topology));
}

class SoloWorker {
  public:
    explicit SoloWorker(config::Settings settings = solo_settings(), auth::UserList users = {})
        : settings_(std::move(settings)),
          access_{.users = std::move(users), .rules = {}, .process_secret = auth::ProcessSecret(random_)},
          process_(1),
          worker({.settings = settings_,
                  .access = access_,
                  .process = process_,
                  .log = log_,
                  .random = random_,
                  .topology = solo_topology(),
                  .now = now}) {}

  private:
    base::Prng random_{1};
    base::LogNothing log_;
    config::Settings settings_;
    session::AccessControl access_;
    proxy::Process process_;

  public:
    base::Instant now{std::chrono::hours(1)};
    proxy::Worker worker;
};

}  // namespace pgring::support
