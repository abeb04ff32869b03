#include "sim/model_client.h"

#include <algorithm>
#include <utility>

#include "sim/model_server.h"

namespace pgring::sim {

using namespace conversation;

namespace {

using namespace std::chrono_literals;

constexpr std::string_view kTimeZones[]{"Europe/Berlin", "Asia/Tokyo", "America/Lima", "UTC"};

/// Errors by which pgring says that nothing was executed.
bool says_nothing_happened(std::string_view sqlstate) {
    return sqlstate == "53300" || sqlstate == "57P03" || sqlstate == "40001" || sqlstate == "57014" ||
           sqlstate == "53200";
}

/// What is asked, on a line.
std::string summary(std::string bytes) {
    std::string text;
    for (const Message& message : take_messages(bytes)) {
        text += (text.empty() ? "" : ", ") + frontend_text(message).substr(0, 60);
    }
    return text;
}

}  // namespace

ModelClient::ModelClient(ClientContext& context, ClientNumber number, std::uint32_t unit_count)
    : context_(context), number_(number), units_left_(unit_count), hearing_(who()) {
    autocommit_only_ = context.prng.chance(30);
    read_only_ = context.has_standby && !context.steady && context.prng.chance(10);
}

void ModelClient::start() {
    if (phase_ == Phase::Gone) {
        return;
    }
    link_ = context_.network.connect_client(context_.prng.below(context_.worker_count), *this);
    if (link_ == nullptr) {
        phase_ = Phase::Gone;
        return;
    }
    Parameters parameters{{"user", "app"}, {"database", "db"}};
    // Setting parameters at a backend allocates; in a steady world nobody has any of its own.
    bool const has_parameters = !context_.steady && !context_.crowded;
    if (has_parameters && context_.prng.chance(20)) {
        start_time_zone_ = kTimeZones[context_.prng.below(std::size(kTimeZones))];
        time_zone_ = start_time_zone_;
        parameters.emplace_back("TimeZone", *time_zone_);
    }
    if (read_only_) {
        parameters.emplace_back("application_name", "readonly");
    } else if (has_parameters && context_.prng.chance(20)) {
        parameters.emplace_back("application_name", who());
    }
    std::uint32_t const version = (3U << 16U) | static_cast<std::uint32_t>(context_.prng.below(3));
    std::string const introduction = context_.prng.chance(20) ? ssl_request() : std::string();
    if (!introduction.empty()) {
        // The answer is 'N'; what follows may be said only then.
        unread_ = "?";
        say(introduction);
        context_.schedule.after(100ms, [this, parameters, version] { say(startup(parameters, version)); });
    } else {
        say(startup(parameters, version));
    }
}

std::string ModelClient::state() const {
    std::string text = who() + (phase_ == Phase::LoggingIn  ? " is logging in"
                                : phase_ == Phase::Thinking ? " thinks"
                                : phase_ == Phase::Waiting  ? " waits"
                                                            : " is gone");
    return text + ", status " + status_ + ", " + std::to_string(waiting_for_.size()) + " units under way, " +
           std::to_string(units_left_) + " to come";
}

// -- Listening
// ----------------------------------------------------------------------------------------------------------

void ModelClient::heard(std::string_view bytes) {
    if (phase_ == Phase::Gone) {
        return;
    }
    unread_.append(bytes);
    if (unread_.starts_with('?')) {
        if (unread_.size() == 1) {
            return;
        }
        context_.auditor.require(unread_[1] == 'N' || unread_[1] == 'E',
                                 "the answer to an SSLRequest is no N");
        unread_.erase(0, unread_[1] == 'N' ? 2 : 1);
    }
    for (const Message& message : take_messages(unread_)) {
        if (phase_ == Phase::LoggingIn) {
            on_login_message(message);
        } else if (phase_ != Phase::Gone) {
            on_message(message);
        }
    }
}

void ModelClient::closed() {
    context_.log(who() + " was disconnected");
    context_.auditor.require(!context_.calm || phase_ == Phase::LoggingIn || phase_ == Phase::Gone,
                             who() + " was disconnected though nothing went wrong");
    link_ = nullptr;
    gone();
}

void ModelClient::on_login_message(const Message& message) {
    if (message.type == 'K') {
        process_id_ = read_number(std::string_view(message.body).substr(0, 4));
        secret_ = message.body.substr(4);
    } else if (message.type == 'S') {
        std::string const text = backend_text(message);
        if (text.starts_with("ParameterStatus TimeZone=")) {
            context_.auditor.require(text == "ParameterStatus TimeZone=" + *time_zone_,
                                     who() + " was welcomed with " + text);
        }
    } else if (message.type == 'E') {
        context_.log(who() + " was refused: " + backend_text(message));
    } else if (message.type == 'Z') {
        context_.auditor.require(message.body == "I", "a login ends in transaction status " + message.body);
        phase_ = Phase::Thinking;
        next();
    }
}

void ModelClient::on_message(const Message& message) {
    std::string const text = backend_text(message);
    context_.log("    " + who() + " hears " + text.substr(0, 100));
    if (message.type == 'A') {
        on_notification(message);
        return;
    }
    if (message.type == 'N' || message.type == 'S') {
        if (text.starts_with("ParameterStatus server_version=")) {
            return;
        }
        return;
    }
    if (message.type == 'E' && error_field(message, 'V') == "FATAL") {
        // The connection ends; closed() settles what is open.
        context_.auditor.require(!context_.calm, who() + " hears " + text + " though nothing went wrong");
        return;
    }
    context_.auditor.require(!waiting_for_.empty(), who() + " hears " + text + " without having asked");
    if (message.type == 'Z') {
        on_ready(message.body[0]);
        return;
    }
    if (message.type == 'E') {
        context_.auditor.require(error_.empty(), who() + " hears of a second error: " + text);
        error_ = error_field(message, 'C');
        say(std::exchange(waiting_for_.front().behind_error, {}));
        return;
    }
    context_.auditor.require(error_.empty(), who() + " hears " + text + " behind an error");
    const Unit& unit = waiting_for_.front();
    if (unit.kind == Unit::Kind::Commit && status_ == 'E') {
        context_.auditor.require(text == "CommandComplete ROLLBACK",
                                 who() + " commits a failed transaction: " + text);
        return;
    }
    answer_.push_back(text);
    context_.auditor.require(
        answer_.size() <= unit.answer.size() && answer_.back() == unit.answer[answer_.size() - 1],
        who() + " hears " + text.substr(0, 200) + " instead of " +
            (answer_.size() <= unit.answer.size() ? unit.answer[answer_.size() - 1].substr(0, 200)
                                                  : std::string("nothing")));
}

void ModelClient::on_ready(char status) {
    Unit const unit = std::move(waiting_for_.front());
    waiting_for_.pop_front();
    if (error_.empty()) {
        check(unit, status);
    } else {
        check_error(unit, status);
    }
    settle_writes(unit, status);
    settle_channel(unit, status);
    status_ = status;
    if (status == 'I') {
        savepoints_.clear();
    }
    if (waiting_for_.empty()) {
        status_ahead_ = status;
        written_ahead_ = open_writes_;
        cancel_may_hit_ = cancels_open_ > 0;
    }
    answer_.clear();
    error_.clear();
    if (context_.steady) {
        context_.on_steady_unit();
    }
    if (waiting_for_.empty()) {
        phase_ = Phase::Thinking;
        next();
    }
}

/// The unit went well, or says so.
void ModelClient::check(const Unit& unit, char status) {
    bool const ends_failed = status_ == 'E' && unit.kind == Unit::Kind::Commit;
    std::vector<std::string> expected = unit.answer;
    context_.auditor.require(answer_.size() == expected.size() || ends_failed,
                             who() + " hears ReadyForQuery before the whole answer");
    context_.auditor.require(unit.sqlstate.empty(), who() + " misses the error " + unit.sqlstate);
    char expected_status = status_;
    switch (unit.kind) {
        case Unit::Kind::Begin:
            expected_status = 'T';
            break;
        case Unit::Kind::Commit:
        case Unit::Kind::Rollback:
            expected_status = 'I';
            break;
        case Unit::Kind::Plain:
        case Unit::Kind::Close:
        case Unit::Kind::PrepareUnnamed:
        case Unit::Kind::PrepareBySql:
        case Unit::Kind::Write:
        case Unit::Kind::SetTimeZone:
        case Unit::Kind::SetTimeout:
        case Unit::Kind::Savepoint:
        case Unit::Kind::Reset:
        case Unit::Kind::Discard:
        case Unit::Kind::Listen:
        case Unit::Kind::Unlisten:
        case Unit::Kind::Notify:
            break;
        case Unit::Kind::RollbackTo:
            expected_status = 'T';
            break;
    }
    context_.auditor.require(status == expected_status,
                             who() + " is in status " + status + " instead of " + expected_status);
    if (unit.kind == Unit::Kind::Savepoint) {
        savepoints_.push_back({.name = unit.name,
                               .write_count = open_writes_.size(),
                               .time_zone = time_zone_,
                               .statement_timeout = statement_timeout_,
                               .listens = hearing_.now()});
    } else if (unit.kind == Unit::Kind::RollbackTo) {
        time_zone_ = savepoints_.back().time_zone;
        statement_timeout_ = savepoints_.back().statement_timeout;
    } else if (unit.kind == Unit::Kind::Reset || unit.kind == Unit::Kind::Discard) {
        return_parameters();
    } else if (unit.kind == Unit::Kind::Rollback) {
        time_zone_ = time_zone_before_;
        statement_timeout_ = statement_timeout_before_;
    } else if (unit.kind == Unit::Kind::SetTimeZone) {
        time_zone_ = unit.value;
    } else if (unit.kind == Unit::Kind::SetTimeout) {
        statement_timeout_ = unit.value;
    }
}

void ModelClient::return_parameters() {
    time_zone_ = start_time_zone_;
    statement_timeout_ = "0";
}

void ModelClient::check_error(const Unit& unit, char status) {
    Auditor& auditor = context_.auditor;
    bool const expected = error_ == unit.sqlstate || (error_ == "0A000" && unit.uses_prepared) ||
                          (status_ == 'E' && (error_ == "25P02" || error_ == "26000")) ||
                          (read_only_ && error_ == "25006") ||
                          // max_db_connections may leave no place for a connection that listens.
                          (unit.kind == Unit::Kind::Listen && error_ == "53300");
    bool const canceled = error_ == "57014" && (cancel_may_hit_ || context_.statements_time_out);
    auditor.require(error_ != "57014" || expected || canceled,
                    who() + " was cancelled without having asked for it");
    auditor.require(expected || canceled || !context_.calm,
                    who() + " hears error " + error_ + " though nothing went wrong");
    // Where a transaction was lost its savepoints were lost with it.
    bool const lost_savepoint = error_ == "3B001" && unit.kind == Unit::Kind::RollbackTo;
    bool const known = expected || canceled || says_nothing_happened(error_) || error_ == "08007" ||
                       error_ == "25006" || error_ == "28P01" || lost_savepoint;
    auditor.require(known, who() + " hears of error " + error_);
    bool const ends_under_way = std::ranges::any_of(waiting_for_, [](const Unit& later) {
        return later.kind == Unit::Kind::Commit || later.kind == Unit::Kind::Rollback;
    });
    // A loss is told to the whole pipeline in the status at its end.
    if (status_ != 'I' && unit.kind != Unit::Kind::Commit && unit.kind != Unit::Kind::Rollback &&
        error_ != "08007" && !ends_under_way) {
        auditor.require(status == 'E',
                        who() + " is in status " + status + " after error " + error_ + " in a transaction");
    }
    if (error_ == "57P03") {
        auditor.require(
            !context_.is_served(read_only_ ? ClientContext::Needs::Standby : ClientContext::Needs::Primary),
            who() + " is told that no server can serve it, and there is one");
    }
    if (unit.kind == Unit::Kind::Discard || unit.kind == Unit::Kind::Reset) {
        // Nobody knows whether it was carried out, nor what it is in now.
        units_left_ = 0;
    } else if (unit.kind == Unit::Kind::PrepareUnnamed) {
        unnamed_mark_.reset();
    } else if (unit.kind == Unit::Kind::PrepareBySql) {
        if (answer_.empty() || answer_.back() != "CommandComplete PREPARE") {
            prepared_.erase(unit.name);
        }
    } else if (!answer_.empty()) {
        // Its one message was answered; only the Sync failed, and names know no transactions.
    } else if (unit.kind == Unit::Kind::Close) {
        prepared_[unit.name] = *unit.mark;
    } else if (unit.mark.has_value() && unit.sqlstate.empty()) {
        prepared_.erase(unit.name);
    }
}

void ModelClient::settle_writes(const Unit& unit, char status) {
    auto const tell = [this](const std::vector<std::string>& writes, Auditor::Told told) {
        for (const std::string& write : writes) {
            context_.auditor.told(write, told);
        }
    };
    if (!error_.empty()) {
        Auditor::Told const told = error_ == "08007" ? Auditor::Told::Unknown : Auditor::Told::Refused;
        tell(unit.writes, told);
        if (status == 'I') {
            tell(std::exchange(open_writes_, {}), told);
            if (status_ != 'I') {
                // The transaction ended with the error; what it had set is undone, or nobody knows.
                time_zone_ = told == Auditor::Told::Unknown ? std::nullopt : time_zone_before_;
                statement_timeout_ = statement_timeout_before_;
            }
        }
        return;
    }
    if (unit.kind == Unit::Kind::Commit) {
        tell(std::exchange(open_writes_, {}),
             status_ == 'E' ? Auditor::Told::Refused : Auditor::Told::Acknowledged);
        if (status_ == 'E') {
            time_zone_ = time_zone_before_;
            statement_timeout_ = statement_timeout_before_;
        }
    } else if (unit.kind == Unit::Kind::Rollback) {
        tell(std::exchange(open_writes_, {}), Auditor::Told::Refused);
    } else if (unit.kind == Unit::Kind::RollbackTo) {
        auto const kept = static_cast<std::ptrdiff_t>(savepoints_.back().write_count);
        tell({open_writes_.begin() + kept, open_writes_.end()}, Auditor::Told::Refused);
        open_writes_.resize(savepoints_.back().write_count);
    } else if (status == 'I') {
        tell(unit.writes, Auditor::Told::Acknowledged);
    } else {
        open_writes_.insert(open_writes_.end(), unit.writes.begin(), unit.writes.end());
    }
}

// -- Speaking
// -----------------------------------------------------------------------------------------------------------

void ModelClient::say(std::string bytes) {
    if (link_ != nullptr && !bytes.empty()) {
        context_.network.say(*link_, bytes);
    }
}

void ModelClient::next() {
    std::uint64_t const span = context_.chatty || context_.crowded ? 1'000'000 : 100'000'000;
    base::Duration const delay(static_cast<std::int64_t>(context_.prng.below(span)));
    context_.schedule.after(delay, [this] {
        if (phase_ != Phase::Thinking) {
            return;
        }
        if (units_left_ == 0 && (status_ == 'I' || context_.prng.chance(30))) {
            leave();
            return;
        }
        std::uint32_t const burst = context_.prng.chance(context_.crowded ? 5 : 30)
                                        ? 2 + static_cast<std::uint32_t>(context_.prng.below(4))
                                        : 1;
        std::string bytes;
        cancel_may_hit_ = cancels_open_ > 0;
        if (status_ == 'I') {
            hearing_.begin(context_.auditor);
        }
        for (std::uint32_t i = 0; i < burst; ++i) {
            // Only what has no bearing on what comes behind it is followed by more.
            Unit unit = draw_unit();
            bool const goes_on =
                unit.name.empty() && (unit.kind == Unit::Kind::Plain || unit.kind == Unit::Kind::Write ||
                                      unit.kind == Unit::Kind::Notify);
            bool const fails = !unit.sqlstate.empty();
            context_.log("  " + who() + " asks " + summary(unit.bytes));
            if (unit.bytes.starts_with('Q') ||
                (unit.bytes.starts_with('P') && unit.kind != Unit::Kind::PrepareUnnamed)) {
                // A simple query destroys the unnamed statement, another Parse may replace it.
                unnamed_mark_.reset();
            }
            if (unit.kind == Unit::Kind::Write && status_ahead_ == 'T' && !fails) {
                written_ahead_.insert(written_ahead_.end(), unit.writes.begin(), unit.writes.end());
            }
            bytes += unit.bytes;
            waiting_for_.push_back(std::move(unit));
            units_left_ -= units_left_ > 0 ? 1 : 0;
            if (!goes_on || fails) {
                break;
            }
        }
        phase_ = Phase::Waiting;
        if (!context_.steady && context_.prng.chance(1)) {
            break_off(std::move(bytes));
            return;
        }
        say(std::move(bytes));
        if (context_.steady) {
            return;
        }
        if (waiting_for_.back().endless) {
            cancel_until_over(1);
            return;
        }
        if (context_.prng.chance(10)) {
            ask_to_cancel();
        }
        if (context_.prng.chance(10)) {
            read_slowly();
        }
        if (context_.prng.chance(2)) {
            context_.schedule.after(context_.network.draw_delay() * 5, [this] { vanish(); });
        }
    });
}

void ModelClient::break_off(std::string bytes) {
    bytes.resize(context_.prng.below(bytes.size()));
    say(std::move(bytes));
    context_.schedule.after(context_.network.draw_delay() * 2, [this] { vanish(); });
}

void ModelClient::read_slowly() {
    if (link_ == nullptr) {
        return;
    }
    context_.network.set_deaf(*link_, true);
    context_.schedule.after(base::Duration(static_cast<std::int64_t>(context_.prng.below(800'000'000))),
                            [this] {
                                if (link_ != nullptr) {
                                    context_.network.set_deaf(*link_, false);
                                }
                            });
}

void ModelClient::leave() {
    context_.log(who() + " leaves");
    if (context_.prng.chance(80)) {
        say(terminate());
    }
    if (link_ != nullptr) {
        context_.network.end(*std::exchange(link_, nullptr), Network::End::Orderly);
    }
    gone();
}

void ModelClient::vanish() {
    if (phase_ == Phase::Gone) {
        return;
    }
    context_.log(who() + " vanishes");
    if (link_ != nullptr) {
        context_.network.end(*std::exchange(link_, nullptr),
                             context_.prng.chance(50) ? Network::End::Reset : Network::End::Orderly);
    }
    gone();
}

void ModelClient::gone() {
    // What becomes of the writes under way nobody tells any more.
    phase_ = Phase::Gone;
    waiting_for_.clear();
    open_writes_.clear();
}

// -- Cancelling
// ---------------------------------------------------------------------------------------------------------

void ModelClient::Canceler::heard(std::string_view bytes) {
    client_.context_.auditor.require(bytes.empty(), "a CancelRequest was answered");
}

void ModelClient::Canceler::closed() {
    --client_.cancels_open_;
}

void ModelClient::ask_to_cancel() {
    context_.schedule.after(context_.network.draw_delay(), [this] {
        if (phase_ == Phase::Waiting || phase_ == Phase::Thinking) {
            request_cancel(context_.prng.chance(20) ? Secret::Wrong : Secret::Right);
        }
    });
}

void ModelClient::request_cancel(Secret kind) {
    Canceler& canceler = cancelers_.emplace_back(*this);
    Link* const link = context_.network.connect_client(context_.prng.below(context_.worker_count), canceler);
    if (link == nullptr) {
        return;
    }
    bool const by_peer = context_.prng.chance(30);
    context_.log("  " + who() +
                 (kind == Secret::Wrong ? " asks to cancel with a wrong secret" : " asks to cancel") +
                 (by_peer ? " by way of a peer" : ""));
    ++cancels_open_;
    if (kind == Secret::Right) {
        cancel_may_hit_ = true;
        context_.network.say(*link, by_peer ? peer_cancel_request(process_id_, secret_)
                                            : cancel_request(process_id_, secret_));
        return;
    }
    std::string secret = secret_;
    secret[0] = static_cast<char>(secret[0] ^ (by_peer ? 2 : 1));
    if (by_peer) {
        context_.other_proxies.asks(process_id_, secret);
        context_.network.say(*link, peer_cancel_request(process_id_, secret));
    } else {
        context_.network.say(*link, cancel_request(process_id_, secret));
    }
}

void ModelClient::cancel_until_over(std::uint32_t attempt) {
    // The first comes when the unit must have reached pgring.
    base::Duration const pause = attempt == 1 ? base::Duration(60ms) : base::Duration(2s);
    context_.schedule.after(pause, [this, attempt, token = next_token_] {
        if (phase_ != Phase::Waiting || token != next_token_ || !waiting_for_.back().endless) {
            return;
        }
        if (waiting_for_.size() > 1) {
            // It would hit what is asked before it.
            cancel_until_over(attempt);
            return;
        }
        context_.auditor.require(attempt == 1 || !context_.calm,
                                 who() + " asked to cancel, and its statement goes on");
        request_cancel(Secret::Right);
        cancel_until_over(attempt + 1);
    });
}

// -- The programme
// ------------------------------------------------------------------------------------------------------

std::string ModelClient::token(char kind) {
    return "c" + std::to_string(number_) + "." + kind + std::to_string(next_token_++);
}

std::string ModelClient::echo() const {
    return "|" + time_zone_.value_or("") + "|" + statement_timeout_ + "|" +
           (written_ahead_.empty() ? std::string() : written_ahead_.back());
}

Unit ModelClient::draw_unit() {
    if (context_.steady) {
        return draw_steady();
    }
    if (!time_zone_.has_value()) {
        // After an error of a SET nobody knows the value; so it is set again before anything else.
        return status_ahead_ == 'I' ? set_time_zone() : control(Unit::Kind::Rollback);
    }
    if (status_ahead_ != 'I') {
        return draw_in_transaction();
    }
    if (context_.crowded && context_.prng.chance(90)) {
        return draw_read();
    }
    if (unnamed_mark_.has_value() && context_.prng.chance(60)) {
        return use_unnamed();
    }
    if (!read_only_ && context_.chatty && context_.prng.chance(60)) {
        return use_channel();
    }
    switch (context_.prng.below(30)) {
        case 0:
        case 1:
            return extended_read();
        case 2:
        case 3:
            return write();
        case 4:
            return extended_write();
        case 5:
            return failing();
        case 6:
            return copy_in();
        case 7:
        case 8:
        case 9:
            return autocommit_only_ ? read() : control(Unit::Kind::Begin);
        case 10:
            return set_time_zone();
        case 11:
            return context_.prng.chance(50)                  ? set_timeout()
                   : context_.prng.chance(20) && !read_only_ ? pin()
                                                             : read();
        case 12:
            return prepare();
        case 13:
            return use_prepared();
        case 14:
            return context_.prng.chance(40) ? close_prepared() : mixed_batch();
        case 15:
            return large_read();
        case 16:
            return prepare_unnamed();
        case 17:
            return several_writes();
        case 18:
            return context_.prng.chance(50) || read_only_ ? rows_in_parts() : whole_transaction();
        case 19:
            return copy_out();
        case 20:
            return context_.prng.chance(50) ? extended_copy_in() : failing_copy_in();
        case 21:
            return context_.prng.chance(50) || read_only_ ? read() : call_function();
        case 22:
            return context_.prng.chance(30) ? (context_.prng.chance(50) ? reset_all() : discard_all())
                                            : read();
        case 23:
            return context_.prng.chance(50) ? endless() : read();
        case 24:
            return read_only_ ? read() : use_channel();
        case 25:
            return prepare_by_sql();
        case 26:
        case 27:
            return execute_prepared();
        case 28:
            return prepare_and_execute();
        default:
            return read();
    }
}

Unit ModelClient::draw_in_transaction() {
    if (!read_only_ && context_.chatty && context_.prng.chance(30)) {
        return use_channel();
    }
    switch (context_.prng.below(19)) {
        case 0:
            return read();
        case 1:
            return extended_read();
        case 2:
            return write();
        case 3:
            return extended_write();
        case 4:
            return set_time_zone();
        case 5:
            return context_.prng.chance(30)                  ? set_timeout()
                   : context_.prng.chance(20) && !read_only_ ? pin()
                                                             : read();
        case 6:
            return use_prepared();
        case 7:
            return context_.prng.chance(50) ? failing() : control(Unit::Kind::Rollback);
        case 8:
            return context_.prng.chance(50) ? copy_in() : copy_out();
        case 9:
            return savepoint();
        case 10:
        case 11:
            return roll_back_to();
        case 12:
            return several_writes();
        case 13:
            return status_ahead_ == 'T' ? write_then_read() : failing_copy_in();
        case 14:
            return read_only_ ? read() : use_channel();
        case 15:
            return execute_prepared();
        case 16:
            return context_.prng.chance(50) ? prepare_by_sql() : prepare_and_execute();
        default:
            return control(Unit::Kind::Commit);
    }
}

Unit ModelClient::draw_read() {
    switch (context_.prng.below(8)) {
        case 0:
            return prepared_.empty() ? prepare() : use_prepared();
        case 1:
        case 2:
            return use_prepared();
        case 3:
        case 4:
            return extended_read();
        case 5:
            return unnamed_mark_.has_value() ? use_unnamed() : prepare_unnamed();
        default:
            return read();
    }
}

/// What costs nothing new, however often it is done.
Unit ModelClient::draw_steady() {
    if (status_ahead_ != 'I') {
        return context_.prng.chance(50) ? write() : control(Unit::Kind::Commit);
    }
    switch (context_.prng.below(5)) {
        case 0:
            return extended_read();
        case 1:
            return write();
        case 2:
            return extended_write();
        case 3:
            return control(Unit::Kind::Begin);
        default:
            return read();
    }
}

Unit ModelClient::read() {
    std::string const mine = token('r');
    bool const slow = context_.prng.chance(20);
    return {.bytes = query((slow ? "select pg_sleep(1), '" : "select '") + mine + "'"),
            .answer = {"RowDescription", "DataRow " + mine + echo(), "CommandComplete SELECT 1"}};
}

Unit ModelClient::endless() {
    std::string const text = "select " + std::string(ServerProcess::kEndless) + ", '" + token('r') + "'";
    bool const simple = context_.prng.chance(50);
    return {.bytes = simple ? query(text) : parse("", text) + bind("") + execute() + sync(),
            .answer = simple ? std::vector<std::string>{}
                             : std::vector<std::string>{"ParseComplete", "BindComplete"},
            .sqlstate = "57014",
            .endless = true};
}

Unit ModelClient::extended_read() {
    std::string const mine = token('r');
    std::string const middle = context_.prng.chance(50) ? describe_portal() : std::string();
    std::vector<std::string> answer{"ParseComplete", "BindComplete"};
    if (!middle.empty()) {
        answer.emplace_back("RowDescription");
    }
    answer.push_back("DataRow " + mine + echo());
    answer.emplace_back("CommandComplete SELECT 1");
    std::string const flushed = context_.prng.chance(20) ? flush() : std::string();
    return {.bytes = parse("", "select '" + mine + "'") + bind("") + middle + flushed + execute() + sync(),
            .answer = std::move(answer)};
}

Unit ModelClient::write() {
    std::string const mine = token('w');
    return {.kind = Unit::Kind::Write,
            .bytes = query("insert into t values ('" + mine + "')"),
            .answer = {"CommandComplete INSERT 0 1"},
            .writes = {mine}};
}

Unit ModelClient::extended_write() {
    std::string const mine = token('w');
    return {.kind = Unit::Kind::Write,
            .bytes = parse("", "insert into t values ($1)") + bind("", {mine}) + execute() + sync(),
            .answer = {"ParseComplete", "BindComplete", "CommandComplete INSERT 0 1"},
            .writes = {mine}};
}

Unit ModelClient::failing() {
    switch (context_.prng.below(3)) {
        case 0:
            return {.bytes = query("insert into t values ('duplicate " + token('f') + "')"),
                    .sqlstate = "23505"};
        case 1:
            return {.bytes = parse("", "selec '" + token('f') + "'") + bind("") + execute() + sync(),
                    .sqlstate = "42601"};
        default:
            return {.bytes = bind("missing", {token('f')}) + execute() + sync(), .sqlstate = "26000"};
    }
}

/// Several in one query; where the last fails, none of them happened.
Unit ModelClient::several_writes() {
    std::string const first = token('w');
    std::string const second = token('w');
    std::string const text = "insert into t values ('" + first + "'); insert into t values ('";
    if (context_.prng.chance(30)) {
        return {.kind = Unit::Kind::Write,
                .bytes = query(text + "duplicate " + second + "')"),
                .answer = {"CommandComplete INSERT 0 1"},
                .sqlstate = "23505",
                .writes = {first}};
    }
    return {.kind = Unit::Kind::Write,
            .bytes = query(text + second + "')"),
            .answer = {"CommandComplete INSERT 0 1", "CommandComplete INSERT 0 1"},
            .writes = {first, second}};
}

/// In one batch: the read sees what the write before it did.
Unit ModelClient::write_then_read() {
    std::string const mine = token('w');
    std::string const seen = token('r');
    return {.kind = Unit::Kind::Write,
            .bytes = parse("", "insert into t values ($1)") + bind("", {mine}) + execute() +
                     parse("", "select '" + seen + "'") + bind("") + execute() + sync(),
            .answer = {"ParseComplete", "BindComplete", "CommandComplete INSERT 0 1", "ParseComplete",
                       "BindComplete",
                       "DataRow " + seen + "|" + *time_zone_ + "|" + statement_timeout_ + "|" + mine,
                       "CommandComplete SELECT 1"},
            .writes = {mine}};
}

Unit ModelClient::whole_transaction() {
    std::string const mine = token('w');
    return {.kind = Unit::Kind::Write,
            .bytes = query("begin; insert into t values ('" + mine + "'); commit"),
            .answer = {"CommandComplete BEGIN", "CommandComplete INSERT 0 1", "CommandComplete COMMIT"},
            .writes = {mine}};
}

/// A portal that is read in two parts.
Unit ModelClient::rows_in_parts() {
    std::string const mine = token('r');
    return {
        .bytes = parse("", "select 3 rows '" + mine + "'") + bind("") + execute("", 2) + execute() + sync(),
        .answer = {"ParseComplete", "BindComplete", "DataRow " + mine + ":0", "DataRow " + mine + ":1",
                   "PortalSuspended", "DataRow " + mine + ":2", "CommandComplete SELECT 1"}};
}

Unit ModelClient::call_function() {
    return {.kind = Unit::Kind::Write, .bytes = function_call(1), .answer = {"FunctionCallResponse"}};
}

Unit ModelClient::copy_in() {
    std::string const mine = token('w');
    std::string const start = query("copy t from stdin /* " + mine + " */");
    return {.kind = Unit::Kind::Write,
            .bytes = start + copy_data(mine) + copy_done(),
            .answer = {"CopyInResponse", "CommandComplete COPY 1"},
            .writes = {mine}};
}

Unit ModelClient::extended_copy_in() {
    std::string const mine = token('w');
    std::string const start = parse("", "copy t from stdin /* " + mine + " */") + bind("") + execute();
    return {.kind = Unit::Kind::Write,
            .bytes = start + copy_data(mine) + copy_done() + sync(),
            .answer = {"ParseComplete", "BindComplete", "CopyInResponse", "CommandComplete COPY 1"},
            .writes = {mine}};
}

/// Given up by the client, or refused by the server amid the data.
Unit ModelClient::failing_copy_in() {
    std::string const text = "copy t from stdin /* " + token('f') + " */";
    bool const gives_up = context_.prng.chance(50);
    std::string const end = gives_up ? copy_data(token('f')) + copy_fail("no more")
                                     : copy_data("rubbish") + copy_data(token('f')) + copy_done();
    std::string const sqlstate = gives_up ? "57014" : "22P02";
    if (context_.prng.chance(50)) {
        return {.kind = Unit::Kind::Write,
                .bytes = query(text) + end,
                .answer = {"CopyInResponse"},
                .sqlstate = sqlstate};
    }
    std::string const start = parse("", text) + bind("") + execute();
    Unit unit{.kind = Unit::Kind::Write,
              .bytes = start + end + sync(),
              .answer = {"ParseComplete", "BindComplete", "CopyInResponse"},
              .sqlstate = sqlstate};
    if (!gives_up && context_.prng.chance(50)) {
        // As libpq does where the refusal comes while it still has data.
        unit.bytes = start + copy_data("rubbish");
        unit.behind_error = copy_data(token('f')) + copy_done() + sync();
    }
    return unit;
}

Unit ModelClient::copy_out() {
    std::string const mine = token('r');
    return {.bytes = query("copy t to stdout /* '" + mine + "' */"),
            .answer = {"CopyOutResponse", "CopyData " + mine + ":0", "CopyData " + mine + ":1",
                       "CopyData " + mine + ":2", "CopyDone", "CommandComplete COPY 3"}};
}

Unit ModelClient::savepoint() {
    std::string const name = "s" + std::to_string(next_token_++);
    return {.kind = Unit::Kind::Savepoint,
            .bytes = query("savepoint " + name),
            .answer = {"CommandComplete SAVEPOINT"},
            .name = name};
}

Unit ModelClient::roll_back_to() {
    if (savepoints_.empty()) {
        return savepoint();
    }
    written_ahead_.resize(std::min(written_ahead_.size(), savepoints_.back().write_count));
    status_ahead_ = 'T';
    return {.kind = Unit::Kind::RollbackTo,
            .bytes = query("rollback to savepoint " + savepoints_.back().name),
            .answer = {"CommandComplete ROLLBACK"}};
}

/// Parameters return to what the client started with.
Unit ModelClient::reset_all() {
    if (context_.session_pooled || pinned_) {
        return read();
    }
    return {.kind = Unit::Kind::Reset, .bytes = query("reset all"), .answer = {"CommandComplete RESET"}};
}

Unit ModelClient::discard_all() {
    if (context_.session_pooled) {
        return read();
    }
    prepared_.clear();
    pinned_ = false;
    return {.kind = Unit::Kind::Discard,
            .bytes = query("discard all"),
            .answer = {"CommandComplete DISCARD ALL"}};
}

Unit ModelClient::control(Unit::Kind kind) {
    if (kind == Unit::Kind::Begin) {
        status_ahead_ = 'T';
        time_zone_before_ = time_zone_;
        statement_timeout_before_ = statement_timeout_;
        return {.kind = kind, .bytes = query("begin"), .answer = {"CommandComplete BEGIN"}};
    }
    bool const failed = status_ahead_ == 'E';
    status_ahead_ = 'I';
    written_ahead_.clear();
    if (kind == Unit::Kind::Commit) {
        return {.kind = kind,
                .bytes = query("commit"),
                .answer = {failed ? "CommandComplete ROLLBACK" : "CommandComplete COMMIT"}};
    }
    return {.kind = kind, .bytes = query("rollback"), .answer = {"CommandComplete ROLLBACK"}};
}

Unit ModelClient::set_time_zone() {
    std::string const value(kTimeZones[context_.prng.below(std::size(kTimeZones))]);
    return {.kind = Unit::Kind::SetTimeZone,
            .bytes = query("set timezone = '" + value + "'"),
            .answer = {"CommandComplete SET"},
            .value = value};
}

Unit ModelClient::set_timeout() {
    std::string const value = std::to_string(context_.prng.below(3));
    // Sometimes in a text that is too long to be judged.
    std::string const padding(context_.prng.chance(10) ? 17'000 : 0, '.');
    return {.kind = Unit::Kind::SetTimeout,
            .bytes = query("set statement_timeout = '" + value + "' /* " + token('s') + padding + " */"),
            .answer = {"CommandComplete SET"},
            .value = value};
}

/// LISTEN, UNLISTEN or NOTIFY, in either protocol.
Unit ModelClient::use_channel() {
    auto const said = [this](const std::string& text, const std::string& tag, Unit unit) {
        bool const extended = context_.prng.chance(40);
        unit.bytes = extended ? parse("", text) + bind("") + execute() + sync() : query(text);
        if (extended) {
            unit.answer = {"ParseComplete", "BindComplete"};
        }
        unit.answer.push_back("CommandComplete " + tag);
        return unit;
    };
    // Who listens has little use for another LISTEN.
    bool const listens = hearing_.now() == Hearing::Listens::Yes;
    switch (context_.prng.below(6) + (listens ? 1 : 0)) {
        case 0:
        case 1:
            return said("listen ch /* " + token('l') + " */", "LISTEN", {.kind = Unit::Kind::Listen});
        case 2:
        case 3:
            return said("unlisten ch /* " + token('l') + " */", "UNLISTEN", {.kind = Unit::Kind::Unlisten});
        default: {
            std::string const payload = token('n');
            return said("notify ch, '" + payload + "'", "NOTIFY",
                        {.kind = Unit::Kind::Notify, .value = payload});
        }
    }
}

void ModelClient::on_notification(const Message& message) {
    std::uint32_t const process_id = read_number(std::string_view(message.body).substr(0, 4));
    std::string const payload = message.body.substr(4 + 3, message.body.size() - 4 - 3 - 1);
    bool const may_commit = std::ranges::any_of(waiting_for_, [this](const Unit& unit) {
        return (unit.kind == Unit::Kind::Listen && status_ == 'I') ||
               (unit.kind == Unit::Kind::Commit && hearing_.now() != Hearing::Listens::No);
    });
    const Auditor& auditor = context_.auditor;
    auditor.require(status_ == 'I' || !waiting_for_.empty(), who() + " hears in its transaction");
    hearing_.hear(auditor, payload, may_commit ? Hearing::CommitUnderWay::Yes : Hearing::CommitUnderWay::No,
                  context_.calm ? Hearing::Strictness::Strict : Hearing::Strictness::Lenient);
    bool const own = client_of(payload) == number_;
    // What it committed on a connection that was lost then comes as a stranger's.
    auditor.require((process_id == process_id_) == own || (own && !context_.calm),
                    who() + " hears " + payload + " under the process id " + std::to_string(process_id));
}

/// What an answered unit makes of what it listens on.
void ModelClient::settle_channel(const Unit& unit, char status) {
    if (!error_.empty()) {
        if (error_ == "08007") {
            hearing_.lose_track();
        } else if (status == 'I') {
            hearing_.roll_back();
        }
        return;
    }
    if (unit.kind == Unit::Kind::Listen) {
        hearing_.set(Hearing::Listens::Yes);
    } else if (unit.kind == Unit::Kind::Unlisten || unit.kind == Unit::Kind::Discard) {
        hearing_.set(Hearing::Listens::No);
    } else if (unit.kind == Unit::Kind::Rollback || (unit.kind == Unit::Kind::Commit && status_ == 'E')) {
        hearing_.roll_back();
    } else if (unit.kind == Unit::Kind::RollbackTo) {
        hearing_.set(savepoints_.back().listens);
    }
    if (status == 'I') {
        hearing_.commit(context_.auditor,
                        context_.calm ? Hearing::Strictness::Strict : Hearing::Strictness::Lenient);
        if (unit.kind == Unit::Kind::Notify && context_.calm) {
            hearing_.notified(context_.auditor, unit.value);
        }
    }
}

/// What ties the session to its backend until the table is gone; or makes an end of it.
Unit ModelClient::pin() {
    pinned_ = true;
    if (context_.prng.chance(30)) {
        // One that pgring knows, or one that only the server does.
        std::string const function = context_.prng.chance(50) ? "pg_advisory_lock" : "lock_by_function";
        return {.kind = Unit::Kind::Write,
                .bytes = query("select " + function + "(7) /* " + token('s') + " */"),
                .answer = {"RowDescription", "DataRow ", "CommandComplete SELECT 1"}};
    }
    if (context_.prng.chance(50)) {
        return {.kind = Unit::Kind::Write,
                .bytes = query("drop table if exists x /* " + token('s') + " */"),
                .answer = {"CommandComplete DROP TABLE"}};
    }
    return {.kind = Unit::Kind::Write,
            .bytes = query("create temporary table x (y int) /* " + token('s') + " */"),
            .answer = {"CommandComplete CREATE TABLE"}};
}

Unit ModelClient::prepare() {
    std::string const name = "s" + std::to_string(context_.prng.below(4));
    std::string const mark = "p" + std::to_string(context_.prng.below(6));
    bool const taken = prepared_.contains(name);
    Unit unit{.bytes = parse(name, "select $1, '" + mark + "'") + sync(), .name = name, .mark = mark};
    if (taken) {
        unit.sqlstate = "42P05";
    } else {
        unit.answer = {"ParseComplete"};
        prepared_[name] = mark;
    }
    return unit;
}

Unit ModelClient::use_prepared() {
    if (prepared_.empty()) {
        return read();
    }
    auto at = prepared_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(context_.prng.below(prepared_.size())));
    std::string const mine = token('r');
    if (context_.prng.chance(30)) {
        return {.bytes = describe_statement(at->first) + bind(at->first, {mine}) + execute() + sync(),
                .answer = {"ParameterDescription", "RowDescription", "BindComplete",
                           "DataRow " + mine + ":" + at->second + echo(), "CommandComplete SELECT 1"},
                .uses_prepared = true};
    }
    std::string const middle = context_.prng.chance(50) ? describe_portal() : std::string();
    std::vector<std::string> answer{"BindComplete"};
    if (!middle.empty()) {
        answer.emplace_back("RowDescription");
    }
    answer.push_back("DataRow " + mine + ":" + at->second + echo());
    answer.emplace_back("CommandComplete SELECT 1");
    return {.bytes = bind(at->first, {mine}) + middle + execute() + sync(),
            .answer = std::move(answer),
            .uses_prepared = true};
}

/// PREPARE in SQL: the same names, and the same texts.
Unit ModelClient::prepare_by_sql() {
    std::string const name = "s" + std::to_string(context_.prng.below(4));
    std::string const mark = "p" + std::to_string(context_.prng.below(6));
    bool const extended = context_.prng.chance(30);
    bool const fails = context_.prng.chance(10);
    // A type that only the server knows ties the session to its backend.
    bool const ties = context_.prng.chance(10) && !read_only_;
    pinned_ = pinned_ || ties;
    std::string const text = "prepare " + name + (ties ? " (mood)" : "") + " /* " + token('p') + " */ as " +
                             (fails ? "selec" : "select") + " $1, '" + mark + "'";
    Unit unit{.bytes = extended ? parse("", text) + bind("") + execute() + sync() : query(text),
              .name = name};
    if (extended) {
        unit.answer = {"ParseComplete", "BindComplete"};
    }
    if (fails || prepared_.contains(name)) {
        unit.sqlstate = fails ? "42601" : "42P05";
        return unit;
    }
    unit.kind = Unit::Kind::PrepareBySql;
    unit.mark = mark;
    unit.answer.emplace_back("CommandComplete PREPARE");
    prepared_[name] = mark;
    return unit;
}

/// EXECUTE, of what either protocol has prepared, or of nothing.
Unit ModelClient::execute_prepared() {
    std::string const mine = token('r');
    if (prepared_.empty() || context_.prng.chance(5)) {
        return {.bytes = query("execute nobody ('" + mine + "')"), .sqlstate = "26000"};
    }
    auto at = prepared_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(context_.prng.below(prepared_.size())));
    std::string const text = "execute " + at->first + " ('" + mine + "')";
    std::string const row = "DataRow " + mine + ":" + at->second + echo();
    if (context_.prng.chance(30)) {
        return {.bytes = parse("", text) + bind("") + execute() + sync(),
                .answer = {"ParseComplete", "BindComplete", row, "CommandComplete SELECT 1"},
                .uses_prepared = true};
    }
    return {.bytes = query(text),
            .answer = {"RowDescription", row, "CommandComplete SELECT 1"},
            .uses_prepared = true};
}

