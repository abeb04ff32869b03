#include "config/settings.h"

#include <algorithm>
#include <iterator>

namespace pgring::config {

const DatabaseSettings* Settings::find_database(std::string_view name) const {
    const auto named = std::ranges::find(databases, name, &DatabaseSettings::name);
    if (named != databases.end()) {
        return &*named;
    }
    const auto fallback = std::ranges::find(databases, "*", &DatabaseSettings::name);
    return fallback != databases.end() ? &*fallback : nullptr;
}

const UserSettings* Settings::find_user(std::string_view name) const {
    const auto found = std::ranges::find(users, name, &UserSettings::name);
    return found != users.end() ? &*found : nullptr;
}

std::vector<PeerSettings> other_peers(const Settings& settings) {
    std::vector<PeerSettings> others;
    std::ranges::copy_if(settings.peers, std::back_inserter(others), [&settings](const PeerSettings& peer) {
        return peer.id != settings.pgring.peer_id;
    });
    return others;
}

std::string_view name_at_server(const DatabaseSettings& database, std::string_view name) {
    return database.dbname.empty() ? name : std::string_view(database.dbname);
}

}  // namespace pgring::config
