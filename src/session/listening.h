#pragma once
/// A session that listens, in transaction pooling: what its statements make of its channels, and what was
/// notified there while it could not be told. Exists from a session's first LISTEN on.
///
/// A channel is joined at the Listener before the LISTEN is sent, so that nothing is lost between its commit
/// and the listener's; heard is what the committed channels bring.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pool/ids.h"
#include "session/channel_changes.h"
#include "session/listener.h"
#include "sql/channel_step.h"
#include "topology/topology.h"
#include "wire/protocol.h"

namespace pgring::session {

/// Bytes of notifications that wait for one client at most, before it is taken for one that does not read.
inline constexpr std::size_t kNotificationBytesMax = std::size_t{1024} * 1024;
/// Channels of one session at most that the listener hears for it; further ones its own backend hears.
inline constexpr std::size_t kChannelsMax = 1000;

/// A NotificationResponse as the server sent it; borrowed.
struct Notification {
    topology::ServerIndex server{};
    std::uint32_t process_id = 0;
    std::string_view channel;
    std::string_view payload;
};

class Listening {
  public:
    // -- Statements; one list of steps for each pipeline entry of Purpose::Channels --
    void sent(std::vector<sql::ChannelStep> steps);
    /// A CommandComplete; `tracked` where its entry has steps.
    enum class Tracked : std::uint8_t { No, Yes };
    void completed(std::string_view tag, Tracked tracked);
    /// The entry is answered to its end, or skipped.
    void entry_over();
    void failed() { failed_ = true; }
    /// A ReadyForQuery for the client. `more` where it has sent further statements.
    enum class More : std::uint8_t { No, Yes };
    void ready(wire::TransactionStatus status, More more);
    /// The backend is gone, and the transaction with it.
    void backend_lost();

    /// Statements that divide a transaction must be followed, since they may undo a LISTEN.
    [[nodiscard]] bool follows() const { return changes_.pending() || !in_flight_.empty(); }
    /// It hears, or may hear after the commit.
    [[nodiscard]] bool listens() const { return follows() || !changes_.channels().empty(); }
    [[nodiscard]] const ChannelNames& channels() const { return changes_.channels(); }
    /// It does not, is not about to, and has nothing to tell.
    [[nodiscard]] bool over() const { return !listens() && joined_.empty() && kept_.empty(); }

    // -- Interest at the listener --
    /// For the statement in hand: true where the server has all channels that `steps` listen on.
    [[nodiscard]] bool join(Listener& listener, pool::SessionId id,
                            const std::vector<sql::ChannelStep>& steps);
    [[nodiscard]] bool has_room_for(std::string_view channel) const {
        return joined_.size() < kChannelsMax || joined_.contains(channel);
    }
    /// The statement in hand will not be sent.
    void give_up(Listener& listener, pool::SessionId id);
    /// Leaves what the session does not listen on any more, and no statement in hand or under way asks for.
    void settle(Listener& listener, pool::SessionId id);
    void leave_all(Listener& listener, pool::SessionId id);

    // -- Notifications --
    enum class Hears : std::uint8_t {
        No,     ///< not its channel
        Yes,    ///< a committed channel of its
        Maybe,  ///< the commit of its LISTEN may be under way
    };
    [[nodiscard]] Hears hears(std::string_view channel) const;
    /// Keeps a message until it can be told; without a channel it is told in any case. False where that would
    /// be too much.
    [[nodiscard]] bool keep(std::string_view channel, std::string message);
    [[nodiscard]] bool has_kept() const { return !kept_.empty(); }
    /// The oldest message, unless nobody knows yet whether it is to be told.
    [[nodiscard]] std::optional<std::string> take_kept();

    /// Steps of the statement that the unnamed portal is of.
    std::vector<sql::ChannelStep> bound;
    /// The listener hears for the statement in hand.
    bool stands_in = true;
    /// The backend listens by itself on what the session's statements said: UNLISTEN * is due.
    bool left_on_backend = false;
    /// What was committed at the backend before the session had it has been heard, once this is echoed.
    Listener::Ticket caught_up = 0;
    /// The exchange (Progress::exchanges) that the session was about to begin when it asked for that.
    std::uint32_t caught_up_before = 0;
    /// What the session itself committed has been heard, once this is echoed.
    std::optional<Listener::Ticket> echo;

  private:
    struct Kept {
        std::string channel;
        std::string message;

        [[nodiscard]] std::size_t cost_bytes() const {
            return sizeof(Kept) + channel.size() + message.size();
        }
    };
    [[nodiscard]] bool is_heard(const Kept& kept) const;
    void drop_unheard(More more);

    ChannelChanges changes_;
    std::deque<std::deque<sql::ChannelStep>> in_flight_;
    bool failed_ = false;
    /// Channels of the statement in hand, until it is sent.
    ChannelNames in_hand_;
    ChannelNames joined_;
    std::deque<Kept> kept_;
    std::size_t kept_bytes_ = 0;
};

}  // namespace pgring::session
