#pragma once
/// A model of a client: it runs a programme of units, knows what each of them must answer, and checks that it
/// does, in order.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "conversation/messages.h"
#include "sim/auditor.h"
#include "sim/hearing.h"
#include "sim/network.h"
#include "sim/other_proxies.h"
#include "sim/peer.h"
#include "sim/schedule.h"

namespace pgring::sim {

/// What model clients share.
struct ClientContext {
    Schedule& schedule;
    base::Prng& prng;
    Network& network;
    Auditor& auditor;
    std::function<void(const std::string&)> log;
    /// Nothing goes wrong in this world and nobody has to wait long: every error is pgring's.
    bool calm = false;
    /// query_timeout is set: a statement that waits may be cancelled though nobody asked.
    bool statements_time_out = false;
    std::size_t worker_count = 1;
    /// Who may pass on what the clients ask to cancel.
    OtherProxies& other_proxies;
    bool has_standby = false;
    bool session_pooled = false;
    /// Clients do the same things over and over, so that nothing new need be remembered.
    bool steady = false;
    /// They mostly listen and notify, and go on at once.
    bool chatty = false;
    /// Clients mostly read, one statement after the other, and do not think for long.
    bool crowded = false;
    /// A unit ended in a steady world.
    std::function<void()> on_steady_unit;
    enum class Needs : std::uint8_t { Primary, Standby };
    /// Whether pgring has known of such a server for a while.
    std::function<bool(Needs)> is_served;
};

/// One request up to its ReadyForQuery, and what must come back.
struct Unit {
    enum class Kind : std::uint8_t {
        Plain,
        Write,
        Begin,
        Commit,
        Rollback,
        SetTimeZone,
        SetTimeout,
        Close,
        PrepareUnnamed,
        PrepareBySql,
        Savepoint,
        RollbackTo,
        Reset,    ///< RESET ALL
        Discard,  ///< DISCARD ALL
        Listen,
        Unlisten,
        Notify,
    } kind{};
    std::string bytes{};
    /// What it answers where nothing fails (conversation::backend_text), without ReadyForQuery.
    std::vector<std::string> answer{};
    /// The SQLSTATE it must fail with, where it must.
    std::string sqlstate{};
    /// What is said only when its error has come; nothing follows such a unit before its end.
    std::string behind_error{};
    /// Names of the writes in it.
    std::vector<std::string> writes{};
    /// SetTimeZone: the value. Notify: the payload.
    std::string value{};
    /// A name that exists if the unit goes well, with its statement's mark; or that is gone.
    std::string name{};
    std::optional<std::string> mark{};
    /// It may be refused because what a statement returns has changed.
    bool uses_prepared = false;
    /// It runs until it is cancelled.
    bool endless = false;
};

class ModelClient final : public Peer {
  public:
    ModelClient(ClientContext& context, ClientNumber number, std::uint32_t unit_count);

    void start();
    void heard(std::string_view bytes) override;
    void closed() override;
    /// Leaves without a word.
    void vanish();
    [[nodiscard]] bool finished() const { return phase_ == Phase::Gone; }
    [[nodiscard]] ClientNumber number() const { return number_; }
    [[nodiscard]] std::string state() const;

  private:
    enum class Phase : std::uint8_t { LoggingIn, Thinking, Waiting, Gone };

    /// A second connection that asks to cancel what this client runs.
    class Canceler final : public Peer {
      public:
        explicit Canceler(ModelClient& client) : client_(client) {}
        void heard(std::string_view) override;
        void closed() override;

      private:
        ModelClient& client_;
    };

    void on_message(const conversation::Message& message);
    void on_login_message(const conversation::Message& message);
    void on_ready(char status);
    void check(const Unit& unit, char status);
    void check_error(const Unit& unit, char status);
    void settle_writes(const Unit& unit, char status);
    void next();
    void say(std::string bytes);
    void leave();
    void gone();
    void ask_to_cancel();
    /// Whether the secret that is sent is the client's.
    enum class Secret : std::uint8_t { Right, Wrong };
    void request_cancel(Secret kind);
    /// Cancels the endless unit that is waited for, and again where that was in vain.
    void cancel_until_over(std::uint32_t attempt);
    void read_slowly();
    /// Says the beginning of something and is gone.
    void break_off(std::string bytes);
    void return_parameters();

