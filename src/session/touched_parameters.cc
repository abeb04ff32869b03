#include "session/touched_parameters.h"

#include <algorithm>

#include "session/parameters.h"

namespace pgring::session {

void TouchedParameters::note(std::string_view name) {
    if (std::ranges::none_of(names_, [name](const std::string& other) { return same_name(name, other); })) {
        names_.emplace_back(name);
    }
}

bool TouchedParameters::note(std::span<const sql::SettingChange> changes) {
    for (const sql::SettingChange& change : changes) {
        bool const identity = change.name == "role" || change.name == "session_authorization";
        if (identity || names_.size() >= kNamesMax) {
            return false;
        }
        if (change.action != sql::SettingChange::Action::ResetAll && !reported(change.name)) {
            note(change.name);
        }
    }
    return true;
}

std::string TouchedParameters::query() const {
    // pg_settings knows the default; a parameter of an extension's or the client's own (with a dot) it may
    // not show, and current_setting() knows all.
    std::string text = "SELECT ";
    for (const std::string& name : names_) {
        std::string const quoted = quote_literal(name);
        if (text.size() > 7) {
            text += ", ";
        }
        text += "pg_catalog.current_setting(" + quoted +
                ", true), (SELECT setting OPERATOR(pg_catalog.=) reset_val FROM " +
                "pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) " + quoted + ")";
    }
    return text;
}

std::vector<ParameterReading> TouchedParameters::read(std::span<const std::optional<std::string>> row) const {
    std::vector<ParameterReading> readings;
    for (std::size_t i = 0; i < names_.size() && 2 * i + 1 < row.size(); ++i) {
        const std::optional<std::string>& value = row[2 * i];
        const std::optional<std::string>& is_default = row[2 * i + 1];
        bool const unset = !value.has_value() || is_default == "t";
        readings.push_back(
            {.name = names_[i],
             .value = value.value_or(""),
             .state = unset ? ParameterReading::State::Default : ParameterReading::State::Set});
    }
    return readings;
}

}  // namespace pgring::session
