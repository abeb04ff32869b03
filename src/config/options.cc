#include "config/options.h"

namespace pgring::config {
namespace {

template <class Struct>
std::vector<std::string_view> names_of(std::span<const Option<Struct>> rows) {
    std::vector<std::string_view> names;
    for (const Option<Struct>& row : rows) {
        names.push_back(row.name);
    }
    return names;
}

}  // namespace

std::vector<std::string_view> option_names(std::string_view section) {
    if (section == kPgringSection.name) {
        return names_of(options<PgringSettings>());
    }
    if (section == kHealthSection.name) {
        return names_of(options<HealthSettings>());
    }
    if (section == kRoutingSection.name) {
        return names_of(options<RoutingSettings>());
    }
    if (section == kServersSection.name) {
        return names_of(options<ServerSettings>());
    }
    if (section == kPeersSection.name) {
        return names_of(options<PeerSettings>());
    }
    if (section == kDatabasesSection.name) {
        return names_of(options<DatabaseSettings>());
    }
    if (section == kUsersSection.name) {
        return names_of(options<UserSettings>());
    }
    return {};
}

std::string variable_of(std::string_view name) {
    std::string variable(kVariablePrefix);
    for (const char letter : name) {
        variable.push_back(letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter);
    }
    return variable;
}

}  // namespace pgring::config
