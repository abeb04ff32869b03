#include "auth/client_dialogue.h"

#include <span>
#include <utility>
#include <variant>

#include <fmt/core.h>

#include "auth/authentication_message.h"
#include "auth/crypto.h"
#include "auth/md5.h"
#include "auth/scram_message.h"
#include "base/contract.h"

namespace pgring::auth {
namespace {

using Outcome = ClientStep::Outcome;

/// PostgreSQL refuses longer SASL messages too (PG_MAX_SASL_MESSAGE_LENGTH).
constexpr std::size_t kSaslMessageSizeMax = 1024;
constexpr std::uint32_t kNoInitialResponse = 0xffffffffU;

constexpr std::string_view kUnknownUser = "the user is not in the user list";
constexpr std::string_view kNoScramSecret =
    "the user's secret is an md5 hash, which cannot serve SCRAM-SHA-256";
constexpr std::string_view kEmptyPassword = "the user's password is empty, so that nobody can log in with it";
constexpr std::string_view kWrongPassword = "the password is wrong";

/// The SCRAM secret to verify against, or nullptr where there is none.
const ScramSecret* scram_secret_of(const std::optional<Secret>& secret) {
    if (!secret) {
        return nullptr;
    }
    if (const auto* plain = std::get_if<PlainPassword>(&*secret)) {
        return plain->password.view().empty() ? nullptr : &plain->scram;
    }
    return std::get_if<ScramSecret>(&*secret);
}

/// The md5 hash to verify against, or nothing where there is none.
std::optional<Md5Hash> md5_hash_of(const std::optional<Secret>& secret, std::string_view user) {
    if (!secret) {
        return std::nullopt;
    }
    if (const auto* plain = std::get_if<PlainPassword>(&*secret)) {
        return plain->password.view().empty() ? std::nullopt
                                              : std::optional(md5_hash(plain->password.view(), user));
    }
    const auto* hash = std::get_if<Md5Hash>(&*secret);
    return hash != nullptr ? std::optional(*hash) : std::nullopt;
}

/// For the log: why a secret can verify nobody, or that the password was wrong.
std::string_view why_refused(const std::optional<Secret>& secret, Method method) {
    if (!secret) {
        return kUnknownUser;
    }
    const auto* plain = std::get_if<PlainPassword>(&*secret);
    if (plain != nullptr && plain->password.view().empty()) {
        return kEmptyPassword;
    }
    return method == Method::ScramSha256 && std::holds_alternative<Md5Hash>(*secret) ? kNoScramSecret
                                                                                     : kWrongPassword;
}

/// What `method` comes to for this user. PostgreSQL docs, "Password Authentication": md5 means SCRAM where
/// the password was hashed for it.
Method effective_method(const ClientDialogue::Options& options) {
    if (options.method != Method::Md5) {
        return options.method;
    }
    if (options.secret == nullptr) {
        return options.method_for_unknown;
    }
    return std::holds_alternative<ScramSecret>(*options.secret) ? Method::ScramSha256 : Method::Md5;
}

}  // namespace

ClientDialogue::ClientDialogue(const Options& options, const ProcessSecret& process_secret,
                               base::RandomSource& random)
    : method_(effective_method(options)), user_(options.user), random_(random) {
    ASSERT(options.method_for_unknown == Method::Md5 || options.method_for_unknown == Method::ScramSha256);
    if (options.secret != nullptr) {
        secret_ = *options.secret;
    }
    if (method_ == Method::ScramSha256 || method_ == Method::Password) {
        const ScramSecret* scram = scram_secret_of(secret_);
        scram_ = scram != nullptr ? ScramServer::for_secret(*scram)
                                  : ScramServer::for_nobody(user_, process_secret);
    }
}

ClientStep ClientDialogue::start() {
    ASSERT(state_ == State::Fresh);
    switch (method_) {
        case Method::Trust:
            return done({});
        case Method::Md5:
            random_.fill(std::as_writable_bytes(std::span(md5_salt_)));
            return continue_with(State::AwaitingMd5,
                                 authentication_body(AuthenticationCode::MD5Password, as_text(md5_salt_)));
        case Method::ScramSha256:
            // A list of mechanisms, each with its NUL, and a NUL behind the last.
            return continue_with(State::AwaitingMechanism,
                                 authentication_body(AuthenticationCode::SASL,
                                                     std::string(kScramMechanism) + std::string(2, '\0')));
        case Method::Password:
            return continue_with(State::AwaitingClearPassword,
                                 authentication_body(AuthenticationCode::CleartextPassword, {}));
    }
    ASSERT(false);
}

ClientStep ClientDialogue::receive(std::string_view body) {
    switch (state_) {
        case State::AwaitingMd5:
            return receive_md5(body);
        case State::AwaitingClearPassword:
            return receive_clear_password(body);
        case State::AwaitingMechanism:
            return receive_mechanism(body);
        case State::AwaitingClientFirst:
            return receive_client_first(body);
        case State::AwaitingClientFinal:
            return receive_client_final(body);
        case State::Fresh:
        case State::Finished:
            return violation("unexpected password message");
    }
    ASSERT(false);
}

std::optional<std::string_view> ClientDialogue::password_of(std::string_view body) {
    const auto password = take_string(body);
    return password && body.empty() && password->size() <= kPasswordSizeMax ? password : std::nullopt;
}

ClientStep ClientDialogue::receive_md5(std::string_view body) {
    const auto answer = password_of(body);
    if (!answer) {
        return violation("invalid password packet size");
    }
    if (answer->empty()) {
        return empty_password();
    }
    const auto hash = md5_hash_of(secret_, user_);
    // Nobody's hash is computed with too, so that an unknown user takes as long as a wrong password.
    const bool fits = md5_answer_fits(*answer, hash.value_or(md5_hash({}, user_)), md5_salt_);
    return fits && hash ? done({}) : wrong_password();
}

ClientStep ClientDialogue::receive_clear_password(std::string_view body) {
    const auto password = password_of(body);
    if (!password) {
        return violation("invalid password packet size");
    }
    if (password->empty()) {
        return empty_password();
    }
    return clear_password_fits(*password) ? done({}) : wrong_password();
}

bool ClientDialogue::clear_password_fits(std::string_view password) {
    // PBKDF2 for everybody, so that the time does not tell which users exist.
    const auto client_key = scram_->clear_password_key(password);
    if (client_key) {
        learn(*client_key);
        return true;
    }
    const auto* hash = secret_ ? std::get_if<Md5Hash>(&*secret_) : nullptr;
    return hash != nullptr && constant_time_equal(md5_hash(password, user_).view(), hash->view());
}

ClientStep ClientDialogue::receive_mechanism(std::string_view body) {
    const auto mechanism = take_string(body);
    const auto size = mechanism ? take_int32(body) : std::nullopt;
    if (!size) {
        return violation("invalid message format");
    }
    if (*mechanism != kScramMechanism) {
        return violation("client selected an invalid SASL authentication mechanism");
    }
    if (*size == kNoInitialResponse && body.empty()) {
        // RFC 4422 section 3.3: an empty challenge asks for the initial response.
        return continue_with(State::AwaitingClientFirst,
                             authentication_body(AuthenticationCode::SASLContinue, {}));
    }
    if (*size != body.size()) {
        return violation("invalid message format");
    }
    return receive_client_first(body);
}

ClientStep ClientDialogue::receive_client_first(std::string_view message) {
    if (message.size() > kSaslMessageSizeMax || message.find('\0') != std::string_view::npos) {
        return violation("malformed SCRAM message");
    }
    auto step = scram_->receive_first(message, random_);
    if (step.outcome != ScramServerStep::Outcome::Continue) {
        return failed(std::move(step.refusal));
    }
    return continue_with(State::AwaitingClientFinal,
                         authentication_body(AuthenticationCode::SASLContinue, step.reply));
}

ClientStep ClientDialogue::receive_client_final(std::string_view message) {
    if (message.size() > kSaslMessageSizeMax || message.find('\0') != std::string_view::npos) {
        return violation("malformed SCRAM message");
    }
    auto step = scram_->receive_final(message);
    switch (step.outcome) {
        case ScramServerStep::Outcome::Verified:
            learn(scram_->client_key());
            return done(authentication_body(AuthenticationCode::SASLFinal, step.reply));
        case ScramServerStep::Outcome::WrongPassword:
            return wrong_password();
        case ScramServerStep::Outcome::Malformed:
            return failed(std::move(step.refusal));
        case ScramServerStep::Outcome::Continue:
            break;
    }
    ASSERT(false);
}

void ClientDialogue::learn(const ClientKey& key) {
    // With a plain password there is no need: pgring has the password, and this key fits our salt only.
    if (secret_ && std::holds_alternative<ScramSecret>(*secret_)) {
        learned_keys_ = LearnedKeys{.client_key = key};
    }
}

ClientStep ClientDialogue::continue_with(State next, std::string reply) {
    state_ = next;
    return {.outcome = Outcome::Continue, .reply = std::move(reply), .refusal = {}};
}

ClientStep ClientDialogue::done(std::string reply) {
    state_ = State::Finished;
    return {.outcome = Outcome::Done, .reply = std::move(reply), .refusal = {}};
}

ClientStep ClientDialogue::failed(Refusal refusal) {
    state_ = State::Finished;
    return {.outcome = Outcome::Failed, .reply = {}, .refusal = std::move(refusal)};
}

ClientStep ClientDialogue::wrong_password() {
    return failed({.sqlstate = sqlstate::kInvalidPassword,
                   .message = fmt::format("password authentication failed for user \"{}\"", user_),
                   .log_detail = why_refused(secret_, method_)});
}

ClientStep ClientDialogue::empty_password() {
    return failed({.sqlstate = sqlstate::kInvalidPassword,
                   .message = "empty password returned by client",
                   .log_detail = {}});
}

ClientStep ClientDialogue::violation(std::string_view message) {
    return failed(
        {.sqlstate = sqlstate::kProtocolViolation, .message = std::string(message), .log_detail = {}});
}

}  // namespace pgring::auth
