#pragma once
/// One worker's whole state: its connections, sessions, backends and pools. It is told what happened and
/// answers with actions; it makes no system call and reads no clock. uring::Reactor and sim::World drive the
/// same object.
///
/// Rules for drivers: one thread; after any event (or several) call step(), then carry out actions() and
/// posted(); at the latest at next_wake() call step() again. Events do their direct consequence at once; what
/// follows from that for other sessions waits on a list that step() works off, so that nothing re-enters.

#include <array>
#include <atomic>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/handle.h"
#include "base/network_address.h"
#include "base/random.h"
#include "base/time.h"
#include "base/timer_wheel.h"
#include "buffer/buffer.h"
#include "buffer/slice_queue.h"
#include "pool/budget.h"
#include "pool/quota.h"
#include "pool/wishes.h"
#include "proxy/action.h"
#include "proxy/lent_backend.h"
#include "proxy/process_directory.h"
#include "proxy/session_clock.h"
#include "proxy/unit_times.h"
#include "session/backend.h"
#include "session/session.h"
#include "session/shared.h"
#include "topology/topology.h"

namespace pgring::proxy {

/// What all workers of a process share.
struct Process {
    explicit Process(std::size_t worker_count) : budgets(worker_count) {}

    pool::BudgetRegistry budgets;
    pool::QuotaRegistry quotas;
    session::StatementTextsRegistry statement_texts;
    /// Clients of all workers, for max_client_conn.
    std::atomic<std::uint32_t> client_count{0};
    /// How often databases were vacated (DatabaseVacated): counted before anybody is told.
    std::atomic<std::uint32_t> vacations{0};
    /// Clients for whom there are descriptors, where that is less than max_client_conn. Set before the
    /// workers are made.
    std::uint32_t clients_affordable = std::numeric_limits<std::uint32_t>::max();
};

/// What a worker is made from. All that is referred to must outlive it.
struct WorkerOptions {
    pool::WorkerIndex index = 0;
    const config::Settings& settings;
    const session::AccessControl& access;
    Process& process;
    base::LogSink& log;
    base::RandomSource& random;
    std::shared_ptr<const topology::Topology> topology;
    base::Instant now;
};

class Worker {
  public:
    explicit Worker(const WorkerOptions& options);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    // -- Events --
    /// A client connected. Nothing where there are so many that not even a refusal can be afforded: close it.
    [[nodiscard]] std::optional<SocketId> accepted(const base::NetworkAddress& peer,
                                                   auth::Transport transport, base::Instant now);
    void connected(SocketId socket, base::Instant now);
    /// `error` is for the log.
    void connect_failed(SocketId socket, std::string_view error, base::Instant now);
    void received(SocketId socket, buffer::Slice slice, base::Instant now);
    /// The Send under way is done: so many bytes are gone from the front of outgoing(socket).
    void sent(SocketId socket, std::size_t size_bytes, base::Instant now);
    /// End of file, or a receive or send failed. More of the same may follow until closed().
    void hung_up(SocketId socket, base::Instant now);
    /// The answer to Close: nothing of the socket is under way any more.
    void closed(SocketId socket);
    /// The answer to Lend: the backend, which the driver brings to the worker that it names, with the
    /// connection, and forgets the socket here. Nothing where it stays, as other actions will say.
    [[nodiscard]] std::optional<LentBackend> let_go(SocketId socket, base::Instant now);
    /// A backend comes from another worker: it is received from under this name from now on. Nothing where it
    /// is of no use here: close the connection.
    [[nodiscard]] std::optional<SocketId> borrowed(LentBackend lent, base::Instant now);
    void message(const WorkerMessage& message, base::Instant now);
    void topology_changed(std::shared_ptr<const topology::Topology> topology, base::Instant now);
    /// Meets deadlines and works off what earlier events left to do.
    void step(base::Instant now);

