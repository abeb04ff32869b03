#pragma once
/// Bodies of the messages of type 'R': a number that says which, and what belongs to it. PostgreSQL docs,
/// "Message Formats".

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgring::auth {

enum class AuthenticationCode : std::uint32_t {
    Ok = 0,
    KerberosV5 = 2,
    CleartextPassword = 3,
    MD5Password = 5,
    GSS = 7,
    GSSContinue = 8,
    SSPI = 9,
    SASL = 10,
    SASLContinue = 11,
    SASLFinal = 12,
};

/// Four bytes, big end first.
[[nodiscard]] std::string encode_int32(std::uint32_t value);
/// The number in the first four bytes, which are cut from `body`; nothing where there are fewer.
[[nodiscard]] std::optional<std::uint32_t> take_int32(std::string_view& body);
/// The text up to the first NUL byte, both cut from `body`; nothing where there is no NUL.
[[nodiscard]] std::optional<std::string_view> take_string(std::string_view& body);

[[nodiscard]] std::string authentication_body(AuthenticationCode code, std::string_view data);

}  // namespace pgring::auth
