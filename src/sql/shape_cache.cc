#include "sql/shape_cache.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/contract.h"

namespace pgring::sql {

ShapeCache::ShapeCache(std::size_t shapes_max) : sets_(std::bit_ceil(std::max(shapes_max, kWays)) / kWays) {}

const Traits* ShapeCache::find(Fingerprint fingerprint) {
    for (Entry& entry : set_of(fingerprint)) {
        if (entry.fingerprint == fingerprint && entry.used != 0) {
            entry.used = next_tick();
            return &entry.traits;
        }
    }
    return nullptr;
}

void ShapeCache::insert(Fingerprint fingerprint, Traits traits) {
    ASSERT(find(fingerprint) == nullptr);
    Entry& oldest = *std::ranges::min_element(set_of(fingerprint), {}, &Entry::used);
    oldest = {.fingerprint = fingerprint, .traits = traits, .used = next_tick()};
}

std::uint32_t ShapeCache::next_tick() {
    tick_ += tick_ == std::numeric_limits<std::uint32_t>::max() ? 2 : 1;
    return tick_;
}

void ShapeCache::clear() {
    std::ranges::fill(sets_, Set{});
}

std::size_t ShapeCache::size() const {
    std::size_t size = 0;
    for (const Set& set : sets_) {
        size += static_cast<std::size_t>(
            std::ranges::count_if(set, [](const Entry& entry) { return entry.used != 0; }));
    }
    return size;
}

}  // namespace pgring::sql
