#include "sim/network.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "base/contract.h"

namespace pgring::sim {

namespace {

using namespace std::chrono_literals;

std::string text_of(const Link& link) {
    std::string text;
    for (std::size_t i = 0; i < link.piece_count; ++i) {
        text.append(reinterpret_cast<const char*>(link.pieces[i].data()), link.pieces[i].size());
    }
    return text;
}

}  // namespace

bool Network::is_untouched(const Link& link) {
    std::string_view before = link.pieces_before;
    for (std::size_t i = 0; i < link.piece_count; ++i) {
        std::span<const std::byte> const piece = link.pieces[i];
        if (std::memcmp(piece.data(), before.data(), piece.size()) != 0) {
            return false;
        }
        before.remove_prefix(piece.size());
    }
    return before.empty();
}

base::Duration Network::draw_delay() {
    // Mostly microseconds, now and then much longer.
    std::uint64_t const span = prng_.chance(5) ? 20'000'000 : 300'000;
    return base::Duration(static_cast<std::int64_t>(1000 + prng_.below(span)));
}

Link* Network::find(const Key& key) {
    auto const found = links_.find(key);
    return found == links_.end() ? nullptr : found->second.get();
}

Link& Network::add_link(std::size_t worker, proxy::SocketId socket) {
    auto link = std::make_unique<Link>();
    link->worker = worker;
    link->socket = socket;
    Link& made = *link;
    bool const is_new = links_.emplace(key_of(made), std::move(link)).second;
    ASSERT(is_new);
    return made;
}

Link* Network::connect_client(std::size_t worker, Peer& peer) {
    base::NetworkAddress const address{
        .family = base::AddressFamily::IPv4, .bytes = {192, 0, 2, 7}, .port = 4000};
    auto const socket =
        workers_[worker].worker->accepted(address, auth::Transport::PlainTcp, schedule_.now());
    touch(worker);
    if (!socket.has_value()) {
        return nullptr;
    }
    Link& link = add_link(worker, *socket);
    link.peer = &peer;
    return &link;
}

std::string Network::describe() const {
    std::string text;
    for (const auto& [key, link] : links_) {
        text += "\n  worker " + std::to_string(key.first) + " socket " + std::to_string(link->socket.index) +
                (link->closing ? " closing" : "") + (link->paused ? " paused" : "") +
                (link->connecting ? " connecting" : "") + (link->sending ? " sending" : "") +
                (link->peer_deaf ? " deaf" : "") + (link->ended_by_peer ? " ended" : "") +
                (link->delivery_scheduled ? " delivering" : "") + ", " +
                std::to_string(link->arriving.size()) + " bytes arriving, " +
                std::to_string(workers_[key.first].worker->outgoing(link->socket).size_bytes()) +
                " bytes leaving, " + std::to_string(link->received_bytes) + " bytes received";
    }
    return text;
}

// -- To the workers
// -----------------------------------------------------------------------------------------------------

void Network::say(Link& link, std::string_view bytes) {
    if (!link.ended_by_peer) {
        link.arriving.append(bytes);
        link.said_bytes += bytes.size();
        schedule_delivery(link);
    }
}

void Network::end(Link& link, End how) {
    if (how == End::Reset && prng_.chance(50)) {
        // A reset may overtake what was on its way.
        link.arriving.resize(prng_.below(link.arriving.size() + 1));
    }
    link.ended_by_peer = true;
    link.peer = nullptr;
    if (link.send_is_due) {
        link.send_is_due = false;
        schedule_.after(draw_delay(), [this, key = key_of(link)] { finish_send(key); });
    }
    schedule_delivery(link);
}

void Network::schedule_delivery(Link& link) {
    if (!link.delivery_scheduled && !link.paused && !link.closing && !link.connecting && !link.crossing) {
        link.delivery_scheduled = true;
        schedule_.after(draw_delay(), [this, key = key_of(link)] { deliver(key); });
    }
}

void Network::deliver(const Key& key) {
    Link* const link = find(key);
    if (link == nullptr) {
        return;
    }
    link->delivery_scheduled = false;
    if (link->closing || link->paused) {
        return;
    }
    proxy::Worker& worker = *workers_[link->worker].worker;
    if (link->arriving.empty()) {
        if (link->ended_by_peer) {
            worker.hung_up(link->socket, schedule_.now());
            touch(link->worker);
        }
        return;
    }
    // As in the reactor: clients leave a quarter of the buffers to the backends.
    std::uint32_t const reserve = worker.is_backend(link->socket) ? 0 : worker.buffers().large_count() / 4;
    buffer::Buffer* const buffer =
        worker.buffers().large_free_count() > reserve ? worker.buffers().take_large() : nullptr;
    if (buffer == nullptr) {
        link->delivery_scheduled = true;
        schedule_.after(1ms, [this, key] { deliver(key); });
        return;
    }
    std::size_t const most = std::min<std::size_t>(link->arriving.size(), buffer::kLargeBytes);
    std::size_t const count = prng_.chance(30)   ? 1 + prng_.below(std::min<std::size_t>(most, 12))
                              : prng_.chance(30) ? 1 + prng_.below(most)
                                                 : most;
    std::memcpy(buffer->data, link->arriving.data(), count);
    link->arriving.erase(0, count);
    link->received_bytes += count;
    {
        AllocationScope const scope(allocation_count_);
        worker.received(link->socket, buffer::Slice(*buffer, 0, static_cast<std::uint32_t>(count)),
                        schedule_.now());
    }
    touch(key.first);
    if (!link->arriving.empty() || link->ended_by_peer) {
        schedule_delivery(*link);
    }
}

void Network::publish(const std::shared_ptr<const topology::Topology>& topology) {
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        Driver& driver = workers_[i];
        driver.mail_until = std::max(driver.mail_until, schedule_.now() + draw_delay());
        schedule_.at(driver.mail_until, [this, i, topology] {
            workers_[i].topology = topology;
            workers_[i].worker->topology_changed(topology, schedule_.now());
            touch(i);
        });
    }
}

