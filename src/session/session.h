#pragma once
/// A client's session: what its messages mean, from its first packet to its last.
///
///     Login --authenticated--> AwaitingWelcome --parameters known--> Ready --Terminate / failure--> Ended
///
/// The session works off what the client sends until it needs something that is not its own (input, a
/// backend, an answer) and says so by its step; whoever drives it (proxy::Worker) calls advance() again when
/// that has come.

#include <cstdint>
#include <deque>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/network_address.h"
#include "buffer/slice_queue.h"
#include "pool/pool.h"
#include "route/route.h"
#include "session/backend.h"
#include "session/errors.h"
#include "session/frontend_login.h"
#include "session/function_question.h"
#include "session/held_transaction.h"
#include "session/kept_body.h"
#include "session/listening.h"
#include "session/name_changes.h"
#include "session/pins.h"
#include "session/reset_parameters.h"
#include "session/shared.h"
#include "session/startup_return.h"
#include "session/statements.h"
#include "session/touched_parameters.h"
#include "wire/protocol.h"

namespace pgring::session {

/// What advance() stopped for.
struct SessionStep {
    enum class Kind : std::uint8_t {
        Starved,         ///< more input is needed
        Blocked,         ///< the backend's queue or pipeline is full, or an errand is under way
        NeedsBackend,    ///< a backend that meets `demand`; call attached() and advance() when there is one
        AwaitsListener,  ///< the listener must have a channel before it goes on
        AwaitsEcho,      ///< the listener must answer before the backend is used
        NeedsDrain,      ///< the backend must finish and be released before the next unit can be placed
        Authenticated,   ///< find the destination, then call enter()
        Canceled,        ///< it was a CancelRequest: see cancel_request()
        Ended,           ///< nothing more will be read; close when `out` is empty
    };

    Kind kind = Kind::Starved;
    route::Demand demand = route::Demand::Primary;
};

inline constexpr SessionStep kStarved{.kind = SessionStep::Kind::Starved};
inline constexpr SessionStep kBlocked{.kind = SessionStep::Kind::Blocked};
inline constexpr SessionStep kAwaitsListener{.kind = SessionStep::Kind::AwaitsListener};
inline constexpr SessionStep kAwaitsEcho{.kind = SessionStep::Kind::AwaitsEcho};
inline constexpr SessionStep kEnded{.kind = SessionStep::Kind::Ended};

/// How often the client was told ReadyForQuery: what its timeouts and cancels tell one exchange from the next
/// by, and one transaction from the next.
struct Progress {
    std::uint32_t exchanges = 0;
    /// Of these by a server, outside a transaction.
    std::uint32_t transactions = 0;

    friend bool operator==(const Progress&, const Progress&) = default;
};

/// A unit that is a single read and nothing more, by which its times are learned.
struct LoneRead {
    /// 0 where it is something else.
    StatementShape shape = 0;
    /// What the server answers of it.
    std::uint8_t request_count = 0;
};

struct LoneUnit;

class Session {
  public:
    enum class Phase : std::uint8_t { Login, AwaitingWelcome, Ready, Ended };

    Session(pool::SessionId id, const base::NetworkAddress& peer, auth::Transport transport,
            Admission admission, buffer::BufferPool& buffers);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// Bytes received and not yet looked at; the worker pushes, advance() consumes.
    buffer::SliceQueue in;
    /// Bytes to be sent.
    buffer::SliceQueue out;
    pool::Waiter waiter;

    /// Works off `in`. `backend` is the one that is attached, or nullptr.
    [[nodiscard]] SessionStep advance(Shared& shared, Backend* backend);

    // -- Login --
    [[nodiscard]] const CancelRequest& cancel_request() const { return login_->cancel(); }
    [[nodiscard]] const LoginRequest& login_request() const { return login_->request(); }
    [[nodiscard]] const std::optional<auth::LearnedKeys>& learned_keys() const {
        return login_->learned_keys();
    }
    /// After Authenticated: where the client wants to go. The welcome follows when its parameters are known.
    void enter(Shared& shared, Destination& destination, CancelKey cancel_key);

