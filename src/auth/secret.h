#pragma once
/// What pgring knows of a user's password: the password itself, PostgreSQL's md5 hash of it, or a SCRAM
/// secret. All types here wipe their memory when they go.

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/random.h"

namespace pgring::auth {

/// Overwrites memory that held a secret in a way that the compiler keeps.
void wipe(void* memory, std::size_t size_bytes) noexcept;

/// Wipes what it frees. Only for containers that keep nothing inside themselves (std::vector, not
/// std::string).
template <class T>
struct WipingAllocator {
    using value_type = T;

    WipingAllocator() = default;
    template <class U>
    WipingAllocator(const WipingAllocator<U>&) noexcept {}

    [[nodiscard]] T* allocate(std::size_t count) { return std::allocator<T>{}.allocate(count); }
    void deallocate(T* memory, std::size_t count) noexcept {
        wipe(memory, count * sizeof(T));
        std::allocator<T>{}.deallocate(memory, count);
    }
    friend bool operator==(const WipingAllocator&, const WipingAllocator&) { return true; }
};

/// Bytes of a password.
class SecretText {
  public:
    SecretText() = default;
    explicit SecretText(std::string_view text) : bytes_(text.begin(), text.end()) {}

    void append(std::string_view text) { bytes_.insert(bytes_.end(), text.begin(), text.end()); }
    [[nodiscard]] std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

  private:
    std::vector<char, WipingAllocator<char>> bytes_;
};

/// 32 bytes that SHA-256 made, of one meaning each. Compare with constant_time_equal() (crypto.h) only.
template <class Meaning>
struct Key {
    std::array<std::uint8_t, 32> bytes{};

    Key() = default;
    explicit Key(const std::array<std::uint8_t, 32>& b) : bytes(b) {}
    Key(const Key&) = default;
    Key& operator=(const Key&) = default;
    ~Key() { wipe(bytes.data(), bytes.size()); }
};

/// RFC 5802 section 3: HMAC(SaltedPassword, "Client Key"). Whoever has it can log in.
using ClientKey = Key<struct ClientKeyMeaning>;
/// H(ClientKey): verifies a client.
using StoredKey = Key<struct StoredKeyMeaning>;
/// HMAC(SaltedPassword, "Server Key"): verifies, and impersonates, a server.
using ServerKey = Key<struct ServerKeyMeaning>;

/// A SCRAM-SHA-256 secret as in pg_authid.rolpassword. Logs clients in; logs pgring in at a server only
/// together with a ClientKey that a client's proof gave away (LearnedKeys).
struct ScramSecret {
    std::uint32_t iterations = 0;
    /// The salt itself, not its base64 form.
    std::string salt;
    StoredKey stored_key;
    ServerKey server_key;
};

/// PostgreSQL's "md5" hash: 32 lower-case hexadecimal digits of md5(password followed by user).
struct Md5Hash {
    std::array<char, 32> hex{};

    Md5Hash() = default;
    explicit Md5Hash(const std::array<char, 32>& digits) : hex(digits) {}
    Md5Hash(const Md5Hash&) = default;
    Md5Hash& operator=(const Md5Hash&) = default;
    ~Md5Hash() { wipe(hex.data(), hex.size()); }

    [[nodiscard]] std::string_view view() const { return {hex.data(), hex.size()}; }
};

/// A password in clear, with the SCRAM secret made of it for the clients' logins.
struct PlainPassword {
    SecretText password;
    ScramSecret scram;
};

using Secret = std::variant<PlainPassword, Md5Hash, ScramSecret>;

/// What pgring learned of a user while it let him in.
struct LearnedKeys {
    ClientKey client_key;
};

/// Passwords are at most this long (bytes): cloud providers hand out tokens of nearly 64 KB as passwords.
inline constexpr std::size_t kPasswordSizeMax = 65'535;

/// Longest salt (bytes) of a SCRAM secret; PostgreSQL's have 16.
inline constexpr std::size_t kScramSaltSizeMax = 256;

/// More iterations are refused, in secrets and of servers: these take a quarter of a second of a core, and a
/// hostile server could otherwise stop a worker for minutes. PostgreSQL's default is 4096.
inline constexpr std::uint32_t kScramIterationsMax = 1'000'000;

/// Iterations of the SCRAM secrets that pgring makes; PostgreSQL's own default.
inline constexpr std::uint32_t kScramIterations = 4096;

/// A key drawn at start, from which the salts are made that no secret brings: those of users with a plain
/// password and of users that do not exist. Both look the same and stay the same as long as the process
/// lives, so that salts do not tell which users exist. PostgreSQL does so with its mock authentication nonce.
class ProcessSecret {
  public:
    explicit ProcessSecret(base::RandomSource& random);
    ProcessSecret(const ProcessSecret&) = default;
    ProcessSecret& operator=(const ProcessSecret&) = default;
    ~ProcessSecret() { wipe(key_.data(), key_.size()); }

    /// 16 bytes, always the same for one user.
    [[nodiscard]] std::string salt_of(std::string_view user) const;

  private:
    std::array<std::uint8_t, 32> key_{};
};

/// A password with its SCRAM secret. Runs PBKDF2, which takes a millisecond or two: not for a worker's
/// thread.
[[nodiscard]] PlainPassword make_plain_password(std::string_view password, std::string_view user,
                                                const ProcessSecret& process_secret);

/// Why a text is no secret.
enum class SecretError : std::uint8_t {
    PasswordTooLong,  ///< more than kPasswordSizeMax bytes
    PasswordHasNul,   ///< a NUL byte: no client can send it
    ScramMalformed,   ///< begins like a SCRAM secret and is none, or has more than kScramIterationsMax
};

/// Reads `plain`, `md5` with 32 hexadecimal digits, or `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`.
/// What begins with "md5" and does not go on so is a plain password, as for PostgreSQL; a broken SCRAM secret
/// is an error, since nobody has such a password. Plain passwords run PBKDF2 (make_plain_password).
[[nodiscard]] std::expected<Secret, SecretError> parse_secret(std::string_view text, std::string_view user,
                                                              const ProcessSecret& process_secret);

}  // namespace pgring::auth
