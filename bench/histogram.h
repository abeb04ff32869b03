#pragma once
/// Counts durations in buckets whose width grows with them, as HdrHistogram does: what is read back is off by
/// less than one part in 128, from a nanosecond to hours, and recording is two shifts and an increment.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pgring::bench {

class Histogram {
  public:
    using Duration = std::chrono::nanoseconds;

    Histogram() : counts_(kBucketCount) {}

    /// Negative durations count as none.
    void record(Duration duration);

    [[nodiscard]] std::uint64_t count() const { return count_; }
    /// The smallest duration that at least `share` (0 to 1) of all are not above, to the bucket's upper end;
    /// zero where nothing was recorded.
    [[nodiscard]] Duration quantile(double share) const;
    [[nodiscard]] Duration mean() const;
    /// Exact.
    [[nodiscard]] Duration max() const { return max_; }

  private:
    /// Buckets in each doubling; below the first 2 * kSubBuckets nanoseconds each has its own.
    static constexpr unsigned kSubBucketBits = 7;
    static constexpr std::uint64_t kSubBuckets = 1U << kSubBucketBits;
    static constexpr std::size_t kBucketCount = (64 - kSubBucketBits + 1) * kSubBuckets;

    [[nodiscard]] static std::size_t bucket_of(std::uint64_t value);
    /// The largest value in it.
    [[nodiscard]] static std::uint64_t upper_end(std::size_t bucket);

    std::vector<std::uint64_t> counts_;
    std::uint64_t count_ = 0;
    Duration sum_{};
    Duration max_{};
};

}  // namespace pgring::bench
