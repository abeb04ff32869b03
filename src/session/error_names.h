#pragma once
/// Errors in which the server calls a statement by pgring's name for it: "bind message supplies 1 parameters,
/// but prepared statement "pgring_7" requires 2".

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace pgring::session {

/// The ErrorResponse as a whole message, with the statement called as its client calls it. Empty where `body`
/// does not mention `server_name` in quotation marks. Allocates: for errors only.
[[nodiscard]] std::string error_as_client_calls_it(std::span<const std::byte> body,
                                                   std::string_view server_name,
                                                   std::string_view client_name);

}  // namespace pgring::session
