#include "auth/authentication_message.h"

namespace pgring::auth {

std::string encode_int32(std::uint32_t value) {
    std::string bytes;
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
        bytes += static_cast<char>(value >> shift);
    }
    return bytes;
}

std::optional<std::uint32_t> take_int32(std::string_view& body) {
    if (body.size() < 4) {
        return std::nullopt;
    }
    std::uint32_t value = 0;
    for (const char byte : body.substr(0, 4)) {
        value = value << 8U | static_cast<std::uint8_t>(byte);
    }
    body.remove_prefix(4);
    return value;
}

std::optional<std::string_view> take_string(std::string_view& body) {
    const std::size_t end = body.find('\0');
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view text = body.substr(0, end);
    body.remove_prefix(end + 1);
    return text;
}

std::string authentication_body(AuthenticationCode code, std::string_view data) {
    return encode_int32(static_cast<std::uint32_t>(code)).append(data);
}

}  // namespace pgring::auth
