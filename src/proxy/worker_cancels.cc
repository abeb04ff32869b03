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

/// Cancels under way at the same time in one worker; a flood beyond it is dropped.
constexpr std::size_t kCancelersMax = 256;
/// How often it is looked whether a statement can be canceled by now.
constexpr base::Duration kHeldTick = std::chrono::milliseconds(5);

}  // namespace

void Worker::cancel_requested(SessionEntry& asking, base::Instant now) {
    CancelForwarded forwarded{
        .request = asking.session.cancel_request(), .origin = index_, .socket = asking.socket};
    // The login is over; what remains is to hold the connection until the cancel is through, as PostgreSQL
    // does.
    asking.session.end();
    wheel_.arm(asking.deadline, base::deadline_after(now, settings_.pgring.cancel_wait_timeout));
    std::optional<session::CancelAddress> const address = session::address_of(forwarded.request.key);
    std::size_t const worker_count = process_.budgets.worker_count();
    if (!address.has_value()) {
        // The process id of a server: one worker after the other is asked whether it knows it.
        forwarded.workers_left = static_cast<std::uint16_t>(worker_count - 1);
        cancel(forwarded, now);
    } else if (address->worker >= worker_count) {
        cancel_unknown(forwarded, now);
    } else if (address->worker == index_) {
        cancel(forwarded, now);
    } else {
        posted_.push_back({.to = address->worker, .message = std::move(forwarded)});
    }
}

/// The session whose key it is; nullptr where the key is no more, or never was, anybody's here.
Worker::SessionEntry* Worker::session_of(const session::CancelKey& key) {
    auto const fits = [&key](const SessionEntry& entry) {
        const session::CancelKey& own = entry.session.cancel_key();
        return entry.session.phase() == session::Session::Phase::Ready && own.process_id == key.process_id &&
               auth::constant_time_equal(own.secret, key.secret);
    };
    if (std::optional<session::CancelAddress> const address = session::address_of(key)) {
        SessionEntry* const entry = sessions_.at_index(address->session_index).first;
        return entry != nullptr && fits(*entry) ? entry : nullptr;
    }
    pool::SessionId const id = processes_.find(
        key.process_id, [this, &fits](pool::SessionId session) { return fits(sessions_.get(session)); });
    return sessions_.find(id);
}

void Worker::cancel(const CancelForwarded& forwarded, base::Instant now) {
    SessionEntry* const entry = session_of(forwarded.request.key);
    if (entry == nullptr && forwarded.workers_left > 0) {
        CancelForwarded onward = forwarded;
        --onward.workers_left;
        auto const next = static_cast<pool::WorkerIndex>((index_ + 1U) % process_.budgets.worker_count());
        posted_.push_back({.to = next, .message = std::move(onward)});
        return;
    }
    if (entry == nullptr) {
        cancel_unknown(forwarded, now);
    } else if (cancelable(*entry, now) == Cancelable::NotYet &&
               cancelers_.size() + held_cancels_.size() < kCancelersMax) {
        HeldCancelId const id = held_cancels_.next_handle();
        held_cancels_.emplace(id, forwarded, entry->session.progress().exchanges,
                              base::deadline_after(now, settings_.pgring.cancel_wait_timeout));
        wheel_.arm(held_cancels_.get(id).deadline, now + kHeldTick);
    } else {
        cancel_now(forwarded, *entry, now);
    }
}

void Worker::cancel_now(const CancelForwarded& forwarded, SessionEntry& entry, base::Instant now) {
    switch (cancelable(entry, now)) {
        case Cancelable::AtServer:
            if (send_cancel(entry.backend, forwarded.origin, forwarded.socket, now)) {
                return;
            }
            break;
        case Cancelable::Waiting:
            refuse_waiting(entry.session.id(), entry, session::errors::kCanceledWhileWaiting);
            break;
        case Cancelable::NotYet:
        case Cancelable::Nothing:
            break;
    }
    finish_cancel(forwarded.origin, forwarded.socket);
}

/// The client has sent its statement some time ago, and pgring only now. A server that has not read it yet
/// takes a cancel for one of nothing.
Worker::Cancelable Worker::cancelable(const SessionEntry& entry, base::Instant now) {
    if (waits_unsent(entry)) {
        return Cancelable::Waiting;
    }
    if (entry.runnable || entry.served || entry.listener_wait.has_value()) {
        return Cancelable::NotYet;
    }
    if (!entry.backend) {
        return Cancelable::Nothing;
    }
    const BackendEntry& backend = backends_.get(entry.backend);
    if (backend.backend.pending_errand() != session::Errand::None) {
        return entry.session.in.empty() ? Cancelable::Nothing : Cancelable::NotYet;
    }
    if (backend.backend.pipeline.empty()) {
        return Cancelable::Nothing;
    }
    return now < backend.readable_at ? Cancelable::NotYet : Cancelable::AtServer;
}

