#pragma once
/// What both sides of SCRAM share: attributes, nonces, proofs. RFC 5802 section 7 has the grammar.

#include <optional>
#include <string>
#include <string_view>

#include "auth/crypto.h"
#include "base/random.h"

namespace pgring::auth {

/// The mechanism's name in SASL messages.
inline constexpr std::string_view kScramMechanism = "SCRAM-SHA-256";

/// Reads `name=value` attributes separated by commas, from left to right.
class ScramAttributes {
  public:
    explicit ScramAttributes(std::string_view text) : rest_(text) {}

    /// The value of the next attribute where its name is `name`; else nothing, and nothing is read.
    [[nodiscard]] std::optional<std::string_view> take(char name);
    /// Skips the next attribute, whatever its name. False where there is none.
    [[nodiscard]] bool skip_any();
    [[nodiscard]] bool at(char name) const {
        return rest_.size() >= 2 && rest_[0] == name && rest_[1] == '=';
    }
    [[nodiscard]] bool at_end() const { return rest_.empty(); }
    /// What has not been read.
    [[nodiscard]] std::string_view rest() const { return rest_; }

  private:
    std::string_view rest_;
};

/// 18 random bytes in base64: the nonce of either side, as long as PostgreSQL's.
[[nodiscard]] std::string draw_scram_nonce(base::RandomSource& random);

/// Whether all characters may stand in a nonce (printable ASCII without comma), and there is one.
[[nodiscard]] bool valid_scram_nonce(std::string_view nonce);

/// 32 bytes in strict base64, or nothing.
[[nodiscard]] std::optional<Digest> decode_digest(std::string_view base64);

/// `a` XOR `b`: makes a proof of ClientKey and signature, and takes it apart.
[[nodiscard]] Digest combine(const Digest& a, const Digest& b);

}  // namespace pgring::auth
