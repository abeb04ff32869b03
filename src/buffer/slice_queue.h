#pragma once
/// A queue of slices: what waits to be sent on one socket, or to be read from it. Empty it costs 32 bytes and
/// holds no memory, so that an idle client is cheap; its nodes come from the worker's pool.

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "buffer/buffer.h"

namespace pgring::buffer {

class SliceQueue {
  public:
    explicit SliceQueue(BufferPool& pool) : pool_(&pool) {}
    SliceQueue(const SliceQueue&) = delete;
    SliceQueue& operator=(const SliceQueue&) = delete;
    ~SliceQueue() { clear(); }

    [[nodiscard]] bool empty() const { return size_bytes_ == 0; }
    [[nodiscard]] std::size_t size_bytes() const { return size_bytes_; }

    /// Appends; a slice that continues the last one in the same buffer makes that one longer.
    void push(Slice slice);

    /// Appends a copy of `bytes` in small buffers. Returns false, with nothing appended, when no small buffer
    /// is left.
    [[nodiscard]] bool push_copy(std::span<const std::byte> bytes);

    /// Copies the last slice into small buffers and lets its large buffer go, if that saves memory: called
    /// for input that has to stay, because a few bytes would otherwise hold 64 KB.
    void settle_last();
    /// The same for all slices, whatever it takes: called for input that has to stay for long. What no small
    /// buffer is left for stays where it is.
    void settle_all();

    /// The longest contiguous piece at `offset`; empty at the end. Valid until the queue changes.
    [[nodiscard]] std::span<const std::byte> piece_at(std::size_t offset) const {
        // Nearly always in the first slice.
        if (head_ != nullptr && offset < head_->slices[head_->first].size()) {
            return head_->slices[head_->first].bytes().subspan(offset);
        }
        return later_piece_at(offset);
    }

    /// `size_bytes` bytes at `offset` in one piece: in place where they lie together, else copied to
    /// `scratch`, which must be large enough. All of them must be in the queue.
    [[nodiscard]] std::span<const std::byte> view(std::size_t offset, std::size_t size_bytes,
                                                  std::span<std::byte> scratch) const {
        ASSERT(offset + size_bytes <= size_bytes_);
        std::span<const std::byte> const piece = piece_at(offset);
        return piece.size() >= size_bytes ? piece.first(size_bytes) : copy_to(offset, size_bytes, scratch);
    }

    /// Exchanges what they hold. What was gathered of either stays where it is.
    void swap(SliceQueue& other) {
        std::swap(pool_, other.pool_);
        std::swap(head_, other.head_);
        std::swap(tail_, other.tail_);
        std::swap(size_bytes_, other.size_bytes_);
    }

    /// Moves `size_bytes` bytes from the front of this queue to the end of `to`. Only a small piece behind
    /// bytes that were copied anyway is copied, too, so that both leave as one.
    void move_front(std::size_t size_bytes, SliceQueue& to);

    /// Drops `size_bytes` from the front; at most all.
    void consume(std::size_t size_bytes);

    /// Describes the front of the queue piece by piece; returns how many pieces of `pieces` it filled. They
    /// stay valid until consume(), whatever is pushed meanwhile.
    [[nodiscard]] std::size_t gather(std::span<std::span<const std::byte>> pieces) const;

    void clear();

    /// Size of a node, for the pool that cuts them.
    [[nodiscard]] static constexpr std::size_t node_bytes();

  private:
    static constexpr std::uint32_t kSlicesPerNode = 7;
    struct Node {
        Node* next;
        std::uint32_t first;
        std::uint32_t end;
        Slice slices[kSlicesPerNode];
    };

    [[nodiscard]] Slice* last() { return tail_ == nullptr ? nullptr : &tail_->slices[tail_->end - 1]; }
    void append(Slice slice);
    Slice take_last();
    [[nodiscard]] bool is_continued_by(const Slice& slice);
    [[nodiscard]] std::size_t room_at_end();
    [[nodiscard]] bool better_copied(std::size_t size_bytes);
    void fill_up(std::span<const std::byte> bytes);
    [[nodiscard]] std::span<const std::byte> later_piece_at(std::size_t offset) const;
    [[nodiscard]] std::span<const std::byte> copy_to(std::size_t offset, std::size_t size_bytes,
                                                     std::span<std::byte> scratch) const;
    void pop_node();

    BufferPool* pool_;
    Node* head_ = nullptr;
    Node* tail_ = nullptr;
    std::size_t size_bytes_ = 0;
};

constexpr std::size_t SliceQueue::node_bytes() {
    return sizeof(Node);
}

static_assert(sizeof(SliceQueue) == 32);

}  // namespace pgring::buffer