    // -- Answers --
    /// To be carried out and cleared.
    [[nodiscard]] std::vector<Action>& actions() { return actions_; }
    /// To be delivered and cleared.
    [[nodiscard]] std::vector<Posted>& posted() { return posted_; }
    /// What a Send has to send.
    [[nodiscard]] const buffer::SliceQueue& outgoing(SocketId socket);
    [[nodiscard]] base::Instant next_wake() const { return wheel_.next_wake(); }
    [[nodiscard]] buffer::BufferPool& buffers() { return buffers_; }
    /// Whether a socket is a backend's: those have a reserve of buffers that clients cannot use up.
    [[nodiscard]] bool is_backend(SocketId socket) const;

    // -- Shutdown --
    enum class Shutdown : std::uint8_t {
        Drain,  ///< let clients finish; those that come newly are refused
        Now,    ///< end every session with 57P01
    };
    void shut_down(Shutdown manner, base::Instant now);
    /// After shut_down(): the last client is gone.
    [[nodiscard]] bool finished() const { return sessions_.size() == 0; }

    [[nodiscard]] const stats::WorkerStats& stats() const { return stats_; }
    [[nodiscard]] const topology::Topology& topology() const { return *topology_; }
    [[nodiscard]] std::size_t session_count() const { return sessions_.size(); }
    [[nodiscard]] std::size_t backend_count() const { return backends_.size(); }
    [[nodiscard]] std::size_t destination_count() const { return destinations_.size(); }
    [[nodiscard]] std::size_t connection_count() const { return connections_.size(); }
    /// ASSERTs what must hold between events; for tests and the simulator, linear in all objects.
    void check_invariants();
    /// Calls `visit(waiter)` for each session that waits for a backend, line by line, the front first; for
    /// audits.
    template <class Visit>
    void for_each_waiting(Visit&& visit) const {
        for (const auto& [key, destination] : destinations_) {
            for (const auto& pool : destination->pools) {
                pool->line().for_each(visit);
            }
        }
        stranded_.for_each(visit);
    }
    /// Tokens that its pools have; for audits.
    [[nodiscard]] std::uint32_t token_count() const;
    /// The line in which others wait for the backend that the session has; nullptr where it has none; for
    /// audits.
    [[nodiscard]] const pool::Line* line_behind(pool::SessionId id);
    /// What the session waits with was sent to a backend, whose turn decides when it is served; for audits.
    [[nodiscard]] bool was_sent_ahead(pool::SessionId id) const {
        const SessionEntry* entry = sessions_.find(id);
        return entry != nullptr && entry->sent_ahead_at != base::kNever;
    }

  private:
    struct CancelerTag;
    using CancelerId = base::Handle<CancelerTag>;
    struct InquiryTag;
    using InquiryId = base::Handle<InquiryTag>;
    struct HeldCancelTag;
    using HeldCancelId = base::Handle<HeldCancelTag>;
    struct ListenerTag;
    using ListenerId = base::Handle<ListenerTag>;

    /// A deadline and whose it is.
    struct Deadline : base::TimerEntry {
        enum class Owner : std::uint8_t { Session, Backend, Canceler, HeldCancel, Listener, Retry } owner;
        std::uint64_t bits;
        Deadline(Owner o, std::uint64_t b) : owner(o), bits(b) {}
    };

    /// One socket. Closing has three steps: the wish (Flushing, while there is something to say), the action
    /// (Closing), and the driver's closed(), which frees it and its owner.
    struct Connection {
        enum class Owner : std::uint8_t { Session, Backend, Canceler } owner{};
        std::uint64_t owner_bits = 0;
        enum class State : std::uint8_t { Connecting, Open, Flushing, Closing } state = State::Open;
        bool sending = false;
        bool paused = false;
    };

    struct SessionEntry {
        SessionEntry(pool::SessionId id, SocketId s, const base::NetworkAddress& peer,
                     auth::Transport transport, session::Admission admission, buffer::BufferPool& buffers)
            : session(id, peer, transport, admission, buffers),
              socket(s),
              deadline(Deadline::Owner::Session, id.bits()) {}

