#include "config/environment.h"

#include <algorithm>

namespace pgring::config {

std::optional<std::string_view> find_variable(Environment environment, std::string_view name) {
    const auto found = std::ranges::find(environment, name, &EnvironmentVariable::name);
    if (found == environment.end()) {
        return std::nullopt;
    }
    return found->value;
}

EnvironmentVariable split_environment_entry(std::string_view entry) {
    const auto equals = entry.find('=');
    if (equals == std::string_view::npos) {
        return EnvironmentVariable{.name = entry, .value = {}};
    }
    return EnvironmentVariable{.name = entry.substr(0, equals), .value = entry.substr(equals + 1)};
}

}  // namespace pgring::config
