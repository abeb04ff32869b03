/// Backends that go from worker to worker, so that there is one pool for all of them.
///
///     idle, or just released --start_lending()--> leaving --let_go()--> on its way --borrowed()--> used,
///     idle
///                                                    |                     |                        there
///                                                    +--keep(), shut()     +--refuse(): closed
///
/// A worker whose sessions wait says since when (pool::Hunger), and asks those that seem to have an idle
/// backend. A backend that is idle goes to whoever waits; one that is released goes where somebody has waited
/// longer than everybody here. It goes with its connection, what is known of it, its token and its places, so
/// that no count is ever wrong: neither worker has it while it is on its way, and whoever drops it there
/// gives all of it back.
///
/// In session pooling a backend starts as its client asked. It is closed, and its token left to who waits.

#include <utility>

#include "proxy/worker.h"

namespace pgring::proxy {

// -- Asking --

void Worker::ask_others(pool::Pool& pool, const pool::Quota* full, base::Instant now) {
    bool const news = pool.note_hunger();
    bool const alone = process_.budgets.worker_count() == 1;
    if (!pool.wants_backend() || (alone && full == nullptr)) {
        return;
    }
    bool const due = pool.may_ask(now, kAskPeriod);
    bool const asked = (news || due) && ask_idle(pool);
    if (due && !asked && full != nullptr) {
        tell_wish(*full, pool, pool.line().waited_since(), now);
    }
    // A backend that became idle as this worker became hungry is noticed by nobody else.
    retry_by(pool.ask_at());
}

/// As many as there are sessions that wait: to ask is to wake.
bool Worker::ask_idle(const pool::Pool& pool) {
    std::size_t const worker_count = process_.budgets.worker_count();
    std::uint32_t asked = 0;
    for (std::size_t i = 1; i < worker_count && pool.opening_count() + asked < pool.waiting_count(); ++i) {
        auto const worker = static_cast<pool::WorkerIndex>((index_ + i) % worker_count);
        if (pool.budget().hunger().has_idle(worker)) {
            posted_.push_back({.to = worker, .message = BackendWanted{.budget = &pool.budget()}});
            ++asked;
        }
    }
    return asked > 0;
}

void Worker::backend_wanted(const BackendWanted& wanted, base::Instant now) {
    auto const found = lending_.find(wanted.budget);
    if (found == lending_.end()) {
        close_idle_for_others(*wanted.budget, now);
        return;
    }
    for (auto& pool : found->second->pools) {
        if (&pool->budget() == wanted.budget) {
            lend_idle(*pool);
        }
    }
}

void Worker::lend_idle(pool::Pool& pool) {
    while (pool.idle_count() > 0) {
        std::optional<pool::WorkerIndex> const hungry = pool.hungry_worker();
        pool::BackendId const coldest = pool.idle().front();
        BackendEntry& entry = backends_.get(coldest);
        if (!hungry.has_value() || !entry.backend.may_leave() || !pool.claim(*hungry)) {
            return;
        }
        start_lending(coldest, entry, *hungry);
    }
}

void Worker::close_idle_for_others(const pool::Budget& budget, base::Instant now) {
    for (auto& [key, destination] : destinations_) {
        for (auto& pool : destination->pools) {
            if (&pool->budget() == &budget && pool->idle_count() > 0 && pool->hungry_worker().has_value()) {
                pool::BackendId const coldest = pool->idle().front();
                pool->yielded(now);
                discard(coldest, backends_.get(coldest), now);
                return;
            }
        }
    }
}

void Worker::feed_others(const pool::Budget& budget) {
    if (std::optional<pool::Hunger::Hungry> const hungry = budget.hunger().longest_other_than(index_)) {
        posted_.push_back({.to = hungry->worker, .message = TokenFreed{}});
    }
}

// -- Lending --

/// The caller has claimed the hungry worker: it is owed the backend, or a word that nothing comes.
void Worker::start_lending(pool::BackendId id, BackendEntry& entry, pool::WorkerIndex to) {
    ASSERT(!entry.session && entry.cancels == 0 && entry.dirt == BackendEntry::Dirt::Clean);
    if (entry.place == BackendEntry::Place::Idle) {
        pool_of(entry).remove_idle(id);
    }
    entry.place = BackendEntry::Place::Leaving;
    entry.lent_to = to;
    wheel_.disarm(entry.deadline);
    actions_.push_back({.kind = Action::Kind::Lend, .socket = entry.socket});
}

std::optional<LentBackend> Worker::let_go(SocketId socket, base::Instant now) {
    const Connection* const connection = connections_.find(socket);
    if (connection == nullptr || connection->state != Connection::State::Open) {
        return std::nullopt;
    }
    pool::BackendId const id = pool::BackendId::from_bits(connection->owner_bits);
    BackendEntry& entry = backends_.get(id);
    ASSERT(entry.place == BackendEntry::Place::Leaving && !connection->sending);
    std::uint32_t const vacations = process_.vacations.load(std::memory_order_acquire);
    if (!entry.backend.may_leave() || vacations_ != vacations) {
        keep(id, entry, now);
        return std::nullopt;
    }
    topology::ServerIndex const server = entry.backend.server();
    std::optional<LentBackend> lent(LentBackend{.from = index_,
                                                .to = entry.lent_to,
                                                .token = pool_of(entry).lend(),
                                                .places = std::move(entry.places),
                                                .server = server,
                                                .state = entry.backend.leave(),
                                                .opened_at = entry.opened_at,
                                                .dies_at = entry.dies_at,
                                                .idle_since = entry.idle_since,
                                                .generation = topology_->generation,
                                                .vacations = vacations});
    stats_.servers[server.value].backends_open.subtract();
    connections_.erase(socket);
    backends_.erase(id);
    return lent;
}

/// Something came of it meanwhile, or a database is being vacated: it stays, and is given to whoever is next.
void Worker::keep(pool::BackendId id, BackendEntry& entry, base::Instant now) {
    posted_.push_back({.to = entry.lent_to, .message = TokenFreed{}});
    actions_.push_back({.kind = Action::Kind::Resume, .socket = entry.socket});
    entry.place = BackendEntry::Place::Used;
    give(id, entry, now);
}

// -- Borrowing --

session::Destination* Worker::place_for(const LentBackend& lent) const {
    auto const found = lending_.find(lent.token.budget());
    bool const fenced = lent.generation < given_up_[lent.server.value];
    // Somebody may need the database for itself, and nobody would have told its worker of this backend.
    bool const vacated = lent.vacations != process_.vacations.load(std::memory_order_acquire);
    bool const useful = !fenced && !vacated && shutdown_ != Shutdown::Now;
    return found != lending_.end() && useful ? found->second : nullptr;
}

std::optional<SocketId> Worker::borrowed(LentBackend lent, base::Instant now) {
    ASSERT(lent.to == index_);
    session::Destination* const destination = place_for(lent);
    if (destination == nullptr) {
        refuse(std::move(lent), now);
        return std::nullopt;
    }
    pool::BackendId const id = backends_.next_handle();
    backends_.emplace(id, *destination, lent.server, session::Backend::Use::Sessions, buffers_);
    BackendEntry& entry = backends_.get(id);
    entry.backend.arrive(shared_, std::move(lent.state));
    entry.socket = add_connection(Connection::Owner::Backend, id.bits());
    entry.place = BackendEntry::Place::Used;
    entry.opened_at = lent.opened_at;
    entry.dies_at = lent.dies_at;
    entry.idle_since = lent.idle_since;
    entry.places = std::move(lent.places);
    pool::Pool& pool = pool_of(entry);
    pool.borrow(std::move(lent.token));
    stats::ServerStats& stats = stats_.servers[lent.server.value];
    stats.backends_open.add();
    stats.backends_borrowed.add();
    log_.debug("backend_borrowed", {{"worker", static_cast<unsigned>(index_)},
                                    {"from", static_cast<unsigned>(lent.from)},
                                    {"server", topology_->server(lent.server).name},
                                    {"pid", entry.backend.cancel_key().process_id}});
    SocketId const socket = entry.socket;
    give(id, entry, now);
    // Who still waits says so again, and who has lent one may have another.
    open_backends(*destination, lent.server, now);
    return socket;
}

/// It goes, and with it its token and its places: those who wait may open another one.
void Worker::refuse(LentBackend lent, base::Instant now) {
    const pool::Budget& budget = *lent.token.budget();
    { LentBackend const gone = std::move(lent); }
    feed_others(budget);
    retry_pools(now);
}

}  // namespace pgring::proxy
