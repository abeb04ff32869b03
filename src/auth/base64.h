#pragma once
/// Base64 as RFC 4648 section 4 writes it, and nothing else: no line breaks, no missing padding, no bits
/// behind the end. Lenient decoders let two texts mean one value.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pgring::auth {

[[nodiscard]] std::string base64_encode(std::string_view bytes);

/// The bytes, or nothing where `text` is not exactly what base64_encode() writes.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

}  // namespace pgring::auth
