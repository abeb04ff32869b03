/// Cancel requests: from the client's connection to the session it names, on whatever worker, and on to the
/// server.
///
/// The key pgring gives a client names worker and session; its secret is compared in constant time. While a
/// cancel is on its way to a backend nobody else gets that backend, so that it cannot hit the next user.

#include "auth/crypto.h"
#include "proxy/worker.h"
#include "wire/messages.h"

namespace pgring::proxy {

namespace {

/// A process id is a positive int32: eight bits of worker, 23 bits of session.
constexpr unsigned kSessionBits = 23;
constexpr std::uint32_t kSessionMask = (1U << kSessionBits) - 1;
/// Cancels under way at the same time in one worker; a flood beyond it is dropped.
constexpr std::size_t kCancelersMax = 256;

}  // namespace

session::CancelKey Worker::make_cancel_key(pool::SessionId id) {
    session::CancelKey key;
    // One is added so that no key is zero, which some clients take for "none".
    key.process_id = (static_cast<std::uint32_t>(index_) << kSessionBits) | ((id.index + 1) & kSessionMask);
    key.secret.resize(4);
    random_.fill(std::as_writable_bytes(std::span(key.secret)));
    return key;
}

void Worker::cancel_requested(SessionEntry& asking, base::Instant now) {
    const session::CancelTarget& target = asking.session.cancel_target();
    CancelForwarded request{
        .process_id = target.process_id, .secret = target.secret, .origin = index_, .socket = asking.socket};
    // The login is over; what remains is to hold the connection until the cancel is through, as PostgreSQL
    // does.
    asking.session.end();
    wheel_.arm(asking.deadline, base::deadline_after(now, settings_.pgring.cancel_wait_timeout));
    std::uint32_t const worker = target.process_id >> kSessionBits;
    if (worker == index_) {
        cancel(request, now);
    } else if (worker < process_.budgets.worker_count()) {
        posted_.push_back({.to = static_cast<pool::WorkerIndex>(worker), .message = std::move(request)});
    } else {
        finish_cancel(index_, request.socket, now);
    }
}

void Worker::cancel(const CancelForwarded& request, base::Instant now) {
    auto const [entry, id] = sessions_.at_index((request.process_id & kSessionMask) - 1);
    bool const known = entry != nullptr && entry->session.phase() == session::Session::Phase::Ready &&
                       auth::constant_time_equal(entry->session.cancel_key().secret, request.secret);
    if (known && entry->session.waiter.waiting()) {
        leave_line(*entry);
        entry->wait_until = base::kNever;
        arm_session(*entry, now);
        entry->session.refuse_unit(shared_, session::errors::kCanceledWhileWaiting);
        make_runnable(id);
    }
    bool const running = known && entry->backend && !backends_.get(entry->backend).backend.pipeline.empty();
    if (!running || cancelers_.size() >= kCancelersMax) {
        finish_cancel(request.origin, request.socket, now);
        return;
    }
    BackendEntry& backend = backends_.get(entry->backend);
    CancelerId const canceler_id = cancelers_.next_handle();
    cancelers_.emplace(canceler_id, buffers_);
    Canceler& canceler = cancelers_.get(canceler_id);
    canceler.socket = add_connection(Connection::Owner::Canceler, canceler_id.bits());
    connections_.get(canceler.socket).state = Connection::State::Connecting;
    canceler.backend = entry->backend;
    canceler.origin = request.origin;
    canceler.origin_socket = request.socket;
    ++backend.cancels;
    wheel_.arm(canceler.deadline, base::deadline_after(now, settings_.pgring.cancel_wait_timeout));
    actions_.push_back(
        {.kind = Action::Kind::Connect, .socket = canceler.socket, .server = backend.backend.server()});
    stats_.cancels.add();
}

void Worker::canceler_connected(CancelerId id, base::Instant now) {
    Canceler& canceler = cancelers_.get(id);
    BackendEntry* backend = backends_.find(canceler.backend);
    if (backend == nullptr) {
        // Lost meanwhile, and with it what was to be cancelled.
        close(canceler.socket);
        canceler_ended(id, now);
        return;
    }
    const session::CancelKey& key = backend->backend.cancel_key();
    wire::MessageWriter writer(scratch_);
    wire::write_cancel_request(writer, key.process_id, std::as_bytes(std::span(key.secret)));
    if (canceler.out.push_copy(writer.written())) {
        flush(canceler.socket);
    }
}

/// The server closed the connection: the cancel has been delivered. Or it failed, and has not.
void Worker::canceler_ended(CancelerId id, base::Instant now) {
    Canceler& canceler = cancelers_.get(id);
    pool::BackendId const backend_id = std::exchange(canceler.backend, {});
    if (!backend_id) {
        return;
    }
    wheel_.disarm(canceler.deadline);
    finish_cancel(canceler.origin, canceler.origin_socket, now);
    BackendEntry* backend = backends_.find(backend_id);
    if (backend == nullptr || backend->place == BackendEntry::Place::Gone) {
        return;
    }
    ASSERT(backend->cancels > 0);
    --backend->cancels;
    if (backend->session) {
        make_runnable(backend->session);
    } else if (backend->cancels == 0) {
        release(backend_id, *backend, now);
    }
}

void Worker::finish_cancel(pool::WorkerIndex origin, SocketId socket, base::Instant now) {
    static_cast<void>(now);
    if (origin != index_) {
        posted_.push_back({.to = origin, .message = CancelFinished{.socket = socket}});
    } else if (connections_.find(socket) != nullptr) {
        close(socket);
    }
}

}  // namespace pgring::proxy
