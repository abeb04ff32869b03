#pragma once
/// The types that options have: how a value of each is read, written and described. A value on its way
/// between a file and a member of a settings struct is a Datum; field.h makes the last step, from Datum to
/// member.

#include <cstdint>
#include <expected>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.h"
#include "config/document.h"

namespace pgring::config {

enum class Kind : std::uint8_t {
    Boolean,
    Count,
    Size,      ///< bytes
    Duration,  ///< nanoseconds
    Mode,      ///< permission bits of a file
    Text,
    List,    ///< of texts
    Choice,  ///< one of some words
};

struct ValueType {
    Kind kind;
    /// Of durations: a value is a multiple of this.
    base::Duration tick{1};
    /// Of durations: what a number without a unit counts.
    base::Duration bare_unit = std::chrono::seconds(1);
    /// Of choices: the words; the datum is the index.
    std::span<const std::string_view> words{};
};

/// What a count, size (bytes), duration (nanoseconds) or mode may be; the other types have no limits.
struct Limits {
    std::int64_t least = 0;
    std::int64_t most = std::numeric_limits<std::int64_t>::max();
    /// What zero means where it means something of its own, e.g. "no limit"; then it is allowed below
    /// `least`, too.
    std::string_view zero_means{};
    bool power_of_two = false;
};

[[nodiscard]] constexpr Limits between(std::int64_t least, std::int64_t most) {
    return {.least = least, .most = most};
}
[[nodiscard]] constexpr Limits between(base::Duration least, base::Duration most) {
    return {.least = least.count(), .most = most.count()};
}
[[nodiscard]] constexpr Limits with_zero(Limits limits, std::string_view zero_means) {
    limits.zero_means = zero_means;
    return limits;
}
[[nodiscard]] constexpr Limits power_of_two(Limits limits) {
    limits.power_of_two = true;
    return limits;
}

/// A value: of a Boolean bool, of a Text std::string, of a List the items, of all others a number in the unit
/// of Kind.
using Datum = std::variant<bool, std::int64_t, std::string, std::vector<std::string>>;

/// A value as it came, from the file or from a variable.
struct Given {
    /// With its `${...}` replaced.
    Value value;
    /// The same for messages: as it was written, since what a variable put in may be a secret.
    std::string shown;
};

/// `value` for messages: a scalar as it is written, anything else by its kind ("a list").
[[nodiscard]] std::string shown_as(const Value& value);

/// Reads `given` as a value of `type` within `limits`. The error is a clause that says what is wrong, such as
/// "is 70000, more than 65535"; it never repeats the value of a Text or List.
[[nodiscard]] std::expected<Datum, std::string> read(const Given& given, const ValueType& type,
                                                     const Limits& limits);

/// `datum` as TOML, such that read() gives it back.
[[nodiscard]] std::string to_toml(const Datum& datum, const ValueType& type);

/// What the type is called in the reference, e.g. "duration".
[[nodiscard]] std::string type_name(const ValueType& type);

/// The limits in words, e.g. "10ms to 1h" or "1 to 1000, or 0 (no limit)"; empty where there are none.
[[nodiscard]] std::string limits_text(const ValueType& type, const Limits& limits);

/// How to write a value: the object of "write ...", e.g. "a number (1 to 65535)".
[[nodiscard]] std::string what_to_write(const ValueType& type, const Limits& limits);

/// `text` as a TOML string.
[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace pgring::config
