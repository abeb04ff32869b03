#pragma once
/// Letters as PostgreSQL folds the names of parameters, keywords and databases: ASCII only, in every locale.

namespace pgring::base {

/// An ASCII letter in lower case; anything else as it is.
[[nodiscard]] constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace pgring::base
