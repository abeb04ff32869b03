#include "auth/base64.h"

#include <array>

namespace pgring::auth {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 0xff;

constexpr std::array<std::uint8_t, 256> kDigitOf = [] {
    std::array<std::uint8_t, 256> table{};
    table.fill(kNoDigit);
    for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
        table[static_cast<std::uint8_t>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
    }
    return table;
}();

/// The digits of one group of four as a number, or nothing where one is none.
std::optional<std::uint32_t> group_value(std::string_view digits) {
    std::uint32_t value = 0;
    for (const char character : digits) {
        const std::uint8_t digit = kDigitOf[static_cast<std::uint8_t>(character)];
        if (digit == kNoDigit) {
            return std::nullopt;
        }
        value = value << 6U | digit;
    }
    return value << 6U * (4 - digits.size());
}

}  // namespace

std::string base64_encode(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::string_view group = bytes.substr(i, 3);
        std::uint32_t value = 0;
        for (std::size_t k = 0; k < 3; ++k) {
            value = value << 8U | (k < group.size() ? static_cast<std::uint8_t>(group[k]) : 0U);
        }
        for (std::size_t k = 0; k < 4; ++k) {
            text += k <= group.size() ? kAlphabet[value >> (18U - 6U * k) & 0x3fU] : '=';
        }
    }
    return text;
}

std::optional<std::string> base64_decode(std::string_view text) {
    if (text.size() % 4 != 0) {
        return std::nullopt;
    }
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3);
    for (std::size_t i = 0; i < text.size(); i += 4) {
        std::string_view digits = text.substr(i, 4);
        if (i + 4 == text.size()) {
            digits = digits.substr(0, digits.ends_with("==") ? 2 : digits.ends_with('=') ? 3 : 4);
        }
        const auto value = group_value(digits);
        const std::size_t size = digits.size() - 1;
        if (!value || (*value & 0xffffffU >> 8U * size) != 0) {
            return std::nullopt;
        }
        for (std::size_t k = 0; k < size; ++k) {
            bytes += static_cast<char>(*value >> (16U - 8U * k));
        }
    }
    return bytes;
}

}  // namespace pgring::auth