/// All in one text.
Unit ModelClient::prepare_and_execute() {
    std::string const name = "m" + std::to_string(next_token_);
    std::string const mine = token('r');
    return {.bytes = query("prepare " + name + " as select $1, 'm'; execute " + name + " ('" + mine +
                           "'); deallocate " + name),
            .answer = {"CommandComplete PREPARE", "RowDescription", "DataRow " + mine + ":m" + echo(),
                       "CommandComplete SELECT 1", "CommandComplete DEALLOCATE"},
            .uses_prepared = true};
}

/// The unnamed statement, made in one unit and used in the next, which may meet another backend.
Unit ModelClient::prepare_unnamed() {
    unnamed_mark_ = "u" + std::to_string(next_token_++);
    return {.kind = Unit::Kind::PrepareUnnamed,
            .bytes = parse("", "select $1, '" + *unnamed_mark_ + "'") + sync(),
            .answer = {"ParseComplete"}};
}

Unit ModelClient::use_unnamed() {
    std::string const mine = token('r');
    return {.bytes = bind("", {mine}) + execute() + sync(),
            .answer = {"BindComplete", "DataRow " + mine + ":" + *unnamed_mark_ + echo(),
                       "CommandComplete SELECT 1"}};
}

Unit ModelClient::close_prepared() {
    if (prepared_.empty()) {
        return read();
    }
    auto const [name, mark] = *prepared_.begin();
    prepared_.erase(name);
    bool const by_protocol = context_.prng.chance(50);
    return {.kind = Unit::Kind::Close,
            .bytes = by_protocol ? close_statement(name) + sync() : query("deallocate " + name),
            .answer = {by_protocol ? "CloseComplete" : "CommandComplete DEALLOCATE"},
            .name = name,
            .mark = mark};
}

