#pragma once
/// A model of PostgreSQL: enough of its protocol and of its transactions to be told apart from pgring's idea
/// of them. Written from the PostgreSQL documentation ("Frontend/Backend Protocol"), not from pgring.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "conversation/messages.h"
#include "sim/auditor.h"
#include "sim/network.h"
#include "sim/peer.h"
#include "sim/schedule.h"

namespace pgring::sim {

class ModelServer;

/// What model servers share.
struct ServerContext {
    Schedule& schedule;
    base::Prng& prng;
    Network& network;
    Auditor& auditor;
    /// Reads of sessions that wait may come behind those of others.
    bool multiplexes = false;
    /// A line of the run's log.
    std::function<void(const std::string&)> log;
};

using SessionParameters = std::map<std::string, std::string>;

/// One server process: a session, or a CancelRequest.
class ServerProcess final : public Peer {
  public:
    ServerProcess(ModelServer& server, Link& link, std::uint32_t process_id);

    void heard(std::string_view bytes) override;
    void closed() override;

    [[nodiscard]] std::uint32_t process_id() const { return process_id_; }
    [[nodiscard]] std::string secret() const { return conversation::number(process_id_ * 2654435761U); }
    [[nodiscard]] bool alive() const { return alive_; }
    /// A session that pgring has not closed.
    [[nodiscard]] bool in_session() const {
        return alive_ && logged_in_ && link_ != nullptr && !link_->closing;
    }
    /// The server died or reset the connection.
    void vanish();
    /// FATAL and the end.
    void terminate(std::string_view sqlstate);
    /// A CancelRequest has come for it.
    void cancel();
    /// In the text of a statement that ends only when it is cancelled.
    static constexpr std::string_view kEndless = "pg_sleep('infinity')";
    /// The server runs again after a hang.
    void wake();
    /// Another process has committed a NOTIFY.
    void notified(const std::string& channel, const std::string& message);

  private:
    enum class State : std::uint8_t { Startup, Ready, CopyIn };
    struct Statement {
        std::string text;
        /// What it returns has changed since it was prepared.
        bool outdated = false;
        bool from_sql = false;
    };
    struct Portal {
        std::string text;
        std::vector<std::string> values;
        /// Rows that Execute has brought already.
        std::uint32_t row_count = 0;
    };
    /// Where a transaction stood at a SAVEPOINT.
    struct Savepoint {
        std::string name;
        std::size_t write_count = 0;
        SessionParameters parameters;
        SessionParameters session_parameters;
        ClientNumber pinned_by = kNobody;
        std::set<std::string> channels;
        std::size_t notice_count = 0;
    };
    /// A message, and what the worker that sent it knew of the cluster.
    struct Heard {
        conversation::Message message;
        std::shared_ptr<const topology::Topology> sent_under;
    };
    /// What running a statement came to.
    struct Outcome {
        std::string rows{};
        std::string tag{};
        std::string sqlstate{};
        enum class Copies : std::uint8_t { Nothing, In, Out } copies = Copies::Nothing;
    };

    void on_startup();
    void schedule_next();
    void process_next();
    [[nodiscard]] bool takes_forever(const conversation::Message& message) const;
    void process(const conversation::Message& message);
    void run_query(const std::string& text);
    void finish_query();
    void on_parse(const std::string& body);
    void on_bind(const std::string& body);
    void on_describe(const std::string& body);
    void on_execute(const std::string& body);
    void on_close(const std::string& body);
    void on_sync();
    void on_copy(const conversation::Message& message);
    void fail(std::string_view sqlstate);
    void ready();
    void flush();

    [[nodiscard]] Outcome run(const std::string& text, const std::vector<std::string>& values);
    [[nodiscard]] Outcome run_one(const std::string& text, const std::vector<std::string>& values);
    [[nodiscard]] Outcome run_write(const std::string& text, const std::vector<std::string>& values);
    [[nodiscard]] Outcome run_control(const std::string& text);
    [[nodiscard]] Outcome run_savepoint(const std::string& word, const std::string& text);
    [[nodiscard]] Outcome run_setting(const std::string& text);
    [[nodiscard]] Outcome run_deallocate(const std::string& text);
    [[nodiscard]] Outcome run_prepare(const std::string& text);
    [[nodiscard]] Outcome run_execute(const std::string& text);
    [[nodiscard]] Outcome run_set_config(const std::string& text);
    [[nodiscard]] Outcome run_current_settings(const std::string& text);
    [[nodiscard]] Outcome run_leftovers(const std::string& text);
    enum class Lasts : std::uint8_t { Session, Transaction };
    [[nodiscard]] Outcome set(const std::string& name, const std::string& value, Lasts lasts);
    [[nodiscard]] Outcome run_channels(const std::string& word, const std::string& text);
    void deliver();
    void begin_block();
    void commit();
    void roll_back();
    void reset_all();
    void on_function_call();
    void copy_fails(std::string_view sqlstate);
    /// Now and then a server says something by itself.
    void say_by_itself();
    /// A write may be sent only to who was the primary, as far as the sender knew.
    void audit_write(const std::string& write);
    /// The first word of another client comes: has pgring seen all answers for the one before?
    void audit_arrival(const conversation::Message& message);
    void audit_behind_others(ClientNumber client, const conversation::Message& message) const;
    [[nodiscard]] static ClientNumber sender_of(const conversation::Message& message);
    [[nodiscard]] bool only_reads(const conversation::Message& message) const;
    /// The statement of a client begins: is the session in a state that this client may meet?
    void audit_owner(const std::string& text, const std::vector<std::string>& values);
    [[nodiscard]] bool in_unit() const { return status_ != 'I' || unit_open_; }

