#pragma once
/// Protocol messages for tests: made by name, shown as text. Written apart from wire/, so that a mistake
/// there does not cancel itself out here.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgring::conversation {

/// A message as it came: its type byte and its body.
struct Message {
    char type = 0;
    std::string body;
};

/// Takes the whole messages off the front of `bytes`.
[[nodiscard]] std::vector<Message> take_messages(std::string& bytes);
/// The message as one line: "Query select 1", "Bind s1", "Sync".
[[nodiscard]] std::string frontend_text(const Message& message);
/// "DataRow 1|2", "CommandComplete SELECT 1", "ErrorResponse ERROR 42P05", "ReadyForQuery I".
[[nodiscard]] std::string backend_text(const Message& message);
/// A field of an ErrorResponse or NoticeResponse by its code; empty where absent.
[[nodiscard]] std::string error_field(const Message& message, char code);

/// A number of `width` bytes in network order.
[[nodiscard]] std::string number(std::uint32_t value, unsigned width = 4);
[[nodiscard]] std::uint32_t read_number(std::string_view bytes);
/// The text and a zero byte.
[[nodiscard]] std::string zero_ended(std::string_view text);
[[nodiscard]] std::string message(char type, std::string_view body);

using Parameters = std::vector<std::pair<std::string, std::string>>;

// -- What a frontend says --
[[nodiscard]] std::string startup(const Parameters& parameters, std::uint32_t version = 3U << 16U);
[[nodiscard]] std::string ssl_request();
[[nodiscard]] std::string gssenc_request();
[[nodiscard]] std::string cancel_request(std::uint32_t process_id, std::string_view secret);
/// As one pgring says it to another.
[[nodiscard]] std::string peer_cancel_request(std::uint32_t process_id, std::string_view secret);
[[nodiscard]] std::string password(std::string_view body);
[[nodiscard]] std::string query(std::string_view text);
[[nodiscard]] std::string parse(std::string_view name, std::string_view text);
[[nodiscard]] std::string bind(std::string_view statement,
                               std::initializer_list<std::string_view> values = {},
                               std::string_view portal = {});
[[nodiscard]] std::string describe_statement(std::string_view name);
[[nodiscard]] std::string describe_portal(std::string_view name = {});
[[nodiscard]] std::string execute(std::string_view portal = {}, std::uint32_t rows_max = 0);
[[nodiscard]] std::string close_statement(std::string_view name);
[[nodiscard]] std::string close_portal(std::string_view name);
[[nodiscard]] std::string sync();
[[nodiscard]] std::string flush();
[[nodiscard]] std::string copy_data(std::string_view bytes);
[[nodiscard]] std::string copy_done();
[[nodiscard]] std::string copy_fail(std::string_view text);
[[nodiscard]] std::string function_call(std::uint32_t function);
[[nodiscard]] std::string terminate();

// -- What a backend says --
[[nodiscard]] std::string authentication_ok();
[[nodiscard]] std::string parameter_status(std::string_view name, std::string_view value);
[[nodiscard]] std::string backend_key(std::uint32_t process_id, std::string_view secret);
[[nodiscard]] std::string ready(char status = 'I');
[[nodiscard]] std::string row_description(std::string_view column = "column");
[[nodiscard]] std::string row(std::string_view value);
[[nodiscard]] std::string row(std::initializer_list<std::string_view> values);
[[nodiscard]] std::string complete(std::string_view tag);
[[nodiscard]] std::string empty_query();
[[nodiscard]] std::string parse_complete();
[[nodiscard]] std::string bind_complete();
[[nodiscard]] std::string close_complete();
[[nodiscard]] std::string no_data();
[[nodiscard]] std::string parameter_description();
[[nodiscard]] std::string portal_suspended();
[[nodiscard]] std::string copy_in_response();
[[nodiscard]] std::string copy_out_response();
[[nodiscard]] std::string function_result(std::string_view value);
[[nodiscard]] std::string notice(std::string_view text);
[[nodiscard]] std::string notification(std::string_view channel, std::string_view payload,
                                       std::uint32_t process_id = 1);
[[nodiscard]] std::string error(std::string_view sqlstate, std::string_view text = "it failed",
                                std::string_view severity = "ERROR");

}  // namespace pgring::conversation
