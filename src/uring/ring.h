#pragma once
/// One io_uring instance with its rings of provided buffers, set up as well as the kernel allows.
///
/// Created and used by one thread (SINGLE_ISSUER). Kernel versions: what pgring uses by default is in
/// Linux 6.1; what a kernel lacks is found by trying, and replaced by something slower.

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include <liburing.h>

#include "buffer/buffer.h"
#include "config/settings.h"

namespace pgring::uring {

/// How completions run.
enum class TaskRun : std::uint8_t {
    Defer,  ///< SINGLE_ISSUER | DEFER_TASKRUN (6.1): only when this thread waits for them
    Coop,   ///< COOP_TASKRUN (5.19): at the next system call
    Plain,  ///< by interrupting the thread
};

/// How bytes are received.
enum class Receive : std::uint8_t {
    Multishot,  ///< one request a socket, buffers from a shared ring (6.0)
    Poll,       ///< wait until readable, then receive into a buffer of the pool
};

/// What was found at start; one line of the log.
struct Features {
    TaskRun task_run = TaskRun::Plain;
    Receive receive = Receive::Poll;
    /// The ring's own descriptor is registered: a cheaper io_uring_enter (5.18).
    bool registered_ring = false;
};

[[nodiscard]] std::string_view to_string(TaskRun task_run);
[[nodiscard]] std::string_view to_string(Receive receive);

/// Which ring of buffers a socket receives from.
enum class BufferGroup : std::uint16_t { Clients = 0, Backends = 1 };

class Ring {
  public:
    /// Errors: io_uring is not to be had (kernel.io_uring_disabled, seccomp, memlock limits); the text says
    /// what to do.
    [[nodiscard]] static std::expected<std::unique_ptr<Ring>, std::string> create(
        config::RingMode mode, std::uint32_t buffers_per_group);
    ~Ring();
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    [[nodiscard]] io_uring& get() { return ring_; }
    [[nodiscard]] const Features& features() const { return features_; }

    /// A submission entry; submits what is queued when the ring is full.
    [[nodiscard]] io_uring_sqe& sqe();

    /// Hands a buffer to the kernel; publish() makes it visible.
    void provide(BufferGroup group, const buffer::Buffer& buffer);
    void publish(BufferGroup group);
    /// Buffers the kernel holds.
    [[nodiscard]] std::uint32_t provided_count(BufferGroup group) const {
        return groups_[static_cast<int>(group)].count;
    }
    void took(BufferGroup group) { --groups_[static_cast<int>(group)].count; }
    [[nodiscard]] std::uint32_t group_capacity() const { return buffers_per_group_; }

  private:
    struct Group {
        io_uring_buf_ring* ring = nullptr;
        std::uint32_t count = 0;
        int pending = 0;
    };

    explicit Ring(std::uint32_t buffers_per_group) : buffers_per_group_(buffers_per_group) {}
    [[nodiscard]] bool register_group(BufferGroup group);
    [[nodiscard]] bool multishot_works();

    io_uring ring_{};
    bool initialized_ = false;
    std::uint32_t buffers_per_group_;
    Features features_;
    Group groups_[2];
};

}  // namespace pgring::uring
