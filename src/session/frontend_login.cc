#include "session/frontend_login.h"

#include <algorithm>

#include "session/parameters.h"
#include "wire/body_reader.h"
#include "wire/messages.h"

namespace pgring::session {

namespace {

constexpr std::uint32_t kPacketBytesMin = 8;

LoginFailure violation(std::string message) {
    return {.sqlstate = sqlstate::kProtocolViolation, .message = std::move(message), .log_detail = {}};
}

LoginFailure silent(std::string_view log_detail) {
    return {.sqlstate = sqlstate::kProtocolViolation,
            .message = {},
            .log_detail = log_detail,
            .manner = LoginFailure::Manner::Silent};
}

}  // namespace

FrontendLogin::Step FrontendLogin::advance(Shared& shared, buffer::SliceQueue& in, buffer::SliceQueue& out) {
    for (;;) {
        Handled handled =
            dialogue_.has_value() ? on_password(shared, in, out) : on_first_packet(shared, in, out);
        if (handled.has_value()) {
            return std::move(*handled);
        }
    }
}

FrontendLogin::Handled FrontendLogin::on_first_packet(Shared& shared, buffer::SliceQueue& in,
                                                      buffer::SliceQueue& out) {
    if (in.size_bytes() < kPacketBytesMin) {
        return Outcome::NeedMore;
    }
    std::byte head[kPacketBytesMin];
    std::span<const std::byte> const view = in.view(0, kPacketBytesMin, head);
    std::uint32_t const length = wire::load_u32(view.data());
    std::uint32_t const code = wire::load_u32(view.data() + wire::kLengthBytes);
    if (length < kPacketBytesMin || length > shared.settings.pgring.startup_packet_bytes_max) {
        return std::unexpected(silent("invalid length of startup packet"));
    }
    if (in.size_bytes() < length) {
        return Outcome::NeedMore;
    }
    if (code == wire::kSslRequestCode || code == wire::kGssEncRequestCode) {
        // One of each may come before the StartupMessage; more would be a way to keep us busy.
        if (length != kPacketBytesMin || ++encryption_requests_ > 2) {
            return std::unexpected(violation("too many encryption requests"));
        }
        in.consume(length);
        if (in.size_bytes() > 0) {
            // Whoever writes on before the answer would have his plain bytes taken for encrypted ones
            // (CVE-2021-3935).
            return std::unexpected(violation("received unencrypted data after SSL request"));
        }
        std::byte const no{'N'};
        if (!out.push_copy({&no, 1})) {
            return std::unexpected(silent("out of buffers"));
        }
        return std::nullopt;
    }
    std::span<const std::byte> const body =
        in.view(kPacketBytesMin, length - kPacketBytesMin, shared.scratch);
    if (code == wire::kCancelRequestCode || code == wire::kPeerCancelRequestCode) {
        wire::BodyReader reader(body);
        CancelKey& key = cancel_.key;
        key.process_id = reader.u32();
        key.secret = wire::as_text(reader.rest());
        cancel_.sender =
            code == wire::kCancelRequestCode ? CancelRequest::Sender::Client : CancelRequest::Sender::Peer;
        if (!reader.ok() || key.secret.empty() || key.secret.size() > wire::kSecretBytesMax) {
            return std::unexpected(silent("malformed CancelRequest"));
        }
        in.consume(length);
        return Outcome::Cancel;
    }
    Handled handled = on_startup(shared, code, body, out);
    if (!handled.has_value() || handled->has_value()) {
        in.consume(length);
    }
    return handled;
}

FrontendLogin::Handled FrontendLogin::on_startup(Shared& shared, std::uint32_t version,
                                                 std::span<const std::byte> body, buffer::SliceQueue& out) {
    if (version >> 16U != 3) {
        return std::unexpected(
            LoginFailure{.sqlstate = sqlstate::kFeatureNotSupported,
                         .message = "unsupported frontend protocol " + std::to_string(version >> 16U) + "." +
                                    std::to_string(version & 0xffffU) + ": pgring speaks 3.0 to 3.2",
                         .log_detail = {}});
    }
    if (admission_ != Admission::Welcome) {
        const Error& error = admission_ == Admission::TooMany ? errors::kTooManyClients : errors::kShutdown;
        return std::unexpected(
            LoginFailure{.sqlstate = error.sqlstate, .message = std::string(error.message)});
    }
    if (std::optional<LoginFailure> failure = read_parameters(shared, body)) {
        return std::unexpected(std::move(*failure));
    }
    // PostgreSQL 18: an older minor version is spoken without a word, a later one is answered with the
    // newest.
    request_.protocol = std::min(version, wire::kProtocol3_2);
    if (version > wire::kProtocol3_2 || !unknown_protocol_options_.empty()) {
        std::vector<std::byte> memory(64 + shared.settings.pgring.startup_packet_bytes_max);
        wire::MessageWriter writer(memory);
        wire::write_negotiate_protocol_version(writer, request_.protocol, unknown_protocol_options_);
        if (!writer.ok() || !out.push_copy(writer.written())) {
            return std::unexpected(silent("out of buffers"));
        }
    }
    std::expected<auth::Method, LoginFailure> const how = method(shared);
    if (!how.has_value()) {
        return std::unexpected(how.error());
    }
    dialogue_.emplace(
        auth::ClientDialogue::Options{.method = *how,
                                      .user = request_.user,
                                      .secret = shared.access.users.find(request_.user),
                                      .method_for_unknown = shared.access.users.method_for_unknown()},
        shared.access.process_secret, shared.random);
    return apply(dialogue_->start(), shared, out);
}

std::optional<LoginFailure> FrontendLogin::read_parameters(Shared& shared, std::span<const std::byte> body) {
    auto const parameters = wire::read_startup_parameters(body);
    if (!parameters.has_value()) {
        return violation("invalid startup packet layout: expected terminator as last byte");
    }
    const std::vector<std::string>& ignored = shared.settings.pgring.ignore_startup_parameters;
    auto const ignore = [&ignored](std::string_view name) {
        return std::ranges::any_of(ignored,
                                   [name](const std::string& other) { return same_name(name, other); });
    };
    std::vector<SpelledParameter> in_options;
    std::vector<SpelledParameter> by_themselves;
    for (const wire::StartupParameter& parameter : *parameters) {
        if (parameter.name == "user") {
            request_.user = parameter.value;
        } else if (parameter.name == "database") {
            request_.database = parameter.value;
        } else if (parameter.name.starts_with("_pq_.")) {
            unknown_protocol_options_.emplace_back(parameter.name);
        } else if (parameter.name == "replication") {
            std::optional<Replication> const replication = read_replication(parameter.value);
            if (!replication.has_value()) {
                return LoginFailure{.sqlstate = sqlstate::kInvalidParameterValue,
                                    .message = "invalid value for parameter \"replication\": \"" +
                                               std::string(parameter.value) + "\"",
                                    .log_detail = {}};
            }
            request_.replication = *replication;
        } else if (parameter.name == "options") {
            auto options = read_options(parameter.value);
            if (!options.has_value()) {
                return LoginFailure{.sqlstate = sqlstate::kFeatureNotSupported,
                                    .message = std::move(options.error()),
                                    .log_detail = {}};
            }
            std::erase_if(*options,
                          [&ignore](const SpelledParameter& option) { return ignore(option.name); });
            std::ranges::move(*options, std::back_inserter(in_options));
        } else if (ignore(parameter.name)) {
            continue;
        } else if (!plausible_name(parameter.name)) {
            return violation("invalid name of a startup parameter");
        } else {
            by_themselves.push_back(
                {.name = std::string(parameter.name), .value = std::string(parameter.value)});
        }
    }
    request_.parameters = settle_parameters(in_options, by_themselves);
    if (request_.user.empty()) {
        return LoginFailure{.sqlstate = sqlstate::kInvalidAuthorization,
                            .message = "no PostgreSQL user name specified in startup packet",
                            .log_detail = {}};
    }
    if (request_.database.empty()) {
        // Physical replication has no database; this is what PostgreSQL's own programmes call it.
        request_.database = request_.replication == Replication::Physical ? "replication" : request_.user;
    }
    return std::nullopt;
}

std::expected<auth::Method, LoginFailure> FrontendLogin::method(const Shared& shared) const {
    switch (shared.settings.pgring.auth_type) {
        case config::AuthType::ScramSha256:
            return auth::Method::ScramSha256;
        case config::AuthType::Md5:
            return auth::Method::Md5;
        case config::AuthType::Password:
            return auth::Method::Password;
        case config::AuthType::Trust:
            return auth::Method::Trust;
        case config::AuthType::Hba:
            break;
    }
    auto const matched =
        shared.access.rules.match({.transport = transport_,
                                   .database = request_.replication == Replication::Physical
                                                   ? std::nullopt
                                                   : std::optional<std::string_view>(request_.database),
                                   .user = request_.user,
                                   .address = peer_});
    if (!matched.has_value()) {
        return std::unexpected(LoginFailure{.sqlstate = matched.error().sqlstate,
                                            .message = matched.error().message,
                                            .log_detail = matched.error().log_detail});
    }
    return *matched;
}

FrontendLogin::Handled FrontendLogin::on_password(Shared& shared, buffer::SliceQueue& in,
                                                  buffer::SliceQueue& out) {
    std::byte head[wire::kHeaderBytes];
    std::size_t const head_bytes = std::min<std::size_t>(in.size_bytes(), wire::kHeaderBytes);
    wire::Framed const framed =
        wire::frame(in.view(0, head_bytes, head), auth::ClientDialogue::kMessageSizeMax + wire::kLengthBytes);
    if (framed.state == wire::Framed::State::NeedMore) {
        return Outcome::NeedMore;
    }
    if (framed.state == wire::Framed::State::Broken ||
        framed.header.type != static_cast<char>(wire::FrontendType::PasswordMessage)) {
        if (framed.header.type == static_cast<char>(wire::FrontendType::Terminate)) {
            return std::unexpected(silent("client left during login"));
        }
        return std::unexpected(violation("expected a password response"));
    }
    if (in.size_bytes() < framed.header.message_bytes()) {
        return Outcome::NeedMore;
    }
    auto const body = in.view(wire::kHeaderBytes, framed.header.body_bytes, shared.scratch);
    auth::ClientStep step = dialogue_->receive(wire::as_text(body));
    in.consume(framed.header.message_bytes());
    return apply(std::move(step), shared, out);
}

FrontendLogin::Handled FrontendLogin::apply(auth::ClientStep step, Shared& shared, buffer::SliceQueue& out) {
    if (step.outcome == auth::ClientStep::Outcome::Failed) {
        return std::unexpected(LoginFailure{.sqlstate = step.refusal.sqlstate,
                                            .message = std::move(step.refusal.message),
                                            .log_detail = step.refusal.log_detail});
    }
    if (!step.reply.empty()) {
        wire::MessageWriter writer(shared.scratch);
        writer.begin(wire::BackendType::Authentication).raw(step.reply).end();
        if (!writer.ok() || !out.push_copy(writer.written())) {
            return std::unexpected(silent("out of buffers"));
        }
    }
    if (step.outcome == auth::ClientStep::Outcome::Done) {
        return Outcome::Authenticated;
    }
    return std::nullopt;
}

}  // namespace pgring::session
