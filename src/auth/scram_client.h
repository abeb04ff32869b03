#pragma once
/// SCRAM-SHA-256 (RFC 5802, RFC 7677) as the side that proves and then verifies the other. No I/O.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <variant>

#include "auth/scram_key_cache.h"
#include "auth/secret.h"
#include "base/random.h"

namespace pgring::auth {

/// A SCRAM secret with the ClientKey that fits it: as good as the password at servers that have the same
/// secret.
struct ScramPassKey {
    ScramSecret secret;
    ClientKey client_key;
};

/// With what to log in.
using ScramCredential = std::variant<SecretText, ScramPassKey>;

/// Longest message of a server that is looked at. PostgreSQL's are some 100 bytes.
inline constexpr std::size_t kScramMessageSizeMax = 4096;

class ScramClient {
  public:
    /// Draws the nonce. `credential` is copied or moved in.
    ScramClient(ScramCredential credential, base::RandomSource& random);

    /// The client-first message.
    [[nodiscard]] std::string first_message() const;

    /// Takes the server-first message, gives the client-final message, or a sentence why not. Call once.
    [[nodiscard]] std::expected<std::string, std::string> receive_first(std::string_view message,
                                                                        ScramKeyCache& cache);

    /// Takes the server-final message: nothing where the server proved that it knows the secret, else a
    /// sentence why not. Only after receive_first() succeeded.
    [[nodiscard]] std::expected<void, std::string> receive_final(std::string_view message) const;

  private:
    ScramCredential credential_;
    std::string nonce_;
    std::string auth_message_;
    ServerKey server_key_;
};

}  // namespace pgring::auth
