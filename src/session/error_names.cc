#include "session/error_names.h"

#include <array>

#include "wire/body_reader.h"
#include "wire/message_writer.h"

namespace pgring::session {

std::string error_as_client_calls_it(std::span<const std::byte> body, std::string_view server_name,
                                     std::string_view client_name) {
    std::string text(wire::as_text(body));
    std::string const quoted = '"' + std::string(server_name) + '"';
    std::size_t const at = text.find(quoted);
    if (at == std::string::npos) {
        return {};
    }
    text.replace(at + 1, server_name.size(), client_name);
    std::array<std::byte, wire::kHeaderBytes> memory{};
    wire::MessageWriter writer(memory);
    writer.begin(wire::BackendType::ErrorResponse).end(text.size());
    ASSERT(writer.ok());
    std::span<const std::byte> const header = writer.written();
    text.insert(0, wire::as_text(header));
    return text;
}

}  // namespace pgring::session
