#include "pool/pool.h"

#include <algorithm>
#include <utility>

namespace pgring::pool {

namespace {

/// How long a token that was given up is left to those who wait for it.
constexpr base::Duration kRest = std::chrono::milliseconds(50);

}  // namespace

Pool::Pool(PoolLimits limits, std::shared_ptr<Budget> budget, WorkerIndex worker)
    : limits_(limits), budget_(std::move(budget)), worker_(worker) {
    // The line's own memory; a push beyond it cannot happen, so that releasing a backend never allocates.
    idle_.reserve(budget_->capacity());
}

Pool::~Pool() {
    if (said_hungry_) {
        budget_->hunger().withdraw(worker_);
    }
    for (std::size_t i = 0; i < idle_.size(); ++i) {
        budget_->hunger().remove_idle(worker_);
    }
}

void Pool::line_changed() {
    if (said_hungry_ && budget_->hunger().is_hungry(worker_)) {
        note_hunger();
    }
}

bool Pool::note_hunger() {
    if (wants_backend()) {
        said_hungry_ = true;
        return budget_->hunger().say(worker_, line_.waited_since());
    }
    if (std::exchange(said_hungry_, false)) {
        budget_->hunger().withdraw(worker_);
    }
    return false;
}

bool Pool::start_opening(base::Instant now) {
    if (!short_of_backends(now) || !take_token(now)) {
        return false;
    }
    ++opening_count_;
    return true;
}

bool Pool::take_token(base::Instant now) {
    if (budget_->is_resting(worker_, now) && hungry_worker().has_value()) {
        // Not from the reserve either: what was left would be taken back as a part of that.
        return false;
    }
    if (budget_->try_take()) {
        return true;
    }
    // One at a time: it may be enough.
    return opening_count_ == 0 && now >= reserve_at() && budget_->try_take_reserve();
}

bool Pool::start_spare(base::Instant now) {
    if (!below_minimum() || now < retry_at_ || hungry_worker().has_value() ||
        !budget_->try_take_below(limits_.min_size)) {
        return false;
    }
    ++opening_count_;
    return true;
}

void Pool::yielded(base::Instant now) {
    budget_->rest(worker_, now + kRest);
}

void Pool::opened() {
    ASSERT(opening_count_ > 0);
    --opening_count_;
    ++used_count_;
    retry_at_ = base::Instant::min();
}

void Pool::open_failed(base::Instant now) {
    ASSERT(opening_count_ > 0);
    --opening_count_;
    budget_->give_back();
    retry_at_ = now + limits_.server_login_retry;
}

void Pool::add_idle(BackendId backend) {
    ASSERT(used_count_ > 0 && idle_.size() < idle_.capacity());
    --used_count_;
    idle_.push_back(backend);
    budget_->hunger().add_idle(worker_);
}

void Pool::remove_idle(BackendId backend) {
    auto const found = std::find(idle_.begin(), idle_.end(), backend);
    ASSERT(found != idle_.end());
    idle_.erase(found);
    budget_->hunger().remove_idle(worker_);
    ++used_count_;
}

void Pool::closed() {
    ASSERT(used_count_ > 0);
    --used_count_;
    budget_->give_back();
}

Token Pool::lend() {
    ASSERT(used_count_ > 0);
    --used_count_;
    return Token(budget_);
}

void Pool::borrow(Token token) {
    ASSERT(token.budget() == budget_.get());
    token.take_out();
    ++used_count_;
}

std::optional<WorkerIndex> Pool::longer_waiting(base::Duration margin) const {
    std::optional<Hunger::Hungry> const longest = budget_->hunger().longest_other_than(worker_);
    if (!longest.has_value() || (has_waiters() && line_.waited_since() <= longest->since + margin)) {
        return std::nullopt;
    }
    return longest->worker;
}

std::optional<WorkerIndex> Pool::hungry_worker() const {
    std::optional<Hunger::Hungry> const longest = budget_->hunger().longest_other_than(worker_);
    return longest.has_value() ? std::optional(longest->worker) : std::nullopt;
}

void Pool::check_invariants() const {
    line_.check_invariants();
    ASSERT(held_count() <= budget_->capacity());
}

}  // namespace pgring::pool
