#pragma once
/// A stage for conversations: real workers between scripted clients and scripted servers, in virtual time and
/// without I/O. Whatever an actor says reaches the worker at once, and the worker's answers reach the actors
/// at once, unless the script holds them back; so a test reads as what was said, in order:
///
///     alice.says(query("select 1"));
///     backend.hears({"Query select 1"});
///     backend.says(row("1") + complete("SELECT 1") + ready());
///     alice.hears({"DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
///
/// After every event Worker::check_invariants() runs; at the end, with all clients gone, every buffer must be
/// back.

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "config/settings.h"
#include "conversation/messages.h"
#include "proxy/worker.h"
#include "session/shared.h"
#include "topology/topology.h"

namespace pgring::conversation {

class Stage;

/// What a test expects to be said: one line a message (messages.h).
using Lines = std::vector<std::string>;

/// The far end of one of the worker's connections.
class Actor {
  public:
    Actor(Stage& stage, std::size_t worker) : stage_(&stage), worker_(worker) {}
    Actor(const Actor&) = delete;
    Actor& operator=(const Actor&) = delete;
    virtual ~Actor() = default;

    /// Sends bytes; they arrive as soon as the worker receives.
    void says(std::string_view bytes);
    /// The same in pieces of `piece_bytes`, each received by itself.
    void says_in_pieces(std::string_view bytes, std::size_t piece_bytes);
    /// What arrived since the last time is exactly this.
    void hears(const Lines& expected, std::source_location where = std::source_location::current());
    void hears_nothing(std::source_location where = std::source_location::current());
    /// The messages that arrived since the last time.
    [[nodiscard]] std::vector<Message> take();
    /// Bytes outside of messages, e.g. the answer to an SSLRequest.
    [[nodiscard]] std::string take_bytes() { return std::exchange(heard_, {}); }
    [[nodiscard]] std::size_t heard_bytes() const { return heard_.size(); }
    /// The socket's buffer is full: the worker's sends do not finish.
    void stops_reading();
    void reads_again();
    void hangs_up();
    /// Bytes that were said and not received, because the worker has paused the connection.
    [[nodiscard]] std::size_t unreceived_bytes() const { return unsaid_.size(); }
    [[nodiscard]] bool paused() const { return paused_; }
    [[nodiscard]] bool closed() const { return closed_; }
    /// The worker that has the connection.
    [[nodiscard]] std::size_t worker() const { return worker_; }

  protected:
    friend class Stage;
    [[nodiscard]] virtual std::string text(const Message& message) const = 0;
    /// Called when bytes have arrived.
    virtual void on_heard() {}

    Stage* stage_;
    std::size_t worker_;
    proxy::SocketId socket_;
    std::string heard_;
    std::string unsaid_;
    bool reading_ = true;
    bool send_waits_ = false;
    bool paused_ = false;
    bool connected_ = true;
    /// It hung up while it was on its way from one worker to another.
    bool hung_up_ = false;
    bool closed_ = false;
};

class Client : public Actor {
  public:
    using Actor::Actor;

    /// Startup and everything up to the first ReadyForQuery, which must come.
    void logs_in(const Parameters& parameters = {{"user", "app"}, {"database", "db"}},
                 std::source_location where = std::source_location::current());
    /// ParameterStatus values as last told.
    [[nodiscard]] const std::string& parameter(const std::string& name) { return parameters_[name]; }
    [[nodiscard]] std::uint32_t process_id() const { return process_id_; }
    [[nodiscard]] const std::string& secret() const { return secret_; }
    /// The last ErrorResponse that hears() met.
    [[nodiscard]] const Message& last_error() const { return last_error_; }

  private:
    friend class Actor;
    [[nodiscard]] std::string text(const Message& message) const override { return backend_text(message); }

    std::map<std::string, std::string> parameters_;
    std::uint32_t process_id_ = 0;
    std::string secret_;
    Message last_error_;
};

/// One connection that a worker made to a server, or to a peer.
class Backend : public Actor {
  public:
    Backend(Stage& stage, std::size_t worker, std::size_t server, std::uint32_t process_id)
        : Actor(stage, worker), server_(server), process_id_(process_id) {}

    /// Peers are counted on behind the servers.
    [[nodiscard]] std::size_t server() const { return server_; }
    [[nodiscard]] std::uint32_t process_id() const { return process_id_; }
    [[nodiscard]] std::string secret() const { return number(process_id_ ^ 0xffffffffU); }
    /// The startup packet's name and values; empty before it came.
    [[nodiscard]] const Parameters& startup_parameters() const { return startup_parameters_; }
    /// It is no session but a CancelRequest for this process.
    [[nodiscard]] std::optional<std::uint32_t> cancels_process() const { return cancels_process_; }
    [[nodiscard]] const std::string& cancels_secret() const { return cancels_secret_; }
    /// The whole startup packet or CancelRequest, as it came.
    [[nodiscard]] const std::string& packet() const { return packet_; }
    /// The server takes the connection that it had left unanswered.
    void is_accepted();
    /// Says all that ends a login by trust.
    void welcomes();
    /// The usual answer to a query.
    void answers(std::string_view value, char status = 'I');

