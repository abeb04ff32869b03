#pragma once
/// A connection of pgring to a PostgreSQL server, from its StartupMessage to its last byte.
///
///     LoggingIn --ReadyForQuery--> Ready --any failure--> Broken
///
/// Ready covers idle, used and cleaning alike: what it is used for is the pool's and the session's business.
/// The backend reads what the server sends, pairs it with the pipeline, and puts what is for the client on
/// the client's queue.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/server_dialogue.h"
#include "buffer/slice_queue.h"
#include "pool/ids.h"
#include "session/backend_names.h"
#include "session/backend_state.h"
#include "session/cancel_key.h"
#include "session/destination.h"
#include "session/listening.h"
#include "session/parameters.h"
#include "session/pipeline.h"
#include "session/sequence_memory.h"
#include "session/shared.h"
#include "session/statements.h"
#include "session/unit_replay.h"
#include "topology/topology.h"
#include "wire/protocol.h"

namespace pgring::session {

class Session;

/// What pgring does on a backend by itself: a query, but for Shape, DropNames and Carry.
enum class Errand : std::uint8_t {
    None,
    Begin,             ///< a client's BEGIN that was held back; its answer was given already
    Parameters,        ///< values that the session wants and the backend has not
    ReadParameters,    ///< values that the session set and the server does not report
    ReadPins,          ///< what the session may have left there that cannot be carried over
    DiscardSequences,  ///< what other sessions' writes have left for currval() and lastval()
    ReturnToStartup,   ///< amid a transaction that has reset them: values of the startup packet
    FailTransaction,   ///< puts the backend where the session is: in a failed transaction
    Shape,             ///< asks what the rows of a statement look like; amid a unit, by Describe
    DropNames,         ///< closes what another session has prepared by SQL
    Carry,             ///< prepares what the session's statement names
    Rollback,          ///< ends what a client left open
    Reset,             ///< server_reset_query
    Check,             ///< server_check_query
    Connect,           ///< connect_query
    Unlisten,          ///< ends the LISTENs of a session that from now on hears by the listener
    Listen,            ///< what the listener asks for on its own backend
};

inline constexpr std::string_view kDiscardSequences = "DISCARD SEQUENCES";

/// What an ErrorResponse said, kept beyond its buffer.
struct ServerError {
    std::string sqlstate;
    std::string message;

    /// It would be the same at the next attempt, so that waiting for it is of no use.
    [[nodiscard]] bool is_final() const;
    /// It says that the server is going down, starting up, or no primary; or the server said nothing.
    [[nodiscard]] bool is_suspicious() const;
};

/// What advance() stopped for.
enum class BackendStep : std::uint8_t {
    Starved,         ///< all input is used up
    LoggedIn,        ///< the first ReadyForQuery came
    ErrandDone,      ///< an awaited errand was answered; errand_failed() tells how
    AwaitsListener,  ///< the session's own notifications go before the ReadyForQuery at the front
    Notified,        ///< Use::Listening: see notification(), then call drop_notification()
    Broken,  ///< the connection is of no more use: FATAL, protocol violation, or an errand that had to
             ///< succeed
};

class Backend {
  public:
    enum class Use : std::uint8_t {
        Sessions,   ///< one after the other has it
        Listening,  ///< it belongs to the destination's listener
    };

    Backend(Destination& destination, topology::ServerIndex server, Use use, buffer::BufferPool& buffers);
    Backend(const Backend&) = delete;
    Backend& operator=(const Backend&) = delete;

    /// Bytes received and not yet looked at; the worker pushes, advance() consumes.
    buffer::SliceQueue in;
    /// Bytes to be sent.
    buffer::SliceQueue out;

    [[nodiscard]] Destination& destination() { return *destination_; }
    [[nodiscard]] topology::ServerIndex server() const { return server_; }

    /// Sends the StartupMessage. Call once, when connected.
    void start_login(Shared& shared);
    /// Works off `in`. `session` is the one that uses the backend, or nullptr.
    [[nodiscard]] BackendStep advance(Shared& shared, Session* session);

    /// Whether all that there is of it is its connection and its state: nothing is under way, nor half of a
    /// message. (A connection with cryptographic state of its own could not go so.)
    [[nodiscard]] bool may_leave() const {
        return use_ == Use::Sessions && at_rest() && !needs_reset && in.empty() && out.empty() &&
               pending_errand_ == Errand::None && pipeline.ahead.empty();
    }
    /// Leaves for another worker. Nothing but destruction may follow.
    [[nodiscard]] BackendState leave();
    /// In place of a login: it has come from another worker.
    void arrive(Shared& shared, BackendState state);

    [[nodiscard]] const std::optional<ServerError>& error() const { return error_; }

