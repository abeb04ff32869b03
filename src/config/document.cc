#include "config/document.h"

#include <algorithm>
#include <optional>
#include <utility>

// The packaged library has exceptions on; ours parses without, and so is compiled here, in this one file.
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace pgring::config {
namespace {

/// Deeper than any option stands ([servers.NAME] host is at 3, an item of a list at 4): the bound of the
/// recursion.
constexpr int kDepthMax = 4;

Position to_position(const toml::source_position& position) {
    return Position{.line = static_cast<std::uint32_t>(position.line),
                    .column = static_cast<std::uint32_t>(position.column)};
}

Value to_value(const toml::node& node, int depth);

Table to_table(const toml::table& table, int depth) {
    Table entries;
    if (depth > kDepthMax) {
        return entries;
    }
    for (const auto& [key, node] : table) {
        entries.push_back(Entry{.key = std::string(key.str()),
                                .key_position = to_position(key.source().begin),
                                .value = to_value(node, depth)});
    }
    // The library sorts tables by key; servers keep the order of the file.
    std::ranges::sort(entries, {}, &Entry::key_position);
    return entries;
}

List to_list(const toml::array& array, int depth) {
    List items;
    if (depth > kDepthMax) {
        return items;
    }
    for (const toml::node& node : array) {
        items.push_back(to_value(node, depth));
    }
    return items;
}

Value to_value(const toml::node& node, int depth) {
    Value value{.position = to_position(node.source().begin), .content = DateOrTime{}};
    if (const toml::table* table = node.as_table()) {
        value.content = to_table(*table, depth + 1);
    } else if (const toml::array* array = node.as_array()) {
        value.content = to_list(*array, depth + 1);
    } else if (const auto* text = node.as_string()) {
        value.content = text->get();
    } else if (const auto* boolean = node.as_boolean()) {
        value.content = boolean->get();
    } else if (const auto* number = node.as_floating_point()) {
        value.content = number->get();
    } else if (const auto* integer = node.as_integer()) {
        const bool octal = (integer->flags() & toml::value_flags::format_as_octal) != toml::value_flags::none;
        value.content = Integer{.number = integer->get(), .octal = octal};
    }
    return value;
}

}  // namespace

std::expected<Table, SyntaxError> parse_document(std::string_view text) {
    const toml::parse_result result = toml::parse(text);
    if (!result) {
        const toml::parse_error& error = result.error();
        return std::unexpected(SyntaxError{.position = to_position(error.source().begin),
                                           .description = std::string(error.description())});
    }
    return to_table(result.table(), 0);
}

}  // namespace pgring::config