        session::Session session;
        SocketId socket;
        pool::BackendId backend;
        /// While waiting in a line, and while attached: what it asked for.
        route::Demand demand = route::Demand::Primary;
        bool runnable = false;
        /// It was given a backend, or what it needs there is being done, and it has not run since: the
        /// backend looks unused and is not.
        bool served = false;
        bool welcomed = false;
        topology::ServerIndex waiting_for;
        /// While it waits: when what it waits with was sent to a backend all the same
        /// (worker_multiplexing.cc); kNever where it was not.
        base::Instant sent_ahead_at = base::kNever;
        /// When a wait for a backend ends; kept when the wait goes on elsewhere.
        base::Instant wait_until = base::kNever;
        /// Until when a statement in hand waits for the listener, while it does.
        std::optional<base::Instant> listener_wait;
        /// Under max_db_client_connections and max_user_client_connections, where they are set.
        pool::Place database_place;
        pool::Place user_place;
        /// Told of nothing where the session has no timeouts.
        SessionClock clock;
        Deadline deadline;
    };
    /// A chunk of sessions is then one of the sizes that mimalloc hands out whole (24 KiB); where it is a
    /// little larger, each client takes a sixth more.
    static_assert(sizeof(SessionEntry) <= 752);

    struct BackendEntry {
        BackendEntry(pool::BackendId id, session::Destination& destination, topology::ServerIndex server,
                     session::Backend::Use use, buffer::BufferPool& buffers)
            : backend(destination, server, use, buffers), deadline(Deadline::Owner::Backend, id.bits()) {}

        session::Backend backend;
        SocketId socket;
        pool::SessionId session;
        /// Whose it is, if it listens; it belongs to no pool then.
        ListenerId listener;
        /// Closed from then on as soon as nobody uses it; kNever without server_lifetime. Each backend's own,
        /// so that backends opened together do not all go at once.
        base::Instant dies_at = base::kNever;
        enum class Place : std::uint8_t {
            Opening,
            Idle,
            Used,
            Leaving,  ///< for another worker, as soon as nothing of it is under way
            Gone,
        } place = Place::Opening;
        /// Whose it will be; of leaving ones only.
        pool::WorkerIndex lent_to = 0;
        base::Instant opened_at{};
        /// Under max_db_connections and max_user_connections, where they are set.
        Places places;
        /// Since when nobody uses it; kNever while a session does.
        base::Instant idle_since = base::kNever;
        /// When the server can be expected to have read what its session was late to send, because it waited
        /// here; a cancel before that would find it idle, and be lost.
        base::Instant readable_at{};
        /// The read that its session has it for, if that is all; only where reads are sent ahead.
        struct Running {
            session::StatementShape shape = 0;
            std::uint8_t request_count = 0;
            /// When it was sent, or the one before it was answered; kNever before.
            base::Instant since = base::kNever;
        } running;
        /// CancelRequests on their way to this backend: until they are through nobody else may have it.
        std::uint32_t cancels = 0;
        /// What a former session left may not be met by the next one.
        enum class Dirt : std::uint8_t {
            Clean,
            Transaction,
            Cancel,  ///< a CancelRequest may still arrive: nobody else may ever have it
        } dirt = Dirt::Clean;
        Deadline deadline;
    };

    /// Two names of one database share backends only if they share all settings, so the client's name is in
    /// the key; in session pooling its startup parameters are as well.
    struct DestinationKey {
        std::string database;
        std::string user;
        std::string startup;

        friend auto operator<=>(const DestinationKey&, const DestinationKey&) = default;
    };
    static constexpr std::size_t kDestinationsSweepMin = 64;
    /// While sessions wait and all tokens are out, the other workers are asked for theirs so often.
    static constexpr base::Duration kAskPeriod = std::chrono::milliseconds(50);
    /// A wish for a place holds somewhat longer than until it is said again.
    static constexpr base::Duration kWishHolds = 2 * kAskPeriod;
    /// A backend is closed for a wish only when it is so old, so that each is of use to somebody.
    static constexpr base::Duration kUseful = std::chrono::milliseconds(50);

