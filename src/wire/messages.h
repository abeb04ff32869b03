#pragma once
/// The messages pgring writes or reads as a whole.

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire/message_writer.h"

namespace pgring::wire {

enum class Severity : std::uint8_t { Error, Fatal };

/// An error of pgring's own, as a frontend will see it. The texts are borrowed.
struct ErrorFields {
    Severity severity = Severity::Error;
    std::string_view sqlstate;  ///< five characters
    std::string_view message;
    std::string_view detail{};
    std::string_view hint{};
    std::string_view routine{};
};

/// Writes an ErrorResponse; texts beyond 512 bytes each are cut.
void write_error(MessageWriter& writer, const ErrorFields& error);
/// Writes a NoticeResponse of severity WARNING; the severity of `notice` does not count.
void write_warning(MessageWriter& writer, const ErrorFields& notice);
void write_ready_for_query(MessageWriter& writer, TransactionStatus status);
void write_command_complete(MessageWriter& writer, std::string_view tag);
void write_parameter_status(MessageWriter& writer, std::string_view name, std::string_view value);
/// Tells a client which version is spoken with it, and which of its protocol options nobody knows.
void write_negotiate_protocol_version(MessageWriter& writer, std::uint32_t version,
                                      std::span<const std::string> unknown_options);
void write_backend_key_data(MessageWriter& writer, std::uint32_t process_id, std::string_view secret);
void write_query(MessageWriter& writer, std::string_view text);
/// The whole CancelRequest packet.
void write_cancel_request(MessageWriter& writer, std::uint32_t process_id, std::span<const std::byte> secret);
/// The same for another pgring, which shall not pass it on.
void write_peer_cancel_request(MessageWriter& writer, std::uint32_t process_id,
                               std::span<const std::byte> secret);

/// What an ErrorResponse or NoticeResponse says; absent fields are empty (a server may leave out any).
/// Borrowed.
struct ErrorReport {
    std::string_view severity;
    std::string_view sqlstate;
    std::string_view message;
    /// The function in the server's source that reported it, which no lc_messages translates.
    std::string_view routine{};
};
[[nodiscard]] ErrorReport read_error(std::span<const std::byte> body);

/// One `name=value` of a startup packet; borrowed.
struct StartupParameter {
    std::string_view name;
    std::string_view value;
};

enum class StartupError : std::uint8_t { Malformed };

/// The parameters of a StartupMessage body (behind the version). Every string must end within the body and
/// the list with an empty name; anything else is Malformed.
[[nodiscard]] std::expected<std::vector<StartupParameter>, StartupError> read_startup_parameters(
    std::span<const std::byte> body);

}  // namespace pgring::wire
