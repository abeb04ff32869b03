/// Any bytes from a client and from a server into a fresh proxy::Worker, cut anywhere, with hang-ups, slow
/// readers and deadlines in between. What must hold besides not crashing: the worker's invariants after every
/// event, bounded buffers whatever is sent, an end to what one event sets off, and nothing left when all have
/// gone.
///
/// An input is a first byte that chooses how clients log in, and steps: a byte that says what happens, a byte
/// that says how much, and for Say so many bytes.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/contract.h"
#include "support/solo_worker.h"

namespace pgring {
namespace {

using proxy::Action;
using proxy::SocketId;

/// What happens in a step; the number in the input is taken modulo the count of these.
enum class Happening : std::uint8_t {
    ClientSays,     ///< so many bytes arrive from the client
    ServerSays,     ///< so many bytes arrive from the server
    TimePasses,     ///< so many tenths of a second
    ClientStalls,   ///< the client stops reading, or reads again
    ServerStalls,   ///< the server does
    ClientHangsUp,  ///< and another one comes in its place
    ServerHangsUp,
    ServerRefuses,  ///< the next connection attempt fails
};
constexpr std::uint8_t kHappeningCount = 8;

constexpr std::size_t kStatementBytesMax = 4096;
/// What a single client, its backends and their answers may hold: two queues filled up to the mark and one
/// buffer beyond, each as if it lay in small buffers, and something for the writing of messages.
constexpr std::size_t kSmallBuffersMax = 4 * session::kQueueHighBytes / buffer::kSmallBytes;
/// No event sets off so many actions.
constexpr int kActionsMax = 1000;

/// A SCRAM secret, the md5 hash and a plain password; nobody who sends random bytes knows any of them.
const auth::UserList& user_list() {
    static const auth::UserList users = [] {
        base::Prng random(7);
        auth::ProcessSecret const process_secret(random);
        return auth::UserList::parse("\"user\" \"correct horse battery staple\"\n", "userlist.txt",
                                     process_secret, nullptr)
            .value();
    }();
    return users;
}

config::Settings settings_for(std::uint8_t choice) {
    constexpr config::AuthType kTypes[] = {config::AuthType::Trust, config::AuthType::ScramSha256,
                                           config::AuthType::Md5, config::AuthType::Password};
    config::Settings settings = support::solo_settings();
    settings.pgring.auth_type = kTypes[choice % std::size(kTypes)];
    settings.pgring.pool_mode =
        (choice & 0x80U) == 0 ? config::PoolMode::Transaction : config::PoolMode::Session;
    settings.pgring.prepared_statement_bytes_max = kStatementBytesMax;
    settings.pgring.max_prepared_statements = 3;
    settings.pgring.default_pool_size = 2;
    return settings;
}

/// The kernel, one client at a time, and the server.
class World {
  public:
    explicit World(std::uint8_t choice) : solo_(settings_for(choice), user_list()) { arrive(); }

    void happen(Happening happening, std::uint8_t amount, std::span<const std::byte> bytes) {
        switch (happening) {
            case Happening::ClientSays:
                say(client_, bytes);
                break;
            case Happening::ServerSays:
                if (!backends_.empty()) {
                    say(backends_.back(), bytes);
                }
                break;
            case Happening::TimePasses:
                solo_.now += std::chrono::milliseconds(100) * amount;
                break;
            case Happening::ClientStalls:
                toggle(client_);
                break;
            case Happening::ServerStalls:
                if (!backends_.empty()) {
                    toggle(backends_.back());
                }
                break;
            case Happening::ClientHangsUp:
                hang_up(client_);
                break;
            case Happening::ServerHangsUp:
                if (!backends_.empty()) {
                    hang_up(backends_.back());
                }
                break;
            case Happening::ServerRefuses:
                refuse_next_ = true;
                break;
        }
        settle();
        if (!client_.socket.valid()) {
            arrive();
        }
    }

    /// Everybody leaves; nothing may be left of them.
    void end() {
        worker().shut_down(proxy::Worker::Shutdown::Now, solo_.now);
        settle();
        for (Peer* const peer : peers()) {
            peer->stalled = false;
            hang_up(*peer);
        }
        settle();
        // A farewell that cannot be delivered has its deadline.
        solo_.now += std::chrono::minutes(5);
        settle();
        ASSERT(worker().finished());
    }

  private:
    /// The far end of a connection.
    struct Peer {
        SocketId socket;
        bool paused = false;
        bool stalled = false;
        /// A Send was asked for and has not been carried out.
        bool sending = false;
    };

    [[nodiscard]] proxy::Worker& worker() { return solo_.worker; }

