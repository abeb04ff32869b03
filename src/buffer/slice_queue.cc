#include "buffer/slice_queue.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/mutation.h"

namespace pgring::buffer {

namespace {

/// A slice below this size is not worth holding a large buffer for.
constexpr std::uint32_t kSettleBelowBytes = 4096;
/// Up to this size copying costs less than what a slice of its own brings: references, a place in a node, and
/// a piece more in a gathering send, of which only so many leave at once.
constexpr std::size_t kJoinUpToBytes = 512;

}  // namespace

void SliceQueue::append(Slice slice) {
    if (tail_ == nullptr || tail_->end == kSlicesPerNode) {
        auto* node = ::new (pool_->take_node()) Node{};
        (tail_ == nullptr ? head_ : tail_->next) = node;
        tail_ = node;
    }
    size_bytes_ += slice.size();
    tail_->slices[tail_->end++] = std::move(slice);
}

/// The slice begins in the same buffer where the last one ends.
bool SliceQueue::is_continued_by(const Slice& slice) {
    const Slice* end = last();
    return end != nullptr && end->buffer_ == slice.buffer_ && end->offset_ + end->size_ == slice.offset_;
}

void SliceQueue::push(Slice slice) {
    if (slice.empty()) {
        return;
    }
    if (is_continued_by(slice)) {
        last()->size_ += slice.size_;
        size_bytes_ += slice.size_;
        return;
    }
    append(std::move(slice));
}

bool SliceQueue::push_copy(std::span<const std::byte> bytes) {
    std::size_t const room = room_at_end();
    std::size_t const beyond = bytes.size() > room ? bytes.size() - room : 0;
    if (!pool_->small_available((beyond + kSmallBytes - 1) / kSmallBytes)) {
        return false;
    }
    if (std::size_t const count = std::min(room, bytes.size()); count > 0) {
        fill_up(bytes.first(count));
        bytes = bytes.subspan(count);
    }
    while (!bytes.empty()) {
        Buffer* buffer = pool_->take_small();
        ASSERT(buffer != nullptr);
        auto const count = static_cast<std::uint32_t>(std::min<std::size_t>(bytes.size(), kSmallBytes));
        std::memcpy(buffer->data, bytes.data(), count);
        buffer->used_bytes = count;
        append(Slice(*buffer, 0, count));
        bytes = bytes.subspan(count);
    }
    return true;
}

std::size_t SliceQueue::room_at_end() {
    const Slice* end = last();
    // Only the end of the last slice may grow, and only where nobody else looks at the buffer.
    bool const grows = end != nullptr && end->buffer_->size == BufferSize::Small &&
                       end->buffer_->references == 1 && end->offset_ + end->size_ == end->buffer_->used_bytes;
    return grows ? kSmallBytes - end->buffer_->used_bytes : 0;
}

/// Copies into the room at the end, which must be large enough.
void SliceQueue::fill_up(std::span<const std::byte> bytes) {
    Slice& end = *last();
    auto const count = static_cast<std::uint32_t>(bytes.size());
    std::memcpy(end.buffer_->data + end.buffer_->used_bytes, bytes.data(), count);
    end.buffer_->used_bytes += count;
    end.size_ += count;
    size_bytes_ += count;
}

/// So many bytes cost less as a copy behind what was copied before than as a slice of their own.
bool SliceQueue::better_copied(std::size_t size_bytes) {
    return size_bytes <= kJoinUpToBytes && size_bytes <= room_at_end();
}

void SliceQueue::settle_last() {
    const Slice* end = last();
    if (end == nullptr || end->buffer_->size == BufferSize::Small || end->size_ >= kSettleBelowBytes) {
        return;
    }
    Slice large = take_last();
    if (PGRING_MUTATION(BufferNotReturned)) {
        ++large.buffer_->references;
    }
    if (!push_copy(large.bytes())) {
        append(std::move(large));
    }
}

void SliceQueue::settle_all() {
    SliceQueue settled(*pool_);
    while (head_ != nullptr) {
        const Slice& front = head_->slices[head_->first];
        std::size_t const size_bytes = front.size();
        if (front.buffer_->size == BufferSize::Large && settled.push_copy(front.bytes())) {
            consume(size_bytes);
        } else {
            move_front(size_bytes, settled);
        }
    }
    std::swap(head_, settled.head_);
    std::swap(tail_, settled.tail_);
    std::swap(size_bytes_, settled.size_bytes_);
}

Slice SliceQueue::take_last() {
    Slice slice = std::move(*last());
    size_bytes_ -= slice.size_;
    if (--tail_->end == tail_->first) {
        Node* emptied = tail_;
        if (head_ == emptied) {
            pop_node();
        } else {
            Node* before = head_;
            while (before->next != emptied) {
                before = before->next;
            }
            before->next = nullptr;
            tail_ = before;
            emptied->~Node();
            pool_->give_back_node(emptied);
        }
    }
    return slice;
}

std::span<const std::byte> SliceQueue::later_piece_at(std::size_t offset) const {
    for (const Node* node = head_; node != nullptr; node = node->next) {
        for (std::uint32_t i = node->first; i < node->end; ++i) {
            const Slice& slice = node->slices[i];
            if (offset < slice.size()) {
                return slice.bytes().subspan(offset);
            }
            offset -= slice.size();
        }
    }
    return {};
}

/// view() of what does not lie together.
std::span<const std::byte> SliceQueue::copy_to(std::size_t offset, std::size_t size_bytes,
                                               std::span<std::byte> scratch) const {
    ASSERT(scratch.size() >= size_bytes);
    std::size_t copied = 0;
    for (const Node* node = head_; node != nullptr && copied < size_bytes; node = node->next) {
        for (std::uint32_t i = node->first; i < node->end && copied < size_bytes; ++i) {
            std::span<const std::byte> const bytes = node->slices[i].bytes();
            if (offset >= bytes.size()) {
                offset -= bytes.size();
                continue;
            }
            std::size_t const count = std::min(bytes.size() - offset, size_bytes - copied);
            std::memcpy(scratch.data() + copied, bytes.data() + offset, count);
            copied += count;
            offset = 0;
        }
    }
    return scratch.first(size_bytes);
}

void SliceQueue::move_front(std::size_t size_bytes, SliceQueue& to) {
    ASSERT(size_bytes <= size_bytes_);
    while (size_bytes > 0) {
        const Slice& front = head_->slices[head_->first];
        auto const count = static_cast<std::uint32_t>(std::min<std::size_t>(size_bytes, front.size()));
        if (to.is_continued_by(front)) {
            to.last()->size_ += count;
            to.size_bytes_ += count;
        } else if (to.better_copied(count)) {
            to.fill_up(front.bytes().first(count));
        } else {
            to.append(front.share(0, count));
        }
        consume(count);
        size_bytes -= count;
    }
}

void SliceQueue::consume(std::size_t size_bytes) {
    ASSERT(size_bytes <= size_bytes_);
    size_bytes_ -= size_bytes;
    while (size_bytes > 0) {
        Slice& front = head_->slices[head_->first];
        if (front.size() > size_bytes) {
            front.drop_front(static_cast<std::uint32_t>(size_bytes));
            return;
        }
        size_bytes -= front.size();
        front.reset();
        if (++head_->first == head_->end) {
            pop_node();
        }
    }
}

std::size_t SliceQueue::gather(std::span<std::span<const std::byte>> pieces) const {
    std::size_t count = 0;
    for (const Node* node = head_; node != nullptr; node = node->next) {
        for (std::uint32_t i = node->first; i < node->end; ++i) {
            if (count == pieces.size()) {
                return count;
            }
            pieces[count++] = node->slices[i].bytes();
        }
    }
    return count;
}

void SliceQueue::clear() {
    while (head_ != nullptr) {
        pop_node();
    }
    size_bytes_ = 0;
}

void SliceQueue::pop_node() {
    Node* node = head_;
    head_ = node->next;
    if (head_ == nullptr) {
        tail_ = nullptr;
    }
    node->~Node();
    pool_->give_back_node(node);
}

}  // namespace pgring::buffer