  private:
    friend class Stage;
    [[nodiscard]] std::string text(const Message& message) const override { return frontend_text(message); }
    void on_heard() override;

    std::size_t server_;
    std::uint32_t process_id_;
    bool started_ = false;
    std::string packet_;
    Parameters startup_parameters_;
    std::optional<std::uint32_t> cancels_process_;
    std::string cancels_secret_;
};

/// How a stage is set.
struct Scene {
    std::size_t workers = 1;
    /// Server 0 is the primary at first, the others are standbys.
    std::size_t servers = 1;
    config::Settings settings = make_settings();
    /// Whether servers let pgring in by themselves.
    enum class Logins : std::uint8_t { Automatic, Scripted } logins = Logins::Automatic;

    [[nodiscard]] static config::Settings make_settings();
    /// Lines of a user list.
    std::string users{};
    /// Lines of an HBA file.
    std::string rules{};
};

class Stage {
  public:
    explicit Stage(Scene scene = {});
    ~Stage();
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;

    /// A client that has connected and said nothing.
    [[nodiscard]] Client& client(std::size_t worker = 0);
    /// A client after its login.
    [[nodiscard]] Client& logged_in(std::size_t worker = 0,
                                    std::source_location where = std::source_location::current());
    [[nodiscard]] Client& logged_in_as(const Parameters& parameters, std::size_t worker = 0,
                                       std::source_location where = std::source_location::current());
    /// The connection to a server that was made as the `index`-th of all; it must exist.
    [[nodiscard]] Backend& backend(std::size_t index);
    [[nodiscard]] std::size_t backend_count() const { return backends_.size(); }
    /// Connections to servers that are open now, cancels included.
    [[nodiscard]] std::size_t open_backend_count() const;

    /// What becomes of further attempts to connect to a server, or to a peer (see Backend::server()).
    enum class Connects : std::uint8_t { Accepted, Refused, Unanswered };
    void set_connects(std::size_t server, Connects connects) { connects_[server] = connects; }
    /// The monitor says so.
    void publish(std::optional<std::size_t> primary, std::initializer_list<std::size_t> down = {});
    void passes(base::Duration duration);
    [[nodiscard]] proxy::Worker& worker(std::size_t index = 0) { return *workers_[index]; }
    [[nodiscard]] base::Instant now() const { return now_; }
    /// Servers that a worker suspected since the last time.
    [[nodiscard]] std::vector<std::size_t> take_suspected() { return std::exchange(suspected_, {}); }
    /// Carries out what the workers want until they want nothing more.
    void settle();
    /// Holds back what workers tell and lend each other.
    void hold_mail() { mail_held_ = true; }
    void deliver_mail();
    /// A backend that is to be lent does not leave its worker yet: what it says then is still heard there.
    void hold_leaving() { leaving_held_ = true; }
    void let_leave();
    /// Backends that are on their way from one worker to another.
    [[nodiscard]] std::size_t crossing_count() const { return crossing_.size(); }

  private:
    friend class Actor;
    friend class Backend;
    friend class Client;

    using Key = std::pair<std::size_t, std::uint64_t>;

    void perform(std::size_t worker, const proxy::Action& action);
    void connect(std::size_t worker, proxy::SocketId socket, std::size_t server);
    void send(Actor& actor);
    /// Hands the worker what the actor has said. True when there was something.
    bool receive(Actor& actor, std::size_t bytes_max);
    [[nodiscard]] buffer::Buffer* take_buffer(proxy::Worker& worker, const Actor& actor);
    [[nodiscard]] Actor* actor_of(std::size_t worker, proxy::SocketId socket);
    void let_go(Actor& actor);
    void check_tokens() const;
    /// A backend with its far end, on its way.
    struct Crossing {
        proxy::LentBackend backend;
        Actor* actor;
    };
    void bring(Crossing crossing);

    config::Settings settings_;
    Scene::Logins logins_;
    base::Instant now_{std::chrono::hours(1)};
    base::LogNothing log_;
    base::Prng random_{1};
    session::AccessControl access_;
    proxy::Process process_;
    std::shared_ptr<const topology::Topology> topology_;
    std::vector<std::unique_ptr<proxy::Worker>> workers_;
    std::deque<Client> clients_;
    std::deque<Backend> backends_;
    std::map<Key, Actor*> actors_;
    std::vector<Connects> connects_;
    std::vector<std::size_t> suspected_;
    std::vector<proxy::Posted> mail_;
    std::vector<Crossing> crossing_;
    std::vector<Actor*> leaving_;
    bool mail_held_ = false;
    bool leaving_held_ = false;
};

}  // namespace pgring::conversation
