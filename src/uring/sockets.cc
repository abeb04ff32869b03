#include "uring/sockets.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/contract.h"

namespace pgring::uring {

namespace {

void set_option(int fd, int level, int name, int value) {
    // A system that lacks an option serves without it.
    static_cast<void>(::setsockopt(fd, level, name, &value, sizeof value));
}

void set_tcp_options(int fd, const config::PgringSettings& settings) {
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (settings.tcp_user_timeout.count() > 0) {
        set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(settings.tcp_user_timeout.count()));
    }
    if (!settings.tcp_keepalive) {
        return;
    }
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    if (settings.tcp_keepidle.count() > 0) {
        set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(settings.tcp_keepidle.count()));
    }
    if (settings.tcp_keepintvl.count() > 0) {
        set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(settings.tcp_keepintvl.count()));
    }
    if (settings.tcp_keepcnt > 0) {
        set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, static_cast<int>(settings.tcp_keepcnt));
    }
}

/// False, and why in errno, where the kernel has none of that name or keeps it for the superuser.
bool set_congestion_control(int fd, const std::string& name) {
    return name.empty() || ::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name.data(),
                                        static_cast<socklen_t>(name.size())) == 0;
}

std::string with_errno(std::string text, int error) {
    return text + ": " + std::strerror(error);
}

std::string listen_error(const std::string& name, int error) {
    std::string text = with_errno("cannot listen on " + name, error);
    if (error == EADDRINUSE) {
        text += "; another process has it: stop that one, or set another listen_port";
    } else if (error == EADDRNOTAVAIL) {
        text += "; this machine has no such address: correct listen_addr";
    } else if (error == EACCES) {
        text += "; take a port above 1023, or grant CAP_NET_BIND_SERVICE";
    }
    return text;
}

std::string congestion_control_error(const std::string& name, int error) {
    std::string text = with_errno("cannot use tcp_congestion_control = \"" + name + "\"", error);
    if (error == ENOENT) {
        text += "; net.ipv4.tcp_available_congestion_control lists what this kernel has";
    } else if (error == EPERM) {
        text += "; net.ipv4.tcp_allowed_congestion_control lists what needs no CAP_NET_ADMIN";
    }
    return text;
}

using AddressList = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

std::expected<AddressList, std::string> look_up(const char* host, std::uint16_t port, int flags) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    addrinfo* found = nullptr;
    int const error = ::getaddrinfo(host, std::to_string(port).c_str(), &hints, &found);
    if (error != 0) {
        return std::unexpected(std::string(::gai_strerror(error)));
    }
    return AddressList(found, ::freeaddrinfo);
}

