#include "config/checks.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "config/field.h"

namespace pgring::config {
namespace {

constexpr std::string_view kAuthFile = "pgring.auth_file";
constexpr std::string_view kAuthHbaFile = "pgring.auth_hba_file";
constexpr std::string_view kAuthType = "pgring.auth_type";
constexpr std::string_view kListenAddr = "pgring.listen_addr";
constexpr std::string_view kUnixSocketDir = "pgring.unix_socket_dir";

Problem problem_at(Place place, std::string message, std::string remedy) {
    return Problem{.file = std::move(place.file),
                   .position = place.position,
                   .message = std::move(message),
                   .remedy = std::move(remedy)};
}

std::string path_of(const ServerSettings& server, std::string_view option) {
    return fmt::format("servers.{}.{}", server.name, option);
}

/// Length of the path of a unix socket that is called as PostgreSQL calls it.
std::size_t socket_path_bytes(std::string_view directory, std::uint16_t port) {
    return fmt::formatted_size("{}/.s.PGSQL.{}", directory, port);
}

void check_socket_path(std::string_view directory, std::uint16_t port, std::string_view path,
                       const Places& places, std::vector<Problem>& problems) {
    const std::size_t length = socket_path_bytes(directory, port);
    if (length > kUnixSocketPathBytesMax) {
        problems.push_back(problem_at(places.find(path),
                                      fmt::format("{} makes a socket's path of {} bytes, more than {}", path,
                                                  length, kUnixSocketPathBytesMax),
                                      "write a shorter path"));
    }
}

void check_listening(const PgringSettings& pgring, const Places& places, std::vector<Problem>& problems) {
    if (places.wrong(kListenAddr) || places.wrong(kUnixSocketDir)) {
        return;
    }
    if (pgring.listen_addr.empty() && pgring.unix_socket_dir.empty()) {
        problems.push_back(problem_at(places.find(kListenAddr), "there is no place for clients to connect to",
                                      "give listen_addr an address, or set unix_socket_dir"));
    }
    const bool every_address = std::ranges::find(pgring.listen_addr, "*") != pgring.listen_addr.end();
    if (every_address && pgring.listen_addr.size() > 1) {
        problems.push_back(problem_at(places.find(kListenAddr),
                                      "pgring.listen_addr has \"*\" and other addresses besides",
                                      "write \"*\" alone, or the addresses alone"));
    }
    if (pgring.unix_socket_dir.empty()) {
        return;
    }
    if (!pgring.unix_socket_dir.starts_with('/')) {
        problems.push_back(problem_at(places.find(kUnixSocketDir),
                                      "pgring.unix_socket_dir is not an absolute path",
                                      "write a path that begins with /"));
    }
    check_socket_path(pgring.unix_socket_dir, pgring.listen_port, kUnixSocketDir, places, problems);
}

void check_authentication(const PgringSettings& pgring, const Places& places,
                          std::vector<Problem>& problems) {
    if (places.wrong(kAuthType)) {
        return;
    }
    const std::string_view auth_type = kWords<AuthType>[static_cast<std::size_t>(pgring.auth_type)];
    if (pgring.auth_type != AuthType::Trust && pgring.auth_file.empty() && !places.wrong(kAuthFile)) {
        problems.push_back(
            problem_at(places.find(kAuthFile),
                       fmt::format("auth_type \"{}\" needs pgring.auth_file, which is missing", auth_type),
                       "write auth_file = \"FILE\" under [pgring], or auth_type = \"trust\""));
    }
    if (pgring.auth_type == AuthType::Hba && pgring.auth_hba_file.empty() && !places.wrong(kAuthHbaFile)) {
        problems.push_back(problem_at(places.find(kAuthType),
                                      "auth_type \"hba\" needs pgring.auth_hba_file, which is missing",
                                      "write auth_hba_file = \"FILE\" under [pgring]"));
    }
}

/// The first of `all` before `one` at the same address.
template <class Host>
const Host* find_twin(const std::vector<Host>& all, const Host& one) {
    for (const Host& other : all) {
        if (&other == &one) {
            return nullptr;
        }
        if (other.host == one.host && other.port == one.port) {
            return &other;
        }
    }
    return nullptr;
}

void check_server(const ServerSettings& server, const std::vector<ServerSettings>& servers,
                  const Places& places, std::vector<Problem>& problems) {
    const std::string host_path = path_of(server, "host");
    if (server.host.empty() || places.wrong(host_path) || places.wrong(path_of(server, "port"))) {
        return;
    }
    if (server.host.starts_with('/')) {
        check_socket_path(server.host, server.port, host_path, places, problems);
    }
    if (const ServerSettings* twin = find_twin(servers, server)) {
        problems.push_back(problem_at(
            places.find(host_path),
            fmt::format("servers.{} is at the same host and port as servers.{}", server.name, twin->name),
            "name each server once"));
    }
}

void check_servers(const Settings& settings, const Places& places, std::vector<Problem>& problems) {
    const std::vector<ServerSettings>& servers = settings.servers;
    if (servers.empty() && !places.wrong("servers")) {
        problems.push_back(
            problem_at(places.find("servers"), "there is no server",
                       "write a section [servers.NAME] with host = \"ADDRESS\" for each server"));
    }
    if (servers.size() > kServersMax) {
        problems.push_back(
            problem_at(places.find("servers"),
                       fmt::format("there are {} servers, more than {}", servers.size(), kServersMax),
                       "leave out servers"));
    }
    for (const ServerSettings& server : servers) {
        check_server(server, servers, places, problems);
    }
}

void check_peer(const PeerSettings& peer, const std::vector<PeerSettings>& peers, const Places& places,
                std::vector<Problem>& problems) {
    const std::string path = fmt::format("peers.{}", peer.id);
    const std::string host_path = path + ".host";
    if (peer.host.empty() || places.wrong(host_path) || places.wrong(path + ".port")) {
        return;
    }
    if (peer.host.starts_with('/')) {
        check_socket_path(peer.host, peer.port, host_path, places, problems);
    }
    if (const PeerSettings* twin = find_twin(peers, peer)) {
        problems.push_back(
            problem_at(places.find(host_path),
                       fmt::format("peers.{} is at the same host and port as peers.{}", peer.id, twin->id),
                       "name each peer once"));
    }
}

void check_peers(const Settings& settings, const Places& places, std::vector<Problem>& problems) {
    const std::vector<PeerSettings>& peers = settings.peers;
    if (peers.size() > kPeersMax) {
        problems.push_back(problem_at(
            places.find("peers"), fmt::format("there are {} peers, more than {}", peers.size(), kPeersMax),
            "leave out peers"));
    }
    for (const PeerSettings& peer : peers) {
        check_peer(peer, peers, places, problems);
    }
}

}  // namespace

void Places::note(std::string_view path, Place place) {
    places_.insert_or_assign(std::string(path), std::move(place));
}

void Places::note_wrong(std::string_view path) {
    wrong_.emplace(path);
}

Place Places::find(std::string_view path) const {
    while (true) {
        const auto found = places_.find(path);
        if (found != places_.end()) {
            return found->second;
        }
        const auto dot = path.rfind('.');
        if (dot == std::string_view::npos) {
            return Place{.file = file_, .position = {}};
        }
        path = path.substr(0, dot);
    }
}

bool Places::wrong(std::string_view path) const {
    return wrong_.contains(path);
}

std::vector<Problem> check(const Settings& settings, const Places& places) {
    std::vector<Problem> problems;
    check_listening(settings.pgring, places, problems);
    check_authentication(settings.pgring, places, problems);
    check_servers(settings, places, problems);
    check_peers(settings, places, problems);
    return problems;
}

std::vector<Problem> check_intent(const Settings& settings, const Places& places) {
    std::vector<Problem> warnings;
    const PgringSettings& pgring = settings.pgring;
    if (!pgring.auth_hba_file.empty() && pgring.auth_type != AuthType::Hba) {
        warnings.push_back(problem_at(places.find(kAuthHbaFile), "pgring.auth_hba_file is not used",
                                      "write auth_type = \"hba\", or leave it out"));
    }
    if (!settings.peers.empty() && pgring.peer_id == 0) {
        warnings.push_back(
            problem_at(places.find("peers"),
                       "pgring.peer_id does not say which of the peers this one is: it asks itself, too",
                       "write peer_id = N under [pgring], another one for each process"));
    }
    const bool no_reads =
        std::ranges::all_of(settings.servers, [](const ServerSettings& s) { return s.weight == 0; });
    if (settings.routing.read_write_split && no_reads) {
        warnings.push_back(
            problem_at(places.find("servers"), "no server has a weight above 0: all reads go to the primary",
                       "give a server a weight, or write read_write_split = false under [routing]"));
    }
    return warnings;
}

}  // namespace pgring::config
