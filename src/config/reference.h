#pragma once
/// The reference, generated from the option tables: configs/pgring.toml and docs/configuration.md. The copies
/// in the repository are made by tools/make-config-reference, and a test holds them equal to these.

#include <string>

namespace pgring::config {

/// A configuration file with every option: those that must be set are, the others show their default in a
/// comment. It loads as it is in an environment with PGRING_MONITOR_USER and PGRING_MONITOR_PASSWORD.
[[nodiscard]] std::string example_file();

/// The page on configuration, in Markdown.
[[nodiscard]] std::string reference_page();

}  // namespace pgring::config