    // -- The programme --
    [[nodiscard]] Unit draw_unit();
    [[nodiscard]] Unit draw_in_transaction();
    [[nodiscard]] Unit read();
    [[nodiscard]] Unit endless();
    [[nodiscard]] Unit extended_read();
    [[nodiscard]] Unit write();
    [[nodiscard]] Unit extended_write();
    [[nodiscard]] Unit failing();
    [[nodiscard]] Unit several_writes();
    [[nodiscard]] Unit write_then_read();
    [[nodiscard]] Unit whole_transaction();
    [[nodiscard]] Unit rows_in_parts();
    [[nodiscard]] Unit call_function();
    [[nodiscard]] Unit copy_in();
    [[nodiscard]] Unit extended_copy_in();
    [[nodiscard]] Unit failing_copy_in();
    [[nodiscard]] Unit copy_out();
    [[nodiscard]] Unit savepoint();
    [[nodiscard]] Unit roll_back_to();
    [[nodiscard]] Unit reset_all();
    [[nodiscard]] Unit discard_all();
    [[nodiscard]] Unit draw_steady();
    [[nodiscard]] Unit draw_read();
    [[nodiscard]] Unit control(Unit::Kind kind);
    [[nodiscard]] Unit set_time_zone();
    [[nodiscard]] Unit set_timeout();
    [[nodiscard]] Unit pin();
    [[nodiscard]] Unit use_channel();
    void on_notification(const conversation::Message& message);
    void settle_channel(const Unit& unit, char status);
    [[nodiscard]] Unit prepare();
    [[nodiscard]] Unit use_prepared();
    [[nodiscard]] Unit prepare_unnamed();
    [[nodiscard]] Unit use_unnamed();
    [[nodiscard]] Unit prepare_by_sql();
    [[nodiscard]] Unit execute_prepared();
    [[nodiscard]] Unit prepare_and_execute();
    [[nodiscard]] Unit close_prepared();
    [[nodiscard]] Unit mixed_batch();
    [[nodiscard]] Unit large_read();
    [[nodiscard]] std::string token(char kind);
    /// What a statement answers behind its own token: the parameters it runs under.
    [[nodiscard]] std::string echo() const;
    [[nodiscard]] std::string who() const { return "client " + std::to_string(number_); }

    ClientContext& context_;
    ClientNumber number_;
    std::uint32_t units_left_;
    Phase phase_ = Phase::LoggingIn;
    bool read_only_ = false;
    bool autocommit_only_ = false;
    Link* link_ = nullptr;
    std::string unread_;
    std::uint32_t process_id_ = 0;
    std::string secret_;

    std::deque<Unit> waiting_for_;
    /// What came for the front unit so far.
    std::vector<std::string> answer_;
    std::string error_;
    std::uint32_t next_token_ = 0;

    char status_ = 'I';
    /// The status when all that is under way has gone well.
    char status_ahead_ = 'I';
    /// Writes of the open transaction.
    std::vector<std::string> open_writes_;
    /// The same when all that is under way has gone well.
    std::vector<std::string> written_ahead_;
    struct Mark {
        std::string name;
        std::size_t write_count = 0;
        std::optional<std::string> time_zone;
        std::string statement_timeout;
        Hearing::Listens listens = Hearing::Listens::No;
    };
    std::vector<Mark> savepoints_;
    /// It has something in its session that cannot be carried over.
    bool pinned_ = false;
    std::string start_time_zone_ = "UTC";
    /// Unknown after an error of a SET.
    std::optional<std::string> time_zone_{"UTC"};
    std::optional<std::string> time_zone_before_;
    std::string statement_timeout_ = "0";
    std::string statement_timeout_before_ = "0";
    std::map<std::string, std::string> prepared_;
    /// The mark of the unnamed statement, while it must be there.
    std::optional<std::string> unnamed_mark_;
    Hearing hearing_;
    std::deque<Canceler> cancelers_;
    std::uint32_t cancels_open_ = 0;
    /// A cancel was open at some time since the front unit was sent.
    bool cancel_may_hit_ = false;
};

}  // namespace pgring::sim
