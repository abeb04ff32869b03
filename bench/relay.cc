#include "relay.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <span>
#include <utility>

#include <poll.h>

#include "base/contract.h"
#include "session/shared.h"

namespace pgring::bench {

namespace {

/// As the reactor's.
constexpr std::uint32_t kProvidedAtFirst = 64;
constexpr unsigned kOperationShift = 56;

}  // namespace

Relay::Socket::Socket(Pair& owner, std::uint32_t name, buffer::BufferPool& buffers)
    : pair(owner),
      number(name),
      group(name % 2 == 0 ? uring::BufferGroup::Clients : uring::BufferGroup::Backends),
      out(buffers) {}

Relay::Pair::Pair(std::uint32_t index, buffer::BufferPool& buffers)
    : client(*this, index * 2, buffers), server(*this, index * 2 + 1, buffers) {}

Relay::Relay(const RelayOptions& options)
    : ring_(options.ring),
      listener_(options.listener),
      server_(options.server),
      settings_(options.settings),
      stop_(options.stop),
      buffers_({.large_count = options.ring.group_capacity() * 2}),
      provided_target_{std::min(kProvidedAtFirst, options.ring.group_capacity()),
                       std::min(kProvidedAtFirst, options.ring.group_capacity())} {
    ASSERT(ring_.features().receive == uring::Receive::Multishot);
}

std::expected<void, std::string> Relay::run() {
    accept();
    watch_for_stop();
    while (request_count_ > 0) {
        send_queued();
        refill();
        io_uring_submit_and_wait(&ring_.get(), 1);
        io_uring_cqe* completions[64];
        unsigned count = 0;
        do {
            count = io_uring_peek_batch_cqe(&ring_.get(), completions, std::size(completions));
            for (unsigned i = 0; i < count; ++i) {
                complete(*completions[i]);
            }
            io_uring_cq_advance(&ring_.get(), count);
        } while (count == std::size(completions));
    }
    ASSERT(pairs_open_count_ == 0);
    if (!error_.empty()) {
        return std::unexpected(error_);
    }
    return {};
}

Relay::Socket& Relay::peer_of(Socket& socket) {
    return &socket == &socket.pair.client ? socket.pair.server : socket.pair.client;
}

Relay::Socket& Relay::socket_of(std::uint32_t number) {
    ASSERT(number / 2 < pairs_.size());
    Pair& pair = pairs_[number / 2];
    return number % 2 == 0 ? pair.client : pair.server;
}

Relay::Pair& Relay::take_pair() {
    ++pairs_open_count_;
    if (pairs_free_.empty()) {
        return pairs_.emplace_back(static_cast<std::uint32_t>(pairs_.size()), buffers_);
    }
    Pair& pair = *pairs_free_.back();
    pairs_free_.pop_back();
    return pair;
}

// -- Requests --

std::uint64_t Relay::name_of(Operation operation, const Socket& socket) {
    return static_cast<std::uint64_t>(operation) << kOperationShift | socket.number;
}

void Relay::count_request(io_uring_sqe& entry, Operation operation) {
    io_uring_sqe_set_data64(&entry, static_cast<std::uint64_t>(operation) << kOperationShift);
    ++request_count_;
}

void Relay::count_request(io_uring_sqe& entry, Operation operation, Socket& socket) {
    io_uring_sqe_set_data64(&entry, name_of(operation, socket));
    ++request_count_;
    ++socket.pair.request_count;
}

void Relay::accept() {
    io_uring_sqe& entry = ring_.sqe();
    io_uring_prep_multishot_accept(&entry, listener_.descriptor.get(), nullptr, nullptr, SOCK_CLOEXEC);
    count_request(entry, Operation::Accept);
}

void Relay::watch_for_stop() {
    io_uring_sqe& entry = ring_.sqe();
    io_uring_prep_poll_add(&entry, stop_, POLLIN);
    count_request(entry, Operation::Stop);
}

void Relay::connect(Socket& server) {
    io_uring_sqe& entry = ring_.sqe();
    io_uring_prep_connect(&entry, server.descriptor.get(),
                          reinterpret_cast<const sockaddr*>(&server_.storage), server_.size);
    count_request(entry, Operation::Connect, server);
}

void Relay::receive(Socket& socket) {
    if (socket.pair.state != State::Open || socket.receiving || socket.paused || socket.starved) {
        return;
    }
    socket.receiving = true;
    io_uring_sqe& entry = ring_.sqe();
    io_uring_prep_recv_multishot(&entry, socket.descriptor.get(), nullptr, 0, 0);
    entry.flags |= IOSQE_BUFFER_SELECT;
    entry.buf_group = static_cast<std::uint16_t>(socket.group);
    count_request(entry, Operation::Receive, socket);
}

void Relay::send(Socket& socket) {
    ASSERT(!socket.sending);
    std::array<std::span<const std::byte>, kPiecesMax> pieces;
    std::size_t const count = socket.out.gather(pieces);
    ASSERT(count > 0);
    socket.sending = true;
    constexpr int kFlags = MSG_WAITALL | MSG_NOSIGNAL;
    io_uring_sqe& entry = ring_.sqe();
    if (count == 1) {
        io_uring_prep_send(&entry, socket.descriptor.get(), pieces[0].data(), pieces[0].size(), kFlags);
    } else {
        for (std::size_t i = 0; i < count; ++i) {
            socket.pieces[i] = {.iov_base = const_cast<std::byte*>(pieces[i].data()),
                                .iov_len = pieces[i].size()};
        }
        socket.header = msghdr{};
        socket.header.msg_iov = socket.pieces.data();
        socket.header.msg_iovlen = count;
        io_uring_prep_sendmsg(&entry, socket.descriptor.get(), &socket.header, kFlags);
    }
    count_request(entry, Operation::Send, socket);
}

void Relay::cancel(Operation operation, Socket& socket) {
    io_uring_sqe& entry = ring_.sqe();
    io_uring_prep_cancel64(&entry, name_of(operation, socket), 0);
    count_request(entry, Operation::Cancel, socket);
}

/// At the end of the turn, so that what else comes for this socket in this turn leaves with it.
void Relay::send_later(Socket& socket) {
    if (!socket.sending && !socket.queued) {
        socket.queued = true;
        to_send_.push_back(&socket);
    }
}

void Relay::send_queued() {
    for (Socket* const socket : to_send_) {
        socket->queued = false;
        bool const wanted = socket->pair.state == State::Open || socket->pair.state == State::Draining;
        if (wanted && !socket->out.empty()) {
            send(*socket);
        }
    }
    to_send_.clear();
}

// -- Completions --

void Relay::complete(const io_uring_cqe& completion) {
    auto const operation = static_cast<Operation>(completion.user_data >> kOperationShift);
    bool const last = (completion.flags & IORING_CQE_F_MORE) == 0;
    if (last) {
        ASSERT(request_count_ > 0);
        --request_count_;
    }
    if (operation == Operation::Accept) {
        on_accepted(completion.res);
        if (last && !stopping_) {
            accept();
        }
        return;
    }
    if (operation == Operation::Stop) {
        stop();
        return;
    }
    Socket& socket = socket_of(static_cast<std::uint32_t>(completion.user_data));
    if (last) {
        ASSERT(socket.pair.request_count > 0);
        --socket.pair.request_count;
    }
    switch (operation) {
        case Operation::Connect:
            on_connected(socket.pair, completion.res);
            break;
        case Operation::Receive:
            on_received(socket, completion);
            break;
        case Operation::Send:
            on_sent(socket, completion.res);
            break;
        case Operation::Cancel:  // What was cancelled completes by itself.
        case Operation::Accept:
        case Operation::Stop:
            break;
    }
    release_if_done(socket.pair);
}

void Relay::on_accepted(int result) {
    uring::Descriptor client(result);
    if (stopping_) {
        return;
    }
    auto server = uring::open_socket(server_.family(), settings_);
    if (result < 0 || !server.has_value()) {
        // Fewer clients than were asked for would be measured as if they were all there.
        error_ = std::string("cannot take a client: ") + std::strerror(result < 0 ? -result : server.error());
        stop();
        return;
    }
    Pair& pair = take_pair();
    ASSERT(pair.state == State::Free && pair.request_count == 0);
    pair.state = State::Connecting;
    pair.client.descriptor = std::move(client);
    pair.server.descriptor = std::move(*server);
    connect(pair.server);
}

void Relay::on_connected(Pair& pair, int result) {
    if (pair.state != State::Connecting) {
        return;
    }
    if (result < 0) {
        close(pair);
        return;
    }
    pair.state = State::Open;
    receive(pair.client);
    receive(pair.server);
}

void Relay::on_received(Socket& socket, const io_uring_cqe& completion) {
    if ((completion.flags & IORING_CQE_F_MORE) == 0) {
        socket.receiving = false;
    }
    if ((completion.flags & IORING_CQE_F_BUFFER) != 0) {
        ring_.took(socket.group);
        auto const number = static_cast<std::uint16_t>(completion.flags >> IORING_CQE_BUFFER_SHIFT);
        buffer::Slice slice(buffers_.large(number), 0,
                            static_cast<std::uint32_t>(std::max(completion.res, 0)));
        if (socket.pair.state == State::Open) {
            forward(socket, std::move(slice));
        }
    }
    if (completion.res > 0 || completion.res == -ECANCELED) {
        receive(socket);
    } else if (completion.res == -ENOBUFS) {
        starve(socket);
    } else if (socket.pair.state == State::Open) {
        drain(peer_of(socket));
    }
}

void Relay::on_sent(Socket& socket, int result) {
    socket.sending = false;
    Pair& pair = socket.pair;
    if (pair.state == State::Closing) {
        return;
    }
    if (result < 0) {
        // This side has ended. Where nothing comes from it any more that could be delivered, that is all.
        if (pair.state == State::Open) {
            drain(peer_of(socket));
        } else if (pair.last == &socket) {
            close(pair);
        }
        return;
    }
    socket.out.consume(static_cast<std::size_t>(result));
    if (!socket.out.empty()) {
        send_later(socket);
    }
    Socket& source = peer_of(socket);
    if (source.paused && socket.out.size_bytes() < session::kQueueLowBytes) {
        source.paused = false;
        receive(source);
    }
    close_if_drained(pair);
}

void Relay::forward(Socket& from, buffer::Slice slice) {
    Socket& to = peer_of(from);
    to.out.push(std::move(slice));
    send_later(to);
    if (to.out.size_bytes() > session::kQueueHighBytes && !from.paused) {
        from.paused = true;
        if (from.receiving) {
            cancel(Operation::Receive, from);
        }
    }
}

// -- Ends --

void Relay::drain(Socket& last) {
    ASSERT(last.pair.state == State::Open);
    last.pair.state = State::Draining;
    last.pair.last = &last;
    close_if_drained(last.pair);
}

void Relay::close_if_drained(Pair& pair) {
    if (pair.state == State::Draining && pair.last->out.empty()) {
        close(pair);
    }
}

void Relay::close(Pair& pair) {
    ASSERT(pair.state != State::Free && pair.state != State::Closing);
    if (pair.state == State::Connecting) {
        cancel(Operation::Connect, pair.server);
    }
    pair.state = State::Closing;
    // Ends a receive with end of file and a send that waits with EPIPE.
    ::shutdown(pair.client.descriptor.get(), SHUT_RDWR);
    ::shutdown(pair.server.descriptor.get(), SHUT_RDWR);
}

void Relay::release_if_done(Pair& pair) {
    if (pair.state != State::Closing || pair.request_count > 0) {
        return;
    }
    for (Socket* const socket : {&pair.client, &pair.server}) {
        ASSERT(!socket->receiving && !socket->sending);
        socket->descriptor = uring::Descriptor();
        socket->out.clear();
        socket->paused = false;
        // In to_send_ and starved_ it may still stand; both look at the state when its turn comes.
    }
    pair.last = nullptr;
    pair.state = State::Free;
    pairs_free_.push_back(&pair);
    --pairs_open_count_;
    check_buffers();
}

void Relay::stop() {
    if (std::exchange(stopping_, true)) {
        return;
    }
    for (Operation const operation : {Operation::Accept, Operation::Stop}) {
        io_uring_sqe& entry = ring_.sqe();
        io_uring_prep_cancel64(&entry, static_cast<std::uint64_t>(operation) << kOperationShift, 0);
        count_request(entry, Operation::Stop);
    }
    for (Pair& pair : pairs_) {
        if (pair.state != State::Free && pair.state != State::Closing) {
            close(pair);
            release_if_done(pair);
        }
    }
}

// -- Buffers --

void Relay::starve(Socket& socket) {
    ASSERT(!socket.starved);
    std::uint32_t& target = provided_target_[static_cast<std::size_t>(socket.group)];
    target = std::min(target * 2, ring_.group_capacity());
    socket.starved = true;
    starved_.push_back(&socket);
}

void Relay::refill() {
    refill_group(uring::BufferGroup::Backends, 0);
    // Clients leave a quarter to the servers, so that answers can always come in.
    refill_group(uring::BufferGroup::Clients, buffers_.large_count() / 4);
    check_buffers();
    auto const served = [this](Socket* socket) {
        if (ring_.provided_count(socket->group) == 0) {
            return false;
        }
        socket->starved = false;
        receive(*socket);
        return true;
    };
    std::erase_if(starved_, served);
}

void Relay::refill_group(uring::BufferGroup group, std::uint32_t reserve) {
    while (ring_.provided_count(group) < provided_target_[static_cast<std::size_t>(group)] &&
           buffers_.large_free_count() > reserve) {
        ring_.provide(group, *buffers_.take_large());
    }
    ring_.publish(group);
}

void Relay::check_buffers() const {
    std::uint32_t const idle = buffers_.large_free_count() +
                               ring_.provided_count(uring::BufferGroup::Clients) +
                               ring_.provided_count(uring::BufferGroup::Backends);
    ASSERT(idle <= buffers_.large_count());
    if (pairs_open_count_ == 0) {
        ASSERT(idle == buffers_.large_count() && buffers_.nodes_in_use_count() == 0);
    }
}

}  // namespace pgring::bench
