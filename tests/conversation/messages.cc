#include "conversation/messages.h"

namespace pgring::conversation {

namespace {

constexpr std::size_t kHeaderBytes = 5;

/// Reads a message's body field by field; what is missing reads as empty.
class Fields {
  public:
    explicit Fields(std::string_view body) : rest_(body) {}

    std::string text() {
        std::size_t const end = rest_.find('\0');
        std::string result(rest_.substr(0, end));
        rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
        return result;
    }
    std::string bytes(std::size_t count) {
        std::string result(rest_.substr(0, count));
        rest_.remove_prefix(result.size());
        return result;
    }
    std::uint32_t integer(std::size_t width) { return read_number(bytes(width)); }
    [[nodiscard]] bool at_end() const { return rest_.empty(); }

  private:
    std::string_view rest_;
};

std::string with(std::string_view word, std::string_view rest) {
    std::string text(word);
    if (!rest.empty()) {
        text.append(1, ' ').append(rest);
    }
    return text;
}

std::string bind_text(Fields fields) {
    std::string const portal = fields.text();
    std::string text = with("Bind", fields.text());
    if (!portal.empty()) {
        text += " as " + portal;
    }
    for (std::uint32_t formats = fields.integer(2); formats > 0; --formats) {
        fields.integer(2);
    }
    std::uint32_t const count = fields.integer(2);
    for (std::uint32_t i = 0; i < count; ++i) {
        std::uint32_t const length = fields.integer(4);
        text += i == 0 ? " (" : ", ";
        text += length == 0xffffffffU ? "NULL" : fields.bytes(length);
    }
    return count == 0 ? text : text + ")";
}

std::string row_text(Fields fields) {
    std::string text = "DataRow";
    std::uint32_t const count = fields.integer(2);
    for (std::uint32_t i = 0; i < count; ++i) {
        std::uint32_t const length = fields.integer(4);
        text += i == 0 ? " " : "|";
        text += length == 0xffffffffU ? "NULL" : fields.bytes(length);
    }
    return text;
}

std::string unknown_text(const Message& message) {
    return std::string("? ") + message.type;
}

}  // namespace

std::string number(std::uint32_t value, unsigned width) {
    std::string bytes;
    for (unsigned i = width; i-- > 0;) {
        bytes += static_cast<char>(value >> (8 * i));
    }
    return bytes;
}

std::uint32_t read_number(std::string_view bytes) {
    std::uint32_t value = 0;
    for (char const byte : bytes) {
        value = (value << 8U) | static_cast<unsigned char>(byte);
    }
    return value;
}

std::string zero_ended(std::string_view text) {
    return std::string(text).append(1, '\0');
}

std::string message(char type, std::string_view body) {
    return std::string(1, type) + number(static_cast<std::uint32_t>(body.size() + 4)).append(body);
}

std::vector<Message> take_messages(std::string& bytes) {
    std::vector<Message> messages;
    std::size_t at = 0;
    while (bytes.size() - at >= kHeaderBytes) {
        std::size_t const length = read_number(std::string_view(bytes).substr(at + 1, 4));
        if (bytes.size() - at < length + 1) {
            break;
        }
        messages.push_back({.type = bytes[at], .body = bytes.substr(at + kHeaderBytes, length - 4)});
        at += length + 1;
    }
    bytes.erase(0, at);
    return messages;
}

std::string frontend_text(const Message& message) {
    Fields fields(message.body);
    switch (message.type) {
        case 'Q':
            return with("Query", fields.text());
        case 'P': {
            std::string const name = fields.text();
            return with("Parse", name) + ": " + fields.text();
        }
        case 'B':
            return bind_text(fields);
        case 'D':
        case 'C': {
            std::string const kind = fields.bytes(1);
            return with(message.type == 'D' ? "Describe " + kind : "Close " + kind, fields.text());
        }
        case 'E':
            return with("Execute", fields.text());
        case 'S':
            return "Sync";
        case 'H':
            return "Flush";
        case 'd':
            return with("CopyData", message.body);
        case 'c':
            return "CopyDone";
        case 'f':
            return with("CopyFail", fields.text());
        case 'F':
            return "FunctionCall";
        case 'p':
            return "PasswordMessage";
        case 'X':
            return "Terminate";
        default:
            return unknown_text(message);
    }
}

std::string backend_text(const Message& message) {
    Fields fields(message.body);
    switch (message.type) {
        case 'R': {
            std::uint32_t const kind = fields.integer(4);
            return kind == 0 ? "AuthenticationOk" : "Authentication " + std::to_string(kind);
        }
        case 'S': {
            std::string const name = fields.text();
            return "ParameterStatus " + name + "=" + fields.text();
        }
        case 'K':
            return "BackendKeyData";
        case 'Z':
            return with("ReadyForQuery", message.body);
        case 'T':
            return "RowDescription";
        case 'D':
            return row_text(fields);
        case 'C':
            return with("CommandComplete", fields.text());
        case 'I':
            return "EmptyQueryResponse";
        case '1':
            return "ParseComplete";
        case '2':
            return "BindComplete";
        case '3':
            return "CloseComplete";
        case 'n':
            return "NoData";
        case 't':
            return "ParameterDescription";
        case 's':
            return "PortalSuspended";
        case 'G':
            return "CopyInResponse";
        case 'H':
            return "CopyOutResponse";
        case 'd':
            return with("CopyData", message.body);
        case 'c':
            return "CopyDone";
        case 'V':
            return "FunctionCallResponse";
        case 'v':
            return "NegotiateProtocolVersion";
        case 'E':
            return "ErrorResponse " + error_field(message, 'V') + " " + error_field(message, 'C');
        case 'N':
            return with("NoticeResponse", error_field(message, 'M'));
        case 'A': {
            std::string const process_id = std::to_string(fields.integer(4));
            std::string const channel = fields.text();
            return "NotificationResponse " + process_id + " " + channel + " " + fields.text();
        }
        default:
            return unknown_text(message);
    }
}

std::string error_field(const Message& message, char code) {
    Fields fields(message.body);
    while (!fields.at_end()) {
        std::string const field = fields.text();
        if (!field.empty() && field[0] == code) {
            return field.substr(1);
        }
    }
    return {};
}

// -- Frontend
// -----------------------------------------------------------------------------------------------------------

std::string startup(const Parameters& parameters, std::uint32_t version) {
    std::string body = number(version);
    for (const auto& [name, value] : parameters) {
        body += zero_ended(name) + zero_ended(value);
    }
    body += '\0';
    return number(static_cast<std::uint32_t>(body.size() + 4)) + body;
}

std::string ssl_request() {
    return number(8) + number((1234U << 16U) | 5679U);
}

std::string gssenc_request() {
    return number(8) + number((1234U << 16U) | 5680U);
}

namespace {

std::string cancel_packet(std::uint32_t code, std::uint32_t process_id, std::string_view secret) {
    std::string const body = number(code) + number(process_id) + std::string(secret);
    return number(static_cast<std::uint32_t>(body.size() + 4)) + body;
}

}  // namespace

std::string cancel_request(std::uint32_t process_id, std::string_view secret) {
    return cancel_packet((1234U << 16U) | 5678U, process_id, secret);
}

std::string peer_cancel_request(std::uint32_t process_id, std::string_view secret) {
    return cancel_packet((1234U << 16U) | 7464U, process_id, secret);
}

std::string password(std::string_view body) {
    return message('p', body);
}

std::string query(std::string_view text) {
    return message('Q', zero_ended(text));
}

std::string parse(std::string_view name, std::string_view text) {
    return message('P', zero_ended(name) + zero_ended(text) + number(0, 2));
}

std::string bind(std::string_view statement, std::initializer_list<std::string_view> values,
                 std::string_view portal) {
    std::string body = zero_ended(portal) + zero_ended(statement) + number(0, 2);
    body += number(static_cast<std::uint32_t>(values.size()), 2);
    for (std::string_view const value : values) {
        body += number(static_cast<std::uint32_t>(value.size())).append(value);
    }
    return message('B', body + number(0, 2));
}

std::string describe_statement(std::string_view name) {
    return message('D', "S" + zero_ended(name));
}

std::string describe_portal(std::string_view name) {
    return message('D', "P" + zero_ended(name));
}

std::string execute(std::string_view portal, std::uint32_t rows_max) {
    return message('E', zero_ended(portal) + number(rows_max));
}

std::string close_statement(std::string_view name) {
    return message('C', "S" + zero_ended(name));
}

std::string close_portal(std::string_view name) {
    return message('C', "P" + zero_ended(name));
}

std::string sync() {
    return message('S', {});
}

std::string flush() {
    return message('H', {});
}

std::string copy_data(std::string_view bytes) {
    return message('d', bytes);
}

std::string copy_done() {
    return message('c', {});
}

std::string copy_fail(std::string_view text) {
    return message('f', zero_ended(text));
}

std::string function_call(std::uint32_t function) {
    return message('F', number(function) + number(0, 2) + number(0, 2) + number(0, 2));
}

std::string terminate() {
    return message('X', {});
}

// -- Backend
// ------------------------------------------------------------------------------------------------------------

std::string authentication_ok() {
    return message('R', number(0));
}

std::string parameter_status(std::string_view name, std::string_view value) {
    return message('S', zero_ended(name) + zero_ended(value));
}

std::string backend_key(std::uint32_t process_id, std::string_view secret) {
    return message('K', number(process_id).append(secret));
}

std::string ready(char status) {
    return message('Z', std::string(1, status));
}

std::string row_description(std::string_view column) {
    return message('T', number(1, 2) + zero_ended(column) + number(0) + number(0, 2) + number(25) +
                            number(0xffff, 2) + number(0xffffffffU) + number(0, 2));
}

std::string row(std::string_view value) {
    return row({value});
}

std::string row(std::initializer_list<std::string_view> values) {
    std::string body = number(static_cast<std::uint32_t>(values.size()), 2);
    for (std::string_view const value : values) {
        body += number(static_cast<std::uint32_t>(value.size())).append(value);
    }
    return message('D', body);
}

std::string complete(std::string_view tag) {
    return message('C', zero_ended(tag));
}

std::string empty_query() {
    return message('I', {});
}

std::string parse_complete() {
    return message('1', {});
}

std::string bind_complete() {
    return message('2', {});
}

std::string close_complete() {
    return message('3', {});
}

std::string no_data() {
    return message('n', {});
}

std::string parameter_description() {
    return message('t', number(0, 2));
}

std::string portal_suspended() {
    return message('s', {});
}

std::string copy_in_response() {
    return message('G', number(0, 1) + number(0, 2));
}

std::string copy_out_response() {
    return message('H', number(0, 1) + number(0, 2));
}

std::string function_result(std::string_view value) {
    return message('V', number(static_cast<std::uint32_t>(value.size())).append(value));
}

std::string notice(std::string_view text) {
    return message('N', zero_ended("SNOTICE") + zero_ended("VNOTICE") + zero_ended("C00000") +
                            zero_ended("M" + std::string(text)) + std::string(1, '\0'));
}

std::string notification(std::string_view channel, std::string_view payload, std::uint32_t process_id) {
    return message('A', number(process_id) + zero_ended(channel) + zero_ended(payload));
}

std::string error(std::string_view sqlstate, std::string_view text, std::string_view severity) {
    return message('E', zero_ended("S" + std::string(severity)) + zero_ended("V" + std::string(severity)) +
                            zero_ended("C" + std::string(sqlstate)) + zero_ended("M" + std::string(text)) +
                            std::string(1, '\0'));
}

}  // namespace pgring::conversation
