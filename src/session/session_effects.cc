/// What statements leave behind in a session: parameters to be read, pins, and what is refused instead.

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "session/session.h"
#include "sql/code_scan.h"
#include "sql/parameter.h"
#include "sql/setting.h"
#include "sql/vacated_database.h"

namespace pgring::session {

namespace {

/// Effects of SET, RESET and set_config(), which can be followed by reading the values afterwards.
constexpr sql::Effects kUnreportedSettings = sql::Effect::SetParameter | sql::Effect::ResetParameter |
                                             sql::Effect::ResetAll | sql::Effect::SetTransactionDefaults |
                                             sql::Effect::SetSessionState;
/// Those, and what ParameterStatus tells anyway.
constexpr sql::Effects kSettings = kUnreportedSettings | sql::Effect::SetReportedParameter;

}  // namespace

void Session::note_effects(Shared& shared, Backend& backend, const sql::Traits& traits,
                           std::string_view text) {
    if (traits.effects.has(sql::Effect::VacatesDatabase)) {
        shared.vacated_databases = sql::vacated_databases(text);
    }
    if (traits.effects.has(sql::Effect::ChangesFunctions)) {
        function_question().definitions_change();
    }
    if (traits.access == sql::Access::Write) {
        backend.sequences.written(id_);
    }
    bool const pins_sequence = destination_->reads_sequences && traits.access == sql::Access::Write;
    if (session_pooled() || (traits.effects.empty() && !pins_sequence)) {
        return;
    }
    bool const fails = backend.stays_failed() && traits.control == sql::Control::None &&
                       !traits.effects.has(sql::Effect::Unjudged);
    if (fails) {
        return;
    }
    if (pins_sequence) {
        pins_.hold(Pin::Sequence);
        tell_pins(shared);
    }
    if (traits.effects.empty()) {
        return;
    }
    if (traits.effects.has(sql::Effect::Unjudged)) {
        note_unjudged(backend, text);
    }
    // Where the listener hears for the session, nothing stays on the backend.
    bool const stands_in = listening_ != nullptr && listening_->stands_in;
    pins_.note(traits.effects.without(stands_in ? kSettings | sql::Effect::Listen : kSettings));
    if (calls_unproven(shared, traits)) {
        pins_.suspect_all();
        function_question().note(shared.classifier.function_names().members(traits.functions));
    }
    if (traits.effects.has(sql::Effect::MayChangeSession) && sql::may_leave_unlisted(text)) {
        pins_.hold(Pin::SessionFunction);
    }
    if (traits.effects.has_any(kSettings)) {
        note_settings(traits, text);
    }
    if (traits.effects.has(sql::Effect::DiscardAll)) {
        startup_return().note_all(startup_values());
        if (startup_return_->bound()) {
            // What is sent behind it waits, as behind any reset.
            resets_.note_all();
        }
    }
    tell_pins(shared);
}

/// It calls a function that may leave anything behind, as far as is known.
bool Session::calls_unproven(const Shared& shared, const sql::Traits& traits) const {
    if (!traits.effects.has(sql::Effect::UnknownFunction) || session_pooled() ||
        destination_->terms.unknown_functions == config::UnknownFunctions::Trust) {
        return false;
    }
    std::span<const sql::FunctionNumber> const called =
        shared.classifier.function_names().members(traits.functions);
    bool const all_proven = std::ranges::all_of(
        called, [this](sql::FunctionNumber name) { return destination_->functions->harmless(name); });
    return called.empty() || !all_proven;
}

FunctionQuestion& Session::function_question() {
    if (function_question_ == nullptr) {
        function_question_ = std::make_unique<FunctionQuestion>();
    }
    return *function_question_;
}

/// Anything may be in it, so the server is asked what it left. What no server tells is lost to the session,
/// but goes to nobody else: to pin for it would be to pin wherever a driver sends long texts.
void Session::note_unjudged(Backend& backend, std::string_view text) {
    pins_.suspect_all();
    if (text.empty() || sql::may_leave_unlisted(text)) {
        backend.needs_reset = true;
    }
}

/// Notes which parameters a statement sets, to be read when its transaction is over and nothing ties the
/// session to the backend.
void Session::note_settings(const sql::Traits& traits, std::string_view text) {
    if (!traits.effects.has_any(kUnreportedSettings)) {
        return;
    }
    std::vector<sql::SettingChange> changes = sql::settings_of(text);
    bool const told = !changes.empty();
    note_resets(traits, changes);
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

void Session::note_resets(const sql::Traits& traits, std::span<const sql::SettingChange> changes) {
    if (!traits.effects.has_any(sql::Effect::ResetAll | sql::Effect::ResetParameter)) {
        return;
    }
    startup_return().note(changes, startup_values());
    if (changes.empty()) {
        resets_.note_all();
    } else {
        resets_.note(changes);
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

/// It may write, and then ask what it wrote: what others have left for that must be gone before.
bool Session::meets_foreign_sequences(const Backend& backend, const sql::Traits& traits) const {
    return destination_->asks_sequences && traits.access == sql::Access::Write && !session_pooled() &&
           !backend.stays_failed() && backend.sequences.foreign_to(id_);
}

/// currval() and lastval() would tell what the session that had the backend before wrote. Whether a write
/// calls nextval() cannot be seen, so sessions keep the backend where they have written as soon as one of
/// them asked.
bool Session::forgot_sequences(const sql::Traits& traits, const Backend* backend) {
    bool const same_unit = unit_stake_ != Stake::None || traits.effects.has(sql::Effect::SequenceState) ||
                           traits.statements == sql::StatementCount::Many;
    bool const same_transaction = backend != nullptr && !backend->outside_transaction();
    bool const remembers =
        same_unit || pins_.has(Pin::Sequence) || (same_transaction && backend->sequences.of(id_));
    destination_->asks_sequences = true;
    if (remembers) {
        return false;
    }
    destination_->reads_sequences =
        destination_->terms.unpoolable_statements == config::UnpoolableStatements::Pin;
    return true;
}

/// The reason for which the statement is refused; None where it may run.
Pin Session::refused_pin(const sql::Traits& traits, std::string_view text, const Backend* backend) {
    if (traits.effects.empty() || session_pooled()) {
        return Pin::None;
    }
    if (traits.effects.has(sql::Effect::SequenceMemory) && forgot_sequences(traits, backend)) {
        return Pin::Sequence;
    }
    if (destination_->terms.unpoolable_statements != config::UnpoolableStatements::Refuse) {
        return Pin::None;
    }
    bool const resets_only =
        traits.effects.has(sql::Effect::ResetParameter) && traits.statements == sql::StatementCount::One;
    sql::Effects harmless = kSettings | sql::Effect::MayChangeSession;
    if (traits.effects.has(sql::Effect::Listen) && stands_in_for(sql::channel_steps_of(text))) {
        harmless |= sql::Effect::Listen;
    }
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

}  // namespace pgring::session
