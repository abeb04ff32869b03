#include "proxy/worker.h"

#include <algorithm>
#include <utility>

#include "base/mutation.h"

namespace pgring::proxy {

namespace {

/// Refusals beyond max_client_conn that are given the courtesy of an answer at the same time.
constexpr std::uint32_t kRefusalsMax = 256;
/// How long a client may take to read the last words it is sent.
constexpr base::Duration kFarewell = std::chrono::seconds(5);
/// Besides the longest Parse that is kept: names, startup packets and whatever else is seen whole.
constexpr std::size_t kScratchBeyondParse = std::size_t{128} * 1024;

buffer::PoolLimits buffer_limits(const config::Settings& settings) {
    return {.large_count = settings.pgring.receive_buffers * 2};
}

}  // namespace

Worker::Worker(const WorkerOptions& options)
    : index_(options.index),
      settings_(options.settings),
      peer_count_(config::other_peers(options.settings).size()),
      process_(options.process),
      log_(options.log),
      random_(options.random),
      prng_(options.random.next_u32()),
      topology_(options.topology),
      buffers_(buffer_limits(options.settings)),
      classifier_(sql::ClassifierLimits{}, options.random),
      stats_(options.settings.servers.size()),
      scratch_(options.settings.pgring.prepared_statement_bytes_max + kScratchBeyondParse),
      shared_{.settings = options.settings,
              .access = options.access,
              .log = options.log,
              .random = options.random,
              .buffers = buffers_,
              .classifier = classifier_,
              .parameters = parameters_,
              .scram_keys = scram_keys_,
              .stats = stats_,
              .scratch = scratch_},
      wheel_(options.now),
      retry_deadline_(Deadline::Owner::Retry, 0),
      outstanding_(options.settings.servers.size()),
      given_up_(options.settings.servers.size()) {
    if (settings_.pgring.multiplex == config::Multiplex::Sync) {
        unit_times_ = std::make_unique<UnitTimes>();
    }
    if (index_ == 0) {
        foresee_destinations();
    }
    topology_changed(options.topology, options.now);
}

Worker::~Worker() {
    // Sessions first: they refer to statements, lines and pools.
    sessions_.for_each([this](pool::SessionId id, SessionEntry& entry) {
        leave_line(entry);
        wheel_.disarm(entry.deadline);
        static_cast<void>(id);
    });
    backends_.for_each([this](pool::BackendId, BackendEntry& entry) { wheel_.disarm(entry.deadline); });
    cancelers_.for_each([this](CancelerId, Canceler& canceler) { wheel_.disarm(canceler.deadline); });
    held_cancels_.for_each([this](HeldCancelId, HeldCancel& held) { wheel_.disarm(held.deadline); });
    listeners_.for_each([this](ListenerId, ListenerEntry& listener) { wheel_.disarm(listener.deadline); });
    wheel_.disarm(retry_deadline_);
    sessions_.clear();
}

// -- Connections --

SocketId Worker::add_connection(Connection::Owner owner, std::uint64_t bits) {
    return connections_.emplace(Connection{.owner = owner, .owner_bits = bits});
}

buffer::SliceQueue& Worker::queue_of(const Connection& connection) {
    switch (connection.owner) {
        case Connection::Owner::Session:
            return sessions_.get(pool::SessionId::from_bits(connection.owner_bits)).session.out;
        case Connection::Owner::Backend:
            return backends_.get(pool::BackendId::from_bits(connection.owner_bits)).backend.out;
        case Connection::Owner::Canceler:
            break;
    }
    return cancelers_.get(CancelerId::from_bits(connection.owner_bits)).out;
}

const buffer::SliceQueue& Worker::outgoing(SocketId socket) {
    return queue_of(connections_.get(socket));
}

bool Worker::is_backend(SocketId socket) const {
    const Connection* connection = connections_.find(socket);
    return connection != nullptr && connection->owner != Connection::Owner::Session;
}

void Worker::flush(SocketId socket) {
    Connection& connection = connections_.get(socket);
    bool const may_send =
        connection.state == Connection::State::Open || connection.state == Connection::State::Flushing;
    if (may_send && !connection.sending && !queue_of(connection).empty()) {
        connection.sending = true;
        actions_.push_back({.kind = Action::Kind::Send, .socket = socket});
    }
}

void Worker::close(SocketId socket) {
    Connection& connection = connections_.get(socket);
    if (connection.state != Connection::State::Closing) {
        connection.state = Connection::State::Closing;
        actions_.push_back({.kind = Action::Kind::Close, .socket = socket});
    }
}

void Worker::close_after_flush(SocketId socket) {
    Connection& connection = connections_.get(socket);
    if (connection.state != Connection::State::Open) {
        if (connection.state == Connection::State::Connecting) {
            close(socket);
        }
        return;
    }
    if (queue_of(connection).empty()) {
        close(socket);
        return;
    }
    connection.state = Connection::State::Flushing;
    flush(socket);
}

void Worker::set_paused(SocketId socket, bool paused) {
    Connection& connection = connections_.get(socket);
    if (connection.paused != paused && connection.state == Connection::State::Open) {
        connection.paused = paused;
        actions_.push_back({.kind = paused ? Action::Kind::Pause : Action::Kind::Resume, .socket = socket});
    }
}

// -- Events --

std::optional<SocketId> Worker::accepted(const base::NetworkAddress& peer, auth::Transport transport,
                                         base::Instant now) {
    std::uint32_t const present = process_.client_count.load(std::memory_order_relaxed);
    std::uint32_t const limit = std::min(settings_.pgring.max_client_conn, process_.clients_affordable);
    if (present >= limit + kRefusalsMax) {
        return std::nullopt;
    }
    process_.client_count.fetch_add(1, std::memory_order_relaxed);
    session::Admission admission = session::Admission::Welcome;
    if (shutdown_.has_value()) {
        admission = session::Admission::ShuttingDown;
    } else if (present >= limit) {
        admission = session::Admission::TooMany;
    }
    pool::SessionId const id = sessions_.next_handle();
    SocketId const socket = add_connection(Connection::Owner::Session, id.bits());
    sessions_.emplace(id, socket, peer, transport, admission, buffers_);
    SessionEntry& entry = sessions_.get(id);
    wheel_.arm(entry.deadline, base::deadline_after(now, settings_.pgring.client_login_timeout));
    stats_.clients.add();
    return socket;
}

void Worker::connected(SocketId socket, base::Instant now) {
    Connection* connection = connections_.find(socket);
    if (connection == nullptr || connection->state != Connection::State::Connecting) {
        return;
    }
    connection->state = Connection::State::Open;
    if (connection->owner == Connection::Owner::Canceler) {
        canceler_connected(CancelerId::from_bits(connection->owner_bits), now);
        return;
    }
    ASSERT(connection->owner == Connection::Owner::Backend);
    pool::BackendId const id = pool::BackendId::from_bits(connection->owner_bits);
    backends_.get(id).backend.start_login(shared_);
    flush(socket);
    static_cast<void>(now);
}

void Worker::connect_failed(SocketId socket, std::string_view error, base::Instant now) {
    Connection* connection = connections_.find(socket);
    if (connection == nullptr || connection->state != Connection::State::Connecting) {
        return;
    }
    log_.debug("connect_failed", {{"error", error}});
    connection->state = Connection::State::Open;
    hung_up(socket, now);
}

void Worker::received(SocketId socket, buffer::Slice slice, base::Instant now) {
    age_functions(now);
    Connection* connection = connections_.find(socket);
    if (connection == nullptr || connection->state != Connection::State::Open) {
        return;
    }
    switch (connection->owner) {
        case Connection::Owner::Session:
            session_received(pool::SessionId::from_bits(connection->owner_bits), std::move(slice), now);
            break;
        case Connection::Owner::Backend: {
            pool::BackendId const id = pool::BackendId::from_bits(connection->owner_bits);
            backends_.get(id).backend.in.push(std::move(slice));
            run_backend(id, now);
            break;
        }
        case Connection::Owner::Canceler:
            break;
    }
}

void Worker::sent(SocketId socket, std::size_t size_bytes, base::Instant now) {
    Connection* connection = connections_.find(socket);
    if (connection == nullptr || connection->state == Connection::State::Closing) {
        return;
    }
    ASSERT(connection->sending);
    connection->sending = false;
    buffer::SliceQueue& queue = queue_of(*connection);
    queue.consume(size_bytes);
    if (!queue.empty()) {
        flush(socket);
    } else if (connection->state == Connection::State::Flushing) {
        close(socket);
        return;
    }
    if (connection->state != Connection::State::Open) {
        return;
    }
    if (PGRING_MUTATION(CancelNotAwaited) && connection->owner == Connection::Owner::Canceler) {
        canceler_ended(CancelerId::from_bits(connection->owner_bits), now);
    }
    if (connection->owner == Connection::Owner::Session) {
        SessionEntry& entry = sessions_.get(pool::SessionId::from_bits(connection->owner_bits));
        stats_.bytes_sent.add(size_bytes);
        if (entry.backend && queue.size_bytes() <= session::kQueueLowBytes) {
            set_paused(backends_.get(entry.backend).socket, false);
        }
        if (entry.session.listening() != nullptr && entry.session.listening()->has_kept()) {
            make_runnable(entry.session.id());
        }
    } else if (connection->owner == Connection::Owner::Backend &&
               queue.size_bytes() <= session::kQueueLowBytes) {
        const BackendEntry& entry = backends_.get(pool::BackendId::from_bits(connection->owner_bits));
        if (entry.session && !sessions_.get(entry.session).session.in.empty()) {
            make_runnable(entry.session);
        } else if (entry.session) {
            set_paused(sessions_.get(entry.session).socket, false);
        }
    }
    static_cast<void>(now);
}

void Worker::hung_up(SocketId socket, base::Instant now) {
    Connection* connection = connections_.find(socket);
    if (connection == nullptr || connection->state == Connection::State::Closing) {
        return;
    }
    switch (connection->owner) {
        case Connection::Owner::Session: {
            pool::SessionId const id = pool::SessionId::from_bits(connection->owner_bits);
            close(socket);
            end_session(id, sessions_.get(id), now);
            break;
        }
        case Connection::Owner::Backend: {
            pool::BackendId const id = pool::BackendId::from_bits(connection->owner_bits);
            BackendEntry& entry = backends_.get(id);
            close(socket);
            if (entry.place != BackendEntry::Place::Gone) {
                backend_broken(id, entry, now);
            }
            break;
        }
        case Connection::Owner::Canceler:
            close(socket);
            canceler_ended(CancelerId::from_bits(connection->owner_bits), now);
            break;
    }
}

void Worker::closed(SocketId socket) {
    Connection const connection = connections_.get(socket);
    ASSERT(connection.state == Connection::State::Closing);
    connections_.erase(socket);
    switch (connection.owner) {
        case Connection::Owner::Session: {
            pool::SessionId const id = pool::SessionId::from_bits(connection.owner_bits);
            SessionEntry& entry = sessions_.get(id);
            ASSERT(!entry.backend && !entry.session.waiter.waiting());
            wheel_.disarm(entry.deadline);
            sessions_.erase(id);
            process_.client_count.fetch_sub(1, std::memory_order_relaxed);
            stats_.clients.subtract();
            break;
        }
        case Connection::Owner::Backend: {
            pool::BackendId const id = pool::BackendId::from_bits(connection.owner_bits);
            ASSERT(backends_.get(id).place == BackendEntry::Place::Gone);
            wheel_.disarm(backends_.get(id).deadline);
            backends_.erase(id);
            break;
        }
        case Connection::Owner::Canceler: {
            CancelerId const id = CancelerId::from_bits(connection.owner_bits);
            wheel_.disarm(cancelers_.get(id).deadline);
            cancelers_.erase(id);
            break;
        }
    }
}

void Worker::message(const WorkerMessage& message, base::Instant now) {
    if (const auto* request = std::get_if<CancelForwarded>(&message)) {
        cancel(*request, now);
    } else if (const auto* finished = std::get_if<CancelFinished>(&message)) {
        finish_cancel(index_, finished->socket);
    } else if (const auto* wanted = std::get_if<BackendWanted>(&message)) {
        backend_wanted(*wanted, now);
    } else if (const auto* place = std::get_if<PlaceWanted>(&message)) {
        place_wanted(*place, now);
    } else if (const auto* vacated = std::get_if<DatabaseVacated>(&message)) {
        vacate(vacated->database, now);
    } else {
        retry_pools(now);
    }
}

void Worker::topology_changed(std::shared_ptr<const topology::Topology> topology, base::Instant now) {
    topology_ = std::move(topology);
    ASSERT(topology_->server_count() == settings_.servers.size());
    bool const balances = settings_.routing.read_write_split &&
                          std::ranges::any_of(topology_->servers, [](const topology::Server& server) {
                              return route::serves_reads(server);
                          });
    shared_.balancing = balances ? session::Balancing::On : session::Balancing::Off;
    // The lines first: who still stood in one would have a backend opened for him at a server that is down.
    place_anew();
    for (std::uint16_t i = 0; i < topology_->server_count(); ++i) {
        const topology::Server& state = topology_->server(topology::ServerIndex{i});
        bool const stale = state.role == topology::Role::Stale;
        if (stale || state.health == topology::Health::Down) {
            give_up_backends(topology::ServerIndex{i}, now);
        }
    }
    follow_primary(now);
    keep_minimums(now);
}

/// Whoever waits is placed anew: its server may have become another, or be no more what it needs.
void Worker::place_anew() {
    for (auto& [key, destination] : destinations_) {
        for (std::uint16_t i = 0; i < topology_->server_count(); ++i) {
            pool::Pool& pool = *destination->pools[i];
            pool.retry_now();
            while (std::optional<pool::SessionId> const waiting = pool.line().next()) {
                --outstanding_[i];
                stats_.waiting.subtract();
                make_runnable(*waiting);
            }
            pool.line_changed();
        }
    }
    while (std::optional<pool::SessionId> const waiting = stranded_.next()) {
        stats_.waiting.subtract();
        make_runnable(*waiting);
    }
}

/// What runs there hangs, or must not count: the truth now is better than an answer that never comes.
void Worker::give_up_backends(topology::ServerIndex server, base::Instant now) {
    given_up_[server.value] = topology_->generation;
    std::vector<pool::BackendId> doomed;
    backends_.for_each([&doomed, server](pool::BackendId id, BackendEntry& entry) {
        if (entry.backend.server() == server && entry.place != BackendEntry::Place::Gone) {
            doomed.push_back(id);
        }
    });
    for (pool::BackendId const id : doomed) {
        BackendEntry& entry = backends_.get(id);
        close(entry.socket);
        backend_broken(id, entry, now);
    }
}

void Worker::step(base::Instant now) {
    wheel_.advance(now, [this, now](base::TimerEntry& entry) { expire(static_cast<Deadline&>(entry), now); });
    classifier_.refill(now);
    age_functions(now);
    do {
        resume_backends(now);
        run_runnable(now);
    } while (!resumed_.empty());
    vacate_databases(now);
}

/// What a server has said of functions is believed for half a minute to a minute: others may define them
/// anew.
void Worker::age_functions(base::Instant now) {
    constexpr base::Duration kAge = std::chrono::seconds(30);
    if (now < verdicts_age_until_) {
        return;
    }
    // Nothing may have happened here for several of them.
    auto const passed_count = (now - verdicts_age_until_) / kAge + 1;
    verdicts_age_until_ += passed_count * kAge;
    for (auto& [database, verdicts] : function_verdicts_) {
        if (passed_count == 1) {
            verdicts.pass();
        } else {
            verdicts.forget();
        }
    }
}

void Worker::expire(Deadline& deadline, base::Instant now) {
    switch (deadline.owner) {
        case Deadline::Owner::Session:
            session_expired(pool::SessionId::from_bits(deadline.bits), now);
            break;
        case Deadline::Owner::Backend: {
            pool::BackendId const id = pool::BackendId::from_bits(deadline.bits);
            BackendEntry& entry = backends_.get(id);
            if (entry.listener && !entry.backend.destination().listener.wanted()) {
                // Nobody has listened for server_idle_timeout.
                close_listener(entry);
            } else if (entry.place == BackendEntry::Place::Idle) {
                idle_expired(id, entry, now);
            } else if (entry.place != BackendEntry::Place::Gone) {
                // A login or an errand that takes too long.
                close(entry.socket);
                backend_broken(id, entry, now);
            } else {
                close(entry.socket);
            }
            break;
        }
        case Deadline::Owner::Canceler:
            canceler_expired(CancelerId::from_bits(deadline.bits), now);
            break;
        case Deadline::Owner::HeldCancel:
            held_cancel_due(HeldCancelId::from_bits(deadline.bits), now);
            break;
        case Deadline::Owner::Listener:
            serve_listener(ListenerId::from_bits(deadline.bits), now);
            break;
        case Deadline::Owner::Retry:
            retry_pools(now);
            break;
    }
}

// -- Shutdown --

void Worker::shut_down(Shutdown manner, base::Instant now) {
    shutdown_ = manner;
    if (manner == Shutdown::Drain) {
        return;
    }
    std::vector<pool::SessionId> all;
    sessions_.for_each([&all](pool::SessionId id, SessionEntry&) { all.push_back(id); });
    for (pool::SessionId const id : all) {
        SessionEntry& entry = sessions_.get(id);
        bool const mid_message =
            entry.backend && backends_.get(entry.backend).backend.mid_message_to_client();
        if (!mid_message) {
            entry.session.fail(shared_, session::errors::kShutdown);
        }
        end_session(id, entry, now);
        if (const Connection* connection = connections_.find(entry.socket);
            connection != nullptr && connection->state == Connection::State::Flushing) {
            wheel_.arm(entry.deadline, now + kFarewell);
        }
    }
}

const pool::Line* Worker::line_behind(pool::SessionId id) {
    const SessionEntry* entry = sessions_.find(id);
    return entry == nullptr || !entry->backend ? nullptr : &pool_of(backends_.get(entry->backend)).line();
}

std::uint32_t Worker::token_count() const {
    std::uint32_t count = 0;
    for (const auto& [key, destination] : destinations_) {
        for (const auto& pool : destination->pools) {
            count += pool->held_count();
        }
    }
    return count;
}

void Worker::check_invariants() {
    std::vector<std::uint32_t> expected(outstanding_.size());
    sessions_.for_each([this, &expected](pool::SessionId id, SessionEntry& entry) {
        if (entry.backend) {
            BackendEntry& backend = backends_.get(entry.backend);
            ASSERT(backend.session == id);
            ASSERT(backend.place == BackendEntry::Place::Used);
            ASSERT(!entry.session.waiter.waiting());
            ++expected[backend.backend.server().value];
        }
        if (entry.session.waiter.waiting() && entry.session.waiter.line != &stranded_) {
            ++expected[entry.waiting_for.value];
        }
    });
    ASSERT(expected == outstanding_);
    backends_.for_each([this](pool::BackendId id, BackendEntry& entry) {
        if (entry.session) {
            ASSERT(sessions_.get(entry.session).backend == id);
        }
        if (entry.place == BackendEntry::Place::Idle) {
            ASSERT(entry.backend.at_rest() && !entry.session && entry.cancels == 0);
            ASSERT(entry.dirt == BackendEntry::Dirt::Clean && !entry.backend.needs_reset);
            ASSERT(entry.backend.pipeline.ahead.empty());
        }
        if (entry.place == BackendEntry::Place::Leaving) {
            ASSERT(!entry.session && entry.cancels == 0 && entry.dirt == BackendEntry::Dirt::Clean);
        }
    });
    for (auto& [key, destination] : destinations_) {
        destination->listener.check_invariants();
        for (auto& pool : destination->pools) {
            pool->check_invariants();
            // Another worker's backend may be what it waits for, so nothing may happen here that serves it.
            bool const alone = process_.budgets.worker_count() == 1;
            ASSERT(alone || !pool->has_waiters() || pool->opening_count() > 0 || retry_deadline_.armed());
        }
    }
    listeners_.for_each([this](ListenerId id, ListenerEntry& entry) {
        bool const absent = entry.destination->listener.state() == session::Listener::State::Absent;
        ASSERT(absent != static_cast<bool>(entry.backend));
        ASSERT(absent || backends_.get(entry.backend).listener == id);
    });
    stranded_.check_invariants();
}

}  // namespace pgring::proxy
