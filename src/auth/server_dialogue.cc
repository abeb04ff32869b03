#include "auth/server_dialogue.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <fmt/core.h>

#include "auth/authentication_message.h"
#include "auth/md5.h"
#include "auth/scram_message.h"
#include "base/contract.h"

namespace pgring::auth {
namespace {

using Outcome = ServerStep::Outcome;

/// The body of a PasswordMessage.
std::string password_message(std::string_view password) {
    return std::string(password) + '\0';
}

/// The md5 hash of a secret, or nothing where it cannot give one.
std::optional<Md5Hash> md5_hash_of(const Secret& secret, std::string_view user) {
    if (const auto* plain = std::get_if<PlainPassword>(&secret)) {
        return md5_hash(plain->password.view(), user);
    }
    const auto* hash = std::get_if<Md5Hash>(&secret);
    return hash != nullptr ? std::optional(*hash) : std::nullopt;
}

/// Whether a list of mechanisms has ours; nothing where it is no such list.
std::optional<bool> offers_scram(std::string_view list) {
    bool offered = false;
    for (;;) {
        const auto mechanism = take_string(list);
        if (!mechanism) {
            return std::nullopt;
        }
        if (mechanism->empty()) {
            return list.empty() ? std::optional(offered) : std::nullopt;
        }
        offered = offered || *mechanism == kScramMechanism;
    }
}

}  // namespace

ServerDialogue::ServerDialogue(const Options& options, ScramKeyCache& cache, base::RandomSource& random)
    : user_(options.user), cache_(cache), random_(random) {
    if (options.secret != nullptr) {
        secret_ = *options.secret;
    }
    if (options.learned_keys != nullptr) {
        learned_keys_ = *options.learned_keys;
    }
}

ServerStep ServerDialogue::receive(std::string_view body) {
    const auto code = take_int32(body);
    if (!code) {
        return failed("the server sent a truncated authentication message");
    }
    switch (static_cast<AuthenticationCode>(*code)) {
        case AuthenticationCode::Ok:
            return receive_ok(body);
        case AuthenticationCode::CleartextPassword:
            return receive_clear_password_request(body);
        case AuthenticationCode::MD5Password:
            return receive_md5_request(body);
        case AuthenticationCode::SASL:
            return receive_mechanisms(body);
        case AuthenticationCode::SASLContinue:
            return receive_server_first(body);
        case AuthenticationCode::SASLFinal:
            return receive_server_final(body);
        case AuthenticationCode::KerberosV5:
        case AuthenticationCode::GSS:
        case AuthenticationCode::GSSContinue:
        case AuthenticationCode::SSPI:
            return failed(
                fmt::format("the server asks user \"{}\" for Kerberos, GSSAPI or SSPI authentication, which "
                            "pgring does not do; "
                            "let a line of its pg_hba.conf ask for scram-sha-256",
                            user_));
    }
    return failed(
        fmt::format("the server asks for an authentication (code {}) that pgring does not know", *code));
}

ServerStep ServerDialogue::receive_ok(std::string_view rest) {
    const bool expected =
        state_ == State::Fresh || state_ == State::PasswordSent || state_ == State::ServerVerified;
    if (!expected) {
        return state_ == State::Finished
                   ? out_of_order()
                   : failed(
                         "the server skipped its part of the SCRAM exchange, so that it may be an impostor");
    }
    if (!rest.empty()) {
        return failed("the server sent a malformed authentication message");
    }
    state_ = State::Finished;
    return {.outcome = Outcome::Authenticated, .reply = {}, .failure = {}};
}

ServerStep ServerDialogue::receive_clear_password_request(std::string_view rest) {
    if (state_ != State::Fresh || !rest.empty()) {
        return out_of_order();
    }
    if (!secret_) {
        return no_secret();
    }
    const auto* plain = std::get_if<PlainPassword>(&*secret_);
    if (plain == nullptr) {
        return failed(fmt::format(
            "the server asks user \"{}\" for a password in clear, and the user list has only a hash of it",
            user_));
    }
    return continue_with(State::PasswordSent, password_message(plain->password.view()));
}

ServerStep ServerDialogue::receive_md5_request(std::string_view rest) {
    Md5Salt salt{};
    if (state_ != State::Fresh || rest.size() != salt.size()) {
        return out_of_order();
    }
    if (!secret_) {
        return no_secret();
    }
    const auto hash = md5_hash_of(*secret_, user_);
    if (!hash) {
        return failed(
            fmt::format("the server asks user \"{}\" for md5, and the user list has a SCRAM secret, which "
                        "cannot serve; write the "
                        "md5 hash or the password into the user list",
                        user_));
    }
    std::ranges::copy(rest, salt.begin());
    return continue_with(State::PasswordSent, password_message(md5_answer(*hash, salt)));
}

ServerStep ServerDialogue::receive_mechanisms(std::string_view rest) {
    if (state_ != State::Fresh) {
        return out_of_order();
    }
    const auto offered = offers_scram(rest);
    if (!offered) {
        return failed("the server sent a malformed list of SASL mechanisms");
    }
    if (!*offered) {
        return failed(
            fmt::format("the server offers no SASL mechanism that pgring speaks ({})", kScramMechanism));
    }
    if (!secret_) {
        return no_secret();
    }
    auto credential = scram_credential();
    if (!credential) {
        return failed(std::move(credential.error()));
    }
    scram_.emplace(std::move(*credential), random_);
    const std::string message = scram_->first_message();
    std::string reply = std::string(kScramMechanism) + '\0';
    reply += encode_int32(static_cast<std::uint32_t>(message.size()));
    reply += message;
    return continue_with(State::ClientFirstSent, std::move(reply));
}

std::expected<ScramCredential, std::string> ServerDialogue::scram_credential() const {
    if (const auto* plain = std::get_if<PlainPassword>(&*secret_)) {
        return ScramCredential(plain->password);
    }
    const auto* scram = std::get_if<ScramSecret>(&*secret_);
    if (scram == nullptr) {
        return std::unexpected(
            fmt::format("the server asks user \"{}\" for SCRAM-SHA-256, and the user list has an md5 hash, "
                        "which cannot serve; "
                        "write the password or the SCRAM secret into the user list",
                        user_));
    }
    if (!learned_keys_) {
        return std::unexpected(
            fmt::format("pgring cannot log in at the server as user \"{}\": the user list has a SCRAM "
                        "secret, and no client has "
                        "proved yet that it knows the password; write the password into the user list or let "
                        "the user's clients "
                        "log in with scram-sha-256",
                        user_));
    }
    return ScramPassKey{.secret = *scram, .client_key = learned_keys_->client_key};
}

ServerStep ServerDialogue::receive_server_first(std::string_view message) {
    if (state_ != State::ClientFirstSent) {
        return out_of_order();
    }
    auto reply = scram_->receive_first(message, cache_);
    if (!reply) {
        return failed(fmt::format("login at the server as user \"{}\": {}", user_, reply.error()));
    }
    return continue_with(State::ClientFinalSent, std::move(*reply));
}

ServerStep ServerDialogue::receive_server_final(std::string_view message) {
    if (state_ != State::ClientFinalSent) {
        return out_of_order();
    }
    if (const auto verdict = scram_->receive_final(message); !verdict) {
        return failed(fmt::format("login at the server as user \"{}\": {}", user_, verdict.error()));
    }
    return continue_with(State::ServerVerified, {});
}

ServerStep ServerDialogue::continue_with(State next, std::string reply) {
    state_ = next;
    return {.outcome = Outcome::Continue, .reply = std::move(reply), .failure = {}};
}

ServerStep ServerDialogue::failed(std::string failure) {
    state_ = State::Finished;
    return {.outcome = Outcome::Failed, .reply = {}, .failure = std::move(failure)};
}

ServerStep ServerDialogue::no_secret() {
    return failed(fmt::format(
        "the server asks user \"{}\" for a password, and pgring has none; add the user to the user list",
        user_));
}

ServerStep ServerDialogue::out_of_order() {
    return failed("the server sent an authentication message that is malformed or out of order");
}

}  // namespace pgring::auth
