#pragma once
/// How a topology reaches the workers: the monitor's thread publishes, any thread takes the current one.

#include <memory>
#include <mutex>

#include "topology/topology.h"

namespace pgring::topology {

/// Holds the current topology. Both calls are safe from any thread and never wait for more than a pointer's
/// exchange.
///
/// A mutex, and not std::atomic<std::shared_ptr>: a worker takes the topology once per change and keeps it,
/// so this is not on the data path; and load() of libstdc++ 12 unlocks its hidden spin lock with
/// memory_order_relaxed, which is a data race with the next store (ThreadSanitizer reports it).
class Publication {
  public:
    /// `first` is what readers see before anything is published; not null.
    explicit Publication(std::shared_ptr<const Topology> first);

    /// Makes `next` current; not null, its generation not below the current one's.
    void publish(std::shared_ptr<const Topology> next);

    /// Never null. What it returns stays valid and unchanged as long as the caller holds it.
    [[nodiscard]] std::shared_ptr<const Topology> current() const;

  private:
    mutable std::mutex mutex_;
    std::shared_ptr<const Topology> current_;
};

}  // namespace pgring::topology
