#pragma once
/// The engine of one worker: kernel completions become events of proxy::Worker, its actions become
/// submissions.
///
///     run(): step the worker -> carry out its actions -> refill the buffer rings -> submit and wait for one
///     -> all
///            completions, each an event -> again
///
/// Handlers only queue; nothing is sent or received outside the ring (sending from handlers measured 1.15
/// to 1.33 times the CPU per transaction on Linux 6.18). One receive, one send and one connect may be under
/// way for a socket.
///
/// Closing has three steps: the wish shuts the socket down, which ends what is under way; when the last
/// completion has come the descriptor is closed; then the worker is told, which frees the names.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/chunks.h"
#include "base/log.h"
#include "proxy/worker.h"
#include "topology/publication.h"
#include "uring/census.h"
#include "uring/mailbox.h"
#include "uring/ring.h"
#include "uring/sockets.h"

namespace pgring::uring {

/// The worker's surroundings; everything referred to must outlive the reactor.
struct ReactorOptions {
    const config::Settings& settings;
    Ring& ring;
    proxy::Worker& worker;
    /// One a worker, in their order; the reactor reads its own.
    std::vector<std::unique_ptr<Mailbox>>& mailboxes;
    Census& census;
    pool::WorkerIndex index = 0;
    const std::vector<SocketAddress>& servers;
    /// Of config::other_peers().
    const std::vector<SocketAddress>& peers;
    const topology::Publication& publication;
    base::LogSink& log;
    /// A server is under suspicion; called on the worker's thread.
    std::function<void(topology::ServerIndex)> suspect;
};

class Reactor {
  public:
    explicit Reactor(const ReactorOptions& options);
    Reactor(const Reactor&) = delete;
    Reactor& operator=(const Reactor&) = delete;
    ~Reactor();

    /// Accepts from these, borrowed until run() returns.
    void listen_on(const std::vector<Listener>& listeners);
    /// Until a shutdown was asked for and the last session is gone.
    void run();

  private:
    enum class Operation : std::uint8_t { Accept, AcceptPause, Connect, Receive, Poll, Send, Cancel, Mail };

    /// What the kernel is doing for one socket. The index of a SocketId is the index here.
    struct Socket {
        int fd = -1;
        std::uint32_t generation = 0;
        BufferGroup group = BufferGroup::Clients;
        /// A client's: the census counts it.
        bool accepted = false;
        /// The worker wants to receive (it has not paused the socket).
        bool wants_receive = false;
        /// A receive (or poll) is with the kernel.
        bool receiving = false;
        /// It is being cancelled, because the worker paused the socket.
        bool cancelling = false;
        bool sending = false;
        bool connecting = false;
        bool closing = false;
        /// The worker lends it: it goes when nothing is under way.
        bool leaving = false;
        /// It waits for buffers.
        bool starved = false;
        /// With Receive::Poll: the buffer that a receive is filling.
        buffer::Buffer* filling = nullptr;
    };

    struct Gathered {
        msghdr header{};
        iovec pieces[16]{};
    };

    [[nodiscard]] static std::uint64_t user_data(Operation operation, proxy::SocketId socket);
    Socket& socket_of(proxy::SocketId id);
    Socket& add_socket(proxy::SocketId id, int fd);

    void perform_actions();
    void perform(const proxy::Action& action);
    void deliver_posted();
    void read_mail();

    void arm_accept(std::size_t listener);
    void pause_accept(std::size_t listener, int error);
    void arm_receive(proxy::SocketId id, Socket& socket);
    void arm_mail();
    void start_send(proxy::SocketId id, Socket& socket);
    void start_connect(proxy::SocketId id, const SocketAddress& address);
    void close_socket(proxy::SocketId id, Socket& socket);
    void finish_close(proxy::SocketId id, Socket& socket);
    void stop_receiving(proxy::SocketId id, Socket& socket);
    /// Brings a socket that is leaving to its new worker, when nothing is under way any more.
    void finish_lending(proxy::SocketId id, Socket& socket);

    void complete(const io_uring_cqe& completion);
    void on_accepted(std::size_t listener, const io_uring_cqe& completion);
    void take_in(Connection connection);
    void take_over(LentConnection lent);
    void on_received(proxy::SocketId id, Socket& socket, const io_uring_cqe& completion);
    void on_readable(proxy::SocketId id, Socket& socket, const io_uring_cqe& completion);
    void on_filled(proxy::SocketId id, Socket& socket, const io_uring_cqe& completion);
    void on_receive_error(proxy::SocketId id, Socket& socket, int error);
    void starve(proxy::SocketId id, Socket& socket);

    void refill();
    void refill_group(BufferGroup group, std::uint32_t reserve);
    void wait();

    const config::Settings& settings_;
    Ring& ring_;
    proxy::Worker& worker_;
    std::vector<std::unique_ptr<Mailbox>>& mailboxes_;
    Census& census_;
    pool::WorkerIndex index_;
    const std::vector<SocketAddress>& servers_;
    const std::vector<SocketAddress>& peers_;
    const topology::Publication& publication_;
    base::LogSink& log_;
    std::function<void(topology::ServerIndex)> suspect_;

    std::vector<const Listener*> listeners_;
    base::Chunks<Socket> sockets_;
    std::vector<proxy::SocketId> starved_;
    /// Buffers kept with the kernel, for each group: few at first, so that bulk transfers go round in memory
    /// that stays in the cache; doubled whenever a receive found none.
    std::array<std::uint32_t, 2> provided_target_;
    /// Headers of gathering sends, until the kernel has read them at submission.
    std::vector<std::unique_ptr<Gathered>> gathered_;
    std::size_t gathered_used_ = 0;
    std::uint64_t mail_memory_ = 0;
    base::Instant now_;
    base::Instant accept_failure_told_at_{};
    /// In memory that stays, as the kernel reads it when it is submitted.
    __kernel_timespec accept_pause_{.tv_sec = 0, .tv_nsec = 100'000'000};
    bool stopping_ = false;
};

}  // namespace pgring::uring
