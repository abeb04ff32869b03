#pragma once
/// The dialogue in which pgring proves to a PostgreSQL server who it is. Messages in, messages out; no I/O.
///
///     Fresh --AuthenticationOk--> Authenticated (trust)
///     Fresh --CleartextPassword | MD5Password--> PasswordSent --AuthenticationOk--> Authenticated
///     Fresh --SASL--> ClientFirstSent --SASLContinue--> ClientFinalSent --SASLFinal--> ServerVerified
///     ServerVerified --AuthenticationOk--> Authenticated
/// Everything else fails. In particular AuthenticationOk amid a SCRAM exchange: a server that does not know
/// the password's secret must not get away with skipping its own proof.

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "auth/scram_client.h"
#include "auth/scram_key_cache.h"
#include "auth/secret.h"
#include "base/random.h"

namespace pgring::auth {

/// What to do next with a server.
struct ServerStep {
    enum class Outcome : std::uint8_t {
        Continue,       ///< send `reply` where there is one, wait for the next AuthenticationXxx message
        Authenticated,  ///< AuthenticationOk came, and rightly
        Failed,         ///< close; `failure` says why
    };

    Outcome outcome = Outcome::Continue;
    /// The body of one message of type 'p' (PasswordMessage, SASLInitialResponse, SASLResponse), or empty.
    std::string reply;
    /// One sentence for log and clients, without a secret; with Failed only.
    std::string failure;
};

class ServerDialogue {
  public:
    struct Options {
        std::string_view user;
        /// May be nullptr: then the server must ask for nothing. Copied.
        const Secret* secret = nullptr;
        /// What a client's login gave away, or nullptr. Copied. Needed with a SCRAM secret.
        const LearnedKeys* learned_keys = nullptr;
    };

    /// `cache` and `random` must live as long as the dialogue.
    ServerDialogue(const Options& options, ScramKeyCache& cache, base::RandomSource& random);

    /// The server sent a message of type 'R'; `body` is what follows its length. After Authenticated or
    /// Failed any message is a failure. With a plain password and a server that asks for SCRAM with a salt
    /// that `cache` does not know, this runs PBKDF2 (a millisecond or two at PostgreSQL's 4096 iterations).
    [[nodiscard]] ServerStep receive(std::string_view body);

  private:
    enum class State : std::uint8_t {
        Fresh,
        PasswordSent,
        ClientFirstSent,
        ClientFinalSent,
        ServerVerified,
        Finished,
    };

    [[nodiscard]] ServerStep receive_ok(std::string_view rest);
    [[nodiscard]] ServerStep receive_clear_password_request(std::string_view rest);
    [[nodiscard]] ServerStep receive_md5_request(std::string_view rest);
    [[nodiscard]] ServerStep receive_mechanisms(std::string_view rest);
    [[nodiscard]] ServerStep receive_server_first(std::string_view message);
    [[nodiscard]] ServerStep receive_server_final(std::string_view message);
    /// What to do SCRAM with; secret_ must be there.
    [[nodiscard]] std::expected<ScramCredential, std::string> scram_credential() const;
    [[nodiscard]] ServerStep continue_with(State next, std::string reply);
    [[nodiscard]] ServerStep failed(std::string failure);
    [[nodiscard]] ServerStep no_secret();
    [[nodiscard]] ServerStep out_of_order();

    State state_ = State::Fresh;
    std::string user_;
    std::optional<Secret> secret_;
    std::optional<LearnedKeys> learned_keys_;
    ScramKeyCache& cache_;
    base::RandomSource& random_;
    std::optional<ScramClient> scram_;
};

}  // namespace pgring::auth
