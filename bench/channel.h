#pragma once
/// A nonblocking socket with what has come and was not yet understood, and what has yet to go. Both ends of
/// the instruments, bench/load and bench/backend, are made of these.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "uring/sockets.h"

namespace pgring::bench {

/// Memory that all channels of a thread receive into, one after the other.
using Scratch = std::vector<std::byte>;
inline constexpr std::size_t kScratchBytes = std::size_t{256} * 1024;

class Channel {
  public:
    /// The socket becomes nonblocking.
    explicit Channel(uring::Descriptor socket);

    [[nodiscard]] int fd() const { return socket_.get(); }

    /// Receives once. Returns all that waits to be understood, which lies in `scratch` until its next use;
    /// nothing when the other side has ended, or sent what does not fit.
    [[nodiscard]] std::optional<std::span<const std::byte>> receive(Scratch& scratch);
    /// Remembers the part of what receive() returned that is not yet a whole message.
    void keep(std::span<const std::byte> rest);

    /// What is written here leaves with the next flush().
    [[nodiscard]] std::vector<std::byte>& out() { return out_; }
    /// Behind out(): `block` over and over, `size_bytes` in all, from where it lies. Nothing may be written
    /// to out() until it is gone.
    void repeat(std::span<const std::byte> block, std::uint64_t size_bytes);

    /// Sends what the kernel takes now. False when the other side has ended.
    [[nodiscard]] bool flush();
    [[nodiscard]] bool drained() const { return out_sent_ == out_.size() && repeat_left_bytes_ == 0; }

  private:
    /// The next bytes to go, in one piece.
    [[nodiscard]] std::span<const std::byte> front() const;
    void sent(std::size_t size_bytes);

    uring::Descriptor socket_;
    std::vector<std::byte> kept_;
    std::vector<std::byte> out_;
    std::size_t out_sent_ = 0;
    std::span<const std::byte> repeat_block_;
    std::size_t repeat_offset_ = 0;
    std::uint64_t repeat_left_bytes_ = 0;
};

}  // namespace pgring::bench
