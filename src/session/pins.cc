#include "session/pins.h"

#include <algorithm>

#include "session/parameters.h"

namespace pgring::session {

namespace {

/// Parameters that have a value of the session's own. Those that a client made up (with a dot in the name)
/// the server does not list; sql::may_set_unlisted() looks for them.
constexpr std::string_view kSetInSession =
    "(SELECT pg_catalog.string_agg(name, ',') FROM pg_catalog.pg_settings WHERE source "
    "OPERATOR(pg_catalog.=) 'session')";

bool observable(const PinRule& rule) {
    return !rule.fact.empty();
}

}  // namespace

void Pins::note(sql::Effects effects) {
    for (const PinRule& rule : kPinRules) {
        bool const was_held = held_.has(rule.pin);
        bool const leaves = effects.has_any(rule.leaves);
        if (leaves) {
            held_.add(rule.pin);
        }
        if (observable(rule) && ((leaves && !was_held) || (was_held && effects.has_any(rule.undoes)))) {
            doubted_.add(rule.pin);
        }
    }
    if (effects.has_any(rule_of(Pin::Code).leaves)) {
        suspect_all();
    }
}

void Pins::suspect_all() {
    doubt_all();
    doubted_.add(Pin::Code);
}

void Pins::hold(Pin pin) {
    held_.add(pin);
    doubted_.remove(pin);
}

void Pins::discarded() {
    bool const library = held_.has(Pin::LoadLibrary);
    held_ = {};
    doubted_ = {};
    told_ = {};
    if (library) {
        held_.add(Pin::LoadLibrary);
        told_.add(Pin::LoadLibrary);
    }
}

void Pins::doubt_all() {
    for (const PinRule& rule : kPinRules) {
        if (observable(rule)) {
            doubted_.add(rule.pin);
        }
    }
}

std::string Pins::query(std::string_view user, std::size_t prepared_count) const {
    std::string text = "SELECT ";
    std::string_view separator;
    for (const PinRule& rule : kPinRules) {
        if (observable(rule) && doubted_.has(rule.pin)) {
            std::string const fact = filled_in(rule.fact, "$user", quote_literal(user));
            text.append(separator).append(filled_in(fact, "$prepared", std::to_string(prepared_count)));
            separator = ", ";
        }
    }
    if (doubts_parameters()) {
        text.append(separator).append(kSetInSession);
    }
    return text;
}

std::size_t Pins::column_count() const {
    auto const asked = [this](const PinRule& rule) { return observable(rule) && doubted_.has(rule.pin); };
    return static_cast<std::size_t>(std::ranges::count_if(kPinRules, asked)) + (doubts_parameters() ? 1 : 0);
}

std::vector<std::string> Pins::read(std::span<const std::optional<std::string>> row) {
    std::vector<std::string> set;
    std::size_t column = 0;
    for (const PinRule& rule : kPinRules) {
        if (!doubted_.has(rule.pin)) {
            continue;
        }
        if (column >= row.size()) {
            // Not the answer to this question; nothing is known.
            reading_failed();
            return set;
        }
        const std::optional<std::string>& value = row[column++];
        bool const there = observable(rule) && value == "t";
        if (!there) {
            held_.remove(rule.pin);
            told_.remove(rule.pin);
        } else {
            held_.add(rule.pin);
        }
        if (rule.pin == Pin::Code) {
            set = names_in(value.value_or(""));
        }
        doubted_.remove(rule.pin);
    }
    return set;
}

void Pins::reading_failed() {
    doubted_ = {};
}

Pins::News Pins::take_news() {
    for (const PinRule& rule : kPinRules) {
        if (held_.has(rule.pin) && !doubted_.has(rule.pin) && !told_.has(rule.pin)) {
            bool const first = !told_ever_.has(rule.pin);
            told_.add(rule.pin);
            told_ever_.add(rule.pin);
            return {.pin = rule.pin, .first = first};
        }
    }
    return {};
}

}  // namespace pgring::session
