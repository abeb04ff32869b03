#pragma once
/// What several tests of the auth room share.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auth/authentication_message.h"
#include "auth/client_dialogue.h"
#include "auth/secret.h"
#include "auth/server_dialogue.h"
#include "base/random.h"

namespace pgring::auth::testing {

inline ProcessSecret process_secret(std::uint64_t seed = 1) {
    base::Prng random(seed);
    return ProcessSecret(random);
}

/// PostgreSQL's form of a SCRAM secret, made by somebody else's code: PostgreSQL 15, password "pencil".
inline constexpr std::string_view kPencilSecret =
    "SCRAM-SHA-256$4096:oXQ1uWlmJ4c1MjeUJqFm4g==$vmv8Zak0GHIUgXYjLyEsiJAddE2/F5Nryg7OgTTeTyU=:"
    "ftezHXY6Wkn8nIetI973L+JUT9lJ2V3jOyr6UFWpFPY=";

inline Secret secret_from(std::string_view text, std::string_view user = "alice") {
    auto secret = parse_secret(text, user, process_secret());
    return secret.value();
}

/// A password in clear.
inline Secret plain(std::string_view password, std::string_view user = "alice") {
    return make_plain_password(password, user, process_secret());
}

inline std::string body_of(AuthenticationCode code, std::string_view data = {}) {
    return authentication_body(code, data);
}

/// The code of an AuthenticationXxx body.
inline AuthenticationCode code_of(std::string_view body) {
    return static_cast<AuthenticationCode>(take_int32(body).value());
}

enum class Receiver : std::uint8_t { Verifier, Prover };

/// What happened between pgring as a server (who verifies) and pgring as a client (who proves).
struct Login {
    ClientStep verifier;
    ServerStep prover;
    /// Bodies in the order they were sent, both directions; AuthenticationOk too.
    std::vector<std::string> messages;
    /// To whom each went.
    std::vector<Receiver> receivers;

    [[nodiscard]] bool succeeded() const {
        return verifier.outcome == ClientStep::Outcome::Done &&
               prover.outcome == ServerStep::Outcome::Authenticated;
    }
};

/// Lets both talk until one ends it. `tamper(index, body)` may change each message on its way.
template <class Tamper>
Login run_login(ClientDialogue& verifier, ServerDialogue& prover, Tamper&& tamper) {
    Login login;
    const auto deliver = [&](Receiver receiver, std::string body) {
        tamper(login.messages.size(), body);
        login.messages.push_back(body);
        login.receivers.push_back(receiver);
        return body;
    };
    login.verifier = verifier.start();
    for (;;) {
        if (login.verifier.outcome == ClientStep::Outcome::Failed) {
            return login;
        }
        if (!login.verifier.reply.empty()) {
            login.prover = prover.receive(deliver(Receiver::Prover, login.verifier.reply));
        }
        if (login.verifier.outcome == ClientStep::Outcome::Done &&
            login.prover.outcome == ServerStep::Outcome::Continue) {
            login.prover = prover.receive(deliver(Receiver::Prover, body_of(AuthenticationCode::Ok)));
        }
        if (login.prover.outcome != ServerStep::Outcome::Continue || login.prover.reply.empty()) {
            return login;
        }
        login.verifier = verifier.receive(deliver(Receiver::Verifier, login.prover.reply));
    }
}

inline Login run_login(ClientDialogue& verifier, ServerDialogue& prover) {
    return run_login(verifier, prover, [](std::size_t, std::string&) {});
}

}  // namespace pgring::auth::testing