/// Whether somebody answers at this unix socket.
bool is_alive(const sockaddr_un& address) {
    Descriptor const probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

sockaddr_un unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ASSERT(path.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    if (this != &other) {
        if (fd_ >= 0) {
            ::close(fd_);
        }
        fd_ = other.release();
    }
    return *this;
}

Descriptor::~Descriptor() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

int Descriptor::release() {
    return std::exchange(fd_, -1);
}

std::expected<std::vector<Listener>, std::string> listen_tcp(const config::PgringSettings& settings,
                                                             Sharing sharing) {
    std::vector<Listener> listeners;
    for (const std::string& host : settings.listen_addr) {
        std::string const name = host + ":" + std::to_string(settings.listen_port);
        auto const addresses =
            look_up(host == "*" ? nullptr : host.c_str(), settings.listen_port, AI_PASSIVE);
        if (!addresses.has_value()) {
            return std::unexpected("cannot look up listen_addr " + host + ": " + addresses.error());
        }
        for (const addrinfo* address = addresses->get(); address != nullptr; address = address->ai_next) {
            Descriptor socket(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
            if (socket.get() < 0) {
                if (errno == EAFNOSUPPORT) {
                    continue;
                }
                return std::unexpected(listen_error(name, errno));
            }
            set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
            if (sharing == Sharing::WithWorkers) {
                set_option(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1);
            }
            if (address->ai_family == AF_INET6) {
                set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
            }
            // Accepted sockets inherit these.
            set_tcp_options(socket.get(), settings);
            if (!set_congestion_control(socket.get(), settings.tcp_congestion_control)) {
                return std::unexpected(congestion_control_error(settings.tcp_congestion_control, errno));
            }
            if (::bind(socket.get(), address->ai_addr, address->ai_addrlen) != 0 ||
                ::listen(socket.get(), static_cast<int>(settings.listen_backlog)) != 0) {
                return std::unexpected(listen_error(name, errno));
            }
            listeners.push_back(
                {.descriptor = std::move(socket), .transport = auth::Transport::PlainTcp, .name = name});
        }
    }
    return listeners;
}

std::string unix_socket_path(const config::PgringSettings& settings) {
    if (settings.unix_socket_dir.empty()) {
        return {};
    }
    return settings.unix_socket_dir + "/.s.PGSQL." + std::to_string(settings.listen_port);
}

std::expected<std::vector<Listener>, std::string> listen_unix(const config::PgringSettings& settings) {
    std::vector<Listener> listeners;
    std::string const path = unix_socket_path(settings);
    if (path.empty()) {
        return listeners;
    }
    sockaddr_un const address = unix_address(path);
    if (is_alive(address)) {
        return std::unexpected(listen_error(path, EADDRINUSE));
    }
    static_cast<void>(::unlink(path.c_str()));
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (socket.get() < 0 ||
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::chmod(path.c_str(), settings.unix_socket_mode.bits) != 0 ||
        ::listen(socket.get(), static_cast<int>(settings.listen_backlog)) != 0) {
        return std::unexpected(listen_error(path, errno));
    }
    listeners.push_back(
        {.descriptor = std::move(socket), .transport = auth::Transport::UnixSocket, .name = path});
    return listeners;
}

std::expected<SocketAddress, std::string> resolve(const topology::Address& address) {
    SocketAddress resolved;
    if (address.is_unix_socket()) {
        sockaddr_un const path = unix_address(address.host + "/.s.PGSQL." + std::to_string(address.port));
        std::memcpy(&resolved.storage, &path, sizeof path);
        resolved.size = sizeof path;
        return resolved;
    }
    auto const addresses = look_up(address.host.c_str(), address.port, 0);
    if (!addresses.has_value()) {
        return std::unexpected("cannot look up host " + address.host + ": " + addresses.error());
    }
    std::memcpy(&resolved.storage, (*addresses)->ai_addr, (*addresses)->ai_addrlen);
    resolved.size = (*addresses)->ai_addrlen;
    return resolved;
}

std::expected<Descriptor, int> open_socket(int family, const config::PgringSettings& settings) {
    // Blocking on purpose: the ring waits for it, and O_NONBLOCK would make a receive complete with EAGAIN
    // instead.
    Descriptor socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (socket.get() < 0) {
        return std::unexpected(errno);
    }
    if (family != AF_UNIX) {
        set_tcp_options(socket.get(), settings);
        // Listening has shown that it can be had; where nothing listens on TCP, the system's serves as well.
        static_cast<void>(set_congestion_control(socket.get(), settings.tcp_congestion_control));
    }
    return socket;
}

Peer peer_of(int fd, auth::Transport transport) {
    Peer peer{.address = {}, .transport = transport};
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (transport == auth::Transport::UnixSocket ||
        ::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
        return peer;
    }
    if (storage.ss_family == AF_INET) {
        sockaddr_in address{};
        std::memcpy(&address, &storage, sizeof address);
        peer.address.family = base::AddressFamily::IPv4;
        std::memcpy(peer.address.bytes.data(), &address.sin_addr, 4);
        peer.address.port = ntohs(address.sin_port);
    } else if (storage.ss_family == AF_INET6) {
        sockaddr_in6 address{};
        std::memcpy(&address, &storage, sizeof address);
        peer.address.family = base::AddressFamily::IPv6;
        std::memcpy(peer.address.bytes.data(), &address.sin6_addr, 16);
        peer.address.port = ntohs(address.sin6_port);
        peer.address = base::unmapped(peer.address);
    }
    return peer;
}

}  // namespace pgring::uring
