#include "sql/function_names.h"

#include <algorithm>
#include <utility>

namespace pgring::sql {

FunctionNames::FunctionNames() {
    // None and Nameless.
    sets_.resize(2);
}

FunctionSet FunctionNames::intern(std::vector<std::string> names) {
    std::ranges::sort(names);
    names.erase(std::ranges::unique(names).begin(), names.end());
    if (names.empty()) {
        return FunctionSet::None;
    }
    std::vector<FunctionNumber> members;
    for (std::string& name : names) {
        auto const known = numbers_.find(name);
        if (known != numbers_.end()) {
            members.push_back(known->second);
        } else if (names_.size() < kNamesMax) {
            auto const number = static_cast<FunctionNumber>(names_.size());
            names_.push_back(numbers_.emplace(std::move(name), number).first->first);
            members.push_back(number);
        } else {
            return FunctionSet::Nameless;
        }
    }
    std::ranges::sort(members);
    if (auto const known = set_numbers_.find(members); known != set_numbers_.end()) {
        return known->second;
    }
    if (sets_.size() >= kSetsMax || members.size() > kNamesInSetMax) {
        return FunctionSet::Nameless;
    }
    auto const set = static_cast<FunctionSet>(sets_.size());
    sets_.push_back(members);
    set_numbers_.emplace(std::move(members), set);
    return set;
}

FunctionKind UnknownFunctions::kind_of(std::string_view schema, std::string_view name) const {
    FunctionKind const kind = functions_.kind_of(schema, name);
    if (kind == FunctionKind::Unknown) {
        names_.emplace_back(name);
    }
    return kind;
}

}  // namespace pgring::sql
