/// The extended query protocol: statements under names that every server knows them by.

#include <algorithm>
#include <array>
#include <utility>

#include "session/lone_statement.h"
#include "session/refusal.h"
#include "session/session.h"
#include "session/statement_text.h"
#include "wire/body_reader.h"
#include "wire/messages.h"

namespace pgring::session {

namespace {

/// A BEGIN with all options, and what goes with it, is shorter.
constexpr std::size_t kLoneUnitBytesMax = 512;

/// Name of a statement that no server has, for a reference that must fail.
constexpr std::string_view kNoSuchStatement = "pgring_none";
constexpr std::string_view kReservedPrefix = "pgring_";

/// Body of a Parse behind the name: a statement that has no effect, no rows, and is allowed on any server.
constexpr std::string_view kNoEffectBody("UNLISTEN pgring_nothing\0\0\0", 26);

/// pgring's number of a statement that was looked up; kNoStatement where there is none.
std::uint32_t number_of(const SessionStatements::Named* named) {
    return named == nullptr ? kNoStatement : named->statement->number;
}

/// In a failed transaction PostgreSQL parses nothing but what ends it. Amid a pipeline it is not known yet
/// whether there will be one; Bind tells then.
bool parses_in_vain(const Backend& backend, const sql::Traits& traits) {
    constexpr std::array kEnds{sql::Control::Commit,     sql::Control::CommitAndChain,
                               sql::Control::Rollback,   sql::Control::RollbackAndChain,
                               sql::Control::RollbackTo, sql::Control::PrepareTransaction};
    return backend.stays_failed() && traits.statements != sql::StatementCount::Empty &&
           std::ranges::find(kEnds, traits.control) == kEnds.end();
}

/// The text in a Parse body.
std::string_view text_in(std::string_view parse_body) {
    return parse_body.substr(0, parse_body.find('\0'));
}

}  // namespace

// -- Parse --

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
    if (traits.effects.has(sql::Effect::SqlExecute)) {
        // What it will return PostgreSQL looks up when it parses it.
        if (NamesUsed const names = names_used(shared, traits, text); lacks_names(*backend, names)) {
            return carry_names(shared, *backend, names, Backend::Amid::Unit);
        }
    }
    if (name.empty() && !session_pooled() && traits.effects.has(sql::Effect::SqlDeallocate) &&
        traits.statements == sql::StatementCount::One) {
        std::string_view const gone = deallocated_name(text);
        if (!gone.empty() && statements_.find(gone) != nullptr) {
            return parse_deallocate(shared, *backend, header, gone);
        }
    }
    ParseView const parse{.name = name, .rest = rest, .traits = traits};
    if (!session_pooled() && !name.empty() && awaits_earlier_units(*backend, parse)) {
        return kBlocked;
    }
    return parse_placed(shared, *backend, header, parse);
}

/// What the Parse comes to depends on units that were sent and not answered yet: should one fail, the server
/// skips what it would have prepared, so that a name is free after all, or a statement is not there.
bool Session::awaits_earlier_units(const Backend& backend, const ParseView& parse) const {
    if (awaits_earlier_units(backend, parse.name)) {
        return true;
    }
    if (statements_.find(parse.name) != nullptr) {
        return false;
    }
    StatementRef const known = destination_->statements.find(statement_key(parse.rest, parse.traits));
    return known && backend.pipeline.unsettled(known->number);
}

/// The same of a name that is referred to: which statement it means, if any, is not known yet.
bool Session::awaits_earlier_units(const Backend& backend, std::string_view name) const {
    return backend.pipeline.ready_owed() > 0 && statements_.unconfirmed(name) &&
           statements_.unconfirmed(name, backend.pipeline.names_in_earlier_units());
}

