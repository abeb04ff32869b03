#pragma once
/// What the load generator is asked to do.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "topology/topology.h"

namespace pgring::bench {

/// What a transaction is made of. All select a row by its key, as pgbench -S does.
enum class LoadMode : std::uint8_t {
    Simple,     ///< one Query
    Extended,   ///< Parse, Bind, Describe, Execute, Sync
    Prepared,   ///< Bind, Describe, Execute, Sync of a statement parsed at login
    Pipelined,  ///< kPipelineDepth times Bind, Execute of such a statement, then one Sync
    CopyOut,    ///< COPY ... TO STDOUT of `copy_bytes`
    CopyIn,     ///< COPY ... FROM STDIN of `copy_bytes`
    Connect,    ///< log in, one Query, leave
};

inline constexpr unsigned kPipelineDepth = 10;
/// COPY FROM STDIN goes in messages of so many bytes; `copy_bytes` is a multiple of it.
inline constexpr std::uint64_t kCopyUnitBytes = 8192;

struct LoadPlan {
    topology::Address address;
    std::string user;
    std::string database;
    /// Empty: the server must ask for none.
    std::string password;

    LoadMode mode = LoadMode::Simple;
    std::size_t client_count = 1;
    std::chrono::nanoseconds warmup = std::chrono::milliseconds(200);
    std::chrono::nanoseconds duration = std::chrono::seconds(1);
    /// Ends when so many transactions are through, however long it takes; without warmup.
    std::optional<std::uint64_t> transaction_count;
    /// Open loop: transactions become due at this rate (a second), whether or not earlier ones are answered,
    /// and are taken by whichever client is idle. Nothing: closed loop, each client asks again when it was
    /// answered.
    std::optional<double> rate;

    /// Rows are selected by keys from 1 to this.
    std::uint64_t key_max = 1'000'000;
    std::uint64_t copy_bytes = std::uint64_t{256} << 20U;

    /// What is charged for the load; nothing is metered without.
    std::vector<pid_t> metered;
    bool counts_system_calls = false;
};

}  // namespace pgring::bench
