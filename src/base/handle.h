#pragma once
/// Handles: names of objects that may be gone. A handle is an index into a table and the generation of the slot when the
/// object was made; a stale handle is recognised, never dereferenced.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <new>
#include <type_traits>
#include <utility>

#include "base/chunks.h"
#include "base/contract.h"

namespace pgring::base {

/// Names an object of kind `Tag`. The default value names nothing.
template <class Tag>
struct Handle {
    static constexpr std::uint32_t kNoIndex = 0xffffffffU;

    std::uint32_t index = kNoIndex;
    std::uint32_t generation = 0;

    [[nodiscard]] constexpr bool valid() const { return index != kNoIndex; }
    [[nodiscard]] constexpr explicit operator bool() const { return valid(); }
    friend constexpr bool operator==(Handle, Handle) = default;

    /// The handle as one number (for user data of kernel operations and logs), and back.
    [[nodiscard]] constexpr std::uint64_t bits() const {
        return (static_cast<std::uint64_t>(generation) << 32U) | index;
    }
    [[nodiscard]] static constexpr Handle from_bits(std::uint64_t bits) {
        return Handle{.index = static_cast<std::uint32_t>(bits), .generation = static_cast<std::uint32_t>(bits >> 32U)};
    }
};

/// Objects of type `T` in slots with stable addresses. Freed slots are used again, last freed first, with the next
/// generation. Allocates only when more objects live at once than ever before. Not thread-safe.
template <class T, class Tag = T>
class Table {
  public:
    using HandleType = Handle<Tag>;

    /// Makes an object; its arguments may not refer to objects of the same table.
    template <class... Arguments>
    HandleType emplace(Arguments&&... arguments) {
        std::uint32_t index = free_head_;
        if (index == HandleType::kNoIndex) {
            index = slots_.size();
            slots_.add();
        } else {
            free_head_ = slots_[index].next_free;
        }
        Slot& slot = slots_[index];
        ASSERT(!slot.live);
        ::new (static_cast<void*>(slot.storage)) T(std::forward<Arguments>(arguments)...);
        slot.live = true;
        ++size_;
        return HandleType{.index = index, .generation = slot.generation};
    }

    /// The handle that the next emplace() will return, for objects that must know their own name.
    [[nodiscard]] HandleType next_handle() const {
        if (free_head_ == HandleType::kNoIndex) {
            return {.index = slots_.size(), .generation = 1};
        }
        return {.index = free_head_, .generation = slots_[free_head_].generation};
    }

    /// The object, or nullptr where the handle is stale or names nothing.
    [[nodiscard]] T* find(HandleType handle) {
        if (handle.index >= slots_.size()) {
            return nullptr;
        }
        Slot& slot = slots_[handle.index];
        return slot.live && slot.generation == handle.generation ? slot.object() : nullptr;
    }
    [[nodiscard]] const T* find(HandleType handle) const { return const_cast<Table*>(this)->find(handle); }

    /// The object that must exist.
    [[nodiscard]] T& get(HandleType handle) {
        T* object = find(handle);
        ASSERT(object != nullptr);
        return *object;
    }

    /// The live object in slot `index` with its handle, whatever its generation, or nullptr (cancel keys carry indices).
    [[nodiscard]] std::pair<T*, HandleType> at_index(std::uint32_t index) {
        if (index >= slots_.size() || !slots_[index].live) {
            return {nullptr, {}};
        }
        Slot& slot = slots_[index];
        return {slot.object(), HandleType{.index = index, .generation = slot.generation}};
    }

    void erase(HandleType handle) {
        T* object = find(handle);
        ASSERT(object != nullptr);
        object->~T();
        Slot& slot = slots_[handle.index];
        slot.live = false;
        ++slot.generation;
        slot.next_free = free_head_;
        free_head_ = handle.index;
        --size_;
    }

    [[nodiscard]] std::size_t size() const { return size_; }

    /// Calls `visit(handle, object)` for each live object; `visit` may erase the object it is given, and no other.
    template <class Visit>
    void for_each(Visit&& visit) {
        for (std::uint32_t index = 0; index < slots_.size(); ++index) {
            Slot& slot = slots_[index];
            if (slot.live) {
                visit(HandleType{.index = index, .generation = slot.generation}, *slot.object());
            }
        }
    }

    /// Destroys all objects.
    void clear() {
        for_each([this](HandleType handle, T&) { erase(handle); });
    }

    Table() = default;
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;
    ~Table() { clear(); }

  private:
    struct Slot {
        alignas(T) std::byte storage[sizeof(T)];
        std::uint32_t generation = 1;
        std::uint32_t next_free = HandleType::kNoIndex;
        bool live = false;

        T* object() { return std::launder(reinterpret_cast<T*>(storage)); }
    };

    Chunks<Slot> slots_;
    std::uint32_t free_head_ = HandleType::kNoIndex;
    std::size_t size_ = 0;
};

}  // namespace pgring::base

template <class Tag>
struct std::hash<pgring::base::Handle<Tag>> {
    std::size_t operator()(pgring::base::Handle<Tag> handle) const noexcept { return std::hash<std::uint64_t>{}(handle.bits()); }
};
