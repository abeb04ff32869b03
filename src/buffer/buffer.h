#pragma once
/// Buffers: fixed-size pieces of memory with a reference count, so that bytes the kernel wrote for one socket
/// can be sent on another without being copied. There are two sizes: large ones are lent to the kernel for
/// receiving, small ones hold what pgring writes itself and what has to stay while its large buffer goes
/// back.
///
/// A pool and all that came out of it belong to one thread.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/contract.h"

namespace pgring::buffer {

class BufferPool;

inline constexpr std::uint32_t kLargeBytes = 64 * 1024;
inline constexpr std::uint32_t kSmallBytes = 2 * 1024;

enum class BufferSize : std::uint8_t { Large, Small };

/// One piece of memory. Owned through Slice; counted, returned to its pool when the last slice lets go.
struct Buffer {
    std::byte* data = nullptr;
    BufferPool* pool = nullptr;
    std::uint32_t references = 0;
    /// Bytes from the front that somebody has written; only the writer at the end of a SliceQueue moves it.
    std::uint32_t used_bytes = 0;
    /// Number of a large buffer within its pool (the kernel's buffer id); 0 for small ones.
    std::uint16_t number = 0;
    BufferSize size = BufferSize::Small;

    [[nodiscard]] std::uint32_t capacity_bytes() const {
        return size == BufferSize::Large ? kLargeBytes : kSmallBytes;
    }
};

struct PoolLimits {
    /// Large buffers in all; at most 32768, the most a ring of provided buffers takes.
    std::uint32_t large_count = 256;
    /// Small buffers in all; they are made when first needed, 32 at a time.
    std::uint32_t small_count_max = 65536;
};

/// All buffers of one worker. Allocates at construction (large buffers, touched only when used) and when more
/// small buffers or queue nodes are in use than ever before.
class BufferPool {
  public:
    explicit BufferPool(PoolLimits limits);
    BufferPool(const BufferPool&) = delete;
    BufferPool& operator=(const BufferPool&) = delete;
    ~BufferPool();

    /// A free buffer with no reference yet, or nullptr when all are in use. The most recently freed comes
    /// first, because its memory is still in the cache.
    [[nodiscard]] Buffer* take_large();
    [[nodiscard]] Buffer* take_small();
    /// True when `count` more small buffers can be had now; makes them if need be.
    [[nodiscard]] bool small_available(std::size_t count);
    /// The large buffer with this number, as the kernel names it in a completion.
    [[nodiscard]] Buffer& large(std::uint16_t number) { return large_[number]; }
    /// Takes back a buffer without references. Slice calls it; the reactor calls it for buffers the kernel
    /// gave back unused.
    void give_back(Buffer& buffer);

    [[nodiscard]] std::uint32_t large_count() const { return static_cast<std::uint32_t>(large_.size()); }
    [[nodiscard]] std::uint32_t large_free_count() const {
        return static_cast<std::uint32_t>(large_free_.size());
    }
    [[nodiscard]] std::uint32_t small_in_use_count() const {
        return small_made_count_ - static_cast<std::uint32_t>(small_free_.size());
    }
    [[nodiscard]] std::uint32_t nodes_in_use_count() const { return nodes_in_use_count_; }

  private:
    friend class SliceQueue;
    struct Slab;

    void make_small_buffers();
    void* take_node();
    void give_back_node(void* node);

    PoolLimits limits_;
    std::unique_ptr<std::byte[], void (*)(std::byte*)> large_memory_;
    std::vector<Buffer> large_;
    std::vector<Buffer*> large_free_;
    std::vector<std::unique_ptr<Slab>> slabs_;
    std::vector<Buffer*> small_free_;
    std::uint32_t small_made_count_ = 0;
    std::vector<std::unique_ptr<std::byte[]>> node_slabs_;
    std::vector<void*> nodes_free_;
    std::uint32_t nodes_in_use_count_ = 0;
};

/// A counted view of some bytes of one buffer. Move-only; share() makes a second reference. The default value
/// is empty and holds no buffer.
class Slice {
  public:
    Slice() = default;
    /// Takes one reference on `buffer`.
    Slice(Buffer& buffer, std::uint32_t offset, std::uint32_t size_bytes)
        : buffer_(&buffer), offset_(offset), size_(size_bytes) {
        ASSERT(offset + size_bytes <= buffer.capacity_bytes());
        ++buffer.references;
    }
    Slice(Slice&& other) noexcept
        : buffer_(std::exchange(other.buffer_, nullptr)),
          offset_(std::exchange(other.offset_, 0)),
          size_(std::exchange(other.size_, 0)) {}
    Slice& operator=(Slice&& other) noexcept {
        if (this != &other) {
            reset();
            buffer_ = std::exchange(other.buffer_, nullptr);
            offset_ = std::exchange(other.offset_, 0);
            size_ = std::exchange(other.size_, 0);
        }
        return *this;
    }
    Slice(const Slice&) = delete;
    Slice& operator=(const Slice&) = delete;
    ~Slice() { reset(); }

    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] std::uint32_t size() const { return size_; }
    [[nodiscard]] const std::byte* data() const {
        return buffer_ == nullptr ? nullptr : buffer_->data + offset_;
    }
    [[nodiscard]] std::span<const std::byte> bytes() const { return {data(), size_}; }
    [[nodiscard]] const Buffer* buffer() const { return buffer_; }

    /// A second reference to `size_bytes` bytes from `offset` on.
    [[nodiscard]] Slice share(std::uint32_t offset, std::uint32_t size_bytes) const {
        ASSERT(buffer_ != nullptr && offset + size_bytes <= size_);
        return Slice(*buffer_, offset_ + offset, size_bytes);
    }
    [[nodiscard]] Slice share() const { return size_ == 0 ? Slice() : share(0, size_); }

    /// Cuts `size_bytes` off the front.
    void drop_front(std::uint32_t size_bytes) {
        ASSERT(size_bytes <= size_);
        offset_ += size_bytes;
        size_ -= size_bytes;
    }
    /// Lets go of the buffer.
    void reset() {
        if (buffer_ != nullptr) {
            ASSERT(buffer_->references > 0);
            if (--buffer_->references == 0) {
                buffer_->pool->give_back(*buffer_);
            }
            buffer_ = nullptr;
        }
        offset_ = 0;
        size_ = 0;
    }

  private:
    friend class SliceQueue;

    Buffer* buffer_ = nullptr;
    std::uint32_t offset_ = 0;
    std::uint32_t size_ = 0;
};

static_assert(sizeof(Slice) == 16);

}  // namespace pgring::buffer
