#pragma once
/// A limit over all workers on how many of something there may be at once, and one place under it.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/contract.h"

namespace pgring::pool {

/// How somebody has a place.
enum class Hold : std::uint8_t {
    Passing,  ///< gives it up now and then, so that nobody waits for ever
    Kept,     ///< gives it up only when it is through; all of these leave one place to the others
};

/// Every call is safe from every worker; none blocks.
class Quota {
  public:
    explicit Quota(std::uint32_t limit) : limit_(limit) { ASSERT(limit > 0); }
    Quota(const Quota&) = delete;
    Quota& operator=(const Quota&) = delete;

    /// Takes one; false when all are out.
    [[nodiscard]] bool try_take() { return try_take_below(limit_); }
    /// The same where fewer than `count` are out, whatever the limit.
    [[nodiscard]] bool try_take_below(std::uint32_t count) {
        std::uint32_t taken = taken_.load(std::memory_order_relaxed);
        while (taken < count) {
            if (taken_.compare_exchange_weak(taken, taken + 1, std::memory_order_acq_rel)) {
                return true;
            }
        }
        return false;
    }
    void give_back() {
        std::uint32_t const before = taken_.fetch_sub(1, std::memory_order_acq_rel);
        ASSERT(before > 0);
    }

    /// Takes one to keep; false when all are out, or all but one are kept already.
    [[nodiscard]] bool try_keep() {
        std::uint32_t kept = kept_.load(std::memory_order_relaxed);
        do {
            if (kept + 1 >= limit_) {
                return false;
            }
        } while (!kept_.compare_exchange_weak(kept, kept + 1, std::memory_order_acq_rel));
        bool const took = try_take();
        if (!took) {
            kept_.fetch_sub(1, std::memory_order_acq_rel);
        }
        return took;
    }
    void give_back_kept() {
        std::uint32_t const before = kept_.fetch_sub(1, std::memory_order_acq_rel);
        ASSERT(before > 0);
        give_back();
    }
    /// Whether a further one may be kept as soon as one is free.
    [[nodiscard]] bool may_keep() const { return kept_.load(std::memory_order_relaxed) + 1 < limit_; }

    [[nodiscard]] std::uint32_t limit() const { return limit_; }
    [[nodiscard]] std::uint32_t taken() const { return taken_.load(std::memory_order_relaxed); }

  private:
    std::uint32_t limit_;
    std::atomic<std::uint32_t> taken_{0};
    /// Of these, such as are kept.
    std::atomic<std::uint32_t> kept_{0};
};

/// A place under a quota, given back when it goes; or none.
class Place {
  public:
    Place() = default;
    /// None where there is none to be had. `quota` must outlive it.
    [[nodiscard]] static Place take(Quota& quota, Hold hold = Hold::Passing) {
        bool const took = hold == Hold::Kept ? quota.try_keep() : quota.try_take();
        return {took ? &quota : nullptr, hold};
    }
    Place(Place&& other) noexcept : quota_(std::exchange(other.quota_, nullptr)), hold_(other.hold_) {}
    Place& operator=(Place&& other) noexcept {
        std::swap(quota_, other.quota_);
        std::swap(hold_, other.hold_);
        return *this;
    }
    ~Place() {
        if (quota_ != nullptr) {
            hold_ == Hold::Kept ? quota_->give_back_kept() : quota_->give_back();
        }
    }

    [[nodiscard]] explicit operator bool() const { return quota_ != nullptr; }

  private:
    Place(Quota* quota, Hold hold) : quota_(quota), hold_(hold) {}

    Quota* quota_ = nullptr;
    Hold hold_ = Hold::Passing;
};

/// Finds the quota that the workers share by what it limits. Locks; called at a login, and only where there
/// is a limit. Quotas live as long as the registry.
class QuotaRegistry {
  public:
    /// The quota of `key`, made with `limit` (above 0) at the first call.
    [[nodiscard]] Quota& quota(const std::string& key, std::uint32_t limit) {
        std::scoped_lock const lock(mutex_);
        std::unique_ptr<Quota>& quota = quotas_[key];
        if (quota == nullptr) {
            quota = std::make_unique<Quota>(limit);
        }
        return *quota;
    }

  private:
    std::mutex mutex_;
    std::map<std::string, std::unique_ptr<Quota>> quotas_;
};

}  // namespace pgring::pool
