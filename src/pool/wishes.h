#pragma once
/// Who waits under a quota whose places are all taken: noted by each worker, so that a pool which could go on
/// using its backends gives one up, and leaves the place to whoever has waited longer.

#include <algorithm>
#include <vector>

#include "base/time.h"
#include "pool/budget.h"
#include "pool/quota.h"

namespace pgring::pool {

/// By how much somebody must have waited longer than those who wait here to be given a backend of theirs: it
/// costs a login at the server, so that small differences are not worth it.
inline constexpr base::Duration kLonger = std::chrono::milliseconds(50);

/// A pool of a worker, for comparing.
struct PoolId {
    const Budget* budget = nullptr;
    WorkerIndex worker = 0;

    friend bool operator==(const PoolId&, const PoolId&) = default;
};

/// Holds for a short time only: who still waits then says so again.
struct Wish {
    const Quota* quota = nullptr;
    PoolId pool;
    /// Since when its first session waits.
    base::Instant since{};
    base::Instant until{};
    /// A backend was given up for it.
    bool granted = false;
};

class Wishes {
  public:
    [[nodiscard]] bool empty() const { return wishes_.empty(); }

    /// In place of what the same pool wished before.
    Wish& note(const Wish& wish, base::Instant now) {
        std::erase_if(wishes_, [&wish, now](const Wish& other) {
            return now >= other.until || (other.pool == wish.pool && other.quota == wish.quota);
        });
        return wishes_.emplace_back(wish);
    }
    /// The pool has got what it wished for.
    void forget(const PoolId& pool) {
        std::erase_if(wishes_, [&pool](const Wish& wish) { return wish.pool == pool; });
    }
    /// Whether somebody waits who goes before `pool`, whose own first session waits since `since` (kNever
    /// where nobody does).
    [[nodiscard]] bool forestall(const Quota& quota, const PoolId& pool, base::Instant since,
                                 base::Instant now) const {
        return std::ranges::any_of(wishes_,
                                   [&](const Wish& wish) { return precedes(wish, quota, pool, since, now); });
    }
    /// Of those the one that waits longest and for which no backend was given up; nullptr where there is
    /// none.
    [[nodiscard]] Wish* ungranted(const Quota& quota, const PoolId& pool, base::Instant since,
                                  base::Instant now) {
        Wish* longest = nullptr;
        for (Wish& wish : wishes_) {
            if (!wish.granted && precedes(wish, quota, pool, since, now) &&
                (longest == nullptr || wish.since < longest->since)) {
                longest = &wish;
            }
        }
        return longest;
    }

  private:
    [[nodiscard]] static bool precedes(const Wish& wish, const Quota& quota, const PoolId& pool,
                                       base::Instant since, base::Instant now) {
        return wish.quota == &quota && wish.pool != pool && now < wish.until && wish.since + kLonger < since;
    }

    std::vector<Wish> wishes_;
};

}  // namespace pgring::pool
