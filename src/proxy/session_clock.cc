#include "proxy/session_clock.h"

namespace pgring::proxy {

void SessionClock::observe(Activity activity, session::Progress progress, base::Instant now) {
    bool const next_exchange = progress.exchanges != progress_.exchanges;
    bool const next_transaction = progress.transactions != progress_.transactions;
    if (activity != activity_ || next_exchange || activity_since_ == base::kNever) {
        activity_since_ = now;
    }
    if (activity == Activity::Idle) {
        transaction_since_ = base::kNever;
    } else if (transaction_since_ == base::kNever || next_transaction) {
        transaction_since_ = now;
    }
    activity_ = activity;
    progress_ = progress;
}

SessionClock::Due SessionClock::due(const config::SessionTimeouts& timeouts) const {
    Due first;
    auto const consider = [&first](base::Instant since, base::Duration limit, Timeout timeout) {
        if (since == base::kNever) {
            return;
        }
        if (base::Instant const at = base::deadline_after(since, limit); at < first.at) {
            first = {.at = at, .timeout = timeout};
        }
    };
    switch (activity_) {
        case Activity::Idle:
            consider(activity_since_, timeouts.client_idle, Timeout::ClientIdle);
            break;
        case Activity::IdleInTransaction:
            consider(activity_since_, timeouts.idle_transaction, Timeout::IdleTransaction);
            break;
        case Activity::Querying:
            consider(activity_since_, timeouts.query, Timeout::Query);
            break;
    }
    consider(transaction_since_, timeouts.transaction, Timeout::Transaction);
    return first;
}

}  // namespace pgring::proxy
