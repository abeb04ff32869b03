#pragma once
/// What a client asks for in its startup packet, besides user and database: values of run-time parameters,
/// one by one or packed into `options`.

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pgring::session {

/// A parameter that the client asks for at start, as it spelled it.
struct SpelledParameter {
    std::string name;
    std::string value;

    friend bool operator==(const SpelledParameter&, const SpelledParameter&) = default;
};

/// The startup parameter `replication`: whether the client wants a walsender, and of which kind.
enum class Replication : std::uint8_t {
    None,
    Physical,  ///< of the whole cluster; belongs to no database
    Logical,   ///< of one database, and takes SQL besides
};

/// Nothing where the value is none of PostgreSQL's ("database", or a boolean).
[[nodiscard]] std::optional<Replication> read_replication(std::string_view value);
/// As a startup packet spells it; empty for None.
[[nodiscard]] std::string_view to_string(Replication replication);

/// Names that can stand in a SET without quoting; others are nobody's parameters.
[[nodiscard]] bool plausible_name(std::string_view name);

/// Splits the value of the startup parameter `options` ("-c name=value --name=value", a backslash takes the
/// next character as it is) into parameters, as PostgreSQL does (PostgreSQL docs, "libpq", options); an error
/// text where it holds anything else.
[[nodiscard]] std::expected<std::vector<SpelledParameter>, std::string> read_options(
    std::string_view options);

/// Every name once with the value that counts, ordered by name: the later value wins, and one asked for by
/// itself wins over `options`, whatever their order in the packet (PostgreSQL: process_startup_options()).
[[nodiscard]] std::vector<SpelledParameter> settle_parameters(
    std::span<const SpelledParameter> in_options, std::span<const SpelledParameter> by_themselves);

/// A text that is equal for settled parameters that are equal, and for no others.
[[nodiscard]] std::string identity_of(std::span<const SpelledParameter> settled);

}  // namespace pgring::session
