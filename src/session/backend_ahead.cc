/// Units that a backend is sent for sessions which do not have it yet (units_ahead.h).

#include <algorithm>

#include "session/backend.h"

namespace pgring::session {

bool Backend::send_ahead() {
    if (!out.push_copy(std::as_bytes(std::span(pipeline.ahead.blank().bytes)))) {
        return false;
    }
    pipeline.ahead.push();
    note_ahead();
    return true;
}

/// What a session would find here that sent something now is what the units ahead leave.
void Backend::note_ahead() {
    for (std::size_t position = 0; position < pipeline.ahead.size(); ++position) {
        if (pipeline.ahead.at(position).replaces_unnamed) {
            unnamed_owner = {};
        }
    }
}

void Backend::begin_rehearsal() {
    ASSERT(rehearsed_.empty());
    pipeline.begin_rehearsal();
    out.swap(rehearsed_);
}

bool Backend::end_rehearsal() {
    out.swap(rehearsed_);
    bool const same = said_what_was_sent(pipeline.ahead.front());
    if (same) {
        pipeline.rehearsed();
        rehearsed_.clear();
        note_ahead();
    } else {
        pipeline.rehearsed_in_vain();
        rehearsed_.move_front(rehearsed_.size_bytes(), out);
    }
    return same;
}

bool Backend::said_what_was_sent(const UnitAhead& unit) const {
    if (rehearsed_.size_bytes() != unit.bytes.size() || pipeline.size() != unit.request_count) {
        return false;
    }
    std::span<const std::byte> sent = std::as_bytes(std::span(unit.bytes));
    while (!sent.empty()) {
        std::span<const std::byte> const piece = rehearsed_.piece_at(unit.bytes.size() - sent.size());
        if (!std::ranges::equal(piece, sent.first(piece.size()))) {
            return false;
        }
        sent = sent.subspan(piece.size());
    }
    return true;
}

}  // namespace pgring::session