/// Several statements before one Sync; some prepared on the way.
Unit ModelClient::mixed_batch() {
    Unit unit{.uses_prepared = true};
    std::uint32_t const count = 1 + static_cast<std::uint32_t>(context_.prng.below(4));
    for (std::uint32_t i = 0; i < count; ++i) {
        std::string const name = "m" + std::to_string(next_token_);
        std::string const mark = "p" + std::to_string(context_.prng.below(6));
        std::string const mine = token('r');
        unit.bytes +=
            parse(name, "select $1, '" + mark + "'") + bind(name, {mine}) + execute() + close_statement(name);
        unit.answer.insert(unit.answer.end(),
                           {"ParseComplete", "BindComplete", "DataRow " + mine + ":" + mark + echo(),
                            "CommandComplete SELECT 1", "CloseComplete"});
    }
    unit.bytes += sync();
    return unit;
}

/// Larger than any buffer, there and back.
Unit ModelClient::large_read() {
    std::uint64_t const most = context_.prng.chance(20) ? 600'000 : 30'000;
    std::string const mine = token('r') + std::string(context_.prng.below(most), 'x');
    return {.kind = Unit::Kind::Write,
            .bytes = parse("", "select $1, 'p'") + bind("", {mine}) + execute() + sync(),
            .answer = {"ParseComplete", "BindComplete", "DataRow " + mine + ":p" + echo(),
                       "CommandComplete SELECT 1"}};
}

}  // namespace pgring::sim
