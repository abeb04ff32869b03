#pragma once
/// Counts the allocations of the programme that it is linked into. A translation unit of its own, so that the
/// compiler cannot see through operator new and delete.

#include <cstdint>

namespace pgring::bench {

/// Calls of operator new so far. For programmes with one thread.
[[nodiscard]] std::uint64_t allocation_count();

}  // namespace pgring::bench
