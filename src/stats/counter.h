#pragma once
/// Counters that one thread writes and any thread reads. Adding costs a plain load and store: no lock, no bus
/// traffic.

#include <atomic>
#include <cstdint>

namespace pgring::stats {

class Counter {
  public:
    /// The writer's thread only.
    void add(std::uint64_t amount = 1) {
        value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    }
    void subtract(std::uint64_t amount = 1) {
        value_.store(value_.load(std::memory_order_relaxed) - amount, std::memory_order_relaxed);
    }
    /// Any thread.
    [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> value_{0};
};

}  // namespace pgring::stats