    /// One CancelRequest whose statement may not have reached its server yet.
    struct HeldCancel {
        HeldCancel(HeldCancelId id, const CancelForwarded& f, std::uint32_t e, base::Instant g)
            : forwarded(f), exchange(e), give_up_at(g), deadline(Deadline::Owner::HeldCancel, id.bits()) {}

        CancelForwarded forwarded;
        /// Which of the session's exchanges it is for (session::Progress).
        std::uint32_t exchange;
        base::Instant give_up_at;
        Deadline deadline;
    };

    /// One CancelRequest whose key nobody here has: the peers are asked, and the client waits for all of
    /// them.
    struct Inquiry {
        pool::WorkerIndex origin;
        SocketId origin_socket;
        std::uint32_t unanswered = 0;
    };

    /// One CancelRequest on its way to a server, or to a peer.
    struct Canceler {
        Canceler(CancelerId id, buffer::BufferPool& buffers)
            : out(buffers), deadline(Deadline::Owner::Canceler, id.bits()) {}

        buffer::SliceQueue out;
        SocketId socket;
        /// To a server: for what this backend runs.
        pool::BackendId backend;
        /// Who asked: a connection of worker `origin`, or none where pgring itself did.
        pool::WorkerIndex origin = 0;
        SocketId origin_socket;
        /// To a peer: as a part of this.
        InquiryId inquiry;
        Deadline deadline;
    };

    /// A destination's listener, with the backend it listens on; made when a session of it first listens.
    struct ListenerEntry {
        ListenerEntry(ListenerId id, session::Destination& d)
            : destination(&d), deadline(Deadline::Owner::Listener, id.bits()) {}

        session::Destination* destination;
        pool::BackendId backend;
        /// Sessions that go on when something has been answered.
        std::vector<pool::SessionId> waiting;
        /// When it may be opened again; a connection that answers lifts it.
        base::Instant retry_at = base::Instant::min();
        /// Since when it waits for a place under a quota.
        base::Instant waits_since = base::kNever;
        Deadline deadline;
    };

    // -- Connections (worker.cc) --
    SocketId add_connection(Connection::Owner owner, std::uint64_t bits);
    buffer::SliceQueue& queue_of(const Connection& connection);
    void flush(SocketId socket);
    void close(SocketId socket);
    void close_after_flush(SocketId socket);
    void set_paused(SocketId socket, bool paused);
    void age_functions(base::Instant now);
    void expire(Deadline& deadline, base::Instant now);
    void place_anew();
    void give_up_backends(topology::ServerIndex server, base::Instant now);

    // -- Sessions (worker_sessions.cc) --
    void run_session(pool::SessionId id, base::Instant now);
    void make_runnable(pool::SessionId id);
    void run_runnable(base::Instant now);
    void session_received(pool::SessionId id, buffer::Slice slice, base::Instant now);
    void enter(SessionEntry& entry, base::Instant now);
    /// Nothing where the client may come in; else why not.
    [[nodiscard]] const session::Error* find_places(SessionEntry& entry,
                                                    const session::Destination& destination);
    /// Gets a backend for the session, or puts it in a line. True where it has one, or was refused at once.
    [[nodiscard]] bool acquire(pool::SessionId id, SessionEntry& entry, route::Demand demand,
                               base::Instant now);
    void wait_in(pool::Line& line, pool::SessionId id, SessionEntry& entry, base::Instant now);
    void leave_line(SessionEntry& entry);
    void attach(pool::SessionId id, SessionEntry& entry, pool::BackendId backend_id);
    /// The session may use the backend that was attached to it.
    void start_use(SessionEntry& entry, BackendEntry& backend);
    void serve(pool::SessionId id, SessionEntry& entry, base::Instant now);
    [[nodiscard]] bool may_release(SessionEntry& entry, BackendEntry& backend);
    void detach(SessionEntry& entry, BackendEntry& backend);
    void end_session(pool::SessionId id, SessionEntry& entry, base::Instant now);
    void update_flow(SessionEntry& entry, session::SessionStep::Kind step);

