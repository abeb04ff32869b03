#pragma once
/// The environment as a list that somebody else read.

#include <optional>
#include <span>
#include <string_view>

namespace pgring::config {

/// One variable of the environment; borrowed.
struct EnvironmentVariable {
    std::string_view name;
    std::string_view value;
};

/// The environment. Of two variables of one name the first counts, as for getenv().
using Environment = std::span<const EnvironmentVariable>;

/// The value of the variable `name`, or nullopt where it is unset.
[[nodiscard]] std::optional<std::string_view> find_variable(Environment environment, std::string_view name);

/// An entry of environ ("NAME=value") in its two parts; an entry without '=' is a name with an empty value.
[[nodiscard]] EnvironmentVariable split_environment_entry(std::string_view entry);

}  // namespace pgring::config
