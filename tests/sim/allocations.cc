#include "sim/allocations.h"

#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

namespace pgring::sim {

namespace {

std::uint64_t* counted = nullptr;

void* allocate(std::size_t size_bytes, std::size_t alignment) {
    if (counted != nullptr) {
        ++*counted;
    }
    std::size_t const whole = (size_bytes + alignment - 1) / alignment * alignment;
    void* const memory = alignment <= alignof(std::max_align_t)
                             ? std::malloc(size_bytes == 0 ? 1 : size_bytes)
                             : std::aligned_alloc(alignment, whole);
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    return memory;
}

}  // namespace

AllocationScope::AllocationScope(std::uint64_t& count) : outer_(std::exchange(counted, &count)) {}

AllocationScope::~AllocationScope() {
    counted = outer_;
}

}  // namespace pgring::sim

void* operator new(std::size_t size_bytes) {
    return pgring::sim::allocate(size_bytes, alignof(std::max_align_t));
}
void* operator new(std::size_t size_bytes, std::align_val_t alignment) {
    return pgring::sim::allocate(size_bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}
