#include "config/quantity.h"

#include <array>
#include <cstddef>
#include <optional>
#include <span>

#include <fmt/format.h>

namespace pgring::config {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t factor;
};

// From large to small: the order in which to_text() tries them.
constexpr std::array kDurationUnits{
    Unit{"d", 86'400'000'000'000}, Unit{"h", 3'600'000'000'000}, Unit{"min", 60'000'000'000},
    Unit{"s", 1'000'000'000},      Unit{"ms", 1'000'000},        Unit{"us", 1'000},
};

constexpr std::array kSizeUnits{
    Unit{"TiB", std::int64_t{1} << 40},
    Unit{"GiB", std::int64_t{1} << 30},
    Unit{"MiB", std::int64_t{1} << 20},
    Unit{"KiB", std::int64_t{1} << 10},
    Unit{"TB", std::int64_t{1} << 40},
    Unit{"GB", std::int64_t{1} << 30},
    Unit{"MB", std::int64_t{1} << 20},
    Unit{"kB", std::int64_t{1} << 10},
    Unit{"B", 1},
};

bool is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}

/// A decimal number as an integer over a power of ten: "1.50" is 150 / 100.
struct Decimal {
    std::int64_t numerator = 0;
    std::int64_t denominator = 1;
};

/// Moves the digits at the front of `text` into `decimal`; returns how many there were, or nullopt on
/// overflow.
std::optional<std::size_t> take_digits(std::string_view& text, Decimal& decimal) {
    std::size_t count = 0;
    while (!text.empty() && is_digit(text.front())) {
        if (__builtin_mul_overflow(decimal.numerator, std::int64_t{10}, &decimal.numerator) ||
            __builtin_add_overflow(decimal.numerator, std::int64_t{text.front() - '0'}, &decimal.numerator)) {
            return std::nullopt;
        }
        text.remove_prefix(1);
        ++count;
    }
    return count;
}

/// Moves the number at the front of `text` out of it.
std::expected<Decimal, QuantityError> take_decimal(std::string_view& text) {
    constexpr std::size_t kFractionDigitsMax = 9;
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) {
        text.remove_prefix(1);
    }
    Decimal decimal;
    const std::optional<std::size_t> whole_digits = take_digits(text, decimal);
    if (!whole_digits) {
        return std::unexpected(QuantityError::TooLarge);
    }
    if (*whole_digits == 0) {
        return std::unexpected(QuantityError::NoNumber);
    }
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        const std::optional<std::size_t> fraction_digits = take_digits(text, decimal);
        if (!fraction_digits) {
            return std::unexpected(QuantityError::TooLarge);
        }
        if (*fraction_digits == 0 || *fraction_digits > kFractionDigitsMax) {
            return std::unexpected(QuantityError::NoNumber);
        }
        for (std::size_t digit = 0; digit < *fraction_digits; ++digit) {
            decimal.denominator *= 10;
        }
    }
    if (negative) {
        decimal.numerator = -decimal.numerator;
    }
    return decimal;
}

std::expected<std::int64_t, QuantityError> parse_quantity(std::string_view text, std::span<const Unit> units,
                                                          std::int64_t bare_factor) {
    const std::expected<Decimal, QuantityError> decimal = take_decimal(text);
    if (!decimal) {
        return std::unexpected(decimal.error());
    }
    while (text.starts_with(' ')) {
        text.remove_prefix(1);
    }
    std::int64_t factor = bare_factor;
    if (!text.empty()) {
        factor = 0;
        for (const Unit& unit : units) {
            if (unit.name == text) {
                factor = unit.factor;
            }
        }
        if (factor == 0) {
            return std::unexpected(is_digit(text.front()) || text.front() == '.'
                                       ? QuantityError::NoNumber
                                       : QuantityError::UnknownUnit);
        }
    }
    // 128 bits hold the product of two factors of 64, so that only the quotient needs a check.
    const __int128_t product = static_cast<__int128_t>(decimal->numerator) * factor;
    if (product % decimal->denominator != 0) {
        return std::unexpected(QuantityError::NotWhole);
    }
    const __int128_t quotient = product / decimal->denominator;
    if (quotient > INT64_MAX || quotient < INT64_MIN) {
        return std::unexpected(QuantityError::TooLarge);
    }
    return static_cast<std::int64_t>(quotient);
}

std::string quantity_to_text(std::int64_t quantity, std::span<const Unit> units, std::int64_t bare_factor) {
    if (quantity != 0) {
        for (const Unit& unit : units) {
            if (unit.factor > 1 && quantity % unit.factor == 0) {
                return fmt::format("{}{}", quantity / unit.factor, unit.name);
            }
        }
    }
    return fmt::format("{}", quantity / bare_factor);
}

}  // namespace

std::expected<base::Duration, QuantityError> parse_duration(std::string_view text, base::Duration bare_unit) {
    const std::expected<std::int64_t, QuantityError> quantity =
        parse_quantity(text, kDurationUnits, bare_unit.count());
    if (!quantity) {
        return std::unexpected(quantity.error());
    }
    return base::Duration(*quantity);
}

std::expected<std::int64_t, QuantityError> parse_size(std::string_view text) {
    return parse_quantity(text, kSizeUnits, 1);
}

std::string to_text(base::Duration duration) {
    return quantity_to_text(duration.count(), kDurationUnits, 1);
}

std::string size_to_text(std::int64_t size_bytes) {
    return quantity_to_text(size_bytes, kSizeUnits, 1);
}

}  // namespace pgring::config
