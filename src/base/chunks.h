#pragma once
/// A sequence whose elements stay where they are.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/contract.h"

namespace pgring::base {

/// Elements of type `T` by index, added at the end one after the other and never moved: they lie in chunks,
/// to one of which a shift and a mask lead. (std::deque, which does the same, divides for it: as the table of
/// sessions it took a tenth of all instructions of a short transaction.) Not thread-safe.
template <class T>
class Chunks {
  public:
    [[nodiscard]] T& operator[](std::uint32_t index) {
        ASSERT(index < size_);
        return chunks_[index / kChunkSize][index % kChunkSize];
    }
    [[nodiscard]] const T& operator[](std::uint32_t index) const { return const_cast<Chunks&>(*this)[index]; }

    [[nodiscard]] std::uint32_t size() const { return size_; }

    /// Adds one element, default-initialised.
    T& add() {
        if (size_ % kChunkSize == 0) {
            chunks_.push_back(std::make_unique_for_overwrite<T[]>(kChunkSize));
        }
        ++size_;
        return (*this)[size_ - 1];
    }

  private:
    static constexpr std::uint32_t kChunkSize = 32;

    std::vector<std::unique_ptr<T[]>> chunks_;
    std::uint32_t size_ = 0;
};

}  // namespace pgring::base