    // -- Timeouts of sessions (worker_timeouts.cc) --
    [[nodiscard]] static bool is_watched(SessionEntry& entry) {
        const session::Destination* destination = entry.session.destination();
        return destination != nullptr && destination->terms.timeouts.has_value();
    }
    /// Tells the session's clock what the session does now; nothing where it has no timeouts.
    void watch(SessionEntry& entry, base::Instant now) {
        if (is_watched(entry)) {
            watch_closely(entry, now);
        }
    }
    void watch_closely(SessionEntry& entry, base::Instant now);
    /// Its login waits for a backend of its own (session pooling), and as long as any other wait may take.
    [[nodiscard]] static bool waits_for_its_own(const SessionEntry& entry) {
        return entry.session.phase() == session::Session::Phase::AwaitingWelcome &&
               entry.session.session_pooled() && entry.session.waiter.waiting();
    }
    [[nodiscard]] Activity activity_of(const SessionEntry& entry);
    void arm_session(SessionEntry& entry);
    void session_expired(pool::SessionId id, base::Instant now);
    /// It waits, and no server has anything of what it waits with.
    [[nodiscard]] static bool waits_unsent(const SessionEntry& entry) {
        return entry.session.waiter.waiting() || (entry.listener_wait.has_value() && !entry.backend);
    }
    void waited_too_long(pool::SessionId id, SessionEntry& entry);
    /// Refuses the unit that waits_unsent(); the session goes on.
    void refuse_waiting(pool::SessionId id, SessionEntry& entry, const session::Error& error);
    void timed_out(pool::SessionId id, SessionEntry& entry, Timeout timeout, base::Instant now);

    // -- Destinations (worker_destinations.cc) --
    [[nodiscard]] session::Destination& destination(const session::LoginRequest& request,
                                                    const config::DatabaseSettings& database);
    /// nullptr where `limit` is 0: none.
    [[nodiscard]] pool::Quota* quota_of(const std::string& key, std::uint32_t limit);
    void foresee_destinations();
    void forget_unused_destinations();
    [[nodiscard]] session::Destination& longest_waiting(session::Destination& destination,
                                                        topology::ServerIndex server, base::Instant now);
    [[nodiscard]] bool take_from_sibling(pool::Pool& pool, const session::Destination& destination,
                                         base::Instant now);

