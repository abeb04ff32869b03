#pragma once
/// Is the simulator any good? Plants one known bug after the other (base/mutation.h) and counts the seeds
/// that it takes until one of them shows it.

#include <cstdint>

namespace pgring::sim {

/// Runs at most `seed_count` seeds for each bug and prints a line for each. 0 where all were found, 1 where
/// one was not, 2 in a build without planted bugs.
[[nodiscard]] int check_mutations(std::uint64_t seed_count);

}  // namespace pgring::sim
