#include "histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/contract.h"

namespace pgring::bench {

void Histogram::record(Duration duration) {
    duration = std::max(duration, Duration::zero());
    ++counts_[bucket_of(static_cast<std::uint64_t>(duration.count()))];
    ++count_;
    sum_ += duration;
    max_ = std::max(max_, duration);
}

Histogram::Duration Histogram::quantile(double share) const {
    ASSERT(share >= 0 && share <= 1);
    auto const wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
        seen += counts_[bucket];
        if (seen >= wanted && seen > 0) {
            return std::min(Duration(static_cast<Duration::rep>(upper_end(bucket))), max_);
        }
    }
    return {};
}

Histogram::Duration Histogram::mean() const {
    return count_ == 0 ? Duration::zero() : sum_ / static_cast<Duration::rep>(count_);
}

std::size_t Histogram::bucket_of(std::uint64_t value) {
    if (value < kSubBuckets) {
        return value;
    }
    // The highest bit says the doubling, the kSubBucketBits behind it the bucket in it.
    auto const shift = static_cast<unsigned>(std::bit_width(value)) - kSubBucketBits - 1;
    return (shift + 1) * kSubBuckets + ((value >> shift) - kSubBuckets);
}

std::uint64_t Histogram::upper_end(std::size_t bucket) {
    if (bucket < kSubBuckets) {
        return bucket;
    }
    std::uint64_t const shift = bucket / kSubBuckets - 1;
    std::uint64_t const lower = (kSubBuckets + bucket % kSubBuckets) << shift;
    return lower + ((std::uint64_t{1} << shift) - 1);
}

}  // namespace pgring::bench
