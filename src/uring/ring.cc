#include "uring/ring.h"

#include <cerrno>
#include <cstring>
#include <vector>

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/contract.h"

namespace pgring::uring {

namespace {

constexpr unsigned kSubmissionEntries = 1024;
/// Thousands of sockets may complete between two looks; a completion ring that overflows costs a slow path.
constexpr unsigned kCompletionEntries = 16384;

int try_setup(io_uring& ring, unsigned flags) {
    io_uring_params params{};
    params.flags = flags | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE;
    params.cq_entries = kCompletionEntries;
    return io_uring_queue_init_params(kSubmissionEntries, &ring, &params);
}

std::string setup_error(int error) {
    std::string text = "io_uring is not available: ";
    text += std::strerror(error);
    switch (error) {
        case ENOSYS:
            text += "; pgring needs Linux 6.1 or later";
            break;
        case EPERM:
        case EACCES:
            text += "; set kernel.io_uring_disabled=0, and allow io_uring in the service's seccomp filter";
            break;
        case ENOMEM:
            text += "; raise the limit of locked memory (LimitMEMLOCK=)";
            break;
        default:
            break;
    }
    return text;
}

std::size_t ring_bytes(std::uint32_t entries) {
    return entries * sizeof(io_uring_buf);
}

}  // namespace

std::string_view to_string(TaskRun task_run) {
    switch (task_run) {
        case TaskRun::Defer:
            return "defer";
        case TaskRun::Coop:
            return "coop";
        case TaskRun::Plain:
            return "plain";
    }
    return "unknown";
}

std::string_view to_string(Receive receive) {
    switch (receive) {
        case Receive::Multishot:
            return "multishot";
        case Receive::Poll:
            return "poll";
    }
    return "unknown";
}

std::expected<std::unique_ptr<Ring>, std::string> Ring::create(config::RingMode mode,
                                                               std::uint32_t buffers_per_group) {
    std::unique_ptr<Ring> ring(new Ring(buffers_per_group));
    struct Attempt {
        TaskRun task_run;
        unsigned flags;
        bool wanted;
    };
    bool const automatic = mode == config::RingMode::Auto;
    const Attempt attempts[] = {
        {TaskRun::Defer, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
         automatic || mode == config::RingMode::Defer},
        {TaskRun::Coop, IORING_SETUP_COOP_TASKRUN, automatic || mode == config::RingMode::Coop},
        {TaskRun::Plain, 0, automatic || mode == config::RingMode::Plain},
    };
    int error = ENOSYS;
    for (const Attempt& attempt : attempts) {
        if (!attempt.wanted) {
            continue;
        }
        int const result = try_setup(ring->ring_, attempt.flags);
        if (result == 0) {
            ring->initialized_ = true;
            ring->features_.task_run = attempt.task_run;
            break;
        }
        error = -result;
    }
    if (!ring->initialized_) {
        return std::unexpected(setup_error(error));
    }
    ring->features_.registered_ring = io_uring_register_ring_fd(&ring->ring_) == 1;
    // "plain" is also what a kernel without any of it gives, so that the fallback can be had, and tested,
    // everywhere.
    bool const multishot = mode != config::RingMode::Plain && ring->register_group(BufferGroup::Clients) &&
                           ring->register_group(BufferGroup::Backends) && ring->multishot_works();
    ring->features_.receive = multishot ? Receive::Multishot : Receive::Poll;
    return ring;
}

Ring::~Ring() {
    if (initialized_) {
        io_uring_queue_exit(&ring_);
    }
    for (Group& group : groups_) {
        if (group.ring != nullptr) {
            ::munmap(group.ring, ring_bytes(buffers_per_group_));
        }
    }
}

bool Ring::register_group(BufferGroup group) {
    void* const memory = ::mmap(nullptr, ring_bytes(buffers_per_group_), PROT_READ | PROT_WRITE,
                                MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    if (memory == MAP_FAILED) {
        return false;
    }
    Group& made = groups_[static_cast<int>(group)];
    made.ring = static_cast<io_uring_buf_ring*>(memory);
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uint64_t>(memory);
    registration.ring_entries = buffers_per_group_;
    registration.bgid = static_cast<std::uint16_t>(group);
    if (io_uring_register_buf_ring(&ring_, &registration, 0) != 0) {
        return false;
    }
    io_uring_buf_ring_init(made.ring);
    return true;
}

/// Receives one byte on a socket pair by multishot receive: kernels before 6.0 know the opcode, not the flag.
bool Ring::multishot_works() {
    int sockets[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
        return false;
    }
    std::byte memory[64];
    Group& group = groups_[static_cast<int>(BufferGroup::Clients)];
    io_uring_buf_ring_add(group.ring, memory, sizeof memory, 0, io_uring_buf_ring_mask(buffers_per_group_),
                          0);
    io_uring_buf_ring_advance(group.ring, 1);
    io_uring_sqe& entry = sqe();
    io_uring_prep_recv_multishot(&entry, sockets[0], nullptr, 0, 0);
    entry.flags |= IOSQE_BUFFER_SELECT;
    entry.buf_group = static_cast<std::uint16_t>(BufferGroup::Clients);
    char const byte = 'x';
    bool works = ::write(sockets[1], &byte, 1) == 1 && io_uring_submit(&ring_) == 1;
    io_uring_cqe* completion = nullptr;
    works = works && io_uring_wait_cqe(&ring_, &completion) == 0 && completion->res == 1 &&
            (completion->flags & IORING_CQE_F_MORE) != 0;
    bool const under_way = works;
    if (completion != nullptr) {
        io_uring_cqe_seen(&ring_, completion);
    }
    ::close(sockets[1]);
    if (under_way && io_uring_wait_cqe(&ring_, &completion) == 0) {
        io_uring_cqe_seen(&ring_, completion);
    }
    ::close(sockets[0]);
    return works;
}

io_uring_sqe& Ring::sqe() {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    while (entry == nullptr) {
        io_uring_submit(&ring_);
        entry = io_uring_get_sqe(&ring_);
    }
    return *entry;
}

void Ring::provide(BufferGroup group, const buffer::Buffer& buffer) {
    Group& ring = groups_[static_cast<int>(group)];
    io_uring_buf_ring_add(ring.ring, buffer.data, buffer.capacity_bytes(), buffer.number,
                          io_uring_buf_ring_mask(buffers_per_group_), ring.pending++);
    ++ring.count;
}

void Ring::publish(BufferGroup group) {
    Group& ring = groups_[static_cast<int>(group)];
    if (ring.pending > 0) {
        io_uring_buf_ring_advance(ring.ring, ring.pending);
        ring.pending = 0;
    }
}

}  // namespace pgring::uring
