#pragma once
/// What one worker counts. Names follow pgbouncer's SHOW STATS where it has one.

#include <array>
#include <cstddef>
#include <vector>

#include "stats/counter.h"

namespace pgring::stats {

/// Per server, in the configuration's order.
struct ServerStats {
    /// Times a session got a backend of this server (pgbouncer: server_assignment_count).
    Counter assignments;
    /// Of these, for reads that any standby may serve.
    Counter reads_balanced;
    /// ReadyForQuery that reached clients from this server (pgbouncer: query_count counts statements).
    Counter queries;
    Counter backends_open;
    Counter logins;
    Counter login_failures;
    /// Connections that came from another worker.
    Counter backends_borrowed;
    /// Connections that broke while a session used them.
    Counter backends_lost;
};

/// How many reasons there are for which a session is tied to its backend (session::Pin names them).
inline constexpr std::size_t kPinReasons = 11;

struct WorkerStats {
    explicit WorkerStats(std::size_t server_count) : servers(server_count) {}

    Counter clients;                                  ///< connected now
    Counter client_logins;                            ///< since start
    Counter login_failures;                           ///< wrong passwords and the like
    Counter waiting;                                  ///< sessions that wait for a backend now
    Counter cancels;                                  ///< cancel requests carried to a server
    Counter peer_cancels;                             ///< cancel requests carried to another pgring
    Counter bytes_received;                           ///< from clients
    Counter bytes_sent;                               ///< to clients
    Counter pins;                                     ///< times a session became tied to its backend
    std::array<Counter, kPinReasons> pins_by_reason;  ///< the same, in the order of session::Pin
    Counter refusals;                   ///< statements refused because they would have been such a reason
    Counter unpins;                     ///< times the last such reason was found undone
    Counter listening;                  ///< sessions that listen now, in transaction pooling
    Counter channels;                   ///< channels that pgring's own connections listen on for them now
    Counter notifications;              ///< told to such sessions, and notices that some may have been missed
    Counter listeners_lost;             ///< connections lost that listened
    Counter units_ahead;                ///< reads sent to a backend before their session had it
    Counter units_ahead_used;           ///< of these, how many had not to be sent again
    Counter statements_prepared_again;  ///< Parse sent because a backend lacked a statement
    Counter buffers_exhausted;          ///< receives put off because no buffer was free
    std::vector<ServerStats> servers;
};

}  // namespace pgring::stats
