#pragma once
/// Reading the operator's files.

#include <expected>
#include <string>
#include <vector>

#include "config/environment.h"
#include "config/settings.h"
#include "session/shared.h"

namespace pgring {

/// The whole file, or a sentence that says why not.
[[nodiscard]] std::expected<std::string, std::string> read_file(const std::string& name);

/// The environment of the process; borrows its memory.
[[nodiscard]] std::vector<config::EnvironmentVariable> read_environment();

/// Loads the configuration file and prints its problems and warnings to standard error. Nothing where it
/// cannot be used.
[[nodiscard]] std::optional<config::Settings> load_settings(const std::string& name);

/// Loads the files that `settings` names (users, rules) and prints their problems. Nothing where they cannot
/// be used. Costs a PBKDF2 a plain password.
[[nodiscard]] std::optional<session::AccessControl> load_access(const config::Settings& settings,
                                                                base::RandomSource& random);

}  // namespace pgring
