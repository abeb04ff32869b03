#pragma once
/// Sockets before the ring has them: listening, connecting, and the kernel's addresses.

#include <expected>
#include <string>
#include <vector>

#include <sys/socket.h>

#include "auth/hba.h"
#include "base/network_address.h"
#include "config/settings.h"
#include "topology/topology.h"

namespace pgring::uring {

/// A descriptor that closes itself.
class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
    Descriptor& operator=(Descriptor&& other) noexcept;
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor();

    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] int release();

  private:
    int fd_ = -1;
};

/// An address as the kernel wants it.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    [[nodiscard]] int family() const { return storage.ss_family; }
};

/// Where a client comes from.
struct Peer {
    base::NetworkAddress address;
    auth::Transport transport = auth::Transport::PlainTcp;
};

/// A listening socket and what its clients are.
struct Listener {
    Descriptor descriptor;
    auth::Transport transport = auth::Transport::PlainTcp;
    std::string name;
};

/// Whether others may listen on the same address at the same time. Workers share theirs; but two processes
/// that shared one by mistake would each get half of the clients, so a process first tries whether it could
/// have the address alone.
enum class Sharing : std::uint8_t { Alone, WithWorkers };

/// Opens the TCP listeners of one worker. Errors name the address and what to do.
[[nodiscard]] std::expected<std::vector<Listener>, std::string> listen_tcp(
    const config::PgringSettings& settings, Sharing sharing);

/// Opens the unix socket that all workers accept from; nothing where none is configured. A file that a dead
/// process left is replaced, a live one is an error.
[[nodiscard]] std::expected<std::vector<Listener>, std::string> listen_unix(
    const config::PgringSettings& settings);

/// Path of the unix socket; empty where none is configured.
[[nodiscard]] std::string unix_socket_path(const config::PgringSettings& settings);

/// Looks the host's name up; may block for as long as the resolver does.
[[nodiscard]] std::expected<SocketAddress, std::string> resolve(const topology::Address& address);

/// A blocking socket with the options of the configuration, not connected. Negative errno where the system
/// has no more.
[[nodiscard]] std::expected<Descriptor, int> open_socket(int family, const config::PgringSettings& settings);

/// Who is at the other end.
[[nodiscard]] Peer peer_of(int fd, auth::Transport transport);

}  // namespace pgring::uring
