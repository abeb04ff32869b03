#include "channel.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>

#include "base/contract.h"

namespace pgring::bench {

Channel::Channel(uring::Descriptor socket) : socket_(std::move(socket)) {
    static_cast<void>(::fcntl(fd(), F_SETFL, O_NONBLOCK));
}

std::optional<std::span<const std::byte>> Channel::receive(Scratch& scratch) {
    ASSERT(scratch.size() == kScratchBytes);
    std::size_t const kept_bytes = kept_.size();
    if (kept_bytes == scratch.size()) {
        return std::nullopt;
    }
    std::ranges::copy(kept_, scratch.begin());
    kept_.clear();
    ssize_t const count = ::recv(fd(), scratch.data() + kept_bytes, scratch.size() - kept_bytes, 0);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
        return std::nullopt;
    }
    return std::span(scratch).first(kept_bytes + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
}

void Channel::keep(std::span<const std::byte> rest) {
    kept_.assign(rest.begin(), rest.end());
}

void Channel::repeat(std::span<const std::byte> block, std::uint64_t size_bytes) {
    ASSERT(repeat_left_bytes_ == 0 && !block.empty());
    repeat_block_ = block;
    repeat_offset_ = 0;
    repeat_left_bytes_ = size_bytes;
}

bool Channel::flush() {
    while (!drained()) {
        std::span<const std::byte> const next = front();
        ssize_t const count = ::send(fd(), next.data(), next.size(), MSG_NOSIGNAL);
        if (count < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        sent(static_cast<std::size_t>(count));
    }
    return true;
}

std::span<const std::byte> Channel::front() const {
    if (out_sent_ < out_.size()) {
        return std::span(out_).subspan(out_sent_);
    }
    std::span<const std::byte> const rest = repeat_block_.subspan(repeat_offset_);
    return rest.first(std::min<std::uint64_t>(rest.size(), repeat_left_bytes_));
}

void Channel::sent(std::size_t size_bytes) {
    if (out_sent_ < out_.size()) {
        out_sent_ += size_bytes;
        if (out_sent_ == out_.size()) {
            out_.clear();
            out_sent_ = 0;
        }
        return;
    }
    repeat_left_bytes_ -= size_bytes;
    repeat_offset_ = (repeat_offset_ + size_bytes) % repeat_block_.size();
}

}  // namespace pgring::bench
