#include "config/problem.h"

#include <cstddef>

#include <fmt/format.h>

namespace pgring::config {
namespace {

constexpr std::size_t kPrintableBytesMax = 80;

/// Bytes that continue a UTF-8 character; a cut must not fall before one.
bool continues_character(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

bool is_control(char byte) {
    const auto value = static_cast<unsigned char>(byte);
    return value < 0x20U || value == 0x7FU;
}

}  // namespace

std::string printable(std::string_view text) {
    std::size_t length = text.size();
    if (length > kPrintableBytesMax) {
        length = kPrintableBytesMax;
        while (length > 0 && continues_character(text[length])) {
            --length;
        }
    }
    std::string result;
    for (const char byte : text.substr(0, length)) {
        result.push_back(is_control(byte) ? '?' : byte);
    }
    if (length < text.size()) {
        result += "...";
    }
    return result;
}

std::string to_string(const Problem& problem) {
    if (problem.position.line == 0) {
        return fmt::format("{}: {}; {}", problem.file, problem.message, problem.remedy);
    }
    return fmt::format("{}:{}:{}: {}; {}", problem.file, problem.position.line, problem.position.column,
                       problem.message, problem.remedy);
}

}  // namespace pgring::config
