#include "session/parameters.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "base/contract.h"

namespace pgring::session {

namespace {

/// Spellings remembered at most; beyond it a login asks the server again.
constexpr std::size_t kCanonicalMax = 1024;
/// Expired sets are swept when twice as many exist as were alive at the last sweep, so that a sweep costs
/// each set little.
constexpr std::size_t kSweepAtLeast = 64;

std::size_t hash_of(const std::vector<Parameter>& parameters) {
    std::size_t hash = parameters.size();
    for (const Parameter& parameter : parameters) {
        hash = hash * 31 + std::hash<std::string>{}(parameter.name);
        hash = hash * 31 + std::hash<std::string>{}(parameter.value);
    }
    return hash;
}

void append_quoted(std::string& text, std::string_view value) {
    text += "E'";
    for (char const c : value) {
        if (c == '\'' || c == '\\') {
            text += c;
        }
        text += c;
    }
    text += '\'';
}

constexpr std::array<std::string_view, 7> kNotSettable{
    "in_hot_standby", "integer_datetimes",     "is_superuser",    "server_encoding",
    "server_version", "session_authorization", "scram_iterations"};
/// Those that every supported version reports. search_path is not among them: only PostgreSQL 18 does, and to
/// read it as well is right with all.
constexpr std::array<std::string_view, 7> kReportedSettable{"application_name",
                                                            "client_encoding",
                                                            "DateStyle",
                                                            "default_transaction_read_only",
                                                            "IntervalStyle",
                                                            "TimeZone",
                                                            "standard_conforming_strings"};

}  // namespace

bool name_less(std::string_view left, std::string_view right) {
    return std::lexicographical_compare(left.begin(), left.end(), right.begin(), right.end(),
                                        [](char a, char b) { return base::lower(a) < base::lower(b); });
}

bool same_name(std::string_view left, std::string_view right) {
    return left.size() == right.size() &&
           std::equal(left.begin(), left.end(), right.begin(),
                      [](char a, char b) { return base::lower(a) == base::lower(b); });
}

bool settable(std::string_view name) {
    return std::ranges::none_of(kNotSettable,
                                [name](std::string_view other) { return same_name(name, other); });
}

bool reported(std::string_view name) {
    return !settable(name) || std::ranges::any_of(kReportedSettable, [name](std::string_view other) {
        return same_name(name, other);
    });
}

const std::string* ParameterSet::find(std::string_view name) const {
    auto const at = std::ranges::lower_bound(parameters_, name, name_less, &Parameter::name);
    return at != parameters_.end() && same_name(at->name, name) ? &at->value : nullptr;
}

ParameterSets::ParameterSets() : empty_(std::make_shared<ParameterSet>()) {}

ParameterSetPtr ParameterSets::equal_to(const ParameterSet& other) {
    return other.parameters_.empty() ? empty_ : intern(other.parameters_);
}

ParameterSetPtr ParameterSets::with(const ParameterSetPtr& set, std::string_view name,
                                    std::string_view value) {
    const std::string* present = set->find(name);
    if (present != nullptr && *present == value) {
        return set;
    }
    std::vector<Parameter> parameters(set->all().begin(), set->all().end());
    auto const at = std::ranges::lower_bound(parameters, name, name_less, &Parameter::name);
    if (present != nullptr) {
        at->value = value;
    } else {
        parameters.insert(at, Parameter{.name = std::string(name), .value = std::string(value)});
    }
    return intern(std::move(parameters));
}

ParameterSetPtr ParameterSets::without(const ParameterSetPtr& set, std::string_view name) {
    if (set->find(name) == nullptr) {
        return set;
    }
    std::vector<Parameter> parameters(set->all().begin(), set->all().end());
    std::erase_if(parameters, [name](const Parameter& parameter) { return same_name(parameter.name, name); });
    return intern(std::move(parameters));
}

ParameterSetPtr ParameterSets::without_unreported(const ParameterSetPtr& set) {
    auto const told = [](const Parameter& parameter) { return reported(parameter.name); };
    if (std::ranges::all_of(set->all(), told)) {
        return set;
    }
    std::vector<Parameter> parameters;
    std::ranges::copy_if(set->all(), std::back_inserter(parameters), told);
    return intern(std::move(parameters));
}

ParameterSetPtr ParameterSets::intern(std::vector<Parameter> parameters) {
    std::size_t const hash = hash_of(parameters);
    auto const [begin, end] = sets_.equal_range(hash);
    for (auto at = begin; at != end; ++at) {
        if (ParameterSetPtr set = at->second.lock(); set != nullptr && set->parameters_ == parameters) {
            return set;
        }
    }
    if (sets_.size() >= sweep_at_) {
        std::erase_if(sets_, [](const auto& entry) { return entry.second.expired(); });
        sweep_at_ = std::max(kSweepAtLeast, sets_.size() * 2);
    }
    auto set = std::make_shared<ParameterSet>();
    set->parameters_ = std::move(parameters);
    sets_.emplace(hash, set);
    return set;
}

const std::string* ParameterSets::canonical(std::string_view name, std::string_view spelled) const {
    std::string key(name);
    key.append(1, '=').append(spelled);
    auto const found = canonical_.find(key);
    return found == canonical_.end() ? nullptr : &found->second;
}

void ParameterSets::learn_canonical(std::string_view name, std::string_view spelled,
                                    std::string_view canonical) {
    if (canonical_.size() < kCanonicalMax) {
        std::string key(name);
        key.append(1, '=').append(spelled);
        canonical_.insert_or_assign(std::move(key), std::string(canonical));
    }
}

std::vector<std::string> names_in(std::string_view list) {
    std::vector<std::string> names;
    while (!list.empty()) {
        std::string_view const name = list.substr(0, list.find(','));
        names.emplace_back(name);
        list.remove_prefix(name.size() < list.size() ? name.size() + 1 : name.size());
    }
    return names;
}

std::string filled_in(std::string_view text, std::string_view place, std::string_view value) {
    std::string filled(text);
    if (std::size_t const at = filled.find(place); at != std::string::npos) {
        filled.replace(at, place.size(), value);
    }
    return filled;
}

std::string quote_literal(std::string_view text) {
    std::string quoted;
    append_quoted(quoted, text);
    return quoted;
}

std::string set_statement(std::span<const ParameterChange> changes) {
    std::string text;
    for (const ParameterChange& change : changes) {
        if (change.value != nullptr) {
            text += text.empty() ? "SELECT pg_catalog.set_config(" : ", pg_catalog.set_config(";
            append_quoted(text, change.name);
            text += ", ";
            append_quoted(text, *change.value);
            text += ", false)";
        }
    }
    for (const ParameterChange& change : changes) {
        if (change.value == nullptr) {
            text += text.empty() ? "RESET \"" : "; RESET \"";
            text += change.name;
            text += '"';
        }
    }
    return text;
}

}  // namespace pgring::session
