#pragma once
/// Looks ahead over a unit of the extended protocol (its messages up to Sync) to tell whether a standby may
/// serve it, before anything of it is sent.

#include <cstdint>

#include "buffer/slice_queue.h"
#include "session/shared.h"
#include "session/statements.h"
#include "sql/classifier.h"

namespace pgring::session {

enum class Scouted : std::uint8_t {
    NeedMore,  ///< only reads so far, and the end of the unit has not come yet
    Read,      ///< a whole unit of reads
    Write,     ///< not provably a unit of reads
};

/// What the messages refer to.
struct ScoutView {
    const SessionStatements& statements;
    /// Traits of the unnamed statement, nullptr where there is none.
    const sql::Traits* unnamed = nullptr;
    sql::Dialect dialect = sql::Dialect::Standard;
};

/// A unit is looked at as far as this; beyond it the primary gets it.
inline constexpr std::size_t kScoutBytesMax = std::size_t{64} * 1024;

/// `in` starts with the unit's first message. Flush ends the look too: what comes behind it is not known yet,
/// and the client waits for an answer before it sends it.
[[nodiscard]] Scouted scout_unit(Shared& shared, const buffer::SliceQueue& in, const ScoutView& view);

/// Whether a standby may serve a statement with these traits.
[[nodiscard]] bool standby_may_serve(const sql::Traits& traits);

}  // namespace pgring::session
