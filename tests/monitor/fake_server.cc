#include "fake_server.h"

#include <array>
#include <optional>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/contract.h"

namespace pgring::monitor {

namespace {

constexpr std::uint32_t kSslRequest = 80877103;
constexpr std::uint32_t kTextOid = 25;
/// How often the thread looks whether it shall stop.
constexpr int kTickMs = 5;

std::string to_u32(std::uint32_t value) {
    const std::uint32_t ordered = htonl(value);
    return {reinterpret_cast<const char*>(&ordered), sizeof ordered};
}

std::string to_u16(std::uint16_t value) {
    const std::uint16_t ordered = htons(value);
    return {reinterpret_cast<const char*>(&ordered), sizeof ordered};
}

std::uint32_t from_u32(const std::string& bytes, std::size_t at) {
    std::uint32_t ordered = 0;
    bytes.copy(reinterpret_cast<char*>(&ordered), sizeof ordered, at);
    return ntohl(ordered);
}

std::string make_message(char type, const std::string& body) {
    return type + to_u32(static_cast<std::uint32_t>(body.size() + 4)) + body;
}

std::string make_error(const std::string& severity, const std::string& sqlstate) {
    const std::string zero(1, '\0');
    return make_message('E', "S" + severity + zero + "V" + severity + zero + "C" + sqlstate + zero +
                                 "Mrefused on request" + zero + zero);
}

std::string make_ready() {
    return make_message('Z', "I");
}

std::string make_row(const std::vector<std::string>& values) {
    std::string description = to_u16(static_cast<std::uint16_t>(values.size()));
    std::string row = description;
    for (const std::string& value : values) {
        description += std::string("c") + '\0' + to_u32(0) + to_u16(0) + to_u32(kTextOid) + to_u16(0xffff) +
                       to_u32(0xffffffff) + to_u16(0);
        row += to_u32(static_cast<std::uint32_t>(value.size())) + value;
    }
    return make_message('T', description) + make_message('D', row) +
           make_message('C', std::string("SELECT 1") + '\0');
}

void send_all(int client, const std::string& bytes) {
    // A few hundred bytes on loopback: they fit into any socket buffer.
    [[maybe_unused]] const ssize_t sent = send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/// A socket bound to a free port of loopback, and the port.
std::pair<int, std::uint16_t> bind_anywhere() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(fd >= 0);
    sockaddr_in address = loopback(0);
    ASSERT(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    socklen_t length = sizeof address;
    ASSERT(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    return {fd, ntohs(address.sin_port)};
}

}  // namespace

FakeServer::FakeServer(failover::Sighting sighting) : sighting_(sighting) {
    std::tie(listener_, port_) = bind_anywhere();
    ASSERT(listen(listener_, 16) == 0);
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

FakeServer::~FakeServer() {
    thread_.request_stop();
    thread_.join();
    for (const auto& [client, unread] : clients_) {
        close(client);
    }
    close(listener_);
}

void FakeServer::set(failover::Sighting sighting) {
    const std::scoped_lock lock(mutex_);
    sighting_ = sighting;
}

void FakeServer::set(Manner manner, std::string sqlstate) {
    const std::scoped_lock lock(mutex_);
    manner_ = manner;
    sqlstate_ = std::move(sqlstate);
}

void FakeServer::terminate_connections(const std::string& sqlstate) {
    const std::scoped_lock lock(mutex_);
    for (const auto& [client, unread] : clients_) {
        send_all(client, make_error("FATAL", sqlstate));
        close(client);
    }
    clients_.clear();
    logged_in_.clear();
}

topology::ServerIdentity FakeServer::identity(std::string name) const {
    return {.name = std::move(name), .address = {.host = "127.0.0.1", .port = port_}};
}

void FakeServer::run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        std::vector<pollfd> polled{{.fd = listener_, .events = POLLIN, .revents = 0}};
        {
            const std::scoped_lock lock(mutex_);
            for (const auto& [client, unread] : clients_) {
                polled.push_back({.fd = client, .events = POLLIN, .revents = 0});
            }
        }
        if (poll(polled.data(), polled.size(), kTickMs) <= 0) {
            continue;
        }
        const std::scoped_lock lock(mutex_);
        for (std::size_t i = 1; i < polled.size(); ++i) {
            const auto client = clients_.find(polled[i].fd);
            // terminate_connections() may have been faster.
            if (polled[i].revents != 0 && client != clients_.end() && !serve(client->first, client->second)) {
                close(client->first);
                logged_in_.erase(client->first);
                clients_.erase(client);
            }
        }
        if (polled.front().revents != 0) {
            accept_one();
        }
    }
}

void FakeServer::accept_one() {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client >= 0) {
        clients_[client] = {};
        ++connection_count_;
    }
}

bool FakeServer::serve(int client, std::string& unread) {
    std::array<char, 4096> bytes{};
    const ssize_t count = recv(client, bytes.data(), bytes.size(), 0);
    if (count <= 0) {
        return false;
    }
    if (manner_ == Manner::HangUp) {
        return false;
    }
    if (manner_ == Manner::Silence) {
        return true;
    }
    unread.append(bytes.data(), static_cast<std::size_t>(count));
    return logged_in_[client] ? serve_message(client, unread) : serve_startup(client, unread);
}

bool FakeServer::serve_startup(int client, std::string& unread) {
    while (unread.size() >= 8 && unread.size() >= from_u32(unread, 0)) {
        const std::uint32_t code = from_u32(unread, 4);
        unread.erase(0, from_u32(unread, 0));
        if (code == kSslRequest) {
            send_all(client, "N");
            continue;
        }
        if (manner_ == Manner::RefuseLogin) {
            send_all(client, make_error("FATAL", sqlstate_));
            return false;
        }
        logged_in_[client] = true;
        send_all(client,
                 make_message('R', to_u32(0)) + make_message('K', to_u32(1) + to_u32(2)) + make_ready());
        return true;
    }
    return true;
}

bool FakeServer::serve_message(int client, std::string& unread) {
    while (unread.size() >= 5 && unread.size() >= from_u32(unread, 1) + 1) {
        const char type = unread.front();
        unread.erase(0, from_u32(unread, 1) + 1);
        if (type != 'Q') {
            return false;
        }
        send_all(client,
                 (manner_ == Manner::RefuseQuery ? make_error("ERROR", sqlstate_) : answer()) + make_ready());
        ++query_count_;
    }
    return true;
}

std::string FakeServer::answer() const {
    return make_row({sighting_.in_recovery ? "1" : "0", std::to_string(sighting_.timeline),
                     std::to_string(sighting_.system_identifier), std::to_string(sighting_.lsn),
                     std::to_string(sighting_.lsn_received)});
}

DroppingServer::DroppingServer() {
    std::tie(listener_, port_) = bind_anywhere();
    // A backlog of 0 holds one connection that nobody accepts.
    ASSERT(listen(listener_, 0) == 0);
    filler_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port_);
    ASSERT(connect(filler_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
}

DroppingServer::~DroppingServer() {
    close(filler_);
    close(listener_);
}

topology::ServerIdentity DroppingServer::identity(std::string name) const {
    return {.name = std::move(name), .address = {.host = "127.0.0.1", .port = port_}};
}

topology::ServerIdentity make_refusing_server(std::string name) {
    const auto [fd, port] = bind_anywhere();
    close(fd);
    return {.name = std::move(name), .address = {.host = "127.0.0.1", .port = port}};
}

}  // namespace pgring::monitor