    // -- Backends (worker_backends.cc) --
    void run_backend(pool::BackendId id, base::Instant now);
    void open_backends(session::Destination& destination, topology::ServerIndex server, base::Instant now);
    void open_for_longest(session::Destination& destination, topology::ServerIndex server, base::Instant now);
    void open_backend(session::Destination& destination, topology::ServerIndex server, Places places,
                      base::Instant now);
    /// A connection on its way to the server, in no pool yet.
    [[nodiscard]] pool::BackendId connect_backend(session::Destination& destination,
                                                  topology::ServerIndex server, session::Backend::Use use,
                                                  Places places, base::Instant now);
    /// Opens what is missing to min_pool_size.
    void keep_minimum(session::Destination& destination, topology::ServerIndex server, base::Instant now);
    void keep_minimums(base::Instant now);
    /// Looks at the pools again then at the latest.
    void retry_by(base::Instant when);
    void logged_in(pool::BackendId id, BackendEntry& entry, base::Instant now);
    /// False when out of buffers.
    [[nodiscard]] bool start_errand(BackendEntry& entry, session::Errand errand, std::string_view text,
                                    base::Instant now);
    /// Asks a backend that was idle for long whether it is alive, where that is wanted. False where not.
    [[nodiscard]] bool start_check(BackendEntry& entry, base::Instant now);
    void check_done(pool::BackendId id, BackendEntry& entry, base::Instant now);
    void connect_query_done(pool::BackendId id, BackendEntry& entry, base::Instant now);
    void backend_ready(pool::BackendId id, BackendEntry& entry, base::Instant now);
    void errand_done(pool::BackendId id, BackendEntry& entry, base::Instant now);
    void backend_broken(pool::BackendId id, BackendEntry& entry, base::Instant now);
    void login_failed(pool::BackendId id, BackendEntry& entry, base::Instant now);
    void release(pool::BackendId id, BackendEntry& entry, base::Instant now);
    void clean(pool::BackendId id, BackendEntry& entry, base::Instant now);
    /// Whether a backend was of use to anybody since it was opened.
    enum class Served : std::uint8_t { Nobody, Somebody };
    void give(pool::BackendId id, BackendEntry& entry, base::Instant now, Served served = Served::Somebody);
    void arm_idle(BackendEntry& entry, base::Instant now);
    void idle_expired(pool::BackendId id, BackendEntry& entry, base::Instant now);
    /// Gives the backend up: its place in the pool is free at once, its connection closes behind.
    void discard(pool::BackendId id, BackendEntry& entry, base::Instant now);
    void shut(pool::BackendId id, BackendEntry& entry);
    void retry_pools(base::Instant now);
    void post_to_others(const WorkerMessage& message);
    [[nodiscard]] pool::Pool& pool_of(BackendEntry& entry);

    // -- Reads that are sent ahead (worker_multiplexing.cc) --
    void note_running(const SessionEntry& session, BackendEntry& entry);
    void note_done(BackendEntry& entry, base::Instant now);
    [[nodiscard]] std::optional<base::Duration> expected_time(const BackendEntry& entry) const;
    void send_ahead(BackendEntry& entry, base::Instant now);
    [[nodiscard]] pool::Waiter* first_to_serve(pool::Line& line, base::Instant now);
    [[nodiscard]] std::optional<pool::SessionId> next_in(pool::Line& line, base::Instant now);
    [[nodiscard]] bool next_waits(BackendEntry& entry);
    void give_up_strays(pool::BackendId id, BackendEntry& entry);
    void hand_over(pool::BackendId id, BackendEntry& entry, base::Instant now);
    [[nodiscard]] bool begin_rehearsal(SessionEntry& session);
    void end_rehearsal(SessionEntry& session);

    // -- Backends from worker to worker (worker_lending.cc) --
    /// Has others lend backends to those who wait in `pool`; `full` is the quota that keeps it from opening
    /// one, if any.
    void ask_others(pool::Pool& pool, const pool::Quota* full, base::Instant now);
    /// False where nobody seems to have an idle one.
    bool ask_idle(const pool::Pool& pool);
    void backend_wanted(const BackendWanted& wanted, base::Instant now);
    void lend_idle(pool::Pool& pool);
    void close_idle_for_others(const pool::Budget& budget, base::Instant now);
    void start_lending(pool::BackendId id, BackendEntry& entry, pool::WorkerIndex to);
    void keep(pool::BackendId id, BackendEntry& entry, base::Instant now);
    /// Where it can be borrowed to; nullptr where it is of no use here.
    [[nodiscard]] session::Destination* place_for(const LentBackend& lent) const;
    void refuse(LentBackend lent, base::Instant now);
    void feed_others(const pool::Budget& budget);