    // -- Backend --
    /// The backend has the parameters that the session wants, and no names of another.
    [[nodiscard]] bool fits(const Backend& backend) const {
        return !needs_parameters(backend) && (backend.names.empty() || backend.names.owner == id_);
    }
    /// A backend was attached. Sends it what the session needs first: parameters, a failed transaction.
    void attached(Shared& shared, Backend& backend, route::Demand demand);
    /// An errand of this session was answered. False where the session cannot go on with the backend: it has
    /// told the client, and the backend is to be released.
    [[nodiscard]] bool errand_done(Shared& shared, Backend& backend, Errand errand);
    /// Nothing of the session is on the backend any more, as far as this call can tell: where it may have
    /// left something, or set parameters whose values are not known yet, it sends an errand that reads what
    /// is so and says no for now.
    [[nodiscard]] bool may_release(Shared& shared, Backend& backend);
    [[nodiscard]] bool has_unread_settings() const { return touched_ != nullptr && !touched_->empty(); }
    /// may_release() will send an errand first.
    [[nodiscard]] bool owes_errand() const {
        return pins_.doubted() || has_unread_settings() || listens_on_backend();
    }
    /// The backend is gone. Tells the client what became of its statements. False where the session must end
    /// with it.
    [[nodiscard]] bool lost(Shared& shared, Backend& backend);
    /// No backend could be had for the unit at the front of `in`: refuses it, the session goes on.
    void refuse_unit(Shared& shared, const Error& error);
    /// Ends the session with a FATAL error.
    void fail(Shared& shared, const Error& error);
    /// The same for a session whose statement may be under way on `backend` (or nullptr): where it may have
    /// been committed, the error says so.
    void abandon(Shared& shared, const Backend* backend, const Error& error);

    // -- Before it has the backend (session_ahead.cc) --
    /// What stands in `in`, if that is a read and the session leaves nothing on a backend.
    [[nodiscard]] LoneRead lone_read(Shared& shared) const;
    /// Writes what the session would say if it had `backend` now; false where that is not certain, or may not
    /// be said for nobody. Nothing of the session changes.
    [[nodiscard]] bool write_ahead(Shared& shared, const Backend& backend, UnitAhead& ahead) const;

    // -- What the backend's answers change --
    [[nodiscard]] SessionStatements& statements() { return statements_; }
    /// There is no unnamed statement any more.
    void forget_unnamed() {
        unnamed_ = Unnamed::None;
        unnamed_body_.clear();
    }
    /// A ParameterStatus for the client. True where the client is to see it.
    [[nodiscard]] bool on_parameter(Shared& shared, const Backend& backend, std::string_view name,
                                    std::string_view value);
    /// The client was told ReadyForQuery.
    void on_ready(wire::TransactionStatus status) {
        ++progress_.exchanges;
        if (status == wire::TransactionStatus::Idle) {
            ++progress_.transactions;
            on_idle();
        }
    }
    /// The client was told that it is in no transaction: its parameters are as good as committed.
    void on_idle() {
        if (settled_ != parameters_) {
            settled_ = parameters_;
        }
    }
    void on_deallocate_all();
    void on_discard_all(Shared& shared, const Backend& backend);
    /// Amid a batch its values of the startup packet were set again.
    void returned_to_startup();
    /// The server has refused what was sent in place of a message that pgring refuses: the client is told
    /// why.
    void tell_refusal();
    void forget_refusal();

    // -- PREPARE in SQL (session_names.cc) --
    /// A statement of the text that is under way was completed.
    void on_name_step(Backend& backend);
    /// The text that is under way, if any, was answered to its end.
    void names_over();

    // -- LISTEN (session_channels.cc) --
    /// nullptr where the session has never listened, or its backend does it for it.
    [[nodiscard]] Listening* listening() { return listening_.get(); }
    /// What the attached backend hears is not for the client.
    [[nodiscard]] bool hears_by_listener() const { return listening_ != nullptr && !pins_.has(Pin::Listen); }
    /// UNLISTEN is due on the backend.
    [[nodiscard]] bool listens_on_backend() const {
        return listening_ != nullptr && listening_->left_on_backend;
    }
    /// The client committed something with this stake and listens: the listener's echo must come first.
    [[nodiscard]] bool awaits_echo(Stake stake);
    /// The answer to `entry` is complete and its ReadyForQuery follows.
    void on_ready_to_tell(Shared& shared, const Backend& backend, const Expected& entry);
    /// The listener heard it. `backend` is the one that is attached, or nullptr; as below.
    void notify(Shared& shared, const Backend* backend, const Notification& notification);
    /// The listener was lost for a while.
    void tell_missed(Shared& shared, const Backend* backend);
    /// Tells what was kept, if the client is idle.
    void tell_kept(Shared& shared, const Backend* backend);
    /// The listener cannot be had for the Query or Execute at the front of `in`: refuses it.
    void refuse_channels(Shared& shared, Backend* backend, const Error& error);
    /// It is over: nothing of it stays at the listener.
    void leave_channels(Shared& shared);

