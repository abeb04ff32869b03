#pragma once
/// A configuration file as a tree of values with their places, in the order of the file. The only door to the
/// TOML parser: nothing else in pgring includes it.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/problem.h"

namespace pgring::config {

struct Value;
struct Entry;

/// A whole number, and whether it was written with 0o.
struct Integer {
    std::int64_t number = 0;
    bool octal = false;
};

/// TOML's dates and times; no option takes one, so that what they say does not matter.
struct DateOrTime {};

using List = std::vector<Value>;
using Table = std::vector<Entry>;

struct Value {
    Position position;
    std::variant<bool, Integer, double, std::string, List, Table, DateOrTime> content;
};

struct Entry {
    std::string key;
    Position key_position;
    Value value;
};

/// Where a text stops being TOML, in the parser's words.
struct SyntaxError {
    Position position;
    std::string description;
};

/// Parses TOML 1.0. Entries of a table stand in the order of the file. Tables nested deeper than options can
/// stand are left out (their value is an empty table). Takes any bytes; one error at most, since the parser
/// stops at the first.
[[nodiscard]] std::expected<Table, SyntaxError> parse_document(std::string_view text);

}  // namespace pgring::config