void Worker::held_cancel_due(HeldCancelId id, base::Instant now) {
    HeldCancel& held = held_cancels_.get(id);
    SessionEntry* const entry = session_of(held.forwarded.request.key);
    bool const same = entry != nullptr && entry->session.progress().exchanges == held.exchange;
    if (same && now < held.give_up_at && cancelable(*entry, now) == Cancelable::NotYet) {
        wheel_.arm(held.deadline, now + kHeldTick);
        return;
    }
    CancelForwarded const forwarded = held.forwarded;
    held_cancels_.erase(id);
    if (same) {
        cancel_now(forwarded, *entry, now);
    } else {
        finish_cancel(forwarded.origin, forwarded.socket);
    }
}

bool Worker::send_cancel(pool::BackendId backend_id, pool::WorkerIndex origin, SocketId origin_socket,
                         base::Instant now) {
    BackendEntry& backend = backends_.get(backend_id);
    // Written now: the backend may be given up before the connection for the request stands.
    const session::CancelKey& key = backend.backend.cancel_key();
    wire::MessageWriter writer(scratch_);
    wire::write_cancel_request(writer, key.process_id, std::as_bytes(std::span(key.secret)));
    Canceler* const canceler = add_canceler(
        writer.written(), {.kind = Action::Kind::Connect, .server = backend.backend.server()}, now);
    if (canceler == nullptr) {
        return false;
    }
    canceler->backend = backend_id;
    canceler->origin = origin;
    canceler->origin_socket = origin_socket;
    ++backend.cancels;
    // It could hit what was sent for others.
    backend.backend.pipeline.give_up_ahead();
    stats_.cancels.add();
    return true;
}

Worker::Canceler* Worker::add_canceler(std::span<const std::byte> packet, Action connect, base::Instant now) {
    if (cancelers_.size() >= kCancelersMax) {
        return nullptr;
    }
    CancelerId const id = cancelers_.next_handle();
    cancelers_.emplace(id, buffers_);
    Canceler& canceler = cancelers_.get(id);
    if (!canceler.out.push_copy(packet)) {
        cancelers_.erase(id);
        return nullptr;
    }
    canceler.socket = add_connection(Connection::Owner::Canceler, id.bits());
    connections_.get(canceler.socket).state = Connection::State::Connecting;
    wheel_.arm(canceler.deadline, base::deadline_after(now, settings_.pgring.cancel_wait_timeout));
    connect.socket = canceler.socket;
    actions_.push_back(connect);
    return &canceler;
}

void Worker::canceler_connected(CancelerId id, base::Instant now) {
    Canceler& canceler = cancelers_.get(id);
    bool const asked = static_cast<bool>(canceler.origin_socket);
    if (asked && backends_.find(canceler.backend) == nullptr) {
        // Lost meanwhile, and with it what was to be cancelled. What pgring itself gave up may still run
        // there.
        close(canceler.socket);
        canceler_ended(id, now);
        return;
    }
    flush(canceler.socket);
}

/// The server takes too long. Where it has the request, or its kernel has, it may still act on it.
void Worker::canceler_expired(CancelerId id, base::Instant now) {
    const Canceler& canceler = cancelers_.get(id);
    bool const asked = connections_.get(canceler.socket).state == Connection::State::Open;
    BackendEntry* const backend = backends_.find(canceler.backend);
    if (asked && backend != nullptr) {
        backend->dirt = BackendEntry::Dirt::Cancel;
    }
    close(canceler.socket);
    canceler_ended(id, now);
}

/// The server closed the connection: the cancel has been delivered. Or it failed, and has not.
void Worker::canceler_ended(CancelerId id, base::Instant now) {
    Canceler& canceler = cancelers_.get(id);
    if (InquiryId const inquiry = std::exchange(canceler.inquiry, {})) {
        wheel_.disarm(canceler.deadline);
        peer_asked(inquiry);
    }
    pool::BackendId const backend_id = std::exchange(canceler.backend, {});
    if (!backend_id) {
        return;
    }
    wheel_.disarm(canceler.deadline);
    finish_cancel(canceler.origin, canceler.origin_socket);
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

void Worker::finish_cancel(pool::WorkerIndex origin, SocketId socket) {
    if (origin != index_) {
        posted_.push_back({.to = origin, .message = CancelFinished{.socket = socket}});
    } else if (connections_.find(socket) != nullptr) {
        close(socket);
    }
}

}  // namespace pgring::proxy
