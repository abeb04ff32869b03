#include "instant_server.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include "base/contract.h"

namespace pgring::bench {

InstantServer::InstantServer(const std::vector<uring::Listener>& listeners, int stop)
    : listeners_(listeners), stop_(stop), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    watch(stop_, EPOLLIN, EPOLL_CTL_ADD);
    for (const uring::Listener& listener : listeners_) {
        watch(listener.descriptor.get(), EPOLLIN, EPOLL_CTL_ADD);
    }
}

InstantServer::~InstantServer() = default;

std::expected<void, std::string> InstantServer::run() {
    std::array<epoll_event, 256> events{};
    for (;;) {
        int const count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < count; ++i) {
            int const fd = events[static_cast<std::size_t>(i)].data.fd;
            auto const same = [fd](const uring::Listener& one) { return one.descriptor.get() == fd; };
            if (fd == stop_) {
                return {};
            }
            if (std::ranges::any_of(listeners_, same)) {
                if (auto const accepted = accept_from(fd); !accepted.has_value()) {
                    return accepted;
                }
            } else {
                serve(*connections_[static_cast<std::size_t>(fd)]);
            }
        }
    }
}

void InstantServer::watch(int fd, std::uint32_t events, int operation) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    static_cast<void>(::epoll_ctl(epoll_.get(), operation, fd, &event));
}

std::expected<void, std::string> InstantServer::accept_from(int listener) {
    uring::Descriptor socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    int const fd = socket.get();
    if (fd < 0) {
        if (errno == ECONNABORTED || errno == EINTR) {
            return {};
        }
        return std::unexpected(std::string("cannot take a connection: ") + std::strerror(errno));
    }
    int const on = 1;
    static_cast<void>(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    auto const index = static_cast<std::size_t>(fd);
    if (index >= connections_.size()) {
        connections_.resize(index + 1);
    }
    ASSERT(connections_[index] == nullptr);
    connections_[index] = std::make_unique<Connection>(std::move(socket), ++process_id_last_);
    watch(fd, EPOLLIN, EPOLL_CTL_ADD);
    return {};
}

void InstantServer::serve(Connection& connection) {
    bool open = send(connection);
    if (open && connection.channel.drained()) {
        // Behind what was kept while it was blocked.
        auto const input = connection.channel.receive(scratch_);
        open = input.has_value() && work(connection, *input);
    }
    if (!open) {
        close(connection);
        return;
    }
    bool const blocked = !connection.channel.drained();
    if (blocked != connection.blocked) {
        connection.blocked = blocked;
        watch(connection.channel.fd(), blocked ? EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
    }
}

bool InstantServer::work(Connection& connection, std::span<const std::byte> input) {
    for (;;) {
        std::size_t const used = connection.session.receive(input, connection.channel.out());
        input = input.subspan(used);
        if (!send(connection) || connection.session.ended()) {
            return false;
        }
        if (used == 0 || !connection.channel.drained()) {
            connection.channel.keep(input);
            return true;
        }
    }
}

bool InstantServer::send(Connection& connection) {
    Channel& channel = connection.channel;
    if (!channel.flush()) {
        return false;
    }
    // Rows go behind what announces them, and their end behind them; either may have to wait.
    while (channel.drained() && connection.session.streams()) {
        if (!connection.streaming) {
            connection.streaming = true;
            constexpr std::uint64_t kMessageBytes = wire::kHeaderBytes + kCopyRowBytes;
            channel.repeat(copy_rows(), connection.session.rows_to_stream() * kMessageBytes);
        } else {
            connection.streaming = false;
            connection.session.streamed(channel.out());
        }
        if (!channel.flush()) {
            return false;
        }
    }
    return true;
}

void InstantServer::close(Connection& connection) {
    connections_[static_cast<std::size_t>(connection.channel.fd())].reset();
}

}  // namespace pgring::bench