    ModelServer& server_;
    Link* link_;
    std::uint32_t process_id_;
    State state_ = State::Startup;
    bool alive_ = true;
    bool logged_in_ = false;
    bool busy_ = false;
    bool cancelled_ = false;
    std::string unread_;
    std::deque<Heard> messages_;
    /// Under what the message that is worked off was sent.
    std::shared_ptr<const topology::Topology> sent_under_;
    std::string out_;

    char status_ = 'I';
    /// Messages of the extended protocol have come since the last Sync.
    bool unit_open_ = false;
    bool skips_to_sync_ = false;
    bool copy_is_simple_ = false;
    std::vector<std::string> copied_;
    /// Writes of the transaction, not committed yet.
    std::vector<std::string> writes_;
    /// What RESET leads back to: the startup packet's, else the server's.
    SessionParameters defaults_;
    SessionParameters parameters_;
    SessionParameters parameters_before_;
    /// What the parameters are when the transaction is committed: without what SET LOCAL set.
    SessionParameters session_parameters_;
    std::vector<Savepoint> savepoints_;
    SessionParameters reported_;
    static constexpr std::uint32_t kBindsBetweenMigrations = 5;
    std::uint32_t binds_ = 0;
    std::map<std::string, Statement> statements_;
    std::map<std::string, Portal> portals_;
    /// Channels it listens on, and with what the transaction does to them.
    std::set<std::string> channels_;
    std::set<std::string> channels_ahead_;
    /// Channel and payload of each NOTIFY of the transaction.
    std::vector<std::pair<std::string, std::string>> notices_;
    /// NotificationResponses that wait for the end of a transaction.
    std::string heard_;
    /// Whose transaction this is, while there is one.
    ClientNumber owner_ = kNobody;
    /// Who has a temporary table here; and before the transaction.
    ClientNumber pinned_by_ = kNobody;
    ClientNumber pinned_by_before_ = kNobody;
    /// Of whom the latest messages came.
    ClientNumber talks_to_ = kNobody;
    /// How much of the connection had been said when the answers for that client ended.
    std::uint64_t answered_until_bytes_ = 0;
    /// All whose messages came since everything was answered and read.
    std::set<ClientNumber> talkers_;
    /// The same of what was last more than a read by itself.
    bool only_reads_ = true;
    std::uint64_t wrote_until_bytes_ = 0;
};

/// A host with PostgreSQL.
class ModelServer {
  public:
    enum class Role : std::uint8_t { Primary, Standby };

    ModelServer(ServerContext& context, std::size_t index, Role role)
        : context_(context), index_(index), role_(role) {}
    ModelServer(const ModelServer&) = delete;
    ModelServer& operator=(const ModelServer&) = delete;

    /// A connection arrives; nullptr where it is refused.
    [[nodiscard]] Peer* accept(Link& link);
    void die();
    void restart();
    void hang();
    void resume();
    void start();
    void set_refusing(bool refusing) { refusing_ = refusing; }
    /// Logins fail with this SQLSTATE; not any more where it is empty.
    void set_login_error(std::string_view sqlstate) { login_error_ = sqlstate; }
    [[nodiscard]] const std::string& login_error() const { return login_error_; }
    /// Everything takes so many times as long.
    void set_slowness(std::uint32_t factor) { slowness_ = factor; }
    [[nodiscard]] std::uint32_t slowness() const { return slowness_; }
    void become(Role role, std::uint32_t timeline);
    /// Resets one of its connections, if it has any.
    void reset_one();

    [[nodiscard]] std::size_t index() const { return index_; }
    [[nodiscard]] bool running() const { return running_; }
    [[nodiscard]] std::size_t session_count() const;
    [[nodiscard]] bool hung() const { return hung_; }
    [[nodiscard]] Role role() const { return role_; }
    [[nodiscard]] std::uint32_t timeline() const { return timeline_; }
    [[nodiscard]] ServerContext& context() { return context_; }
    void cancel(std::uint32_t process_id, std::string_view secret);
    /// Tells every process that listens there.
    void notify(const std::string& channel, const std::string& message);
    void note(const std::string& what);

  private:
    ServerContext& context_;
    std::size_t index_;
    Role role_;
    std::uint32_t timeline_ = 1;
    bool running_ = true;
    bool hung_ = false;
    bool refusing_ = false;
    std::string login_error_;
    std::uint32_t slowness_ = 1;
    std::uint32_t next_process_ = 1;
    std::vector<std::unique_ptr<ServerProcess>> processes_;
};

/// The client number in a text that a model client made ("c7." anywhere in it); kNobody where there is none.
[[nodiscard]] ClientNumber client_of(std::string_view text);

}  // namespace pgring::sim
