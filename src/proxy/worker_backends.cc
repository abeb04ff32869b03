/// The worker's backends: opening, running, cleaning, handing on, giving up. How they go from worker to
/// worker stands in worker_lending.cc.

#include <algorithm>
#include <utility>

#include "proxy/worker.h"

namespace pgring::proxy {

namespace {

/// Shortest time between two looks at pools whose logins fail.
constexpr base::Duration kRetryTick = std::chrono::milliseconds(20);

/// Lifetimes differ by up to a tenth, so that backends opened together do not all go at once.
base::Duration jittered(base::Duration lifetime, base::Prng& prng) {
    std::int64_t const tenth = lifetime.count() / 10;
    return tenth == 0
               ? lifetime
               : lifetime -
                     base::Duration(static_cast<std::int64_t>(prng.below(static_cast<std::uint64_t>(tenth))));
}

/// What ended a login; `error` is what the server said, if anything.
std::string_view why_no_login(const session::Backend& backend, const session::ServerError& error) {
    if (!error.message.empty()) {
        return error.message;
    }
    bool const answered = backend.logged_in() && backend.pipeline.idle();
    return answered ? "it left a transaction open" : "connection failed";
}

}  // namespace

pool::Pool& Worker::pool_of(BackendEntry& entry) {
    return *entry.backend.destination().pools[entry.backend.server().value];
}

// -- Opening --

void Worker::open_backends(session::Destination& destination, topology::ServerIndex server,
                           base::Instant now) {
    pool::Pool& pool = *destination.pools[server.value];
    const pool::Quota* full = nullptr;
    while (full == nullptr && pool.short_of_backends(now)) {
        full = forestalling_quota(destination, pool, pool.line().waited_since(), now);
        if (full != nullptr) {
            break;
        }
        std::expected<Places, const pool::Quota*> places = take_places(destination);
        if (!places.has_value()) {
            full = close_idle_under(*places.error(), now) ? nullptr : places.error();
            continue;
        }
        if (!pool.start_opening(now) &&
            !(take_from_sibling(pool, destination, now) && pool.start_opening(now))) {
            break;
        }
        wishes_.forget(id_of(pool));
        open_backend(destination, server, std::move(*places), now);
    }
    if (pool.has_waiters() && now < pool.retry_at()) {
        retry_by(std::max(pool.retry_at(), now + kRetryTick));
    }
    if (base::Instant const reserve_at = pool.reserve_at(); reserve_at > now) {
        retry_by(reserve_at);
    }
    ask_others(pool, full, now);
}

/// What became free goes to whoever waits longest, where that is not here; and here nobody is forgotten.
void Worker::open_for_longest(session::Destination& destination, topology::ServerIndex server,
                              base::Instant now) {
    session::Destination& longest = longest_waiting(destination, server, now);
    if (&longest != &destination) {
        open_backends(longest, server, now);
    }
    open_backends(destination, server, now);
}

void Worker::open_backend(session::Destination& destination, topology::ServerIndex server, Places places,
                          base::Instant now) {
    pool::BackendId const id =
        connect_backend(destination, server, session::Backend::Use::Sessions, std::move(places), now);
    base::Duration const lifetime = jittered(destination.terms.server_lifetime, prng_);
    backends_.get(id).dies_at = base::deadline_after(now, lifetime);
}

pool::BackendId Worker::connect_backend(session::Destination& destination, topology::ServerIndex server,
                                        session::Backend::Use use, Places places, base::Instant now) {
    pool::BackendId const id = backends_.next_handle();
    backends_.emplace(id, destination, server, use, buffers_);
    BackendEntry& entry = backends_.get(id);
    entry.opened_at = now;
    entry.places = std::move(places);
    entry.socket = add_connection(Connection::Owner::Backend, id.bits());
    connections_.get(entry.socket).state = Connection::State::Connecting;
    wheel_.arm(entry.deadline, base::deadline_after(now, settings_.pgring.server_connect_timeout));
    actions_.push_back({.kind = Action::Kind::Connect, .socket = entry.socket, .server = server});
    stats_.servers[server.value].backends_open.add();
    return id;
}

void Worker::keep_minimum(session::Destination& destination, topology::ServerIndex server,
                          base::Instant now) {
    pool::Pool& pool = *destination.pools[server.value];
    bool const serves = topology_->primary == server || (settings_.routing.read_write_split &&
                                                         route::serves_reads(topology_->server(server)));
    // Replication has no backends that wait for clients.
    if (!pool.below_minimum() || !serves || shutdown_.has_value() ||
        destination.replication != session::Replication::None) {
        return;
    }
    bool full = forestalling_quota(destination, pool, base::kNever, now) != nullptr;
    while (!full && pool.below_minimum()) {
        std::expected<Places, const pool::Quota*> places = take_places(destination);
        full = !places.has_value();
        if (full || !pool.start_spare(now)) {
            break;
        }
        open_backend(destination, server, std::move(*places), now);
    }
    if (full) {
        retry_by(now + settings_.pgring.server_login_retry);
    } else if (now < pool.retry_at()) {
        retry_by(std::max(pool.retry_at(), now + kRetryTick));
    }
}

void Worker::keep_minimums(base::Instant now) {
    for (auto& [key, destination] : destinations_) {
        for (std::uint16_t i = 0; i < destination->pools.size(); ++i) {
            keep_minimum(*destination, topology::ServerIndex{i}, now);
        }
    }
}

void Worker::retry_by(base::Instant when) {
    if (when < retry_deadline_.deadline) {
        wheel_.arm(retry_deadline_, when);
    }
}

void Worker::post_to_others(const WorkerMessage& message) {
    for (std::size_t i = 0; i < process_.budgets.worker_count(); ++i) {
        if (auto const worker = static_cast<pool::WorkerIndex>(i); worker != index_) {
            posted_.push_back({.to = worker, .message = message});
        }
    }
}

void Worker::retry_pools(base::Instant now) {
    for (auto& [key, destination] : destinations_) {
        for (std::uint16_t i = 0; i < destination->pools.size(); ++i) {
            if (destination->pools[i]->has_waiters()) {
                open_backends(*destination, topology::ServerIndex{i}, now);
            }
        }
    }
    keep_minimums(now);
}

void Worker::logged_in(pool::BackendId id, BackendEntry& entry, base::Instant now) {
    const std::string& text = entry.backend.destination().connect_query;
    if (text.empty()) {
        backend_ready(id, entry, now);
    } else if (!start_errand(entry, session::Errand::Connect, text, now)) {
        close(entry.socket);
        login_failed(id, entry, now);
    }
}

bool Worker::start_errand(BackendEntry& entry, session::Errand errand, std::string_view text,
                          base::Instant now) {
    if (!entry.backend.start_errand(shared_, errand, text)) {
        return false;
    }
    wheel_.arm(entry.deadline, base::deadline_after(now, settings_.pgring.server_connect_timeout));
    flush(entry.socket);
    return true;
}

bool Worker::start_check(BackendEntry& entry, base::Instant now) {
    std::string_view const text = settings_.pgring.server_check_query;
    if (text.empty() || now - entry.idle_since < settings_.pgring.server_check_delay) {
        return false;
    }
    return start_errand(entry, session::Errand::Check, text == config::kEmptyCheckQuery ? "" : text, now);
}

void Worker::check_done(pool::BackendId id, BackendEntry& entry, base::Instant now) {
    if (entry.backend.errand_failed()) {
        // The session goes on with another one.
        close(entry.socket);
        backend_broken(id, entry, now);
        return;
    }
    pool::SessionId const session_id = entry.session;
    SessionEntry& session = sessions_.get(session_id);
    start_use(session, entry);
    serve(session_id, session, now);
}

void Worker::connect_query_done(pool::BackendId id, BackendEntry& entry, base::Instant now) {
    // One that leaves a transaction open is of no use either.
    bool const well = !entry.backend.errand_failed() && entry.backend.at_rest();
    if (well) {
        entry.backend.note_fresh();
    }
    bool const opening = entry.place == BackendEntry::Place::Opening;
    if (opening && well) {
        backend_ready(id, entry, now);
    } else if (opening) {
        close(entry.socket);
        login_failed(id, entry, now);
    } else if (well) {
        // It was run again after server_reset_query.
        clean(id, entry, now);
    } else {
        discard(id, entry, now);
    }
}

void Worker::backend_ready(pool::BackendId id, BackendEntry& entry, base::Instant now) {
    pool_of(entry).opened();
    entry.place = BackendEntry::Place::Used;
    wheel_.disarm(entry.deadline);
    stats_.servers[entry.backend.server().value].logins.add();
    log_.debug("server_login", {{"worker", static_cast<unsigned>(index_)},
                                {"server", topology_->server(entry.backend.server()).name},
                                {"database", entry.backend.destination().database},
                                {"user", entry.backend.destination().user},
                                {"pid", entry.backend.cancel_key().process_id}});
    session::Destination& destination = entry.backend.destination();
    topology::ServerIndex const server = entry.backend.server();
    give(id, entry, now, Served::Nobody);
    // Who still waits has no backend under way any more.
    open_backends(destination, server, now);
}

void Worker::login_failed(pool::BackendId id, BackendEntry& entry, base::Instant now) {
    static_cast<void>(id);
    topology::ServerIndex const server = entry.backend.server();
    session::Destination& destination = entry.backend.destination();
    pool::Pool& pool = pool_of(entry);
    entry.place = BackendEntry::Place::Gone;
    entry.places = {};
    pool.open_failed(now);
    stats::ServerStats& stats = stats_.servers[server.value];
    stats.login_failures.add();
    stats.backends_open.subtract();
    session::ServerError const error = entry.backend.error().value_or(session::ServerError{});
    log_.warning(entry.backend.logged_in() ? "connect_query_failed" : "server_login_failed",
                 {{"worker", static_cast<unsigned>(index_)},
                  {"server", topology_->server(server).name},
                  {"database", destination.database},
                  {"user", destination.user},
                  {"sqlstate", error.sqlstate},
                  {"error", why_no_login(entry.backend, error)}});
    if (error.is_suspicious()) {
        actions_.push_back({.kind = Action::Kind::Suspect, .server = server});
    }
    if (error.is_final()) {
        session::Error const told{.sqlstate = error.sqlstate, .message = error.message};
        while (std::optional<pool::SessionId> const waiting = pool.line().next()) {
            SessionEntry& session = sessions_.get(*waiting);
            --outstanding_[server.value];
            stats_.waiting.subtract();
            session.wait_until = base::kNever;
            session.session.refuse_unit(shared_, told);
            if (session.session.phase() == session::Session::Phase::Ended) {
                end_session(*waiting, session, now);
            } else {
                arm_session(session);
                make_runnable(*waiting);
            }
        }
        pool.line_changed();
    }
    feed_others(pool.budget());
    open_for_longest(destination, server, now);
    keep_minimum(destination, server, now);
}

// -- Running --

void Worker::run_backend(pool::BackendId id, base::Instant now) {
    if (backends_.get(id).listener) {
        run_listener(id, now);
        return;
    }
    for (;;) {
        BackendEntry& entry = backends_.get(id);
        session::Session* const session = entry.session ? &sessions_.get(entry.session).session : nullptr;
        session::BackendStep const step = entry.backend.advance(shared_, session);
        switch (step) {
            case session::BackendStep::LoggedIn:
                logged_in(id, entry, now);
                break;
            case session::BackendStep::ErrandDone:
                errand_done(id, entry, now);
                break;
            case session::BackendStep::Broken:
                close(entry.socket);
                backend_broken(id, entry, now);
                return;
            case session::BackendStep::AwaitsListener:
                await_listener(entry.session, entry.backend.destination(), now);
                break;
            case session::BackendStep::Notified:
                ASSERT(false && "only a listener's backend says so");
                break;
            case session::BackendStep::Starved:
                break;
        }
        if (entry.place == BackendEntry::Place::Gone) {
            return;
        }
        if (step == session::BackendStep::Starved || step == session::BackendStep::AwaitsListener) {
            break;
        }
    }
    BackendEntry& entry = backends_.get(id);
    bool const unused =
        entry.place == BackendEntry::Place::Idle || entry.place == BackendEntry::Place::Leaving;
    if (unused && !entry.backend.at_rest()) {
        // Half of a notice: whoever took the backend now would have to wait for the other half.
        discard(id, entry, now);
        return;
    }
    entry.backend.in.settle_last();
    flush(entry.socket);
    if (!entry.session) {
        return;
    }
    pool::SessionId const session_id = entry.session;
    SessionEntry& session = sessions_.get(session_id);
    if (entry.backend.destination().terms.pool_mode == config::PoolMode::Statement &&
        entry.backend.pipeline.idle() && entry.backend.status() != wire::TransactionStatus::Idle) {
        // Begun within a text of several statements, or by a procedure.
        session.session.fail(shared_, session::errors::kTransactionBlock);
    }
    flush(session.socket);
    if (session.session.phase() == session::Session::Phase::Ended) {
        // It could not take what it was told.
        end_session(session_id, session, now);
        return;
    }
    if (session.session.out.size_bytes() >= session::kQueueHighBytes) {
        set_paused(entry.socket, true);
    }
    bool const releases = !session.served && may_release(session, entry);
    flush(entry.socket);
    flush(session.socket);
    if (releases) {
        if (unit_times_ != nullptr) {
            note_done(entry, now);
        }
        detach(session, entry);
        release(id, entry, now);
    }
    if (!session.session.in.empty()) {
        make_runnable(session_id);
    }
    watch(session, now);
}

void Worker::errand_done(pool::BackendId id, BackendEntry& entry, base::Instant now) {
    session::Errand const errand = entry.backend.take_errand();
    wheel_.disarm(entry.deadline);
    if (errand == session::Errand::Connect) {
        connect_query_done(id, entry, now);
        return;
    }
    if (errand == session::Errand::Check) {
        check_done(id, entry, now);
        return;
    }
    if (entry.session) {
        pool::SessionId const session_id = entry.session;
        SessionEntry& session = sessions_.get(session_id);
        bool const goes_on = session.session.errand_done(shared_, entry.backend, errand);
        if (session.session.phase() == session::Session::Phase::Ended) {
            end_session(session_id, session, now);
            return;
        }
        if (!goes_on) {
            detach(session, entry);
            release(id, entry, now);
        }
        serve(session_id, session, now);
        return;
    }
    if (entry.backend.errand_failed()) {
        discard(id, entry, now);
        return;
    }
    if (errand == session::Errand::Rollback) {
        entry.dirt = BackendEntry::Dirt::Clean;
    } else {
        entry.backend.was_reset(shared_);
        const std::string& text = entry.backend.destination().connect_query;
        if (!text.empty() && start_errand(entry, session::Errand::Connect, text, now)) {
            return;
        }
    }
    clean(id, entry, now);
}

void Worker::backend_broken(pool::BackendId id, BackendEntry& entry, base::Instant now) {
    ASSERT(entry.place != BackendEntry::Place::Gone);
    if (entry.listener) {
        listener_lost(entry, now);
        return;
    }
    topology::ServerIndex const server = entry.backend.server();
    if (entry.place == BackendEntry::Place::Opening) {
        login_failed(id, entry, now);
        return;
    }
    stats_.servers[server.value].backends_lost.add();
    session::ServerError const error = entry.backend.error().value_or(session::ServerError{});
    log_.info("backend_lost", {{"worker", static_cast<unsigned>(index_)},
                               {"server", topology_->server(server).name},
                               {"in_use", static_cast<bool>(entry.session)},
                               {"sqlstate", error.sqlstate},
                               {"error", error.message}});
    actions_.push_back({.kind = Action::Kind::Suspect, .server = server});
    if (entry.session) {
        pool::SessionId const session_id = entry.session;
        SessionEntry& session = sessions_.get(session_id);
        bool const survives = session.session.lost(shared_, entry.backend);
        detach(session, entry);
        ask_listener(entry.backend.destination(), now);
        if (survives) {
            flush(session.socket);
            make_runnable(session_id);
        } else {
            end_session(session_id, session, now);
        }
    }
    discard(id, entry, now);
}

// -- Handing on --

/// The session is off; others may have the backend as soon as it is clean and no cancel is on its way.
void Worker::release(pool::BackendId id, BackendEntry& entry, base::Instant now) {
    ASSERT(!entry.session && entry.place == BackendEntry::Place::Used);
    if (settings_.pgring.server_reset_query_always && !settings_.pgring.server_reset_query.empty()) {
        entry.backend.needs_reset = true;
    }
    ask_listener(entry.backend.destination(), now);
    if (entry.cancels > 0) {
        return;
    }
    clean(id, entry, now);
}

void Worker::clean(pool::BackendId id, BackendEntry& entry, base::Instant now) {
    std::string_view text;
    session::Errand errand = session::Errand::None;
    bool const serves_once = entry.backend.destination().replication != session::Replication::None;
    if (entry.dirt == BackendEntry::Dirt::Cancel || serves_once) {
        discard(id, entry, now);
        return;
    }
    if (entry.dirt == BackendEntry::Dirt::Transaction) {
        text = "ROLLBACK";
        errand = session::Errand::Rollback;
    } else if (entry.backend.needs_reset) {
        text = settings_.pgring.server_reset_query;
        errand = session::Errand::Reset;
        if (text.empty()) {
            // Nothing is known that would clean it.
            discard(id, entry, now);
            return;
        }
    }
    if (errand == session::Errand::None) {
        give(id, entry, now);
        return;
    }
    if (!start_errand(entry, errand, text, now)) {
        discard(id, entry, now);
    }
}

void Worker::give(pool::BackendId id, BackendEntry& entry, base::Instant now, Served served) {
    ASSERT(entry.place == BackendEntry::Place::Used && entry.backend.pipeline.idle());
    pool::Pool& pool = pool_of(entry);
    topology::ServerIndex const server = entry.backend.server();
    bool const too_old = now >= entry.dies_at;
    // Half of a notice came, or it says after a reset that it is amid a transaction.
    bool const restless = !entry.backend.at_rest();
    session::Destination& destination = entry.backend.destination();
    bool const lends = destination.terms.pool_mode != config::PoolMode::Session;
    std::optional<pool::WorkerIndex> const longer =
        pool.longer_waiting(lends ? pool::kWorthLending : pool::kWorthClosing);
    // What was opened for somebody who still waits serves him first: workers, and pools of one worker, that
    // closed it for each other before it was of use to anybody could go on so for ever.
    bool const of_use = served == Served::Somebody || !pool.has_waiters();
    bool const yields = longer.has_value() && !lends && of_use;
    if (yields) {
        pool.yielded(now);
    }
    // What the next client would start with is not what it asked for.
    bool const altered = !lends && !entry.backend.as_started();
    bool const overtakes = of_use && &longest_waiting(destination, server, now) != &destination;
    if (too_old || restless || yields || altered || overtakes ||
        topology_->server(server).role == topology::Role::Stale) {
        discard(id, entry, now);
        return;
    }
    if (pool::Wish* const wish = wish_before(entry, now)) {
        grant(*wish, id, entry, now);
        return;
    }
    if (!entry.backend.pipeline.ahead.empty()) {
        if (next_waits(entry)) {
            hand_over(id, entry, now);
        } else {
            discard(id, entry, now);
        }
        return;
    }
    if (lends && longer.has_value() && entry.backend.may_leave() && pool.claim(*longer)) {
        start_lending(id, entry, *longer);
        return;
    }
    if (std::optional<pool::SessionId> const waiting = next_in(pool.line(), now)) {
        pool.line_changed();
        stats_.waiting.subtract();
        SessionEntry& session = sessions_.get(*waiting);
        attach(*waiting, session, id);
        // What comes from another worker may have been idle there.
        if (!start_check(entry, now)) {
            start_use(session, entry);
            serve(*waiting, session, now);
        }
        return;
    }
    pool.add_idle(id);
    entry.place = BackendEntry::Place::Idle;
    entry.idle_since = now;
    arm_idle(entry, now);
}

/// When it has to be looked at why nobody uses it.
void Worker::arm_idle(BackendEntry& entry, base::Instant now) {
    base::Instant when =
        std::min(base::deadline_after(entry.idle_since, settings_.pgring.server_idle_timeout), entry.dies_at);
    if (when <= now && now < entry.dies_at) {
        // min_pool_size keeps it, for now.
        when = std::min(base::deadline_after(now, settings_.pgring.server_idle_timeout), entry.dies_at);
    }
    wheel_.arm(entry.deadline, when);
}

void Worker::idle_expired(pool::BackendId id, BackendEntry& entry, base::Instant now) {
    const pool::Pool& pool = pool_of(entry);
    bool const unused = now >= base::deadline_after(entry.idle_since, settings_.pgring.server_idle_timeout) &&
                        !pool.at_minimum();
    if (now >= entry.dies_at || unused) {
        discard(id, entry, now);
    } else {
        arm_idle(entry, now);
    }
}

void Worker::discard(pool::BackendId id, BackendEntry& entry, base::Instant now) {
    shut(id, entry);
    feed_others(pool_of(entry).budget());
    topology::ServerIndex const server = entry.backend.server();
    session::Destination& destination = entry.backend.destination();
    open_for_longest(destination, server, now);
    keep_minimum(destination, server, now);
}

/// As discard(), and leaves its place in the pool to whoever asks next.
void Worker::shut(pool::BackendId id, BackendEntry& entry) {
    ASSERT(!entry.session);
    pool::Pool& pool = pool_of(entry);
    if (entry.place == BackendEntry::Place::Idle) {
        pool.remove_idle(id);
    } else if (entry.place == BackendEntry::Place::Leaving) {
        posted_.push_back({.to = entry.lent_to, .message = TokenFreed{}});
    }
    entry.place = BackendEntry::Place::Gone;
    entry.places = {};
    wheel_.disarm(entry.deadline);
    pool.closed();
    stats_.servers[entry.backend.server().value].backends_open.subtract();
    close(entry.socket);
}

}  // namespace pgring::proxy
