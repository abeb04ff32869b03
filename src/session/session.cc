#include "session/session.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/mutation.h"
#include "session/in_flight.h"
#include "wire/body_reader.h"
#include "wire/framing.h"
#include "wire/messages.h"

namespace pgring::session {

namespace {

/// Puts the backend into a failed transaction; the server logs the text, so it says what it is.
constexpr std::string_view kFailTransaction =
    "BEGIN; ROLLBACK TO SAVEPOINT \"pgring: transaction lost with its server\"";

}  // namespace

Session::Session(pool::SessionId id, const base::NetworkAddress& peer, auth::Transport transport,
                 Admission admission, buffer::BufferPool& buffers)
    : in(buffers),
      out(buffers),
      id_(id),
      peer_(peer),
      login_(std::make_unique<FrontendLogin>(peer, transport, admission)) {}

SessionStep Session::advance(Shared& shared, Backend* backend) {
    switch (phase_) {
        case Phase::Login:
            return advance_login(shared);
        case Phase::AwaitingWelcome:
            return advance_welcome(shared, backend);
        case Phase::Ready:
            return advance_ready(shared, backend);
        case Phase::Ended:
            break;
    }
    in.clear();
    return kEnded;
}

void Session::tell(std::span<const std::byte> message) {
    if (!out.push_copy(message)) {
        // Half an answer would be a wrong one.
        end();
    }
}

// -- Login --

SessionStep Session::advance_login(Shared& shared) {
    if (destination_ != nullptr) {
        return kBlocked;
    }
    FrontendLogin::Step const step = login_->advance(shared, in, out);
    if (!step.has_value()) {
        const LoginFailure& failure = step.error();
        shared.stats.login_failures.add();
        if (shared.settings.pgring.log_pooler_errors) {
            shared.log.warning("login_failed", {{"peer", base::to_string(peer_)},
                                                {"user", login_->request().user},
                                                {"database", login_->request().database},
                                                {"error", failure.message},
                                                {"detail", failure.log_detail}});
        }
        if (failure.manner == LoginFailure::Manner::Silent) {
            end();
        } else {
            fail(shared, {.sqlstate = failure.sqlstate, .message = failure.message});
        }
        return kEnded;
    }
    switch (*step) {
        case FrontendLogin::Outcome::NeedMore:
            return kStarved;
        case FrontendLogin::Outcome::Cancel:
            return {.kind = SessionStep::Kind::Canceled};
        case FrontendLogin::Outcome::Authenticated:
            break;
    }
    return {.kind = SessionStep::Kind::Authenticated};
}

void Session::enter(Shared& shared, Destination& destination, CancelKey cancel_key) {
    destination_ = &destination;
    cancel_key_ = std::move(cancel_key);
    if (learned_keys().has_value() && login_request().user == destination.user) {
        destination.learned_keys = learned_keys();
    }
    parameters_ = shared.parameters.empty();
    if (session_pooled()) {
        // Its own backend starts with them; until then they say where that may be.
        ParameterSetPtr wanted = parameters_;
        for (const SpelledParameter& parameter : destination.startup_parameters) {
            wanted = shared.parameters.with(wanted, parameter.name, parameter.value);
        }
        set_parameters(shared, std::move(wanted));
    } else {
        unconfirmed_parameters_ =
            std::make_unique<std::vector<SpelledParameter>>(login_->request().parameters);
    }
    login_.reset();
    phase_ = Phase::AwaitingWelcome;
}

SessionStep Session::advance_welcome(Shared& shared, Backend* backend) {
    if (backend != nullptr && backend->pending_errand() != Errand::None) {
        return kBlocked;
    }
    if (session_pooled()) {
        return advance_own_welcome(shared, backend);
    }
    if (destination_->defaults == nullptr) {
        // The first client of a destination learns the parameters from its first backend.
        ASSERT(backend == nullptr);
        return {.kind = SessionStep::Kind::NeedsBackend, .demand = route::Demand::Primary};
    }
    if (fixed_ == nullptr) {
        choose_parameters(shared);
        if (backend != nullptr && unconfirmed_parameters_ != nullptr) {
            prepare_backend(shared, *backend);
            if (backend->pending_errand() != Errand::None) {
                return kBlocked;
            }
        }
    }
    if (unconfirmed_parameters_ != nullptr) {
        if (backend == nullptr) {
            return {.kind = SessionStep::Kind::NeedsBackend, .demand = route::Demand::Primary};
        }
        unconfirmed_parameters_.reset();
    }
    welcome(shared, backend);
    if (phase_ == Phase::Ended) {
        return kEnded;
    }
    if (backend != nullptr && !fits(*backend)) {
        // It was only asked what a session starts with; the first unit finds its own.
        return in.empty() ? kStarved : kBlocked;
    }
    return advance_ready(shared, backend);
}

/// Session pooling: the client has a backend of its own from its welcome on, and is told what that one says,
/// its process id included.
SessionStep Session::advance_own_welcome(Shared& shared, Backend* backend) {
    if (backend == nullptr) {
        return {.kind = SessionStep::Kind::NeedsBackend,
                .demand = access_ == Access::ReadOnly ? route::Demand::StandbyOnly : route::Demand::Primary};
    }
    fixed_ = backend->fixed;
    set_parameters(shared, backend->parameters);
    if (can_be_shown(backend->cancel_key().process_id)) {
        cancel_key_.process_id = backend->cancel_key().process_id;
    }
    welcome(shared, backend);
    return phase_ == Phase::Ended ? kEnded : advance_ready(shared, backend);
}

/// The destination's defaults with what the startup packet asks for. Where the server has to confirm a value
/// (it may refuse it, or spell it differently), unconfirmed_parameters_ stays.
void Session::choose_parameters(Shared& shared) {
    fixed_ = destination_->fixed;
    ParameterSetPtr wanted = destination_->defaults;
    bool confirmed = true;
    for (const SpelledParameter& parameter : *unconfirmed_parameters_) {
        const std::string* canonical = shared.parameters.canonical(parameter.name, parameter.value);
        const std::string* present = wanted->find(parameter.name);
        // PostgreSQL takes any application_name.
        confirmed =
            confirmed && (canonical != nullptr || (present != nullptr && *present == parameter.value) ||
                          same_name(parameter.name, "application_name"));
        wanted = shared.parameters.with(wanted, parameter.name,
                                        canonical == nullptr ? parameter.value : *canonical);
    }
    if (confirmed) {
        unconfirmed_parameters_.reset();
    }
    set_parameters(shared, std::move(wanted));
}

void Session::welcome(Shared& shared, const Backend* backend) {
    wire::MessageWriter writer(shared.scratch);
    writer.begin(wire::BackendType::Authentication).u32(0).end();
    for (const Parameter& parameter : fixed_->all()) {
        wire::write_parameter_status(writer, parameter.name, parameter.value);
    }
    for (const Parameter& parameter : parameters_->all()) {
        if (destination_->defaults->find(parameter.name) != nullptr) {
            wire::write_parameter_status(writer, parameter.name, parameter.value);
        }
    }
    bool const on_standby = session_pooled() ? backend->in_hot_standby() : access_ == Access::ReadOnly;
    wire::write_parameter_status(writer, "in_hot_standby", on_standby ? "on" : "off");
    wire::write_backend_key_data(writer, cancel_key_.process_id, cancel_key_.secret);
    wire::write_ready_for_query(writer, wire::TransactionStatus::Idle);
    ASSERT(writer.ok());
    phase_ = Phase::Ready;
    startup_ = parameters_;
    settled_ = parameters_;
    tell(writer.written());
    shared.stats.client_logins.add();
}

// -- Parameters --

void Session::set_parameters(Shared& shared, ParameterSetPtr parameters) {
    parameters_ = std::move(parameters);
    const std::string* name = parameters_->find("application_name");
    const std::vector<std::string>& readonly = shared.settings.routing.readonly_application_names;
    bool const only_reads = name != nullptr && std::ranges::find(readonly, *name) != readonly.end();
    const std::string* isolation = parameters_->find("default_transaction_isolation");
    bool const serializable = isolation != nullptr && *isolation == "serializable";
    access_ = only_reads ? Access::ReadOnly : serializable ? Access::PrimaryOnly : Access::ReadWrite;
    const std::string* conforming = parameters_->find("standard_conforming_strings");
    const std::string* encoding = parameters_->find("client_encoding");
    dialect_ = sql::dialect_of(conforming == nullptr ? "on" : std::string_view(*conforming),
                               encoding == nullptr ? "UTF8" : std::string_view(*encoding));
}

bool Session::on_parameter(Shared& shared, const Backend& backend, std::string_view name,
                           std::string_view value) {
    if (same_name(name, "in_hot_standby")) {
        return session_pooled();
    }
    // Behind a Query that resets nothing is sent; before it others may be out.
    bool const of_reset = returns_to_startup() && backend.pipeline.size() == 1;
    if (const std::string* const own = of_reset ? startup_return_->find(name) : nullptr) {
        // The server's default, until the session's own is set again; which is what the client is told.
        tell_parameter(shared, name, *own);
        return false;
    }
    if (settable(name)) {
        set_parameters(shared, shared.parameters.with(parameters_, name, value));
    } else {
        fixed_ = shared.parameters.with(fixed_, name, value);
    }
    return true;
}

/// Tells the client of a value that the server has not told, or not so.
void Session::tell_parameter(Shared& shared, std::string_view name, const std::string& value) {
    const std::string* const known = parameters_->find(name);
    if (known != nullptr && *known == value) {
        return;
    }
    std::array<std::byte, 2048> memory{};
    wire::MessageWriter writer(memory);
    wire::write_parameter_status(writer, name, value);
    if (!writer.ok()) {
        return;
    }
    tell(writer.written());
    set_parameters(shared, shared.parameters.with(parameters_, name, value));
}

void Session::tell_fixed_parameters(Shared& shared, const Backend& backend) {
    if (fixed_ == backend.fixed || phase_ != Phase::Ready) {
        return;
    }
    wire::MessageWriter writer(shared.scratch);
    for (const Parameter& parameter : backend.fixed->all()) {
        const std::string* known = fixed_->find(parameter.name);
        if (known == nullptr || *known != parameter.value) {
            wire::write_parameter_status(writer, parameter.name, parameter.value);
        }
    }
    fixed_ = backend.fixed;
    tell(writer.written());
}

void Session::prepare_backend(Shared& shared, Backend& backend) {
    if (needs_parameters(backend)) {
        std::vector<ParameterChange> changes;
        for (const Parameter& wanted : parameters_->all()) {
            const std::string* present = backend.parameters->find(wanted.name);
            if (present == nullptr || *present != wanted.value) {
                changes.push_back({.name = wanted.name, .value = &wanted.value});
            }
        }
        for (const Parameter& present : backend.parameters->all()) {
            if (parameters_->find(present.name) == nullptr) {
                changes.push_back({.name = present.name, .value = nullptr});
            }
        }
        if (PGRING_MUTATION(ParameterDifferenceCut) && changes.size() > 1) {
            changes.pop_back();
        }
        if (!backend.start_errand(shared, Errand::Parameters, set_statement(changes))) {
            fail(shared, errors::kOutOfMemory);
        }
        return;
    }
    if (!own_names(shared, backend)) {
        return;
    }
    if (held_.state() == HeldTransaction::State::Failed) {
        if (!backend.start_errand(shared, Errand::FailTransaction, kFailTransaction)) {
            fail(shared, errors::kOutOfMemory);
        }
    }
}

void Session::adopt_parameters(Shared& shared, Backend& backend) {
    for (const Parameter& wanted : parameters_->all()) {
        const std::string* present = backend.parameters->find(wanted.name);
        if (present == nullptr) {
            // Not reported by the server: pgring itself keeps book of it.
            backend.parameters = shared.parameters.with(backend.parameters, wanted.name, wanted.value);
            shared.parameters.learn_canonical(wanted.name, wanted.value, wanted.value);
        } else if (!reported(wanted.name)) {
            backend.parameters = shared.parameters.with(backend.parameters, wanted.name, wanted.value);
        } else {
            shared.parameters.learn_canonical(wanted.name, wanted.value, *present);
        }
    }
    ParameterSetPtr const before = backend.parameters;
    for (const Parameter& present : before->all()) {
        if (!reported(present.name) && parameters_->find(present.name) == nullptr) {
            backend.parameters = shared.parameters.without(backend.parameters, present.name);
        }
    }
    set_parameters(shared, backend.parameters);
}

void Session::adopt_readings(Shared& shared, Backend& backend) {
    ParameterSetPtr mine = parameters_;
    for (const ParameterReading& reading : touched_->read(backend.errand_row())) {
        if (reading.state == ParameterReading::State::Default) {
            mine = shared.parameters.without(mine, reading.name);
            backend.parameters = shared.parameters.without(backend.parameters, reading.name);
        } else {
            mine = shared.parameters.with(mine, reading.name, reading.value);
            backend.parameters = shared.parameters.with(backend.parameters, reading.name, reading.value);
        }
    }
    set_parameters(shared, std::move(mine));
}

TouchedParameters& Session::touched() {
    if (touched_ == nullptr) {
        touched_ = std::make_unique<TouchedParameters>();
    }
    return *touched_;
}

/// All that pgring keeps book of for the session may have another value now.
void Session::touch_unreported() {
    for (const Parameter& parameter : parameters_->all()) {
        if (!reported(parameter.name)) {
            touched().note(parameter.name);
        }
    }
}

void Session::adopt_pins(Shared& shared, const Backend& backend) {
    bool const was_told = pins_.told();
    if (backend.errand_failed()) {
        pins_.reading_failed();
        if (function_question_ != nullptr) {
            function_question_->clear();
        }
    } else {
        adopt_functions(backend);
        bool const parameters_too = pins_.doubts_parameters();
        for (const std::string& name : pins_.read(backend.errand_row())) {
            if (!reported(name)) {
                touched().note(name);
            }
        }
        if (parameters_too) {
            touch_unreported();
        }
    }
    tell_pins(shared);
    if (was_told && pins_.empty()) {
        shared.stats.unpins.add();
    }
}

/// What the same answer says of the functions that were called: behind what it says of pins.
void Session::adopt_functions(const Backend& backend) {
    std::span<const std::optional<std::string>> const row = backend.errand_row();
    std::size_t const own = pins_.column_count();
    if (function_question_ == nullptr || function_question_->empty() || row.size() < own) {
        return;
    }
    FunctionTraces const traces = function_question_->read(row.subspan(own), *destination_->functions);
    for (const std::string& name : traces.parameters) {
        touched().note(name);
    }
    if (traces.unlisted == FunctionTraces::Unlisted::Perhaps) {
        pins_.hold(Pin::SessionFunction);
    }
}

/// Parameters that were reset and are back at the server's default return to what the client started with, as
/// they would in a session of its own.
void Session::return_to_startup(Shared& shared) {
    ParameterSetPtr mine = parameters_;
    wire::MessageWriter writer(shared.scratch);
    for (const Parameter& parameter : startup_->all()) {
        const std::string* fallback = destination_->defaults->find(parameter.name);
        const std::string* present = mine->find(parameter.name);
        // One that a client made up is not unset again by RESET, but empty.
        bool const is_emptied = present != nullptr && present->empty() && parameter.name.contains('.');
        bool const is_default =
            present == nullptr || is_emptied || (fallback != nullptr && *present == *fallback);
        if (!is_default || !resets_.has(parameter.name) ||
            (present != nullptr && *present == parameter.value)) {
            continue;
        }
        mine = shared.parameters.with(mine, parameter.name, parameter.value);
        if (fallback != nullptr) {
            wire::write_parameter_status(writer, parameter.name, parameter.value);
        }
    }
    resets_.clear();
    startup_return_.reset();
    if (mine != parameters_) {
        set_parameters(shared, std::move(mine));
        on_idle();
        tell(writer.written());
    }
}

StartupReturn& Session::startup_return() {
    if (startup_return_ == nullptr) {
        startup_return_ = std::make_unique<StartupReturn>();
    }
    return *startup_return_;
}

/// Amid a transaction: whether what a Query of it has reset has the session's own values again. Sends the
/// errand that sets them.
bool Session::returned_amid_transaction(Shared& shared, Backend& backend) {
    // What is right again now, or undone, stays so when the transaction ends.
    resets_.clear();
    if (!returns_to_startup()) {
        return true;
    }
    if (backend.status() != wire::TransactionStatus::InTransaction) {
        // Failed, and so undone.
        startup_return_->clear();
        return true;
    }
    if (!backend.start_errand(shared, Errand::ReturnToStartup, startup_return_->query())) {
        fail(shared, errors::kOutOfMemory);
    }
    return false;
}

/// The values are there again. Where the server had its default already, nobody has told the client.
void Session::tell_returned(Shared& shared, const Backend& backend) {
    startup_return_->clear();
    for (const Parameter& parameter : startup_->all()) {
        const std::string* const present = backend.parameters->find(parameter.name);
        if (present != nullptr && reported(parameter.name)) {
            tell_parameter(shared, parameter.name, *present);
        }
    }
}

void Session::returned_to_startup() {
    for (const Parameter& parameter : startup_->all()) {
        if (!reported(parameter.name) && startup_values().find(parameter.name) != nullptr) {
            touched().note(parameter.name);
        }
    }
}

/// With its backend a transaction was lost, and what it had set; the server would have told so at ROLLBACK.
void Session::return_to_settled(Shared& shared) {
    if (settled_ == parameters_) {
        return;
    }
    wire::MessageWriter writer(shared.scratch);
    for (const Parameter& parameter : settled_->all()) {
        const std::string* present = parameters_->find(parameter.name);
        if (reported(parameter.name) && (present == nullptr || *present != parameter.value)) {
            wire::write_parameter_status(writer, parameter.name, parameter.value);
        }
    }
    set_parameters(shared, settled_);
    tell(writer.written());
}

// -- Backend --

void Session::attached(Shared& shared, Backend& backend, route::Demand demand) {
    attached_demand_ = demand;
    scout_count_ = 0;
    if (fixed_ == nullptr) {
        // The first client of its destination: what the backend has is what it will start from.
        return;
    }
    if (demand != route::Demand::PreferStandby) {
        catch_up();
    }
    tell_fixed_parameters(shared, backend);
    prepare_backend(shared, backend);
}

bool Session::errand_done(Shared& shared, Backend& backend, Errand errand) {
    if (errand == Errand::Parameters) {
        if (backend.errand_failed()) {
            const ServerError error = backend.error().value_or(ServerError{});
            Error const told{.sqlstate = error.sqlstate, .message = error.message};
            // Pinned, it cannot go on anywhere else; and where nothing is asked there is nothing to refuse.
            if (phase_ == Phase::Ready && pins_.empty() && in.size_bytes() >= wire::kHeaderBytes) {
                refuse_unit(shared, told);
            } else {
                fail(shared, told);
            }
            return false;
        }
        adopt_parameters(shared, backend);
        on_idle();
    }
    if (errand == Errand::ReadParameters) {
        if (backend.errand_failed()) {
            // What the session set is not known, so it stays where it was set.
            pins_.hold(Pin::Parameter);
            tell_pins(shared);
        } else {
            adopt_readings(shared, backend);
            on_idle();
        }
        touched_.reset();
        return true;
    }
    if (errand == Errand::DiscardSequences) {
        // Its command tag has told where it was done; it fails where the transaction has.
        return true;
    }
    if (errand == Errand::ReturnToStartup) {
        // It fails only where the transaction has, which is the client's to find out.
        tell_returned(shared, backend);
        return true;
    }
    if (errand == Errand::Shape) {
        return true;
    }
    if (errand == Errand::DropNames && backend.errand_failed()) {
        backend.needs_reset = true;
        return false;
    }
    if (errand == Errand::Carry) {
        return names_carried(shared, backend);
    }
    if (errand == Errand::FailTransaction) {
        held_.end();
    }
    if (errand == Errand::Unlisten) {
        listening_->left_on_backend = false;
        backend.needs_reset = backend.needs_reset || backend.errand_failed();
        return true;
    }
    if (errand == Errand::ReadPins) {
        adopt_pins(shared, backend);
        return true;
    }
    prepare_backend(shared, backend);
    return true;
}

bool Session::may_release(Shared& shared, Backend& backend) {
    bool const at_rest = backend.at_rest() && !session_pooled() && body_rest_bytes_ == 0 &&
                         backend.pending_errand() == Errand::None;
    if (!at_rest) {
        return false;
    }
    if (function_question_ != nullptr && function_question_->take_definitions_changed()) {
        destination_->functions->forget();
    }
    // First, since a pin would be read where only the listener's stand-in is.
    if (listens_on_backend() && !pins_.has(Pin::Listen)) {
        if (!backend.start_errand(shared, Errand::Unlisten, "UNLISTEN *")) {
            fail(shared, errors::kOutOfMemory);
        }
        return false;
    }
    if (pins_.doubted()) {
        ask_pins(shared, backend);
        return false;
    }
    if (!pins_.empty() && resets_.empty()) {
        // What it sets there is read when nothing ties it to the backend any more.
        return false;
    }
    if (!settings_read(shared, backend)) {
        return false;
    }
    if (!pins_.empty()) {
        // It stays, and has to have what a reset led back to.
        prepare_backend(shared, backend);
        return false;
    }
    if (listening_ != nullptr && listening_->over()) {
        leave_channels(shared);
    }
    return true;
}

/// Asks what the session has left on the backend.
void Session::ask_pins(Shared& shared, Backend& backend) {
    std::string text = pins_.query(destination_->user, backend.names.by_sql_count());
    if (function_question_ != nullptr && !function_question_->empty()) {
        text += function_question_->columns(shared.classifier.function_names(), *destination_->functions);
    }
    if (!backend.start_errand(shared, Errand::ReadPins, text)) {
        fail(shared, errors::kOutOfMemory);
    }
}

/// The session knows the values of all that it set. Where it does not, an errand that reads them is sent. The
/// backend is outside a transaction and owes nothing.
bool Session::settings_read(Shared& shared, Backend& backend) {
    if (has_unread_settings()) {
        if (!backend.start_errand(shared, Errand::ReadParameters, touched_->query())) {
            fail(shared, errors::kOutOfMemory);
        }
        return false;
    }
    if (!resets_.empty()) {
        return_to_startup(shared);
    }
    return true;
}

/// After something that resets nothing new is sent until the backend has what the client started with: what
/// the server goes back to is its own.
bool Session::reset_settled(Shared& shared, Backend& backend) {
    bool const settled = resets_.empty() && !returns_to_startup();
    if (settled || session_pooled() || backend.pipeline.open()) {
        return true;
    }
    if (!backend.pipeline.idle()) {
        return false;
    }
    if (backend.status() != wire::TransactionStatus::Idle) {
        return returned_amid_transaction(shared, backend);
    }
    startup_return_.reset();
    if (settings_read(shared, backend)) {
        prepare_backend(shared, backend);
    }
    return backend.pending_errand() == Errand::None;
}

bool Session::lost(Shared& shared, Backend& backend) {
    if (phase_ == Phase::Ended) {
        return false;
    }
    if (phase_ != Phase::Ready) {
        // The login starts over with another backend.
        return true;
    }
    // What it set there and was not read yet is lost as well.
    bool const carries_state = !pins_.empty() || session_pooled() || has_unread_settings();
    bool const was_suspected = pins_.doubts_parameters();
    if (backend.mid_message_to_client()) {
        end();
        return false;
    }
    return_to_settled(shared);
    startup_return_.reset();
    InFlight const in_flight = look_at_flight(backend.pipeline, backend.status());
    statements_.undo(in_flight.name_count);
    unit_stake_ = Stake::None;
    names_over();
    if (listening_ != nullptr) {
        listening_->backend_lost();
        listening_->settle(destination_->listener, id_);
    }
    bool const unknown = in_flight.unknown && !PGRING_MUTATION(UnknownToldAsUndone);
    const Error& error = unknown                     ? errors::kOutcomeUnknown
                         : in_flight.met_transaction ? errors::kTransactionLost
                                                     : errors::kStatementLost;
    // It has been told that all went well, and what that left nobody can ask any more.
    bool const left_unasked =
        was_suspected && !in_flight.client_waits && backend.status() == wire::TransactionStatus::Idle;
    if (carries_state || left_unasked) {
        fail(shared, in_flight.unknown ? error : errors::kSessionLost);
        return false;
    }
    pins_.drop_suspicions();
    if (!in_flight.client_waits && body_rest_bytes_ == 0) {
        if (backend.status() != wire::TransactionStatus::Idle) {
            held_.lose();
        }
        return true;
    }
    if (in_flight.in_transaction) {
        // It believes to be in one, of which nothing is left.
        held_.fail();
    }
    bool error_sent = backend.front_error_sent();
    wire::MessageWriter writer(shared.scratch);
    for (std::size_t i = 0; i < in_flight.ready_count; ++i) {
        if (!error_sent) {
            write_error(writer, wire::Severity::Error, error);
        }
        write_ready(writer);
        error_sent = false;
        if (!writer.ok()) {
            fail(shared, error);
            return false;
        }
    }
    if (backend.pipeline.open()) {
        if (!error_sent) {
            write_error(writer, wire::Severity::Error, error);
        }
        discarding_ = true;
    }
    if (body_rest_bytes_ > 0) {
        dropping_rest_ = true;
    }
    tell(writer.written());
    return phase_ == Phase::Ready;
}

void Session::write_ready(wire::MessageWriter& writer) {
    wire::write_ready_for_query(writer, held_.status());
    ++progress_.exchanges;
}

void Session::refuse_unit(Shared& shared, const Error& error) {
    if (phase_ != Phase::Ready) {
        fail(shared, error);
        return;
    }
    if (held_.state() == HeldTransaction::State::Begun) {
        held_.fail();
    }
    refuse_front(shared, error, held_.status());
}

/// Answers the unit at the front of `in` with an error; `status` is what the client is in afterwards.
void Session::refuse_front(Shared& shared, const Error& error, wire::TransactionStatus status) {
    wire::MessageWriter writer(shared.scratch);
    write_error(writer, wire::Severity::Error, error);
    std::array<std::byte, wire::kHeaderBytes> memory{};
    ASSERT(in.size_bytes() >= wire::kHeaderBytes);
    wire::Framed const framed = wire::frame(in.view(0, wire::kHeaderBytes, memory));
    ASSERT(framed.state == wire::Framed::State::Complete);
    auto const type = static_cast<wire::FrontendType>(framed.header.type);
    if (type == wire::FrontendType::Query || type == wire::FrontendType::FunctionCall) {
        wire::write_ready_for_query(writer, status);
        ++progress_.exchanges;
        drop(framed.header);
    } else {
        discarding_ = true;
    }
    front_traits_.reset();
    scout_count_ = 0;
    if (listening_ != nullptr) {
        listening_->give_up(destination_->listener, id_);
    }
    tell(writer.written());
}

void Session::fail(Shared& shared, const Error& error) {
    if (phase_ == Phase::Ended) {
        return;
    }
    std::array<std::byte, 2048> memory{};
    wire::MessageWriter writer(memory);
    write_error(writer, wire::Severity::Fatal, error);
    if (writer.ok()) {
        tell(writer.written());
    }
    end();
    static_cast<void>(shared);
}

void Session::abandon(Shared& shared, const Backend* backend, const Error& error) {
    if (backend != nullptr && backend->mid_message_to_client()) {
        // No honest answer fits behind half a row.
        end();
        return;
    }
    bool const unknown = backend != nullptr && look_at_flight(backend->pipeline, backend->status()).unknown;
    if (!unknown) {
        fail(shared, error);
        return;
    }
    fail(shared, {.sqlstate = sqlstate::kTransactionResolutionUnknown,
                  .message = error.message,
                  .detail = "It is unknown whether the statement was committed.",
                  .hint = errors::kOutcomeUnknown.hint});
}

void Session::on_deallocate_all() {
    statements_.clear();
    if (name_changes_ != nullptr) {
        name_changes_->uncarried.clear();
    }
    forget_unnamed();
}

void Session::on_discard_all(Shared& shared, const Backend& backend) {
    set_parameters(shared, shared.parameters.without_unreported(parameters_));
    forget_unnamed();
    resets_.note_all();
    for (std::size_t i = 1; i < backend.pipeline.size(); ++i) {
        const Expected& entry = backend.pipeline.at(i);
        bool const runs = entry.request == Request::Query || entry.request == Request::Bind;
        if (runs && entry.purpose != Purpose::ReturnToStartup) {
            // What it may leave has been noted already.
            pins_.doubt_all();
            return;
        }
    }
    bool const was_told = pins_.told();
    pins_.discarded();
    if (was_told && pins_.empty()) {
        shared.stats.unpins.add();
    }
    touched_.reset();
}

// -- Errors of pgring's own in the server's stead --

void Session::note_refusal(Shared& shared, const Error& error) {
    if (refusals_ == nullptr) {
        refusals_ = std::make_unique<std::deque<std::string>>();
    }
    wire::MessageWriter writer(shared.scratch);
    write_error(writer, wire::Severity::Error, error);
    std::span<const std::byte> const message = writer.written();
    refusals_->emplace_back(wire::as_text(message));
}

void Session::tell_refusal() {
    ASSERT(refusals_ != nullptr && !refusals_->empty());
    tell(std::as_bytes(std::span(refusals_->front())));
    // The entry itself is done next, which forgets the error.
}

void Session::forget_refusal() {
    ASSERT(refusals_ != nullptr && !refusals_->empty());
    refusals_->pop_front();
}

}  // namespace pgring::session
