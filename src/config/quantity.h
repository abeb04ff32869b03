#pragma once
/// Durations and sizes as people write them: a decimal number and a unit.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/time.h"

namespace pgring::config {

enum class QuantityError : std::uint8_t {
    NoNumber,     ///< not digits, with at most one point, at most nine digits behind it, and perhaps a sign
    UnknownUnit,  ///< the letters behind the number are no unit of this kind
    NotWhole,     ///< a fraction of a nanosecond or of a byte
    TooLarge,     ///< does not fit: more than 292 years, or 8 EiB
};

/// "500ms", "1.5h", "2 min"; units are us, ms, s, min, h, d, as in PostgreSQL. A number alone counts in
/// `bare_unit`. Exact: nothing is rounded. May be negative.
[[nodiscard]] std::expected<base::Duration, QuantityError> parse_duration(std::string_view text,
                                                                          base::Duration bare_unit);

/// "64KiB", "1.5 GB"; units are B, kB, MB, GB, TB and KiB, MiB, GiB, TiB, all with 1024 a step, as in
/// PostgreSQL. A number alone counts in bytes. May be negative.
[[nodiscard]] std::expected<std::int64_t, QuantityError> parse_size(std::string_view text);

/// As parse_duration() reads it, in the largest unit that needs no fraction: "2min", "500ms", "0".
[[nodiscard]] std::string to_text(base::Duration duration);

/// As parse_size() reads it, in the largest unit that needs no fraction: "1MiB", "10000".
[[nodiscard]] std::string size_to_text(std::int64_t size_bytes);

}  // namespace pgring::config
