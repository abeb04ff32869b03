#include "auth/hba_line.h"

#include <algorithm>
#include <optional>

namespace pgring::auth {
namespace {

constexpr std::string_view kBlanksAndComma = " \t\r\f\v,";

/// A word, and what follows it.
struct Word {
    HbaToken token;
    enum class End : std::uint8_t { Field, Comma } end = End::Field;
};

/// The word at the beginning of `line`, which is not empty; it is cut off with the comma behind it.
std::optional<Word> take_word(std::string_view& line) {
    Word word;
    bool in_quotes = false;
    if (line.front() == '"') {
        word.token.quoting = HbaToken::Quoting::Quoted;
    }
    while (!line.empty()) {
        const char character = line.front();
        if (!in_quotes && (character == '#' || kBlanksAndComma.find(character) != std::string_view::npos)) {
            break;
        }
        line.remove_prefix(1);
        if (character != '"') {
            word.token.text += character;
        } else if (in_quotes && line.starts_with('"')) {
            word.token.text += '"';
            line.remove_prefix(1);
        } else {
            in_quotes = !in_quotes;
        }
    }
    if (in_quotes) {
        return std::nullopt;
    }
    if (line.starts_with(',')) {
        line.remove_prefix(1);
        word.end = Word::End::Comma;
    }
    return word;
}

}  // namespace

std::vector<HbaLine> split_hba_lines(std::string_view text) {
    std::vector<HbaLine> lines;
    bool continued = false;
    for (std::uint32_t number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        const bool goes_on = line.ends_with('\\');
        if (goes_on) {
            line.remove_suffix(1);
        }
        if (continued) {
            lines.back().text += line;
        } else {
            lines.push_back({.number = number, .text = std::string(line)});
        }
        continued = goes_on;
    }
    return lines;
}

std::expected<std::vector<HbaField>, HbaLineError> split_hba_fields(std::string_view line) {
    if (line.find('\0') != std::string_view::npos) {
        return std::unexpected(HbaLineError::NulByte);
    }
    std::vector<HbaField> fields;
    auto previous_end = Word::End::Field;
    for (;;) {
        line.remove_prefix(std::min(line.find_first_not_of(kBlanksAndComma), line.size()));
        if (line.empty() || line.front() == '#') {
            return fields;
        }
        auto word = take_word(line);
        if (!word) {
            return std::unexpected(HbaLineError::QuoteOpen);
        }
        if (previous_end == Word::End::Field) {
            fields.emplace_back();
        }
        fields.back().push_back(std::move(word->token));
        previous_end = word->end;
    }
}

}  // namespace pgring::auth
