/// PREPARE, EXECUTE and DEALLOCATE of a session in transaction pooling: what it has prepared is carried over
/// to whichever backend it gets (docs/decisions/0014).

#include <algorithm>
#include <utility>

#include "base/mutation.h"
#include "session/session.h"
#include "sql/prepared_step.h"

namespace pgring::session {

namespace {

using Kind = sql::PreparedStep::Kind;

constexpr sql::Effects kNamesStatements =
    sql::Effect::SqlPrepare | sql::Effect::SqlExecute | sql::Effect::SqlDeallocate;
/// What may execute a statement that its text does not name.
constexpr sql::Effects kUnseenStatements = sql::Effect::Unjudged | sql::Effect::MayChangeSession;
/// What only a statement of the protocol can do, and what has to be known before it is sent: such a statement
/// is not found by EXECUTE.
constexpr sql::Effects kNotBySql = sql::Effect::Listen | sql::Effect::Unlisten | sql::Effect::DiscardAll |
                                   kNamesStatements | kUnseenStatements;

std::string_view text_in(std::string_view parse_body) {
    return parse_body.substr(0, parse_body.find('\0'));
}

bool executable_by_sql(const sql::Traits& traits) {
    return traits.control == sql::Control::None && !traits.effects.has_any(kNotBySql);
}

/// What an earlier statement of the same text prepares under the name of `step`; nullptr where none does.
const NameStep* prepared_before(const std::vector<NameStep>& steps, std::string_view name) {
    auto const found = std::ranges::find_if(steps.rbegin(), steps.rend(), [name](const NameStep& step) {
        return step.kind == Kind::Prepare && step.name == name;
    });
    return found == steps.rend() ? nullptr : &*found;
}

}  // namespace

std::uint32_t Session::NamesUsed::executed() const {
    bool const one = steps.size() == 1 && steps[0].kind == Kind::Execute && steps[0].statement;
    return one ? steps[0].statement->number : kNoStatement;
}

// -- Before a text is sent --

Session::NamesUsed Session::names_used(Shared& shared, const sql::Traits& traits, std::string_view text) {
    NamesUsed used{.traits = traits, .own = traits};
    if (traits.effects.empty() || session_pooled()) {
        return used;
    }
    if (traits.effects.has_any(kNamesStatements)) {
        find_names(shared, text, used);
    }
    if (traits.effects.has(sql::Effect::DiscardAll)) {
        // What the client prepares behind it, by either protocol, is not to be forgotten with what was
        // before.
        used.changes = true;
        if (used.steps.empty()) {
            used.steps.emplace_back();
        }
    }
    used.mentions_all = (traits.effects.has_any(kUnseenStatements) || calls_unproven(shared, traits)) &&
                        statements_.has_sql_names();
    return used;
}

void Session::find_names(Shared& shared, std::string_view text, NamesUsed& used) {
    std::vector<sql::PreparedStep> found;
    bool const lone = used.traits.statements == sql::StatementCount::One &&
                      used.traits.effects.has(sql::Effect::SqlExecute);
    if (std::string_view const name = lone ? sql::executed_name(text) : std::string_view{}; !name.empty()) {
        found.push_back({.kind = Kind::Execute, .name = std::string(name)});
    } else {
        found = sql::prepared_steps_of(text);
    }
    bool carries_all = true;
    bool knows_all = true;
    for (sql::PreparedStep& step : found) {
        NameStep made{.kind = step.kind, .name = std::move(step.name)};
        if (made.kind == Kind::Prepare) {
            made.statement = make_statement(shared, step.parse_body);
            carries_all = carries_all && made.statement;
        } else if (made.kind == Kind::Execute) {
            const NameStep* const before = prepared_before(used.steps, made.name);
            const SessionStatements::Named* const named = statements_.find(made.name);
            if (before != nullptr) {
                made.statement = before->statement;
            } else if (named != nullptr && executable_by_sql(named->statement->traits)) {
                made.statement = named->statement;
            }
            knows_all = knows_all && made.statement;
        }
        if (made.kind == Kind::Execute && made.statement) {
            const sql::Traits& runs = made.statement->traits;
            used.traits.effects |= runs.effects;
            used.traits.access = runs.access == sql::Access::Write ? sql::Access::Write : used.traits.access;
        }
        used.steps.push_back(std::move(made));
    }
    used.changes = used.traits.effects.has_any(sql::Effect::SqlPrepare | sql::Effect::SqlDeallocate);
    used.own.effects = used.own.effects.without(sql::Effect::SqlExecute);
    if (knows_all) {
        used.traits.effects = used.traits.effects.without(sql::Effect::SqlExecute);
    } else if (pins_.has(Pin::SqlPrepare)) {
        // It is one of those that cannot be carried over, which may leave anything behind.
        used.own.effects |= sql::Effect::MayChangeSession;
    }
    if (carries_all) {
        used.own.effects = used.own.effects.without(sql::Effect::SqlPrepare);
    }
}

/// None where it cannot be prepared elsewhere.
StatementRef Session::make_statement(Shared& shared, const std::string& parse_body) {
    std::size_t const limit = shared.settings.pgring.prepared_statement_bytes_max;
    if (parse_body.empty() || parse_body.size() > limit || statements_.full()) {
        return {};
    }
    sql::Traits const traits = shared.classifier.classify(text_in(parse_body), dialect_);
    return destination_->statements.intern(statement_key(std::as_bytes(std::span(parse_body)), traits),
                                           traits);
}

/// What the name in a statement must stand for at the server when it runs.
const Statement* Session::meaning_of(const NameStep& step) const {
    const SessionStatements::Named* const named = statements_.find(step.name);
    if (named == nullptr) {
        return nullptr;
    }
    bool const hidden = step.kind == Kind::Execute && !executable_by_sql(named->statement->traits);
    return hidden ? nullptr : named->statement.get();
}

/// Whether a name that the text needs stands for something else at the backend. In a failed transaction
/// nothing can be done about it, and the text fails.
bool Session::lacks_names(const Backend& backend, const NamesUsed& used) const {
    if (used.steps.empty() && !used.mentions_all) {
        return false;
    }
    if (backend.stays_failed()) {
        return false;
    }
    bool lacks = std::ranges::any_of(used.steps, [&](const NameStep& step) {
        bool const is_kept = PGRING_MUTATION(ForeignNamesKept) && backend.names.has(step.name);
        return step.kind != Kind::Other && !is_kept && backend.lacks(step.name, meaning_of(step));
    });
    if (used.mentions_all) {
        statements_.for_each_sql_name([&](std::string_view name, const Statement& statement) {
            lacks = lacks || backend.lacks(name, &statement);
        });
    }
    return lacks;
}

/// Sends what the backend lacks of what a text needs: an errand.
SessionStep Session::carry_names(Shared& shared, Backend& backend, const NamesUsed& used,
                                 Backend::Amid amid) {
    bool all_sent = std::ranges::all_of(used.steps, [&](const NameStep& step) {
        return step.kind == Kind::Other || backend.carry(shared, step.name, meaning_of(step));
    });
    if (used.mentions_all) {
        statements_.for_each_sql_name([&](std::string_view name, const Statement& statement) {
            all_sent = all_sent && backend.carry(shared, name, &statement);
        });
    }
    if (!all_sent || !backend.await_names(Errand::Carry, amid)) {
        fail(shared, errors::kOutOfMemory);
        return kEnded;
    }
    return kBlocked;
}

/// The errand that carried names for the Query at the front is done. Where the server refused to prepare one
/// it would refuse to execute it; so its error is the statement's. False where the session is to go on with
/// another backend.
bool Session::names_carried(Shared& shared, Backend& backend) {
    if (!backend.errand_failed()) {
        return true;
    }
    const ServerError error = backend.error().value_or(ServerError{});
    Error const told{.sqlstate = error.sqlstate, .message = error.message};
    if (backend.status() != wire::TransactionStatus::Idle) {
        refuse_front(shared, told, backend.status());
        return true;
    }
    // A BEGIN that is held back was not sent yet: the transaction fails without a server.
    bool const begins = held_.state() == HeldTransaction::State::Begun;
    refuse_unit(shared, told);
    return !begins;
}

/// Whether nothing that another session has prepared by SQL is on the backend; sends an errand that closes it
/// where something is. Whatever runs there then, seen or not, finds its own statements or none.
bool Session::own_names(Shared& shared, Backend& backend) {
    if (backend.names.owner == id_ || PGRING_MUTATION(ForeignNamesKept)) {
        return true;
    }
    backend.names.owner = id_;
    if (backend.names.empty()) {
        return true;
    }
    std::vector<std::string> foreign;
    backend.names.for_each([this, &foreign](std::string_view name, std::uint32_t statement) {
        const SessionStatements::Named* const named = statements_.find(name);
        if (named == nullptr || named->statement->number != statement) {
            foreign.emplace_back(name);
        }
    });
    if (foreign.empty()) {
        return true;
    }
    bool const all_sent = std::ranges::all_of(
        foreign, [&](const std::string& name) { return backend.carry(shared, name, nullptr); });
    if (!all_sent || !backend.await_names(Errand::DropNames, Backend::Amid::Nothing)) {
        fail(shared, errors::kOutOfMemory);
    }
    return false;
}

Pin Session::refused_pin(const NamesUsed& used, std::string_view text, const Backend* backend) {
    Pin reason = refused_pin(used.own, text, backend);
    for (const NameStep& step : used.steps) {
        if (reason == Pin::None && step.kind == Kind::Execute && step.statement) {
            reason = refused_pin(step.statement->traits, text_in(step.statement->parse_body()), backend);
        }
    }
    return reason;
}

void Session::note_effects(Shared& shared, Backend& backend, const NamesUsed& used, std::string_view text) {
    note_effects(shared, backend, used.own, text);
    for (const NameStep& step : used.steps) {
        if (step.kind == Kind::Execute && step.statement) {
            note_effects(shared, backend, step.statement->traits, text_in(step.statement->parse_body()));
        }
    }
}

/// Notes what Executes of the unnamed portal change, which is now of this statement. A named one may be
/// executed whenever the client likes: what it prepares is not carried over.
void Session::bind_names(std::string_view portal, NamesUsed& used) {
    if (!portal.empty()) {
        bool const prepares =
            std::ranges::any_of(used.steps, [](const NameStep& step) { return step.kind == Kind::Prepare; });
        if (prepares) {
            used.own.effects |= sql::Effect::SqlPrepare;
        }
        return;
    }
    bound_execution_ = used.executed();
    if (used.changes) {
        name_changes().bound = used.steps;
    } else if (name_changes_ != nullptr) {
        name_changes_->bound.clear();
    }
}

// -- While it is under way --

NameChanges& Session::name_changes() {
    if (name_changes_ == nullptr) {
        name_changes_ = std::make_unique<NameChanges>();
    }
    return *name_changes_;
}

/// Names change: whether a message must wait until it is known what they stand for. Where the client has sent
/// no Sync yet the server is told to answer.
bool Session::awaits_names(Backend& backend, wire::FrontendType type) {
    switch (type) {
        case wire::FrontendType::CopyData:
        case wire::FrontendType::CopyDone:
        case wire::FrontendType::CopyFail:
        case wire::FrontendType::Flush:
        case wire::FrontendType::Sync:
        case wire::FrontendType::Terminate:
        case wire::FrontendType::PasswordMessage:
            return false;
        case wire::FrontendType::Bind:
        case wire::FrontendType::Close:
        case wire::FrontendType::Describe:
        case wire::FrontendType::Execute:
        case wire::FrontendType::FunctionCall:
        case wire::FrontendType::Parse:
        case wire::FrontendType::Query:
            break;
    }
    if (backend.pipeline.open() && name_changes_->take_flush()) {
        std::array<std::byte, 8> memory{};
        wire::MessageWriter writer(memory);
        writer.begin(wire::FrontendType::Flush).end();
        if (!backend.out.push_copy(writer.written())) {
            end();
        }
    }
    return true;
}

void Session::on_name_step(Backend& backend) {
    ASSERT(name_changes_ != nullptr);
    const NameStep& step = name_changes_->completed();
    if (step.kind == Kind::Prepare && step.statement) {
        destination_->statements.accept(step.statement->number);
        statements_.put(step.name, step.statement);
        backend.names.erase(step.name);
        static_cast<void>(
            backend.names.add(step.name, *step.statement, backend.unit, BackendNames::Made::BySql));
    } else if (step.kind == Kind::Prepare) {
        name_changes_->uncarried.insert(step.name);
    } else if (step.kind == Kind::Deallocate) {
        name_changes_->uncarried.erase(step.name);
        statements_.erase(step.name);
        backend.names.erase(step.name);
    }
}

bool Session::is_uncarried(std::string_view name) const {
    return name_changes_ != nullptr && name_changes_->uncarried.contains(name);
}

void Session::names_over() {
    if (name_changes_ != nullptr) {
        name_changes_->over();
    }
}

}  // namespace pgring::session
