#include "session/name_changes.h"

#include <utility>

#include "base/contract.h"

namespace pgring::session {

void NameChanges::sent(std::vector<NameStep> steps) {
    ASSERT(!under_way_);
    steps_ = std::move(steps);
    completed_count_ = 0;
    under_way_ = true;
    flushed_ = false;
}

const NameStep& NameChanges::completed() {
    static const NameStep kOther;
    // More would be a server that completes what nobody sent; it changes no names.
    return completed_count_ < steps_.size() ? steps_[completed_count_++] : kOther;
}

void NameChanges::over() {
    steps_.clear();
    under_way_ = false;
}

bool NameChanges::take_flush() {
    return !std::exchange(flushed_, true);
}

}  // namespace pgring::session
