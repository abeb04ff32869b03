#include "pool/pool.h"

#include <algorithm>

namespace pgring::pool {

Pool::Pool(PoolLimits limits, std::shared_ptr<Budget> budget, WorkerIndex worker)
    : limits_(limits), budget_(std::move(budget)), worker_(worker) {
    // The line's own memory; a push beyond it cannot happen, so that releasing a backend never allocates.
    idle_.reserve(budget_->capacity());
}

Pool::~Pool() {
    budget_->say_fed(worker_);
}

void Pool::line_changed() {
    if (!has_waiters()) {
        budget_->say_fed(worker_);
    }
}

bool Pool::start_opening(base::Instant now) {
    if (!short_of_backends(now)) {
        return false;
    }
    if (!take_token(now)) {
        say_hungry();
        return false;
    }
    budget_->say_fed(worker_);
    token_since_ = now;
    ++opening_count_;
    return true;
}

bool Pool::take_token(base::Instant now) {
    bool const sated = held_count() >= budget_->fair_share() || resting(now);
    // A token that was given up for another worker is not taken back.
    bool const leaves_it = sated && hungry_worker().has_value();
    if (!leaves_it && budget_->try_take()) {
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
    token_since_ = now;
    ++opening_count_;
    return true;
}

void Pool::say_hungry() {
    if (held_count() < budget_->fair_share()) {
        budget_->say_hungry(worker_);
    }
}

void Pool::yielded(base::Instant now) {
    rest_until_ = now + kTurn;
    takings_at_rest_ = budget_->takings();
}

void Pool::opened(base::Instant now) {
    ASSERT(opening_count_ > 0);
    --opening_count_;
    ++used_count_;
    turn_ends_at_ = now + std::clamp(kTurnInLogins * (now - token_since_), kTurn, kTurnMax);
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
}

void Pool::remove_idle(BackendId backend) {
    auto const found = std::find(idle_.begin(), idle_.end(), backend);
    ASSERT(found != idle_.end());
    idle_.erase(found);
    ++used_count_;
}

void Pool::closed() {
    ASSERT(used_count_ > 0);
    --used_count_;
    budget_->give_back();
}

bool Pool::should_yield(base::Instant now) const {
    if (!hungry_worker().has_value()) {
        return false;
    }
    if (budget_->takes_turns()) {
        return now >= turn_ends_at_;
    }
    return !has_waiters() || held_count() > budget_->fair_share();
}

void Pool::check_invariants() const {
    line_.check_invariants();
    ASSERT(held_count() <= budget_->capacity());
}

}  // namespace pgring::pool