    // -- Limits that pools share (worker_quotas.cc) --
    [[nodiscard]] pool::PoolId id_of(const pool::Pool& pool) const {
        return {.budget = &pool.budget(), .worker = index_};
    }
    /// A place under each quota that the destination has; else the one that is full.
    [[nodiscard]] std::expected<Places, const pool::Quota*> take_places(
        const session::Destination& destination, pool::Hold hold = pool::Hold::Passing);
    /// The quota under which somebody elsewhere goes before those who wait in `pool` since `since`; nullptr
    /// where none does.
    [[nodiscard]] const pool::Quota* forestalling_quota(const session::Destination& destination,
                                                        const pool::Pool& pool, base::Instant since,
                                                        base::Instant now) const;
    /// Closes the backend under `quota` that was idle longest. False where none may go.
    [[nodiscard]] bool close_idle_under(const pool::Quota& quota, base::Instant now);
    void tell_wish(const pool::Quota& quota, const pool::Pool& pool, base::Instant since, base::Instant now);
    void place_wanted(const PlaceWanted& wanted, base::Instant now);
    /// Who is to have the backend's place before those who wait for the backend; nullptr for nobody.
    [[nodiscard]] pool::Wish* wish_before(BackendEntry& entry, base::Instant now);
    void grant(pool::Wish& wish, pool::BackendId id, BackendEntry& entry, base::Instant now);
    // -- Listeners (worker_listeners.cc) --
    [[nodiscard]] ListenerId listener_of(session::Destination& destination);
    /// The session goes on when something has been answered.
    void await_listener(pool::SessionId id, session::Destination& destination, base::Instant now);
    void note_listener_wait(SessionEntry& entry, session::SessionStep::Kind stopped, base::Instant now);
    /// A session has left channels: the listener may have something to ask.
    void ask_listener(session::Destination& destination, base::Instant now) {
        if (destination.listener.has_query()) {
            serve_listener(listener_of(destination), now);
        }
    }
    /// Opens its backend, or asks what is to be asked, as far as that can be done now.
    void serve_listener(ListenerId id, base::Instant now);
    void open_listener(ListenerId id, ListenerEntry& entry, base::Instant now);
    void run_listener(pool::BackendId id, base::Instant now);
    void listener_logged_in(BackendEntry& backend, base::Instant now);
    void listener_errand_done(BackendEntry& backend, base::Instant now);
    void listener_opened(BackendEntry& backend, base::Instant now);
    void listener_answered(BackendEntry& backend, base::Instant now);
    void hear(BackendEntry& backend, base::Instant now);
    void end_slow_hearers(base::Instant now);
    void listener_lost(BackendEntry& backend, base::Instant now);
    void close_listener(BackendEntry& backend);
    void wake_waiting(ListenerEntry& entry);
    enum class Refused : std::uint8_t { All, HoldersOfBackends };
    void refuse_listening(ListenerEntry& entry, Refused which, const session::Error& error,
                          base::Instant now);
    void refuse_listening(pool::SessionId id, SessionEntry& session, const session::Error& error,
                          base::Instant now);
    void follow_primary(base::Instant now);
    void resume_backends(base::Instant now);
    [[nodiscard]] session::Backend* backend_of(const SessionEntry& session);

    // -- Databases that a statement needs for itself (worker_vacated.cc) --
    void vacate_databases(base::Instant now);
    void vacate(std::string_view database, base::Instant now);

    // -- Cancels (worker_cancels.cc) --
    void cancel_requested(SessionEntry& asking, base::Instant now);
    void cancel(const CancelForwarded& forwarded, base::Instant now);
    /// What can be done about a cancel of what the session does.
    enum class Cancelable : std::uint8_t {
        Nothing,   ///< nothing of the client's is under way
        Waiting,   ///< no server has it: refuse it
        NotYet,    ///< its server may not have read it yet
        AtServer,  ///< ask the server
    };
    [[nodiscard]] Cancelable cancelable(const SessionEntry& entry, base::Instant now);
    void cancel_now(const CancelForwarded& forwarded, SessionEntry& entry, base::Instant now);
    void held_cancel_due(HeldCancelId id, base::Instant now);
    /// Sends the server a CancelRequest for what runs on the backend. False where it cannot be.
    [[nodiscard]] bool send_cancel(pool::BackendId backend_id, pool::WorkerIndex origin,
                                   SocketId origin_socket, base::Instant now);
    void finish_cancel(pool::WorkerIndex origin, SocketId socket);
    /// Sets out to say `packet` to whom `connect` leads to; nullptr where it cannot be.
    [[nodiscard]] Canceler* add_canceler(std::span<const std::byte> packet, Action connect,
                                         base::Instant now);
    void canceler_connected(CancelerId id, base::Instant now);
    void canceler_expired(CancelerId id, base::Instant now);
    void canceler_ended(CancelerId id, base::Instant now);
    [[nodiscard]] SessionEntry* session_of(const session::CancelKey& key);

