#pragma once
/// What a worker asks of whoever drives it: small values, without bytes. The bytes to send stand in the queue
/// that Worker::outgoing() shows.

#include <cstdint>
#include <string>
#include <variant>

#include "base/handle.h"
#include "pool/budget.h"
#include "session/cancel_key.h"
#include "topology/topology.h"

namespace pgring::proxy {

/// The place of another pgring in config::other_peers().
struct PeerIndex {
    std::uint16_t value = 0;
};

struct SocketTag;
/// Names a connection, from accepted() or Connect to closed().
using SocketId = base::Handle<SocketTag>;

/// One wish. The driver obeys in order; none of them is answered from within.
struct Action {
    enum class Kind : std::uint8_t {
        /// Send the front of outgoing(socket), then say sent(). At most one is under way for a socket.
        Send,
        /// Stop receiving; what the kernel had handed over already may still come.
        Pause,
        /// Receive again.
        Resume,
        /// Connect `socket` to `server`, then say connected() or connect_failed().
        Connect,
        /// The same, to `peer`.
        ConnectPeer,
        /// Stop receiving; when nothing is under way any more, ask let_go(). What the kernel has handed over
        /// by then is said as ever; what it has not is for the worker that gets the connection.
        Lend,
        /// End all that is under way, close, then say closed(). Nothing else is said of the socket from now
        /// on.
        Close,
        /// A server behaved as if it were down or no longer what it was: probe it at once.
        Suspect,
    };

    Kind kind{};
    SocketId socket{};
    topology::ServerIndex server{};
    PeerIndex peer{};
};

// -- What workers tell each other --

/// A CancelRequest whose key names a session of the other worker, or does not say of which.
struct CancelForwarded {
    session::CancelRequest request;
    /// Workers that may still be asked after the receiver.
    std::uint16_t workers_left = 0;
    /// Where the answer goes: the worker that took the request, and its connection.
    pool::WorkerIndex origin = 0;
    SocketId socket;
};
/// The request was carried out (or had no effect); the client may be let go.
struct CancelFinished {
    SocketId socket;
};
/// Sessions of the sender wait, and the receiver seemed to have an idle backend of the pool.
struct BackendWanted {
    /// Names the pool, as all workers' shares of it have the same budget; compared, not used.
    const pool::Budget* budget = nullptr;
};
/// Sessions of the sender wait under a quota that is full: whoever has an idle backend under it, let go; else
/// give up the next one that could be handed on to somebody who has waited less.
struct PlaceWanted {
    pool::Wish wish;
};
/// A token of a pool, or a place under a quota, came back, or what was to be lent is not; the receiver had
/// said it was hungry, or had asked.
struct TokenFreed {};
/// A statement of the sender's needs a database for itself.
struct DatabaseVacated {
    std::string database;
};

using WorkerMessage =
    std::variant<CancelForwarded, CancelFinished, BackendWanted, PlaceWanted, TokenFreed, DatabaseVacated>;

/// A message with its receiver.
struct Posted {
    pool::WorkerIndex to = 0;
    WorkerMessage message;
};

}  // namespace pgring::proxy
