/// max_db_connections and max_user_connections: limits on backends that several pools share, over all
/// workers.
///
/// A pool that could open a backend but for such a limit borrows an idle one of its own from another worker,
/// or has one of another pool closed. Where none is idle it tells all workers since when its first session
/// waits (a wish); a pool whose own sessions have waited less gives up the next backend that it could hand
/// on, once that is some 50 ms old. So nobody is left out, and backends are not opened for one statement
/// each.
///
/// Connections that listen count as well. They are never idle, so they leave the last place to the pools.

#include <algorithm>
#include <utility>

#include "proxy/worker.h"

namespace pgring::proxy {

std::expected<Places, const pool::Quota*> Worker::take_places(const session::Destination& destination,
                                                              pool::Hold hold) {
    Places places;
    for (std::size_t i = 0; i < places.size(); ++i) {
        if (pool::Quota* const quota = destination.quotas[i]; quota != nullptr) {
            places[i] = pool::Place::take(*quota, hold);
            if (!places[i]) {
                return std::unexpected(quota);
            }
        }
    }
    return places;
}

const pool::Quota* Worker::forestalling_quota(const session::Destination& destination, const pool::Pool& pool,
                                              base::Instant since, base::Instant now) const {
    if (wishes_.empty()) {
        return nullptr;
    }
    for (const pool::Quota* const quota : destination.quotas) {
        if (quota != nullptr && wishes_.forestall(*quota, id_of(pool), since, now)) {
            return quota;
        }
    }
    return nullptr;
}

bool Worker::close_idle_under(const pool::Quota& quota, base::Instant now) {
    pool::BackendId coldest;
    base::Instant idle_since = base::kNever;
    backends_.for_each([&](pool::BackendId id, BackendEntry& entry) {
        const auto& quotas = entry.backend.destination().quotas;
        bool const may_go = entry.place == BackendEntry::Place::Idle && now - entry.opened_at >= kUseful &&
                            std::ranges::find(quotas, &quota) != quotas.end();
        if (may_go && entry.idle_since < idle_since) {
            coldest = id;
            idle_since = entry.idle_since;
        }
    });
    if (!coldest) {
        return false;
    }
    BackendEntry& entry = backends_.get(coldest);
    shut(coldest, entry);
    feed_others(pool_of(entry).budget());
    return true;
}

void Worker::tell_wish(const pool::Quota& quota, const pool::Pool& pool, base::Instant since,
                       base::Instant now) {
    pool::Wish const wish{.quota = &quota, .pool = id_of(pool), .since = since, .until = now + kWishHolds};
    wishes_.note(wish, now);
    post_to_others(PlaceWanted{.wish = wish});
}

void Worker::place_wanted(const PlaceWanted& wanted, base::Instant now) {
    pool::Wish& wish = wishes_.note(wanted.wish, now);
    wish.until = now + kWishHolds;
    if (close_idle_under(*wish.quota, now)) {
        wish.granted = true;
        posted_.push_back({.to = wish.pool.worker, .message = TokenFreed{}});
    }
}

pool::Wish* Worker::wish_before(BackendEntry& entry, base::Instant now) {
    if (wishes_.empty() || now - entry.opened_at < kUseful) {
        return nullptr;
    }
    pool::Pool& pool = pool_of(entry);
    for (const pool::Quota* const quota : entry.backend.destination().quotas) {
        if (quota == nullptr) {
            continue;
        }
        if (pool::Wish* const wish =
                wishes_.ungranted(*quota, id_of(pool), pool.line().waited_since(), now)) {
            return wish;
        }
    }
    return nullptr;
}

void Worker::grant(pool::Wish& wish, pool::BackendId id, BackendEntry& entry, base::Instant now) {
    wish.granted = true;
    pool::WorkerIndex const worker = wish.pool.worker;
    discard(id, entry, now);
    if (worker == index_) {
        retry_pools(now);
    } else {
        posted_.push_back({.to = worker, .message = TokenFreed{}});
    }
}

}  // namespace pgring::proxy
