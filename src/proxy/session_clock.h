#pragma once
/// Since when a session does what it does, and which of its timeouts that meets first.
///
///     Idle --asks--> Querying --answered outside a transaction--> Idle
///                     |    ^
///     answered within |    | asks
///     a transaction   v    |
///                 IdleInTransaction
///
/// The clock is told after each event what the session does; it keeps three instants and arms nothing itself.
/// A batch is Querying up to its Sync, however slowly it comes, as for PostgreSQL's statement_timeout.

#include <cstdint>

#include "base/time.h"
#include "config/settings.h"
#include "session/session.h"

namespace pgring::proxy {

/// What a session does, as its client sees it.
enum class Activity : std::uint8_t {
    Idle,               ///< the client is silent, outside of a transaction
    IdleInTransaction,  ///< the client is silent within one, also within one that failed or was not sent yet
    Querying,           ///< the client waits for an answer
};

/// The setting of that name.
enum class Timeout : std::uint8_t { Query, IdleTransaction, Transaction, ClientIdle };

class SessionClock {
  public:
    /// What the session does now.
    void observe(Activity activity, session::Progress progress, base::Instant now);
    /// Bytes of the client came: it is silent from now on at the earliest.
    void client_spoke(base::Instant now) {
        if (activity_ != Activity::Querying) {
            activity_since_ = now;
        }
    }

    /// The timeout that ends first if nothing happens; `at` is kNever where none runs.
    struct Due {
        base::Instant at = base::kNever;
        Timeout timeout = Timeout::Query;
    };
    [[nodiscard]] Due due(const config::SessionTimeouts& timeouts) const;

  private:
    /// It begins with a client that waits for its welcome.
    Activity activity_ = Activity::Querying;
    session::Progress progress_;
    /// kNever before the first observation.
    base::Instant activity_since_ = base::kNever;
    /// kNever outside of a transaction; a statement alone is one.
    base::Instant transaction_since_ = base::kNever;
};

}  // namespace pgring::proxy
