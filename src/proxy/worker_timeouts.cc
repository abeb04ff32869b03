/// The worker's sessions against the clock: logins, waits and farewells that take too long, and the timeouts
/// that an operator sets for what a session does.

#include <algorithm>

#include "proxy/worker.h"

namespace pgring::proxy {

namespace {

const session::Error& error_of(Timeout timeout) {
    switch (timeout) {
        case Timeout::Query:
            return session::errors::kQueryTimeout;
        case Timeout::IdleTransaction:
            return session::errors::kIdleTransactionTimeout;
        case Timeout::Transaction:
            return session::errors::kTransactionTimeout;
        case Timeout::ClientIdle:
            break;
    }
    return session::errors::kClientIdleTimeout;
}

}  // namespace

Activity Worker::activity_of(const SessionEntry& entry) {
    if (entry.session.waiter.waiting() || entry.listener_wait.has_value() || entry.served) {
        return Activity::Querying;
    }
    wire::TransactionStatus status = entry.session.held_status();
    if (entry.backend) {
        const session::Backend& backend = backends_.get(entry.backend).backend;
        if (!backend.pipeline.idle() || entry.session.mid_message()) {
            return Activity::Querying;
        }
        status = backend.status();
    }
    return status == wire::TransactionStatus::Idle ? Activity::Idle : Activity::IdleInTransaction;
}

void Worker::watch_closely(SessionEntry& entry, base::Instant now) {
    if (entry.session.phase() == session::Session::Phase::Ready) {
        entry.clock.observe(activity_of(entry), entry.session.progress(), now);
        arm_session(entry);
    }
}

void Worker::arm_session(SessionEntry& entry) {
    if (entry.session.phase() != session::Session::Phase::Ready) {
        if (waits_for_its_own(entry)) {
            wheel_.arm(entry.deadline, entry.wait_until);
        }
        return;
    }
    base::Instant deadline =
        entry.session.waiter.waiting() ? entry.wait_until : entry.listener_wait.value_or(base::kNever);
    if (const auto& timeouts = entry.session.destination()->terms.timeouts; timeouts.has_value()) {
        deadline = std::min(deadline, entry.clock.due(*timeouts).at);
    }
    wheel_.arm(entry.deadline, deadline);
}

void Worker::session_expired(pool::SessionId id, base::Instant now) {
    SessionEntry& entry = sessions_.get(id);
    if (entry.session.phase() == session::Session::Phase::Ended) {
        // It did not read its farewell.
        close(entry.socket);
        return;
    }
    if (waits_for_its_own(entry)) {
        waited_too_long(id, entry);
        return;
    }
    if (entry.session.phase() != session::Session::Phase::Ready) {
        stats_.login_failures.add();
        entry.session.fail(shared_, session::errors::kLoginTimeout);
        end_session(id, entry, now);
        return;
    }
    if (const auto& timeouts = entry.session.destination()->terms.timeouts; timeouts.has_value()) {
        SessionClock::Due const due = entry.clock.due(*timeouts);
        if (due.at <= now) {
            timed_out(id, entry, due.timeout, now);
            return;
        }
    }
    if (entry.session.waiter.waiting()) {
        waited_too_long(id, entry);
    } else if (entry.listener_wait.value_or(base::kNever) <= now) {
        refuse_listening(
            id, entry,
            topology_->primary.has_value() ? session::errors::kNoListener : session::errors::kNoPrimary, now);
    }
    // Else a new topology has just sent it to another line, where it will find its time over.
}

void Worker::waited_too_long(pool::SessionId id, SessionEntry& entry) {
    const session::Error* error = &session::errors::kQueryWaitTimeout;
    if (entry.session.waiter.line == &stranded_) {
        error = entry.demand == route::Demand::StandbyOnly ? &session::errors::kNoStandby
                                                           : &session::errors::kNoPrimary;
    }
    refuse_waiting(id, entry, *error);
}

void Worker::refuse_waiting(pool::SessionId id, SessionEntry& entry, const session::Error& error) {
    leave_line(entry);
    entry.wait_until = base::kNever;
    entry.listener_wait.reset();
    arm_session(entry);
    entry.session.refuse_unit(shared_, error);
    make_runnable(id);
}

void Worker::timed_out(pool::SessionId id, SessionEntry& entry, Timeout timeout, base::Instant now) {
    const session::Error& error = error_of(timeout);
    if (settings_.pgring.log_pooler_errors) {
        log_.info("session_timed_out", {{"worker", static_cast<unsigned>(index_)},
                                        {"session", id.index},
                                        {"user", entry.session.destination()->user},
                                        {"database", entry.session.destination()->database},
                                        {"error", error.message}});
    }
    if (timeout == Timeout::Query && waits_unsent(entry)) {
        refuse_waiting(id, entry, session::errors::kQueryTimeoutWhileWaiting);
        return;
    }
    const session::Backend* backend = nullptr;
    if (entry.backend) {
        backend = &backends_.get(entry.backend).backend;
        if (!backend->pipeline.empty()) {
            // The server notices a closed connection only when it has something to send: it would work on and
            // hold its locks. Where the cancel cannot be sent either, that is left to it.
            static_cast<void>(send_cancel(entry.backend, index_, SocketId{}, now));
        }
    }
    entry.session.abandon(shared_, backend, error);
    end_session(id, entry, now);
}

}  // namespace pgring::proxy
