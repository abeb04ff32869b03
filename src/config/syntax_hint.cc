#include "config/syntax_hint.h"

#include <string>

#include <fmt/format.h>

namespace pgring::config {
namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kSpaces = " \t\r";
    const auto begin = text.find_first_not_of(kSpaces);
    if (begin == std::string_view::npos) {
        return {};
    }
    return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

/// Line `number` of `text`, counted from one, without surrounding spaces.
std::string_view line_of(std::string_view text, std::uint32_t number) {
    for (std::uint32_t line = 1; line < number; ++line) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) {
            return {};
        }
        text.remove_prefix(end + 1);
    }
    return trimmed(text.substr(0, text.find('\n')));
}

bool is_name(std::string_view text) {
    return !text.empty() &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") ==
               std::string_view::npos;
}

/// The parser's sentence without its preamble and without what it read ("..., saw 'x'").
std::string description_without_values(std::string_view description) {
    if (description.find("is not representable in 64 bits") != std::string_view::npos) {
        return "the number does not fit into 64 bits";
    }
    constexpr std::string_view kPreamble = "Error while parsing ";
    if (description.starts_with(kPreamble)) {
        description.remove_prefix(kPreamble.size());
    }
    return printable(description.substr(0, description.find(", saw ")));
}

/// What to write where `line` is the line that the parser did not like.
std::string remedy_for(std::string_view line, std::string_view description) {
    const auto says = [description](std::string_view words) {
        return description.find(words) != std::string_view::npos;
    };
    if (says("UTF-8") || says("control characters")) {
        return "save the file as text in UTF-8, each value on one line";
    }
    if (says("redefine")) {
        return "keep one of the two";
    }
    if (line.starts_with(';')) {
        return "begin comments with #";
    }
    if (says("end-of-file")) {
        return "close the quote or bracket that is open; the file may be cut off here";
    }
    if (says("leading zero")) {
        return "leave out the zero in front, or write an octal number as 0o777";
    }
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) {
        return "write one option a line: NAME = VALUE";
    }
    const std::string_view name = trimmed(line.substr(0, equals));
    const std::string_view value = trimmed(line.substr(equals + 1));
    if (is_name(name) && !value.starts_with('"') && !value.starts_with('\'')) {
        return fmt::format("write text, and numbers with a unit, in quotes: {} = \"...\"", name);
    }
    return "write one option a line: NAME = VALUE, with text in quotes";
}

}  // namespace

Problem syntax_problem(std::string_view file, std::string_view text, const SyntaxError& error) {
    return Problem{
        .file = std::string(file),
        .position = error.position,
        .message = fmt::format("not valid TOML: {}", description_without_values(error.description)),
        .remedy = remedy_for(line_of(text, error.position.line), error.description)};
}

}  // namespace pgring::config
