#pragma once
// clang-format off: the diagram is drawn by hand.
/// Probes one server, again and again, without ever waiting: it says what it waits for, and the monitor's
/// loop waits for all servers at once.
///
///                             due, no connection, a name
///     +------> Idle ------------------------------------------> Resolving
///     |         |  |   due, no connection, an address               | addresses known
///     |         |  '--------------------------------.               |
///     |         | due, connection held              v               |
///     |         |                               Connecting <--------'
///     |         v             logged in             |   ^
///     |       Asking <------------------------------'   |
///     |         |  |                                    |
///     |         |  '------- the held connection broke --'
///     |         | answered
///     '---------'
///
/// From every state but Idle, a failure or the deadline also leads to Idle, without a connection. A probe
/// begins when Idle is left and ends when it is reached again; its deadline covers all of it. A connection
/// that was held from an earlier probe and turns out to be broken is no finding yet, as one backend may have
/// died alone: the same probe connects anew.
// clang-format on

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "failover/probe.h"
#include "monitor/failure.h"
#include "monitor/options.h"
#include "monitor/postgres.h"
#include "monitor/resolution.h"
#include "topology/topology.h"

namespace pgring::monitor {

/// What a prober waits for besides its wake-up time.
struct Interest {
    int fd = -1;
    /// As in poll(2).
    short events = 0;
};

/// Not thread-safe; the monitor's thread owns it.
class Prober {
  public:
    using Finding = std::expected<failover::Sighting, Failure>;

    /// `options` is borrowed for the life of the prober. The first probe is due at once.
    Prober(const topology::ServerIdentity& server, const MonitorOptions& options);

    /// The socket to poll, or nothing. It changes with every call of advance().
    [[nodiscard]] std::optional<Interest> interest() const;

    /// When advance() must be called at the latest, whatever the socket does.
    [[nodiscard]] base::Instant wake_at(base::Instant now) const;

    /// Goes on as far as it can. `events` is what poll(2) returned for the socket, 0 for none. Returns the
    /// finding when a probe has ended; the next one is then due when schedule() says, and not before it was
    /// called.
    [[nodiscard]] std::optional<Finding> advance(base::Instant now, short events);

    /// Sets when the next probe is due. The prober is idle.
    void schedule(base::Instant due);

    /// Moves the next probe forward to `due` if it is later; nothing where a probe runs.
    void bring_forward(base::Instant due);

    /// Makes a probe that sees the server as of now: the next one is due at once, or as soon as the present
    /// one has ended; but at most one each 10 ms, so that a storm of suspicions is no storm of probes.
    void hurry(base::Instant now);

    [[nodiscard]] const topology::ServerIdentity& server() const { return server_; }

  private:
    enum class State : std::uint8_t {
        /// No probe runs. A connection may be held.
        Idle,
        /// The name is being looked up.
        Resolving,
        /// libpq makes a connection.
        Connecting,
        /// The query was sent.
        Asking,
    };
    enum class ConnectionAge : std::uint8_t { Held, Fresh };

    void move_to(State next);

    std::optional<Finding> begin(base::Instant now);
    std::optional<Finding> resolve();
    std::optional<Finding> go_on_resolving();
    std::optional<Finding> connect(const std::vector<std::string>& addresses);
    std::optional<Finding> go_on_connecting();
    std::optional<Finding> ask();
    std::optional<Finding> go_on_asking();
    std::optional<Finding> judge_result();

    /// The connection broke while asking: connects anew if it was an old one, else ends the probe.
    std::optional<Finding> lose_connection(Failure failure);
    std::optional<Finding> fail(Failure failure);
    std::optional<Finding> finish(Finding finding);
    [[nodiscard]] Failure describe_timeout() const;

    topology::ServerIdentity server_;
    const MonitorOptions& options_;

    State state_ = State::Idle;
    base::Instant due_;
    base::Instant started_;
    std::optional<base::Instant> hurried_;

    /// Kept over probes while it goes on, so that a hanging name server has at most one question of each
    /// prober.
    std::optional<Resolution> resolution_;
    Connection connection_;
    ConnectionAge connection_age_ = ConnectionAge::Fresh;
    short wanted_events_ = 0;
    /// The first result of the query, until the server says that it is ready for the next.
    Result result_;
};

}  // namespace pgring::monitor
