#include "session/backend_names.h"

#include <algorithm>

namespace pgring::session {

std::size_t BackendNames::by_sql_count() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(order_, [](const Entry& entry) { return entry.made == Made::BySql; }));
}

bool BackendNames::stands_for(std::string_view name, const Statement& statement) const {
    auto const found = index_.find(name);
    return found != index_.end() && found->second->statement == statement.number &&
           found->second->version == statement.version();
}

void BackendNames::use(std::string_view name, std::uint64_t unit) {
    auto const found = index_.find(name);
    ASSERT(found != index_.end());
    found->second->unit = unit;
    order_.splice(order_.begin(), order_, found->second);
}

BackendNames::Ticket BackendNames::add(std::string_view name, const Statement& statement, std::uint64_t unit,
                                       Made made) {
    ASSERT(!index_.contains(name));
    order_.push_front({.name = std::string(name),
                       .statement = statement.number,
                       .version = statement.version(),
                       .ticket = next_ticket(),
                       .unit = unit,
                       .made = made});
    index_.emplace(order_.front().name, order_.begin());
    return order_.front().ticket;
}

BackendNames::Ticket BackendNames::remove(std::string_view name) {
    auto const found = index_.find(name);
    ASSERT(found != index_.end());
    Entries::iterator const entry = found->second;
    index_.erase(found);
    leaving_.splice(leaving_.end(), order_, entry);
    entry->ticket = next_ticket();
    return entry->ticket;
}

void BackendNames::removed(Ticket ticket) {
    leaving_.remove_if([ticket](const Entry& entry) { return entry.ticket == ticket; });
}

void BackendNames::undo(Ticket ticket) {
    if (auto const left = std::ranges::find(leaving_, ticket, &Entry::ticket); left != leaving_.end()) {
        // Whatever took the name behind its Close has been undone before.
        ASSERT(!index_.contains(left->name));
        order_.splice(order_.end(), leaving_, left);
        index_.emplace(left->name, left);
        return;
    }
    if (auto const added = std::ranges::find(order_, ticket, &Entry::ticket); added != order_.end()) {
        index_.erase(added->name);
        order_.erase(added);
    }
}

void BackendNames::erase(std::string_view name) {
    if (auto const found = index_.find(name); found != index_.end()) {
        Entries::iterator const entry = found->second;
        index_.erase(found);
        order_.erase(entry);
    }
}

void BackendNames::clear() {
    index_.clear();
    order_.clear();
    leaving_.clear();
}

std::optional<std::string> BackendNames::surplus(std::size_t limit, std::uint64_t unit) const {
    if (order_.size() < limit || order_.empty() || order_.back().unit == unit) {
        return std::nullopt;
    }
    return order_.back().name;
}

BackendNames::Ticket BackendNames::next_ticket() {
    if (++last_ticket_ == kNoStatement) {
        ++last_ticket_;
    }
    return last_ticket_;
}

}  // namespace pgring::session
