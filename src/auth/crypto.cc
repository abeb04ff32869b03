#include "auth/crypto.h"

#include <limits>
#include <memory>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "auth/saslprep.h"
#include "base/contract.h"

// A failure of libcrypto below means that memory is gone or that an algorithm is not there. The first ends
// the process anyway; the second is told at start (md5_available), since the others are in every build of
// OpenSSL 3.

namespace pgring::auth {
namespace {

struct FreeContext {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

/// Hashes the parts with `algorithm` into `digest`, which has room for it.
void hash_parts(const EVP_MD* algorithm, std::initializer_list<std::string_view> parts,
                std::span<std::uint8_t> digest) {
    ASSERT(static_cast<std::size_t>(EVP_MD_get_size(algorithm)) == digest.size());
    const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
    ASSERT(context != nullptr);
    ASSERT(EVP_DigestInit_ex(context.get(), algorithm, nullptr) == 1);
    for (const std::string_view part : parts) {
        ASSERT(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
    }
    ASSERT(EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1);
}

}  // namespace

void wipe(void* memory, std::size_t size_bytes) noexcept {
    OPENSSL_cleanse(memory, size_bytes);
}

Digest sha256(std::initializer_list<std::string_view> parts) {
    Digest digest{};
    hash_parts(EVP_sha256(), parts, digest);
    return digest;
}

Digest hmac_sha256(std::span<const std::uint8_t> key, std::string_view message) {
    Digest digest{};
    const unsigned char* result =
        HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data(), nullptr);
    ASSERT(result != nullptr);
    return digest;
}

std::array<char, 32> md5_hex(std::initializer_list<std::string_view> parts) {
    static constexpr std::string_view kDigits = "0123456789abcdef";
    std::array<std::uint8_t, 16> digest{};
    hash_parts(EVP_md5(), parts, digest);
    std::array<char, 32> hex{};
    for (std::size_t i = 0; i < digest.size(); ++i) {
        hex[2 * i] = kDigits[digest[i] >> 4U];
        hex[2 * i + 1] = kDigits[digest[i] & 0xfU];
    }
    wipe(digest.data(), digest.size());
    return hex;
}

bool constant_time_equal(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool constant_time_equal(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

SaltedPassword salted_password(std::string_view password, std::string_view salt, std::uint32_t iterations) {
    ASSERT(iterations >= 1 && iterations <= std::uint32_t{std::numeric_limits<int>::max()});
    ASSERT(password.size() <= std::size_t{std::numeric_limits<int>::max()} &&
           salt.size() <= kPasswordSizeMax);
    const SecretText prepared = saslprep(password);
    SaltedPassword salted;
    ASSERT(PKCS5_PBKDF2_HMAC(prepared.view().data(), static_cast<int>(prepared.view().size()),
                             reinterpret_cast<const unsigned char*>(salt.data()),
                             static_cast<int>(salt.size()), static_cast<int>(iterations), EVP_sha256(),
                             static_cast<int>(salted.bytes.size()), salted.bytes.data()) == 1);
    return salted;
}

ClientKey client_key_of(const SaltedPassword& salted) {
    return ClientKey(hmac_sha256(salted.bytes, "Client Key"));
}

ServerKey server_key_of(const SaltedPassword& salted) {
    return ServerKey(hmac_sha256(salted.bytes, "Server Key"));
}

StoredKey stored_key_of(const ClientKey& key) {
    return StoredKey(sha256({as_text(key.bytes)}));
}

Digest client_signature(const StoredKey& key, std::string_view auth_message) {
    return hmac_sha256(key.bytes, auth_message);
}

Digest server_signature(const ServerKey& key, std::string_view auth_message) {
    return hmac_sha256(key.bytes, auth_message);
}

}  // namespace pgring::auth
