#pragma once
/// A unit that is one statement and stands alone in what a client has said: a Query, or Parse of the unnamed
/// statement, Bind, Describe of the portal, Execute, Sync, or the same from Bind on with a named statement.
/// What drivers send for a single read.

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "session/units_ahead.h"

namespace pgring::session {

/// Borrowed from the bytes it was read from.
struct LoneUnit {
    enum class Kind : std::uint8_t {
        Query,
        Unnamed,  ///< begins with Parse
        Named,    ///< begins with Bind
    } kind{};
    /// Of Query and Unnamed.
    std::string_view text;
    /// Of Named.
    std::string_view name;
    /// The portal is described, so that its client asks what its rows look like.
    bool described = false;
    std::array<Request, UnitAhead::kRequestsMax> requests{};
    std::uint8_t request_count = 0;
};

/// The unit that `bytes` are, from the first to the last; nothing where they are something else.
[[nodiscard]] std::optional<LoneUnit> read_lone_unit(std::span<const std::byte> bytes);

}  // namespace pgring::session
