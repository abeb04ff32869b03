#pragma once
/// The kernel's random numbers.

#include <array>
#include <cstring>

#include <sys/random.h>

#include "base/contract.h"
#include "base/random.h"

namespace pgring {

/// Fit for keys and nonces. Reads ahead, so that a login costs no system call of its own. One per thread.
class SystemRandom final : public base::RandomSource {
  public:
    void fill(std::span<std::byte> bytes) override {
        for (std::byte& byte : bytes) {
            if (next_ == ahead_.size()) {
                // Up to 256 bytes are never interrupted nor short (getrandom(2)).
                ssize_t const drawn = ::getrandom(ahead_.data(), ahead_.size(), 0);
                ASSERT(drawn == static_cast<ssize_t>(ahead_.size()));
                next_ = 0;
            }
            byte = std::exchange(ahead_[next_++], std::byte{0});
        }
    }

  private:
    std::array<std::byte, 256> ahead_{};
    std::size_t next_ = ahead_.size();
};

}  // namespace pgring
