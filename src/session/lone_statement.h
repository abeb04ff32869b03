#pragma once
/// A whole unit of the extended protocol that does what a simple Query does: one unnamed statement without
/// parameters, prepared, bound, described or not, executed, and its Sync. Drivers send BEGIN, COMMIT and
/// ROLLBACK so; where a backend is not needed for them, pgring answers the unit itself.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "wire/message_writer.h"

namespace pgring::session {

/// Borrowed from the bytes it was read from.
struct LoneStatement {
    std::string_view text;
    /// The body of its Parse behind the name.
    std::span<const std::byte> parse_body;
    enum class Described : std::uint8_t { No, Statement, Portal } described = Described::No;
    /// Of all its messages.
    std::size_t size_bytes = 0;
};

/// The unit at the front of `bytes`; nothing where it is something else, or has not come whole.
[[nodiscard]] std::optional<LoneStatement> read_lone_statement(std::span<const std::byte> bytes);

/// What a server says to it up to the command tag, for a statement that has no rows. ReadyForQuery is the
/// caller's.
void write_lone_answer(wire::MessageWriter& writer, const LoneStatement& statement, std::string_view tag);

}  // namespace pgring::session
