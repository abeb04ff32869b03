#pragma once
/// PostgreSQL's md5 authentication: md5(md5(password, user), salt). Weak, and still asked for.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "auth/secret.h"

namespace pgring::auth {

using Md5Salt = std::array<std::uint8_t, 4>;

/// Whether libcrypto offers MD5: not where a system allows FIPS algorithms only. Without it no other function
/// here may be called, so configurations that need them are to be refused at start.
[[nodiscard]] bool md5_available();

/// The hash that PostgreSQL keeps for this password of this user.
[[nodiscard]] Md5Hash md5_hash(std::string_view password, std::string_view user);

/// What a PasswordMessage says to a challenge: "md5" and 32 hexadecimal digits.
[[nodiscard]] std::string md5_answer(const Md5Hash& hash, const Md5Salt& salt);

/// Whether `answer` is the right one; takes the same time wherever it differs.
[[nodiscard]] bool md5_answer_fits(std::string_view answer, const Md5Hash& hash, const Md5Salt& salt);

}  // namespace pgring::auth
