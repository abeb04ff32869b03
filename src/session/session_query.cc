/// The simple query protocol, and the statements that need no server: a BEGIN that is held back, what ends
/// it, DEALLOCATE.

#include <array>
#include <utility>

#include "session/refusal.h"
#include "session/session.h"
#include "session/statement_text.h"
#include "sql/prepared_step.h"
#include "wire/body_reader.h"
#include "wire/messages.h"

namespace pgring::session {

namespace {

/// A query that fails wherever it runs; the server logs it, so it says what it is.
constexpr std::string_view kFailingQuery =
    "SELECT 'pgring: refused, see unpoolable_statements and pool_mode'::pg_catalog.int4";

}  // namespace

Session::Handled Session::on_query(Shared& shared, Backend* backend, wire::Header header) {
    bool const is_new = !front_traits_.has_value();
    std::string_view text;
    if (is_new) {
        sql::Traits traits = sql::kUnjudged;
        if (header.message_bytes() <= kWholeBytesMax) {
            wire::BodyReader reader(body(shared, header, header.body_bytes));
            text = reader.string();
            if (!reader.ok() || !reader.at_end()) {
                fail(shared, errors::kBadMessage);
                return kEnded;
            }
            traits = shared.classifier.classify(text, dialect_);
            bool const deallocates = traits.effects.has(sql::Effect::SqlDeallocate) &&
                                     traits.statements == sql::StatementCount::One;
            if (backend != nullptr && deallocates && awaits_earlier_units(*backend, deallocated_name(text))) {
                return kBlocked;
            }
            bool const done_here = backend == nullptr ? query_alone(text, traits)
                                                      : deallocates && deallocate_here(backend, text);
            if (done_here) {
                drop(header);
                if (backend != nullptr) {
                    backend->answer_local(shared, this);
                }
                return std::nullopt;
            }
        }
        front_traits_ = traits;
    } else if (!front_traits_->effects.empty()) {
        text = query_text(shared, header);
    }
    NamesUsed names = names_used(shared, *front_traits_, text);
    if (is_new) {
        bool const running =
            held_.state() == HeldTransaction::State::None || held_.state() == HeldTransaction::State::Begun;
        if (running && opens_refused_block(*front_traits_)) {
            return refuse_query(shared, backend, header, errors::kTransactionBlock);
        }
        if (Pin const reason = running ? refused_pin(names, text, backend) : Pin::None; reason != Pin::None) {
            return refuse_query(shared, backend, header, Refusal(reason).error());
        }
    }
    std::vector<sql::ChannelStep> steps;
    if (concerns_channels(*front_traits_)) {
        wire::BodyReader reader(body(shared, header, header.body_bytes));
        steps = channel_steps(shared, reader.string());
        if (!joined(backend, steps)) {
            return kAwaitsListener;
        }
        if (unlistens_too_early(backend, steps)) {
            return kBlocked;
        }
    }
    if (Handled const placed = place(shared, backend, header, &names.traits)) {
        return placed;
    }
    bool const lacks = lacks_names(*backend, names);
    if (lacks && !backend->pipeline.open()) {
        return carry_names(shared, *backend, names, Backend::Amid::Nothing);
    }
    if (lacks) {
        // What is sent before the Query would be committed with the batch that it follows, and then it fails
        // perhaps.
        return refuse_query(shared, backend, header, errors::kQueryAmidBatch);
    }
    if (!backend->pipeline.open() && meets_foreign_sequences(*backend, names.traits)) {
        if (!backend->start_errand(shared, Errand::DiscardSequences, kDiscardSequences)) {
            fail(shared, errors::kOutOfMemory);
        }
        return kBlocked;
    }
    send_query(shared, *backend, header, names, std::move(steps));
    return std::nullopt;
}

void Session::send_query(Shared& shared, Backend& backend, wire::Header header, NamesUsed& names,
                         std::vector<sql::ChannelStep> steps) {
    front_traits_.reset();
    bool const alone = begins_alone(backend);
    send_begin(shared, backend);
    startup_return_.reset();
    if (names.own.effects.empty() && names.steps.empty()) {
        note_effects(shared, backend, names.own, {});
    } else {
        note_effects(shared, backend, names, query_text(shared, header));
    }
    forget_unnamed();
    backend.unnamed_owner = {};
    Purpose const purpose = purpose_of_steps(!steps.empty(), names.changes);
    if (tells_channels(purpose)) {
        listening_->sent(std::move(steps));
    }
    Expected const entry{.request = Request::Query,
                         .stake = stake_of(names.traits),
                         .purpose = purpose,
                         .statement = names.executed()};
    backend.pipeline.expect(entry);
    if (alone && entry.statement != kNoStatement && !sql::executed_name(query_text(shared, header)).empty()) {
        backend.replay.begin_query(in.view(0, header.message_bytes(), shared.scratch), entry);
    }
    if (names.own.effects.has(sql::Effect::CopyIn)) {
        backend.pipeline.copy_in_sent();
    }
    if (tells_names(purpose)) {
        name_changes().sent(std::move(names.steps));
    }
    if (startup_return_ != nullptr) {
        startup_return_->sent(names.own.control);
    }
    forward(backend, header);
}

/// The text of the Query at the front; empty where it is too long to be looked at.
std::string_view Session::query_text(Shared& shared, wire::Header header) const {
    if (header.message_bytes() > kWholeBytesMax) {
        return {};
    }
    return wire::BodyReader(body(shared, header, header.body_bytes)).string();
}

/// Answers a query that needs no backend: BEGIN is held back, and what ends a held BEGIN is answered here.
/// False where it needs one.
bool Session::query_alone(std::string_view text, const sql::Traits& traits) {
    std::string_view const tag = done_alone(text, traits);
    if (tag.empty()) {
        return false;
    }
    std::array<std::byte, 64> memory{};
    wire::MessageWriter writer(memory);
    wire::write_command_complete(writer, tag);
    write_ready(writer);
    tell(writer.written());
    return true;
}

/// Does what a statement asks for where that needs no backend, and says its command tag; empty where it needs
/// one.
std::string_view Session::done_alone(std::string_view text, const sql::Traits& traits) {
    std::string_view tag;
    if (held_.state() == HeldTransaction::State::None && !session_pooled() && traits.begin_deferrable() &&
        access_ == Access::ReadWrite && !opens_refused_block(traits)) {
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
               deallocate_here(nullptr, text)) {
        tag = "DEALLOCATE";
    }
    return tag;
}

/// DEALLOCATE of a statement that was prepared by protocol: the server knows it under another name, so it is
/// done here.
bool Session::deallocate_here(Backend* backend, std::string_view text) {
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

Session::Handled Session::refuse_query(Shared& shared, Backend* backend, wire::Header header,
                                       const Error& error) {
    shared.stats.refusals.add();
    front_traits_.reset();
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
    forget_unnamed();
    backend->unnamed_owner = {};
    backend->pipeline.expect({.request = Request::Query, .purpose = Purpose::Refusal});
    drop(header);
    return std::nullopt;
}

}  // namespace pgring::session
