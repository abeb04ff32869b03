/// LISTEN of a session in transaction pooling: the listener hears for it (docs/decisions/0012).

#include <algorithm>
#include <array>
#include <utility>

#include "base/mutation.h"
#include "config/utf8.h"
#include "session/session.h"
#include "wire/body_reader.h"
#include "wire/messages.h"

namespace pgring::session {

namespace {

constexpr sql::Effects kUnlistens = sql::Effect::Unlisten | sql::Effect::DiscardAll;

bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

// -- Statements --

/// Whether a statement may change what the session listens on, now or by undoing what is not committed.
bool Session::concerns_channels(const sql::Traits& traits) const {
    if (session_pooled() || access_ == Access::ReadOnly) {
        // A standby refuses LISTEN, and has nothing to unlisten.
        return false;
    }
    if (traits.effects.has(sql::Effect::Listen)) {
        return true;
    }
    return listening_ != nullptr && listening_->listens() &&
           (traits.effects.has_any(kUnlistens) ||
            (listening_->follows() && traits.control != sql::Control::None));
}

/// Whether the listener can stand in: its client_encoding is the server's default, and a name that the server
/// rejects would fail for everybody. A session hears in one way only, so one that listens already goes on.
bool Session::listener_may_have(std::string_view channel) const {
    if (listening_ != nullptr && !listening_->has_room_for(channel)) {
        return false;
    }
    const std::string* mine = parameters_->find("client_encoding");
    const std::string* common = destination_->defaults->find("client_encoding");
    bool const same = mine != nullptr && common != nullptr && *mine == *common;
    if (is_ascii(channel)) {
        return same || (listening_ != nullptr && listening_->listens());
    }
    return same && *common == "UTF8" && !config::find_invalid_utf8(channel).has_value();
}

/// Whether the listener hears for the session all that these listen on.
bool Session::stands_in_for(const std::vector<sql::ChannelStep>& steps) const {
    return !pins_.has(Pin::Listen) && std::ranges::all_of(steps, [this](const sql::ChannelStep& step) {
        return step.kind != sql::ChannelStep::Kind::Listen || listener_may_have(step.name);
    });
}

/// The steps of a text that concerns_channels(). Where the listener cannot stand in, LISTEN is none of them:
/// it pins, and the session's backend hears.
std::vector<sql::ChannelStep> Session::channel_steps(Shared& shared, std::string_view text) {
    using Kind = sql::ChannelStep::Kind;
    std::vector<sql::ChannelStep> steps = sql::channel_steps_of(text);
    if (listening_ == nullptr) {
        listening_ = std::make_unique<Listening>();
        shared.stats.listening.add();
    }
    listening_->stands_in = stands_in_for(steps);
    for (sql::ChannelStep& step : steps) {
        if (step.kind == Kind::Listen && !listening_->stands_in) {
            step = {};
        }
    }
    return steps;
}

/// Whether the listener has the channels that the statement in hand listens on; asks it for them where not.
bool Session::joined(const Backend* backend, const std::vector<sql::ChannelStep>& steps) {
    bool const has_primary = backend != nullptr && attached_demand_ != route::Demand::PreferStandby;
    if (has_primary && !listening_->listens() && listening_->caught_up == 0) {
        // It begins to listen, and has had the backend for a while.
        catch_up();
    }
    return listening_->join(destination_->listener, id_, steps);
}

/// Notes what Executes of the unnamed portal do, which is now of this statement. A named one may be executed
/// whenever the client likes: where it listens, it pins.
void Session::bind_channels(Shared& shared, std::string_view portal, std::string_view text) {
    if (!portal.empty()) {
        if (listening_ != nullptr) {
            listening_->stands_in = false;
        }
        return;
    }
    // A LISTEN may be executed between now and then, so that what undoes it is noted as well.
    bool const may_undo = listening_ != nullptr && bound_traits_.control != sql::Control::None;
    if (may_undo || concerns_channels(bound_traits_)) {
        std::vector<sql::ChannelStep> steps = channel_steps(shared, text);
        listening_->bound = std::move(steps);
    } else if (listening_ != nullptr) {
        listening_->bound.clear();
    }
}

/// Whether an Execute runs what bind_channels() and bind_names() have noted.
bool Session::executes_unnamed_portal(Shared& shared, wire::Header header) const {
    if (header.message_bytes() > kWholeBytesMax) {
        return false;
    }
    wire::BodyReader reader(body(shared, header, header.body_bytes));
    return reader.string().empty();
}

/// What others have committed before a transaction that unlistens is to be heard first: PostgreSQL tells it
/// before it runs anything. Where the backend is the session's already, attached() has not seen to that.
/// False where it is heard, or asked for by now; else look again when what was sent before is answered.
bool Session::unlistens_too_early(const Backend* backend, const std::vector<sql::ChannelStep>& steps) {
    bool const unlistens = std::ranges::any_of(steps, [](const sql::ChannelStep& step) {
        return step.kind == sql::ChannelStep::Kind::Unlisten ||
               step.kind == sql::ChannelStep::Kind::UnlistenAll;
    });
    bool const amid_block = backend != nullptr && backend->status() != wire::TransactionStatus::Idle;
    if (backend == nullptr || amid_block || !unlistens || !listening_->listens()) {
        return false;
    }
    if (!backend->outside_transaction()) {
        return true;
    }
    if (listening_->caught_up_before != progress_.exchanges) {
        catch_up();
    }
    return false;
}

/// What others committed at the backend before this session had it is to be heard first: a notification from
/// it is the session's own from then on.
void Session::catch_up() {
    if (listening_ != nullptr && destination_->listener.connected()) {
        listening_->caught_up = destination_->listener.ask_echo();
        listening_->caught_up_before = progress_.exchanges;
    }
}

bool Session::has_caught_up() const {
    return listening_ == nullptr || destination_->listener.echoed(listening_->caught_up);
}

bool Session::awaits_echo(Stake stake) {
    bool const committed = stake == Stake::Writes || stake == Stake::Commits;
    if (!committed || PGRING_MUTATION(EchoNotAwaited)) {
        return false;
    }
    Listener& listener = destination_->listener;
    if (!listening_->echo.has_value()) {
        if (!listening_->listens() || !listener.connected()) {
            return false;
        }
        listening_->echo = listener.ask_echo();
    }
    if (!listener.echoed(*listening_->echo)) {
        return true;
    }
    listening_->echo.reset();
    return false;
}

void Session::on_ready_to_tell(Shared& shared, const Backend& backend, const Expected& entry) {
    if (tells_channels(entry.purpose)) {
        listening_->entry_over();
    }
    listening_->ready(backend.status(),
                      backend.pipeline.empty() ? Listening::More::No : Listening::More::Yes);
    if (backend.status() != wire::TransactionStatus::Idle) {
        return;
    }
    listening_->settle(destination_->listener, id_);
    tell_kept_now(shared);
}

void Session::refuse_channels(Shared& shared, Backend* backend, const Error& error) {
    if (backend == nullptr) {
        refuse_unit(shared, error);
        return;
    }
    front_traits_.reset();
    listening_->give_up(destination_->listener, id_);
    send_begin(shared, *backend);
    std::array<std::byte, wire::kHeaderBytes> memory{};
    wire::Header const header = wire::frame(in.view(0, wire::kHeaderBytes, memory)).header;
    bool const simple = header.type == static_cast<char>(wire::FrontendType::Query);
    static_cast<void>(simple ? refuse_query(shared, backend, header, error)
                             : refuse_bind(shared, *backend, header, error));
}

void Session::leave_channels(Shared& shared) {
    listening_->leave_all(destination_->listener, id_);
    listening_.reset();
    shared.stats.listening.subtract();
}

// -- Notifications --

/// PostgreSQL tells a client of notifications only between its transactions.
bool Session::takes_notifications(const Backend* backend) const {
    return phase_ == Phase::Ready && !discarding_ && held_.state() == HeldTransaction::State::None &&
           (backend == nullptr || backend->at_rest()) && out.size_bytes() < kQueueHighBytes;
}

void Session::notify(Shared& shared, const Backend* backend, const Notification& notification) {
    if (listening_ == nullptr || phase_ != Phase::Ready) {
        return;
    }
    Listening::Hears const hears = listening_->hears(notification.channel);
    bool const commits = backend != nullptr && !backend->pipeline.empty();
    if (hears == Listening::Hears::No || (hears == Listening::Hears::Maybe && !commits)) {
        return;
    }
    // An application knows its own notifications by the process id it was given at the login.
    bool const own = backend != nullptr && has_caught_up() && backend->server() == notification.server &&
                     backend->cancel_key().process_id == notification.process_id;
    std::uint32_t process_id = notification.process_id;
    if (own) {
        process_id = cancel_key_.process_id;
    } else if (process_id == cancel_key_.process_id) {
        // Somebody else's, with a number that happens to be what this client is called here.
        process_id = 0;
    }
    std::array<std::byte, kWholeBytesMax + 64> memory;
    wire::MessageWriter writer(memory);
    writer.begin(wire::BackendType::NotificationResponse)
        .u32(process_id)
        .string(notification.channel)
        .string(notification.payload)
        .end();
    ASSERT(writer.ok());
    // Outside of a transaction block PostgreSQL tells it before anything else runs, so that an UNLISTEN which
    // is not sent yet cannot undo it.
    bool const amid_block = backend != nullptr && backend->status() != wire::TransactionStatus::Idle;
    bool const sure = hears == Listening::Hears::Yes && !listening_->follows() && !amid_block;
    tell_or_keep(shared, backend, sure ? std::string_view() : notification.channel, writer.written());
}

void Session::tell_missed(Shared& shared, const Backend* backend) {
    if (listening_ == nullptr || phase_ != Phase::Ready || !listening_->listens()) {
        return;
    }
    const Error& warning = errors::kNotificationsMissed;
    std::array<std::byte, 2048> memory{};
    wire::MessageWriter writer(memory);
    wire::write_warning(writer, {.sqlstate = warning.sqlstate,
                                 .message = warning.message,
                                 .detail = warning.detail,
                                 .hint = warning.hint});
    ASSERT(writer.ok());
    tell_or_keep(shared, backend, {}, writer.written());
}

void Session::tell_or_keep(Shared& shared, const Backend* backend, std::string_view channel,
                           std::span<const std::byte> message) {
    if (takes_notifications(backend) && !listening_->has_kept()) {
        tell(message);
        shared.stats.notifications.add();
        return;
    }
    std::string copy(wire::as_text(message));
    if (listening_->keep(channel, std::move(copy))) {
        tell_kept(shared, backend);
    } else {
        abandon(shared, backend, errors::kNotificationsUnread);
    }
}

void Session::tell_kept(Shared& shared, const Backend* backend) {
    if (takes_notifications(backend)) {
        tell_kept_now(shared);
    }
}

/// A client that does not read leaves the rest where it is.
void Session::tell_kept_now(Shared& shared) {
    while (phase_ != Phase::Ended && out.size_bytes() < kQueueHighBytes) {
        std::optional<std::string> const message = listening_->take_kept();
        if (!message.has_value()) {
            return;
        }
        tell(std::as_bytes(std::span(*message)));
        shared.stats.notifications.add();
    }
}

}  // namespace pgring::session