    // -- What a session sends. The caller has put the message on `out`, or does so next. --
    Pipeline pipeline;
    BackendStatements statements;
    BackendNames names;
    SequenceMemory sequences;
    /// Whose unnamed statement the server holds, and its generation in that session.
    pool::SessionId unnamed_owner;
    std::uint32_t unnamed_generation = 0;
    /// The unit that is out, where it can be sent once more.
    UnitReplay replay;
    /// Counts Syncs sent: what one unit uses is not evicted within it.
    std::uint64_t unit = 1;

    // -- Units sent ahead (units_ahead.h) --
    /// Sends the unit that was written to pipeline.ahead.blank(). False when out of buffers.
    [[nodiscard]] bool send_ahead();
    /// The session of the first unit ahead has the backend. What it says from now on is kept back,
    void begin_rehearsal();
    /// and here compared with what was sent: the same is forgotten, anything else is put on `out`. True where
    /// it was the same.
    bool end_rehearsal();

    /// Sends `text` as a simple query of pgring's own. Any but Begin is awaited: pending_errand() until
    /// ErrandDone.
    [[nodiscard]] bool start_errand(Shared& shared, Errand errand, std::string_view text);
    [[nodiscard]] Errand pending_errand() const { return pending_errand_; }
    /// The errand that was answered; none is pending afterwards. Call once for each ErrandDone.
    [[nodiscard]] Errand take_errand();
    /// The last row that an errand brought; nothing for NULL.
    [[nodiscard]] const std::vector<std::optional<std::string>>& errand_row() const { return errand_row_; }
    /// It is as a session finds it that sets nothing: what it reports now is the destination's default. To be
    /// called once more after connect_query.
    void note_fresh();
    /// server_reset_query went well.
    void was_reset(Shared& shared);
    [[nodiscard]] bool errand_failed() const { return errand_failed_; }

    /// The NotificationResponse at the front of `in`, after Notified. Borrowed, perhaps from the scratch
    /// memory. Nothing where it is malformed.
    [[nodiscard]] std::optional<Notification> notification(Shared& shared) const;
    void drop_notification();

    /// Makes sure the server has `statement`: sends Parse where it lacks it, and Close for one it has too
    /// many. False when out of buffers.
    [[nodiscard]] bool prepare(Shared& shared, const Statement& statement);
    /// Prepares it, anew where it was before, and asks what its rows look like: an awaited errand, after
    /// which statements.shape() tells. Where the server refuses, the client is told its error. False when out
    /// of buffers.
    [[nodiscard]] bool ask_shape(Shared& shared, const Statement& statement);
    /// Whether `name` stands for something else than `statement` at the server; for nothing where that is
    /// nullptr.
    [[nodiscard]] bool lacks(std::string_view name, const Statement* statement) const {
        return statement == nullptr ? names.has(name) : !names.stands_for(name, *statement);
    }
    /// Sends Close and Parse as far as it lacks it. False when out of buffers.
    [[nodiscard]] bool carry(Shared& shared, std::string_view name, const Statement* statement);
    /// Awaits what carry() has sent. Amid a unit of the client's the server's error goes to the client, else
    /// the errand fails. False when out of buffers.
    enum class Amid : std::uint8_t { Nothing, Unit };
    [[nodiscard]] bool await_names(Errand errand, Amid amid);
    /// Runs a query of pgring's own within the unit that is under way, e.g. before its Sync, unseen. An error
    /// goes to the client, whose unit it is. False when out of buffers.
    [[nodiscard]] bool run_amid_unit(Shared& shared, std::string_view text, Purpose purpose);
    /// Before a Parse of `statement` (nullptr: of an unnamed one): sends Close for an outdated one of the
    /// same number, or for another where one more would be too many. False when out of buffers.
    [[nodiscard]] bool make_room(Shared& shared, const Statement* statement);
    /// What is sent next is the first thing that the server hears after it was idle.
    [[nodiscard]] bool begins_unit() const {
        return pipeline.idle() && status_ == wire::TransactionStatus::Idle;
    }
    /// It is in no transaction block, and nothing under way could begin one.
    [[nodiscard]] bool outside_transaction() const {
        return pipeline.ready_owed() == 0 && status_ == wire::TransactionStatus::Idle;
    }
    /// In a failed transaction, and nothing is under way that could end it before what is sent now.
    [[nodiscard]] bool stays_failed() const {
        return status_ == wire::TransactionStatus::InFailedTransaction && pipeline.idle();
    }
    /// Answers local entries whose turn has come.
    void answer_local(Shared& shared, Session* session);

