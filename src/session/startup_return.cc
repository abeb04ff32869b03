#include "session/startup_return.h"

#include <algorithm>

namespace pgring::session {

const std::string* StartupValues::find(std::string_view name) const {
    const std::string* const value = wanted.find(name);
    const std::string* const fallback = defaults.find(name);
    bool const is_default = value != nullptr && fallback != nullptr && *value == *fallback;
    return is_default ? nullptr : value;
}

void StartupReturn::clear() {
    state_ = State::Noted;
    values_.clear();
}

void StartupReturn::note(std::span<const sql::SettingChange> changes, StartupValues values) {
    for (const sql::SettingChange& change : changes) {
        switch (change.action) {
            case sql::SettingChange::Action::Set:
                remove(change.name);
                break;
            case sql::SettingChange::Action::Reset:
                add(change.name, Scope::Session, values);
                break;
            case sql::SettingChange::Action::ResetLocal:
                add(change.name, Scope::Transaction, values);
                break;
            case sql::SettingChange::Action::ResetAll:
                note_all(values);
                break;
        }
    }
}

void StartupReturn::note_all(StartupValues values) {
    for (const Parameter& parameter : values.wanted.all()) {
        add(parameter.name, Scope::Session, values);
    }
}

void StartupReturn::add(std::string_view name, Scope scope, StartupValues values) {
    remove(name);
    if (const std::string* const value = values.find(name)) {
        values_.push_back({.name = std::string(name), .value = *value, .scope = scope});
    }
}

void StartupReturn::remove(std::string_view name) {
    std::erase_if(values_, [name](const Value& value) { return same_name(value.name, name); });
}

const std::string* StartupReturn::find(std::string_view name) const {
    auto const found =
        std::ranges::find_if(values_, [name](const Value& value) { return same_name(value.name, name); });
    bool const known = due() && control_ == sql::Control::None && found != values_.end();
    return known ? &found->value : nullptr;
}

std::string StartupReturn::query() const {
    std::string text;
    for (const Value& value : values_) {
        text += text.empty() ? "SELECT " : ", ";
        text += "pg_catalog.set_config(" + quote_literal(value.name) + ", " + quote_literal(value.value);
        text += value.scope == Scope::Transaction ? ", true)" : ", false)";
    }
    return text;
}

}  // namespace pgring::session
