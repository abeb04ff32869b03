#pragma once
/// The words of a pg_hba.conf file: what is a line, a field, a quoted name. Their meaning is hba.h's.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace pgring::auth {

/// A word; in quotes it loses its special meaning ("all" is then a name).
struct HbaToken {
    std::string text;
    enum class Quoting : std::uint8_t { Bare, Quoted } quoting = Quoting::Bare;

    /// Whether this is the word with its special meaning.
    [[nodiscard]] bool is_keyword(std::string_view word) const {
        return quoting == Quoting::Bare && text == word;
    }
};

/// Words joined by commas.
using HbaField = std::vector<HbaToken>;

/// A line with its continuations.
struct HbaLine {
    /// Where it begins, counted from one.
    std::uint32_t number = 0;
    std::string text;
};

/// The lines of `text`; one that ends in a backslash goes on on the next.
[[nodiscard]] std::vector<HbaLine> split_hba_lines(std::string_view text);

enum class HbaLineError : std::uint8_t {
    QuoteOpen,  ///< a quoted word does not end
    NulByte,    ///< the line holds a NUL byte
};

/// The fields of a line, none where it is blank or a comment.
[[nodiscard]] std::expected<std::vector<HbaField>, HbaLineError> split_hba_fields(std::string_view line);

}  // namespace pgring::auth
