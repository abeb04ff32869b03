#pragma once
/// What a statement's rows look like, as a number. A client that was told it once may decode rows by it for
/// as long as it has the statement (asyncpg, pgjdbc); rows of another shape it would misread.

#include <cstddef>
#include <cstdint>
#include <span>

namespace pgring::session {

/// Equal where names, types and type modifiers of all columns are, which is what PostgreSQL holds a cached
/// plan to.
using RowShape = std::uint64_t;

/// Not known.
inline constexpr RowShape kNoShape = 0;
/// The statement returns no rows.
inline constexpr RowShape kRowless = 1;
/// The description is too long to be looked at: some hundred columns.
inline constexpr RowShape kTooWide = 2;

/// From the body of a RowDescription; kNoShape where it is malformed. Allocates nothing.
[[nodiscard]] RowShape row_shape(std::span<const std::byte> body);

}  // namespace pgring::session
