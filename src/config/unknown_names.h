#pragma once
/// What to tell somebody who wrote a name that pgring does not know.

#include <cstdint>
#include <optional>
#include <string_view>

#include "config/problem.h"

namespace pgring::config {

/// On the option `name` in the section called `section`, which has no such option. `path` is the option's
/// name in messages.
[[nodiscard]] Advice unknown_option(std::string_view section, std::string_view path, std::string_view name);

/// On the section `name`.
[[nodiscard]] Advice unknown_section(std::string_view name);

/// On the option `name` at the top of a file, before any section.
[[nodiscard]] Advice option_outside_section(std::string_view name);

/// On a variable PGRING_... that overrides no option.
struct UnknownVariable {
    enum class Verdict : std::uint8_t {
        Misspelt,  ///< so close to an option's variable that it must be meant for it
        Unused,    ///< somebody else's, perhaps
        Expected,  ///< set by Kubernetes for a service called "pgring"
    };
    Verdict verdict;
    Advice advice;
};
[[nodiscard]] UnknownVariable judge_unknown_variable(std::string_view variable);

/// Whether `variable` overrides an option, e.g. PGRING_LISTEN_PORT.
[[nodiscard]] bool overrides_option(std::string_view variable);

}  // namespace pgring::config
