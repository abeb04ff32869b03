#include "session/listening.h"

#include <algorithm>
#include <utility>

#include "base/contract.h"

namespace pgring::session {

using Kind = sql::ChannelStep::Kind;

// -- Statements --

void Listening::sent(std::vector<sql::ChannelStep> steps) {
    in_hand_.clear();
    left_on_backend = left_on_backend ||
                      std::ranges::any_of(steps, [](const auto& step) { return step.kind == Kind::Listen; });
    in_flight_.emplace_back(std::make_move_iterator(steps.begin()), std::make_move_iterator(steps.end()));
}

void Listening::completed(std::string_view tag, Tracked tracked) {
    sql::ChannelStep step;
    if (tracked == Tracked::Yes) {
        ASSERT(!in_flight_.empty());
        if (std::deque<sql::ChannelStep>& steps = in_flight_.front(); !steps.empty()) {
            step = std::move(steps.front());
            steps.pop_front();
        }
    }
    if (tag == "COMMIT") {
        changes_.commit();
    } else if (tag == "ROLLBACK" && step.kind != Kind::RollbackTo) {
        changes_.roll_back();
    } else {
        changes_.apply(std::move(step));
    }
}

void Listening::entry_over() {
    ASSERT(!in_flight_.empty());
    in_flight_.pop_front();
}

void Listening::ready(wire::TransactionStatus status, More more) {
    bool const failed = std::exchange(failed_, false);
    if (status == wire::TransactionStatus::Idle) {
        // A transaction that no statement has opened ends here.
        failed ? changes_.roll_back() : changes_.commit();
    }
    drop_unheard(more);
}

/// Where no commit is under way, what came for a channel that is not committed came before its commit.
void Listening::drop_unheard(More more) {
    std::erase_if(kept_, [this, more](const Kept& kept) {
        bool const waits = more == More::Yes && hears(kept.channel) == Hears::Maybe;
        bool const goes = !is_heard(kept) && !waits;
        kept_bytes_ -= goes ? kept.cost_bytes() : 0;
        return goes;
    });
}

void Listening::backend_lost() {
    changes_.roll_back();
    in_flight_.clear();
    failed_ = false;
    left_on_backend = false;
    echo.reset();
    drop_unheard(More::No);
}

// -- Interest --

bool Listening::join(Listener& listener, pool::SessionId id, const std::vector<sql::ChannelStep>& steps) {
    bool all = true;
    in_hand_.clear();
    for (const sql::ChannelStep& step : steps) {
        if (step.kind == Kind::Listen) {
            in_hand_.insert(step.name);
            joined_.insert(step.name);
            listener.join(step.name, id);
            all = all && listener.has(step.name);
        }
    }
    return all;
}

void Listening::give_up(Listener& listener, pool::SessionId id) {
    in_hand_.clear();
    caught_up = 0;
    settle(listener, id);
}

void Listening::settle(Listener& listener, pool::SessionId id) {
    std::erase_if(joined_, [this, &listener, id](const std::string& channel) {
        bool const leaves = hears(channel) == Hears::No && !in_hand_.contains(channel);
        if (leaves) {
            listener.leave(channel, id);
        }
        return leaves;
    });
}

void Listening::leave_all(Listener& listener, pool::SessionId id) {
    for (const std::string& channel : joined_) {
        listener.leave(channel, id);
    }
    joined_.clear();
    kept_.clear();
    kept_bytes_ = 0;
}

// -- Notifications --

Listening::Hears Listening::hears(std::string_view channel) const {
    if (changes_.channels().contains(channel)) {
        return Hears::Yes;
    }
    bool const in_flight = std::ranges::any_of(in_flight_, [channel](const auto& steps) {
        return std::ranges::any_of(steps, [channel](const sql::ChannelStep& step) {
            return step.kind == Kind::Listen && step.name == channel;
        });
    });
    return in_flight || changes_.asks_for(channel) ? Hears::Maybe : Hears::No;
}

bool Listening::keep(std::string_view channel, std::string message) {
    Kept kept{.channel = std::string(channel), .message = std::move(message)};
    if (kept_bytes_ + kept.cost_bytes() > kNotificationBytesMax) {
        return false;
    }
    kept_bytes_ += kept.cost_bytes();
    kept_.push_back(std::move(kept));
    return true;
}

std::optional<std::string> Listening::take_kept() {
    if (kept_.empty() || !is_heard(kept_.front())) {
        return std::nullopt;
    }
    Kept next = std::move(kept_.front());
    kept_.pop_front();
    kept_bytes_ -= next.cost_bytes();
    return std::move(next.message);
}

bool Listening::is_heard(const Kept& kept) const {
    return kept.channel.empty() || changes_.channels().contains(kept.channel);
}

}  // namespace pgring::session