    /// Appends to `out`; when no buffer is left the session ends.
    void tell(std::span<const std::byte> message);

    [[nodiscard]] Phase phase() const { return phase_; }
    [[nodiscard]] pool::SessionId id() const { return id_; }
    [[nodiscard]] Destination* destination() { return destination_; }
    [[nodiscard]] const base::NetworkAddress& peer() const { return peer_; }
    [[nodiscard]] const CancelKey& cancel_key() const { return cancel_key_; }
    [[nodiscard]] const Pins& pins() const { return pins_; }
    [[nodiscard]] bool session_pooled() const {
        return destination_ != nullptr && destination_->terms.pool_mode == config::PoolMode::Session;
    }
    [[nodiscard]] const Progress& progress() const { return progress_; }
    /// What the client believes to be in while no backend is attached.
    [[nodiscard]] wire::TransactionStatus held_status() const { return held_.status(); }
    /// Half of a message of the client's has been sent to the backend.
    [[nodiscard]] bool mid_message() const { return body_rest_bytes_ > 0 && !dropping_rest_; }
    /// Nothing more will be read from the client.
    void end() { phase_ = Phase::Ended; }

  private:
    using Handled = std::optional<SessionStep>;

    [[nodiscard]] SessionStep advance_login(Shared& shared);
    [[nodiscard]] SessionStep advance_welcome(Shared& shared, Backend* backend);
    [[nodiscard]] SessionStep advance_own_welcome(Shared& shared, Backend* backend);
    [[nodiscard]] SessionStep advance_ready(Shared& shared, Backend* backend);
    void choose_parameters(Shared& shared);
    /// ReadyForQuery where no server is asked.
    void write_ready(wire::MessageWriter& writer);
    void welcome(Shared& shared, const Backend* backend);

    // -- One message each (session_messages.cc, session_query.cc, session_extended.cc). Nothing returned: it
    // is
    //    worked off. --
    [[nodiscard]] Handled on_message(Shared& shared, Backend* backend, wire::Header header);
    [[nodiscard]] Handled on_discarded(wire::Header header);
    [[nodiscard]] Handled on_query(Shared& shared, Backend* backend, wire::Header header);
    [[nodiscard]] Handled on_parse(Shared& shared, Backend* backend, wire::Header header);
    [[nodiscard]] Handled on_bind(Shared& shared, Backend* backend, wire::Header header);
    [[nodiscard]] Handled on_describe(Shared& shared, Backend* backend, wire::Header header);
    [[nodiscard]] Handled on_execute(Shared& shared, Backend* backend, wire::Header header);
    [[nodiscard]] Handled on_close(Shared& shared, Backend* backend, wire::Header header);
    [[nodiscard]] Handled on_sync(Shared& shared, Backend* backend, wire::Header header);
    [[nodiscard]] Handled on_sync_amid_copy(const Backend& backend, wire::Header header);
    [[nodiscard]] Handled on_flush(Shared& shared, Backend* backend, wire::Header header);
    [[nodiscard]] Handled on_function_call(Shared& shared, Backend* backend, wire::Header header);
    [[nodiscard]] Handled on_copy(Backend* backend, wire::Header header);
    [[nodiscard]] std::optional<LoneUnit> lone_unit(Shared& shared) const;
    [[nodiscard]] LoneRead judge_lone(Shared& shared, const LoneUnit& unit) const;
    [[nodiscard]] std::string_view query_text(Shared& shared, wire::Header header) const;
    void refuse_front(Shared& shared, const Error& error, wire::TransactionStatus status);
    [[nodiscard]] bool query_alone(std::string_view text, const sql::Traits& traits);
    [[nodiscard]] bool unit_alone(Shared& shared);
    [[nodiscard]] std::string_view done_alone(std::string_view text, const sql::Traits& traits);
    [[nodiscard]] bool deallocate_here(Backend* backend, std::string_view text);

