#pragma once
/// `${VARIABLE}` in the text values of a configuration file.

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "config/environment.h"
#include "config/problem.h"

namespace pgring::config {

/// `text` with each `${NAME}` replaced by the variable's value and each `${NAME:-DEFAULT}` by its value or,
/// where it is unset or empty, by DEFAULT, as in a POSIX shell. `$${` stands for `${`; any other `$` for
/// itself. What comes in is not expanded again. Appends the names that `text` refers to, found or not, to
/// `referenced`. Errors: all references to unset variables, and all that are not of one of these forms.
[[nodiscard]] std::expected<std::string, std::vector<Advice>> expand(std::string_view text,
                                                                     Environment environment,
                                                                     std::vector<std::string>& referenced);

}  // namespace pgring::config
