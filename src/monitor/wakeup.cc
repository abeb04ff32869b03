#include "monitor/wakeup.h"

#include <cstdint>

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/contract.h"

namespace pgring::monitor {

Wakeup::Wakeup() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    // Made once at the start of the process; it fails only where no descriptor is left for anything.
    ASSERT(fd_ >= 0);
}

Wakeup::~Wakeup() {
    close(fd_);
}

void Wakeup::ring() const {
    // EAGAIN means that 2^64 - 2 rings were not heard: it is readable, which is all that matters.
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof one);
}

void Wakeup::clear() const {
    std::uint64_t rings = 0;
    [[maybe_unused]] const ssize_t taken = read(fd_, &rings, sizeof rings);
}

}  // namespace pgring::monitor
