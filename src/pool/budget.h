#pragma once
/// The limit of one pool over all workers: one number, taken from and given back in tokens, one a backend.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/contract.h"
#include "pool/quota.h"

namespace pgring::pool {

/// Number of a worker within the process.
using WorkerIndex = std::uint16_t;
/// Workers of one process at most: cancel keys carry the number in eight bits.
inline constexpr std::size_t kWorkersMax = 256;

/// Tokens of one (server, database, user). Every call is safe from every worker; none blocks.
///
/// A worker that has waiting sessions and gets no token says so (hunger); one that holds more than its fair
/// share then closes its next free backend and wakes the hungry one. So backends spread evenly where there
/// are more waiters than backends, and stay where they are otherwise.
class Budget {
  public:
    /// `reserve` tokens are there beyond `limit`, for those who waited too long.
    Budget(std::uint32_t limit, std::size_t worker_count, std::uint32_t reserve = 0)
        : tokens_(limit), reserve_(reserve), worker_count_(worker_count) {
        ASSERT(worker_count > 0 && worker_count <= kWorkersMax);
    }

    /// Takes a token for a new backend; false when all are out.
    [[nodiscard]] bool try_take() { return try_take_below(limit()); }
    /// The same from the reserve, where the others are out.
    [[nodiscard]] bool try_take_reserve() { return try_take_below(capacity()); }
    /// The same where fewer than `count` are out.
    [[nodiscard]] bool try_take_below(std::uint32_t count) {
        bool const took = tokens_.try_take_below(count);
        if (took) {
            takings_.fetch_add(1, std::memory_order_relaxed);
        }
        return took;
    }
    void give_back() { tokens_.give_back(); }

    [[nodiscard]] std::uint32_t limit() const { return tokens_.limit(); }
    [[nodiscard]] bool has_reserve() const { return reserve_ > 0; }
    /// All tokens, the reserve included.
    [[nodiscard]] std::uint32_t capacity() const { return limit() + reserve_; }
    [[nodiscard]] std::uint32_t taken() const { return tokens_.taken(); }
    /// How often a token was taken so far; goes around.
    [[nodiscard]] std::uint32_t takings() const { return takings_.load(std::memory_order_relaxed); }
    /// What each worker may hold while others wait; at least one. Rounded down, so that there are enough for
    /// all where there are as many tokens as workers.
    [[nodiscard]] std::uint32_t fair_share() const {
        return std::max(static_cast<std::uint32_t>(limit() / worker_count_), 1U);
    }

    /// Fewer backends than workers.
    [[nodiscard]] bool takes_turns() const { return limit() < worker_count_; }

    void say_hungry(WorkerIndex worker) {
        hunger_[worker / 64].fetch_or(bit_of(worker), std::memory_order_acq_rel);
    }
    void say_fed(WorkerIndex worker) {
        std::atomic<std::uint64_t>& word = hunger_[worker / 64];
        if ((word.load(std::memory_order_relaxed) & bit_of(worker)) != 0) {
            word.fetch_and(~bit_of(worker), std::memory_order_acq_rel);
        }
    }
    /// A hungry worker other than `asking`, searched from the one behind it so that none is passed over for
    /// ever.
    [[nodiscard]] std::optional<WorkerIndex> hungry_other_than(WorkerIndex asking) const {
        for (std::size_t i = 1; i < worker_count_; ++i) {
            auto const worker = static_cast<WorkerIndex>((asking + i) % worker_count_);
            if ((hunger_[worker / 64].load(std::memory_order_relaxed) & bit_of(worker)) != 0) {
                return worker;
            }
        }
        return std::nullopt;
    }

  private:
    [[nodiscard]] static std::uint64_t bit_of(WorkerIndex worker) {
        return std::uint64_t{1} << (worker % 64U);
    }

    Quota tokens_;
    std::uint32_t reserve_;
    std::atomic<std::uint32_t> takings_{0};
    std::size_t worker_count_;
    std::atomic<std::uint64_t> hunger_[kWorkersMax / 64]{};
};

/// Finds the budget that the workers share. Locks; called when a worker first meets a (server, database,
/// user).
class BudgetRegistry {
  public:
    explicit BudgetRegistry(std::size_t worker_count) : worker_count_(worker_count) {}

    /// The budget of `key`, made with `limit` and `reserve` at the first call.
    [[nodiscard]] std::shared_ptr<Budget> budget(const std::string& key, std::uint32_t limit,
                                                 std::uint32_t reserve = 0) {
        std::scoped_lock const lock(mutex_);
        std::shared_ptr<Budget>& budget = budgets_[key];
        if (budget == nullptr) {
            budget = std::make_shared<Budget>(limit, worker_count_, reserve);
        }
        return budget;
    }
    [[nodiscard]] std::size_t worker_count() const { return worker_count_; }

  private:
    std::size_t worker_count_;
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<Budget>> budgets_;
};

}  // namespace pgring::pool
