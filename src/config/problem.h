#pragma once
/// What is wrong with a configuration, for the one who wrote it: where, what, and what to write instead.

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace pgring::config {

/// A place in a file, counted from one; columns count characters. Zero is "the file as a whole".
struct Position {
    std::uint32_t line = 0;
    std::uint32_t column = 0;

    friend constexpr auto operator<=>(Position, Position) = default;
};

/// What is wrong and what to do about it, wherever it stands.
struct Advice {
    /// A clause, without a full stop.
    std::string message;
    /// A clause in the imperative.
    std::string remedy;
};

/// One thing that is wrong, and where. Texts never hold the value of a secret, nor control characters.
struct Problem {
    /// The file's name as given, or kEnvironment.
    std::string file;
    Position position;
    /// As in Advice.
    std::string message;
    std::string remedy;

    friend bool operator==(const Problem&, const Problem&) = default;
};

/// Stands for the file's name in problems with environment variables.
inline constexpr std::string_view kEnvironment = "environment";

/// `FILE:LINE:COLUMN: message; remedy`, without line and column where the position is the whole file.
[[nodiscard]] std::string to_string(const Problem& problem);

/// `text` as it may stand in a message: control characters replaced, cut with "..." where it is very long.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace pgring::config
