#pragma once
/// Which databases a text needs for itself: PostgreSQL refuses to drop, rename or move a database, or to copy
/// it, while anybody else is connected to it, and idle backends of a pool are connected.

#include <string>
#include <string_view>
#include <vector>

namespace pgring::sql {

/// The databases to which nobody else may be connected when `text` runs, as the server calls them: those of
/// DROP DATABASE, ALTER DATABASE .. RENAME TO and .. SET TABLESPACE, and the template of CREATE DATABASE.
/// Parsed when asked for, not cached: for texts with Effect::VacatesDatabase. Empty where the text is over
/// the classifier's limits.
[[nodiscard]] std::vector<std::string> vacated_databases(std::string_view text);

}  // namespace pgring::sql