/// Answers the unit at the front of `in` where it is one that needs no backend (see query_alone()).
bool Session::unit_alone(Shared& shared) {
    std::array<std::byte, kLoneUnitBytesMax> memory;
    std::size_t const there = std::min(in.size_bytes(), memory.size());
    std::optional<LoneStatement> const unit = read_lone_statement(in.view(0, there, memory));
    if (!unit.has_value()) {
        return false;
    }
    sql::Traits const traits = shared.classifier.classify(unit->text, dialect_);
    std::string_view const tag = done_alone(unit->text, traits);
    if (tag.empty()) {
        return false;
    }
    // It is the unnamed statement from now on, though no server has seen it.
    unnamed_ = Unnamed::Kept;
    unnamed_body_ = wire::as_text(unit->parse_body);
    unnamed_traits_ = traits;
    ++unnamed_generation_;
    std::array<std::byte, 128> answer{};
    wire::MessageWriter writer(answer);
    write_lone_answer(writer, *unit, tag);
    write_ready(writer);
    tell(writer.written());
    in.consume(unit->size_bytes);
    return true;
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
    StatementMap::Key const key = statement_key(rest, {});
    StatementRef statement = destination_->statements.find(key);
    if (!statement && destination_->statements.is_accepted_elsewhere(key)) {
        statement =
            destination_->statements.intern(key, shared.classifier.classify(reader.string(), dialect_));
    }
    if (!statement || !statement->accepted()) {
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
        unnamed_body_ = keeps ? wire::as_text(parse.rest) : std::string_view{};
        unnamed_traits_ = parse.traits;
        backend.unnamed_owner = id_;
        backend.unnamed_generation = ++unnamed_generation_;
        backend.pipeline.expect({.request = Request::Parse});
        forward(backend, header);
        return std::nullopt;
    }
    bool const in_vain = parses_in_vain(backend, parse.traits);
    if (keeps && (statements_.find(parse.name) != nullptr || is_uncarried(parse.name))) {
        return refuse_duplicate(shared, backend, header, parse);
    }
    StatementRef statement;
    if (keeps && !statements_.full()) {
        statement = destination_->statements.intern(statement_key(parse.rest, parse.traits), parse.traits);
    }
    if (!statement) {
        fail(shared, keeps ? errors::kTooManyStatements : errors::kStatementTooLong);
        return kEnded;
    }
    if (backend.statements.use(*statement, backend.unit)) {
        if (in_vain) {
            return refuse_bind(shared, backend, header, errors::kInFailedTransaction);
        }
        backend.pipeline.expect(
            {.request = Request::Parse, .audience = Audience::Local, .purpose = Purpose::ClientName});
        statements_.add(parse.name, std::move(statement));
        drop(header);
        backend.answer_local(shared, this);
        return std::nullopt;
    }
    std::array<char, 32> memory{};
    std::string_view const server = server_name(statement->number, memory);
    std::array<std::byte, 64> head{};
    wire::MessageWriter writer(head);
    writer.begin(wire::FrontendType::Parse).string(server).end(parse.rest.size());
    if (!backend.make_room(shared, statement.get()) || !backend.out.push_copy(writer.written())) {
        fail(shared, errors::kOutOfMemory);
        return kEnded;
    }
    backend.pipeline.expect(
        {.request = Request::Parse, .purpose = Purpose::ClientName, .statement = statement->number});
    backend.statements.add(*statement, backend.unit);
    std::size_t const replaced = wire::kHeaderBytes + parse.name.size() + 1;
    statements_.add(parse.name, std::move(statement));
    in.consume(replaced);
    in.move_front(header.message_bytes() - replaced, backend.out);
    return std::nullopt;
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
    if (!backend.make_room(shared, nullptr) || !backend.out.push_copy(writer.written()) ||
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
StatementMap::Key Session::statement_key(std::span<const std::byte> parse_body,
                                         const sql::Traits& traits) const {
    const std::string* const path = parameters_->find("search_path");
    // What EXECUTE runs is the session's own affair.
    bool const is_own = traits.effects.has(sql::Effect::SqlExecute);
    return {.parse_body = wire::as_text(parse_body),
            .search_path = path == nullptr ? std::string_view{} : std::string_view(*path),
            .only_for = is_own ? id_ : pool::SessionId{}};
}

/// PostgreSQL refuses a name that is taken, when it has found nothing wrong with the text, and that fails the
/// transaction. The server does not know the name; so the text goes there without one, and behind it a Bind
/// that must fail, whose error is replaced. The client's own unnamed statement is made anew when it is
/// referred to.
Session::Handled Session::refuse_duplicate(Shared& shared, Backend& backend, wire::Header header,
                                           const ParseView& parse) {
    std::string const text = "prepared statement \"" + std::string(parse.name) + "\" already exists";
    std::array<std::byte, 16> head{};
    wire::MessageWriter writer(head);
    writer.begin(wire::FrontendType::Parse).string("").end(parse.rest.size());
    if (!backend.out.push_copy(writer.written()) || !backend.out.push_copy(parse.rest)) {
        fail(shared, errors::kOutOfMemory);
        return kEnded;
    }
    backend.pipeline.expect(
        {.request = Request::Parse, .audience = Audience::Errand, .purpose = Purpose::PrepareUnnamed});
    backend.unnamed_owner = {};
    return refuse_bind(shared, backend, header, {.sqlstate = sqlstate::kDuplicateStatement, .message = text});
}

// -- Bind, Describe, Execute, Close --

Session::Handled Session::on_bind(Shared& shared, Backend* backend, wire::Header header) {
    if (header.message_bytes() > kWholeBytesMax && in.size_bytes() < kWholeBytesMax) {
        return kStarved;
    }
    if (Handled const placed = place(shared, backend, header, nullptr)) {
        return placed;
    }
    bool const alone = begins_alone(*backend);
    backend->replay.forget();
    send_begin(shared, *backend);
    wire::BodyReader reader(body(shared, header, kWholeBytesMax - wire::kHeaderBytes));
    std::string_view const portal = reader.string();
    std::string_view const name = reader.string();
    if (!reader.ok()) {
        fail(shared, header.message_bytes() > kWholeBytesMax ? errors::kNamesTooLong : errors::kBadMessage);
        return kEnded;
    }
    const SessionStatements::Named* const named = find_named(name);
    if (is_unsettled(*backend, name, named)) {
        return kBlocked;
    }
    if (std::optional<std::string> const missing = missing_statement(*backend, name, named)) {
        return refuse_bind(shared, *backend, header,
                           {.sqlstate = sqlstate::kInvalidStatementName, .message = *missing});
    }
    sql::Traits const traits = traits_of(name, named);
    NamesUsed names = names_used(shared, traits, traits.effects.empty() ? "" : text_of(name, named));
    if (lacks_names(*backend, names)) {
        return carry_names(shared, *backend, names, Backend::Amid::Unit);
    }
    // pgring's own takes the place of the unnamed statement, and one that is too long cannot be made anew.
    bool const replaceable = !name.empty() || unnamed_ == Unnamed::Kept;
    if (replaceable && meets_foreign_sequences(*backend, names.traits)) {
        backend->sequences.discarded();
        if (!backend->run_amid_unit(shared, kDiscardSequences, Purpose::DiscardSequences)) {
            fail(shared, errors::kOutOfMemory);
            return kEnded;
        }
    }
    switch (check_shape(shared, *backend, header, named)) {
        case ShapeCheck::Fits:
            break;
        case ShapeCheck::Asked:
            return kBlocked;
        case ShapeCheck::Differs:
            bound_traits_ = {};
            return refuse_bind(shared, *backend, header, errors::kOutdatedPlan);
        case ShapeCheck::OutOfBuffers:
            fail(shared, errors::kOutOfMemory);
            return kEnded;
    }
    std::array<char, 32> memory{};
    std::size_t const replaced = wire::kHeaderBytes + portal.size() + 1 + name.size() + 1;
    std::expected<std::string_view, Error> const reference = refer(shared, *backend, name, named, memory);
    if (!reference.has_value()) {
        fail(shared, reference.error());
        return kEnded;
    }
    if (opens_refused_block(bound_traits_)) {
        shared.stats.refusals.add();
        bound_traits_ = {};
        return refuse_bind(shared, *backend, header, errors::kTransactionBlock);
    }
    bound_traits_ = names.traits;
    std::string_view const bound_text = text_of(name, named);
    bind_names(portal, names);
    if (Pin const reason = refused_pin(names, bound_text, backend); reason != Pin::None) {
        shared.stats.refusals.add();
        bound_traits_ = {};
        return refuse_bind(shared, *backend, header, Refusal(reason).error());
    }
    bind_channels(shared, portal, bound_text);
    startup_return_.reset();
    note_effects(shared, *backend, names, bound_text);
    Expected const entry{.request = Request::Bind, .statement = number_of(named)};
    undescribed_ = portal.empty() && named != nullptr && !backend->statements.agrees_on_rows(*named)
                       ? entry.statement
                       : kNoStatement;
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

/// What is sent next begins a unit outside of a transaction, with nothing else out.
bool Session::begins_alone(const Backend& backend) const {
    return backend.begins_unit() && held_.state() == HeldTransaction::State::None;
}

/// Where the client decodes rows by what it was told of them before, they must look so on this backend, too.
Session::ShapeCheck Session::check_shape(Shared& shared, Backend& backend, wire::Header bind,
                                         const SessionStatements::Named* named) const {
    if (named == nullptr || named->shape == kNoShape || asks_for_rows_behind(bind)) {
        return ShapeCheck::Fits;
    }
    if (backend.statements.agrees_on_rows(*named)) {
        return ShapeCheck::Fits;
    }
    if (backend.statements.was_asked(*named->statement, backend.unit)) {
        return ShapeCheck::Differs;
    }
    return backend.ask_shape(shared, *named->statement) ? ShapeCheck::Asked : ShapeCheck::OutOfBuffers;
}

/// Behind the Bind at the front comes a Describe of its portal.
bool Session::asks_for_rows_behind(wire::Header bind) const {
    std::array<std::byte, wire::kHeaderBytes + 1> memory{};
    if (in.size_bytes() < bind.message_bytes() + memory.size()) {
        return false;
    }
    std::span<const std::byte> const next = in.view(bind.message_bytes(), memory.size(), memory);
    return static_cast<char>(next.front()) == static_cast<char>(wire::FrontendType::Describe) &&
           static_cast<char>(next.back()) == 'P';
}

Session::Handled Session::on_describe(Shared& shared, Backend* backend, wire::Header header) {
    if (header.message_bytes() > kWholeBytesMax) {
        fail(shared, errors::kNamesTooLong);
        return kEnded;
    }
    if (Handled const placed = place(shared, backend, header, nullptr)) {
        return placed;
    }
    bool const alone = begins_alone(*backend);
    send_begin(shared, *backend);
    wire::BodyReader reader(body(shared, header, header.body_bytes));
    char const kind = static_cast<char>(reader.byte());
    std::string_view const name = reader.string();
    if (!reader.ok()) {
        fail(shared, errors::kBadMessage);
        return kEnded;
    }
    if (kind != 'S') {
        std::uint32_t const statement = name.empty() ? undescribed_ : kNoStatement;
        send_on(shared, *backend, header, {.request = Request::Describe, .statement = statement});
        return std::nullopt;
    }
    const SessionStatements::Named* const named = find_named(name);
    if (is_unsettled(*backend, name, named)) {
        return kBlocked;
    }
    if (std::optional<std::string> const missing = missing_statement(*backend, name, named)) {
        return refuse_bind(shared, *backend, header,
                           {.sqlstate = sqlstate::kInvalidStatementName, .message = *missing});
    }
    std::array<char, 32> memory{};
    std::size_t const replaced = header.message_bytes();
    std::expected<std::string_view, Error> const reference = refer(shared, *backend, name, named, memory);
    if (!reference.has_value()) {
        fail(shared, reference.error());
        return kEnded;
    }
    backend->replay.forget();
    Expected const entry{.request = Request::Describe, .statement = number_of(named)};
    backend->pipeline.expect(entry);
    return send_renamed(shared, *backend, header,
                        {.type = wire::FrontendType::Describe,
                         .prefix = "S",
                         .prefix_end = {},
                         .name = *reference,
                         .replaced_bytes = replaced,
                         .keep = alone && named != nullptr ? std::optional(entry) : std::nullopt});
}

Session::Handled Session::on_execute(Shared& shared, Backend* backend, wire::Header header) {
    if (Handled const placed = place(shared, backend, header, nullptr)) {
        return placed;
    }
    bool const may_listen = listening_ != nullptr && !listening_->bound.empty();
    bool const may_name = name_changes_ != nullptr && !name_changes_->bound.empty();
    bool const unnamed = (may_listen || may_name) && executes_unnamed_portal(shared, header);
    bool const tracked = may_listen && unnamed;
    if (tracked && !joined(backend, listening_->bound)) {
        return kAwaitsListener;
    }
    if (tracked && unlistens_too_early(backend, listening_->bound)) {
        return kBlocked;
    }
    if (!has_caught_up()) {
        return kAwaitsEcho;
    }
    send_begin(shared, *backend);
    Stake const stake = stake_of(bound_traits_);
    if (stake == Stake::Writes || stake == Stake::Commits) {
        unit_stake_ = Stake::Writes;
    }
    if (tracked) {
        listening_->sent(listening_->bound);
        backend->replay.forget();
    }
    if (may_name && unnamed) {
        name_changes_->sent(name_changes_->bound);
    }
    send_on(shared, *backend, header,
            {.request = Request::Execute,
             .stake = stake,
             .purpose = purpose_of_steps(tracked, may_name && unnamed),
             .statement = bound_execution_});
    if (bound_traits_.effects.has(sql::Effect::CopyIn)) {
        backend->pipeline.copy_in_sent();
    }
    bool const resets = startup_return_ != nullptr && startup_return_->bound();
    if (resets && !backend->run_amid_unit(shared, startup_return_->query(), Purpose::ReturnToStartup)) {
        fail(shared, errors::kOutOfMemory);
    }
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
    if (kind == 'S' && is_uncarried(name)) {
        name_changes_->uncarried.erase(std::string(name));
        pins_.note(sql::Effect::SqlDeallocate);
    } else if (kind == 'S' && !name.empty() && !session_pooled()) {
        backend->pipeline.expect(
            {.request = Request::Close, .audience = Audience::Local, .purpose = Purpose::ClientName});
        statements_.drop(name);
        drop(header);
        backend->answer_local(shared, this);
        return std::nullopt;
    }
    if (kind == 'S' && name.empty()) {
        forget_unnamed();
        backend->unnamed_owner = {};
    }
    backend->pipeline.expect({.request = Request::Close});
    forward(*backend, header);
    return std::nullopt;
}

// -- Naming a statement --

/// Whether it is not known yet what a message that refers to `name` will find at the server: which statement
/// the name means, or whether the server has that one.
bool Session::is_unsettled(const Backend& backend, std::string_view name,
                           const SessionStatements::Named* named) const {
    return awaits_earlier_units(backend, name) ||
           (named != nullptr && backend.pipeline.unsettled_by_errand(named->statement->number));
}

/// What PostgreSQL says of a statement that the session does not have, where the backend has one under this
/// name, or may have, that is somebody else's. Empty where it may be asked for.
std::optional<std::string> Session::missing_statement(const Backend& backend, std::string_view name,
                                                      const SessionStatements::Named* named) const {
    if (session_pooled() || named != nullptr) {
        return std::nullopt;
    }
    if (name.empty()) {
        return unnamed_ == Unnamed::None ? std::optional("unnamed prepared statement does not exist")
                                         : std::nullopt;
    }
    // A DEALLOCATE that needed no server has left it there.
    bool const deallocated = backend.names.has(name) && !is_uncarried(name);
    if (deallocated || name.starts_with(kReservedPrefix)) {
        return "prepared statement \"" + std::string(name) + "\" does not exist";
    }
    return std::nullopt;
}

/// What the statement that the client calls `name` is called at the backend, after making sure that it is
/// there. `name` may lie in the scratch memory, so nothing called here may write there.
std::expected<std::string_view, Error> Session::refer(Shared& shared, Backend& backend, std::string_view name,
                                                      const SessionStatements::Named* named,
                                                      std::span<char, 32> memory) {
    bound_traits_ = traits_of(name, named);
    if (session_pooled()) {
        return name;
    }
    if (name.empty()) {
        return refer_to_unnamed(shared, backend);
    }
    if (named == nullptr) {
        // It is unknown to the server, too, which says so.
        return name;
    }
    if (!backend.prepare(shared, *named->statement)) {
        return std::unexpected(errors::kOutOfMemory);
    }
    return server_name(named->statement->number, memory);
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
        !backend.out.push_copy(std::as_bytes(std::span(unnamed_body_.view())))) {
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
    forward_bytes(backend, rest_bytes);
    return std::nullopt;
}

/// What the client's name stands for; nullptr for that of the unnamed statement, and for an unknown one.
const SessionStatements::Named* Session::find_named(std::string_view name) const {
    return name.empty() || session_pooled() ? nullptr : statements_.find(name);
}

/// What executing a statement that was looked up means.
sql::Traits Session::traits_of(std::string_view name, const SessionStatements::Named* named) const {
    if (session_pooled() || (name.empty() && unnamed_ == Unnamed::None)) {
        return sql::kUnjudged;
    }
    if (name.empty()) {
        return unnamed_traits_;
    }
    if (named != nullptr) {
        return named->statement->traits;
    }
    sql::Traits unknown = sql::kUnjudged;
    unknown.effects = {};
    return unknown;
}

/// The text of a statement that was looked up; empty where it is not known.
std::string_view Session::text_of(std::string_view name, const SessionStatements::Named* named) const {
    if (name.empty()) {
        return text_in(unnamed_body_.view());
    }
    return named == nullptr ? std::string_view{} : text_in(named->statement->parse_body());
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

}  // namespace pgring::session
