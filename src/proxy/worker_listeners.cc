/// The worker's listeners: the connections that hear notifications for the sessions of transaction pools.
///
/// One a destination, to the primary, opened when somebody listens and closed when for server_idle_timeout
/// nobody has. It is in no pool: it never serves a session.

#include <algorithm>
#include <utility>

#include "proxy/worker.h"

namespace pgring::proxy {

session::Backend* Worker::backend_of(const SessionEntry& session) {
    return session.backend ? &backends_.get(session.backend).backend : nullptr;
}

Worker::ListenerId Worker::listener_of(session::Destination& destination) {
    auto const [place, made] = listener_ids_.try_emplace(&destination);
    if (made) {
        place->second = listeners_.next_handle();
        listeners_.emplace(place->second, destination);
    }
    return place->second;
}

void Worker::await_listener(pool::SessionId id, session::Destination& destination, base::Instant now) {
    ListenerId const listener_id = listener_of(destination);
    std::vector<pool::SessionId>& waiting = listeners_.get(listener_id).waiting;
    if (std::ranges::find(waiting, id) == waiting.end()) {
        waiting.push_back(id);
    }
    serve_listener(listener_id, now);
}

// -- The backend --

void Worker::serve_listener(ListenerId id, base::Instant now) {
    ListenerEntry& entry = listeners_.get(id);
    session::Listener& listener = entry.destination->listener;
    bool const due = listener.state() == session::Listener::State::Absent && listener.wanted() &&
                     topology_->primary.has_value();
    if (due && now >= entry.retry_at) {
        open_listener(id, entry, now);
    } else {
        wheel_.arm(entry.deadline, due ? entry.retry_at : base::kNever);
    }
    if (listener.has_query()) {
        BackendEntry& backend = backends_.get(entry.backend);
        if (!start_errand(backend, session::Errand::Listen, listener.next_query(), now)) {
            close(backend.socket);
            listener_lost(backend, now);
        }
    }
}

/// Its backend has no server_lifetime: another one would be a gap in what is heard.
void Worker::open_listener(ListenerId id, ListenerEntry& entry, base::Instant now) {
    for (;;) {
        std::expected<Places, const pool::Quota*> places = take_places(*entry.destination, pool::Hold::Kept);
        if (places.has_value()) {
            entry.retry_at = now + settings_.pgring.server_login_retry;
            entry.waits_since = base::kNever;
            entry.backend = connect_backend(*entry.destination, *topology_->primary,
                                            session::Backend::Use::Listening, std::move(*places), now);
            backends_.get(entry.backend).listener = id;
            wheel_.disarm(entry.deadline);
            entry.destination->listener.opening();
            return;
        }
        bool const may_wait = places.error()->may_keep();
        if (!may_wait || !close_idle_under(*places.error(), now)) {
            entry.retry_at = now + kAskPeriod;
            entry.waits_since = std::min(entry.waits_since, now);
            wheel_.arm(entry.deadline, entry.retry_at);
            if (may_wait) {
                // Idle backends of other workers take up places, too.
                tell_wish(*places.error(), *entry.destination->pools[topology_->primary->value],
                          entry.waits_since, now);
            }
            refuse_listening(entry, may_wait ? Refused::HoldersOfBackends : Refused::All,
                             session::errors::kNoPlaceToListen, now);
            return;
        }
    }
}

void Worker::run_listener(pool::BackendId id, base::Instant now) {
    for (;;) {
        BackendEntry& entry = backends_.get(id);
        switch (entry.backend.advance(shared_, nullptr)) {
            case session::BackendStep::LoggedIn:
                listener_logged_in(entry, now);
                break;
            case session::BackendStep::ErrandDone:
                listener_errand_done(entry, now);
                break;
            case session::BackendStep::Notified:
                hear(entry, now);
                break;
            case session::BackendStep::Broken:
                close(entry.socket);
                listener_lost(entry, now);
                return;
            case session::BackendStep::AwaitsListener:
                ASSERT(false && "it serves no session");
                break;
            case session::BackendStep::Starved:
                entry.backend.in.settle_last();
                flush(entry.socket);
                return;
        }
        if (entry.place == BackendEntry::Place::Gone) {
            return;
        }
    }
}

void Worker::listener_logged_in(BackendEntry& backend, base::Instant now) {
    // What the sessions' backends are told may concern notifications, such as client_encoding.
    const std::string& text = backend.backend.destination().connect_query;
    if (text.empty()) {
        listener_opened(backend, now);
    } else if (!start_errand(backend, session::Errand::Connect, text, now)) {
        close(backend.socket);
        listener_lost(backend, now);
    }
}

void Worker::listener_errand_done(BackendEntry& backend, base::Instant now) {
    session::Errand const errand = backend.backend.take_errand();
    if (backend.backend.errand_failed() || !backend.backend.at_rest()) {
        close(backend.socket);
        listener_lost(backend, now);
    } else if (errand == session::Errand::Connect) {
        listener_opened(backend, now);
    } else {
        listener_answered(backend, now);
    }
}

void Worker::listener_opened(BackendEntry& backend, base::Instant now) {
    backend.place = BackendEntry::Place::Used;
    wheel_.disarm(backend.deadline);
    const session::Destination& destination = backend.backend.destination();
    topology::ServerIndex const server = backend.backend.server();
    stats_.servers[server.value].logins.add();
    log_.info("listener_opened", {{"worker", static_cast<unsigned>(index_)},
                                  {"server", topology_->server(server).name},
                                  {"database", destination.database},
                                  {"user", destination.user}});
    backend.backend.destination().listener.opened();
    serve_listener(backend.listener, now);
}

void Worker::listener_answered(BackendEntry& backend, base::Instant now) {
    ListenerEntry& entry = listeners_.get(backend.listener);
    session::Listener& listener = entry.destination->listener;
    stats_.channels.subtract(listener.channel_count());
    listener.answered();
    stats_.channels.add(listener.channel_count());
    entry.retry_at = base::Instant::min();
    wheel_.arm(backend.deadline, listener.wanted()
                                     ? base::kNever
                                     : base::deadline_after(now, settings_.pgring.server_idle_timeout));
    hearers_ = listener.take_missed();
    for (pool::SessionId const id : hearers_) {
        if (SessionEntry* session = sessions_.find(id)) {
            session->session.tell_missed(shared_, backend_of(*session));
            flush(session->socket);
        }
    }
    wake_waiting(entry);
    serve_listener(backend.listener, now);
    end_slow_hearers(now);
}

void Worker::hear(BackendEntry& backend, base::Instant now) {
    hearers_.clear();
    if (std::optional<session::Notification> const notification = backend.backend.notification(shared_)) {
        auto const sessions = backend.backend.destination().listener.sessions_of(notification->channel);
        hearers_.assign(sessions.begin(), sessions.end());
        // `notification` may lie in the scratch memory: nothing that writes there is called amid them.
        for (pool::SessionId const id : hearers_) {
            SessionEntry& session = sessions_.get(id);
            session.session.notify(shared_, backend_of(session), *notification);
            flush(session.socket);
        }
    }
    backend.backend.drop_notification();
    end_slow_hearers(now);
}

/// Those of the hearers that read too slowly, and so were told the reason and ended.
void Worker::end_slow_hearers(base::Instant now) {
    for (pool::SessionId const id : hearers_) {
        SessionEntry* session = sessions_.find(id);
        if (session != nullptr && session->session.phase() == session::Session::Phase::Ended) {
            end_session(id, *session, now);
        }
    }
    hearers_.clear();
}

// -- Losing it --

void Worker::close_listener(BackendEntry& backend) {
    ListenerEntry& entry = listeners_.get(backend.listener);
    entry.backend = {};
    stats_.channels.subtract(entry.destination->listener.channel_count());
    entry.destination->listener.lost();
    backend.place = BackendEntry::Place::Gone;
    backend.places = {};
    wheel_.disarm(backend.deadline);
    stats_.servers[backend.backend.server().value].backends_open.subtract();
    close(backend.socket);
    wake_waiting(entry);
}

void Worker::listener_lost(BackendEntry& backend, base::Instant now) {
    topology::ServerIndex const server = backend.backend.server();
    ListenerEntry& entry = listeners_.get(backend.listener);
    session::ServerError const error = backend.backend.error().value_or(session::ServerError{});
    bool const was_open = backend.place != BackendEntry::Place::Opening;
    log_.warning("listener_lost", {{"worker", static_cast<unsigned>(index_)},
                                   {"server", topology_->server(server).name},
                                   {"database", entry.destination->database},
                                   {"user", entry.destination->user},
                                   {"sqlstate", error.sqlstate},
                                   {"error", error.message}});
    (was_open ? stats_.listeners_lost : stats_.servers[server.value].login_failures).add();
    if (!was_open && error.is_final()) {
        refuse_listening(entry, Refused::All, {.sqlstate = error.sqlstate, .message = error.message}, now);
    }
    ListenerId const listener_id = backend.listener;
    close_listener(backend);
    if (error.is_suspicious()) {
        actions_.push_back({.kind = Action::Kind::Suspect, .server = server});
    }
    serve_listener(listener_id, now);
}

/// They look for themselves whether what they wait for is there.
void Worker::wake_waiting(ListenerEntry& entry) {
    for (pool::SessionId const id : entry.waiting) {
        if (const SessionEntry* session = sessions_.find(id)) {
            make_runnable(id);
            if (session->backend) {
                resumed_.push_back(session->backend);
            }
        }
    }
    entry.waiting.clear();
}

/// Answers that waited go on before what their clients said next.
void Worker::resume_backends(base::Instant now) {
    // Others may be put there meanwhile; they are for the next time.
    std::size_t const count = resumed_.size();
    for (std::size_t i = 0; i < count; ++i) {
        pool::BackendId const id = resumed_[i];
        const BackendEntry* entry = backends_.find(id);
        if (entry != nullptr && entry->place == BackendEntry::Place::Used && entry->session) {
            run_backend(id, now);
        }
    }
    resumed_.erase(resumed_.begin(), resumed_.begin() + static_cast<std::ptrdiff_t>(count));
}

/// Those that wait with a statement in hand. (What they hold may be what the listener is waiting for.)
void Worker::refuse_listening(ListenerEntry& entry, Refused which, const session::Error& error,
                              base::Instant now) {
    std::vector<pool::SessionId> const waiting = entry.waiting;
    for (pool::SessionId const id : waiting) {
        SessionEntry* session = sessions_.find(id);
        bool const waits = session != nullptr && session->listener_wait.has_value();
        if (waits && (which == Refused::All || session->backend)) {
            refuse_listening(id, *session, error, now);
        }
    }
}

/// The statement in hand gets an error for want of a listener.
void Worker::refuse_listening(pool::SessionId id, SessionEntry& session, const session::Error& error,
                              base::Instant now) {
    session.listener_wait.reset();
    session.session.refuse_channels(shared_, backend_of(session), error);
    if (session.session.phase() == session::Session::Phase::Ended) {
        end_session(id, session, now);
        return;
    }
    arm_session(session);
    make_runnable(id);
}

/// Only a primary can be listened on.
void Worker::follow_primary(base::Instant now) {
    std::vector<ListenerId> all;
    listeners_.for_each([&all](ListenerId id, ListenerEntry&) { all.push_back(id); });
    for (ListenerId const id : all) {
        ListenerEntry& entry = listeners_.get(id);
        entry.retry_at = base::Instant::min();
        bool const elsewhere = entry.backend && topology_->primary.has_value() &&
                               backends_.get(entry.backend).backend.server() != *topology_->primary;
        if (elsewhere) {
            close(backends_.get(entry.backend).socket);
            listener_lost(backends_.get(entry.backend), now);
        } else {
            serve_listener(id, now);
        }
    }
}

}  // namespace pgring::proxy
