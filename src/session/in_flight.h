#pragma once
/// What is under way on a backend, looked at when the backend goes or is given up: what may have been
/// committed without the client knowing, and what the client still expects to hear.

#include <cstddef>

#include "session/pipeline.h"
#include "wire/protocol.h"

namespace pgring::session {

struct InFlight {
    /// Something may have been committed, and nobody can tell.
    bool unknown = false;
    /// Something of it belongs to a transaction block.
    bool met_transaction = false;
    /// The client believes to be in a transaction block behind all of it.
    bool in_transaction = false;
    bool client_waits = false;
    /// Names that the session noted with it (statements.h).
    std::size_t name_count = 0;
    /// ReadyForQuery that the client expects.
    std::size_t ready_count = 0;
};

/// `status` is the server's as of its last ReadyForQuery.
[[nodiscard]] InFlight look_at_flight(const Pipeline& pipeline, wire::TransactionStatus status);

}  // namespace pgring::session
