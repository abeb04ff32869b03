#pragma once
/// The I/O around instant sessions: one thread on epoll, which costs no more than a client or a proxy leaves
/// it to do. An instrument for measuring, as lean as it can be written plainly.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "channel.h"
#include "instant_session.h"
#include "uring/sockets.h"

namespace pgring::bench {

class InstantServer {
  public:
    /// `listeners` and `stop`, a descriptor that becomes readable when it is to end, outlive the server.
    InstantServer(const std::vector<uring::Listener>& listeners, int stop);
    InstantServer(const InstantServer&) = delete;
    InstantServer& operator=(const InstantServer&) = delete;
    ~InstantServer();

    /// Until it is told to stop. Error: it has no more descriptors, so that what is measured is not what was
    /// meant.
    [[nodiscard]] std::expected<void, std::string> run();

  private:
    struct Connection {
        Connection(uring::Descriptor socket, std::uint32_t process_id)
            : channel(std::move(socket)), session(process_id) {}

        Channel channel;
        InstantSession session;
        /// epoll tells when more can be sent; until then nothing more is received.
        bool blocked = false;
        /// The rows of a COPY are on their way.
        bool streaming = false;
    };

    void watch(int fd, std::uint32_t events, int operation) const;
    [[nodiscard]] std::expected<void, std::string> accept_from(int listener);
    void serve(Connection& connection);
    /// Works off what has come, as far as the answers can be sent. False at the end.
    [[nodiscard]] static bool work(Connection& connection, std::span<const std::byte> input);
    /// Sends answers and rows; false at the end.
    [[nodiscard]] static bool send(Connection& connection);
    void close(Connection& connection);

    const std::vector<uring::Listener>& listeners_;
    int stop_;
    uring::Descriptor epoll_;
    Scratch scratch_ = Scratch(kScratchBytes);
    /// By descriptor.
    std::vector<std::unique_ptr<Connection>> connections_;
    std::uint32_t process_id_last_ = 0;
};

}  // namespace pgring::bench
