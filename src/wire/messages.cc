#include "wire/messages.h"

#include "wire/body_reader.h"

namespace pgring::wire {

namespace {

constexpr std::size_t kTextBytesMax = 512;

void write_field(MessageWriter& writer, char code, std::string_view text) {
    if (!text.empty()) {
        writer.byte(code).string(text.substr(0, kTextBytesMax));
    }
}

void write_fields(MessageWriter& writer, std::string_view severity, const ErrorFields& fields) {
    write_field(writer, 'S', severity);
    write_field(writer, 'V', severity);
    write_field(writer, 'C', fields.sqlstate);
    write_field(writer, 'M', fields.message);
    write_field(writer, 'D', fields.detail);
    write_field(writer, 'H', fields.hint);
    write_field(writer, 'R', fields.routine);
    writer.byte('\0').end();
}

}  // namespace

void write_error(MessageWriter& writer, const ErrorFields& error) {
    writer.begin(BackendType::ErrorResponse);
    write_fields(writer, error.severity == Severity::Fatal ? "FATAL" : "ERROR", error);
}

void write_warning(MessageWriter& writer, const ErrorFields& notice) {
    writer.begin(BackendType::NoticeResponse);
    write_fields(writer, "WARNING", notice);
}

void write_ready_for_query(MessageWriter& writer, TransactionStatus status) {
    writer.begin(BackendType::ReadyForQuery).byte(static_cast<char>(status)).end();
}

void write_command_complete(MessageWriter& writer, std::string_view tag) {
    writer.begin(BackendType::CommandComplete).string(tag).end();
}

void write_parameter_status(MessageWriter& writer, std::string_view name, std::string_view value) {
    writer.begin(BackendType::ParameterStatus).string(name).string(value).end();
}

void write_negotiate_protocol_version(MessageWriter& writer, std::uint32_t version,
                                      std::span<const std::string> unknown_options) {
    writer.begin(BackendType::NegotiateProtocolVersion).u32(version);
    writer.u32(static_cast<std::uint32_t>(unknown_options.size()));
    for (const std::string& option : unknown_options) {
        writer.string(option);
    }
    writer.end();
}

void write_backend_key_data(MessageWriter& writer, std::uint32_t process_id, std::string_view secret) {
    writer.begin(BackendType::BackendKeyData).u32(process_id).raw(secret).end();
}

void write_query(MessageWriter& writer, std::string_view text) {
    writer.begin(FrontendType::Query).string(text).end();
}

void write_cancel_request(MessageWriter& writer, std::uint32_t process_id,
                          std::span<const std::byte> secret) {
    writer.begin_untyped().u32(kCancelRequestCode).u32(process_id).bytes(secret).end();
}

void write_peer_cancel_request(MessageWriter& writer, std::uint32_t process_id,
                               std::span<const std::byte> secret) {
    writer.begin_untyped().u32(kPeerCancelRequestCode).u32(process_id).bytes(secret).end();
}

ErrorReport read_error(std::span<const std::byte> body) {
    ErrorReport report;
    BodyReader reader(body);
    while (!reader.at_end()) {
        char const code = static_cast<char>(reader.byte());
        if (code == '\0') {
            break;
        }
        std::string_view const text = reader.string();
        if (code == 'S' && report.severity.empty()) {
            report.severity = text;
        } else if (code == 'V') {
            report.severity = text;
        } else if (code == 'C') {
            report.sqlstate = text;
        } else if (code == 'M') {
            report.message = text;
        } else if (code == 'R') {
            report.routine = text;
        }
    }
    return report;
}

std::expected<std::vector<StartupParameter>, StartupError> read_startup_parameters(
    std::span<const std::byte> body) {
    std::vector<StartupParameter> parameters;
    BodyReader reader(body);
    for (;;) {
        std::string_view const name = reader.string();
        if (!reader.ok()) {
            return std::unexpected(StartupError::Malformed);
        }
        if (name.empty()) {
            break;
        }
        std::string_view const value = reader.string();
        if (!reader.ok()) {
            return std::unexpected(StartupError::Malformed);
        }
        parameters.push_back({.name = name, .value = value});
    }
    if (!reader.at_end()) {
        return std::unexpected(StartupError::Malformed);
    }
    return parameters;
}

}  // namespace pgring::wire