    /// Whether a backend that fits carries the unit now; else the step that asks for it.
    [[nodiscard]] Handled place(Shared& shared, Backend* backend, wire::Header header,
                                const sql::Traits* traits);
    [[nodiscard]] std::optional<route::Demand> demand(Shared& shared, wire::Header header,
                                                      const sql::Traits* traits);
    void send_begin(Shared& shared, Backend& backend);
    void note_effects(Shared& shared, Backend& backend, const sql::Traits& traits, std::string_view text);
    void note_unjudged(Backend& backend, std::string_view text);
    [[nodiscard]] bool calls_unproven(const Shared& shared, const sql::Traits& traits) const;
    [[nodiscard]] FunctionQuestion& function_question();
    void ask_pins(Shared& shared, Backend& backend);
    [[nodiscard]] bool follow_settings(const sql::Traits& traits, std::string_view text);
    void note_refusal(Shared& shared, const Error& error);
    [[nodiscard]] Pin refused_pin(const sql::Traits& traits, std::string_view text, const Backend* backend);
    [[nodiscard]] bool meets_foreign_sequences(const Backend& backend, const sql::Traits& traits) const;
    [[nodiscard]] bool forgot_sequences(const sql::Traits& traits, const Backend* backend);
    [[nodiscard]] Handled refuse_query(Shared& shared, Backend* backend, wire::Header header,
                                       const Error& error);
    /// It would open a transaction block where none is allowed.
    [[nodiscard]] bool opens_refused_block(const sql::Traits& traits) const {
        return destination_->terms.pool_mode == config::PoolMode::Statement && traits.begin_deferrable();
    }
    [[nodiscard]] Handled refuse_bind(Shared& shared, Backend& backend, wire::Header header,
                                      const Error& error);
    [[nodiscard]] const SessionStatements::Named* find_named(std::string_view name) const;
    [[nodiscard]] std::string_view text_of(std::string_view name,
                                           const SessionStatements::Named* named) const;
    [[nodiscard]] sql::Traits traits_of(std::string_view name, const SessionStatements::Named* named) const;
    [[nodiscard]] bool begins_alone(const Backend& backend) const;
    enum class ShapeCheck : std::uint8_t {
        Fits,
        Asked,    ///< the backend is asked; look again when it has answered
        Differs,  ///< the client would misread the rows
        OutOfBuffers,
    };
    [[nodiscard]] ShapeCheck check_shape(Shared& shared, Backend& backend, wire::Header bind,
                                         const SessionStatements::Named* named) const;
    [[nodiscard]] bool asks_for_rows_behind(wire::Header bind) const;
    void note_settings(const sql::Traits& traits, std::string_view text);
    void note_resets(const sql::Traits& traits, std::span<const sql::SettingChange> changes);
    [[nodiscard]] StartupValues startup_values() const { return {*startup_, *destination_->defaults}; }
    [[nodiscard]] StartupReturn& startup_return();
    [[nodiscard]] bool returns_to_startup() const {
        return startup_return_ != nullptr && startup_return_->due();
    }
    [[nodiscard]] bool returned_amid_transaction(Shared& shared, Backend& backend);
    void tell_returned(Shared& shared, const Backend& backend);
    void tell_parameter(Shared& shared, std::string_view name, const std::string& value);
    void tell_pins(Shared& shared);

    // -- PREPARE in SQL (session_names.cc) --
    /// What a text has to do with statements prepared by SQL.
    struct NamesUsed {
        std::vector<NameStep> steps{};
        /// Of the text with what it executes: where it may run and what is at stake.
        sql::Traits traits{};
        /// Of the text by itself: what it leaves behind.
        sql::Traits own{};
        /// It may execute any of the session's statements unseen.
        bool mentions_all = false;
        /// It may change what names stand for.
        bool changes = false;

        /// The statement that it executes, where it is one.
        [[nodiscard]] std::uint32_t executed() const;
    };
    [[nodiscard]] NamesUsed names_used(Shared& shared, const sql::Traits& traits, std::string_view text);
    void find_names(Shared& shared, std::string_view text, NamesUsed& used);
    [[nodiscard]] StatementRef make_statement(Shared& shared, const std::string& parse_body);
    [[nodiscard]] const Statement* meaning_of(const NameStep& step) const;
    [[nodiscard]] bool lacks_names(const Backend& backend, const NamesUsed& used) const;
    [[nodiscard]] SessionStep carry_names(Shared& shared, Backend& backend, const NamesUsed& used,
                                          Backend::Amid amid);
    [[nodiscard]] bool names_carried(Shared& shared, Backend& backend);
    [[nodiscard]] bool own_names(Shared& shared, Backend& backend);
    void send_query(Shared& shared, Backend& backend, wire::Header header, NamesUsed& names,
                    std::vector<sql::ChannelStep> steps);
    [[nodiscard]] Pin refused_pin(const NamesUsed& used, std::string_view text, const Backend* backend);
    void note_effects(Shared& shared, Backend& backend, const NamesUsed& used, std::string_view text);
    void bind_names(std::string_view portal, NamesUsed& used);
    [[nodiscard]] bool awaits_names(Backend& backend, wire::FrontendType type);
    [[nodiscard]] NameChanges& name_changes();
    /// The server has it as the client calls it.
    [[nodiscard]] bool is_uncarried(std::string_view name) const;

