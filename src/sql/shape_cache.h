#pragma once
/// What is known of shapes: a table of fixed size from fingerprints to traits. Sets of four neighbours; in a
/// full set the one not asked for longest gives way. Never allocates after its constructor.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sql/fingerprint.h"
#include "sql/traits.h"

namespace pgring::sql {

class ShapeCache {
  public:
    /// Room for `shapes_max` shapes, rounded up to a power of two and at least one set.
    explicit ShapeCache(std::size_t shapes_max);

    /// The traits remembered, or nullptr. Borrowed until the next call.
    [[nodiscard]] const Traits* find(Fingerprint fingerprint);

    /// Remembers `traits`; the fingerprint must not be there yet.
    void insert(Fingerprint fingerprint, Traits traits);

    void clear();

    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] std::size_t capacity() const { return sets_.size() * kWays; }

  private:
    static constexpr std::size_t kWays = 4;

    struct Entry {
        Fingerprint fingerprint;
        Traits traits;
        /// The tick of its last use; 0 where the entry is empty.
        std::uint32_t used = 0;
    };
    static_assert(sizeof(Entry) == 32, "two entries a cache line");
    using Set = std::array<Entry, kWays>;

    [[nodiscard]] Set& set_of(Fingerprint fingerprint) { return sets_[fingerprint.low & (sets_.size() - 1)]; }

    std::vector<Set> sets_;
    [[nodiscard]] std::uint32_t next_tick();

    /// Comes round after four billion look-ups; what was used before gives way at the wrong moment then,
    /// once.
    std::uint32_t tick_ = 0;
};

}  // namespace pgring::sql
