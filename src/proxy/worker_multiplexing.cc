/// Multiplexing: reads of sessions that wait are sent to backends which still run another session's read, so
/// that servers go from one to the next without waiting for pgring (session/units_ahead.h).
///
/// The session stays in its line, and whatever may happen to one that waits may happen to it. When the
/// backend is released it goes to the session whose unit was sent first, which says its unit as if it were
/// the first time (a rehearsal: what is the same is not sent again). Where that session has left, or said
/// more meanwhile, the answers are dropped and everything goes on as if nothing had been sent ahead.
///
/// Nobody is sent ahead before somebody who waits longer and cannot be: else that one might wait for ever.

#include "proxy/worker.h"

namespace pgring::proxy {

namespace {

/// How long what a server already has may be expected to take, for more to be sent behind it.
constexpr base::Duration kAheadMax = std::chrono::milliseconds(5);
/// After so long a session that was sent ahead is given another backend as any other is: several times what
/// was expected, since the more is to do the less a second run is worth.
constexpr base::Duration kPatience = std::chrono::milliseconds(20);

/// All that is under way is the one unit, and is the client's.
bool runs_just(const session::Backend& backend, std::size_t request_count) {
    return backend.pipeline.size() == request_count && backend.pipeline.ready_owed() == 1 &&
           !backend.pipeline.open() && backend.pending_errand() == session::Errand::None &&
           backend.status() == wire::TransactionStatus::Idle &&
           !backend.pipeline.any(
               [](const session::Expected& entry) { return entry.audience != session::Audience::Client; });
}

/// So many can be sent ahead to each backend. With fewer some backends would come free with nobody left to
/// serve but those who were sent ahead elsewhere, and do twice what is done there.
bool enough_wait(const pool::Pool& pool, std::size_t depth) {
    return pool.waiting_count() >= depth * pool.used_count();
}

}  // namespace

/// What the session is about to say on the backend that it has just got: where something is ahead, the first
/// of that.
void Worker::note_running(const SessionEntry& session, BackendEntry& entry) {
    const session::UnitsAhead& ahead = entry.backend.pipeline.ahead;
    session::LoneRead const read =
        ahead.empty()
            ? session.session.lone_read(shared_)
            : session::LoneRead{.shape = ahead.front().shape, .request_count = ahead.front().request_count};
    entry.running = {.shape = read.shape, .request_count = read.request_count, .since = base::kNever};
}

void Worker::note_done(BackendEntry& entry, base::Instant now) {
    if (entry.running.shape != 0 && entry.running.since != base::kNever) {
        unit_times_->learn(entry.running.shape, now - entry.running.since);
    }
    entry.running = {};
}

/// Nothing where it is not known.
std::optional<base::Duration> Worker::expected_time(const BackendEntry& entry) const {
    std::optional<base::Duration> sum = unit_times_->of(entry.running.shape);
    const session::UnitsAhead& ahead = entry.backend.pipeline.ahead;
    for (std::size_t position = 0; sum.has_value() && position < ahead.size(); ++position) {
        std::optional<base::Duration> const more = unit_times_->of(ahead.at(position).shape);
        sum = more.has_value() ? std::optional(*sum + *more) : std::nullopt;
    }
    return sum;
}

/// The session has said what it wants on the backend: others may be sent behind it.
void Worker::send_ahead(BackendEntry& entry, base::Instant now) {
    if (entry.running.shape == 0 || !runs_just(entry.backend, entry.running.request_count)) {
        return;
    }
    if (entry.running.since == base::kNever) {
        entry.running.since = now;
    }
    pool::Pool& pool = pool_of(entry);
    bool const stays = entry.cancels == 0 && entry.dirt == BackendEntry::Dirt::Clean &&
                       !entry.backend.needs_reset && !settings_.pgring.server_reset_query_always &&
                       now < entry.dies_at;
    if (!stays || !pool.has_waiters() || pool.longer_waiting(pool::kWorthLending).has_value()) {
        return;
    }
    session::UnitsAhead& ahead = entry.backend.pipeline.ahead;
    while (!ahead.full() && enough_wait(pool, ahead.size() + 1)) {
        std::optional<base::Duration> const expected = expected_time(entry);
        if (!expected.has_value() || *expected > kAheadMax) {
            break;
        }
        const pool::Waiter* const waiter = first_to_serve(pool.line(), now);
        if (waiter == nullptr) {
            break;
        }
        SessionEntry& session = sessions_.get(waiter->session);
        if (!session.session.write_ahead(shared_, entry.backend, ahead.blank()) ||
            !entry.backend.send_ahead()) {
            break;
        }
        session.sent_ahead_at = now;
        stats_.units_ahead.add();
    }
    flush(entry.socket);
}

/// The first for whom nothing has been sent ahead, or too long ago; nullptr where there is none.
pool::Waiter* Worker::first_to_serve(pool::Line& line, base::Instant now) {
    return line.first_for_which([this, now](const pool::Waiter& waiter) {
        const SessionEntry& entry = sessions_.get(waiter.session);
        return entry.sent_ahead_at == base::kNever || now - entry.sent_ahead_at >= kPatience;
    });
}

/// Takes out of the line who is to have a backend that is free.
std::optional<pool::SessionId> Worker::next_in(pool::Line& line, base::Instant now) {
    pool::Waiter* const first = unit_times_ == nullptr ? nullptr : first_to_serve(line, now);
    if (first == nullptr) {
        return line.next();
    }
    line.leave(*first);
    return first->session;
}

/// The session of the first unit ahead still waits with that and nothing more.
bool Worker::next_waits(BackendEntry& entry) {
    const session::UnitAhead& unit = entry.backend.pipeline.ahead.front();
    const SessionEntry* const session = sessions_.find(unit.session);
    return session != nullptr && session->session.waiter.line == &pool_of(entry).line() &&
           session->session.waiter.ticket == unit.ticket &&
           session->session.in.size_bytes() == unit.input_bytes && session->session.fits(entry.backend);
}

/// Before a backend is released, with units ahead: what was sent for nobody is waited for.
void Worker::give_up_strays(pool::BackendId id, BackendEntry& entry) {
    if (entry.backend.pipeline.idle() && !next_waits(entry)) {
        entry.backend.pipeline.give_up_ahead();
        resumed_.push_back(id);
    }
}

/// The backend goes to the session of the first unit ahead, which next_waits().
void Worker::hand_over(pool::BackendId id, BackendEntry& entry, base::Instant now) {
    pool::SessionId const session_id = entry.backend.pipeline.ahead.front().session;
    SessionEntry& session = sessions_.get(session_id);
    pool_of(entry).line().leave(session.session.waiter);
    pool_of(entry).line_changed();
    stats_.waiting.subtract();
    attach(session_id, session, id);
    start_use(session, entry);
    serve(session_id, session, now);
}

/// Whether what the session says now was sent ahead, and is to be compared.
bool Worker::begin_rehearsal(SessionEntry& session) {
    BackendEntry& entry = backends_.get(session.backend);
    const session::UnitsAhead& ahead = entry.backend.pipeline.ahead;
    if (ahead.empty() || ahead.front().session != session.session.id()) {
        return false;
    }
    if (session.session.in.size_bytes() != ahead.front().input_bytes || !entry.backend.pipeline.idle()) {
        entry.backend.pipeline.give_up_ahead();
        resumed_.push_back(session.backend);
        return false;
    }
    entry.backend.begin_rehearsal();
    return true;
}

void Worker::end_rehearsal(SessionEntry& session) {
    if (backends_.get(session.backend).backend.end_rehearsal()) {
        stats_.units_ahead_used.add();
    }
    // The answer may have come already.
    resumed_.push_back(session.backend);
}

}  // namespace pgring::proxy