// -- From the workers
// ---------------------------------------------------------------------------------------------------

void Network::touch(std::size_t worker) {
    // Several events may come before the worker's next step.
    Driver& driver = workers_[worker];
    if (!driver.pump_scheduled) {
        driver.pump_scheduled = true;
        base::Duration const delay(static_cast<std::int64_t>(prng_.chance(70) ? 0 : prng_.below(200'000)));
        schedule_.after(delay, [this, worker] { pump(worker); });
    }
}

void Network::pump(std::size_t index) {
    Driver& driver = workers_[index];
    driver.pump_scheduled = false;
    {
        AllocationScope const scope(allocation_count_);
        driver.worker->step(schedule_.now());
    }
    driver.worker->check_invariants();
    driver.lines.look(*driver.worker, auditor_);
    audit_tokens();
    driver.actions.clear();
    driver.actions.swap(driver.worker->actions());
    for (const proxy::Action& action : driver.actions) {
        perform(index, action);
    }
    driver.posted.clear();
    driver.posted.swap(driver.worker->posted());
    for (const proxy::Posted& posted : driver.posted) {
        Driver& to = workers_[posted.to];
        to.mail_until = std::max(to.mail_until, schedule_.now() + draw_delay());
        schedule_.at(to.mail_until, [this, posted] {
            workers_[posted.to].worker->message(posted.message, schedule_.now());
            touch(posted.to);
        });
    }
    schedule_wake(index);
}

/// None is lost, none is doubled, wherever its backend is.
void Network::audit_tokens() const {
    std::size_t count = crossing_count_;
    for (const Driver& driver : workers_) {
        count += driver.worker->token_count();
    }
    auditor_.require(count == process_.budgets.taken(), [this, count] {
        return std::to_string(process_.budgets.taken()) + " tokens are out, and " + std::to_string(count) +
               " backends there";
    });
}

void Network::schedule_wake(std::size_t index) {
    Driver& driver = workers_[index];
    base::Instant const wake = driver.worker->next_wake();
    if (wake == base::kNever || (driver.wake > schedule_.now() && driver.wake <= wake)) {
        return;
    }
    driver.wake = std::max(wake, schedule_.now());
    schedule_.at(driver.wake, [this, index, when = driver.wake] {
        if (workers_[index].wake == when) {
            workers_[index].wake = base::kNever;
            touch(index);
        }
    });
}

void Network::perform(std::size_t worker, const proxy::Action& action) {
    switch (action.kind) {
        case proxy::Action::Kind::Suspect:
            on_suspect(action.server);
            return;
        case proxy::Action::Kind::Connect:
        case proxy::Action::Kind::ConnectPeer:
            start_connect(worker, action);
            return;
        case proxy::Action::Kind::Send:
        case proxy::Action::Kind::Pause:
        case proxy::Action::Kind::Resume:
        case proxy::Action::Kind::Lend:
        case proxy::Action::Kind::Close:
            break;
    }
    Link* const link = find({worker, action.socket.bits()});
    ASSERT(link != nullptr && !link->closing);
    switch (action.kind) {
        case proxy::Action::Kind::Send:
            start_send(*link);
            break;
        case proxy::Action::Kind::Pause:
            link->paused = true;
            break;
        case proxy::Action::Kind::Lend:
            lend(*link);
            break;
        case proxy::Action::Kind::Resume:
            link->paused = false;
            if (!link->arriving.empty() || link->ended_by_peer) {
                schedule_delivery(*link);
            }
            break;
        case proxy::Action::Kind::Close:
            close(*link);
            break;
        case proxy::Action::Kind::Connect:
        case proxy::Action::Kind::ConnectPeer:
        case proxy::Action::Kind::Suspect:
            break;
    }
}

void Network::start_send(Link& link) {
    ASSERT(!link.sending && !link.connecting);
    proxy::Worker& worker = *workers_[link.worker].worker;
    link.sending = true;
    link.piece_count = worker.outgoing(link.socket).gather(link.pieces);
    ASSERT(link.piece_count > 0);
    link.pieces_before = text_of(link);
    link.sent_under = workers_[link.worker].topology;
    schedule_.after(draw_delay(), [this, key = key_of(link)] { finish_send(key); });
}

void Network::finish_send(const Key& key) {
    Link* const link = find(key);
    if (link == nullptr || link->closing || !link->sending) {
        return;
    }
    proxy::Worker& worker = *workers_[link->worker].worker;
    if (link->peer == nullptr && link->ended_by_peer) {
        link->sending = false;
        worker.hung_up(link->socket, schedule_.now());
        touch(key.first);
        return;
    }
    if (link->peer_deaf) {
        link->send_is_due = true;
        return;
    }
    std::size_t const all = link->pieces_before.size();
    std::size_t const count = prng_.chance(5) ? 1 + prng_.below(all) : all;
    link->sending = false;
    hand_over(*link, count);
    {
        AllocationScope const scope(allocation_count_);
        worker.sent(link->socket, count, schedule_.now());
    }
    touch(key.first);
}

void Network::hand_over(Link& link, std::size_t size_bytes) {
    ASSERT(is_untouched(link));
    if (link.peer != nullptr && size_bytes > 0) {
        link.peer->heard(std::string_view(link.pieces_before).substr(0, size_bytes));
    }
}

void Network::set_deaf(Link& link, bool deaf) {
    link.peer_deaf = deaf;
    if (!deaf && std::exchange(link.send_is_due, false)) {
        schedule_.after(draw_delay(), [this, key = key_of(link)] { finish_send(key); });
    }
}

void Network::start_connect(std::size_t worker, const proxy::Action& action) {
    Link& link = add_link(worker, action.socket);
    link.connecting = true;
    schedule_.after(draw_delay(), [this, key = key_of(link), action] {
        if (action.kind == proxy::Action::Kind::Connect) {
            finish_connect(key, action.server);
        } else if (Link* const there = find(key); there != nullptr && !there->closing) {
            conclude_connect(*there, on_connect_peer(*there));
        }
    });
}

void Network::finish_connect(const Key& key, topology::ServerIndex server) {
    Link* const link = find(key);
    if (link == nullptr || link->closing) {
        return;
    }
    if (is_silent(server)) {
        schedule_.after(50ms, [this, key, server] { finish_connect(key, server); });
        return;
    }
    conclude_connect(*link, on_connect(*link, server));
}

void Network::conclude_connect(Link& link, Peer* peer) {
    link.connecting = false;
    link.peer = peer;
    proxy::Worker& worker = *workers_[link.worker].worker;
    if (peer == nullptr) {
        link.ended_by_peer = true;
        worker.connect_failed(link.socket, "connection refused", schedule_.now());
    } else {
        worker.connected(link.socket, schedule_.now());
    }
    touch(link.worker);
}

/// The kernel stops receiving in its own time.
void Network::lend(Link& link) {
    ASSERT(!link.connecting && !link.leaving);
    link.leaving = true;
    schedule_.after(draw_delay(), [this, key = key_of(link)] { finish_lending(key); });
}

void Network::finish_lending(const Key& key) {
    Link* const link = find(key);
    if (link == nullptr || link->closing) {
        return;
    }
    if (link->sending) {
        schedule_.after(draw_delay(), [this, key] { finish_lending(key); });
        return;
    }
    link->leaving = false;
    std::optional<proxy::LentBackend> backend =
        workers_[key.first].worker->let_go(link->socket, schedule_.now());
    touch(key.first);
    if (!backend.has_value()) {
        return;
    }
    auto node = links_.extract(key);
    node.mapped()->crossing = true;
    ++crossing_count_;
    Driver& to = workers_[backend->to];
    to.mail_until = std::max(to.mail_until, schedule_.now() + draw_delay());
    // What is scheduled has to be copyable.
    auto const parcel = std::make_shared<std::pair<std::unique_ptr<Link>, proxy::LentBackend>>(
        std::move(node.mapped()), std::move(*backend));
    schedule_.at(to.mail_until,
                 [this, parcel] { bring(std::move(parcel->first), std::move(parcel->second)); });
}

void Network::bring(std::unique_ptr<Link> link, proxy::LentBackend backend) {
    --crossing_count_;
    link->worker = backend.to;
    link->crossing = false;
    touch(link->worker);
    std::optional<proxy::SocketId> const socket =
        workers_[link->worker].worker->borrowed(std::move(backend), schedule_.now());
    if (!socket.has_value()) {
        if (link->peer != nullptr) {
            link->peer->closed();
        }
        return;
    }
    ++lent_count_;
    link->socket = *socket;
    // What was scheduled for its former name finds nothing.
    link->delivery_scheduled = false;
    Link& there = *link;
    links_.emplace(key_of(there), std::move(link));
    if (!there.arriving.empty() || there.ended_by_peer) {
        schedule_delivery(there);
    }
}

void Network::close(Link& link) {
    link.closing = true;
    if (link.sending) {
        // Some of what was under way may have left.
        hand_over(link, prng_.below(link.pieces_before.size() + 1));
    }
    if (link.peer != nullptr) {
        schedule_.after(draw_delay(), [this, key = key_of(link)] {
            if (Link* const closing = find(key); closing != nullptr && closing->peer != nullptr) {
                std::exchange(closing->peer, nullptr)->closed();
            }
        });
    }
    schedule_.after(30ms, [this, key = key_of(link)] {
        Link& closing = *find(key);
        if (closing.sending) {
            ASSERT(is_untouched(closing));
        }
        proxy::SocketId const socket = closing.socket;
        links_.erase(key);
        workers_[key.first].worker->closed(socket);
        touch(key.first);
    });
}

}  // namespace pgring::sim
