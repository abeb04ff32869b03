#include "instant_statement.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <initializer_list>

namespace pgring::bench {

namespace {

using Kind = InstantStatement::Kind;

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kDigits = "0123456789";

std::string_view trimmed(std::string_view text) {
    std::size_t const start = text.find_first_not_of(kSpace);
    if (start == std::string_view::npos) {
        return {};
    }
    return text.substr(start, text.find_last_not_of(kSpace) - start + 1);
}

std::string upper(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](unsigned char c) { return std::toupper(c); });
    return result;
}

/// Cuts the first word off `text`.
std::string_view take_word(std::string_view& text) {
    text = trimmed(text);
    std::size_t const end = std::min(text.find_first_of(" \t\r\n=;("), text.size());
    std::string_view const word = text.substr(0, end);
    text = trimmed(text.substr(end));
    return word;
}

/// The N of COPY (SELECT ... FROM generate_series(1, N)) TO STDOUT, which a real server understands as well.
std::uint64_t last_number(std::string_view text) {
    std::size_t const last = text.find_last_of(kDigits);
    if (last == std::string_view::npos) {
        return 0;
    }
    std::size_t const before = text.substr(0, last).find_last_not_of(kDigits);
    std::size_t const start = before == std::string_view::npos ? 0 : before + 1;
    std::uint64_t number = 0;
    std::from_chars(text.data() + start, text.data() + last + 1, number);
    return number;
}

std::uint16_t parameter_count(std::string_view text) {
    std::uint16_t count = 0;
    for (std::size_t at = text.find('$'); at != std::string_view::npos; at = text.find('$', at + 1)) {
        std::uint16_t number = 0;
        std::from_chars(text.data() + at + 1, text.data() + text.size(), number);
        count = std::max(count, number);
    }
    return count;
}

InstantStatement understand_select(std::string_view text) {
    // What a proxy asks before it trusts a server; the first that occurs in the text is meant.
    struct Known {
        std::string_view part;
        Kind kind;
        std::string_view answer;
    };
    static constexpr std::array kKnown = {
        Known{"pg_control_system", Kind::Probe, ""},
        Known{"pg_is_in_recovery", Kind::Row, "f"},
        Known{"version()", Kind::Row,
              "PostgreSQL 15.0 (instant) on x86_64-pc-linux-gnu, compiled by gcc, 64-bit"},
    };
    for (const Known& known : kKnown) {
        if (text.find(known.part) != std::string_view::npos) {
            return {.kind = known.kind, .text = std::string(known.answer)};
        }
    }
    return {.kind = Kind::Row, .text = "1", .parameter_count = parameter_count(text)};
}

InstantStatement understand_copy(std::string_view text) {
    bool const out = upper(text).find("TO STDOUT") != std::string::npos;
    return {.kind = out ? Kind::CopyOut : Kind::CopyIn, .row_count = out ? last_number(text) : 0};
}

/// SET [SESSION | LOCAL] name {= | TO} value.
InstantStatement understand_set(std::string_view rest) {
    std::string_view name = take_word(rest);
    if (std::string const word = upper(name); word == "SESSION" || word == "LOCAL") {
        name = take_word(rest);
    }
    if (rest.starts_with('=')) {
        rest = trimmed(rest.substr(1));
    } else {
        static_cast<void>(take_word(rest));
    }
    if (rest.size() >= 2 && rest.starts_with('\'') && rest.ends_with('\'')) {
        rest = rest.substr(1, rest.size() - 2);
    }
    return {.kind = Kind::Set, .text = std::string(rest), .name = std::string(name)};
}

}  // namespace

InstantStatement understand(std::string_view text) {
    std::string_view rest = trimmed(text);
    if (rest.starts_with("SELECT") || rest.starts_with("select")) {
        return understand_select(rest);
    }
    std::string const word = upper(take_word(rest));
    if (word.empty()) {
        return {};
    }
    if (word == "SELECT" || word == "WITH" || word == "VALUES") {
        return understand_select(text);
    }
    if (word == "SHOW") {
        return {.kind = Kind::Row, .text = "off"};
    }
    if (word == "COPY") {
        return understand_copy(rest);
    }
    if (word == "SET") {
        return understand_set(rest);
    }
    if (word == "BEGIN" || word == "START") {
        return {.kind = Kind::Begin, .text = word == "BEGIN" ? "BEGIN" : "START TRANSACTION"};
    }
    if (word == "COMMIT" || word == "END") {
        return {.kind = Kind::Commit, .text = "COMMIT"};
    }
    if (word == "ROLLBACK" || word == "ABORT") {
        return {.kind = Kind::Rollback, .text = "ROLLBACK"};
    }
    if (word == "INSERT") {
        return {.kind = Kind::Command, .text = "INSERT 0 1", .parameter_count = parameter_count(text)};
    }
    if (word == "UPDATE" || word == "DELETE") {
        return {.kind = Kind::Command, .text = word + " 1", .parameter_count = parameter_count(text)};
    }
    if (word == "DISCARD") {
        return {.kind = Kind::Command, .text = "DISCARD " + upper(take_word(rest))};
    }
    return {.kind = Kind::Command, .text = word};
}

std::vector<std::string_view> split_statements(std::string_view text) {
    std::vector<std::string_view> statements;
    std::size_t start = 0;
    bool in_literal = false;
    for (std::size_t at = 0; at <= text.size(); ++at) {
        if (at < text.size() && text[at] == '\'') {
            in_literal = !in_literal;
        }
        if (at == text.size() || (text[at] == ';' && !in_literal)) {
            if (std::string_view const statement = trimmed(text.substr(start, at - start));
                !statement.empty()) {
                statements.push_back(statement);
            }
            start = at + 1;
        }
    }
    return statements;
}

}  // namespace pgring::bench
