/// What each of a client's messages does to its session: the one switch over frontend messages, and what all
/// of them share. Queries are in session_query.cc, the extended protocol in session_extended.cc.

#include <algorithm>
#include <array>
#include <utility>

#include "base/mutation.h"
#include "session/session.h"
#include "session/unit_scout.h"
#include "wire/body_reader.h"
#include "wire/framing.h"
#include "wire/messages.h"

namespace pgring::session {

namespace {

/// A unit that comes in more pieces than this is not looked ahead over again and again.
constexpr std::uint8_t kScoutsMax = 64;

bool is_known(char type) {
    constexpr std::string_view kTypes = "BCdcfDEHFPpQSX";
    return kTypes.find(type) != std::string_view::npos;
}

/// Messages that may be the first of a unit and are answered.
bool opens_unit(wire::FrontendType type) {
    switch (type) {
        case wire::FrontendType::Bind:
        case wire::FrontendType::Close:
        case wire::FrontendType::Describe:
        case wire::FrontendType::Execute:
        case wire::FrontendType::FunctionCall:
        case wire::FrontendType::Parse:
        case wire::FrontendType::Query:
        case wire::FrontendType::Sync:
            return true;
        case wire::FrontendType::CopyData:
        case wire::FrontendType::CopyDone:
        case wire::FrontendType::CopyFail:
        case wire::FrontendType::Flush:
        case wire::FrontendType::PasswordMessage:
        case wire::FrontendType::Terminate:
            break;
    }
    return false;
}

/// Messages of which a unit consists that can be sent once more (unit_replay.h).
bool is_kept_in_unit(wire::FrontendType type) {
    return type == wire::FrontendType::Bind || type == wire::FrontendType::Describe ||
           type == wire::FrontendType::Execute || type == wire::FrontendType::Sync ||
           type == wire::FrontendType::Flush;
}

/// What the one statement of a Query or Parse does to the transaction.
sql::Control control_of(Shared& shared, wire::FrontendType type, std::span<const std::byte> body,
                        sql::Dialect dialect) {
    if (type != wire::FrontendType::Query && type != wire::FrontendType::Parse) {
        return sql::Control::None;
    }
    wire::BodyReader reader(body);
    if (type == wire::FrontendType::Parse) {
        static_cast<void>(reader.string());  // the statement's name
    }
    sql::Traits const traits = shared.classifier.classify(reader.string(), dialect);
    return traits.statements == sql::StatementCount::One ? traits.control : sql::Control::None;
}

/// What libpq and pgjdbc call by number: functions of large objects, whose descriptors end with the
/// transaction.
bool is_large_object_function(std::uint32_t number) {
    constexpr std::array<std::uint32_t, 13> kNumbers{
        715,   // lo_create
        952,   // lo_open
        953,   // lo_close
        954,   // loread
        955,   // lowrite
        956,   // lo_lseek
        957,   // lo_creat
        958,   // lo_tell
        964,   // lo_unlink
        1004,  // lo_truncate
        3170,  // lo_lseek64
        3171,  // lo_tell64
        3172,  // lo_truncate64
    };
    return std::ranges::binary_search(kNumbers, number);
}

/// Messages that are forwarded by length, however long: nothing but their header must be there.
bool streams(char type) {
    return type == static_cast<char>(wire::FrontendType::CopyData) ||
           type == static_cast<char>(wire::FrontendType::CopyFail) ||
           type == static_cast<char>(wire::FrontendType::FunctionCall);
}

}  // namespace

SessionStep Session::advance_ready(Shared& shared, Backend* backend) {
    for (;;) {
        if (body_rest_bytes_ > 0) {
            forward_rest(backend);
            if (body_rest_bytes_ > 0) {
                return kStarved;
            }
        }
        if (phase_ == Phase::Ended) {
            in.clear();
            return kEnded;
        }
        if (backend != nullptr && (backend->pending_errand() != Errand::None || backend->pipeline.full() ||
                                   backend->out.size_bytes() >= kQueueHighBytes)) {
            return in.empty() ? kStarved : kBlocked;
        }
        if (backend != nullptr && !in.empty() && !reset_settled(shared, *backend)) {
            return kBlocked;
        }
        std::array<std::byte, wire::kHeaderBytes> memory{};
        std::size_t const head_bytes = std::min<std::size_t>(in.size_bytes(), wire::kHeaderBytes);
        wire::Framed const framed = wire::frame(in.view(0, head_bytes, memory));
        if (framed.state == wire::Framed::State::NeedMore) {
            return kStarved;
        }
        if (framed.state == wire::Framed::State::Broken || !is_known(framed.header.type)) {
            fail(shared,
                 {.sqlstate = sqlstate::kProtocolViolation,
                  .message = framed.state == wire::Framed::State::Broken ? "invalid message length"
                                                                         : "invalid frontend message type",
                  .detail = {},
                  .hint = {}});
            return kEnded;
        }
        if (Handled const handled =
                discarding_ ? on_discarded(framed.header) : on_message(shared, backend, framed.header)) {
            return *handled;
        }
    }
}

Session::Handled Session::on_discarded(wire::Header header) {
    auto const type = static_cast<wire::FrontendType>(header.type);
    if (type == wire::FrontendType::Terminate) {
        end();
        return kEnded;
    }
    if (type == wire::FrontendType::Sync) {
        if (!whole(header)) {
            return kStarved;
        }
        discarding_ = false;
        std::array<std::byte, 8> memory{};
        wire::MessageWriter writer(memory);
        write_ready(writer);
        tell(writer.written());
    }
    drop(header);
    return std::nullopt;
}

Session::Handled Session::on_message(Shared& shared, Backend* backend, wire::Header header) {
    auto const type = static_cast<wire::FrontendType>(header.type);
    if (header.message_bytes() <= kWholeBytesMax && !streams(header.type) && !whole(header)) {
        return kStarved;
    }
    if (backend != nullptr && backend->pipeline.skipping() && type != wire::FrontendType::Sync &&
        type != wire::FrontendType::Terminate) {
        // The server discards it; so it need not be sent, and leaves no trace here either.
        drop(header);
        return std::nullopt;
    }
    bool const names_change = name_changes_ != nullptr && name_changes_->under_way();
    if (backend != nullptr && names_change && awaits_names(*backend, type)) {
        return kBlocked;
    }
    if (backend != nullptr && !is_kept_in_unit(type)) {
        backend->replay.forget();
    }
    if (held_.state() == HeldTransaction::State::Lost && opens_unit(type)) {
        sql::Control const control =
            header.message_bytes() <= kWholeBytesMax
                ? control_of(shared, type, body(shared, header, header.body_bytes), dialect_)
                : sql::Control::None;
        held_.fail();
        // What ROLLBACK asks for has happened already, so there is nothing to tell.
        if (control != sql::Control::Rollback) {
            if (control == sql::Control::Commit) {
                // A COMMIT that fails ends the transaction: drivers rely on it.
                held_.end();
            }
            refuse_unit(shared, errors::kTransactionLost);
            return std::nullopt;
        }
    }
    switch (type) {
        case wire::FrontendType::Query:
            return on_query(shared, backend, header);
        case wire::FrontendType::Parse:
            return on_parse(shared, backend, header);
        case wire::FrontendType::Bind:
            return on_bind(shared, backend, header);
        case wire::FrontendType::Describe:
            return on_describe(shared, backend, header);
        case wire::FrontendType::Execute:
            return on_execute(shared, backend, header);
        case wire::FrontendType::Close:
            return on_close(shared, backend, header);
        case wire::FrontendType::Sync:
            return on_sync(shared, backend, header);
        case wire::FrontendType::Flush:
            return on_flush(shared, backend, header);
        case wire::FrontendType::FunctionCall:
            return on_function_call(shared, backend, header);
        case wire::FrontendType::CopyData:
        case wire::FrontendType::CopyDone:
        case wire::FrontendType::CopyFail:
            return on_copy(backend, header);
        case wire::FrontendType::Terminate:
            end();
            return kEnded;
        case wire::FrontendType::PasswordMessage:
            break;
    }
    fail(shared, {.sqlstate = sqlstate::kProtocolViolation,
                  .message = "unexpected password message",
                  .detail = {},
                  .hint = {}});
    return kEnded;
}

// -- Messages that belong to neither protocol --

Session::Handled Session::on_sync(Shared& shared, Backend* backend, wire::Header header) {
    if (backend == nullptr) {
        std::array<std::byte, 8> memory{};
        wire::MessageWriter writer(memory);
        write_ready(writer);
        tell(writer.written());
        drop(header);
        return std::nullopt;
    }
    if (backend->pipeline.copying_in() || backend->pipeline.awaits_copy_in()) {
        return on_sync_amid_copy(*backend, header);
    }
    send_on(shared, *backend, header,
            {.request = Request::Sync, .stake = std::exchange(unit_stake_, Stake::None)});
    ++backend->unit;
    return std::nullopt;
}

/// PostgreSQL docs, "COPY Operations": amid the data a Sync is ignored. One that it reads behind an error of
/// the COPY is answered, and which of both it was nobody could tell later; so a Sync goes there only when the
/// COPY is known to be over. As long as it is the last that the client has said, the client may wait for it.
Session::Handled Session::on_sync_amid_copy(const Backend& backend, wire::Header header) {
    if (!backend.pipeline.copying_in() || in.size_bytes() == header.message_bytes()) {
        return kBlocked;
    }
    drop(header);
    return std::nullopt;
}

Session::Handled Session::on_flush(Shared& shared, Backend* backend, wire::Header header) {
    if (backend == nullptr) {
        drop(header);
        return std::nullopt;
    }
    if (backend->replay.open()) {
        backend->replay.append_flush(in.view(0, header.message_bytes(), shared.scratch));
    }
    forward(*backend, header);
    return std::nullopt;
}

Session::Handled Session::on_function_call(Shared& shared, Backend* backend, wire::Header header) {
    constexpr std::size_t kNumberBytes = 4;
    if (header.body_bytes >= kNumberBytes && in.size_bytes() < wire::kHeaderBytes + kNumberBytes) {
        return kStarved;
    }
    if (Handled const placed = place(shared, backend, header, &sql::kUnjudged)) {
        return placed;
    }
    send_begin(shared, *backend);
    wire::BodyReader reader(body(shared, header, kNumberBytes));
    if (!is_large_object_function(reader.u32())) {
        // Its number says nothing of what it leaves behind.
        note_effects(shared, *backend, {.effects = sql::Effect::MayChangeSession}, {});
    }
    backend->pipeline.expect({.request = Request::FunctionCall, .stake = Stake::Writes});
    forward(*backend, header);
    return std::nullopt;
}

Session::Handled Session::on_copy(Backend* backend, wire::Header header) {
    if (backend == nullptr || (backend->pipeline.empty() && !session_pooled())) {
        // What a client still sends after its COPY failed; the server would ignore it too.
        drop(header);
        return std::nullopt;
    }
    if (header.type == static_cast<char>(wire::FrontendType::CopyData)) {
        // Rows come in great numbers: all that stand in a row go on at once.
        forward_bytes(*backend,
                      std::max(header.message_bytes(), wire::run_bytes(in.piece_at(0), header.type)));
        return std::nullopt;
    }
    backend->pipeline.copy_in_ends();
    forward(*backend, header);
    return std::nullopt;
}

// -- Placing a unit --

std::optional<route::Demand> Session::demand(Shared& shared, wire::Header header, const sql::Traits* traits) {
    if (access_ == Access::ReadOnly) {
        return route::Demand::StandbyOnly;
    }
    if (session_pooled() || shared.balancing == Balancing::Off || access_ == Access::PrimaryOnly) {
        return route::Demand::Primary;
    }
    if (held_.state() == HeldTransaction::State::Begun) {
        return held_.control() == sql::Control::BeginReadOnly ? route::Demand::PreferStandby
                                                              : route::Demand::Primary;
    }
    if (traits != nullptr) {
        return standby_may_serve(*traits) ? route::Demand::PreferStandby : route::Demand::Primary;
    }
    auto const type = static_cast<wire::FrontendType>(header.type);
    if (type == wire::FrontendType::FunctionCall || type == wire::FrontendType::Query ||
        scout_count_ >= kScoutsMax) {
        return route::Demand::Primary;
    }
    ++scout_count_;
    ScoutView const view{.statements = statements_,
                         .unnamed = unnamed_ == Unnamed::None ? nullptr : &unnamed_traits_,
                         .dialect = dialect_};
    switch (scout_unit(shared, in, view)) {
        case Scouted::NeedMore:
            return std::nullopt;
        case Scouted::Read:
            return route::Demand::PreferStandby;
        case Scouted::Write:
            return route::Demand::Primary;
    }
    return route::Demand::Primary;
}

Session::Handled Session::place(Shared& shared, Backend* backend, wire::Header header,
                                const sql::Traits* traits) {
    if (backend == nullptr) {
        std::optional<route::Demand> const wanted = demand(shared, header, traits);
        if (!wanted.has_value()) {
            return kStarved;
        }
        return SessionStep{.kind = SessionStep::Kind::NeedsBackend, .demand = *wanted};
    }
    if (!has_caught_up()) {
        return kAwaitsEcho;
    }
    // Behind half of a notice the backend looks unused, and is what is left of an earlier unit all the same.
    bool const unused = backend->pipeline.empty() && !backend->mid_message_to_client();
    bool const own = !pins_.empty() || session_pooled() || backend->pipeline.open() || unused;
    if (own || attached_demand_ != route::Demand::PreferStandby || PGRING_MUTATION(WriteFollowsReads)) {
        return std::nullopt;
    }
    // Earlier reads are still out on a standby, and what the client will be in after them is not known yet.
    std::optional<route::Demand> const wanted = demand(shared, header, traits);
    if (!wanted.has_value()) {
        return kStarved;
    }
    if (*wanted == route::Demand::PreferStandby) {
        return std::nullopt;
    }
    return SessionStep{.kind = SessionStep::Kind::NeedsDrain, .demand = *wanted};
}

void Session::send_begin(Shared& shared, Backend& backend) {
    if (held_.state() != HeldTransaction::State::Begun) {
        return;
    }
    if (!backend.start_errand(shared, Errand::Begin, held_.begin_text())) {
        fail(shared, errors::kOutOfMemory);
    }
    held_.end();
}

// -- Moving bytes --

void Session::forward(Backend& backend, wire::Header header) {
    forward_bytes(backend, header.message_bytes());
}

/// The next so many bytes, as they come.
void Session::forward_bytes(Backend& backend, std::uint64_t size_bytes) {
    body_rest_bytes_ = size_bytes;
    dropping_rest_ = false;
    forward_rest(&backend);
}

/// Forwards a message of the extended protocol as it is, and keeps it where its unit is kept.
void Session::send_on(Shared& shared, Backend& backend, wire::Header header, Expected entry) {
    if (backend.replay.open()) {
        std::size_t const size_bytes = header.message_bytes();
        if (whole(header) && size_bytes <= UnitReplay::kBytesMax) {
            backend.replay.append(in.view(0, size_bytes, shared.scratch), entry);
        } else {
            backend.replay.forget();
        }
    }
    backend.pipeline.expect(entry);
    forward(backend, header);
}

void Session::drop(wire::Header header) {
    body_rest_bytes_ = header.message_bytes();
    dropping_rest_ = true;
    forward_rest(nullptr);
}

void Session::forward_rest(Backend* backend) {
    std::size_t const count = std::min<std::uint64_t>(body_rest_bytes_, in.size_bytes());
    if (dropping_rest_ || backend == nullptr) {
        in.consume(count);
    } else {
        in.move_front(count, backend->out);
    }
    body_rest_bytes_ -= count;
}

std::span<const std::byte> Session::body(Shared& shared, wire::Header header,
                                         std::size_t size_bytes_max) const {
    std::size_t const there =
        std::min<std::uint64_t>(in.size_bytes() - wire::kHeaderBytes, header.body_bytes);
    return in.view(wire::kHeaderBytes, std::min(there, size_bytes_max), shared.scratch);
}

}  // namespace pgring::session
