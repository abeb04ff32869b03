#include "uring/reactor.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include <poll.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/contract.h"

namespace pgring::uring {

namespace {

constexpr unsigned kOperationShift = 56;
constexpr unsigned kIndexShift = 32;
constexpr std::uint32_t kIndexMask = (1U << 24U) - 1;
/// Gathering sends between two submissions; further ones are submitted first.
constexpr std::size_t kGatheredMax = 256;
/// Buffers that a group starts with: the kernel (6.18) takes up to 32 for one socket before it looks at the
/// next.
constexpr std::uint32_t kProvidedAtFirst = 64;
/// While accepting fails it is said so often.
constexpr base::Duration kFailureToldEvery = std::chrono::seconds(1);

base::Instant read_clock() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return base::Instant(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

}  // namespace

Reactor::Reactor(const ReactorOptions& options)
    : settings_(options.settings),
      ring_(options.ring),
      worker_(options.worker),
      mailboxes_(options.mailboxes),
      census_(options.census),
      index_(options.index),
      servers_(options.servers),
      peers_(options.peers),
      publication_(options.publication),
      log_(options.log),
      suspect_(options.suspect),
      provided_target_{std::min(kProvidedAtFirst, options.ring.group_capacity()),
                       std::min(kProvidedAtFirst, options.ring.group_capacity())},
      now_(read_clock()) {
    for (std::size_t i = 0; i < kGatheredMax; ++i) {
        gathered_.push_back(std::make_unique<Gathered>());
    }
}

Reactor::~Reactor() {
    for (std::uint32_t index = 0; index < sockets_.size(); ++index) {
        if (sockets_[index].fd >= 0) {
            ::close(sockets_[index].fd);
        }
    }
}

std::uint64_t Reactor::user_data(Operation operation, proxy::SocketId socket) {
    ASSERT(socket.index <= kIndexMask);
    return (static_cast<std::uint64_t>(operation) << kOperationShift) |
           (static_cast<std::uint64_t>(socket.index) << kIndexShift) | socket.generation;
}

Reactor::Socket& Reactor::socket_of(proxy::SocketId id) {
    Socket& socket = sockets_[id.index];
    ASSERT(socket.generation == id.generation);
    return socket;
}

Reactor::Socket& Reactor::add_socket(proxy::SocketId id, int fd) {
    while (sockets_.size() <= id.index) {
        sockets_.add();
    }
    Socket& socket = sockets_[id.index];
    ASSERT(socket.fd < 0);
    socket = Socket{};
    socket.fd = fd;
    socket.generation = id.generation;
    socket.group = worker_.is_backend(id) ? BufferGroup::Backends : BufferGroup::Clients;
    return socket;
}

void Reactor::listen_on(const std::vector<Listener>& listeners) {
    for (const Listener& listener : listeners) {
        listeners_.push_back(&listener);
        arm_accept(listeners_.size() - 1);
    }
}

void Reactor::run() {
    arm_mail();
    while (!stopping_ || !worker_.finished()) {
        worker_.step(now_);
        perform_actions();
        deliver_posted();
        refill();
        wait();
        io_uring_cqe* completions[64];
        for (;;) {
            unsigned const count = io_uring_peek_batch_cqe(&ring_.get(), completions, std::size(completions));
            for (unsigned i = 0; i < count; ++i) {
                complete(*completions[i]);
            }
            io_uring_cq_advance(&ring_.get(), count);
            if (count < std::size(completions)) {
                break;
            }
        }
    }
    perform_actions();
}

void Reactor::wait() {
    base::Instant const wake = worker_.next_wake();
    io_uring_cqe* completion = nullptr;
    gathered_used_ = 0;
    if (wake == base::kNever) {
        io_uring_submit_and_wait(&ring_.get(), 1);
    } else {
        auto const rest = std::max(wake - now_, base::Duration::zero());
        auto const seconds = std::chrono::duration_cast<std::chrono::seconds>(rest);
        __kernel_timespec timeout{.tv_sec = seconds.count(), .tv_nsec = (rest - seconds).count()};
        io_uring_submit_and_wait_timeout(&ring_.get(), &completion, 1, &timeout, nullptr);
    }
    now_ = read_clock();
}

// -- Actions --

void Reactor::perform_actions() {
    // Carrying one out may bring another (a socket that cannot be opened fails at once).
    for (std::size_t i = 0; i < worker_.actions().size(); ++i) {
        perform(proxy::Action(worker_.actions()[i]));
    }
    worker_.actions().clear();
}

void Reactor::perform(const proxy::Action& action) {
    switch (action.kind) {
        case proxy::Action::Kind::Send:
            start_send(action.socket, socket_of(action.socket));
            break;
        case proxy::Action::Kind::Pause:
            stop_receiving(action.socket, socket_of(action.socket));
            break;
        case proxy::Action::Kind::Resume: {
            Socket& socket = socket_of(action.socket);
            socket.leaving = false;
            socket.wants_receive = true;
            arm_receive(action.socket, socket);
            break;
        }
        case proxy::Action::Kind::Connect:
            start_connect(action.socket, servers_[action.server.value]);
            break;
        case proxy::Action::Kind::ConnectPeer:
            start_connect(action.socket, peers_[action.peer.value]);
            break;
        case proxy::Action::Kind::Lend: {
            Socket& socket = socket_of(action.socket);
            socket.leaving = true;
            stop_receiving(action.socket, socket);
            finish_lending(action.socket, socket);
            break;
        }
        case proxy::Action::Kind::Close:
            close_socket(action.socket, socket_of(action.socket));
            break;
        case proxy::Action::Kind::Suspect:
            suspect_(action.server);
            break;
    }
}

void Reactor::deliver_posted() {
    for (proxy::Posted& posted : worker_.posted()) {
        mailboxes_[posted.to]->post(std::move(posted.message));
    }
    worker_.posted().clear();
}

void Reactor::start_send(proxy::SocketId id, Socket& socket) {
    ASSERT(!socket.sending && !socket.closing);
    if (gathered_used_ == gathered_.size()) {
        io_uring_submit(&ring_.get());
        gathered_used_ = 0;
    }
    std::array<std::span<const std::byte>, std::size(Gathered{}.pieces)> pieces;
    std::size_t const count = worker_.outgoing(id).gather(pieces);
    ASSERT(count > 0);
    socket.sending = true;
    io_uring_sqe& entry = ring_.sqe();
    constexpr int kFlags = MSG_WAITALL | MSG_NOSIGNAL;
    if (count == 1) {
        io_uring_prep_send(&entry, socket.fd, pieces[0].data(), pieces[0].size(), kFlags);
    } else {
        Gathered& gathered = *gathered_[gathered_used_++];
        for (std::size_t i = 0; i < count; ++i) {
            gathered.pieces[i] = {.iov_base = const_cast<std::byte*>(pieces[i].data()),
                                  .iov_len = pieces[i].size()};
        }
        gathered.header = msghdr{};
        gathered.header.msg_iov = gathered.pieces;
        gathered.header.msg_iovlen = count;
        io_uring_prep_sendmsg(&entry, socket.fd, &gathered.header, kFlags);
    }
    io_uring_sqe_set_data64(&entry, user_data(Operation::Send, id));
}

void Reactor::start_connect(proxy::SocketId id, const SocketAddress& address) {
    std::expected<Descriptor, int> opened = open_socket(address.family(), settings_.pgring);
    if (!opened.has_value()) {
        add_socket(id, -1);
        worker_.connect_failed(id, std::strerror(opened.error()), now_);
        return;
    }
    Socket& socket = add_socket(id, opened->release());
    socket.connecting = true;
    io_uring_sqe& entry = ring_.sqe();
    io_uring_prep_connect(&entry, socket.fd, reinterpret_cast<const sockaddr*>(&address.storage),
                          address.size);
    io_uring_sqe_set_data64(&entry, user_data(Operation::Connect, id));
}

void Reactor::arm_receive(proxy::SocketId id, Socket& socket) {
    if (!socket.wants_receive || socket.receiving || socket.closing || socket.starved) {
        return;
    }
    io_uring_sqe& entry = ring_.sqe();
    socket.receiving = true;
    if (ring_.features().receive == Receive::Multishot) {
        io_uring_prep_recv_multishot(&entry, socket.fd, nullptr, 0, 0);
        entry.flags |= IOSQE_BUFFER_SELECT;
        entry.buf_group = static_cast<std::uint16_t>(socket.group);
        io_uring_sqe_set_data64(&entry, user_data(Operation::Receive, id));
    } else {
        io_uring_prep_poll_add(&entry, socket.fd, POLLIN | POLLRDHUP);
        io_uring_sqe_set_data64(&entry, user_data(Operation::Poll, id));
    }
}

void Reactor::arm_accept(std::size_t listener) {
    io_uring_sqe& entry = ring_.sqe();
    io_uring_prep_multishot_accept(&entry, listeners_[listener]->descriptor.get(), nullptr, nullptr,
                                   SOCK_CLOEXEC);
    io_uring_sqe_set_data64(
        &entry,
        user_data(Operation::Accept, {.index = static_cast<std::uint32_t>(listener), .generation = 0}));
}

/// Accepting fails for want of descriptors or memory, and would again at once.
void Reactor::pause_accept(std::size_t listener, int error) {
    if (now_ >= accept_failure_told_at_ + kFailureToldEvery) {
        accept_failure_told_at_ = now_;
        log_.warning("accept_failed",
                     {{"listener", listeners_[listener]->name}, {"error", std::strerror(error)}});
    }
    io_uring_sqe& entry = ring_.sqe();
    io_uring_prep_timeout(&entry, &accept_pause_, 0, 0);
    io_uring_sqe_set_data64(
        &entry,
        user_data(Operation::AcceptPause, {.index = static_cast<std::uint32_t>(listener), .generation = 0}));
}

void Reactor::arm_mail() {
    io_uring_sqe& entry = ring_.sqe();
    io_uring_prep_read(&entry, mailboxes_[index_]->event(), &mail_memory_, sizeof mail_memory_, 0);
    io_uring_sqe_set_data64(&entry, user_data(Operation::Mail, {.index = 0, .generation = 0}));
}

void Reactor::stop_receiving(proxy::SocketId id, Socket& socket) {
    socket.wants_receive = false;
    if (socket.receiving && !socket.cancelling && socket.filling == nullptr) {
        socket.cancelling = true;
        io_uring_sqe& entry = ring_.sqe();
        Operation const operation =
            ring_.features().receive == Receive::Multishot ? Operation::Receive : Operation::Poll;
        io_uring_prep_cancel64(&entry, user_data(operation, id), 0);
        io_uring_sqe_set_data64(&entry, user_data(Operation::Cancel, id));
    }
}

void Reactor::finish_lending(proxy::SocketId id, Socket& socket) {
    if (!socket.leaving || socket.closing || socket.receiving || socket.sending) {
        return;
    }
    socket.leaving = false;
    std::optional<proxy::LentBackend> backend = worker_.let_go(id, now_);
    if (!backend.has_value()) {
        return;
    }
    if (std::exchange(socket.starved, false)) {
        std::erase(starved_, id);
    }
    pool::WorkerIndex const to = backend->to;
    mailboxes_[to]->post(LentConnection{.descriptor = Descriptor(std::exchange(socket.fd, -1)),
                                        .backend = std::move(*backend)});
}

void Reactor::close_socket(proxy::SocketId id, Socket& socket) {
    ASSERT(!socket.closing);
    socket.closing = true;
    socket.leaving = false;
    if (socket.starved) {
        socket.starved = false;
        std::erase(starved_, id);
    }
    if (socket.fd >= 0 && (socket.receiving || socket.sending || socket.connecting)) {
        // Ends a receive with end of file and a blocked send with EPIPE; a connect has to be cancelled.
        ::shutdown(socket.fd, SHUT_RDWR);
        if (socket.connecting) {
            io_uring_sqe& entry = ring_.sqe();
            io_uring_prep_cancel64(&entry, user_data(Operation::Connect, id), 0);
            io_uring_sqe_set_data64(&entry, user_data(Operation::Cancel, id));
        }
    }
    finish_close(id, socket);
}

void Reactor::finish_close(proxy::SocketId id, Socket& socket) {
    if (!socket.closing || socket.receiving || socket.sending || socket.connecting) {
        return;
    }
    if (socket.fd >= 0) {
        ::close(socket.fd);
    }
    socket.fd = -1;
    if (socket.accepted) {
        census_.remove(index_);
    }
    worker_.closed(id);
}

// -- Completions --

void Reactor::complete(const io_uring_cqe& completion) {
    auto const operation = static_cast<Operation>(completion.user_data >> kOperationShift);
    proxy::SocketId const id{
        .index = static_cast<std::uint32_t>(completion.user_data >> kIndexShift) & kIndexMask,
        .generation = static_cast<std::uint32_t>(completion.user_data)};
    switch (operation) {
        case Operation::Accept:
            on_accepted(id.index, completion);
            return;
        case Operation::AcceptPause:
            if (!stopping_) {
                arm_accept(id.index);
            }
            return;
        case Operation::Mail:
            read_mail();
            arm_mail();
            return;
        case Operation::Cancel:
            return;  // What was cancelled completes by itself.
        case Operation::Connect: {
            Socket& socket = socket_of(id);
            socket.connecting = false;
            if (socket.closing) {
                finish_close(id, socket);
            } else if (completion.res == 0) {
                socket.wants_receive = true;
                arm_receive(id, socket);
                worker_.connected(id, now_);
            } else {
                worker_.connect_failed(id, std::strerror(-completion.res), now_);
            }
            return;
        }
        case Operation::Receive:
            on_received(id, socket_of(id), completion);
            return;
        case Operation::Poll:
            on_readable(id, socket_of(id), completion);
            return;
        case Operation::Send: {
            Socket& socket = socket_of(id);
            socket.sending = false;
            if (socket.closing) {
                finish_close(id, socket);
            } else if (completion.res >= 0) {
                worker_.sent(id, static_cast<std::size_t>(completion.res), now_);
                finish_lending(id, socket);
            } else {
                worker_.hung_up(id, now_);
            }
            return;
        }
    }
}

void Reactor::on_accepted(std::size_t listener, const io_uring_cqe& completion) {
    if (completion.res >= 0) {
        Connection connection{.descriptor = Descriptor(completion.res),
                              .transport = listeners_[listener]->transport};
        pool::WorkerIndex const worker = census_.place(index_);
        if (worker == index_) {
            take_in(std::move(connection));
        } else {
            mailboxes_[worker]->post(std::move(connection));
        }
    }
    if ((completion.flags & IORING_CQE_F_MORE) != 0 || stopping_) {
        return;
    }
    if (completion.res < 0) {
        pause_accept(listener, -completion.res);
    } else {
        arm_accept(listener);
    }
}

/// A connection that the census has placed here.
void Reactor::take_in(Connection connection) {
    Peer const peer = peer_of(connection.descriptor.get(), connection.transport);
    std::optional<proxy::SocketId> const id = worker_.accepted(peer.address, peer.transport, now_);
    if (!id.has_value()) {
        census_.remove(index_);
        return;
    }
    Socket& socket = add_socket(*id, connection.descriptor.release());
    socket.accepted = true;
    socket.wants_receive = true;
    arm_receive(*id, socket);
}

/// A backend that another worker lends.
void Reactor::take_over(LentConnection lent) {
    std::optional<proxy::SocketId> const id = worker_.borrowed(std::move(lent.backend), now_);
    if (id.has_value()) {
        Socket& socket = add_socket(*id, lent.descriptor.release());
        socket.wants_receive = true;
        arm_receive(*id, socket);
    }
}

void Reactor::on_received(proxy::SocketId id, Socket& socket, const io_uring_cqe& completion) {
    if ((completion.flags & IORING_CQE_F_MORE) == 0) {
        if (ring_.features().receive == Receive::Poll) {
            on_filled(id, socket, completion);
            return;
        }
        socket.receiving = false;
        socket.cancelling = false;
    }
    if ((completion.flags & IORING_CQE_F_BUFFER) != 0) {
        ring_.took(socket.group);
        buffer::Buffer& buffer =
            worker_.buffers().large(static_cast<std::uint16_t>(completion.flags >> IORING_CQE_BUFFER_SHIFT));
        buffer::Slice slice(buffer, 0, completion.res > 0 ? static_cast<std::uint32_t>(completion.res) : 0);
        if (completion.res > 0 && !socket.closing) {
            worker_.received(id, std::move(slice), now_);
        }
    }
    if (socket.closing) {
        finish_close(id, socket);
    } else if (completion.res <= 0) {
        on_receive_error(id, socket, -completion.res);
    } else {
        arm_receive(id, socket);
        finish_lending(id, socket);
    }
}

void Reactor::on_receive_error(proxy::SocketId id, Socket& socket, int error) {
    if (error == ENOBUFS && !socket.leaving) {
        starve(id, socket);
    } else if (error == ENOBUFS || error == ECANCELED || error == EINTR) {
        arm_receive(id, socket);
        finish_lending(id, socket);
    } else {
        socket.wants_receive = false;
        worker_.hung_up(id, now_);
    }
}

void Reactor::on_readable(proxy::SocketId id, Socket& socket, const io_uring_cqe& completion) {
    socket.receiving = false;
    socket.cancelling = false;
    if (socket.closing) {
        finish_close(id, socket);
        return;
    }
    if (completion.res < 0) {
        on_receive_error(id, socket, -completion.res);
        return;
    }
    if (!socket.wants_receive) {
        finish_lending(id, socket);
        return;
    }
    // Clients leave a quarter of the buffers to the backends.
    std::uint32_t const reserve =
        socket.group == BufferGroup::Clients ? worker_.buffers().large_count() / 4 : 0;
    buffer::Buffer* buffer =
        worker_.buffers().large_free_count() > reserve ? worker_.buffers().take_large() : nullptr;
    if (buffer == nullptr) {
        starve(id, socket);
        return;
    }
    socket.filling = buffer;
    socket.receiving = true;
    io_uring_sqe& entry = ring_.sqe();
    io_uring_prep_recv(&entry, socket.fd, buffer->data, buffer->capacity_bytes(), 0);
    io_uring_sqe_set_data64(&entry, user_data(Operation::Receive, id));
}

void Reactor::on_filled(proxy::SocketId id, Socket& socket, const io_uring_cqe& completion) {
    socket.receiving = false;
    buffer::Buffer& buffer = *std::exchange(socket.filling, nullptr);
    {
        buffer::Slice slice(buffer, 0, completion.res > 0 ? static_cast<std::uint32_t>(completion.res) : 0);
        if (completion.res > 0 && !socket.closing) {
            worker_.received(id, std::move(slice), now_);
        }
    }
    if (socket.closing) {
        finish_close(id, socket);
    } else if (completion.res <= 0) {
        on_receive_error(id, socket, -completion.res);
    } else {
        arm_receive(id, socket);
        finish_lending(id, socket);
    }
}

// -- Buffers --

void Reactor::starve(proxy::SocketId id, Socket& socket) {
    if (!socket.starved) {
        std::uint32_t& target = provided_target_[static_cast<std::size_t>(socket.group)];
        target = std::min(target * 2, ring_.group_capacity());
        socket.starved = true;
        starved_.push_back(id);
    }
}

void Reactor::refill() {
    if (ring_.features().receive == Receive::Multishot) {
        refill_group(BufferGroup::Backends, 0);
        refill_group(BufferGroup::Clients, worker_.buffers().large_count() / 4);
    }
    if (starved_.empty()) {
        return;
    }
    std::vector<proxy::SocketId> const waiting = std::exchange(starved_, {});
    for (proxy::SocketId const id : waiting) {
        Socket& socket = socket_of(id);
        std::uint32_t const reserve =
            socket.group == BufferGroup::Clients ? worker_.buffers().large_count() / 4 : 0;
        bool const served = ring_.features().receive == Receive::Multishot
                                ? ring_.provided_count(socket.group) > 0
                                : worker_.buffers().large_free_count() > reserve;
        socket.starved = false;
        if (served) {
            arm_receive(id, socket);
        } else {
            starve(id, socket);
        }
    }
}

/// Fills the kernel's ring up; `reserve` buffers stay with the pool, for the group that goes first.
void Reactor::refill_group(BufferGroup group, std::uint32_t reserve) {
    buffer::BufferPool& buffers = worker_.buffers();
    while (ring_.provided_count(group) < provided_target_[static_cast<std::size_t>(group)] &&
           buffers.large_free_count() > reserve) {
        ring_.provide(group, *buffers.take_large());
    }
    ring_.publish(group);
}

// -- Mail --

void Reactor::read_mail() {
    for (Letter& letter : mailboxes_[index_]->take()) {
        if (auto* message = std::get_if<proxy::WorkerMessage>(&letter)) {
            worker_.message(*message, now_);
        } else if (std::holds_alternative<TopologyNotice>(letter)) {
            worker_.topology_changed(publication_.current(), now_);
        } else if (auto* connection = std::get_if<Connection>(&letter)) {
            take_in(std::move(*connection));
        } else if (auto* lent = std::get_if<LentConnection>(&letter)) {
            take_over(std::move(*lent));
        } else {
            proxy::Worker::Shutdown const manner = std::get<ShutdownNotice>(letter).manner;
            // Draining, a worker without clients goes on: the kernel still gives it connections, to be
            // refused.
            stopping_ = manner == proxy::Worker::Shutdown::Now;
            worker_.shut_down(manner, now_);
        }
    }
}

}  // namespace pgring::uring
