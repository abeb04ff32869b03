#pragma once
/// What processes cost while something is measured: their CPU time, and the system calls they make. It covers
/// the named processes with all their descendants, so that proxies which fork are charged for their children.

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include <sys/types.h>

#include "uring/sockets.h"

namespace pgring::bench {

class ProcessMeter {
  public:
    struct Reading {
        std::chrono::nanoseconds cpu{};
        std::uint64_t system_call_count = 0;
    };

    explicit ProcessMeter(std::vector<pid_t> roots) : roots_(std::move(roots)) {}

    /// Counts system calls from now on, in all threads that exist now and what they start. It slows each call
    /// down a little, so that no CPU time should be read in the same run. Error: a sentence; the kernel's
    /// tracepoints may be out of reach.
    [[nodiscard]] std::expected<void, std::string> count_system_calls();

    /// Since the processes began, respectively since count_system_calls(). The time of children that have
    /// ended and were waited for is known in steps of 10 ms, that of all others exactly.
    [[nodiscard]] Reading read() const;

  private:
    [[nodiscard]] std::vector<pid_t> processes() const;

    std::vector<pid_t> roots_;
    std::vector<uring::Descriptor> counters_;
};

}  // namespace pgring::bench
