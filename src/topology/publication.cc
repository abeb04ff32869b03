#include "topology/publication.h"

#include <utility>

#include "base/contract.h"

namespace pgring::topology {

Publication::Publication(std::shared_ptr<const Topology> first) : current_(std::move(first)) {
    ASSERT(current_ != nullptr);
    current_->check_invariants();
}

void Publication::publish(std::shared_ptr<const Topology> next) {
    ASSERT(next != nullptr);
    next->check_invariants();
    {
        const std::scoped_lock lock(mutex_);
        ASSERT(next->generation >= current_->generation);
        current_.swap(next);
    }
    // `next` now holds the former topology; if this was its last owner, it dies here, outside the lock.
}

std::shared_ptr<const Topology> Publication::current() const {
    const std::scoped_lock lock(mutex_);
    return current_;
}

}  // namespace pgring::topology
