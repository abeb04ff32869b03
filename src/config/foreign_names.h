#pragma once
/// Names that users bring along from pgbouncer and pgpool and that are no options of pgring: it says so,
/// instead of calling them unknown.

#include <optional>
#include <string_view>

#include "config/problem.h"

namespace pgring::config {

/// The option `name` in the section `section` ("pgring", "servers", ...), if another pooler has it and pgring
/// has not.
[[nodiscard]] std::optional<Advice> find_foreign_option(std::string_view section, std::string_view name);

/// The section `name`, likewise.
[[nodiscard]] std::optional<Advice> find_foreign_section(std::string_view name);

}  // namespace pgring::config
