#include "auth/scram_server.h"

#include <expected>

#include <fmt/core.h>

#include "auth/base64.h"
#include "auth/crypto.h"
#include "auth/scram_message.h"
#include "base/contract.h"

namespace pgring::auth {
namespace {

using Outcome = ScramServerStep::Outcome;

constexpr std::string_view kBindingType = "tls-server-end-point";

ScramServerStep refused(std::string_view code, std::string_view message, std::string_view log_detail) {
    return {.outcome = Outcome::Malformed,
            .reply = {},
            .refusal = {.sqlstate = code, .message = std::string(message), .log_detail = log_detail}};
}

ScramServerStep malformed(std::string_view log_detail) {
    return refused(sqlstate::kProtocolViolation, "malformed SCRAM message", log_detail);
}

/// The first of the two parts of a GS2 header: what the client says of channel binding.
struct BindingFlag {
    enum class Kind : std::uint8_t {
        Unable,      ///< n: cannot bind
        NotOffered,  ///< y: could, but believes that the server cannot
        Bound,       ///< p=type
    };
    Kind kind = Kind::Unable;
    std::string_view type;
};

std::optional<BindingFlag> parse_binding_flag(std::string_view text) {
    if (text == "n") {
        return BindingFlag{.kind = BindingFlag::Kind::Unable, .type = {}};
    }
    if (text == "y") {
        return BindingFlag{.kind = BindingFlag::Kind::NotOffered, .type = {}};
    }
    if (text.starts_with("p=")) {
        return BindingFlag{.kind = BindingFlag::Kind::Bound, .type = text.substr(2)};
    }
    return std::nullopt;
}

/// What is wrong with the client's flag, or nothing.
std::optional<ScramServerStep> judge(const BindingFlag& flag, const std::optional<ChannelBinding>& offered) {
    switch (flag.kind) {
        case BindingFlag::Kind::Unable:
            return std::nullopt;
        case BindingFlag::Kind::NotOffered:
            if (!offered) {
                return std::nullopt;
            }
            return refused(sqlstate::kInvalidAuthorizationSpecification,
                           "SCRAM channel binding negotiation error",
                           "the client supports channel binding but was told that the server does not");
        case BindingFlag::Kind::Bound:
            if (!offered) {
                return malformed("the client binds to a channel although that was not offered");
            }
            if (flag.type != kBindingType) {
                return refused(sqlstate::kProtocolViolation, "unsupported SCRAM channel-binding type",
                               "only tls-server-end-point is offered");
            }
            return std::nullopt;
    }
    ASSERT(false);
}

/// The GS2 header at the beginning of a client-first message, both its commas included.
std::expected<std::string_view, ScramServerStep> parse_gs2_header(
    std::string_view message, const std::optional<ChannelBinding>& offered) {
    const std::size_t flag_end = message.find(',');
    const auto flag = parse_binding_flag(message.substr(0, flag_end));
    if (!flag || flag_end == std::string_view::npos) {
        return std::unexpected(malformed("the channel-binding flag is none of n, y, p="));
    }
    if (auto wrong = judge(*flag, offered)) {
        return std::unexpected(std::move(*wrong));
    }
    const std::string_view identity = message.substr(flag_end + 1);
    if (identity.starts_with("a=")) {
        return std::unexpected(refused(sqlstate::kFeatureNotSupported,
                                       "client uses authorization identity, but it is not supported", {}));
    }
    if (!identity.starts_with(',')) {
        return std::unexpected(malformed("the GS2 header does not end"));
    }
    return message.substr(0, flag_end + 2);
}

/// The client's nonce in what follows the GS2 header.
std::expected<std::string_view, ScramServerStep> parse_client_first_bare(std::string_view bare) {
    ScramAttributes attributes(bare);
    if (attributes.at('m')) {
        return std::unexpected(
            refused(sqlstate::kFeatureNotSupported, "client requires an unsupported SCRAM extension", {}));
    }
    // The name is ignored: the StartupMessage's counts.
    const bool named = attributes.take('n').has_value();
    const auto nonce = named ? attributes.take('r') : std::nullopt;
    if (!nonce || !valid_scram_nonce(*nonce)) {
        return std::unexpected(malformed("the client-first message lacks a name or a valid nonce"));
    }
    while (!attributes.at_end()) {  // Optional extensions, which may be ignored.
        if (!attributes.skip_any()) {
            return std::unexpected(malformed("an extension of the client-first message is no attribute"));
        }
    }
    return *nonce;
}

}  // namespace

ScramServer ScramServer::for_secret(const ScramSecret& secret) {
    return {secret, Existence::Real};
}

ScramServer ScramServer::for_nobody(std::string_view user, const ProcessSecret& process_secret) {
    ScramSecret secret;
    secret.iterations = kScramIterations;
    secret.salt = process_secret.salt_of(user);
    return {std::move(secret), Existence::Mock};
}

ScramServerStep ScramServer::receive_first(std::string_view message, base::RandomSource& random) {
    ASSERT(nonce_.empty());
    const auto header = parse_gs2_header(message, channel_binding_);
    if (!header) {
        return header.error();
    }
    const auto client_nonce = parse_client_first_bare(message.substr(header->size()));
    if (!client_nonce) {
        return client_nonce.error();
    }
    gs2_header_ = *header;
    client_first_bare_ = message.substr(header->size());
    nonce_ = std::string(*client_nonce) + draw_scram_nonce(random);
    server_first_ = fmt::format("r={},s={},i={}", nonce_, base64_encode(secret_.salt), secret_.iterations);
    return {.outcome = Outcome::Continue, .reply = server_first_, .refusal = {}};
}

ScramServerStep ScramServer::receive_final(std::string_view message) {
    ASSERT(!nonce_.empty() && !client_key_);
    ScramAttributes attributes(message);
    const auto binding = attributes.take('c');
    const auto nonce = binding ? attributes.take('r') : std::nullopt;
    if (!nonce) {
        return malformed("the client-final message does not begin with channel binding and nonce");
    }
    if (auto wrong = judge_binding(*binding)) {
        return std::move(*wrong);
    }
    if (!constant_time_equal(*nonce, nonce_)) {
        return refused(sqlstate::kProtocolViolation, "invalid SCRAM response", "the nonce does not match");
    }
    while (!attributes.at_end() && !attributes.at('p')) {
        if (!attributes.skip_any()) {
            return malformed("an extension of the client-final message is no attribute");
        }
    }
    const std::size_t proof_size = attributes.rest().size();
    const auto proof_text = attributes.take('p');
    const auto proof = proof_text ? decode_digest(*proof_text) : std::nullopt;
    if (!proof || !attributes.at_end()) {
        return malformed("the client-final message does not end with a proof");
    }
    const std::string_view without_proof = message.substr(0, message.size() - proof_size - 1);
    return verify(*proof, fmt::format("{},{},{}", client_first_bare_, server_first_, without_proof));
}

std::optional<ScramServerStep> ScramServer::judge_binding(std::string_view value) const {
    const bool bound = gs2_header_.starts_with("p=");
    const std::string expected = base64_encode(bound ? gs2_header_ + channel_binding_->data : gs2_header_);
    if (constant_time_equal(value, expected)) {
        return std::nullopt;
    }
    return bound ? refused(sqlstate::kInvalidAuthorizationSpecification, "SCRAM channel binding check failed",
                           "the client sees another certificate than ours")
                 : refused(sqlstate::kProtocolViolation,
                           "unexpected SCRAM channel-binding attribute in client-final-message", {});
}

ScramServerStep ScramServer::verify(const Digest& proof, std::string_view auth_message) {
    const Digest signature = client_signature(secret_.stored_key, auth_message);
    const ClientKey client_key(combine(proof, signature));
    const bool fits = constant_time_equal(stored_key_of(client_key).bytes, secret_.stored_key.bytes);
    const std::string reply =
        "v=" + base64_encode(as_text(server_signature(secret_.server_key, auth_message)));
    // All is computed before the verdict, so that a mock takes as long as a wrong password.
    if (!fits || existence_ == Existence::Mock) {
        return {.outcome = Outcome::WrongPassword, .reply = {}, .refusal = {}};
    }
    client_key_ = client_key;
    return {.outcome = Outcome::Verified, .reply = reply, .refusal = {}};
}

std::optional<ClientKey> ScramServer::clear_password_key(std::string_view password) const {
    const ClientKey key = client_key_of(salted_password(password, secret_.salt, secret_.iterations));
    const bool fits = constant_time_equal(stored_key_of(key).bytes, secret_.stored_key.bytes);
    return fits && existence_ == Existence::Real ? std::optional(key) : std::nullopt;
}

const ClientKey& ScramServer::client_key() const {
    ASSERT(client_key_.has_value());
    return *client_key_;
}

}  // namespace pgring::auth
