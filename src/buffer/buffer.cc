#include "buffer/buffer.h"

#include <cstdlib>
#include <new>

#include "buffer/slice_queue.h"

namespace pgring::buffer {

namespace {

constexpr std::uint32_t kSmallPerSlab = 32;
constexpr std::uint32_t kNodesPerSlab = 64;
constexpr std::size_t kPageBytes = 4096;
constexpr std::uint32_t kLargeCountMax = 32768;

void free_bytes(std::byte* bytes) {
    std::free(bytes);
}

std::byte* allocate_pages(std::size_t size_bytes) {
    auto* bytes = static_cast<std::byte*>(std::aligned_alloc(kPageBytes, size_bytes));
    if (bytes == nullptr) {
        throw std::bad_alloc();
    }
    return bytes;
}

}  // namespace

struct BufferPool::Slab {
    std::byte memory[static_cast<std::size_t>(kSmallPerSlab) * kSmallBytes];
    Buffer buffers[kSmallPerSlab];
};

BufferPool::BufferPool(PoolLimits limits)
    : limits_(limits),
      large_memory_(allocate_pages(static_cast<std::size_t>(limits.large_count) * kLargeBytes), free_bytes) {
    ASSERT(limits.large_count > 0 && limits.large_count <= kLargeCountMax);
    large_.resize(limits.large_count);
    large_free_.reserve(limits.large_count);
    for (std::uint32_t number = limits.large_count; number-- > 0;) {
        Buffer& buffer = large_[number];
        buffer.data = large_memory_.get() + static_cast<std::size_t>(number) * kLargeBytes;
        buffer.pool = this;
        buffer.number = static_cast<std::uint16_t>(number);
        buffer.size = BufferSize::Large;
        large_free_.push_back(&buffer);
    }
}

BufferPool::~BufferPool() = default;

Buffer* BufferPool::take_large() {
    if (large_free_.empty()) {
        return nullptr;
    }
    Buffer* buffer = large_free_.back();
    large_free_.pop_back();
    buffer->used_bytes = 0;
    return buffer;
}

bool BufferPool::small_available(std::size_t count) {
    while (small_free_.size() < count) {
        if (small_made_count_ >= limits_.small_count_max) {
            return false;
        }
        make_small_buffers();
    }
    return true;
}

Buffer* BufferPool::take_small() {
    if (!small_available(1)) {
        return nullptr;
    }
    Buffer* buffer = small_free_.back();
    small_free_.pop_back();
    buffer->used_bytes = 0;
    return buffer;
}

void BufferPool::give_back(Buffer& buffer) {
    ASSERT(buffer.pool == this && buffer.references == 0);
    (buffer.size == BufferSize::Large ? large_free_ : small_free_).push_back(&buffer);
}

void BufferPool::make_small_buffers() {
    auto slab = std::make_unique_for_overwrite<Slab>();
    small_made_count_ += kSmallPerSlab;
    small_free_.reserve(small_made_count_);
    for (std::uint32_t i = kSmallPerSlab; i-- > 0;) {
        Buffer& buffer = slab->buffers[i];
        buffer = Buffer{.data = slab->memory + static_cast<std::size_t>(i) * kSmallBytes, .pool = this};
        small_free_.push_back(&buffer);
    }
    slabs_.push_back(std::move(slab));
}

void* BufferPool::take_node() {
    if (nodes_free_.empty()) {
        constexpr std::size_t kNodeBytes = SliceQueue::node_bytes();
        auto slab = std::make_unique_for_overwrite<std::byte[]>(kNodeBytes * kNodesPerSlab);
        nodes_free_.reserve((node_slabs_.size() + 1) * kNodesPerSlab);
        for (std::uint32_t i = kNodesPerSlab; i-- > 0;) {
            nodes_free_.push_back(slab.get() + i * kNodeBytes);
        }
        node_slabs_.push_back(std::move(slab));
    }
    void* node = nodes_free_.back();
    nodes_free_.pop_back();
    ++nodes_in_use_count_;
    return node;
}

void BufferPool::give_back_node(void* node) {
    ASSERT(nodes_in_use_count_ > 0);
    --nodes_in_use_count_;
    nodes_free_.push_back(node);
}

}  // namespace pgring::buffer
