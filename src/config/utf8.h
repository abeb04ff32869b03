#pragma once
/// UTF-8 (RFC 3629), for places in messages.

#include <optional>
#include <string_view>

#include "config/problem.h"

namespace pgring::config {

/// Where `text` stops being UTF-8, counted in lines and characters; nullopt where all of it is. Overlong
/// forms, surrogates and code points above U+10FFFF are none.
[[nodiscard]] std::optional<Position> find_invalid_utf8(std::string_view text);

}  // namespace pgring::config
