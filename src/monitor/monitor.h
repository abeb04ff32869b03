#pragma once
/// The health monitor: one thread that probes every server through libpq, lets failover::Tracker judge,
/// publishes the topology, and wakes the workers when it changed. One poll(2) for all servers and a deadline
/// on every step, so that no server, however it hangs, delays the probe of another.

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "failover/tracker.h"
#include "monitor/failure_log.h"
#include "monitor/options.h"
#include "monitor/prober.h"
#include "monitor/wakeup.h"
#include "topology/publication.h"
#include "topology/topology.h"

namespace pgring::monitor {

class Monitor {
  public:
    /// Starts the thread. `publication` and `sink` are borrowed and must outlive the monitor. `on_change` is
    /// called from the monitor's thread, after each publication of a new generation; it should only wake whom
    /// it concerns.
    Monitor(MonitorOptions options, topology::Publication& publication, base::LogSink& sink,
            std::move_only_function<void()> on_change);

    /// Stops and joins the thread, within a few milliseconds.
    ~Monitor();

    Monitor(const Monitor&) = delete;
    Monitor& operator=(const Monitor&) = delete;

    /// Something at `server` looked wrong (a reset, a refusal, 57P01, 25006 of a supposed primary): probes it
    /// at once. From any thread; does not block, and costs one atomic operation while an earlier suspicion is
    /// still unheard.
    void suspect(topology::ServerIndex server);

  private:
    void run(const std::stop_token& stop);
    void wait_for_events(base::Instant now);
    void hear_suspicions(base::Instant now);
    void take(topology::ServerIndex server, const Prober::Finding& finding, base::Instant now);
    void report(const failover::Event& event, const topology::Topology& topology);

    const MonitorOptions options_;
    topology::Publication& publication_;
    base::LogSink& sink_;
    std::move_only_function<void()> on_change_;

    failover::Tracker tracker_;
    FailureLog failure_log_;
    std::vector<std::unique_ptr<Prober>> probers_;
    /// What poll(2) said of each prober's socket; 0 for nothing.
    std::vector<short> ready_events_;

    std::vector<std::atomic_flag> suspected_;
    Wakeup wakeup_;

    /// Last, so that the thread ends before anything it uses.
    std::jthread thread_;
};

}  // namespace pgring::monitor
