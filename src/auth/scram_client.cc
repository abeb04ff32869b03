#include "auth/scram_client.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "auth/base64.h"
#include "auth/crypto.h"
#include "auth/scram_message.h"
#include "base/contract.h"

namespace pgring::auth {
namespace {

/// "n": no channel binding; no authorization identity. In base64 it is kBindingValue.
constexpr std::string_view kGs2Header = "n,,";
constexpr std::string_view kBindingValue = "biws";
constexpr std::size_t kServerErrorShownMax = 64;

struct ServerFirst {
    std::string_view nonce;
    std::string salt;
    std::uint32_t iterations = 0;
};

std::optional<std::uint32_t> parse_iterations(std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value == 0) {
        return std::nullopt;
    }
    return value;
}

std::expected<ServerFirst, std::string> parse_server_first(std::string_view message,
                                                           std::string_view our_nonce) {
    if (message.size() > kScramMessageSizeMax) {
        return std::unexpected("the server's SCRAM message is too long");
    }
    ScramAttributes attributes(message);
    if (attributes.at('m')) {
        return std::unexpected("the server requires a SCRAM extension that pgring does not know");
    }
    const auto nonce = attributes.take('r');
    if (!nonce || !valid_scram_nonce(*nonce) || !nonce->starts_with(our_nonce) ||
        nonce->size() == our_nonce.size()) {
        return std::unexpected("the server's SCRAM nonce does not continue ours");
    }
    const auto salt_text = attributes.take('s');
    auto salt = salt_text ? base64_decode(*salt_text) : std::nullopt;
    if (!salt || salt->empty() || salt->size() > kScramSaltSizeMax) {
        return std::unexpected("the server's SCRAM salt is malformed");
    }
    const auto iterations_text = attributes.take('i');
    const auto iterations = iterations_text ? parse_iterations(*iterations_text) : std::nullopt;
    if (!iterations || !attributes.at_end()) {
        return std::unexpected("the server's SCRAM iteration count is malformed");
    }
    if (*iterations > kScramIterationsMax) {
        return std::unexpected(
            fmt::format("the server asks for {} SCRAM iterations, more than the {} that pgring agrees to",
                        *iterations, kScramIterationsMax));
    }
    return ServerFirst{.nonce = *nonce, .salt = std::move(*salt), .iterations = *iterations};
}

/// The keys of a SCRAM secret and a learned ClientKey, where they fit each other and what the server says.
std::expected<ScramClientKeys, std::string> keys_of(const ScramPassKey& pass_key,
                                                    const ServerFirst& server_first) {
    if (!constant_time_equal(stored_key_of(pass_key.client_key).bytes, pass_key.secret.stored_key.bytes)) {
        return std::unexpected("the key learned from a client is of an older SCRAM secret");
    }
    if (pass_key.secret.salt != server_first.salt || pass_key.secret.iterations != server_first.iterations) {
        return std::unexpected(
            "the server has another SCRAM secret for the user than the user list; copy it anew from "
            "pg_authid.rolpassword, the same on all servers");
    }
    return ScramClientKeys{.client_key = pass_key.client_key,
                           .stored_key = pass_key.secret.stored_key,
                           .server_key = pass_key.secret.server_key};
}

/// What a server said, fit for a log.
std::string printable(std::string_view text) {
    std::string result(text.substr(0, kServerErrorShownMax));
    std::ranges::replace_if(
        result, [](char c) { return c < ' ' || c > '~'; }, '?');
    return result;
}

}  // namespace

ScramClient::ScramClient(ScramCredential credential, base::RandomSource& random)
    : credential_(std::move(credential)), nonce_(draw_scram_nonce(random)) {}

std::string ScramClient::first_message() const {
    // PostgreSQL takes the user of the StartupMessage and expects none here, as libpq does it.
    return fmt::format("{}n=,r={}", kGs2Header, nonce_);
}

std::expected<std::string, std::string> ScramClient::receive_first(std::string_view message,
                                                                   ScramKeyCache& cache) {
    ASSERT(auth_message_.empty());
    const auto server_first = parse_server_first(message, nonce_);
    if (!server_first) {
        return std::unexpected(server_first.error());
    }
    std::expected<ScramClientKeys, std::string> keys;
    if (const auto* password = std::get_if<SecretText>(&credential_)) {
        keys = cache.keys_for(password->view(), server_first->salt, server_first->iterations);
    } else {
        keys = keys_of(std::get<ScramPassKey>(credential_), *server_first);
    }
    if (!keys) {
        return std::unexpected(std::move(keys.error()));
    }
    const std::string without_proof = fmt::format("c={},r={}", kBindingValue, server_first->nonce);
    auth_message_ = fmt::format("n=,r={},{},{}", nonce_, message, without_proof);
    server_key_ = keys->server_key;
    const Digest proof = combine(keys->client_key.bytes, client_signature(keys->stored_key, auth_message_));
    return fmt::format("{},p={}", without_proof, base64_encode(as_text(proof)));
}

std::expected<void, std::string> ScramClient::receive_final(std::string_view message) const {
    ASSERT(!auth_message_.empty());
    if (message.size() > kScramMessageSizeMax) {
        return std::unexpected("the server's SCRAM message is too long");
    }
    ScramAttributes attributes(message);
    if (const auto error = attributes.take('e')) {
        return std::unexpected(fmt::format("the server ended the SCRAM exchange: {}", printable(*error)));
    }
    const auto signature_text = attributes.take('v');
    const auto signature = signature_text ? decode_digest(*signature_text) : std::nullopt;
    if (!signature || !attributes.at_end()) {
        return std::unexpected("the server's SCRAM signature is malformed");
    }
    if (!constant_time_equal(*signature, server_signature(server_key_, auth_message_))) {
        return std::unexpected("the server does not prove that it knows the user's SCRAM secret");
    }
    return {};
}

}  // namespace pgring::auth