    /// As of the last ReadyForQuery.
    [[nodiscard]] wire::TransactionStatus status() const { return status_; }
    /// Nothing owed, nothing open, no transaction: somebody else may have it, if it is clean.
    [[nodiscard]] bool at_rest() const {
        return logged_in_ && pipeline.idle() && status_ == wire::TransactionStatus::Idle &&
               body_rest_bytes_ == 0;
    }
    /// Half of a message is on its way to the client, so that no error of ours can be put in.
    [[nodiscard]] bool mid_message_to_client() const { return body_rest_bytes_ > 0 && forwarding_; }
    /// An error has reached the client for what ends with the next ReadyForQuery.
    [[nodiscard]] bool front_error_sent() const { return front_error_sent_; }
    [[nodiscard]] bool logged_in() const { return logged_in_; }

    /// Settable parameters as the server has them now.
    ParameterSetPtr parameters;
    /// Those that no SET can change, without in_hot_standby: where a statement runs is pgring's choice, so a
    /// session keeps the value it was welcomed with.
    ParameterSetPtr fixed;
    /// Something ran here that nobody judged; server_reset_query must run before the next session.
    bool needs_reset = false;
    /// Its settable parameters, as far as the server reports them, are those that it started with.
    [[nodiscard]] bool as_started() const { return parameters == initial_parameters_; }
    [[nodiscard]] const CancelKey& cancel_key() const { return cancel_key_; }
    [[nodiscard]] bool in_hot_standby() const { return in_hot_standby_; }

  private:
    /// What handling one message came to: a step to return, or nothing where the next message may be looked
    /// at.
    using Handled = std::optional<BackendStep>;

    [[nodiscard]] Handled on_message(Shared& shared, Session* session, wire::Header header);
    [[nodiscard]] Handled on_reply(Shared& shared, Session* session, wire::Header header);
    [[nodiscard]] Handled on_unasked(Session* session, wire::Header header);
    [[nodiscard]] Handled on_ready(Shared& shared, Session* session, wire::Header header);
    [[nodiscard]] Handled on_notification(Session* session, wire::Header header);
    [[nodiscard]] Handled on_error(Shared& shared, Session* session, wire::Header header);
    [[nodiscard]] Handled on_parameter(Shared& shared, Session* session, wire::Header header);
    void on_command_complete(Shared& shared, Session* session, std::string_view tag);
    [[nodiscard]] Handled on_errand_row(Shared& shared, wire::Header header);
    [[nodiscard]] Handled on_login_message(Shared& shared, wire::Header header);
    [[nodiscard]] Handled on_authentication(Shared& shared, std::span<const std::byte> body);
    [[nodiscard]] Handled violation(std::string_view text);

    /// The front entry is answered; its message is passed on or dropped by whom it is for.
    [[nodiscard]] Handled complete(Session* session, wire::Header header, Request request);
    [[nodiscard]] Handled on_described(Shared& shared, Session* session, wire::Header header);
    /// Whether what the server says by itself now is for the client.
    [[nodiscard]] bool speaks_to_client(const Session* session) const;
    void undo(Session* session, const Expected& entry);
    [[nodiscard]] bool close_statement(std::uint32_t statement);
    void relay_error(Shared& shared, Session* session, wire::Header header);
    [[nodiscard]] bool close_name(std::string_view name);
    void restore(std::uint32_t statement);
    [[nodiscard]] bool may_send_again() const;
    [[nodiscard]] bool send_again(Shared& shared, std::uint32_t statement);
    [[nodiscard]] bool carry_again(Shared& shared, const Statement& statement);
    void note_parameter(Shared& shared, std::string_view name, std::string_view value);
    void forget_unreported(Shared& shared);
    /// Passes the message at the front of `in` on to the client, or drops it where `session` is nullptr, as
    /// far as it has come; the rest follows by length.
    void relay(Session* session, wire::Header header);
    /// The same with all messages of its type that follow it in the same buffer: rows come in great numbers.
    void relay_run(Session* session, wire::Header header);
    void relay_rest(Session* session);
    void note_ahead();
    [[nodiscard]] bool said_what_was_sent(const UnitAhead& unit) const;
    [[nodiscard]] bool whole(wire::Header header) const { return in.size_bytes() >= header.message_bytes(); }
    [[nodiscard]] std::span<const std::byte> body(Shared& shared, wire::Header header) const;

    Destination* destination_;
    topology::ServerIndex server_;
    Use use_;
    bool logged_in_ = false;
    bool forwarding_ = false;
    bool front_error_sent_ = false;
    bool errand_failed_ = false;
    bool in_hot_standby_ = false;
    wire::TransactionStatus status_ = wire::TransactionStatus::Idle;
    Errand pending_errand_ = Errand::None;
    std::uint64_t body_rest_bytes_ = 0;
    CancelKey cancel_key_;
    ParameterSetPtr initial_parameters_;
    std::optional<auth::ServerDialogue> dialogue_;
    std::optional<ServerError> error_;
    std::vector<std::optional<std::string>> errand_row_;
    /// Takes the place of `out` between begin_rehearsal() and end_rehearsal().
    buffer::SliceQueue rehearsed_;
};

}  // namespace pgring::session
