/// What each of a client's messages does to its session: the one switch over frontend messages.

#include <algorithm>
#include <array>
#include <utility>

#include "base/mutation.h"
#include "session/lone_statement.h"
#include "session/session.h"
#include "session/unit_scout.h"
#include "sql/code_scan.h"
#include "sql/parameter.h"
#include "sql/setting.h"
#include "wire/body_reader.h"
#include "wire/framing.h"
#include "wire/messages.h"

namespace pgring::session {

namespace {

constexpr SessionStep kStarved{.kind = SessionStep::Kind::Starved};
constexpr SessionStep kBlocked{.kind = SessionStep::Kind::Blocked};
constexpr SessionStep kEnded{.kind = SessionStep::Kind::Ended};

/// A unit that comes in more pieces than this is not looked ahead over again and again.
constexpr std::uint8_t kScoutsMax = 64;
/// A BEGIN with all options, and what goes with it, is shorter.
constexpr std::size_t kLoneUnitBytesMax = 512;
/// Name of a statement that no server has, for a reference that must fail.
constexpr std::string_view kNoSuchStatement = "pgring_none";
constexpr std::string_view kReservedPrefix = "pgring_";
/// A query that fails wherever it runs; the server logs it, so it says what it is.
constexpr std::string_view kFailingQuery =
    "SELECT 'pgring: refused, see unpoolable_statements'::pg_catalog.int4";

Stake stake_of(const sql::Traits& traits) {
    switch (traits.control) {
        case sql::Control::Begin:
        case sql::Control::BeginReadOnly:
        case sql::Control::BeginSerializable:
            return Stake::Begins;
        case sql::Control::Commit:
        case sql::Control::CommitAndChain:
        case sql::Control::PrepareTransaction:
        case sql::Control::CommitPrepared:
        case sql::Control::RollbackPrepared:
        case sql::Control::Mixed:
            return Stake::Commits;
        case sql::Control::Rollback:
            return Stake::RollsBack;
        case sql::Control::None:
        case sql::Control::RollbackAndChain:
        case sql::Control::Savepoint:
        case sql::Control::RollbackTo:
        case sql::Control::Release:
            break;
    }
    if (traits.effects.has(sql::Effect::Unjudged)) {
        return Stake::Commits;
    }
    return traits.access == sql::Access::Write ? Stake::Writes : Stake::None;
}

/// Effects of SET, RESET and set_config(), which can be followed by reading the values afterwards.
constexpr sql::Effects kUnreportedSettings = sql::Effect::SetParameter | sql::Effect::ResetParameter |
                                             sql::Effect::ResetAll | sql::Effect::SetTransactionDefaults |
                                             sql::Effect::SetSessionState;
/// Those, and what ParameterStatus tells anyway.
constexpr sql::Effects kSettings = kUnreportedSettings | sql::Effect::SetReportedParameter;

/// The text in a Parse body.
std::string_view text_in(std::string_view parse_body) {
    return parse_body.substr(0, parse_body.find('\0'));
}

bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_space(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (is_space(text.back()) || text.back() == ';')) {
        text.remove_suffix(1);
    }
    return text;
}

/// Takes `word` (lower case) and the space behind it off the front of `text`.
bool take_word(std::string_view& text, std::string_view word) {
    if (text.size() <= word.size() || !same_name(text.substr(0, word.size()), word) ||
        !is_space(text[word.size()])) {
        return false;
    }
    text = trimmed(text.substr(word.size()));
    return true;
}

/// The name in a DEALLOCATE of one statement; empty where the text is something else. A folded or escaped
/// spelling comes out as no name of the client's: it is left to the server, which then says 26000.
std::string_view deallocated_name(std::string_view text) {
    std::string_view name = trimmed(text);
    if (!take_word(name, "deallocate")) {
        return {};
    }
    std::string_view const maybe = name;
    if (!take_word(name, "prepare")) {
        name = maybe;
    }
    if (name.size() >= 2 && name.front() == '"' && name.back() == '"') {
        name = name.substr(1, name.size() - 2);
    }
    return name;
}

/// Body of a Parse behind the name: a statement that has no effect, no rows, and is allowed on any server.
constexpr std::string_view kNoEffectBody("UNLISTEN pgring_nothing\0\0\0", 26);

/// The command tag of a BEGIN that pgring answers; empty where the text starts with something else, e.g. a
/// comment.
std::string_view begin_tag(std::string_view text) {
    std::string_view const rest = trimmed(text);
    if (same_name(rest.substr(0, 5), "begin")) {
        return "BEGIN";
    }
    return same_name(rest.substr(0, 5), "start") ? "START TRANSACTION" : std::string_view{};
}

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
           type == wire::FrontendType::Execute || type == wire::FrontendType::Sync;
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
        wire::write_ready_for_query(writer, held_.status());
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
    if (backend != nullptr && backend->replay.open() && !is_kept_in_unit(type)) {
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
            return on_flush(backend, header);
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

void Session::note_effects(Shared& shared, Backend& backend, const sql::Traits& traits,
                           std::string_view text) {
    if (session_pooled()) {
        return;
    }
    if (destination_->reads_sequences && traits.access == sql::Access::Write) {
        pins_.hold(Pin::Sequence);
        tell_pins(shared);
    }
    if (traits.effects.empty()) {
        return;
    }
    if (traits.effects.has(sql::Effect::Unjudged)) {
        backend.needs_reset = true;
    }
    if (traits.effects.has_any(sql::Effect::ResetAll | sql::Effect::ResetParameter)) {
        reset_seen_ = true;
    }
    pins_.note(traits.effects.without(kSettings));
    if (traits.effects.has(sql::Effect::MayChangeSession) && sql::may_leave_unlisted(text)) {
        pins_.hold(Pin::SessionFunction);
    }
    if (traits.effects.has_any(kSettings)) {
        note_settings(traits, text);
    }
    tell_pins(shared);
}

/// Notes which parameters a statement sets, to be read when its transaction is over and nothing ties the
/// session to the backend.
void Session::note_settings(const sql::Traits& traits, std::string_view text) {
    if (!traits.effects.has_any(kUnreportedSettings)) {
        return;
    }
    std::vector<sql::SettingChange> changes = sql::settings_of(text);
    bool const told = !changes.empty();
    if (!told || traits.effects.has(sql::Effect::ResetAll)) {
        // It may be any of those that the session has set.
        touch_unreported();
    }
    // Who the session is, is a pin of its own.
    std::erase_if(changes, [](const sql::SettingChange& change) {
        return sql::kind_of_parameter(change.name) == sql::ParameterKind::Role;
    });
    if (!told || !touched().note(changes)) {
        pins_.hold(traits.effects.has(sql::Effect::SetSessionState) ? Pin::SessionFunction : Pin::Parameter);
    }
}

void Session::tell_pins(Shared& shared) {
    for (Pins::News news = pins_.take_news(); news.pin != Pin::None; news = pins_.take_news()) {
        shared.stats.pins.add();
        shared.stats.pins_by_reason[index_of(news.pin)].add();
        if (news.first) {
            shared.log.info("session_pinned", {{"session", id_.index},
                                               {"user", destination_->user},
                                               {"database", destination_->database},
                                               {"reason", to_string(news.pin)}});
        }
    }
}

// -- Moving bytes --

void Session::forward(Backend& backend, wire::Header header) {
    body_rest_bytes_ = header.message_bytes();
    dropping_rest_ = false;
    forward_rest(&backend);
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

// -- Simple query --

Session::Handled Session::on_query(Shared& shared, Backend* backend, wire::Header header) {
    if (!front_traits_.has_value()) {
        sql::Traits traits = sql::kUnjudged;
        if (header.message_bytes() <= kWholeBytesMax) {
            wire::BodyReader reader(body(shared, header, header.body_bytes));
            std::string_view const text = reader.string();
            if (!reader.ok() || !reader.at_end()) {
                fail(shared, errors::kBadMessage);
                return kEnded;
            }
            traits = shared.classifier.classify(text, dialect_);
            bool const done_here = backend == nullptr
                                       ? on_query_alone(shared, text, traits, header).has_value()
                                       : traits.effects.has(sql::Effect::SqlDeallocate) &&
                                             traits.statements == sql::StatementCount::One &&
                                             deallocate_here(shared, backend, text);
            if (done_here) {
                drop(header);
                if (backend != nullptr) {
                    backend->answer_local(shared, this);
                }
                return std::nullopt;
            }
            bool const running = held_.state() == HeldTransaction::State::None ||
                                 held_.state() == HeldTransaction::State::Begun;
            if (running && traits.effects.has(sql::Effect::SequenceMemory) &&
                forgot_sequences(traits, backend)) {
                return refuse_query(shared, backend, header, Pin::Sequence);
            }
            if (Pin const reason = refused_pin(traits, text); running && reason != Pin::None) {
                return refuse_query(shared, backend, header, reason);
            }
        }
        front_traits_ = traits;
    }
    if (Handled const placed = place(shared, backend, header, &*front_traits_)) {
        return placed;
    }
    sql::Traits const traits = *std::exchange(front_traits_, std::nullopt);
    send_begin(shared, *backend);
    if (!traits.effects.empty() && header.message_bytes() <= kWholeBytesMax) {
        wire::BodyReader reader(body(shared, header, header.body_bytes));
        note_effects(shared, *backend, traits, reader.string());
    } else {
        note_effects(shared, *backend, traits, {});
    }
    unnamed_ = Unnamed::None;
    backend->unnamed_owner = {};
    backend->pipeline.expect({.request = Request::Query, .stake = stake_of(traits)});
    forward(*backend, header);
    return std::nullopt;
}

/// A query that needs no backend: BEGIN is held back, and what ends a held BEGIN is answered here. Returns
/// something where the message was answered.
Session::Handled Session::on_query_alone(Shared& shared, std::string_view text, const sql::Traits& traits,
                                         wire::Header header) {
    static_cast<void>(header);
    std::string_view const tag = done_alone(shared, text, traits);
    if (tag.empty()) {
        return std::nullopt;
    }
    std::array<std::byte, 64> memory{};
    wire::MessageWriter writer(memory);
    wire::write_command_complete(writer, tag);
    wire::write_ready_for_query(writer, held_.status());
    tell(writer.written());
    return kStarved;
}

/// The same for a unit of the extended protocol at the front of `in`.
bool Session::unit_alone(Shared& shared) {
    std::array<std::byte, kLoneUnitBytesMax> memory;
    std::size_t const there = std::min(in.size_bytes(), memory.size());
    std::optional<LoneStatement> const unit = read_lone_statement(in.view(0, there, memory));
    if (!unit.has_value()) {
        return false;
    }
    sql::Traits const traits = shared.classifier.classify(unit->text, dialect_);
    std::string_view const tag = done_alone(shared, unit->text, traits);
    if (tag.empty()) {
        return false;
    }
    // It is the unnamed statement from now on, though no server has seen it.
    unnamed_ = Unnamed::Kept;
    unnamed_body_.assign(reinterpret_cast<const char*>(unit->parse_body.data()), unit->parse_body.size());
    unnamed_traits_ = traits;
    ++unnamed_generation_;
    std::array<std::byte, 128> answer{};
    wire::MessageWriter writer(answer);
    write_lone_answer(writer, *unit, tag);
    wire::write_ready_for_query(writer, held_.status());
    tell(writer.written());
    in.consume(unit->size_bytes);
    return true;
}

/// Does what a statement asks for where that needs no backend, and says its command tag; empty where it needs
/// one.
std::string_view Session::done_alone(Shared& shared, std::string_view text, const sql::Traits& traits) {
    std::string_view tag;
    if (held_.state() == HeldTransaction::State::None && !session_pooled() && traits.begin_deferrable() &&
        access_ == Access::ReadWrite) {
        tag = begin_tag(text);
        if (!tag.empty()) {
            held_.begin(text, traits.control);
        }
    } else if (held_.state() == HeldTransaction::State::Begun &&
               traits.statements == sql::StatementCount::One &&
               (traits.control == sql::Control::Commit || traits.control == sql::Control::Rollback)) {
        tag = traits.control == sql::Control::Commit ? "COMMIT" : "ROLLBACK";
        held_.end();
    } else if (held_.state() == HeldTransaction::State::Failed &&
               traits.statements == sql::StatementCount::One &&
               (traits.control == sql::Control::Commit || traits.control == sql::Control::Rollback)) {
        // No server knows of it any more, and none may be there to be asked.
        tag = "ROLLBACK";
        held_.end();
    } else if (traits.effects.has(sql::Effect::SqlDeallocate) &&
               traits.statements == sql::StatementCount::One &&
               (held_.state() == HeldTransaction::State::None ||
                held_.state() == HeldTransaction::State::Begun) &&
               deallocate_here(shared, nullptr, text)) {
        tag = "DEALLOCATE";
    }
    return tag;
}

/// DEALLOCATE of a statement that was prepared by protocol: the server knows it under another name, so it is
/// done here.
bool Session::deallocate_here(Shared& shared, Backend* backend, std::string_view text) {
    static_cast<void>(shared);
    std::string_view const name = deallocated_name(text);
    if (session_pooled() || name.empty() || statements_.find(name) == nullptr) {
        return false;
    }
    if (backend == nullptr) {
        statements_.erase(name);
        return true;
    }
    if (backend->pipeline.full()) {
        return false;
    }
    statements_.drop(name);
    backend->pipeline.expect(
        {.request = Request::Query, .audience = Audience::Local, .purpose = Purpose::Deallocate});
    return true;
}

// -- Extended query --

Session::Handled Session::on_parse(Shared& shared, Backend* backend, wire::Header header) {
    std::uint64_t const limit = shared.settings.pgring.prepared_statement_bytes_max;
    bool const keeps = header.body_bytes <= limit;
    if (keeps && !whole(header)) {
        return kStarved;
    }
    if (!keeps && in.size_bytes() < kWholeBytesMax) {
        return kStarved;
    }
    if (backend == nullptr && keeps && (unit_alone(shared) || parse_here(shared, header))) {
        return std::nullopt;
    }
    if (Handled const placed = place(shared, backend, header, nullptr)) {
        return placed;
    }
    send_begin(shared, *backend);
    wire::BodyReader reader(body(shared, header, keeps ? header.body_bytes : kWholeBytesMax));
    std::string_view const name = reader.string();
    std::span<const std::byte> const rest = reader.rest();
    std::string_view const text = keeps ? reader.string() : std::string_view{};
    if (!reader.ok()) {
        fail(shared, errors::kBadMessage);
        return kEnded;
    }
    sql::Traits const traits = keeps ? shared.classifier.classify(text, dialect_) : sql::kUnjudged;
    if (name.empty() && !session_pooled() && traits.effects.has(sql::Effect::SqlDeallocate) &&
        traits.statements == sql::StatementCount::One) {
        std::string_view const gone = deallocated_name(text);
        if (!gone.empty() && statements_.find(gone) != nullptr) {
            return parse_deallocate(shared, *backend, header, gone);
        }
    }
    return parse_placed(shared, *backend, header, {.name = name, .rest = rest, .traits = traits});
}

/// The statement is one of the protocol, whose name the server does not know: it is dropped here, and the
/// server gets something harmless in its place, to answer what the client sends behind it. psycopg drops its
/// statements so. Where the server refuses even that, because the transaction has failed, the name is gone
/// all the same.
Session::Handled Session::parse_deallocate(Shared& shared, Backend& backend, wire::Header header,
                                           std::string_view name) {
    statements_.erase(name);
    std::array<std::byte, 16> head{};
    wire::MessageWriter writer(head);
    writer.begin(wire::FrontendType::Parse).string("").end(kNoEffectBody.size());
    if (!backend.make_room(shared, kNoStatement) || !backend.out.push_copy(writer.written()) ||
        !backend.out.push_copy(std::as_bytes(std::span(kNoEffectBody)))) {
        fail(shared, errors::kOutOfMemory);
        return kEnded;
    }
    unnamed_ = Unnamed::Kept;
    unnamed_body_ = kNoEffectBody;
    unnamed_traits_ = {};
    backend.unnamed_owner = id_;
    backend.unnamed_generation = ++unnamed_generation_;
    backend.pipeline.expect({.request = Request::Parse});
    drop(header);
    return std::nullopt;
}

/// What `parse_body` is to be shared by. A search_path set in the transaction under way is not known yet.
StatementMap::Key Session::statement_key(std::span<const std::byte> parse_body) const {
    const std::string* const path = parameters_->find("search_path");
    return {.parse_body = {reinterpret_cast<const char*>(parse_body.data()), parse_body.size()},
            .search_path = path == nullptr ? std::string_view{} : std::string_view(*path)};
}

/// Parse of a statement that a server has accepted before: answered here, so that preparing what others have
/// prepared needs no backend. (A client that prepares synchronously on many connections of one thread would
/// otherwise lock itself out of a small pool, as pgbench -M prepared does.) Where the statement has become
/// invalid meanwhile, Bind says so.
bool Session::parse_here(Shared& shared, wire::Header header) {
    bool const in_order =
        held_.state() == HeldTransaction::State::None || held_.state() == HeldTransaction::State::Begun;
    if (session_pooled() || !in_order) {
        return false;
    }
    wire::BodyReader reader(body(shared, header, header.body_bytes));
    std::string_view const name = reader.string();
    std::span<const std::byte> const rest = reader.rest();
    if (!reader.ok() || name.empty() || statements_.full() || statements_.find(name) != nullptr) {
        return false;
    }
    StatementRef statement = destination_->statements.find(statement_key(rest));
    if (!statement || !statement->accepted) {
        return false;
    }
    statements_.add_confirmed(name, std::move(statement));
    std::array<std::byte, 8> memory{};
    wire::MessageWriter writer(memory);
    writer.begin(wire::BackendType::ParseComplete).end();
    tell(writer.written());
    drop(header);
    return true;
}

Session::Handled Session::parse_placed(Shared& shared, Backend& backend, wire::Header header,
                                       const ParseView& parse) {
    bool const keeps = header.body_bytes <= shared.settings.pgring.prepared_statement_bytes_max;
    if (session_pooled()) {
        backend.pipeline.expect({.request = Request::Parse});
        forward(backend, header);
        return std::nullopt;
    }
    if (parse.name.empty()) {
        unnamed_ = keeps ? Unnamed::Kept : Unnamed::TooLong;
        unnamed_body_.assign(keeps ? reinterpret_cast<const char*>(parse.rest.data()) : "",
                             keeps ? parse.rest.size() : 0);
        unnamed_traits_ = parse.traits;
        backend.unnamed_owner = id_;
        backend.unnamed_generation = ++unnamed_generation_;
        backend.pipeline.expect({.request = Request::Parse});
        forward(backend, header);
        return std::nullopt;
    }
    if (statements_.find(parse.name) != nullptr) {
        return refuse_duplicate(shared, backend, header, parse.name);
    }
    StatementRef statement;
    if (keeps && !statements_.full()) {
        statement = destination_->statements.intern(statement_key(parse.rest), parse.traits);
    }
    if (!statement) {
        fail(shared, keeps ? errors::kTooManyStatements : errors::kStatementTooLong);
        return kEnded;
    }
    if (backend.statements.use(statement->number, backend.unit)) {
        backend.pipeline.expect(
            {.request = Request::Parse, .audience = Audience::Local, .purpose = Purpose::ClientName});
        statements_.add(parse.name, std::move(statement));
        drop(header);
        backend.answer_local(shared, this);
        return std::nullopt;
    }
    std::array<char, 32> memory{};
    std::string_view const server = server_name(statement->number, shared.worker, memory);
    std::array<std::byte, 64> head{};
    wire::MessageWriter writer(head);
    writer.begin(wire::FrontendType::Parse).string(server).end(parse.rest.size());
    if (!backend.make_room(shared, statement->number) || !backend.out.push_copy(writer.written())) {
        fail(shared, errors::kOutOfMemory);
        return kEnded;
    }
    backend.pipeline.expect(
        {.request = Request::Parse, .purpose = Purpose::ClientName, .statement = statement->number});
    backend.statements.add(statement->number, backend.unit);
    std::size_t const replaced = wire::kHeaderBytes + parse.name.size() + 1;
    statements_.add(parse.name, std::move(statement));
    in.consume(replaced);
    in.move_front(header.message_bytes() - replaced, backend.out);
    return std::nullopt;
}

/// PostgreSQL refuses a name that is taken, and that fails the transaction. The server does not know the
/// name; so it is sent a Bind that must fail, and its error is replaced.
Session::Handled Session::refuse_duplicate(Shared& shared, Backend& backend, wire::Header header,
                                           std::string_view name) {
    std::string const text = "prepared statement \"" + std::string(name) + "\" already exists";
    return refuse_bind(shared, backend, header, {.sqlstate = sqlstate::kDuplicateStatement, .message = text});
}

/// A message of the extended protocol is not sent; a Bind that must fail goes in its place.
Session::Handled Session::refuse_bind(Shared& shared, Backend& backend, wire::Header header,
                                      const Error& error) {
    note_refusal(shared, error);
    std::array<std::byte, 64> memory{};
    wire::MessageWriter writer(memory);
    writer.begin(wire::FrontendType::Bind).string("").string(kNoSuchStatement).u16(0).u16(0).u16(0).end();
    if (!backend.out.push_copy(writer.written())) {
        fail(shared, errors::kOutOfMemory);
        return kEnded;
    }
    backend.pipeline.expect({.request = Request::Bind, .purpose = Purpose::Refusal});
    drop(header);
    return std::nullopt;
}

// -- Statements that would pin --

/// currval() and lastval() would tell what the session that had the backend before wrote. Whether a write
/// calls nextval() cannot be seen, so sessions keep the backend where they have written as soon as one of
/// them asked.
bool Session::forgot_sequences(const sql::Traits& traits, const Backend* backend) {
    bool const same_unit = unit_stake_ != Stake::None || traits.effects.has(sql::Effect::SequenceState) ||
                           traits.statements == sql::StatementCount::Many;
    bool const remembers =
        same_unit || pins_.has(Pin::Sequence) || (backend != nullptr && !backend->outside_transaction());
    if (remembers || session_pooled()) {
        return false;
    }
    destination_->reads_sequences =
        destination_->terms.unpoolable_statements == config::UnpoolableStatements::Pin;
    return true;
}

/// The reason for which the statement is refused; None where it may run.
Pin Session::refused_pin(const sql::Traits& traits, std::string_view text) const {
    if (destination_->terms.unpoolable_statements != config::UnpoolableStatements::Refuse ||
        traits.effects.empty() || session_pooled()) {
        return Pin::None;
    }
    bool const resets_only =
        traits.effects.has(sql::Effect::ResetParameter) && traits.statements == sql::StatementCount::One;
    sql::Effects const harmless = kSettings | sql::Effect::MayChangeSession;
    Pin const pin = pin_of(traits.effects.without(harmless));
    if (pin != Pin::None) {
        return pin == Pin::Role && resets_only ? Pin::None : pin;
    }
    if (traits.effects.has(sql::Effect::MayChangeSession) && sql::may_leave_unlisted(text)) {
        return Pin::Code;
    }
    if (traits.effects.has_any(kUnreportedSettings) && sql::settings_of(text).empty()) {
        return traits.effects.has(sql::Effect::SetSessionState) ? Pin::SessionFunction : Pin::Parameter;
    }
    return Pin::None;
}

namespace {

/// The error of a refused statement; `memory` holds its texts.
Error refusal(Pin reason, std::array<std::string, 2>& memory) {
    const PinRule& rule = rule_of(reason);
    memory[0] = std::string(rule.feature) + " cannot be carried over to another server connection";
    memory[1] = std::string(rule.instead);
    if (reason == Pin::Sequence) {
        memory[1] += " Or ask for a database that has pool_mode = \"session\".";
    } else {
        memory[0] += " (unpoolable_statements)";
        memory[1] +=
            " Or ask for a database that has pool_mode = \"session\" or unpoolable_statements = \"pin\".";
    }
    return {.sqlstate = sqlstate::kFeatureNotSupported, .message = memory[0], .hint = memory[1]};
}

}  // namespace

Session::Handled Session::refuse_query(Shared& shared, Backend* backend, wire::Header header, Pin reason) {
    std::array<std::string, 2> memory;
    Error const error = refusal(reason, memory);
    shared.stats.refusals.add();
    if (backend == nullptr) {
        refuse_unit(shared, error);
        return std::nullopt;
    }
    note_refusal(shared, error);
    wire::MessageWriter writer(shared.scratch);
    wire::write_query(writer, kFailingQuery);
    if (!writer.ok() || !backend->out.push_copy(writer.written())) {
        fail(shared, errors::kOutOfMemory);
        return kEnded;
    }
    unnamed_ = Unnamed::None;
    backend->unnamed_owner = {};
    backend->pipeline.expect({.request = Request::Query, .purpose = Purpose::Refusal});
    drop(header);
    return std::nullopt;
}

/// The text of one of the session's statements; empty where it is not known.
std::string_view Session::text_of_statement(std::string_view name) const {
    if (name.empty()) {
        return text_in(unnamed_body_);
    }
    const StatementRef* const named = statements_.find(name);
    return named == nullptr ? std::string_view{} : text_in((*named)->parse_body);
}

Session::Handled Session::on_bind(Shared& shared, Backend* backend, wire::Header header) {
    if (header.message_bytes() > kWholeBytesMax && in.size_bytes() < kWholeBytesMax) {
        return kStarved;
    }
    if (Handled const placed = place(shared, backend, header, nullptr)) {
        return placed;
    }
    bool const alone = backend->begins_unit() && held_.state() == HeldTransaction::State::None;
    backend->replay.forget();
    send_begin(shared, *backend);
    wire::BodyReader reader(body(shared, header, kWholeBytesMax - wire::kHeaderBytes));
    std::string_view const portal = reader.string();
    std::string_view const name = reader.string();
    if (!reader.ok()) {
        fail(shared, header.message_bytes() > kWholeBytesMax ? errors::kNamesTooLong : errors::kBadMessage);
        return kEnded;
    }
    std::array<char, 32> memory{};
    std::size_t const replaced = wire::kHeaderBytes + portal.size() + 1 + name.size() + 1;
    std::expected<std::string_view, Error> const reference = refer(shared, *backend, name, memory);
    if (!reference.has_value()) {
        fail(shared, reference.error());
        return kEnded;
    }
    std::string_view const bound_text = text_of_statement(name);
    bool const forgot =
        bound_traits_.effects.has(sql::Effect::SequenceMemory) && forgot_sequences(bound_traits_, backend);
    if (Pin const reason = forgot ? Pin::Sequence : refused_pin(bound_traits_, bound_text);
        reason != Pin::None) {
        std::array<std::string, 2> texts;
        shared.stats.refusals.add();
        bound_traits_ = {};
        return refuse_bind(shared, *backend, header, refusal(reason, texts));
    }
    note_effects(shared, *backend, bound_traits_, bound_text);
    Expected const entry{.request = Request::Bind, .statement = number_of(name)};
    backend->pipeline.expect(entry);
    bool const keeps = alone && entry.statement != kNoStatement && whole(header);
    return send_renamed(shared, *backend, header,
                        {.type = wire::FrontendType::Bind,
                         .prefix = portal,
                         .prefix_end = '\0',
                         .name = *reference,
                         .replaced_bytes = replaced,
                         .keep = keeps ? std::optional(entry) : std::nullopt});
}

Session::Handled Session::on_describe(Shared& shared, Backend* backend, wire::Header header) {
    if (header.message_bytes() > kWholeBytesMax) {
        fail(shared, errors::kNamesTooLong);
        return kEnded;
    }
    if (Handled const placed = place(shared, backend, header, nullptr)) {
        return placed;
    }
    send_begin(shared, *backend);
    wire::BodyReader reader(body(shared, header, header.body_bytes));
    char const kind = static_cast<char>(reader.byte());
    std::string_view const name = reader.string();
    if (!reader.ok()) {
        fail(shared, errors::kBadMessage);
        return kEnded;
    }
    if (kind != 'S') {
        send_on(shared, *backend, header, {.request = Request::Describe});
        return std::nullopt;
    }
    std::array<char, 32> memory{};
    std::size_t const replaced = header.message_bytes();
    std::expected<std::string_view, Error> const reference = refer(shared, *backend, name, memory);
    if (!reference.has_value()) {
        fail(shared, reference.error());
        return kEnded;
    }
    backend->replay.forget();
    backend->pipeline.expect({.request = Request::Describe, .statement = number_of(name)});
    return send_renamed(shared, *backend, header,
                        {.type = wire::FrontendType::Describe,
                         .prefix = "S",
                         .prefix_end = {},
                         .name = *reference,
                         .replaced_bytes = replaced});
}

/// What the statement that the client calls `name` is called at the backend, after making sure that it is
/// there. `name` may lie in the scratch memory, so nothing called here may write there.
std::expected<std::string_view, Error> Session::refer(Shared& shared, Backend& backend, std::string_view name,
                                                      std::span<char, 32> memory) {
    if (session_pooled()) {
        bound_traits_ = sql::kUnjudged;
        return name;
    }
    if (name.empty()) {
        bound_traits_ = unnamed_ == Unnamed::None ? sql::kUnjudged : unnamed_traits_;
        return refer_to_unnamed(shared, backend);
    }
    const StatementRef* known = statements_.find(name);
    if (known == nullptr) {
        bound_traits_ = sql::kUnjudged;
        bound_traits_.effects = {};
        // The server has no statement of this name either, unless it is one that pgring made for somebody.
        return name.starts_with(kReservedPrefix) ? kNoSuchStatement : name;
    }
    bound_traits_ = (*known)->traits;
    if (!backend.prepare(shared, **known)) {
        return std::unexpected(errors::kOutOfMemory);
    }
    return server_name((*known)->number, shared.worker, memory);
}

std::expected<std::string_view, Error> Session::refer_to_unnamed(Shared& shared, Backend& backend) {
    if (backend.unnamed_owner == id_ && backend.unnamed_generation == unnamed_generation_ &&
        unnamed_ != Unnamed::None) {
        return std::string_view{};
    }
    if (unnamed_ != Unnamed::Kept) {
        return kNoSuchStatement;
    }
    std::array<std::byte, 16> head{};
    wire::MessageWriter writer(head);
    writer.begin(wire::FrontendType::Parse).string("").end(unnamed_body_.size());
    if (!backend.out.push_copy(writer.written()) ||
        !backend.out.push_copy(std::as_bytes(std::span(unnamed_body_)))) {
        return std::unexpected(errors::kOutOfMemory);
    }
    backend.pipeline.expect(
        {.request = Request::Parse, .audience = Audience::Errand, .purpose = Purpose::PrepareUnnamed});
    backend.unnamed_owner = id_;
    backend.unnamed_generation = unnamed_generation_;
    shared.stats.statements_prepared_again.add();
    return std::string_view{};
}

Session::Handled Session::send_renamed(Shared& shared, Backend& backend, wire::Header header,
                                       const Renaming& renaming) {
    std::size_t const rest_bytes = header.message_bytes() - renaming.replaced_bytes;
    std::array<std::byte, kWholeBytesMax + 64> memory;
    wire::MessageWriter writer(memory);
    writer.begin(renaming.type).raw(renaming.prefix);
    if (renaming.prefix_end.has_value()) {
        writer.byte(*renaming.prefix_end);
    }
    writer.string(renaming.name).end(rest_bytes);
    if (!writer.ok() || !backend.out.push_copy(writer.written())) {
        fail(shared, errors::kOutOfMemory);
        return kEnded;
    }
    if (renaming.keep.has_value() && rest_bytes <= UnitReplay::kBytesMax) {
        backend.replay.begin(writer.written(), in.view(renaming.replaced_bytes, rest_bytes, shared.scratch),
                             *renaming.keep);
    }
    in.consume(renaming.replaced_bytes);
    body_rest_bytes_ = rest_bytes;
    dropping_rest_ = false;
    forward_rest(&backend);
    return std::nullopt;
}

Session::Handled Session::on_execute(Shared& shared, Backend* backend, wire::Header header) {
    if (Handled const placed = place(shared, backend, header, nullptr)) {
        return placed;
    }
    send_begin(shared, *backend);
    Stake const stake = stake_of(bound_traits_);
    if (stake == Stake::Writes || stake == Stake::Commits) {
        unit_stake_ = Stake::Writes;
    }
    send_on(shared, *backend, header, {.request = Request::Execute, .stake = stake});
    return std::nullopt;
}

Session::Handled Session::on_close(Shared& shared, Backend* backend, wire::Header header) {
    if (header.message_bytes() > kWholeBytesMax) {
        fail(shared, errors::kNamesTooLong);
        return kEnded;
    }
    if (Handled const placed = place(shared, backend, header, nullptr)) {
        return placed;
    }
    send_begin(shared, *backend);
    wire::BodyReader reader(body(shared, header, header.body_bytes));
    char const kind = static_cast<char>(reader.byte());
    std::string_view const name = reader.string();
    if (!reader.ok()) {
        fail(shared, errors::kBadMessage);
        return kEnded;
    }
    if (kind == 'S' && !name.empty() && !session_pooled()) {
        backend->pipeline.expect(
            {.request = Request::Close, .audience = Audience::Local, .purpose = Purpose::ClientName});
        statements_.drop(name);
        drop(header);
        backend->answer_local(shared, this);
        return std::nullopt;
    }
    if (kind == 'S' && name.empty()) {
        unnamed_ = Unnamed::None;
        backend->unnamed_owner = {};
    }
    backend->pipeline.expect({.request = Request::Close});
    forward(*backend, header);
    return std::nullopt;
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

/// pgring's number of the statement that the client calls so; kNoStatement of the unnamed and of unknown
/// ones.
std::uint32_t Session::number_of(std::string_view name) const {
    const StatementRef* const known = name.empty() || session_pooled() ? nullptr : statements_.find(name);
    return known == nullptr ? kNoStatement : (*known)->number;
}

Session::Handled Session::on_sync(Shared& shared, Backend* backend, wire::Header header) {
    if (backend == nullptr) {
        std::array<std::byte, 8> memory{};
        wire::MessageWriter writer(memory);
        wire::write_ready_for_query(writer, held_.status());
        tell(writer.written());
        drop(header);
        return std::nullopt;
    }
    send_on(shared, *backend, header,
            {.request = Request::Sync, .stake = std::exchange(unit_stake_, Stake::None)});
    ++backend->unit;
    return std::nullopt;
}

Session::Handled Session::on_flush(Backend* backend, wire::Header header) {
    if (backend == nullptr) {
        drop(header);
    } else {
        forward(*backend, header);
    }
    return std::nullopt;
}

Session::Handled Session::on_function_call(Shared& shared, Backend* backend, wire::Header header) {
    if (Handled const placed = place(shared, backend, header, &sql::kUnjudged)) {
        return placed;
    }
    send_begin(shared, *backend);
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
    if (header.type != static_cast<char>(wire::FrontendType::CopyData)) {
        backend->pipeline.copy_in_ends();
    }
    forward(*backend, header);
    return std::nullopt;
}

}  // namespace pgring::session
