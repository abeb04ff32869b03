#pragma once
/// Runs worlds, one seed after the other.

#include <cstdint>

namespace pgring::sim {

struct Seeds {
    std::uint64_t first = 1;
    std::uint64_t count = 1;
    std::uint64_t stride = 1;
    /// Prints what happens.
    bool log = false;
};

/// Stops at the first seed that violates a property (status 1); where a contract of pgring's own breaks the
/// process ends (status 3). Both name the seed. 0 and a line of figures where all went well.
[[nodiscard]] int run_seeds(const Seeds& seeds);

}  // namespace pgring::sim