    [[nodiscard]] std::vector<Peer*> peers() {
        std::vector<Peer*> all{&client_};
        for (Peer& backend : backends_) {
            all.push_back(&backend);
        }
        std::erase_if(all, [](const Peer* peer) { return !peer->socket.valid(); });
        return all;
    }
    [[nodiscard]] Peer* find(SocketId socket) {
        std::vector<Peer*> const all = peers();
        auto const found = std::ranges::find(all, socket, &Peer::socket);
        return found == all.end() ? nullptr : *found;
    }

    void arrive() {
        std::optional<SocketId> const socket = worker().accepted({}, auth::Transport::PlainTcp, solo_.now);
        ASSERT(socket.has_value());
        client_ = {.socket = *socket};
    }

    /// Delivers bytes unless the worker does not want any: the kernel would keep them.
    void say(const Peer& peer, std::span<const std::byte> bytes) {
        if (!peer.socket.valid() || peer.paused || bytes.empty()) {
            return;
        }
        buffer::Buffer* const buffer = worker().buffers().take_large();
        if (buffer == nullptr) {
            return;
        }
        std::memcpy(buffer->data, bytes.data(), bytes.size());
        worker().received(peer.socket, buffer::Slice(*buffer, 0, static_cast<std::uint32_t>(bytes.size())),
                          solo_.now);
    }

    void toggle(Peer& peer) {
        peer.stalled = !peer.stalled;
        complete_send(peer);
    }

    void complete_send(Peer& peer) {
        if (peer.socket.valid() && peer.sending && !peer.stalled) {
            peer.sending = false;
            std::array<std::span<const std::byte>, 16> pieces;
            std::size_t size_bytes = 0;
            for (std::size_t i = worker().outgoing(peer.socket).gather(pieces); i > 0; --i) {
                size_bytes += pieces[i - 1].size();
            }
            worker().sent(peer.socket, size_bytes, solo_.now);
        }
    }

    void hang_up(const Peer& peer) {
        if (peer.socket.valid()) {
            worker().hung_up(peer.socket, solo_.now);
        }
    }

    void settle() {
        worker().step(solo_.now);
        int count = 0;
        for (std::size_t i = 0; i < worker().actions().size(); ++i) {
            perform(worker().actions()[i]);
            worker().step(solo_.now);
            ASSERT(++count < kActionsMax);
        }
        worker().actions().clear();
        worker().posted().clear();
        worker().check_invariants();
        ASSERT(worker().buffers().small_in_use_count() <= kSmallBuffersMax);
    }

    void perform(Action const action) {
        switch (action.kind) {
            case Action::Kind::Send:
                if (Peer* const peer = find(action.socket)) {
                    ASSERT(!peer->sending);
                    peer->sending = true;
                    complete_send(*peer);
                }
                break;
            case Action::Kind::Pause:
            case Action::Kind::Resume:
                if (Peer* const peer = find(action.socket)) {
                    peer->paused = action.kind == Action::Kind::Pause;
                }
                break;
            case Action::Kind::Connect:
            case Action::Kind::ConnectPeer:
                backends_.push_back({.socket = action.socket});
                if (std::exchange(refuse_next_, false)) {
                    worker().connect_failed(action.socket, "refused", solo_.now);
                } else {
                    worker().connected(action.socket, solo_.now);
                }
                break;
            case Action::Kind::Close:
                worker().closed(action.socket);
                if (action.socket == client_.socket) {
                    client_ = {};
                }
                std::erase_if(backends_,
                              [&action](const Peer& peer) { return peer.socket == action.socket; });
                break;
            case Action::Kind::Lend:
            case Action::Kind::Suspect:
                break;
        }
    }

    support::SoloWorker solo_;
    Peer client_;
    std::vector<Peer> backends_;
    bool refuse_next_ = false;
};

void run(std::span<const std::byte> input) {
    if (input.empty()) {
        return;
    }
    World world(std::to_integer<std::uint8_t>(input.front()));
    input = input.subspan(1);
    while (input.size() >= 2) {
        auto const happening =
            static_cast<Happening>(std::to_integer<std::uint8_t>(input[0]) % kHappeningCount);
        auto const amount = std::to_integer<std::uint8_t>(input[1]);
        input = input.subspan(2);
        bool const says = happening == Happening::ClientSays || happening == Happening::ServerSays;
        std::size_t const size_bytes = says ? std::min<std::size_t>(amount, input.size()) : 0;
        world.happen(happening, amount, input.first(size_bytes));
        input = input.subspan(size_bytes);
    }
    world.end();
}

}  // namespace
}  // namespace pgring

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    pgring::run(std::as_bytes(std::span(data, size)));
    return 0;
}
