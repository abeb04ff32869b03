#include "auth/secret.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>

#include "auth/base64.h"
#include "auth/crypto.h"

namespace pgring::auth {
namespace {

constexpr std::string_view kMd5Prefix = "md5";
constexpr std::string_view kScramPrefix = "SCRAM-SHA-256$";
constexpr std::size_t kSaltSize = 16;  // As PostgreSQL's.

std::optional<Md5Hash> parse_md5(std::string_view text) {
    Md5Hash hash;
    const auto hexadecimal = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    if (!text.starts_with(kMd5Prefix) || text.size() != kMd5Prefix.size() + hash.hex.size()) {
        return std::nullopt;
    }
    text.remove_prefix(kMd5Prefix.size());
    if (!std::ranges::all_of(text, hexadecimal)) {
        return std::nullopt;
    }
    std::ranges::copy(text, hash.hex.begin());
    return hash;
}

/// Cuts `text` behind the first `separator` and gives what stood before it.
std::optional<std::string_view> take_until(std::string_view& text, char separator) {
    const std::size_t end = text.find(separator);
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view field = text.substr(0, end);
    text.remove_prefix(end + 1);
    return field;
}

std::optional<std::uint32_t> parse_iterations(std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 1 ||
        value > kScramIterationsMax) {
        return std::nullopt;
    }
    return value;
}

template <class KeyType>
bool parse_key(std::string_view text, KeyType& key) {
    const auto bytes = base64_decode(text);
    if (!bytes || bytes->size() != key.bytes.size()) {
        return false;
    }
    std::ranges::copy(*bytes, key.bytes.begin());
    return true;
}

/// `iterations:salt$StoredKey:ServerKey`.
std::optional<ScramSecret> parse_scram(std::string_view text) {
    const auto iterations_text = take_until(text, ':');
    const auto salt_text = take_until(text, '$');
    const auto stored_key_text = take_until(text, ':');
    if (!iterations_text || !salt_text || !stored_key_text) {
        return std::nullopt;
    }
    ScramSecret secret;
    const auto iterations = parse_iterations(*iterations_text);
    auto salt = base64_decode(*salt_text);
    if (!iterations || !salt || salt->empty() || salt->size() > kScramSaltSizeMax ||
        !parse_key(*stored_key_text, secret.stored_key) || !parse_key(text, secret.server_key)) {
        return std::nullopt;
    }
    secret.iterations = *iterations;
    secret.salt = std::move(*salt);
    return secret;
}

}  // namespace

ProcessSecret::ProcessSecret(base::RandomSource& random) {
    random.fill(std::as_writable_bytes(std::span(key_)));
}

std::string ProcessSecret::salt_of(std::string_view user) const {
    const Digest digest = hmac_sha256(key_, user);
    return std::string(as_text(digest).substr(0, kSaltSize));
}

PlainPassword make_plain_password(std::string_view password, std::string_view user,
                                  const ProcessSecret& process_secret) {
    std::string salt = process_secret.salt_of(user);
    const SaltedPassword salted = salted_password(password, salt, kScramIterations);
    return {.password = SecretText(password),
            .scram = {.iterations = kScramIterations,
                      .salt = std::move(salt),
                      .stored_key = stored_key_of(client_key_of(salted)),
                      .server_key = server_key_of(salted)}};
}

std::expected<Secret, SecretError> parse_secret(std::string_view text, std::string_view user,
                                                const ProcessSecret& process_secret) {
    if (text.starts_with(kScramPrefix)) {
        auto secret = parse_scram(text.substr(kScramPrefix.size()));
        if (!secret) {
            return std::unexpected(SecretError::ScramMalformed);
        }
        return std::move(*secret);
    }
    if (const auto hash = parse_md5(text)) {
        return *hash;
    }
    if (text.size() > kPasswordSizeMax) {
        return std::unexpected(SecretError::PasswordTooLong);
    }
    if (text.find('\0') != std::string_view::npos) {
        return std::unexpected(SecretError::PasswordHasNul);
    }
    return make_plain_password(text, user, process_secret);
}

}  // namespace pgring::auth
