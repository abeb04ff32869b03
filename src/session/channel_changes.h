#pragma once
/// The channels a session listens on, as its LISTENs and UNLISTENs change them under PostgreSQL's
/// transactions: what a statement asks for takes effect at the commit, and a ROLLBACK, also one to a
/// savepoint, undoes it (PostgreSQL docs, "LISTEN").

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sql/channel_step.h"

namespace pgring::session {

using ChannelNames = std::set<std::string, std::less<>>;

class ChannelChanges {
  public:
    /// The statement went well.
    void apply(sql::ChannelStep step);
    void commit();
    void roll_back();

    /// Those that commits have left.
    [[nodiscard]] const ChannelNames& channels() const { return channels_; }
    [[nodiscard]] bool pending() const { return !levels_.empty(); }
    /// A LISTEN for it went well and is not committed.
    [[nodiscard]] bool asks_for(std::string_view channel) const;

  private:
    /// What happened behind one savepoint; behind none for the first level.
    struct Level {
        std::string savepoint;
        std::vector<sql::ChannelStep> changes;
    };
    /// Index of the innermost level of that savepoint; 0 where it is older than the first change.
    [[nodiscard]] std::size_t level_of(std::string_view savepoint) const;
    void merge_down_to(std::size_t level);

    ChannelNames channels_;
    /// None before the first change of the transaction: savepoints before it have nothing to undo.
    std::vector<Level> levels_;
};

}  // namespace pgring::session
