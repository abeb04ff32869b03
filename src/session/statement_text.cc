#include "session/statement_text.h"

#include <algorithm>

#include "session/parameters.h"

namespace pgring::session {

namespace {

bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/// Of a name that PostgreSQL takes as it is written.
bool is_in_plain_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_space(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (is_space(text.back()) || text.back() == ';')) {
        text.remove_suffix(1);
    }
    return text;
}

/// Takes `word` (lower case) and the space behind it off the front of `text`.
bool take_word(std::string_view& text, std::string_view word) {
    if (text.size() <= word.size() || !same_name(text.substr(0, word.size()), word) ||
        !is_space(text[word.size()])) {
        return false;
    }
    text = trimmed(text.substr(word.size()));
    return true;
}

}  // namespace

std::string_view begin_tag(std::string_view text) {
    std::string_view const rest = trimmed(text);
    if (same_name(rest.substr(0, 5), "begin")) {
        return "BEGIN";
    }
    return same_name(rest.substr(0, 5), "start") ? "START TRANSACTION" : std::string_view{};
}

std::string_view deallocated_name(std::string_view text) {
    std::string_view name = trimmed(text);
    if (!take_word(name, "deallocate")) {
        return {};
    }
    std::string_view const maybe = name;
    if (!take_word(name, "prepare")) {
        name = maybe;
    }
    if (name.size() >= 2 && name.front() == '"' && name.back() == '"') {
        name = name.substr(1, name.size() - 2);
        return name.find('"') == std::string_view::npos ? name : std::string_view{};
    }
    return std::ranges::all_of(name, is_in_plain_name) ? name : std::string_view{};
}

}  // namespace pgring::session
