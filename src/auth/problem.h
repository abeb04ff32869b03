#pragma once
/// What is wrong with a file of users or rules, for the one who wrote it: where, what, and what to write
/// instead.

#include <cstdint>
#include <string>

namespace pgring::auth {

/// One thing that is wrong. Texts never hold a secret, nor control characters.
struct Problem {
    /// The file's name as given.
    std::string file;
    /// Counted from one.
    std::uint32_t line = 0;
    /// What is wrong: a clause, without a full stop.
    std::string message;
    /// What to write: a clause in the imperative.
    std::string remedy;

    friend bool operator==(const Problem&, const Problem&) = default;
};

/// `FILE:LINE: message; remedy`.
[[nodiscard]] std::string to_string(const Problem& problem);

}  // namespace pgring::auth
