#pragma once
/// Bugs planted on purpose, one at a time, to see whether the simulator finds them (tools/mutation-check).
/// They exist only in builds set up with -Dmutations=true; everywhere else PGRING_MUTATION(...) is the
/// constant false and nothing of it reaches the programme.

#ifdef PGRING_MUTATIONS

#include <cstdint>

namespace pgring::base {

enum class Mutation : std::uint8_t {
    None,
    FailedTransactionIsIdle,  ///< a backend in a failed transaction is taken for one at rest
    ErrorSwallowsSync,        ///< the Sync behind an error is not expected to be answered
    ParameterDifferenceCut,   ///< the last of several parameters that differ is not set
    CancelNotAwaited,  ///< a cancel counts as through when it was sent, not when the server has acted on it
    UnknownToldAsUndone,         ///< a lost write that may have been applied is told as one that was not
    BufferNotReturned,           ///< a large buffer whose bytes were copied away is not given back
    EvictedStatementRemembered,  ///< a statement closed at a backend is taken for one that is still there
    LineServedBackwards,         ///< who came last is served first
    CopyErrorForgotten,     ///< after a COPY that failed the Sync behind it is taken for one that is ignored
    WriteFollowsReads,      ///< a write goes to the standby on which the reads before it are still out
    PinnedReleasedUnreset,  ///< the state that a pinned session leaves is met by the next
    EchoNotAwaited,         ///< a session's own notification comes some time after its commit
    ForeignNamesKept,       ///< what one session prepared by SQL is met by the next
    AheadForgotten,         ///< the answer to what was sent ahead for nobody is taken for the next one's
};

/// The one that is planted in this process; set before the first worker is made.
inline Mutation planted_mutation = Mutation::None;

}  // namespace pgring::base

#define PGRING_MUTATION(name) (::pgring::base::planted_mutation == ::pgring::base::Mutation::name)

#else

#define PGRING_MUTATION(name) false

#endif
