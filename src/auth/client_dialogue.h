#pragma once
/// The dialogue in which a client proves who it is. Messages in, messages out; no I/O.
///
///     Fresh --start()--> AwaitingPassword | AwaitingMechanism | Done (trust)
///     AwaitingPassword --PasswordMessage--> Done | Failed
///     AwaitingMechanism --SASLInitialResponse--> [AwaitingClientFirst -->] AwaitingClientFinal
///     AwaitingClientFinal --SASLResponse--> Done | Failed

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "auth/method.h"
#include "auth/refusal.h"
#include "auth/scram_server.h"
#include "auth/secret.h"
#include "base/random.h"

namespace pgring::auth {

/// What to do next with a client.
struct ClientStep {
    enum class Outcome : std::uint8_t {
        Continue,  ///< send `reply`, wait for a PasswordMessage
        Done,      ///< send `reply` where there is one; the client is who it says. AuthenticationOk is the
                   ///< caller's
        Failed,    ///< send `refusal` and close
    };

    Outcome outcome = Outcome::Continue;
    /// The body of one AuthenticationXxx message (an int32 and what follows, without 'R' and length), or
    /// empty.
    std::string reply;
    /// Meaningful with Failed only.
    Refusal refusal;
};

class ClientDialogue {
  public:
    struct Options {
        Method method = Method::ScramSha256;
        /// As in the StartupMessage; the name inside SCRAM messages is ignored, as PostgreSQL does.
        std::string_view user;
        /// nullptr for an unknown user, who is led through the same dialogue and refused with the same words.
        /// Copied, so that the list it comes from may go meanwhile.
        const Secret* secret = nullptr;
        /// What Method::Md5 means for an unknown user: Md5 or ScramSha256; see
        /// UserList::method_for_unknown().
        Method method_for_unknown = Method::ScramSha256;
    };

    /// No message of a client is longer in this dialogue; longer ones need not be read.
    static constexpr std::size_t kMessageSizeMax = kPasswordSizeMax + 1;

    /// `random` must live as long as the dialogue; the process secret is not kept.
    ClientDialogue(const Options& options, const ProcessSecret& process_secret, base::RandomSource& random);

    /// The first step; call once, first.
    [[nodiscard]] ClientStep start();

    /// The client sent a message of type 'p'; `body` is what follows its length. After Done or Failed, and
    /// before start(), any message is a protocol violation.
    [[nodiscard]] ClientStep receive(std::string_view body);

    /// After Done: the keys that let pgring log in elsewhere, where the user's secret is a SCRAM secret and
    /// the client had to prove that it knows the password.
    [[nodiscard]] const std::optional<LearnedKeys>& learned_keys() const { return learned_keys_; }

  private:
    enum class State : std::uint8_t {
        Fresh,
        AwaitingMd5,
        AwaitingClearPassword,
        AwaitingMechanism,
        AwaitingClientFirst,  ///< the mechanism was named without an initial response
        AwaitingClientFinal,
        Finished,
    };

    [[nodiscard]] ClientStep receive_md5(std::string_view body);
    [[nodiscard]] ClientStep receive_clear_password(std::string_view body);
    [[nodiscard]] ClientStep receive_mechanism(std::string_view body);
    [[nodiscard]] ClientStep receive_client_first(std::string_view message);
    [[nodiscard]] ClientStep receive_client_final(std::string_view message);
    /// The text of a PasswordMessage, or nothing where the body is anything else.
    [[nodiscard]] static std::optional<std::string_view> password_of(std::string_view body);
    void learn(const ClientKey& key);
    [[nodiscard]] bool clear_password_fits(std::string_view password);
    [[nodiscard]] ClientStep continue_with(State next, std::string reply);
    [[nodiscard]] ClientStep done(std::string reply);
    [[nodiscard]] ClientStep wrong_password();
    [[nodiscard]] ClientStep empty_password();
    [[nodiscard]] ClientStep violation(std::string_view message);
    [[nodiscard]] ClientStep failed(Refusal refusal);

    State state_ = State::Fresh;
    Method method_;
    std::string user_;
    std::optional<Secret> secret_;
    base::RandomSource& random_;
    std::array<std::uint8_t, 4> md5_salt_{};
    std::optional<ScramServer> scram_;
    std::optional<LearnedKeys> learned_keys_;
};

}  // namespace pgring::auth
