#pragma once
/// SCRAM-SHA-256 (RFC 5802, RFC 7677) as the side that verifies. No I/O, no PBKDF2: a handful of hashes per
/// login.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "auth/crypto.h"
#include "auth/refusal.h"
#include "auth/secret.h"
#include "base/random.h"

namespace pgring::auth {

/// Data of the TLS connection under a dialogue (RFC 5929, "tls-server-end-point"): the hash of our
/// certificate.
struct ChannelBinding {
    std::string data;
};

/// What comes of a client's SCRAM message.
struct ScramServerStep {
    enum class Outcome : std::uint8_t {
        Continue,       ///< `reply` is the server-first message
        Verified,       ///< `reply` is the server-final message; client_key() is known
        WrongPassword,  ///< the proof does not fit, or the user does not exist
        Malformed,      ///< `refusal` says what is wrong with the message
    };

    Outcome outcome = Outcome::Continue;
    std::string reply;
    Refusal refusal;
};

class ScramServer {
  public:
    /// Verifies against `secret`.
    static ScramServer for_secret(const ScramSecret& secret);
    /// Leads an unknown user through the same dialogue, with the salt of `process_secret`; never verifies.
    static ScramServer for_nobody(std::string_view user, const ProcessSecret& process_secret);

    /// Offers SCRAM-SHA-256-PLUS too: a client that could bind but thinks it was not offered (flag y) is then
    /// the victim of a downgrade and refused.
    void offer_channel_binding(ChannelBinding binding) { channel_binding_ = std::move(binding); }

    /// The first message of the client.
    [[nodiscard]] ScramServerStep receive_first(std::string_view message, base::RandomSource& random);
    /// The second; only after receive_first() said Continue.
    [[nodiscard]] ScramServerStep receive_final(std::string_view message);

    /// Outside of the dialogue: the key of a password that came in clear, or nothing where it is not the
    /// user's. Runs PBKDF2 in either case.
    [[nodiscard]] std::optional<ClientKey> clear_password_key(std::string_view password) const;

    /// After Verified: the key that the proof gave away.
    [[nodiscard]] const ClientKey& client_key() const;

  private:
    enum class Existence : std::uint8_t { Real, Mock };

    ScramServer(ScramSecret secret, Existence existence)
        : secret_(std::move(secret)), existence_(existence) {}

    [[nodiscard]] std::optional<ScramServerStep> judge_binding(std::string_view value) const;
    [[nodiscard]] ScramServerStep verify(const Digest& proof, std::string_view auth_message);

    ScramSecret secret_;
    Existence existence_;
    std::optional<ChannelBinding> channel_binding_;
    std::string gs2_header_;
    std::string client_first_bare_;
    std::string server_first_;
    std::string nonce_;
    std::optional<ClientKey> client_key_;
};

}  // namespace pgring::auth
