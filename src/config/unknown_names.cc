#include "config/unknown_names.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "config/foreign_names.h"
#include "config/nearest.h"
#include "config/options.h"

namespace pgring::config {
namespace {

constexpr std::string_view kSeeReference = "leave it out; docs/configuration.md lists all options";

/// Three slips of the finger still make a name recognisable; a variable that is refused must be closer.
constexpr std::size_t kOptionDistanceMax = 3;
constexpr std::size_t kVariableDistanceMax = 2;

/// The sections whose options a variable can override.
constexpr Section kOverridableSections[] = {kPgringSection, kHealthSection, kRoutingSection};

bool has_option(std::string_view section, std::string_view name) {
    const std::vector<std::string_view> names = option_names(section);
    return std::ranges::find(names, name) != names.end();
}

/// The first of `names` that contains `name` or is contained in it, where that is long enough to mean
/// something.
std::optional<std::string_view> overlapping(std::string_view name, std::span<const std::string_view> names) {
    constexpr std::size_t kCommonBytesMin = 4;
    const auto overlaps = [name](std::string_view candidate) {
        return std::min(name.size(), candidate.size()) >= kCommonBytesMin &&
               (candidate.find(name) != std::string_view::npos ||
                name.find(candidate) != std::string_view::npos);
    };
    const auto found = std::ranges::find_if(names, overlaps);
    return found == names.end() ? std::nullopt : std::optional(*found);
}

/// The heading of a section that has the option `name`.
std::optional<std::string_view> heading_with_option(std::string_view name) {
    for (const Section& section : kSections) {
        if (has_option(section.name, name)) {
            return section.heading;
        }
    }
    return std::nullopt;
}

std::vector<std::string> overriding_variables() {
    std::vector<std::string> variables;
    for (const Section& section : kOverridableSections) {
        std::ranges::transform(option_names(section.name), std::back_inserter(variables), variable_of);
    }
    return variables;
}

/// Kubernetes gives every pod of a namespace with a service "pgring" these variables (Kubernetes docs,
/// "Service", section "Discovering services"), and docker's --link did the same.
bool is_service_link(std::string_view variable) {
    return variable.starts_with("PGRING_SERVICE_") || variable == "PGRING_PORT" ||
           variable.starts_with("PGRING_PORT_");
}

}  // namespace

Advice unknown_option(std::string_view section, std::string_view path, std::string_view name) {
    if (std::optional<Advice> foreign = find_foreign_option(section, name)) {
        return *std::move(foreign);
    }
    std::string message = fmt::format("{} is not an option", printable(path));
    const std::vector<std::string_view> names = option_names(section);
    // Whole words in common say more than letters: pool_size is default_pool_size, not pool_mode.
    std::optional<std::string_view> guess = overlapping(name, names);
    if (!guess) {
        guess = nearest(name, names, kOptionDistanceMax);
    }
    if (guess) {
        return {.message = std::move(message), .remedy = fmt::format("write {}, if that is meant", *guess)};
    }
    if (const std::optional<std::string_view> heading = heading_with_option(name)) {
        return {.message = std::move(message), .remedy = fmt::format("write it under {}", *heading)};
    }
    return {.message = std::move(message), .remedy = std::string(kSeeReference)};
}

Advice unknown_section(std::string_view name) {
    if (std::optional<Advice> foreign = find_foreign_section(name)) {
        return *std::move(foreign);
    }
    std::string message = fmt::format("[{}] is not a section", printable(name));
    std::vector<std::string_view> names;
    std::string headings;
    for (const Section& section : kSections) {
        names.push_back(section.name);
        headings += fmt::format("{}{}", headings.empty() ? "" : ", ", section.heading);
    }
    if (const std::optional<std::string_view> guess = nearest(name, names, kOptionDistanceMax)) {
        return {.message = std::move(message), .remedy = fmt::format("write [{}], if that is meant", *guess)};
    }
    return {.message = std::move(message),
            .remedy = fmt::format("leave it out; the sections are {}", headings)};
}

Advice option_outside_section(std::string_view name) {
    std::string message = fmt::format("{} stands before any section", printable(name));
    if (const std::optional<std::string_view> heading = heading_with_option(name)) {
        return {.message = std::move(message), .remedy = fmt::format("write it under {}", *heading)};
    }
    return {.message = std::move(message), .remedy = std::string(kSeeReference)};
}

bool overrides_option(std::string_view variable) {
    const std::vector<std::string> variables = overriding_variables();
    return std::ranges::find(variables, variable) != variables.end();
}

UnknownVariable judge_unknown_variable(std::string_view variable) {
    using Verdict = UnknownVariable::Verdict;
    if (is_service_link(variable)) {
        return {.verdict = Verdict::Expected, .advice = {}};
    }
    std::string message = fmt::format("{} overrides no option", printable(variable));
    const std::vector<std::string> variables = overriding_variables();
    // The prefix, common to all, must not count as likeness.
    std::vector<std::string_view> candidates;
    for (const std::string& candidate : variables) {
        candidates.push_back(std::string_view(candidate).substr(kVariablePrefix.size()));
    }
    const std::string_view name = variable.substr(kVariablePrefix.size());
    if (const std::optional<std::string_view> guess = nearest(name, candidates, kVariableDistanceMax)) {
        return {.verdict = Verdict::Misspelt,
                .advice = {.message = std::move(message),
                           .remedy = fmt::format("set {}{}, or unset it", kVariablePrefix, *guess)}};
    }
    return {.verdict = Verdict::Unused,
            .advice = {
                .message = std::move(message),
                .remedy = "unset it if it was meant for pgring; docs/configuration.md lists all variables"}};
}

}  // namespace pgring::config
