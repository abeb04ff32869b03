#pragma once
/// How many clients each worker has, and which worker takes the next one.
///
/// Of the sockets that share a port the kernel chooses one by a hash of the connection's addresses, so the
/// spread over workers is the binomial one: of 64 connections 39 went to one of two workers (measured on
/// Linux 6.18), and a connection that lives for weeks keeps its worker. A worker that has more clients than
/// another therefore hands the connection it has accepted over, before anything was read from it.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/contract.h"
#include "pool/budget.h"

namespace pgring::uring {

/// Shared by all workers; every call is safe on any thread and neither allocates nor waits.
class Census {
  public:
    explicit Census(std::size_t worker_count) : counts_(worker_count) {}

    /// The worker that takes the connection which `accepting` has accepted; it is counted there from now on.
    [[nodiscard]] pool::WorkerIndex place(pool::WorkerIndex accepting) {
        pool::WorkerIndex chosen = accepting;
        std::uint32_t const own = clients_of(accepting);
        std::uint32_t least = own;
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            auto const worker = static_cast<pool::WorkerIndex>(i);
            if (std::uint32_t const clients = clients_of(worker); clients < least) {
                least = clients;
                chosen = worker;
            }
        }
        // Handing over wakes the other worker, and one client more or less of many is no burden.
        if (own - least <= own / kToleratedPart) {
            chosen = accepting;
        }
        counts_[chosen].clients.fetch_add(1, std::memory_order_relaxed);
        return chosen;
    }

    /// A connection that was placed at `worker` is closed.
    void remove(pool::WorkerIndex worker) {
        std::uint32_t const before = counts_[worker].clients.fetch_sub(1, std::memory_order_relaxed);
        ASSERT(before > 0);
    }

    [[nodiscard]] std::uint32_t clients_of(pool::WorkerIndex worker) const {
        return counts_[worker].clients.load(std::memory_order_relaxed);
    }

  private:
    /// The part of its clients that a worker may have more than another, as one over this.
    static constexpr std::uint32_t kToleratedPart = 16;

    /// A cache line each: a worker writes its own with every connection.
    struct alignas(64) Count {
        std::atomic<std::uint32_t> clients{0};
    };
    std::vector<Count> counts_;
};

}  // namespace pgring::uring
