#include "session/pipeline.h"

#include <algorithm>
#include <utility>

namespace pgring::session {

namespace {

/// How many entries are looked at for what earlier units change; with more out, one waits for some of them.
constexpr std::size_t kLooksBackMax = 256;

}  // namespace

Stake stake_of(const sql::Traits& traits) {
    switch (traits.control) {
        case sql::Control::Begin:
        case sql::Control::BeginReadOnly:
        case sql::Control::BeginSerializable:
            return Stake::Begins;
        case sql::Control::Commit:
        case sql::Control::CommitAndChain:
        case sql::Control::PrepareTransaction:
        case sql::Control::CommitPrepared:
        case sql::Control::RollbackPrepared:
        case sql::Control::Mixed:
            return Stake::Commits;
        case sql::Control::Rollback:
            return Stake::RollsBack;
        case sql::Control::None:
        case sql::Control::RollbackAndChain:
        case sql::Control::Savepoint:
        case sql::Control::RollbackTo:
        case sql::Control::Release:
            break;
    }
    if (traits.effects.has(sql::Effect::Unjudged)) {
        return Stake::Commits;
    }
    // What EXECUTE runs may be anything where the session could not tell.
    bool const writes = traits.access == sql::Access::Write || traits.effects.has(sql::Effect::SqlExecute);
    return writes ? Stake::Writes : Stake::None;
}

void Pipeline::note(Expected entry) {
    switch (entry.request) {
        case Request::Query:
        case Request::FunctionCall:
            break;
        case Request::Sync:
            if (copying_in_) {
                return;
            }
            open_ = false;
            skipping_ = false;
            break;
        case Request::CopyEnd:
            break;
        case Request::Parse:
        case Request::Bind:
        case Request::Describe:
        case Request::Execute:
        case Request::Close:
            // The caller asks skipping() first where it has something to undo.
            if (skipping_) {
                return;
            }
            open_ = open_ || entry.audience != Audience::Local;
            break;
    }
    if (count_ == entries_.size()) {
        grow();
    }
    entries_[(head_ + count_) & (entries_.size() - 1)] = entry;
    ++count_;
    ready_owed_ += ends_with_ready(entry.request) ? 1 : 0;
    statement_changes_ += changes_statements(entry) ? 1 : 0;
    drop_copy_end();
}

void Pipeline::give_up_ahead() {
    for (; !ahead.empty(); ahead.pop_front()) {
        if (PGRING_MUTATION(AheadForgotten)) {
            continue;
        }
        for (Request const request : ahead.front().asked()) {
            note({.request = request, .audience = Audience::Nobody});
        }
    }
}

void Pipeline::rehearsed_in_vain() {
    ASSERT(rehearsing_);
    rehearsing_ = false;
    std::vector<Expected> said;
    for (std::size_t position = 0; position < count_; ++position) {
        said.push_back(at(position));
    }
    UnitsAhead const sent = std::exchange(ahead, {});
    clear();
    ahead = sent;
    give_up_ahead();
    for (const Expected& entry : said) {
        note(entry);
    }
}

Expected Pipeline::pop() {
    Expected const entry = pop_any();
    drop_copy_end();
    return entry;
}

Expected Pipeline::pop_any() {
    ASSERT(count_ > 0);
    Expected const entry = entries_[head_];
    head_ = (head_ + 1) & (entries_.size() - 1);
    --count_;
    ++popped_;
    statement_changes_ -= changes_statements(entry) ? 1 : 0;
    if (ends_with_ready(entry.request)) {
        --ready_owed_;
        copying_in_ = false;
    }
    return entry;
}

void Pipeline::drop_copy_end() {
    while (count_ > 0 && entries_[head_].request == Request::CopyEnd) {
        head_ = (head_ + 1) & (entries_.size() - 1);
        --count_;
        ++popped_;
    }
}

void Pipeline::copy_in_begins() {
    ASSERT(count_ > 0);
    copying_in_ = true;
    // A simple COPY has no Sync of its own.
    open_ = front().request != Request::Query;
    std::size_t kept = 1;
    std::size_t position = 1;
    for (; position < count_ && copying_in_; ++position) {
        Expected const entry = at(position);
        if (entry.request == Request::CopyEnd) {
            copying_in_ = false;
        } else if (entry.request == Request::Sync) {
            --ready_owed_;
        } else {
            entries_[(head_ + kept++) & (entries_.size() - 1)] = entry;
        }
    }
    for (; position < count_; ++position) {
        Expected const entry = at(position);
        open_ = entry.request == Request::Sync ? false : open_ || belongs_to_batch(entry.request);
        entries_[(head_ + kept++) & (entries_.size() - 1)] = entry;
    }
    if (copy_in_behind_ > popped_ + 1) {
        // A later one stands behind what was taken out.
        copy_in_behind_ -= count_ - kept;
    }
    count_ = kept;
}

void Pipeline::copy_in_ends() {
    // A simple query may hold another COPY, and needs no Sync to be answered.
    if (awaits_copy_in() && at(copy_in_behind_ - popped_ - 1).request == Request::Execute) {
        copy_in_behind_ = 0;
    }
    if (copying_in_) {
        copying_in_ = false;
    } else if (count_ > 0) {
        // Sent before the server said that it wants data.
        expect({.request = Request::CopyEnd});
    }
}

void Pipeline::clear() {
    head_ = 0;
    count_ = 0;
    copy_in_behind_ = 0;
    ready_owed_ = 0;
    statement_changes_ = 0;
    open_ = false;
    skipping_ = false;
    copying_in_ = false;
    rehearsing_ = false;
    ahead.clear();
}

template <class Predicate>
bool Pipeline::any_in_earlier_units(Predicate is_meant) const {
    if (statement_changes_ == 0 || ready_owed_ == 0) {
        return false;
    }
    bool earlier = !open_;
    std::size_t const first = count_ - std::min(count_, kLooksBackMax);
    for (std::size_t position = count_; position-- > first;) {
        const Expected& entry = at(position);
        earlier = earlier || (ends_with_ready(entry.request) && entry.audience != Audience::Local);
        if (earlier && changes_statements(entry) && is_meant(entry)) {
            return true;
        }
    }
    return first > 0;
}

bool Pipeline::unsettled(std::uint32_t statement) const {
    return any_in_earlier_units([statement](const Expected& entry) { return entry.statement == statement; });
}

bool Pipeline::unsettled_by_errand(std::uint32_t statement) const {
    return any_in_earlier_units([statement](const Expected& entry) {
        return entry.statement == statement && entry.audience == Audience::Errand;
    });
}

std::size_t Pipeline::names_in_earlier_units() const {
    std::size_t names = 0;
    std::size_t earlier_names = 0;
    for (std::size_t position = 0; position < count_; ++position) {
        const Expected& entry = at(position);
        names += notes_name(entry) ? 1 : 0;
        earlier_names = ends_with_ready(entry.request) ? names : earlier_names;
    }
    return earlier_names;
}

void Pipeline::grow() {
    std::vector<Expected> larger(entries_.empty() ? 16 : entries_.size() * 2);
    for (std::size_t position = 0; position < count_; ++position) {
        larger[position] = at(position);
    }
    entries_ = std::move(larger);
    head_ = 0;
}

}  // namespace pgring::session
