#pragma once
/// The hashes that authentication is made of, over libcrypto.

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "auth/secret.h"

namespace pgring::auth {

using Digest = std::array<std::uint8_t, 32>;

/// The same bytes, seen as text.
[[nodiscard]] inline std::string_view as_text(std::span<const std::uint8_t> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// SHA-256 over the parts, one after the other.
[[nodiscard]] Digest sha256(std::initializer_list<std::string_view> parts);

/// HMAC-SHA-256.
[[nodiscard]] Digest hmac_sha256(std::span<const std::uint8_t> key, std::string_view message);

/// MD5 over the parts, as 32 lower-case hexadecimal digits.
[[nodiscard]] std::array<char, 32> md5_hex(std::initializer_list<std::string_view> parts);

/// Whether the two are equal, in a time that tells nothing of where they differ. Sizes are not secret.
[[nodiscard]] bool constant_time_equal(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);
[[nodiscard]] bool constant_time_equal(std::string_view a, std::string_view b);

/// RFC 5802's SaltedPassword: PBKDF2-HMAC-SHA-256 of the password after SASLprep. A millisecond or two at
/// 4096.
using SaltedPassword = Key<struct SaltedPasswordMeaning>;
[[nodiscard]] SaltedPassword salted_password(std::string_view password, std::string_view salt,
                                             std::uint32_t iterations);

[[nodiscard]] ClientKey client_key_of(const SaltedPassword& salted);
[[nodiscard]] ServerKey server_key_of(const SaltedPassword& salted);
[[nodiscard]] StoredKey stored_key_of(const ClientKey& key);

/// HMAC(StoredKey, AuthMessage): what hides the ClientKey in a proof.
[[nodiscard]] Digest client_signature(const StoredKey& key, std::string_view auth_message);
/// HMAC(ServerKey, AuthMessage): the server's proof.
[[nodiscard]] Digest server_signature(const ServerKey& key, std::string_view auth_message);

}  // namespace pgring::auth
