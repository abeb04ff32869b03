#include "session/backend.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/mutation.h"
#include "session/error_names.h"
#include "session/errors.h"
#include "session/session.h"
#include "wire/body_reader.h"
#include "wire/framing.h"
#include "wire/messages.h"

namespace pgring::session {

namespace {

/// No message of a login is longer; a server that sends more is not PostgreSQL.
constexpr std::uint32_t kLoginBodyBytesMax = 64 * 1024;

/// A tag without its zero byte.
std::string_view tag_of(std::span<const std::byte> body) {
    std::string_view const text = wire::as_text(body);
    return text.substr(0, text.find('\0'));
}

/// "cached plan must not change result type", in whatever language.
bool is_outdated_plan(const wire::ErrorReport& report) {
    return report.sqlstate == sqlstate::kFeatureNotSupported && report.routine == "RevalidateCachedQuery";
}

/// Parse of the client's unnamed statement; in session pooling, of any.
bool prepares_unnamed(const Expected& entry) {
    return entry.request == Request::Parse && entry.audience == Audience::Client &&
           entry.purpose == Purpose::None;
}

bool is_fatal(const wire::ErrorReport& report) {
    return report.severity == "FATAL" || report.severity == "PANIC";
}

}  // namespace

bool ServerError::is_final() const {
    return sqlstate.starts_with("28") || sqlstate.starts_with("3D") || sqlstate.starts_with("42") ||
           sqlstate.starts_with("0A") || sqlstate.starts_with("22");
}

bool ServerError::is_suspicious() const {
    return sqlstate.empty() || sqlstate.starts_with("57P") || sqlstate.starts_with("08") ||
           sqlstate == "25006";
}

Backend::Backend(Destination& destination, topology::ServerIndex server, Use use, buffer::BufferPool& buffers)
    : in(buffers),
      out(buffers),
      destination_(&destination),
      server_(server),
      use_(use),
      rehearsed_(buffers) {}

void Backend::start_login(Shared& shared) {
    parameters = shared.parameters.empty();
    fixed = shared.parameters.empty();
    dialogue_.emplace(
        auth::ServerDialogue::Options{
            .user = destination_->user,
            .secret = destination_->secret,
            .learned_keys = destination_->learned_keys.has_value() ? &*destination_->learned_keys : nullptr},
        shared.scram_keys, shared.random);
    wire::MessageWriter writer(shared.scratch);
    writer.begin_untyped().u32(wire::kProtocol3_0);
    writer.string("user").string(destination_->user).string("database").string(destination_->database);
    if (destination_->replication != Replication::None) {
        writer.string("replication").string(to_string(destination_->replication));
    }
    if (use_ == Use::Listening) {
        // For who reads pg_stat_activity.
        writer.string("application_name").string("pgring listener");
    }
    for (const SpelledParameter& parameter : destination_->startup_parameters) {
        writer.string(parameter.name).string(parameter.value);
    }
    writer.byte('\0').end();
    ASSERT(writer.ok());
    if (!out.push_copy(writer.written())) {
        error_ = ServerError{.sqlstate = std::string(sqlstate::kOutOfMemory),
                             .message = "pgring is out of buffers"};
    }
}

BackendStep Backend::advance(Shared& shared, Session* session) {
    for (;;) {
        if (body_rest_bytes_ > 0) {
            relay_rest(session);
            if (body_rest_bytes_ > 0) {
                return BackendStep::Starved;
            }
        }
        if (!pipeline.empty() && pipeline.front().audience == Audience::Local) {
            answer_local(shared, session);
        }
        if (pipeline.empty() && !pipeline.ahead.empty()) {
            // What comes now is for somebody who does not have the backend yet.
            return BackendStep::Starved;
        }
        std::array<std::byte, wire::kHeaderBytes> memory;
        std::size_t const head_bytes = std::min<std::size_t>(in.size_bytes(), wire::kHeaderBytes);
        wire::Framed const framed = wire::frame(in.view(0, head_bytes, memory));
        switch (framed.state) {
            case wire::Framed::State::NeedMore:
                return BackendStep::Starved;
            case wire::Framed::State::Broken:
                return *violation("invalid message length from the server");
            case wire::Framed::State::Complete:
                break;
        }
        Handled const handled =
            logged_in_ ? on_message(shared, session, framed.header) : on_login_message(shared, framed.header);
        if (handled.has_value()) {
            return *handled;
        }
    }
}

std::span<const std::byte> Backend::body(Shared& shared, wire::Header header) const {
    return in.view(wire::kHeaderBytes, header.body_bytes, shared.scratch);
}

void Backend::relay(Session* session, wire::Header header) {
    body_rest_bytes_ = header.message_bytes();
    forwarding_ = session != nullptr;
    relay_rest(session);
}

void Backend::relay_run(Session* session, wire::Header header) {
    body_rest_bytes_ = std::max(header.message_bytes(), wire::run_bytes(in.piece_at(0), header.type));
    forwarding_ = session != nullptr;
    relay_rest(session);
}

void Backend::relay_rest(Session* session) {
    std::size_t const count = std::min<std::uint64_t>(body_rest_bytes_, in.size_bytes());
    if (forwarding_ && session != nullptr) {
        in.move_front(count, session->out);
    } else {
        in.consume(count);
    }
    body_rest_bytes_ -= count;
}

// -- After the login --

bool Backend::speaks_to_client(const Session* session) const {
    // Before its welcome a client is told nothing but that.
    return session != nullptr && session->phase() == Session::Phase::Ready &&
           (pipeline.empty() || pipeline.front().audience == Audience::Client);
}

Backend::Handled Backend::on_message(Shared& shared, Session* session, wire::Header header) {
    bool const for_client = speaks_to_client(session);
    auto const type = static_cast<wire::BackendType>(header.type);
    if (type == wire::BackendType::ParameterStatus) {
        return on_parameter(shared, session, header);
    }
    if (type == wire::BackendType::NoticeResponse) {
        relay(for_client ? session : nullptr, header);
        return std::nullopt;
    }
    if (type == wire::BackendType::NotificationResponse) {
        return on_notification(session, header);
    }
    if (type == wire::BackendType::ErrorResponse) {
        return on_error(shared, session, header);
    }
    return pipeline.empty() ? on_unasked(session, header) : on_reply(shared, session, header);
}

Backend::Handled Backend::on_notification(Session* session, wire::Header header) {
    if (use_ == Use::Listening) {
        if (header.body_bytes > kWholeBytesMax) {
            return violation("oversized NotificationResponse from the server");
        }
        return whole(header) ? BackendStep::Notified : BackendStep::Starved;
    }
    // What the session's LISTENs bring here, before it hands the backend on, the listener brings too.
    relay(session != nullptr && !session->hears_by_listener() ? session : nullptr, header);
    return std::nullopt;
}

std::optional<Notification> Backend::notification(Shared& shared) const {
    std::array<std::byte, wire::kHeaderBytes> memory{};
    wire::Framed const framed = wire::frame(in.view(0, wire::kHeaderBytes, memory));
    ASSERT(framed.header.type == static_cast<char>(wire::BackendType::NotificationResponse) &&
           whole(framed.header));
    wire::BodyReader reader(body(shared, framed.header));
    Notification notification{.server = server_, .process_id = reader.u32(), .channel = {}, .payload = {}};
    notification.channel = reader.string();
    notification.payload = reader.string();
    return reader.ok() ? std::optional(notification) : std::nullopt;
}

void Backend::drop_notification() {
    std::array<std::byte, wire::kHeaderBytes> memory{};
    in.consume(wire::frame(in.view(0, wire::kHeaderBytes, memory)).header.message_bytes());
}

Backend::Handled Backend::on_unasked(Session* session, wire::Header header) {
    // In COPY BOTH (replication) the server speaks without being asked.
    if (header.type == static_cast<char>(wire::BackendType::CopyData) && session != nullptr) {
        relay(session, header);
        return std::nullopt;
    }
    return violation("the server answered what nobody asked");
}

Backend::Handled Backend::on_reply(Shared& shared, Session* session, wire::Header header) {
    Request const request = pipeline.front().request;
    Session* const audience = pipeline.front().audience == Audience::Client ? session : nullptr;
    switch (static_cast<wire::BackendType>(header.type)) {
        case wire::BackendType::DataRow:
            if (pipeline.front().audience == Audience::Errand) {
                return on_errand_row(shared, header);
            }
            [[fallthrough]];
        case wire::BackendType::CopyData:
            relay_run(audience, header);
            return std::nullopt;
        case wire::BackendType::CopyDone:
        case wire::BackendType::CopyOutResponse:
        case wire::BackendType::CopyBothResponse:
        case wire::BackendType::FunctionCallResponse:
        case wire::BackendType::ParameterDescription:
            relay(audience, header);
            return std::nullopt;
        case wire::BackendType::RowDescription:
            if (request == Request::Describe) {
                return on_described(shared, session, header);
            }
            relay(audience, header);
            return std::nullopt;
        case wire::BackendType::NoData:
            return on_described(shared, session, header);
        case wire::BackendType::ParseComplete:
            return complete(session, header, Request::Parse);
        case wire::BackendType::BindComplete:
            return complete(session, header, Request::Bind);
        case wire::BackendType::CloseComplete:
            return complete(session, header, Request::Close);
        case wire::BackendType::CopyInResponse:
            pipeline.copy_in_begins();
            relay(audience, header);
            return std::nullopt;
        case wire::BackendType::CommandComplete:
            if (header.body_bytes > kWholeBytesMax) {
                return violation("oversized CommandComplete from the server");
            }
            if (!whole(header)) {
                return BackendStep::Starved;
            }
            on_command_complete(shared, session, tag_of(body(shared, header)));
            [[fallthrough]];
        case wire::BackendType::EmptyQueryResponse:
        case wire::BackendType::PortalSuspended:
            if (request == Request::Execute) {
                return complete(session, header, Request::Execute);
            }
            relay(audience, header);
            return std::nullopt;
        case wire::BackendType::ReadyForQuery:
            return on_ready(shared, session, header);
        case wire::BackendType::Authentication:
        case wire::BackendType::BackendKeyData:
        case wire::BackendType::NegotiateProtocolVersion:
        case wire::BackendType::ErrorResponse:
        case wire::BackendType::NoticeResponse:
        case wire::BackendType::NotificationResponse:
        case wire::BackendType::ParameterStatus:
            break;
    }
    return violation("unexpected message type from the server");
}

Backend::Handled Backend::complete(Session* session, wire::Header header, Request request) {
    Expected const entry = pipeline.front();
    if (entry.request != request) {
        return violation("the server's answer does not fit the request");
    }
    pipeline.pop();
    if (entry.purpose == Purpose::ClientName && session != nullptr) {
        session->statements().confirm();
    }
    relay(entry.audience == Audience::Client ? session : nullptr, header);
    if (entry.purpose == Purpose::CarryName) {
        if (request == Request::Close) {
            names.removed(entry.statement);
        }
        // Where it ends with a Sync that is still to be answered.
        return pipeline.empty() ? Handled(BackendStep::ErrandDone) : std::nullopt;
    }
    if (request == Request::Parse && entry.statement != kNoStatement) {
        destination_->statements.accept(entry.statement);
    }
    if (tells_channels(entry.purpose) && session != nullptr) {
        session->listening()->entry_over();
    }
    if (tells_names(entry.purpose) && session != nullptr) {
        session->names_over();
    }
    if (entry.purpose == Purpose::ReturnToStartup && request == Request::Execute && session != nullptr) {
        session->returned_to_startup();
    }
    return std::nullopt;
}

/// RowDescription or NoData.
Backend::Handled Backend::on_described(Shared& shared, Session* session, wire::Header header) {
    Expected const entry = pipeline.front();
    if (entry.statement != kNoStatement && entry.request == Request::Describe) {
        RowShape shape = header.type == static_cast<char>(wire::BackendType::NoData) ? kRowless : kTooWide;
        if (shape == kTooWide && header.body_bytes <= kWholeBytesMax) {
            if (!whole(header)) {
                return BackendStep::Starved;
            }
            shape = row_shape(body(shared, header));
            if (shape == kNoShape) {
                return violation("malformed RowDescription from the server");
            }
        }
        if (entry.purpose == Purpose::AskShape) {
            statements.describe(entry.statement, shape, unit);
        } else if (session != nullptr) {
            statements.describe(entry.statement, shape);
            session->statements().describe(entry.statement, shape);
        }
    }
    if (Handled const broken = complete(session, header, Request::Describe)) {
        return broken;
    }
    return entry.purpose == Purpose::AskShape ? Handled(BackendStep::ErrandDone) : std::nullopt;
}

Backend::Handled Backend::on_ready(Shared& shared, Session* session, wire::Header header) {
    if (header.body_bytes != 1) {
        return violation("malformed ReadyForQuery from the server");
    }
    if (!whole(header)) {
        return BackendStep::Starved;
    }
    char const status = static_cast<char>(body(shared, header)[0]);
    if (status != 'I' && status != 'T' && status != 'E') {
        return violation("unknown transaction status from the server");
    }
    Expected const entry = pipeline.front();
    if (entry.request != Request::Query && entry.request != Request::Sync &&
        entry.request != Request::FunctionCall) {
        return violation("ReadyForQuery came too early");
    }
    bool const listens =
        entry.audience == Audience::Client && session != nullptr && session->listening() != nullptr;
    if (listens && status == 'I' && session->awaits_echo(entry.stake)) {
        return BackendStep::AwaitsListener;
    }
    pipeline.pop();
    status_ = static_cast<wire::TransactionStatus>(status);
    if (PGRING_MUTATION(FailedTransactionIsIdle) && status == 'E') {
        status_ = wire::TransactionStatus::Idle;
    }
    front_error_sent_ = false;
    if (entry.purpose == Purpose::Refusal && session != nullptr) {
        session->forget_refusal();
    }
    if (tells_names(entry.purpose) && session != nullptr) {
        session->names_over();
    }
    if (entry.audience == Audience::Client) {
        if (listens) {
            session->on_ready_to_tell(shared, *this, entry);
        }
        relay(session, header);
        if (session != nullptr) {
            session->on_ready(status_);
        }
        shared.stats.servers[server_.value].queries.add();
        return std::nullopt;
    }
    relay(nullptr, header);
    if (entry.purpose == Purpose::ErrandAwaited) {
        return BackendStep::ErrandDone;
    }
    return std::nullopt;
}

Backend::Handled Backend::on_error(Shared& shared, Session* session, wire::Header header) {
    bool const readable = header.body_bytes <= kWholeBytesMax;
    if (readable && !whole(header)) {
        return BackendStep::Starved;
    }
    wire::ErrorReport const report = readable ? wire::read_error(body(shared, header)) : wire::ErrorReport{};
    bool const unasked = pipeline.empty() && !pipeline.open();
    if (is_fatal(report) || (unasked && session == nullptr)) {
        error_ =
            ServerError{.sqlstate = std::string(report.sqlstate), .message = std::string(report.message)};
        bool const last_words = is_fatal(report) && readable && speaks_to_client(session);
        if (last_words && session->session_pooled()) {
            // The client ends with its server, and hears why as it would without pgring.
            relay(session, header);
            session->end();
        } else {
            in.consume(std::min<std::uint64_t>(header.message_bytes(), in.size_bytes()));
        }
        return BackendStep::Broken;
    }
    if (pipeline.empty()) {
        relay(session, header);
        return std::nullopt;
    }
    Expected const entry = pipeline.front();
    if (entry.audience == Audience::Nobody) {
        relay(nullptr, header);
        pipeline.error([](const Expected&) {});
        return std::nullopt;
    }
    if (entry.audience == Audience::Errand && entry.request == Request::Query) {
        errand_failed_ = true;
        error_ =
            ServerError{.sqlstate = std::string(report.sqlstate), .message = std::string(report.message)};
        relay(nullptr, header);
        if (entry.purpose == Purpose::ErrandBegin) {
            // The client's own statements follow a BEGIN at once: they may be committed one by one.
            pipeline.begin_failed();
            return BackendStep::Broken;
        }
        return std::nullopt;
    }
    if (entry.purpose == Purpose::CarryName && !pipeline.open()) {
        errand_failed_ = true;
        error_ =
            ServerError{.sqlstate = std::string(report.sqlstate), .message = std::string(report.message)};
        relay(nullptr, header);
        pipeline.error([this, session](const Expected& skipped) { undo(session, skipped); });
        return std::nullopt;
    }
    if (is_outdated_plan(report) && entry.statement != kNoStatement) {
        destination_->statements.outdate(entry.statement);
        if (session != nullptr && entry.audience == Audience::Client && may_send_again()) {
            relay(nullptr, header);
            if (!send_again(shared, entry.statement)) {
                return violation("pgring is out of buffers");
            }
            return std::nullopt;
        }
    }
    bool const substitute = entry.purpose == Purpose::Refusal && session != nullptr &&
                            report.sqlstate != sqlstate::kInFailedTransaction;
    if (substitute) {
        relay(nullptr, header);
        session->tell_refusal();
    } else {
        relay_error(shared, session, header);
    }
    front_error_sent_ = true;
    if (session != nullptr && session->listening() != nullptr) {
        session->listening()->failed();
    }
    std::size_t name_count = 0;
    bool unnamed_skipped = false;
    pipeline.error([this, session, &name_count, &unnamed_skipped](const Expected& skipped) {
        undo(session, skipped);
        name_count += notes_name(skipped) ? 1 : 0;
        unnamed_skipped = unnamed_skipped || prepares_unnamed(skipped);
    });
    if (session != nullptr) {
        session->statements().undo(name_count);
        if (unnamed_skipped && !pipeline.any(prepares_unnamed)) {
            session->forget_unnamed();
        }
    }
    return std::nullopt;
}

/// To the client its statement has the name that it gave it.
void Backend::relay_error(Shared& shared, Session* session, wire::Header header) {
    Expected const entry = pipeline.front();
    std::string told;
    if (session != nullptr && entry.request == Request::Bind && entry.statement != kNoStatement &&
        header.body_bytes <= kWholeBytesMax) {
        std::array<char, 32> memory{};
        std::string_view const server = server_name(entry.statement, memory);
        std::string_view const client = session->statements().name_of(entry.statement);
        told = error_as_client_calls_it(body(shared, header), server, client);
    }
    relay(told.empty() ? session : nullptr, header);
    if (!told.empty()) {
        session->tell(std::as_bytes(std::span(told)));
    }
}

/// The unit that the server refuses at its first message is all that is out, and a copy of it is there.
bool Backend::may_send_again() const {
    return replay.complete() && pipeline.size() == replay.entries().size() &&
           pipeline.front().request == replay.entries().front().request;
}

/// The server refused the unit because a plan is outdated, and skips to its Sync, which is nobody's business
/// then. The statement is prepared again and the unit sent again. False when out of buffers.
bool Backend::send_again(Shared& shared, std::uint32_t statement) {
    const Statement* const known = destination_->statements.find(statement);
    // The session has a name for it: nothing that could have dropped it is behind the unit.
    ASSERT(known != nullptr);
    pipeline.error([](const Expected&) {});
    if (replay.synced() || replay.by_sql()) {
        ASSERT(pipeline.size() == 1);
        pipeline.keep_front();
    } else {
        std::array<std::byte, 8> memory{};
        wire::MessageWriter writer(memory);
        writer.begin(wire::FrontendType::Sync).end();
        if (!out.push_copy(writer.written())) {
            return false;
        }
        pipeline.expect({.request = Request::Sync, .audience = Audience::Errand});
    }
    bool const prepared = replay.by_sql() ? carry_again(shared, *known) : prepare(shared, *known);
    if (!prepared || !out.push_copy(replay.bytes())) {
        return false;
    }
    for (const Expected& entry : replay.entries()) {
        pipeline.expect(entry);
    }
    replay.forget();
    ++unit;
    return true;
}

void Backend::undo(Session* session, const Expected& entry) {
    switch (entry.purpose) {
        case Purpose::ClientName:
            if (entry.request == Request::Parse && entry.audience == Audience::Client) {
                statements.remove(entry.statement);
            }
            break;
        case Purpose::Prepare:
            statements.remove(entry.statement);
            break;
        case Purpose::Evict:
            restore(entry.statement);
            break;
        case Purpose::PrepareUnnamed:
            unnamed_owner = {};
            break;
        case Purpose::AskShape:
            pending_errand_ = Errand::None;
            break;
        case Purpose::Refusal:
            if (session != nullptr) {
                session->forget_refusal();
            }
            break;
        case Purpose::Channels:
        case Purpose::Names:
        case Purpose::ChannelsAndNames:
            if (session != nullptr && tells_channels(entry.purpose)) {
                session->listening()->entry_over();
            }
            if (session != nullptr && tells_names(entry.purpose)) {
                session->names_over();
            }
            break;
        case Purpose::CarryName:
            names.undo(entry.statement);
            if (pipeline.open()) {
                // No Sync is behind it, so nothing more of the errand will be answered.
                pending_errand_ = Errand::None;
            }
            break;
        case Purpose::DiscardSequences:
            sequences.kept();
            [[fallthrough]];
        case Purpose::None:
        case Purpose::ReturnToStartup:
            if (entry.request == Request::Parse) {
                unnamed_owner = {};
            }
            break;
        case Purpose::Deallocate:
        case Purpose::ErrandBegin:
        case Purpose::ErrandAwaited:
            break;
    }
}

void Backend::on_command_complete(Shared& shared, Session* session, std::string_view tag) {
    bool const discards = tag == "DISCARD ALL";
    if (discards || tag == "DEALLOCATE ALL") {
        statements.clear();
        names.clear();
        unnamed_owner = {};
        if (session != nullptr && pipeline.front().audience == Audience::Client) {
            session->on_deallocate_all();
        }
    }
    // Amid a unit it was noted when it was sent: the write that it makes room for has been noted since.
    bool const noted = pipeline.front().purpose == Purpose::DiscardSequences;
    if (discards || (tag == "DISCARD SEQUENCES" && !noted)) {
        sequences.discarded();
    }
    if (discards) {
        // RESET does not say of what: it may be of one parameter only. What it reset is read.
        forget_unreported(shared);
    }
    if (discards && session != nullptr && pipeline.front().audience == Audience::Client) {
        session->on_discard_all(shared, *this);
    }
    if (session != nullptr && session->listening() != nullptr &&
        pipeline.front().audience == Audience::Client) {
        session->listening()->completed(
            tag, tells_channels(pipeline.front().purpose) ? Listening::Tracked::Yes : Listening::Tracked::No);
    }
    if (session != nullptr && tells_names(pipeline.front().purpose)) {
        session->on_name_step(*this);
    }
}

Backend::Handled Backend::on_parameter(Shared& shared, Session* session, wire::Header header) {
    bool const for_client = speaks_to_client(session);
    if (header.body_bytes > kWholeBytesMax) {
        relay(for_client ? session : nullptr, header);
        return std::nullopt;
    }
    if (!whole(header)) {
        return BackendStep::Starved;
    }
    wire::BodyReader reader(body(shared, header));
    std::string_view const name = reader.string();
    std::string_view const value = reader.string();
    if (!reader.ok()) {
        return violation("malformed ParameterStatus from the server");
    }
    note_parameter(shared, name, value);
    bool const told = for_client && session->on_parameter(shared, *this, name, value);
    relay(told ? session : nullptr, header);
    return std::nullopt;
}

void Backend::note_parameter(Shared& shared, std::string_view name, std::string_view value) {
    if (same_name(name, "in_hot_standby")) {
        in_hot_standby_ = value == "on";
    } else if (settable(name)) {
        parameters = shared.parameters.with(parameters, name, value);
    } else {
        fixed = shared.parameters.with(fixed, name, value);
    }
}

void Backend::forget_unreported(Shared& shared) {
    parameters = shared.parameters.without_unreported(parameters);
}

Backend::Handled Backend::violation(std::string_view text) {
    error_ = ServerError{.sqlstate = std::string(sqlstate::kProtocolViolation), .message = std::string(text)};
    return BackendStep::Broken;
}

// -- What pgring asks itself --

bool Backend::start_errand(Shared& shared, Errand errand, std::string_view text) {
    ASSERT(pending_errand_ == Errand::None);
    wire::MessageWriter writer(shared.scratch);
    wire::write_query(writer, text);
    if (!writer.ok() || !out.push_copy(writer.written())) {
        return false;
    }
    bool const awaited = errand != Errand::Begin;
    pipeline.expect({.request = Request::Query,
                     .audience = Audience::Errand,
                     .stake = awaited ? Stake::None : Stake::Begins,
                     .purpose = awaited ? Purpose::ErrandAwaited : Purpose::ErrandBegin});
    if (awaited) {
        pending_errand_ = errand;
    }
    errand_failed_ = false;
    errand_row_.clear();
    // PostgreSQL docs, "Extended Query": a simple query destroys the unnamed statement.
    unnamed_owner = {};
    return true;
}

Backend::Handled Backend::on_errand_row(Shared& shared, wire::Header header) {
    if (header.message_bytes() > shared.scratch.size()) {
        return violation("oversized answer to a query of pgring's own");
    }
    if (!whole(header)) {
        return BackendStep::Starved;
    }
    wire::BodyReader reader(body(shared, header));
    errand_row_.clear();
    constexpr std::uint32_t kNull = 0xffffffffU;
    for (std::uint16_t columns = reader.u16(); columns > 0 && reader.ok(); --columns) {
        std::uint32_t const size_bytes = reader.u32();
        errand_row_.push_back(size_bytes == kNull
                                  ? std::nullopt
                                  : std::optional(std::string(wire::as_text(reader.take(size_bytes)))));
    }
    if (!reader.ok()) {
        return violation("malformed DataRow from the server");
    }
    relay(nullptr, header);
    return std::nullopt;
}

Errand Backend::take_errand() {
    return std::exchange(pending_errand_, Errand::None);
}

void Backend::note_fresh() {
    initial_parameters_ = parameters;
    if (use_ == Use::Sessions) {
        destination_->defaults = parameters;
        destination_->fixed = fixed;
        destination_->in_hot_standby = in_hot_standby_;
    }
}

BackendState Backend::leave() {
    ASSERT(may_leave());
    names.owner = {};
    sequences.forget_writer();
    return {.statements = std::move(statements),
            .names = std::move(names),
            .sequences = sequences,
            .unit = unit,
            .parameters = std::move(parameters),
            .fixed = std::move(fixed),
            .initial_parameters = std::move(initial_parameters_),
            .in_hot_standby = in_hot_standby_,
            .cancel_key = std::move(cancel_key_)};
}

void Backend::arrive(Shared& shared, BackendState state) {
    ASSERT(!logged_in_);
    logged_in_ = true;
    statements = std::move(state.statements);
    names = std::move(state.names);
    sequences = state.sequences;
    unit = state.unit;
    parameters = shared.parameters.equal_to(*state.parameters);
    fixed = shared.parameters.equal_to(*state.fixed);
    initial_parameters_ = shared.parameters.equal_to(*state.initial_parameters);
    in_hot_standby_ = state.in_hot_standby;
    cancel_key_ = std::move(state.cancel_key);
    if (destination_->defaults == nullptr) {
        // No backend of the destination has logged in at this worker.
        destination_->defaults = initial_parameters_;
        destination_->fixed = fixed;
        destination_->in_hot_standby = in_hot_standby_;
    }
}

void Backend::was_reset(Shared& shared) {
    // What it did to prepared statements its command tag has told.
    forget_unreported(shared);
    needs_reset = false;
}

bool Backend::prepare(Shared& shared, const Statement& statement) {
    if (statements.use(statement, unit)) {
        return true;
    }
    if (!make_room(shared, &statement)) {
        return false;
    }
    std::array<char, 32> memory{};
    std::string_view const name = server_name(statement.number, memory);
    std::array<std::byte, 64> head{};
    wire::MessageWriter writer(head);
    writer.begin(wire::FrontendType::Parse).string(name).end(statement.parse_body().size());
    ASSERT(writer.ok());
    if (!out.push_copy(writer.written()) ||
        !out.push_copy(std::as_bytes(std::span(statement.parse_body())))) {
        return false;
    }
    pipeline.expect({.request = Request::Parse,
                     .audience = Audience::Errand,
                     .purpose = Purpose::Prepare,
                     .statement = statement.number});
    if (!pipeline.skipping()) {
        statements.add(statement, unit);
    }
    shared.stats.statements_prepared_again.add();
    return true;
}

bool Backend::ask_shape(Shared& shared, const Statement& statement) {
    ASSERT(pending_errand_ == Errand::None);
    // The plan that is there may be outdated, and the server would fail rather than say so.
    statements.outdate(statement.number);
    if (!prepare(shared, statement)) {
        return false;
    }
    std::array<char, 32> name{};
    std::array<std::byte, 64> memory{};
    wire::MessageWriter writer(memory);
    writer.begin(wire::FrontendType::Describe).byte('S').string(server_name(statement.number, name)).end();
    writer.begin(wire::FrontendType::Flush).end();
    ASSERT(writer.ok());
    if (!out.push_copy(writer.written())) {
        return false;
    }
    pipeline.expect({.request = Request::Describe,
                     .audience = Audience::Errand,
                     .purpose = Purpose::AskShape,
                     .statement = statement.number});
    pending_errand_ = Errand::Shape;
    return true;
}

bool Backend::make_room(Shared& shared, const Statement* statement) {
    if (pipeline.skipping()) {
        return true;
    }
    if (statement != nullptr && statements.outdated(*statement)) {
        return close_statement(statement->number);
    }
    std::uint32_t const surplus = statements.surplus(shared.settings.pgring.max_prepared_statements, unit);
    return surplus == kNoStatement || close_statement(surplus);
}

/// A Close of pgring's own was skipped.
void Backend::restore(std::uint32_t statement) {
    const Statement* const known = destination_->statements.find(statement);
    statements.restore(statement, known == nullptr ? 0 : known->version());
}

bool Backend::run_amid_unit(Shared& shared, std::string_view text, Purpose purpose) {
    // The unnamed statement is made anew where the client refers to it, and its unnamed portal left alone.
    constexpr std::string_view kPortal = "pgring_own";
    wire::MessageWriter writer(shared.scratch);
    writer.begin(wire::FrontendType::Parse).string("").string(text).u16(0).end();
    writer.begin(wire::FrontendType::Bind).string(kPortal).string("").u16(0).u16(0).u16(0).end();
    writer.begin(wire::FrontendType::Execute).string(kPortal).u32(0).end();
    writer.begin(wire::FrontendType::Close).byte('P').string(kPortal).end();
    if (!writer.ok() || !out.push_copy(writer.written())) {
        return false;
    }
    unnamed_owner = {};
    for (Request const request : {Request::Parse, Request::Bind, Request::Execute, Request::Close}) {
        pipeline.expect({.request = request, .audience = Audience::Errand, .purpose = purpose});
    }
    return true;
}

bool Backend::close_statement(std::uint32_t statement) {
    std::array<char, 32> memory{};
    std::array<std::byte, 64> head{};
    wire::MessageWriter writer(head);
    writer.begin(wire::FrontendType::Close).byte('S').string(server_name(statement, memory)).end();
    if (!out.push_copy(writer.written())) {
        return false;
    }
    pipeline.expect({.request = Request::Close,
                     .audience = Audience::Errand,
                     .purpose = Purpose::Evict,
                     .statement = statement});
    if (!PGRING_MUTATION(EvictedStatementRemembered)) {
        statements.remove(statement);
    }
    return true;
}

void Backend::answer_local(Shared& shared, Session* session) {
    while (body_rest_bytes_ == 0 && !pipeline.empty() && pipeline.front().audience == Audience::Local) {
        ASSERT(session != nullptr);
        Expected const entry = pipeline.pop();
        std::array<std::byte, 256> memory{};
        wire::MessageWriter writer(memory);
        bool refused = false;
        if (entry.request == Request::Parse) {
            writer.begin(wire::BackendType::ParseComplete).end();
        } else if (entry.request == Request::Close) {
            writer.begin(wire::BackendType::CloseComplete).end();
        } else {
            ASSERT(entry.purpose == Purpose::Deallocate);
            refused = status_ == wire::TransactionStatus::InFailedTransaction;
            if (refused) {
                write_error(writer, wire::Severity::Error, errors::kInFailedTransaction);
            } else {
                wire::write_command_complete(writer, "DEALLOCATE");
            }
            wire::write_ready_for_query(writer, status_);
        }
        session->tell(writer.written());
        if (entry.purpose == Purpose::Deallocate) {
            session->on_ready(status_);
        }
        if (entry.purpose == Purpose::ClientName || entry.purpose == Purpose::Deallocate) {
            if (refused) {
                session->statements().undo(1);
            } else {
                session->statements().confirm();
            }
        }
    }
    static_cast<void>(shared);
}

// -- The login --

Backend::Handled Backend::on_login_message(Shared& shared, wire::Header header) {
    if (header.body_bytes > kLoginBodyBytesMax) {
        return violation("oversized message from the server during login");
    }
    if (!whole(header)) {
        return BackendStep::Starved;
    }
    std::span<const std::byte> const content = body(shared, header);
    Handled handled;
    switch (static_cast<wire::BackendType>(header.type)) {
        case wire::BackendType::Authentication:
            handled = on_authentication(shared, content);
            break;
        case wire::BackendType::ParameterStatus: {
            wire::BodyReader reader(content);
            std::string_view const name = reader.string();
            std::string_view const value = reader.string();
            if (!reader.ok()) {
                return violation("malformed ParameterStatus from the server");
            }
            note_parameter(shared, name, value);
            break;
        }
        case wire::BackendType::BackendKeyData: {
            wire::BodyReader reader(content);
            cancel_key_.process_id = reader.u32();
            cancel_key_.secret = wire::as_text(reader.rest());
            if (!reader.ok() || cancel_key_.secret.size() > wire::kSecretBytesMax) {
                return violation("malformed BackendKeyData from the server");
            }
            break;
        }
        case wire::BackendType::NoticeResponse:
        case wire::BackendType::NegotiateProtocolVersion:
            break;
        case wire::BackendType::ErrorResponse: {
            wire::ErrorReport const report = wire::read_error(content);
            error_ =
                ServerError{.sqlstate = std::string(report.sqlstate), .message = std::string(report.message)};
            handled = BackendStep::Broken;
            break;
        }
        case wire::BackendType::ReadyForQuery:
            if (dialogue_.has_value()) {
                return violation("the server did not authenticate");
            }
            if (wire::as_text(content) != "I") {
                return violation("malformed ReadyForQuery from the server during login");
            }
            logged_in_ = true;
            note_fresh();
            handled = BackendStep::LoggedIn;
            break;
        case wire::BackendType::BindComplete:
        case wire::BackendType::CloseComplete:
        case wire::BackendType::CommandComplete:
        case wire::BackendType::CopyData:
        case wire::BackendType::CopyDone:
        case wire::BackendType::CopyInResponse:
        case wire::BackendType::CopyOutResponse:
        case wire::BackendType::CopyBothResponse:
        case wire::BackendType::DataRow:
        case wire::BackendType::EmptyQueryResponse:
        case wire::BackendType::FunctionCallResponse:
        case wire::BackendType::NoData:
        case wire::BackendType::NotificationResponse:
        case wire::BackendType::ParameterDescription:
        case wire::BackendType::ParseComplete:
        case wire::BackendType::PortalSuspended:
        case wire::BackendType::RowDescription:
        default:
            return violation("unexpected message type from the server during login");
    }
    in.consume(header.message_bytes());
    return handled;
}

Backend::Handled Backend::on_authentication(Shared& shared, std::span<const std::byte> content) {
    if (!dialogue_.has_value()) {
        return violation("the server asked for authentication twice");
    }
    auth::ServerStep const step = dialogue_->receive(wire::as_text(content));
    switch (step.outcome) {
        case auth::ServerStep::Outcome::Authenticated:
            dialogue_.reset();
            return std::nullopt;
        case auth::ServerStep::Outcome::Failed:
            error_ = ServerError{.sqlstate = std::string(auth::sqlstate::kInvalidPassword),
                                 .message = step.failure};
            return BackendStep::Broken;
        case auth::ServerStep::Outcome::Continue:
            break;
    }
    if (step.reply.empty()) {
        return std::nullopt;
    }
    wire::MessageWriter writer(shared.scratch);
    // `content` may lie in the scratch memory; the dialogue has read it.
    writer.begin(wire::FrontendType::PasswordMessage).raw(step.reply).end();
    if (!writer.ok() || !out.push_copy(writer.written())) {
        return violation("pgring is out of buffers");
    }
    return std::nullopt;
}

}  // namespace pgring::session
