#pragma once
/// SASLprep (RFC 4013): different ways to write one password made equal before it is hashed.

#include <string_view>

#include "auth/secret.h"

namespace pgring::auth {

/// The password after SASLprep; the same bytes where that fails (no UTF-8, prohibited characters), as
/// PostgreSQL does, so that any password works as long as both sides have the same bytes.
[[nodiscard]] SecretText saslprep(std::string_view password);

}  // namespace pgring::auth
