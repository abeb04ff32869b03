#pragma once
/// What one listening backend listens on, and for whom: the sessions of one worker and destination, by
/// channel. Says what to ask the server for next; who connects, sends and hears is the worker.
///
///     Absent --a session wants a channel--> Opening --logged in--> Ready <--answered / next_query--> Asking
///       +------------------------------- lost ---------------------------------------------------------+
///
/// The server's answer to a query has a second meaning: what was committed before the query was sent has been
/// delivered before its answer (the notifying backend signals before it answers its own client, and
/// PostgreSQL looks for notifications before it says ReadyForQuery). A Ticket stands for such an answer.

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pool/ids.h"

namespace pgring::session {

class Listener {
  public:
    enum class State : std::uint8_t { Absent, Opening, Ready, Asking };
    /// Number of a query whose answer somebody waits for.
    using Ticket = std::uint64_t;

    // -- Sessions --
    /// The session wants `channel`. Joining twice is joining once.
    void join(std::string_view channel, pool::SessionId session);
    void leave(std::string_view channel, pool::SessionId session);
    /// The server delivers what is notified there from now on.
    [[nodiscard]] bool has(std::string_view channel) const;
    /// Borrowed until the next join or leave.
    [[nodiscard]] std::span<const pool::SessionId> sessions_of(std::string_view channel) const;
    /// Somebody wants a channel.
    [[nodiscard]] bool wanted() const;
    /// Channels that the server has.
    [[nodiscard]] std::size_t channel_count() const { return had_count_; }
    /// Asks for an answer that follows everything committed so far.
    [[nodiscard]] Ticket ask_echo();
    /// The answer has come, or there is nothing to wait for because the connection is lost.
    [[nodiscard]] bool echoed(Ticket ticket) const { return !connected() || answered_ >= ticket; }

    // -- The backend --
    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] bool connected() const { return state_ == State::Ready || state_ == State::Asking; }
    void opening() { state_ = State::Opening; }
    void opened() { state_ = State::Ready; }
    void lost();
    /// Something is to be asked and nothing is under way.
    [[nodiscard]] bool has_query() const { return state_ == State::Ready && (channels_due_ || echo_due_); }
    /// The text; empty where only the answer counts.
    [[nodiscard]] std::string next_query();
    void answered();
    /// Those that may have missed notifications, now that the server has all channels again.
    [[nodiscard]] std::vector<pool::SessionId> take_missed();

    void check_invariants() const;

  private:
    struct Channel {
        enum class State : std::uint8_t {
            Wanted,    ///< the server does not know it
            Asked,     ///< LISTEN is under way
            Had,       ///< the server has it
            Dropping,  ///< UNLISTEN is under way
        } state = State::Wanted;
        std::vector<pool::SessionId> sessions;
    };

    [[nodiscard]] std::string channel_query();
    void channels_answered();

    std::map<std::string, Channel, std::less<>> channels_;
    State state_ = State::Absent;
    /// The channels are not all as they are wanted.
    bool channels_due_ = false;
    bool echo_due_ = false;
    /// The query under way is about channels.
    bool asks_for_channels_ = false;
    /// Channels that are Had or Dropping.
    std::size_t had_count_ = 0;
    Ticket sent_ = 0;
    Ticket answered_ = 0;
    std::vector<pool::SessionId> missed_;
};

}  // namespace pgring::session
