#pragma once
/// Says what a TOML syntax error means to somebody who does not know TOML, most of all to users of
/// pgbouncer's INI files.

#include <string_view>

#include "config/document.h"
#include "config/problem.h"

namespace pgring::config {

/// The problem behind `error` in `text`, `file` being the file's name. Never repeats a value from the file:
/// the line may hold a password.
[[nodiscard]] Problem syntax_problem(std::string_view file, std::string_view text, const SyntaxError& error);

}  // namespace pgring::config
