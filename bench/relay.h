#pragma once
/// A blind TCP relay on pgring's engine. It is an instrument for measuring, not a product: tools/bench calls
/// it the floor.
///
/// One connection to the server for each client; bytes go both ways, unread. Ring, buffers and sockets are
/// set up as pgring's are, and the same requests are queued (multishot receives, one gathering send at a time
/// for a socket), but no message is looked at, no connection shared, no deadline kept. What it costs is what
/// the kernel takes to move the bytes.
///
///     run(): send what has come -> refill the buffer rings -> submit and wait for one -> all completions ->
///     again
///
///     Free -> Connecting -> Open -> Draining -> Closing -> Free
///                |____________|__________________^
///
/// One thread makes it, runs it, and destroys it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <sys/uio.h>

#include "buffer/buffer.h"
#include "buffer/slice_queue.h"
#include "config/settings.h"
#include "uring/ring.h"
#include "uring/sockets.h"

namespace pgring::bench {

/// The relay's surroundings; everything referred to must outlive it.
struct RelayOptions {
    /// With Receive::Multishot; anything else would be another engine than the one to measure.
    uring::Ring& ring;
    const uring::Listener& listener;
    const uring::SocketAddress& server;
    /// Options of the sockets to the server.
    const config::PgringSettings& settings;
    /// A descriptor that becomes readable when the relay is to end.
    int stop;
};

class Relay {
  public:
    explicit Relay(const RelayOptions& options);
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    /// Until it is told to stop; all connections are closed and all buffers back by then. Error: clients
    /// could not be accepted, so that what was measured is not what was meant.
    [[nodiscard]] std::expected<void, std::string> run();

  private:
    enum class Operation : std::uint8_t { Accept, Stop, Connect, Receive, Send, Cancel };

    enum class State : std::uint8_t {
        Free,        ///< no sockets; the pair waits for a client
        Connecting,  ///< the client's bytes wait in the kernel until the server has answered
        Open,        ///< bytes go both ways
        Draining,    ///< one side has ended; what it sent still goes to the other, `last`
        Closing,     ///< both sockets are shut down; the kernel has yet to complete what was under way
    };

    /// Pieces of one send, as in the reactor.
    static constexpr std::size_t kPiecesMax = 16;

    struct Pair;

    struct Socket {
        Socket(Pair& owner, std::uint32_t name, buffer::BufferPool& buffers);

        Pair& pair;
        /// What completions name it by: twice the index of its pair, and one more at the server's side.
        std::uint32_t number;
        uring::BufferGroup group;
        uring::Descriptor descriptor;
        /// Received on the other side, not yet sent here.
        buffer::SliceQueue out;
        bool receiving = false;
        bool sending = false;
        /// The other side has too much to send; nothing more is received here.
        bool paused = false;
        /// It waits for buffers, in starved_.
        bool starved = false;
        /// It is in to_send_.
        bool queued = false;
        /// Of the send under way.
        msghdr header{};
        std::array<iovec, kPiecesMax> pieces{};
    };

    /// A client and its connection to the server.
    struct Pair {
        Pair(std::uint32_t index, buffer::BufferPool& buffers);

        State state = State::Free;
        /// Requests with the kernel; until it has completed them they refer to the descriptors and the
        /// buffers.
        std::uint32_t request_count = 0;
        Socket client;
        Socket server;
        /// With State::Draining.
        Socket* last = nullptr;
    };

    [[nodiscard]] static Socket& peer_of(Socket& socket);
    [[nodiscard]] Socket& socket_of(std::uint32_t number);
    [[nodiscard]] Pair& take_pair();

    [[nodiscard]] static std::uint64_t name_of(Operation operation, const Socket& socket);
    void count_request(io_uring_sqe& entry, Operation operation);
    void count_request(io_uring_sqe& entry, Operation operation, Socket& socket);
    void accept();
    void watch_for_stop();
    void connect(Socket& server);
    void receive(Socket& socket);
    void send(Socket& socket);
    void send_later(Socket& socket);
    void send_queued();
    void cancel(Operation operation, Socket& socket);

    void complete(const io_uring_cqe& completion);
    void on_accepted(int result);
    void on_connected(Pair& pair, int result);
    void on_received(Socket& socket, const io_uring_cqe& completion);
    void on_sent(Socket& socket, int result);
    void forward(Socket& from, buffer::Slice slice);

    void drain(Socket& last);
    void close_if_drained(Pair& pair);
    void close(Pair& pair);
    void release_if_done(Pair& pair);
    void stop();

    void starve(Socket& socket);
    void refill();
    void refill_group(uring::BufferGroup group, std::uint32_t reserve);
    /// Every buffer is free, with the kernel, or queued; without connections none is queued.
    void check_buffers() const;

    uring::Ring& ring_;
    const uring::Listener& listener_;
    const uring::SocketAddress& server_;
    const config::PgringSettings& settings_;
    int stop_;

    buffer::BufferPool buffers_;
    /// Buffers kept with the kernel for each group; doubled whenever a receive found none.
    std::array<std::uint32_t, 2> provided_target_;
    std::deque<Pair> pairs_;
    std::vector<Pair*> pairs_free_;
    std::size_t pairs_open_count_ = 0;
    std::vector<Socket*> to_send_;
    std::vector<Socket*> starved_;
    /// Of all pairs and of the relay itself; without any there is nothing left to wait for.
    std::size_t request_count_ = 0;
    bool stopping_ = false;
    std::string error_;
};

}  // namespace pgring::bench
