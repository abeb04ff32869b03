#pragma once
/// Failures of probes in the log, without filling it: a server may fail 20 times a second for hours.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "monitor/failure.h"
#include "topology/topology.h"

namespace pgring::monitor {

/// Writes the first failure of each kind of each server, and then one each 10 s with the count of those
/// between.
class FailureLog {
  public:
    static constexpr base::Duration kSpacing = std::chrono::seconds(10);

    /// `sink` is borrowed for the life of the log.
    FailureLog(std::size_t server_count, base::LogSink& sink);

    void write(topology::ServerIndex index, const topology::ServerIdentity& server, const Failure& failure,
               base::Instant now);

  private:
    /// One kind of failure of one server.
    struct Track {
        base::Instant silent_until = base::Instant::min();
        std::uint64_t suppressed = 0;
    };
    static constexpr std::size_t kKindCount = static_cast<std::size_t>(failover::ProbeFailure::Failed) + 1;

    std::vector<std::array<Track, kKindCount>> tracks_;
    base::LogSink& sink_;
};

}  // namespace pgring::monitor