    // -- Cancels of other pgrings' sessions (worker_peers.cc) --
    void cancel_unknown(const CancelForwarded& forwarded, base::Instant now);
    [[nodiscard]] bool ask_peers(const CancelForwarded& forwarded, base::Instant now);
    void peer_asked(InquiryId id);

    pool::WorkerIndex index_;
    const config::Settings& settings_;
    std::size_t peer_count_;
    Process& process_;
    base::LogSink& log_;
    base::RandomSource& random_;
    base::Prng prng_;
    std::shared_ptr<const topology::Topology> topology_;
    std::optional<Shutdown> shutdown_;

    buffer::BufferPool buffers_;
    sql::Classifier classifier_;
    session::ParameterSets parameters_;
    auth::ScramKeyCache scram_keys_;
    stats::WorkerStats stats_;
    std::vector<std::byte> scratch_;
    session::Shared shared_;

    base::TimerWheel wheel_;
    Deadline retry_deadline_;
    /// By database, as the servers call it. Destinations point here.
    std::map<std::string, session::FunctionVerdicts> function_verdicts_;
    base::Instant verdicts_age_until_{};
    std::map<DestinationKey, std::unique_ptr<session::Destination>> destinations_;
    /// Of those whose backends are lent, by the budget of each of their pools.
    std::unordered_map<const pool::Budget*, session::Destination*> lending_;
    /// Those that nobody uses are looked for when there are so many.
    std::size_t destinations_sweep_at_ = kDestinationsSweepMin;
    /// Who waits, here and at other workers, under a quota that is full.
    pool::Wishes wishes_;
    /// Sessions whose clients were shown the process id of their server.
    ProcessDirectory processes_;
    std::uint64_t next_ticket_ = 0;
    /// Sessions that wait for the topology to change, because no server is what they need.
    pool::Line stranded_;
    /// Per server: sessions that use or wait for a backend of it.
    std::vector<std::uint32_t> outstanding_;
    /// Per server: the generation of the topology that last made its backends be given up.
    std::vector<std::uint64_t> given_up_;
    /// How many of Process::vacations were carried out here.
    std::uint32_t vacations_ = 0;

    base::Table<Connection, SocketTag> connections_;
    base::Table<SessionEntry, pool::SessionTag> sessions_;
    base::Table<BackendEntry, pool::BackendTag> backends_;
    base::Table<Canceler, CancelerTag> cancelers_;
    base::Table<Inquiry, InquiryTag> inquiries_;
    base::Table<HeldCancel, HeldCancelTag> held_cancels_;
    base::Table<ListenerEntry, ListenerTag> listeners_;
    std::map<session::Destination*, ListenerId> listener_ids_;

    std::vector<pool::SessionId> runnable_;
    std::vector<pool::SessionId> running_;
    /// Backends whose answers had to wait for a listener, or for the session that they are for.
    std::vector<pool::BackendId> resumed_;
    /// nullptr where nothing is sent ahead.
    std::unique_ptr<UnitTimes> unit_times_;
    /// Sessions that one notification is for.
    std::vector<pool::SessionId> hearers_;
    std::vector<Action> actions_;
    std::vector<Posted> posted_;
};

}  // namespace pgring::proxy
