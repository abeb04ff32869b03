#pragma once
/// How a client proves who it is.

#include <cstdint>

namespace pgring::auth {

enum class Method : std::uint8_t {
    Trust,        ///< nothing is asked
    Md5,          ///< md5 challenge; SCRAM where the user's secret is a SCRAM secret, as in PostgreSQL
    ScramSha256,  ///< SCRAM-SHA-256; an md5 hash cannot serve
    Password,     ///< the password in clear: only over TLS or unix sockets, and a PBKDF2 per login
};

}  // namespace pgring::auth
