#include "session/channel_changes.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pgring::session {

using Kind = sql::ChannelStep::Kind;

void ChannelChanges::apply(sql::ChannelStep step) {
    switch (step.kind) {
        case Kind::Other:
            return;
        case Kind::Listen:
        case Kind::Unlisten:
        case Kind::UnlistenAll:
            if (levels_.empty()) {
                levels_.emplace_back();
            }
            // Only the last word on a channel counts, so that no client can make the list long.
            std::erase_if(levels_.back().changes, [&step](const sql::ChannelStep& change) {
                return step.kind == Kind::UnlistenAll || change.name == step.name;
            });
            levels_.back().changes.push_back(std::move(step));
            return;
        case Kind::Savepoint:
            if (pending()) {
                levels_.push_back({.savepoint = std::move(step.name), .changes = {}});
            }
            return;
        case Kind::Release:
            if (pending()) {
                std::size_t const level = level_of(step.name);
                merge_down_to(level == 0 ? 0 : level - 1);
            }
            return;
        case Kind::RollbackTo:
            if (std::size_t const level = level_of(step.name); level == 0) {
                levels_.clear();
            } else {
                // The savepoint itself stays.
                levels_.resize(level + 1);
                levels_[level].changes.clear();
            }
            return;
    }
}

std::size_t ChannelChanges::level_of(std::string_view savepoint) const {
    for (std::size_t level = levels_.size(); level-- > 1;) {
        if (levels_[level].savepoint == savepoint) {
            return level;
        }
    }
    return 0;
}

void ChannelChanges::merge_down_to(std::size_t level) {
    std::vector<sql::ChannelStep>& to = levels_[level].changes;
    for (std::size_t i = level + 1; i < levels_.size(); ++i) {
        std::ranges::move(levels_[i].changes, std::back_inserter(to));
    }
    levels_.resize(level + 1);
}

void ChannelChanges::commit() {
    for (Level& level : levels_) {
        for (sql::ChannelStep& change : level.changes) {
            if (change.kind == Kind::Listen) {
                channels_.insert(std::move(change.name));
            } else if (change.kind == Kind::Unlisten) {
                channels_.erase(change.name);
            } else {
                channels_.clear();
            }
        }
    }
    levels_.clear();
}

void ChannelChanges::roll_back() {
    levels_.clear();
}

bool ChannelChanges::asks_for(std::string_view channel) const {
    return std::ranges::any_of(levels_, [channel](const Level& level) {
        return std::ranges::any_of(level.changes, [channel](const sql::ChannelStep& change) {
            return change.kind == Kind::Listen && change.name == channel;
        });
    });
}

}  // namespace pgring::session
