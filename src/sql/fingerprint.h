#pragma once
/// The name of a statement's shape: 128 bits of SipHash-1-3 under a secret key.

#include <cstdint>
#include <string_view>

#include "base/random.h"

namespace pgring::sql {

struct Fingerprint {
    std::uint64_t low = 0;
    std::uint64_t high = 0;

    friend constexpr bool operator==(Fingerprint, Fingerprint) = default;
};

/// Takes fingerprints. SipHash is a keyed function that stays unpredictable for whoever chooses its input but
/// does not know the key (Aumasson, Bernstein, "SipHash: a fast short-input PRF"), so no client can make a
/// write that shares its fingerprint with a read; 128 bits because the texts themselves are not compared. One
/// and three rounds, as hash tables of Rust and Python use it: the output never leaves the process.
class Fingerprinter {
  public:
    explicit Fingerprinter(base::RandomSource& random);
    Fingerprinter(std::uint64_t key_low, std::uint64_t key_high) : key_low_(key_low), key_high_(key_high) {}

    [[nodiscard]] Fingerprint operator()(std::string_view bytes) const;

  private:
    std::uint64_t key_low_;
    std::uint64_t key_high_;
};

}  // namespace pgring::sql
