/// Databases that a statement needs for itself: idle backends that are connected to them go.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/worker.h"

namespace pgring::proxy {

/// The server waits up to 5 s for other connections to go (CountOtherDBBackends() in its procarray.c), so it
/// does no harm that the statement is on its way already.
void Worker::vacate_databases(base::Instant now) {
    for (const std::string& database : std::exchange(shared_.vacated_databases, {})) {
        process_.vacations.fetch_add(1, std::memory_order_acq_rel);
        vacate(database, now);
        for (std::size_t i = 0; i < process_.budgets.worker_count(); ++i) {
            if (auto const worker = static_cast<pool::WorkerIndex>(i); worker != index_) {
                posted_.push_back({.to = worker, .message = DatabaseVacated{.database = database}});
            }
        }
    }
}

/// Idle backends go at once, those in use when they are given back. Others are opened in their place only
/// when somebody asks for one, or when min_pool_size is looked at again.
void Worker::vacate(std::string_view database, base::Instant now) {
    ++vacations_;
    std::vector<pool::BackendId> idle;
    backends_.for_each([&idle, database, now](pool::BackendId id, BackendEntry& entry) {
        if (entry.backend.destination().database != database) {
            return;
        }
        if (entry.place == BackendEntry::Place::Idle || entry.place == BackendEntry::Place::Leaving) {
            idle.push_back(id);
        } else if (entry.place == BackendEntry::Place::Used) {
            entry.dies_at = now;
        }
    });
    for (pool::BackendId const id : idle) {
        BackendEntry& entry = backends_.get(id);
        shut(id, entry);
        feed_others(pool_of(entry).budget());
    }
}

}  // namespace pgring::proxy
