#pragma once
/// The network between the workers and everybody else. It carries out the workers' actions as the reactor
/// does, with a kernel that is as unkind as it may be: streams arrive in arbitrary pieces and late, sends
/// finish late and sometimes in part, a closed connection is forgotten in its own time, and buffers for
/// receiving run out.

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "proxy/worker.h"
#include "sim/allocations.h"
#include "sim/auditor.h"
#include "sim/line_audit.h"
#include "sim/peer.h"
#include "sim/schedule.h"

namespace pgring::sim {

/// One connection of a worker's.
struct Link {
    std::size_t worker = 0;
    proxy::SocketId socket;
    Peer* peer = nullptr;
    /// Bytes on their way to the worker.
    std::string arriving;
    /// Bytes that the peer ever said, and those that the worker got.
    std::uint64_t said_bytes = 0;
    std::uint64_t received_bytes = 0;
    /// Behind them the connection ends.
    bool ended_by_peer = false;
    bool delivery_scheduled = false;
    bool paused = false;
    bool connecting = false;
    /// The worker wished to close it.
    bool closing = false;
    /// It goes to another worker as soon as nothing is under way: what arrives till then is for the one that
    /// lends it.
    bool leaving = false;
    /// No worker has it.
    bool crossing = false;
    bool sending = false;
    /// What the Send under way took hold of; must stay as it is until sent() or closed().
    std::array<std::span<const std::byte>, 64> pieces;
    std::size_t piece_count = 0;
    std::string pieces_before;
    /// The peer does not read.
    bool peer_deaf = false;
    bool send_is_due = false;
    /// What the worker knew of the cluster at the start of the latest Send.
    std::shared_ptr<const topology::Topology> sent_under;
};

class Network {
  public:
    Network(Schedule& schedule, base::Prng& prng, Auditor& auditor, const proxy::Process& process)
        : schedule_(schedule), prng_(prng), auditor_(auditor), process_(process) {}

    void add_worker(proxy::Worker& worker, std::shared_ptr<const topology::Topology> topology) {
        workers_.push_back(Driver{.worker = &worker, .topology = std::move(topology)});
    }
    /// What a Connect action leads to: the peer, or nullptr where the connection is refused. Called when the
    /// attempt arrives.
    std::function<Peer*(Link&, topology::ServerIndex)> on_connect;
    /// The same of a ConnectPeer action.
    std::function<Peer*(Link&)> on_connect_peer;
    /// True while a server lets attempts to connect hang.
    std::function<bool(topology::ServerIndex)> is_silent;
    std::function<void(topology::ServerIndex)> on_suspect;

    /// A client connects; nullptr where the worker will not have it.
    Link* connect_client(std::size_t worker, Peer& peer);
    /// The peer says something.
    void say(Link& link, std::string_view bytes);
    /// The peer ends the connection: behind what is on its way, or with a reset that may overtake it.
    enum class End : std::uint8_t { Orderly, Reset };
    void end(Link& link, End how);
    void set_deaf(Link& link, bool deaf);
    void publish(const std::shared_ptr<const topology::Topology>& topology);
    /// Something was done to a worker: it will be asked for its actions soon.
    void touch(std::size_t worker);
    /// Backends that went from one worker to another so far.
    [[nodiscard]] std::uint64_t lent_count() const { return lent_count_; }
    /// Those that are on their way.
    [[nodiscard]] std::size_t crossing_count() const { return crossing_count_; }
    /// Allocations that the workers made while they were told something.
    [[nodiscard]] std::uint64_t allocation_count() const { return allocation_count_; }
    /// The connections that are open, for a report.
    [[nodiscard]] std::string describe() const;
    [[nodiscard]] base::Duration draw_delay();

  private:
    using Key = std::pair<std::size_t, std::uint64_t>;
    struct Driver {
        proxy::Worker* worker = nullptr;
        std::shared_ptr<const topology::Topology> topology;
        /// Taken in turns with the worker's own, so that neither grows anew.
        std::vector<proxy::Action> actions{};
        std::vector<proxy::Posted> posted{};
        LineAudit lines{};
        bool pump_scheduled = false;
        base::Instant wake = base::kNever;
        /// Messages to it arrive in order.
        base::Instant mail_until{};
    };

    void pump(std::size_t worker);
    void audit_tokens() const;
    void perform(std::size_t worker, const proxy::Action& action);
    void start_send(Link& link);
    void finish_send(const Key& key);
    void start_connect(std::size_t worker, const proxy::Action& action);
    void finish_connect(const Key& key, topology::ServerIndex server);
    /// `peer` is who took the attempt, or nullptr.
    void conclude_connect(Link& link, Peer* peer);
    void close(Link& link);
    void lend(Link& link);
    void finish_lending(const Key& key);
    void bring(std::unique_ptr<Link> link, proxy::LentBackend backend);
    void schedule_delivery(Link& link);
    void deliver(const Key& key);
    void schedule_wake(std::size_t worker);
    [[nodiscard]] static Key key_of(const Link& link) { return {link.worker, link.socket.bits()}; }
    [[nodiscard]] Link* find(const Key& key);
    Link& add_link(std::size_t worker, proxy::SocketId socket);
    /// What a Send took hold of is as it was.
    [[nodiscard]] static bool is_untouched(const Link& link);
    /// Gives the first `size_bytes` of what is being sent to the peer.
    void hand_over(Link& link, std::size_t size_bytes);

    Schedule& schedule_;
    base::Prng& prng_;
    Auditor& auditor_;
    const proxy::Process& process_;
    std::deque<Driver> workers_;
    std::map<Key, std::unique_ptr<Link>> links_;
    std::uint64_t allocation_count_ = 0;
    std::uint64_t lent_count_ = 0;
    std::size_t crossing_count_ = 0;
};

}  // namespace pgring::sim
