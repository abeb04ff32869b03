#pragma once
/// A whole world from one seed: workers, servers, clients, a monitor, and what goes wrong between them.

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "proxy/worker.h"
#include "session/shared.h"
#include "sim/auditor.h"
#include "sim/model_client.h"
#include "sim/model_server.h"
#include "sim/network.h"
#include "sim/other_proxies.h"
#include "sim/plan.h"
#include "sim/schedule.h"

namespace pgring::sim {

/// What a run came to, for those who look at many.
struct Summary {
    std::uint64_t event_count = 0;
    std::size_t writes_acknowledged = 0;
    std::uint64_t backends_lent = 0;
    std::uint64_t units_ahead = 0;
    std::uint64_t units_ahead_used = 0;
    base::Duration virtual_time{};
};

class World {
  public:
    using Log = std::function<void(const std::string&)>;

    /// `log` may be empty.
    World(std::uint64_t seed, Log log);
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World();

    /// Runs to the end. Throws Violation where a property does not hold.
    Summary run();

  private:
    class CoreLog;

    void log(const std::string& what) const;
    void start_workers();
    void start_clients();
    void schedule_faults();
    void strike(const Fault& fault);
    void move_primary(const Fault& fault);
    void probe();
    void observe();
    [[nodiscard]] std::shared_ptr<topology::Topology> seen() const;
    [[nodiscard]] bool is_served(ClientContext::Needs needs) const;
    void on_steady_unit();
    [[nodiscard]] std::uint64_t backend_login_count() const;
    [[nodiscard]] std::uint64_t sum(stats::Counter stats::WorkerStats::*counter) const;
    void audit_fences() const;
    [[nodiscard]] bool everybody_is_gone() const;
    void expect_nothing_is_left();

    Log log_;
    base::Prng prng_;
    Plan plan_;
    /// Before what is scheduled: backends that are on their way give back what they have of it.
    proxy::Process process_;
    Schedule schedule_;
    Network network_;
    Auditor auditor_;
    std::unique_ptr<CoreLog> core_log_;
    base::Prng worker_random_;
    session::AccessControl access_;
    OtherProxies other_proxies_;
    ServerContext server_context_;
    ClientContext client_context_;
    std::deque<ModelServer> servers_;
    std::shared_ptr<const topology::Topology> topology_;
    std::vector<std::unique_ptr<proxy::Worker>> workers_;
    std::deque<ModelClient> clients_;
    /// Servers that the monitor takes for down though they are not.
    std::vector<bool> misjudged_;
    std::uint64_t steady_unit_count_ = 0;
    std::uint64_t allocations_before_ = 0;
    std::uint64_t logins_before_ = 0;
    bool probe_scheduled_ = false;
    base::Instant published_at_{};
    std::uint32_t timeline_ = 1;
};

}  // namespace pgring::sim
