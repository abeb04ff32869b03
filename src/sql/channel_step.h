#pragma once
/// What the statements of a text do to the channels that a session listens on: LISTEN and UNLISTEN, and the
/// savepoints that may undo them. Parsed when asked for, not cached; for the few sessions that listen.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pgring::sql {

/// One statement.
struct ChannelStep {
    enum class Kind : std::uint8_t {
        Other,  ///< COMMIT and ROLLBACK are: their command tags tell more than their texts
        Listen,
        Unlisten,
        UnlistenAll,  ///< UNLISTEN *, DISCARD ALL
        Savepoint,
        Release,
        RollbackTo,
    };

    Kind kind = Kind::Other;
    /// Of the channel or the savepoint, as PostgreSQL folds and cuts it.
    std::string name{};

    friend bool operator==(const ChannelStep&, const ChannelStep&) = default;
};

/// One step for each statement of `text`, in order: the server completes each with a CommandComplete, unless
/// it fails. Empty where the grammar rejects it. A Classifier must have judged the text, and so found it
/// within the limits of what may be parsed.
[[nodiscard]] std::vector<ChannelStep> channel_steps_of(std::string_view text);

}  // namespace pgring::sql