    // -- LISTEN (session_channels.cc) --
    [[nodiscard]] bool concerns_channels(const sql::Traits& traits) const;
    [[nodiscard]] bool listener_may_have(std::string_view channel) const;
    [[nodiscard]] bool stands_in_for(const std::vector<sql::ChannelStep>& steps) const;
    [[nodiscard]] std::vector<sql::ChannelStep> channel_steps(Shared& shared, std::string_view text);
    [[nodiscard]] bool joined(const Backend* backend, const std::vector<sql::ChannelStep>& steps);
    void bind_channels(Shared& shared, std::string_view portal, std::string_view text);
    [[nodiscard]] bool executes_unnamed_portal(Shared& shared, wire::Header header) const;
    [[nodiscard]] bool unlistens_too_early(const Backend* backend,
                                           const std::vector<sql::ChannelStep>& steps);
    void catch_up();
    [[nodiscard]] bool has_caught_up() const;
    [[nodiscard]] bool takes_notifications(const Backend* backend) const;
    void tell_kept_now(Shared& shared);
    void tell_or_keep(Shared& shared, const Backend* backend, std::string_view channel,
                      std::span<const std::byte> message);
    [[nodiscard]] bool is_unsettled(const Backend& backend, std::string_view name,
                                    const SessionStatements::Named* named) const;
    [[nodiscard]] std::optional<std::string> missing_statement(const Backend& backend, std::string_view name,
                                                               const SessionStatements::Named* named) const;
    [[nodiscard]] std::expected<std::string_view, Error> refer(Shared& shared, Backend& backend,
                                                               std::string_view name,
                                                               const SessionStatements::Named* named,
                                                               std::span<char, 32> memory);
    [[nodiscard]] std::expected<std::string_view, Error> refer_to_unnamed(Shared& shared, Backend& backend);

    /// A Parse at the front of `in`.
    struct ParseView {
        std::string_view name;
        /// Text, zero byte, types.
        std::span<const std::byte> rest;
        sql::Traits traits;
    };
    [[nodiscard]] bool awaits_earlier_units(const Backend& backend, const ParseView& parse) const;
    [[nodiscard]] bool awaits_earlier_units(const Backend& backend, std::string_view name) const;
    [[nodiscard]] bool parse_here(Shared& shared, wire::Header header);
    [[nodiscard]] Handled parse_placed(Shared& shared, Backend& backend, wire::Header header,
                                       const ParseView& parse);
    [[nodiscard]] Handled refuse_duplicate(Shared& shared, Backend& backend, wire::Header header,
                                           const ParseView& parse);
    [[nodiscard]] Handled parse_deallocate(Shared& shared, Backend& backend, wire::Header header,
                                           std::string_view name);

    /// The message at the front with another name in it; the first `replaced_bytes` of the old one go.
    struct Renaming {
        wire::FrontendType type{};
        std::string_view prefix;
        std::optional<char> prefix_end;
        std::string_view name;
        std::size_t replaced_bytes = 0;
        /// Where its unit begins with it and is to be kept: its entry.
        std::optional<Expected> keep{};
    };
    [[nodiscard]] Handled send_renamed(Shared& shared, Backend& backend, wire::Header header,
                                       const Renaming& renaming);

    void send_on(Shared& shared, Backend& backend, wire::Header header, Expected entry);
    [[nodiscard]] StatementMap::Key statement_key(std::span<const std::byte> parse_body,
                                                  const sql::Traits& traits) const;
    void forward(Backend& backend, wire::Header header);
    void forward_bytes(Backend& backend, std::uint64_t size_bytes);
    void forward_rest(Backend* backend);
    void drop(wire::Header header);
    [[nodiscard]] bool whole(wire::Header header) const { return in.size_bytes() >= header.message_bytes(); }
    [[nodiscard]] std::span<const std::byte> body(Shared& shared, wire::Header header,
                                                  std::size_t size_bytes_max) const;

