#pragma once
/// Which workers have sessions that wait for a backend of one pool, since when, and which have idle ones:
/// said by each worker of itself and read by all others, without a message.

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/contract.h"
#include "base/time.h"

namespace pgring::pool {

/// Number of a worker within the process.
using WorkerIndex = std::uint16_t;
/// Workers of one process at most: cancel keys carry the number in eight bits.
inline constexpr std::size_t kWorkersMax = 256;

/// Every call is safe from every worker; none blocks. What is read may just have changed: it decides where a
/// backend goes, and what is right wherever it goes does not depend on it.
class Hunger {
  public:
    struct Hungry {
        WorkerIndex worker = 0;
        /// When the first session of its line began to wait.
        base::Instant since{};
    };

    explicit Hunger(std::size_t worker_count) : since_(worker_count), idle_(worker_count) {
        ASSERT(worker_count > 0 && worker_count <= kWorkersMax);
    }

    /// True where it had not said so already.
    bool say(WorkerIndex worker, base::Instant since) {
        since_[worker].store(since.time_since_epoch().count(), std::memory_order_relaxed);
        return !is_hungry(worker) &&
               (word_of(worker).fetch_or(bit_of(worker), std::memory_order_acq_rel) & bit_of(worker)) == 0;
    }
    void withdraw(WorkerIndex worker) { static_cast<void>(claim(worker)); }
    /// Whoever feeds it takes its word back, so that it is not fed twice. False where somebody else did.
    [[nodiscard]] bool claim(WorkerIndex worker) {
        return is_hungry(worker) &&
               (word_of(worker).fetch_and(~bit_of(worker), std::memory_order_acq_rel) & bit_of(worker)) != 0;
    }
    [[nodiscard]] bool is_hungry(WorkerIndex worker) const {
        return (hungry_[worker / 64].load(std::memory_order_relaxed) & bit_of(worker)) != 0;
    }
    /// Of the hungry workers other than `asking` the one that has waited longest.
    [[nodiscard]] std::optional<Hungry> longest_other_than(WorkerIndex asking) const {
        std::optional<Hungry> longest;
        for (std::size_t word = 0; word * 64 < since_.size(); ++word) {
            std::uint64_t bits = hungry_[word].load(std::memory_order_relaxed);
            for (; bits != 0; bits &= bits - 1) {
                auto const worker =
                    static_cast<WorkerIndex>(word * 64 + static_cast<std::size_t>(std::countr_zero(bits)));
                base::Instant const since{base::Duration(since_[worker].load(std::memory_order_relaxed))};
                if (worker != asking && (!longest.has_value() || since < longest->since)) {
                    longest = Hungry{.worker = worker, .since = since};
                }
            }
        }
        return longest;
    }

    /// The worker has one more idle backend, or one less.
    void add_idle(WorkerIndex worker) { change_idle(worker, 1); }
    void remove_idle(WorkerIndex worker) { change_idle(worker, -1); }
    [[nodiscard]] bool has_idle(WorkerIndex worker) const {
        return idle_[worker].count.load(std::memory_order_relaxed) > 0;
    }

  private:
    /// A cache line each, as a worker writes its own with nearly every transaction; others read it only when
    /// they lack a backend.
    struct alignas(64) Idle {
        std::atomic<std::int32_t> count{0};
    };

    [[nodiscard]] static std::uint64_t bit_of(WorkerIndex worker) {
        return std::uint64_t{1} << (worker % 64U);
    }
    [[nodiscard]] std::atomic<std::uint64_t>& word_of(WorkerIndex worker) { return hungry_[worker / 64]; }
    /// Only the worker itself writes its count.
    void change_idle(WorkerIndex worker, std::int32_t by) {
        std::atomic<std::int32_t>& count = idle_[worker].count;
        std::int32_t const changed = count.load(std::memory_order_relaxed) + by;
        ASSERT(changed >= 0);
        count.store(changed, std::memory_order_relaxed);
    }

    std::array<std::atomic<std::uint64_t>, kWorkersMax / 64> hungry_{};
    std::vector<std::atomic<std::int64_t>> since_;
    std::vector<Idle> idle_;
};

}  // namespace pgring::pool
