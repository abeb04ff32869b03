#include "session/reset_parameters.h"

#include <algorithm>

#include "session/parameters.h"

namespace pgring::session {

void ResetParameters::note(std::span<const sql::SettingChange> changes) {
    for (const sql::SettingChange& change : changes) {
        bool const resets = change.action == sql::SettingChange::Action::Reset && !has(change.name);
        if (change.action == sql::SettingChange::Action::ResetAll || (resets && names_.size() == kNamesMax)) {
            note_all();
        } else if (resets) {
            names_.push_back(change.name);
        }
    }
}

void ResetParameters::note_all() {
    all_ = true;
    names_.clear();
}

bool ResetParameters::has(std::string_view name) const {
    return all_ ||
           std::ranges::any_of(names_, [name](const std::string& other) { return same_name(name, other); });
}

}  // namespace pgring::session
