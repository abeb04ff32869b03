#include "config/value_type.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/contract.h"
#include "config/problem.h"
#include "config/quantity.h"

namespace pgring::config {
namespace {

using ReadResult = std::expected<Datum, std::string>;

/// What a value is, for somebody who expected something else.
std::string_view kind_of(const Value& value) {
    constexpr std::string_view kKinds[] = {"a boolean", "a number", "a number",      "a text",
                                           "a list",    "a table",  "a date or time"};
    static_assert(std::size(kKinds) == std::variant_size_v<decltype(Value::content)>);
    return kKinds[value.content.index()];
}

/// A number, boolean or text as text; nullopt for lists, tables and dates. Whole numbers come out decimal.
std::optional<std::string> scalar_text(const Value& value) {
    if (const auto* text = std::get_if<std::string>(&value.content)) {
        return *text;
    }
    if (const auto* integer = std::get_if<Integer>(&value.content)) {
        return fmt::format("{}", integer->number);
    }
    if (const auto* number = std::get_if<double>(&value.content)) {
        return fmt::format("{}", *number);
    }
    if (const auto* boolean = std::get_if<bool>(&value.content)) {
        return *boolean ? "true" : "false";
    }
    return std::nullopt;
}

std::unexpected<std::string> wrong(const Given& given, std::string_view why) {
    return std::unexpected(fmt::format("is {}, {}", given.shown, why));
}

std::string quantity_text(std::int64_t number, Kind kind) {
    switch (kind) {
        case Kind::Size:
            return size_to_text(number);
        case Kind::Duration:
            return to_text(base::Duration(number));
        case Kind::Mode:
            return fmt::format("0o{:o}", number);
        case Kind::Boolean:
        case Kind::Count:
        case Kind::Text:
        case Kind::List:
        case Kind::Choice:
            break;
    }
    return fmt::format("{}", number);
}

/// `number` if it is within `limits`.
ReadResult within(std::int64_t number, const Given& given, Kind kind, const Limits& limits) {
    if (number == 0 && !limits.zero_means.empty()) {
        return number;
    }
    if (number < limits.least) {
        return wrong(given, fmt::format("less than {}", quantity_text(limits.least, kind)));
    }
    if (number > limits.most) {
        return wrong(given, fmt::format("more than {}", quantity_text(limits.most, kind)));
    }
    if (limits.power_of_two && !std::has_single_bit(static_cast<std::uint64_t>(number))) {
        return wrong(given, "not a power of two");
    }
    return number;
}

ReadResult read_boolean(const Given& given) {
    const std::optional<std::string> text = scalar_text(given.value);
    if (text == "true" || text == "1") {
        return true;
    }
    if (text == "false" || text == "0") {
        return false;
    }
    return wrong(given, "neither true nor false");
}

ReadResult read_count(const Given& given, const Limits& limits) {
    const std::optional<std::string> text = scalar_text(given.value);
    if (!text) {
        return wrong(given, "not a number");
    }
    std::int64_t number = 0;
    const char* const end = text->data() + text->size();
    const auto [rest, error] = std::from_chars(text->data(), end, number);
    if (error == std::errc::result_out_of_range) {
        return wrong(given, text->starts_with('-') ? "too small for a number" : "too large for a number");
    }
    if (error != std::errc() || rest != end) {
        return wrong(given, "not a whole number");
    }
    return within(number, given, Kind::Count, limits);
}

std::string_view complaint(QuantityError error, Kind kind) {
    switch (error) {
        case QuantityError::NoNumber:
            return kind == Kind::Size ? "not a size" : "not a duration";
        case QuantityError::UnknownUnit:
            return kind == Kind::Size ? "without a unit of sizes (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB)"
                                      : "without a unit of time (us, ms, s, min, h, d)";
        case QuantityError::NotWhole:
            return kind == Kind::Size ? "not a whole number of bytes" : "finer than a nanosecond";
        case QuantityError::TooLarge:
            return kind == Kind::Size ? "too large for a size" : "too long for a duration";
    }
    std::unreachable();
}

ReadResult read_size(const Given& given, const Limits& limits) {
    const std::optional<std::string> text = scalar_text(given.value);
    if (!text) {
        return wrong(given, "not a size");
    }
    const std::expected<std::int64_t, QuantityError> size = parse_size(*text);
    if (!size) {
        return wrong(given, complaint(size.error(), Kind::Size));
    }
    return within(*size, given, Kind::Size, limits);
}

ReadResult read_duration(const Given& given, const ValueType& type, const Limits& limits) {
    const std::optional<std::string> text = scalar_text(given.value);
    if (!text) {
        return wrong(given, "not a duration");
    }
    const std::expected<base::Duration, QuantityError> duration = parse_duration(*text, type.bare_unit);
    if (!duration) {
        return wrong(given, complaint(duration.error(), Kind::Duration));
    }
    if (*duration % type.tick != base::Duration::zero()) {
        return wrong(given, fmt::format("not a multiple of {}", to_text(type.tick)));
    }
    return within(duration->count(), given, Kind::Duration, limits);
}

ReadResult read_mode(const Given& given, const Limits& limits) {
    if (const auto* integer = std::get_if<Integer>(&given.value.content)) {
        if (!integer->octal) {
            // 700 for 0o700 is the classic mistake, and means rw-r-xr-- and the sticky bit.
            return wrong(given, "a decimal number, where permissions are octal");
        }
        return within(integer->number, given, Kind::Mode, limits);
    }
    const auto* text = std::get_if<std::string>(&given.value.content);
    if (text == nullptr) {
        return wrong(given, "not an octal number");
    }
    const std::string_view digits = std::string_view(*text).substr(text->starts_with("0o") ? 2 : 0);
    std::int64_t bits = 0;
    const char* const end = digits.data() + digits.size();
    const auto [rest, error] = std::from_chars(digits.data(), end, bits, 8);
    if (error != std::errc() || rest != end) {
        return wrong(given, "not an octal number");
    }
    return within(bits, given, Kind::Mode, limits);
}

ReadResult read_choice(const Given& given, const ValueType& type) {
    const auto* text = std::get_if<std::string>(&given.value.content);
    const auto word = text == nullptr ? type.words.end() : std::ranges::find(type.words, *text);
    if (word == type.words.end()) {
        return wrong(given, fmt::format("not one of {}", fmt::join(type.words, ", ")));
    }
    return static_cast<std::int64_t>(word - type.words.begin());
}

/// Texts end up in interfaces that take C strings.
bool holds_nul(std::string_view text) {
    return text.find('\0') != std::string_view::npos;
}

ReadResult read_text(const Given& given) {
    const auto* text = std::get_if<std::string>(&given.value.content);
    if (text == nullptr) {
        return std::unexpected(fmt::format("is {}, not a text", kind_of(given.value)));
    }
    if (holds_nul(*text)) {
        return std::unexpected("holds a NUL character");
    }
    return *text;
}

std::vector<std::string> split_at_commas(std::string_view text) {
    std::vector<std::string> items;
    while (!text.empty()) {
        const auto comma = text.find(',');
        std::string_view item = text.substr(0, comma);
        while (item.starts_with(' ')) {
            item.remove_prefix(1);
        }
        while (item.ends_with(' ')) {
            item.remove_suffix(1);
        }
        items.emplace_back(item);
        text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    }
    return items;
}

ReadResult read_list(const Given& given) {
    std::vector<std::string> items;
    if (const auto* text = std::get_if<std::string>(&given.value.content)) {
        items = split_at_commas(*text);
    } else if (const auto* list = std::get_if<List>(&given.value.content)) {
        for (const Value& item : *list) {
            const auto* item_text = std::get_if<std::string>(&item.content);
            if (item_text == nullptr) {
                return std::unexpected(fmt::format("has an item that is {}, not a text", kind_of(item)));
            }
            items.push_back(*item_text);
        }
    } else {
        return std::unexpected(fmt::format("is {}, not a list of texts", kind_of(given.value)));
    }
    for (const std::string& item : items) {
        if (item.empty()) {
            return std::unexpected("has an empty item");
        }
        if (holds_nul(item)) {
            return std::unexpected("holds a NUL character");
        }
    }
    return items;
}

/// The words of `type` as they are written in a file.
std::string quoted_words(const ValueType& type) {
    std::vector<std::string> words;
    for (const std::string_view word : type.words) {
        words.push_back(quoted(word));
    }
    return fmt::format("{}", fmt::join(words, ", "));
}

/// "a duration" and its like, with an example where the form is not obvious.
std::string form_of(const ValueType& type) {
    switch (type.kind) {
        case Kind::Boolean:
            return "true or false";
        case Kind::Count:
            return "a number";
        case Kind::Size:
            return "a number of bytes, or a size such as \"64KiB\"";
        case Kind::Duration:
            return fmt::format("a number of {}, or a duration such as \"{}\"",
                               type.bare_unit == std::chrono::seconds(1) ? "seconds" : "milliseconds",
                               type.tick < std::chrono::seconds(1) ? "500ms" : "15s");
        case Kind::Mode:
            return "permissions such as 0o770";
        case Kind::Text:
            return "a text in quotes";
        case Kind::List:
            return "texts such as [\"a\", \"b\"] or \"a, b\"";
        case Kind::Choice:
            return fmt::format("one of {}", quoted_words(type));
    }
    std::unreachable();
}

}  // namespace

std::string shown_as(const Value& value) {
    if (const auto* text = std::get_if<std::string>(&value.content)) {
        return fmt::format("\"{}\"", printable(*text));
    }
    const std::optional<std::string> text = scalar_text(value);
    return text ? *text : std::string(kind_of(value));
}

std::expected<Datum, std::string> read(const Given& given, const ValueType& type, const Limits& limits) {
    switch (type.kind) {
        case Kind::Boolean:
            return read_boolean(given);
        case Kind::Count:
            return read_count(given, limits);
        case Kind::Size:
            return read_size(given, limits);
        case Kind::Duration:
            return read_duration(given, type, limits);
        case Kind::Mode:
            return read_mode(given, limits);
        case Kind::Text:
            return read_text(given);
        case Kind::List:
            return read_list(given);
        case Kind::Choice:
            return read_choice(given, type);
    }
    std::unreachable();
}

std::string quoted(std::string_view text) {
    std::string result = "\"";
    for (const char byte : text) {
        if (byte == '"' || byte == '\\') {
            result.push_back('\\');
            result.push_back(byte);
        } else if (static_cast<unsigned char>(byte) < 0x20U || byte == 0x7F) {
            result += fmt::format("\\u{:04X}", static_cast<unsigned>(byte));
        } else {
            result.push_back(byte);
        }
    }
    result.push_back('"');
    return result;
}

std::string to_toml(const Datum& datum, const ValueType& type) {
    if (const auto* boolean = std::get_if<bool>(&datum)) {
        return *boolean ? "true" : "false";
    }
    if (const auto* text = std::get_if<std::string>(&datum)) {
        return quoted(*text);
    }
    if (const auto* items = std::get_if<std::vector<std::string>>(&datum)) {
        std::vector<std::string> quoted_items;
        for (const std::string& item : *items) {
            quoted_items.push_back(quoted(item));
        }
        return fmt::format("[{}]", fmt::join(quoted_items, ", "));
    }
    const std::int64_t number = std::get<std::int64_t>(datum);
    if (type.kind == Kind::Choice) {
        ASSERT(number >= 0 && static_cast<std::size_t>(number) < type.words.size());
        return quoted(type.words[static_cast<std::size_t>(number)]);
    }
    const std::string text = quantity_text(number, type.kind);
    const bool has_unit = text.find_first_not_of("0123456789") != std::string::npos;
    return has_unit && type.kind != Kind::Mode ? quoted(text) : text;
}

std::string type_name(const ValueType& type) {
    switch (type.kind) {
        case Kind::Boolean:
            return "boolean";
        case Kind::Count:
            return "number";
        case Kind::Size:
            return "size";
        case Kind::Duration:
            return type.bare_unit == std::chrono::seconds(1) ? "duration" : "duration (ms)";
        case Kind::Mode:
            return "permissions";
        case Kind::Text:
            return "text";
        case Kind::List:
            return "list of texts";
        case Kind::Choice:
            return quoted_words(type);
    }
    std::unreachable();
}

std::string limits_text(const ValueType& type, const Limits& limits) {
    const bool limited = type.kind == Kind::Count || type.kind == Kind::Size || type.kind == Kind::Duration ||
                         type.kind == Kind::Mode;
    if (!limited) {
        return {};
    }
    std::string text;
    if (limits.most == std::numeric_limits<std::int64_t>::max()) {
        text = fmt::format("{} or more", quantity_text(limits.least, type.kind));
    } else {
        text = fmt::format("{} to {}", quantity_text(limits.least, type.kind),
                           quantity_text(limits.most, type.kind));
    }
    if (limits.power_of_two) {
        text += ", a power of two";
    }
    if (!limits.zero_means.empty()) {
        text += fmt::format(", or 0 ({})", limits.zero_means);
    }
    return text;
}

std::string what_to_write(const ValueType& type, const Limits& limits) {
    const std::string within_limits = limits_text(type, limits);
    return within_limits.empty() ? form_of(type) : fmt::format("{}: {}", form_of(type), within_limits);
}

}  // namespace pgring::config
