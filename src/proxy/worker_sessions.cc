/// The worker's sessions: running them, finding backends for them, ending them.

#include <algorithm>
#include <utility>

#include "base/mutation.h"
#include "proxy/worker.h"

namespace pgring::proxy {

namespace {

using session::SessionStep;

/// How long a client may take to read the last words it is sent.
constexpr base::Duration kFarewell = std::chrono::seconds(5);
/// In so much time a server has begun with what it was sent, unless it is stalled.
constexpr base::Duration kReadingTime = std::chrono::milliseconds(20);

}  // namespace

void Worker::session_received(pool::SessionId id, buffer::Slice slice, base::Instant now) {
    SessionEntry& entry = sessions_.get(id);
    stats_.bytes_received.add(slice.size());
    entry.session.in.push(std::move(slice));
    if (is_watched(entry)) {
        entry.clock.client_spoke(now);
    }
    if (entry.session.waiter.waiting()) {
        // What it waits for stands at the front already.
        entry.session.in.settle_all();
        update_flow(entry, SessionStep::Kind::Blocked);
        return;
    }
    run_session(id, now);
}

void Worker::run_session(pool::SessionId id, base::Instant now) {
    SessionEntry& entry = sessions_.get(id);
    entry.served = false;
    bool const rehearses = unit_times_ != nullptr && entry.backend && begin_rehearsal(entry);
    SessionStep::Kind stopped = SessionStep::Kind::Starved;
    for (;;) {
        session::Backend* const backend = entry.backend ? &backends_.get(entry.backend).backend : nullptr;
        session::Session::Phase const phase = entry.session.phase();
        SessionStep const step = entry.session.advance(shared_, backend);
        stopped = step.kind;
        if (phase != session::Session::Phase::Ready &&
            entry.session.phase() == session::Session::Phase::Ready) {
            wheel_.disarm(entry.deadline);
            entry.welcomed = true;
            if (!session::address_of(entry.session.cancel_key()).has_value()) {
                processes_.add(entry.session.cancel_key().process_id, id);
            }
            if (settings_.pgring.log_connections) {
                log_.info("client_login", {{"worker", static_cast<unsigned>(index_)},
                                           {"session", id.index},
                                           {"peer", base::to_string(entry.session.peer())},
                                           {"user", entry.session.destination()->user},
                                           {"database", entry.session.destination()->database}});
            }
        }
        if (step.kind == SessionStep::Kind::NeedsBackend) {
            if (acquire(id, entry, step.demand, now)) {
                continue;
            }
            break;
        }
        if (step.kind == SessionStep::Kind::AwaitsListener || step.kind == SessionStep::Kind::AwaitsEcho) {
            await_listener(id, *entry.session.destination(), now);
            break;
        }
        if (step.kind == SessionStep::Kind::Authenticated) {
            enter(entry, now);
            continue;
        }
        if (step.kind == SessionStep::Kind::Canceled) {
            cancel_requested(entry, now);
            break;
        }
        break;
    }
    if (rehearses) {
        end_rehearsal(entry);
    }
    note_listener_wait(entry, stopped, now);
    if (entry.backend) {
        BackendEntry& backend = backends_.get(entry.backend);
        bool const stays = stopped == SessionStep::Kind::Ended || stopped == SessionStep::Kind::AwaitsEcho;
        bool const releases = !stays && may_release(entry, backend);
        flush(backend.socket);
        if (releases) {
            pool::BackendId const backend_id = entry.backend;
            detach(entry, backend);
            release(backend_id, backend, now);
            if (!entry.session.in.empty() && stopped != SessionStep::Kind::Starved) {
                make_runnable(id);
            }
        } else if (unit_times_ != nullptr) {
            send_ahead(backend, now);
        }
    }
    if (entry.session.listening() != nullptr) {
        entry.session.tell_kept(shared_, backend_of(entry));
        if (entry.session.phase() == session::Session::Phase::Ended) {
            stopped = SessionStep::Kind::Ended;
        }
    }
    if (stopped == SessionStep::Kind::Ended) {
        end_session(id, entry, now);
        return;
    }
    entry.session.in.settle_last();
    flush(entry.socket);
    update_flow(entry, stopped);
    watch(entry, now);
}

/// What it waits for with a statement in hand. How long an echo takes is the listener's own affair.
void Worker::note_listener_wait(SessionEntry& entry, SessionStep::Kind stopped, base::Instant now) {
    entry.served = stopped == SessionStep::Kind::AwaitsEcho;
    bool const waits = stopped == SessionStep::Kind::AwaitsListener;
    if (waits == entry.listener_wait.has_value()) {
        return;
    }
    entry.listener_wait.reset();
    if (waits) {
        entry.listener_wait =
            base::deadline_after(now, entry.session.destination()->terms.query_wait_timeout);
    }
    arm_session(entry);
}

void Worker::update_flow(SessionEntry& entry, SessionStep::Kind step) {
    bool const starved = step == SessionStep::Kind::Starved;
    bool const full_ahead =
        entry.backend && backends_.get(entry.backend).backend.out.size_bytes() >= session::kQueueHighBytes;
    std::size_t const limit =
        entry.session.waiter.waiting() ? session::kQueueLowBytes : session::kQueueHighBytes;
    bool const full_here = !starved && entry.session.in.size_bytes() >= limit;
    set_paused(entry.socket, full_ahead || full_here);
}

void Worker::make_runnable(pool::SessionId id) {
    SessionEntry& entry = sessions_.get(id);
    if (!entry.runnable) {
        entry.runnable = true;
        runnable_.push_back(id);
    }
}

void Worker::run_runnable(base::Instant now) {
    // What becomes runnable meanwhile is run as well; each round serves somebody, so there is an end.
    while (!runnable_.empty()) {
        running_.swap(runnable_);
        for (pool::SessionId const id : running_) {
            if (SessionEntry* entry = sessions_.find(id)) {
                entry->runnable = false;
                if (!entry->session.waiter.waiting()) {
                    run_session(id, now);
                }
            }
        }
        running_.clear();
    }
}

// -- Login --

void Worker::enter(SessionEntry& entry, base::Instant now) {
    const session::LoginRequest& request = entry.session.login_request();
    const config::DatabaseSettings* database = settings_.find_database(request.database);
    if (database == nullptr) {
        std::string const text = "no such database: " + request.database;
        entry.session.fail(shared_, {.sqlstate = session::sqlstate::kInvalidCatalogName, .message = text});
        return;
    }
    session::Destination& destination = this->destination(request, *database);
    if (request.replication != session::Replication::None &&
        destination.terms.pool_mode != config::PoolMode::Session) {
        std::string const text =
            "replication connections need pool_mode = \"session\" for database " + request.database;
        entry.session.fail(shared_, {.sqlstate = session::sqlstate::kFeatureNotSupported, .message = text});
        return;
    }
    if (const session::Error* error = find_places(entry, destination)) {
        stats_.login_failures.add();
        entry.session.fail(shared_, *error);
        return;
    }
    session::CancelKey key = session::make_cancel_key(
        request.protocol, {.worker = index_, .session_index = entry.session.id().index}, random_);
    entry.session.enter(shared_, destination, std::move(key));
    for (std::uint16_t i = 0; i < topology_->server_count(); ++i) {
        keep_minimum(destination, topology::ServerIndex{i}, now);
    }
}

const session::Error* Worker::find_places(SessionEntry& entry, const session::Destination& destination) {
    const session::LoginRequest& request = entry.session.login_request();
    if (std::uint32_t const limit = destination.terms.database_clients_max; limit != 0) {
        entry.database_place =
            pool::Place::take(process_.quotas.quota("database " + request.database, limit));
        if (!entry.database_place) {
            return &session::errors::kTooManyDatabaseClients;
        }
    }
    if (std::uint32_t const limit = config::user_clients_max(settings_, request.user); limit != 0) {
        entry.user_place = pool::Place::take(process_.quotas.quota("user " + request.user, limit));
        if (!entry.user_place) {
            return &session::errors::kTooManyUserClients;
        }
    }
    return nullptr;
}

// -- Backends for sessions --

bool Worker::acquire(pool::SessionId id, SessionEntry& entry, route::Demand demand, base::Instant now) {
    ASSERT(!entry.backend && !entry.session.waiter.waiting());
    if (entry.session.phase() == session::Session::Phase::AwaitingWelcome &&
        !entry.session.session_pooled() && !topology_->primary.has_value()) {
        // Any server can say what a session starts with; logins go on while there is no primary.
        demand = route::Demand::PreferStandby;
    }
    entry.demand = demand;
    if (entry.wait_until == base::kNever) {
        entry.wait_until = base::deadline_after(now, entry.session.destination()->terms.query_wait_timeout);
    }
    std::uint32_t const limit = settings_.pgring.waiting_clients_max;
    bool const may_wait = limit == 0 || stats_.waiting.value() < limit;
    auto const server = route::choose(*topology_, demand, outstanding_, prng_);
    if (!server.has_value()) {
        if (!may_wait) {
            entry.session.refuse_unit(shared_, session::errors::kTooManyWaiting);
            return true;
        }
        wait_in(stranded_, id, entry, now);
        return false;
    }
    session::Destination& destination = *entry.session.destination();
    pool::Pool& pool = *destination.pools[server->value];
    if (std::optional<pool::BackendId> const backend = pool.acquire([this, &entry](pool::BackendId idle) {
            return entry.session.fits(backends_.get(idle).backend);
        })) {
        ++outstanding_[server->value];
        attach(id, entry, *backend);
        if (BackendEntry& attached = backends_.get(*backend); !start_check(attached, now)) {
            start_use(entry, attached);
        }
        return true;
    }
    if (!may_wait) {
        entry.session.refuse_unit(shared_, session::errors::kTooManyWaiting);
        return true;
    }
    entry.waiting_for = *server;
    ++outstanding_[server->value];
    wait_in(pool.line(), id, entry, now);
    open_backends(destination, *server, now);
    return false;
}

void Worker::wait_in(pool::Line& line, pool::SessionId id, SessionEntry& entry, base::Instant now) {
    line.join(entry.session.waiter, id, now, ++next_ticket_);
    entry.sent_ahead_at = base::kNever;
    // Who waits holds no receive buffers: those that have backends need them to come to an end.
    entry.session.in.settle_all();
    stats_.waiting.add();
    arm_session(entry);
}

void Worker::leave_line(SessionEntry& entry) {
    pool::Waiter& waiter = entry.session.waiter;
    if (!waiter.waiting()) {
        return;
    }
    bool const in_pool = waiter.line != &stranded_;
    waiter.line->leave(waiter);
    stats_.waiting.subtract();
    if (in_pool) {
        --outstanding_[entry.waiting_for.value];
        entry.session.destination()->pools[entry.waiting_for.value]->line_changed();
    }
}

/// The caller has counted the session in outstanding_.
void Worker::attach(pool::SessionId id, SessionEntry& entry, pool::BackendId backend_id) {
    BackendEntry& backend = backends_.get(backend_id);
    ASSERT(backend.place != BackendEntry::Place::Gone && !backend.session && backend.backend.at_rest());
    ASSERT(backend.dirt == BackendEntry::Dirt::Clean);
    backend.place = BackendEntry::Place::Used;
    backend.readable_at = {};
    wheel_.disarm(backend.deadline);
    backend.session = id;
    entry.backend = backend_id;
    entry.wait_until = base::kNever;
    entry.sent_ahead_at = base::kNever;
    arm_session(entry);
    if (unit_times_ != nullptr) {
        note_running(entry, backend);
    }
    stats::ServerStats& server = stats_.servers[backend.backend.server().value];
    server.assignments.add();
    if (entry.demand == route::Demand::PreferStandby) {
        server.reads_balanced.add();
    }
}

void Worker::start_use(SessionEntry& entry, BackendEntry& backend) {
    entry.session.attached(shared_, backend.backend, entry.demand);
    flush(backend.socket);
}

/// What the session asked for has waited here and can be sent now, where it still has a backend.
void Worker::serve(pool::SessionId id, SessionEntry& entry, base::Instant now) {
    if (entry.backend) {
        backends_.get(entry.backend).readable_at = now + kReadingTime;
    }
    entry.served = true;
    make_runnable(id);
}

/// The session is through with the backend. A cancel on its way must not hit an errand of ours, so what is to
/// be read waits for it.
bool Worker::may_release(SessionEntry& entry, BackendEntry& backend) {
    if (!backend.backend.pipeline.ahead.empty()) {
        give_up_strays(entry.backend, backend);
    }
    bool const undisturbed = backend.cancels == 0 || !entry.session.owes_errand();
    return undisturbed && entry.session.may_release(shared_, backend.backend);
}

void Worker::detach(SessionEntry& entry, BackendEntry& backend) {
    --outstanding_[backend.backend.server().value];
    backend.session = {};
    backend.idle_since = base::kNever;
    entry.backend = {};
    // What this client could not take in any more does not concern the next user.
    set_paused(backend.socket, false);
}

// -- Ends --

void Worker::end_session(pool::SessionId id, SessionEntry& entry, base::Instant now) {
    leave_line(entry);
    if (entry.backend) {
        pool::BackendId const backend_id = entry.backend;
        BackendEntry& backend = backends_.get(backend_id);
        bool const leaves_state =
            !entry.session.pins().empty() || entry.session.session_pooled() || entry.session.owes_errand();
        // No reset takes a library out of a process again.
        bool const leaves_library = entry.session.pins().has(session::Pin::LoadLibrary);
        detach(entry, backend);
        bool const between_requests = backend.backend.pipeline.idle() &&
                                      backend.backend.pending_errand() == session::Errand::None &&
                                      !entry.session.mid_message();
        if (!between_requests || leaves_library) {
            discard(backend_id, backend, now);
        } else {
            if (backend.backend.status() != wire::TransactionStatus::Idle &&
                backend.dirt == BackendEntry::Dirt::Clean) {
                backend.dirt = BackendEntry::Dirt::Transaction;
            }
            backend.backend.needs_reset =
                backend.backend.needs_reset || (leaves_state && !PGRING_MUTATION(PinnedReleasedUnreset));
            release(backend_id, backend, now);
        }
    }
    bool const was_welcomed = std::exchange(entry.welcomed, false);
    if (was_welcomed) {
        processes_.remove(entry.session.cancel_key().process_id, id);
    }
    if (was_welcomed && settings_.pgring.log_disconnections) {
        log_.info("client_left", {{"worker", static_cast<unsigned>(index_)},
                                  {"session", entry.session.id().index},
                                  {"peer", base::to_string(entry.session.peer())}});
    }
    if (entry.session.listening() != nullptr) {
        entry.session.leave_channels(shared_);
        ask_listener(*entry.session.destination(), now);
    }
    entry.session.end();
    Connection& connection = connections_.get(entry.socket);
    if (connection.state == Connection::State::Open) {
        wheel_.arm(entry.deadline, now + kFarewell);
        close_after_flush(entry.socket);
    }
}

}  // namespace pgring::proxy
