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

    [[nodiscard]] std::uint32_t limit() const { return limit_; }
    [[nodiscard]] std::uint32_t taken() const { return taken_.load(std::memory_order_relaxed); }

  private:
    std::uint32_t limit_;
    std::atomic<std::uint32_t> taken_{0};
};

/// A place under a quota, given back when it goes; or none.
class Place {
  public:
    Place() = default;
    /// None where all places are taken. `quota` must outlive it.
    [[nodiscard]] static Place take(Quota& quota) { return Place(quota.try_take() ? &quota : nullptr); }
    Place(Place&& other) noexcept : quota_(std::exchange(other.quota_, nullptr)) {}
    Place& operator=(Place&& other) noexcept {
        std::swap(quota_, other.quota_);
        return *this;
    }
    ~Place() {
        if (quota_ != nullptr) {
            quota_->give_back();
        }
    }

    [[nodiscard]] explicit operator bool() const { return quota_ != nullptr; }

  private:
    explicit Place(Quota* quota) : quota_(quota) {}

    Quota* quota_ = nullptr;
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
