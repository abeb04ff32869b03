#include "auth/scram_message.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "auth/base64.h"

namespace pgring::auth {
namespace {

constexpr std::size_t kNonceBytes = 18;

constexpr bool letter(char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
}

}  // namespace

std::optional<std::string_view> ScramAttributes::take(char name) {
    if (!at(name)) {
        return std::nullopt;
    }
    const std::size_t end = std::min(rest_.find(','), rest_.size());
    if (end + 1 == rest_.size()) {  // A comma that nothing follows.
        return std::nullopt;
    }
    const std::string_view value = rest_.substr(2, end - 2);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return value;
}

bool ScramAttributes::skip_any() {
    return !at_end() && letter(rest_.front()) && take(rest_.front()).has_value();
}

std::string draw_scram_nonce(base::RandomSource& random) {
    std::array<std::uint8_t, kNonceBytes> bytes{};
    random.fill(std::as_writable_bytes(std::span(bytes)));
    return base64_encode(as_text(bytes));
}

bool valid_scram_nonce(std::string_view nonce) {
    return !nonce.empty() &&
           std::ranges::all_of(nonce, [](char c) { return c >= '!' && c <= '~' && c != ','; });
}

std::optional<Digest> decode_digest(std::string_view base64) {
    const auto bytes = base64_decode(base64);
    Digest digest{};
    if (!bytes || bytes->size() != digest.size()) {
        return std::nullopt;
    }
    std::ranges::copy(*bytes, digest.begin());
    return digest;
}

Digest combine(const Digest& a, const Digest& b) {
    Digest result{};
    for (std::size_t i = 0; i < result.size(); ++i) {
        result[i] = static_cast<std::uint8_t>(a[i] ^ b[i]);
    }
    return result;
}

}  // namespace pgring::auth
