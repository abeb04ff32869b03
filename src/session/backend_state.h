#pragma once
/// What makes a backend at rest, but for its connection: what goes along when another worker gets it. A
/// value, without reference to anything of the worker that it came from.

#include <cstdint>

#include "session/backend_names.h"
#include "session/cancel_key.h"
#include "session/parameters.h"
#include "session/sequence_memory.h"
#include "session/statements.h"

namespace pgring::session {

struct BackendState {
    /// By numbers that all workers have in common.
    BackendStatements statements;
    /// Whose they are is not said: the sessions of another worker have ids of their own.
    BackendNames names;
    /// Somebody's or nobody's, but no session's.
    SequenceMemory sequences;
    std::uint64_t unit = 1;
    /// The sets of the worker that it came from; the next one looks for its own that are equal.
    ParameterSetPtr parameters;
    ParameterSetPtr fixed;
    ParameterSetPtr initial_parameters;
    bool in_hot_standby = false;
    CancelKey cancel_key;
};

}  // namespace pgring::session
