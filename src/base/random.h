#pragma once
/// Randomness as the core sees it: bytes that somebody else drew. The reactor passes the kernel's generator, the
/// simulator a seeded one, so that a run replays.

#include <cstddef>
#include <cstdint>
#include <span>

namespace pgring::base {

class RandomSource {
  public:
    RandomSource() = default;
    RandomSource(const RandomSource&) = delete;
    RandomSource& operator=(const RandomSource&) = delete;
    virtual ~RandomSource() = default;

    /// Fills `bytes`; never fails. Production sources are fit for keys and nonces.
    virtual void fill(std::span<std::byte> bytes) = 0;

    std::uint32_t next_u32() {
        std::uint32_t value = 0;
        fill(std::as_writable_bytes(std::span(&value, 1)));
        return value;
    }
};

/// SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators"): small, fast, not for secrets.
class Prng final : public RandomSource {
  public:
    explicit Prng(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15U;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31U);
    }
    /// Uniform in [0, bound); bound > 0. The bias of the multiply-shift is below 2^-32 for bounds under 2^32.
    std::uint64_t below(std::uint64_t bound) {
        return static_cast<std::uint64_t>((static_cast<__uint128_t>(next()) * bound) >> 64U);
    }
    /// True in `percent` of 100 draws.
    bool chance(unsigned percent) { return below(100) < percent; }

    void fill(std::span<std::byte> bytes) override {
        for (std::byte& byte : bytes) {
            byte = static_cast<std::byte>(next());
        }
    }

  private:
    std::uint64_t state_;
};

}  // namespace pgring::base
