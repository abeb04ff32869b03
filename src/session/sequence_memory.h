#pragma once
/// Whose values currval() and lastval() would tell on a backend. Any write may call nextval(), in a default
/// or a trigger; so the backend remembers sequences for whoever wrote there last, until DISCARD SEQUENCES.
///
///     Nobody --written--> OfSession --written by another--> OfSession (what both left, the latter's first)
///     any --discarded--> Nobody

#include <cstdint>

#include "pool/ids.h"

namespace pgring::session {

class SequenceMemory {
  public:
    /// `session` sends a statement that may write.
    void written(pool::SessionId session) {
        writer_ = session;
        state_ = State::OfSession;
    }
    void discarded() { state_ = State::Nobody; }
    /// It was to be discarded, and was not.
    void kept() { state_ = State::OfOthers; }

    /// The backend goes to a worker whose sessions have ids of their own.
    void forget_writer() { state_ = state_ == State::Nobody ? State::Nobody : State::OfOthers; }

    /// Who wrote here last is this session.
    [[nodiscard]] bool of(pool::SessionId session) const {
        return state_ == State::OfSession && writer_ == session;
    }
    /// It may tell this session what another one wrote.
    [[nodiscard]] bool foreign_to(pool::SessionId session) const {
        return state_ != State::Nobody && !of(session);
    }

  private:
    enum class State : std::uint8_t { Nobody, OfSession, OfOthers };

    pool::SessionId writer_{};
    State state_ = State::Nobody;
};

}  // namespace pgring::session
