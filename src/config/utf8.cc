#include "config/utf8.h"

#include <cstddef>
#include <cstdint>

namespace pgring::config {
namespace {

std::uint8_t byte_at(std::string_view text, std::size_t index) {
    return static_cast<std::uint8_t>(text[index]);
}

/// The length of the character at the front of `text`, which is not empty, or 0 where there is none (RFC
/// 3629, "Syntax of UTF-8 Byte Sequences").
std::size_t character_bytes(std::string_view text) {
    const std::uint8_t first = byte_at(text, 0);
    if (first < 0x80) {
        return 1;
    }
    // Which second bytes are allowed tells overlong forms, surrogates and too large code points apart.
    std::size_t length = 0;
    std::uint8_t second_least = 0x80;
    std::uint8_t second_most = 0xBF;
    if (first >= 0xC2 && first <= 0xDF) {
        length = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
        length = 3;
        second_least = first == 0xE0 ? 0xA0 : 0x80;
        second_most = first == 0xED ? 0x9F : 0xBF;
    } else if (first >= 0xF0 && first <= 0xF4) {
        length = 4;
        second_least = first == 0xF0 ? 0x90 : 0x80;
        second_most = first == 0xF4 ? 0x8F : 0xBF;
    }
    if (length == 0 || text.size() < length || byte_at(text, 1) < second_least ||
        byte_at(text, 1) > second_most) {
        return 0;
    }
    for (std::size_t index = 2; index < length; ++index) {
        if ((byte_at(text, index) & 0xC0U) != 0x80U) {
            return 0;
        }
    }
    return length;
}

}  // namespace

std::optional<Position> find_invalid_utf8(std::string_view text) {
    Position position{.line = 1, .column = 1};
    while (!text.empty()) {
        const std::size_t length = character_bytes(text);
        if (length == 0) {
            return position;
        }
        if (text.front() == '\n') {
            ++position.line;
            position.column = 1;
        } else {
            ++position.column;
        }
        text.remove_prefix(length);
    }
    return std::nullopt;
}

}  // namespace pgring::config