    [[nodiscard]] bool needs_parameters(const Backend& backend) const {
        return backend.parameters != parameters_;
    }
    void prepare_backend(Shared& shared, Backend& backend);
    void adopt_parameters(Shared& shared, Backend& backend);
    void adopt_readings(Shared& shared, Backend& backend);
    void adopt_pins(Shared& shared, const Backend& backend);
    void adopt_functions(const Backend& backend);
    void touch_unreported();
    [[nodiscard]] TouchedParameters& touched();
    [[nodiscard]] bool settings_read(Shared& shared, Backend& backend);
    [[nodiscard]] bool reset_settled(Shared& shared, Backend& backend);
    void return_to_startup(Shared& shared);
    void return_to_settled(Shared& shared);
    void tell_fixed_parameters(Shared& shared, const Backend& backend);
    void set_parameters(Shared& shared, ParameterSetPtr parameters);

    pool::SessionId id_;
    base::NetworkAddress peer_;
    Phase phase_ = Phase::Login;
    Pins pins_;
    sql::Dialect dialect_ = sql::Dialect::Standard;
    /// What its parameters say about where its statements may run.
    enum class Access : std::uint8_t {
        ReadWrite,
        ReadOnly,     ///< application_name says that it only reads
        PrimaryOnly,  ///< its transactions are serializable by default, which no standby can do
    } access_ = Access::ReadWrite;
    /// After an error with no backend attached: drop everything up to the next Sync.
    bool discarding_ = false;
    /// The front message is a stray or refused one whose rest is dropped, not forwarded.
    bool dropping_rest_ = false;
    /// How the attached backend was asked for.
    route::Demand attached_demand_ = route::Demand::Primary;
    std::uint8_t scout_count_ = 0;
    /// What is kept of the unnamed statement.
    enum class Unnamed : std::uint8_t { None, Kept, TooLong } unnamed_ = Unnamed::None;
    /// What the Executes since the last Sync may have written: it is committed at the Sync.
    Stake unit_stake_ = Stake::None;
    std::uint64_t body_rest_bytes_ = 0;

    Destination* destination_ = nullptr;
    CancelKey cancel_key_;
    Progress progress_;
    ParameterSetPtr parameters_;
    ParameterSetPtr fixed_;
    /// Those of parameters_ that a lost transaction leads back to.
    ParameterSetPtr settled_;
    /// What it started with: RESET and DISCARD ALL lead back there.
    ParameterSetPtr startup_;
    /// What was reset and is not back at startup_ yet.
    ResetParameters resets_;
    /// What was reset amid a transaction or batch and is to be set again before anything else runs there.
    std::unique_ptr<StartupReturn> startup_return_;
    std::unique_ptr<TouchedParameters> touched_;
    HeldTransaction held_;
    SessionStatements statements_;

    /// The unnamed statement: the body of its Parse behind the name, empty where there is none to prepare
    /// again.
    KeptBody unnamed_body_;
    std::uint32_t unnamed_generation_ = 0;
    sql::Traits unnamed_traits_;
    /// The statement of the unnamed portal, where the client's idea of its rows and the backend's may differ
    /// until it is described.
    std::uint32_t undescribed_ = kNoStatement;
    /// Traits of the statement bound last: what Execute will do.
    sql::Traits bound_traits_;
    /// The statement that Executes of the unnamed portal run by SQL.
    std::uint32_t bound_execution_ = kNoStatement;
    /// Traits of the Query at the front, so that it is judged once though it may wait for a backend.
    std::optional<sql::Traits> front_traits_;

    std::unique_ptr<FunctionQuestion> function_question_;
    std::unique_ptr<Listening> listening_;
    std::unique_ptr<NameChanges> name_changes_;

    std::unique_ptr<FrontendLogin> login_;
    /// Parameters of the startup packet whose spelling the server has not confirmed yet; login only.
    std::unique_ptr<std::vector<SpelledParameter>> unconfirmed_parameters_;
    /// Errors, as messages, for those entries of the pipeline that were sent to fail (Purpose::Refusal).
    std::unique_ptr<std::deque<std::string>> refusals_;
};

}  // namespace pgring::session
