#include "sim/model_server.h"

#include <algorithm>
#include <cstdlib>

namespace pgring::sim {

using namespace conversation;

namespace {

using namespace std::chrono_literals;

const SessionParameters kDefaults{{"TimeZone", "UTC"}, {"application_name", ""}, {"statement_timeout", "0"}};
constexpr std::string_view kTimeZones[]{"UTC", "Europe/Berlin", "Asia/Tokyo", "America/Lima"};

/// A client's mark stands near the front of its messages, however long they are.
constexpr std::size_t kTokenWithinBytes = 256;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lowered(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), lower);
    return result;
}

/// The text between the first pair of single quotes at or behind `from`.
std::string quoted(std::string_view text, std::size_t from = 0) {
    std::size_t const begin = text.find('\'', from);
    if (begin == std::string_view::npos) {
        return {};
    }
    std::size_t const end = text.find('\'', begin + 1);
    return std::string(text.substr(begin + 1, end - begin - 1));
}

std::string take_string(std::string& body) {
    std::size_t const end = body.find('\0');
    std::string text = body.substr(0, end);
    body.erase(0, end + 1);
    return text;
}

std::string row_of(const std::vector<std::string>& columns) {
    std::string body = number(static_cast<std::uint32_t>(columns.size()), 2);
    for (const std::string& column : columns) {
        body += number(static_cast<std::uint32_t>(column.size())) + column;
    }
    return message('D', body);
}

std::uint32_t take_number(std::string& body, std::size_t width) {
    std::uint32_t const value = read_number(std::string_view(body).substr(0, width));
    body.erase(0, width);
    return value;
}

bool is_reported(std::string_view name) {
    return name != "statement_timeout";
}

/// The parameter's own spelling of its name, or nothing.
std::string known_name(std::string_view name) {
    for (const auto& [known, value] : kDefaults) {
        if (lowered(known) == lowered(name)) {
            return known;
        }
    }
    return {};
}

std::vector<std::string> split_statements(const std::string& text) {
    std::vector<std::string> statements;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t const end = std::min(text.find("; ", at), text.size());
        statements.push_back(text.substr(at, end - at));
        at = end + 2;
    }
    return statements;
}

}  // namespace

ClientNumber client_of(std::string_view text) {
    for (std::size_t at = text.find('c'); at != std::string_view::npos; at = text.find('c', at + 1)) {
        std::size_t end = at + 1;
        ClientNumber number = 0;
        while (end < text.size() && is_digit(text[end])) {
            number = number * 10 + static_cast<ClientNumber>(text[end++] - '0');
        }
        if (end > at + 1 && end < text.size() && text[end] == '.') {
            return number;
        }
    }
    return kNobody;
}

// -- The host
// -----------------------------------------------------------------------------------------------------------

Peer* ModelServer::accept(Link& link) {
    if (!running_ || refusing_) {
        return nullptr;
    }
    auto const process_id = static_cast<std::uint32_t>(1000 * (index_ + 1)) + next_process_++;
    processes_.push_back(std::make_unique<ServerProcess>(*this, link, process_id));
    return processes_.back().get();
}

void ModelServer::die() {
    note("dies");
    running_ = false;
    hung_ = false;
    for (const auto& process : processes_) {
        process->vanish();
    }
}

void ModelServer::restart() {
    note("restarts");
    for (const auto& process : processes_) {
        process->terminate("57P01");
    }
}

void ModelServer::hang() {
    if (running_) {
        note("hangs");
        hung_ = true;
    }
}

void ModelServer::resume() {
    if (std::exchange(hung_, false)) {
        note("goes on");
        for (const auto& process : processes_) {
            process->wake();
        }
    }
}

void ModelServer::start() {
    note("starts");
    running_ = true;
}

void ModelServer::become(Role role, std::uint32_t timeline) {
    note(role == Role::Primary ? "becomes primary" : "becomes standby");
    role_ = role;
    timeline_ = timeline;
}

void ModelServer::reset_one() {
    std::vector<ServerProcess*> present;
    for (const auto& process : processes_) {
        if (process->alive()) {
            present.push_back(process.get());
        }
    }
    if (!present.empty()) {
        ServerProcess& victim = *present[context_.prng.below(present.size())];
        note("resets " + std::to_string(victim.process_id()));
        victim.vanish();
    }
}

std::size_t ModelServer::session_count() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(processes_, [](const auto& process) { return process->in_session(); }));
}

void ModelServer::cancel(std::uint32_t process_id, std::string_view secret) {
    for (const auto& process : processes_) {
        if (process->process_id() == process_id) {
            context_.auditor.require(process->secret() == secret, "a cancel with a wrong secret was sent on");
            process->cancel();
            return;
        }
    }
    context_.auditor.require(false, "a cancel for an unknown process was sent on");
}

void ModelServer::notify(const std::string& channel, const std::string& message) {
    for (const auto& process : processes_) {
        process->notified(channel, message);
    }
}

void ModelServer::note(const std::string& what) {
    context_.log("server " + std::to_string(index_) + " " + what);
}

// -- The process: reading
// -----------------------------------------------------------------------------------------------

ServerProcess::ServerProcess(ModelServer& server, Link& link, std::uint32_t process_id)
    : server_(server),
      link_(&link),
      process_id_(process_id),
      defaults_(kDefaults),
      parameters_(kDefaults),
      parameters_before_(kDefaults),
      session_parameters_(kDefaults),
      reported_(kDefaults) {}

void ServerProcess::heard(std::string_view bytes) {
    if (!alive_) {
        return;
    }
    unread_.append(bytes);
    if (state_ == State::Startup) {
        on_startup();
    } else {
        for (Message& message : take_messages(unread_)) {
            audit_arrival(message);
            messages_.push_back({.message = std::move(message), .sent_under = link_->sent_under});
        }
    }
    schedule_next();
}

ClientNumber ServerProcess::sender_of(const Message& message) {
    // What is left of a COPY that failed the server ignores, whoever comes behind it.
    return message.type == 'd' ? kNobody
                               : client_of(std::string_view(message.body).substr(0, kTokenWithinBytes));
}

void ServerProcess::audit_arrival(const Message& message) {
    ClientNumber const client = sender_of(message);
    if (client == kNobody || client == talks_to_) {
        return;
    }
    bool const owes = std::ranges::any_of(messages_, [client](const Heard& heard) {
        ClientNumber const sender = sender_of(heard.message);
        return sender != kNobody && sender != client;
    });
    bool const unread = talks_to_ != kNobody && (owes || link_->received_bytes < answered_until_bytes_);
    if (server_.context().multiplexes && unread) {
        audit_behind_others(client, message);
    } else {
        server_.context().auditor.require(!unread, [this, client] {
            return "client " + std::to_string(client) + " got a backend with unread answers for client " +
                   std::to_string(talks_to_);
        });
        talkers_.clear();
    }
    talkers_.insert(client);
    talks_to_ = client;
}

/// Somebody else's messages may come before the answers to what is here have been read only where all of it
/// are reads, each a unit by itself. Who came with a read may go on with anything when that is answered.
void ServerProcess::audit_behind_others(ClientNumber client, const Message& message) const {
    bool const behind_reads =
        status_ == 'I' && only_reads_ && link_->received_bytes >= wrote_until_bytes_ &&
        std::ranges::all_of(messages_, [this](const Heard& heard) { return only_reads(heard.message); });
    server_.context().auditor.require(
        behind_reads && (talkers_.contains(client) || only_reads(message)), [this, client, &message] {
            return "behind unread answers for client " + std::to_string(talks_to_) + " client " +
                   std::to_string(client) + " says " + frontend_text(message);
        });
}

bool ServerProcess::only_reads(const Message& message) const {
    auto const reads = [](std::string_view text) {
        bool const calls = text.find('(') != std::string_view::npos && !text.starts_with("select pg_sleep(");
        return (text.starts_with("select ") && !calls) || text.starts_with("copy t to stdout");
    };
    std::string body = message.body;
    switch (message.type) {
        case 'Q':
            return reads(take_string(body));
        case 'P':
            static_cast<void>(take_string(body));
            return reads(take_string(body));
        case 'B': {
            static_cast<void>(take_string(body));
            // The unnamed one is what the Parse before has made, which was looked at.
            std::string const name = take_string(body);
            auto const found = name.empty() ? statements_.end() : statements_.find(name);
            return found == statements_.end() || reads(found->second.text);
        }
        case 'C':
        case 'D':
        case 'E':
        case 'H':
        case 'S':
            return true;
        case 'c':
        case 'd':
        case 'f':
            // Of a COPY that was looked at, or that failed.
            return true;
        default:
            return false;
    }
}

void ServerProcess::closed() {
    link_ = nullptr;
    // What came whole is still carried out, then the session ends; an open transaction is rolled back.
    messages_.push_back({.message = {.type = 'X', .body = {}}, .sent_under = nullptr});
    schedule_next();
}

void ServerProcess::vanish() {
    if (std::exchange(alive_, false) && link_ != nullptr) {
        server_.context().network.end(*std::exchange(link_, nullptr), Network::End::Reset);
    }
}

void ServerProcess::terminate(std::string_view sqlstate) {
    if (!alive_) {
        return;
    }
    alive_ = false;
    if (link_ != nullptr) {
        server_.context().network.say(*link_, out_ + error(sqlstate, "terminating connection", "FATAL"));
        server_.context().network.end(*std::exchange(link_, nullptr), Network::End::Orderly);
    }
}

void ServerProcess::cancel() {
    cancelled_ = busy_;
}

void ServerProcess::wake() {
    schedule_next();
    deliver();
}

void ServerProcess::notified(const std::string& channel, const std::string& message) {
    if (alive_ && channels_.contains(channel)) {
        heard_ += message;
        // An idle process is woken by a signal, some time later.
        server_.context().schedule.after(server_.context().network.draw_delay() / 4, [this] { deliver(); });
    }
}

void ServerProcess::deliver() {
    bool const idle = status_ == 'I' && !unit_open_ && !busy_ && state_ == State::Ready;
    if (alive_ && idle && !server_.hung() && !heard_.empty()) {
        out_ += std::exchange(heard_, {});
        flush();
    }
}

void ServerProcess::on_startup() {
    if (unread_.size() < 8 || unread_.size() < read_number(std::string_view(unread_).substr(0, 4))) {
        return;
    }
    std::string packet = unread_.substr(0, read_number(std::string_view(unread_).substr(0, 4)));
    unread_.erase(0, packet.size());
    messages_.push_back({.message = {.type = '!', .body = packet.substr(4)}, .sent_under = nullptr});
    state_ = State::Ready;
}

void ServerProcess::schedule_next() {
    if (!alive_ || busy_ || messages_.empty() || server_.hung()) {
        return;
    }
    busy_ = true;
    base::Duration delay = server_.context().network.draw_delay() * server_.slowness() / 4;
    const Message& message = messages_.front().message;
    if ((message.type == 'Q' && message.body.find("pg_sleep") != std::string::npos) || message.type == '!') {
        delay += base::Duration(static_cast<std::int64_t>(server_.context().prng.below(200'000'000)));
    }
    if (message.type == 'E') {
        std::string body = message.body;
        auto const portal = portals_.find(take_string(body));
        if (portal != portals_.end() && portal->second.text.find("pg_sleep") != std::string::npos) {
            delay += base::Duration(static_cast<std::int64_t>(server_.context().prng.below(200'000'000)));
        }
    }
    server_.context().schedule.after(delay, [this] { process_next(); });
}

/// It ends only when it is cancelled.
bool ServerProcess::takes_forever(const Message& message) const {
    if (status_ == 'E' || skips_to_sync_) {
        return false;
    }
    if (message.type == 'Q') {
        return message.body.find(kEndless) != std::string::npos;
    }
    std::string body = message.body;
    auto const portal = message.type == 'E' ? portals_.find(take_string(body)) : portals_.end();
    return portal != portals_.end() && portal->second.text.find(kEndless) != std::string::npos;
}

void ServerProcess::process_next() {
    busy_ = false;
    if (!alive_ || server_.hung()) {
        return;
    }
    if (!cancelled_ && link_ != nullptr && takes_forever(messages_.front().message)) {
        busy_ = true;
        server_.context().schedule.after(5ms, [this] { process_next(); });
        return;
    }
    Heard const heard = std::move(messages_.front());
    messages_.pop_front();
    sent_under_ = heard.sent_under;
    process(heard.message);
    cancelled_ = false;
    schedule_next();
}

void ServerProcess::process(const Message& message) {
    server_.context().log("  " + std::to_string(process_id_) + " <- " +
                          (message.type == '!' ? "startup" : frontend_text(message)).substr(0, 120));
    if (message.type == '!') {
        std::string body = message.body;
        std::uint32_t const code = take_number(body, 4);
        if (code == ((1234U << 16U) | 5678U)) {
            std::uint32_t const process_id = take_number(body, 4);
            server_.cancel(process_id, body);
            alive_ = false;
            if (link_ != nullptr) {
                server_.context().network.end(*std::exchange(link_, nullptr), Network::End::Orderly);
            }
            return;
        }
        if (!server_.login_error().empty()) {
            terminate(server_.login_error());
            return;
        }
        while (!body.empty() && body.front() != '\0') {
            std::string const name = known_name(take_string(body));
            std::string value = take_string(body);
            if (!name.empty()) {
                defaults_[name] = std::move(value);
            }
        }
        parameters_ = parameters_before_ = session_parameters_ = reported_ = defaults_;
        out_ +=
            authentication_ok() + parameter_status("TimeZone", defaults_["TimeZone"]) +
            parameter_status("application_name", defaults_["application_name"]) +
            parameter_status("client_encoding", "UTF8") + parameter_status("server_version", "15.0") +
            parameter_status("standard_conforming_strings", "on") +
            parameter_status("in_hot_standby", server_.role() == ModelServer::Role::Primary ? "off" : "on") +
            backend_key(process_id_, secret());
        logged_in_ = true;
        ready();
        return;
    }
    if (message.type == 'X') {
        roll_back();
        alive_ = false;
        if (link_ != nullptr) {
            server_.context().network.end(*std::exchange(link_, nullptr), Network::End::Orderly);
        }
        return;
    }
    if (state_ == State::CopyIn) {
        on_copy(message);
        return;
    }
    if (skips_to_sync_ && message.type != 'S') {
        return;
    }
    only_reads_ = only_reads_ && only_reads(message);
    switch (message.type) {
        case 'Q':
            run_query(message.body.substr(0, message.body.size() - 1));
            break;
        case 'P':
            on_parse(message.body);
            break;
        case 'B':
            on_bind(message.body);
            break;
        case 'D':
            on_describe(message.body);
            break;
        case 'E':
            on_execute(message.body);
            break;
        case 'C':
            on_close(message.body);
            break;
        case 'S':
            on_sync();
            break;
        case 'H':
            flush();
            break;
        case 'F':
            on_function_call();
            break;
        case 'd':
        case 'c':
        case 'f':
            break;  // After a failed COPY they are ignored.
        default:
            server_.context().auditor.require(false, std::string("the server was sent ") + message.type);
    }
    if (server_.context().prng.chance(10)) {
        flush();
    }
}

void ServerProcess::flush() {
    if (link_ != nullptr && !out_.empty()) {
        server_.context().network.say(*link_, out_);
    }
    out_.clear();
}

void ServerProcess::ready() {
    // Since PostgreSQL 14 values are reported here, and only those that differ from the last report.
    for (const auto& [name, value] : parameters_) {
        if (is_reported(name) && reported_[name] != value) {
            reported_[name] = value;
            out_ += parameter_status(name, value);
        }
    }
    if (status_ == 'I') {
        // PostgreSQL tells what it has heard before it says that it is ready.
        out_ += std::exchange(heard_, {});
    }
    out_ += conversation::ready(status_);
    bool const answers_talker = owner_ != kNobody && owner_ == talks_to_;
    if (status_ == 'I') {
        owner_ = kNobody;
        parameters_before_ = parameters_;
        pinned_by_before_ = pinned_by_;
        session_parameters_ = parameters_;
    }
    flush();
    if (link_ != nullptr && answers_talker) {
        answered_until_bytes_ = link_->said_bytes;
    }
    if (link_ != nullptr && !only_reads_) {
        wrote_until_bytes_ = link_->said_bytes;
    }
    only_reads_ = status_ == 'I';
    if (server_.context().prng.chance(1)) {
        say_by_itself();
    }
}

void ServerProcess::say_by_itself() {
    server_.context().schedule.after(server_.context().network.draw_delay() * 20, [this] {
        if (alive_ && !server_.hung() && out_.empty()) {
            out_ = notice("a word of the server's own");
            flush();
        }
    });
}

void ServerProcess::on_function_call() {
    if (status_ == 'E') {
        fail("25P02");
    } else if (cancelled_) {
        fail("57014");
    } else {
        out_ += function_result("done");
    }
    finish_query();
}

void ServerProcess::fail(std::string_view sqlstate) {
    // A plan whose result has changed is known by the function that reports it.
    constexpr std::string_view kOutdated("SERROR\0VERROR\0C0A000\0Mcached plan\0RRevalidateCachedQuery\0\0",
                                         58);
    out_ += sqlstate == "0A000" ? message('E', kOutdated) : error(sqlstate);
    if (status_ == 'T') {
        status_ = 'E';
    } else if (status_ == 'I') {
        roll_back();
    }
}

// -- Simple query
// -------------------------------------------------------------------------------------------------------

void ServerProcess::run_query(const std::string& text) {
    statements_.erase("");
    portals_.erase("");
    std::vector<std::string> const statements = split_statements(text);
    for (const std::string& statement : statements) {
        Outcome const outcome = run(statement, {});
        if (!outcome.sqlstate.empty()) {
            fail(outcome.sqlstate);
            break;
        }
        if (outcome.copies == Outcome::Copies::In) {
            copy_is_simple_ = true;
            out_ += copy_in_response();
            flush();
            return;
        }
        bool const has_rows = outcome.copies == Outcome::Copies::Nothing && !outcome.rows.empty();
        out_ += (has_rows ? row_description() : std::string()) + outcome.rows + complete(outcome.tag);
    }
    finish_query();
}

void ServerProcess::finish_query() {
    if (status_ == 'I') {
        commit();
    }
    ready();
}

void ServerProcess::on_copy(const Message& message) {
    switch (message.type) {
        case 'd':
            if (message.body.starts_with("rubbish")) {
                copy_fails("22P02");
            } else {
                copied_.push_back(message.body);
            }
            return;
        case 'S':
        case 'H':
            return;
        case 'c':
            state_ = State::Ready;
            for (const std::string& write : copied_) {
                audit_write(write);
                writes_.push_back(write);
            }
            out_ += complete("COPY " + std::to_string(copied_.size()));
            copied_.clear();
            if (copy_is_simple_) {
                finish_query();
            }
            return;
        default:
            copy_fails("57014");
            return;
    }
}

/// What still comes of the data is ignored from now on.
void ServerProcess::copy_fails(std::string_view sqlstate) {
    state_ = State::Ready;
    copied_.clear();
    fail(sqlstate);
    if (copy_is_simple_) {
        finish_query();
    } else {
        skips_to_sync_ = true;
        flush();
    }
}

// -- Extended query
// -----------------------------------------------------------------------------------------------------

void ServerProcess::on_parse(const std::string& body) {
    std::string rest = body;
    std::string const name = take_string(rest);
    std::string const text = take_string(rest);
    unit_open_ = true;
    std::string sqlstate;
    if (!name.empty() && statements_.contains(name)) {
        sqlstate = "42P05";
    } else if (status_ == 'E' && !lowered(text).starts_with("rollback")) {
        sqlstate = "25P02";
    } else if (text.starts_with("selec ")) {
        sqlstate = "42601";
    }
    if (!sqlstate.empty()) {
        fail(sqlstate);
        skips_to_sync_ = true;
        flush();
        return;
    }
    statements_[name] = {.text = text};
    out_ += parse_complete();
}

void ServerProcess::on_bind(const std::string& body) {
    std::string rest = body;
    std::string const portal = take_string(rest);
    std::string const name = take_string(rest);
    bool const first = !std::exchange(unit_open_, true);
    auto const statement = statements_.find(name);
    if (statement == statements_.end() || status_ == 'E') {
        fail(statement == statements_.end() ? "26000" : "25P02");
        skips_to_sync_ = true;
        flush();
        return;
    }
    if (!name.empty() && first && status_ == 'I' && ++binds_ % kBindsBetweenMigrations == 0) {
        statement->second.outdated = true;
    }
    if (statement->second.outdated) {
        fail("0A000");
        skips_to_sync_ = true;
        flush();
        return;
    }
    Portal made{.text = statement->second.text, .values = {}, .row_count = 0};
    for (std::uint32_t formats = take_number(rest, 2); formats > 0; --formats) {
        take_number(rest, 2);
    }
    for (std::uint32_t count = take_number(rest, 2); count > 0; --count) {
        std::uint32_t const length = take_number(rest, 4);
        made.values.push_back(rest.substr(0, length));
        rest.erase(0, length);
    }
    portals_[portal] = std::move(made);
    out_ += bind_complete();
}

void ServerProcess::on_describe(const std::string& body) {
    std::string rest = body.substr(1);
    std::string const name = take_string(rest);
    bool const known = body[0] == 'S' ? statements_.contains(name) : portals_.contains(name);
    unit_open_ = true;
    if (!known) {
        fail(body[0] == 'S' ? "26000" : "34000");
        skips_to_sync_ = true;
        flush();
        return;
    }
    std::string const& text = body[0] == 'S' ? statements_[name].text : portals_[name].text;
    out_ += (body[0] == 'S' ? parameter_description() : std::string()) +
            (text.starts_with("select") ? row_description() : no_data());
}

void ServerProcess::on_execute(const std::string& body) {
    std::string rest = body;
    auto const portal = portals_.find(take_string(rest));
    std::uint32_t const rows_max = take_number(rest, 4);
    unit_open_ = true;
    Outcome outcome;
    if (portal == portals_.end()) {
        outcome.sqlstate = "34000";
    } else if (portal->second.text.starts_with("select 3 rows") && !cancelled_ && status_ != 'E') {
        // Brought one by one.
        audit_owner(portal->second.text, portal->second.values);
        Portal& rows = portal->second;
        std::uint32_t brought = 0;
        for (; rows.row_count < 3 && (rows_max == 0 || brought < rows_max); ++brought) {
            out_ += row(quoted(rows.text) + ":" + std::to_string(rows.row_count++));
        }
        out_ += rows.row_count < 3 || brought == rows_max ? portal_suspended()
                                                          : complete("SELECT " + std::to_string(brought));
        return;
    } else {
        outcome = run(portal->second.text, portal->second.values);
    }
    if (!outcome.sqlstate.empty()) {
        fail(outcome.sqlstate);
        skips_to_sync_ = true;
        flush();
        return;
    }
    if (outcome.copies == Outcome::Copies::In) {
        copy_is_simple_ = false;
        out_ += copy_in_response();
        flush();
        return;
    }
    out_ += outcome.rows + complete(outcome.tag);
}

void ServerProcess::on_close(const std::string& body) {
    std::string rest = body.substr(1);
    std::string const name = take_string(rest);
    unit_open_ = true;
    if (body[0] == 'S') {
        statements_.erase(name);
    } else {
        portals_.erase(name);
    }
    out_ += close_complete();
}

void ServerProcess::on_sync() {
    unit_open_ = false;
    skips_to_sync_ = false;
    if (status_ == 'I') {
        commit();
        portals_.clear();
    }
    ready();
}

// -- Statements
// ---------------------------------------------------------------------------------------------------------

void ServerProcess::audit_owner(const std::string& text, const std::vector<std::string>& values) {
    ClientNumber client = client_of(text);
    for (const std::string& value : values) {
        client = client == kNobody ? client_of(value) : client;
    }
    if (client == kNobody) {
        return;
    }
    std::string const who = "client " + std::to_string(client);
    const Auditor& auditor = server_.context().auditor;
    auditor.require(owner_ == kNobody || owner_ == client,
                    who + " runs in a transaction of client " + std::to_string(owner_));
    auditor.require(pinned_by_ == kNobody || pinned_by_ == client,
                    who + " meets what client " + std::to_string(pinned_by_) + " left in its session");
    owner_ = client;
}

ServerProcess::Outcome ServerProcess::run(const std::string& text, const std::vector<std::string>& values) {
    if (cancelled_) {
        return {.sqlstate = "57014"};
    }
    audit_owner(text, values);
    if (status_ == 'E' && !text.starts_with("rollback") && !text.starts_with("ROLLBACK") &&
        !text.starts_with("commit")) {
        return {.sqlstate = "25P02"};
    }
    return run_one(text, values);
}

ServerProcess::Outcome ServerProcess::run_one(const std::string& text,
                                              const std::vector<std::string>& values) {
    if (text.starts_with("SELECT pg_catalog.set_config")) {
        return run_set_config(text);
    }
    if (text.starts_with("SELECT EXISTS") || text.starts_with("SELECT (SELECT pg_catalog.count(*)") ||
        text.contains("source OPERATOR(pg_catalog.=) 'session'")) {
        return run_leftovers(text);
    }
    if (text.starts_with("SELECT pg_catalog.current_setting")) {
        return run_current_settings(text);
    }
    if (text.starts_with("select pg_advisory_lock") || text.starts_with("select lock_by_function")) {
        pinned_by_ = client_of(text);
        return {.rows = row(""), .tag = "SELECT 1"};
    }
    if (text.starts_with("select")) {
        // A transaction sees what it has written.
        std::string const echo = "|" + parameters_["TimeZone"] + "|" + parameters_["statement_timeout"] +
                                 "|" + (writes_.empty() ? std::string() : writes_.back());
        std::string const value = (values.empty() ? std::string() : values[0] + ":") + quoted(text);
        return {.rows = row(value + echo), .tag = "SELECT 1"};
    }
    if (text.starts_with("copy t to stdout")) {
        std::string data;
        for (std::uint32_t i = 0; i < 3; ++i) {
            data += copy_data(quoted(text) + ":" + std::to_string(i));
        }
        return {.rows = copy_out_response() + data + copy_done(),
                .tag = "COPY 3",
                .copies = Outcome::Copies::Out};
    }
    if (text.starts_with("insert") || text.starts_with("copy t from stdin")) {
        return run_write(text, values);
    }
    return run_control(text);
}

ServerProcess::Outcome ServerProcess::run_write(const std::string& text,
                                                const std::vector<std::string>& values) {
    if (server_.role() == ModelServer::Role::Standby) {
        bool const knows =
            sent_under_ != nullptr && sent_under_->servers[server_.index()].role == topology::Role::Standby;
        server_.context().auditor.require(!knows || parameters_["application_name"] == "readonly",
                                          [&text] { return "a write was sent to a standby: " + text; });
        return {.sqlstate = "25006"};
    }
    if (text.starts_with("copy")) {
        state_ = State::CopyIn;
        return {.copies = Outcome::Copies::In};
    }
    std::string const write = values.empty() ? quoted(text) : values[0];
    if (write.starts_with("duplicate")) {
        return {.sqlstate = "23505"};
    }
    audit_write(write);
    writes_.push_back(write);
    return {.tag = "INSERT 0 1"};
}

void ServerProcess::audit_write(const std::string& write) {
    const Auditor& auditor = server_.context().auditor;
    auditor.require(
        sent_under_ == nullptr || sent_under_->servers[server_.index()].role != topology::Role::Stale,
        [&write] { return "write " + write + " was sent to a stale primary"; });
    server_.context().auditor.executed(write);
}

ServerProcess::Outcome ServerProcess::run_control(const std::string& text) {
    std::string const word = lowered(text.substr(0, text.find(' ')));
    if (word == "begin") {
        begin_block();
        return {.tag = "BEGIN"};
    }
    if (word == "commit") {
        bool const failed = status_ == 'E';
        failed ? roll_back() : commit();
        status_ = 'I';
        return {.tag = failed ? "ROLLBACK" : "COMMIT"};
    }
    if (word == "savepoint" || word == "release" || lowered(text).starts_with("rollback to savepoint")) {
        return run_savepoint(word, text);
    }
    if (word == "rollback") {
        roll_back();
        status_ = 'I';
        return {.tag = "ROLLBACK"};
    }
    if (word == "set" || word == "reset") {
        return run_setting(text);
    }
    if (word == "create") {
        pinned_by_ = client_of(text);
        return {.tag = "CREATE TABLE"};
    }
    if (word == "drop") {
        pinned_by_ = kNobody;
        return {.tag = "DROP TABLE"};
    }
    if (word == "discard") {
        if (status_ != 'I') {
            return {.sqlstate = "25001"};
        }
        reset_all();
        return {.tag = "DISCARD ALL"};
    }
    if (word == "deallocate") {
        return run_deallocate(text);
    }
    if (word == "prepare") {
        return run_prepare(text);
    }
    if (word == "execute") {
        return run_execute(text);
    }
    if (word == "listen" || word == "unlisten" || word == "notify") {
        return run_channels(word, text);
    }
    return text.empty() ? Outcome{} : Outcome{.sqlstate = "42601"};
}

/// "listen ch", "LISTEN \"ch\"", "unlisten ch", "UNLISTEN *", "notify ch, 'payload'"
ServerProcess::Outcome ServerProcess::run_channels(const std::string& word, const std::string& text) {
    if (word != "unlisten" && server_.role() == ModelServer::Role::Standby) {
        return {.sqlstate = "25006"};
    }
    // pgring may ask for several at once; the world has one.
    std::string name = text.substr(word.size() + 1);
    name = name.substr(0, name.find_first_of(" ,;"));
    std::erase(name, '"');
    if (word == "notify") {
        notices_.emplace_back(name, quoted(text));
        return {.tag = "NOTIFY"};
    }
    if (word == "listen") {
        channels_ahead_.insert(name);
        return {.tag = "LISTEN"};
    }
    name == "*" ? channels_ahead_.clear() : static_cast<void>(channels_ahead_.erase(name));
    return {.tag = "UNLISTEN"};
}

/// "savepoint a", "release savepoint a", "rollback to savepoint a"
ServerProcess::Outcome ServerProcess::run_savepoint(const std::string& word, const std::string& text) {
    std::string const name = text.substr(text.find_last_of(' ') + 1);
    if (status_ == 'I') {
        return {.sqlstate = "25P01"};
    }
    if (word == "savepoint") {
        savepoints_.push_back({.name = name,
                               .write_count = writes_.size(),
                               .parameters = parameters_,
                               .session_parameters = session_parameters_,
                               .pinned_by = pinned_by_,
                               .channels = channels_ahead_,
                               .notice_count = notices_.size()});
        return {.tag = "SAVEPOINT"};
    }
    auto const found = std::ranges::find(savepoints_.rbegin(), savepoints_.rend(), name, &Savepoint::name);
    if (found == savepoints_.rend()) {
        return {.sqlstate = "3B001"};
    }
    if (word == "release") {
        savepoints_.erase(std::prev(found.base()), savepoints_.end());
        return {.tag = "RELEASE"};
    }
    writes_.resize(found->write_count);
    parameters_ = found->parameters;
    session_parameters_ = found->session_parameters;
    pinned_by_ = found->pinned_by;
    channels_ahead_ = found->channels;
    notices_.resize(found->notice_count);
    savepoints_.erase(found.base(), savepoints_.end());
    status_ = 'T';
    return {.tag = "ROLLBACK"};
}

/// "set timezone = 'UTC'", "set local timezone = 'UTC'", "reset all", "RESET \"timezone\""
ServerProcess::Outcome ServerProcess::run_setting(const std::string& text) {
    if (lowered(text).starts_with("set ")) {
        bool const is_local = lowered(text).starts_with("set local ");
        std::size_t const at = is_local ? 10 : 4;
        Outcome outcome = set(text.substr(at, text.find(' ', at) - at), quoted(text, text.find('=')),
                              is_local ? Lasts::Transaction : Lasts::Session);
        outcome.tag = "SET";
        return outcome;
    }
    if (text == "reset all") {
        parameters_ = defaults_;
        session_parameters_ = defaults_;
        return {.tag = "RESET"};
    }
    std::string word = text.substr(6);
    std::erase(word, '"');
    std::string const name = known_name(word);
    if (name.empty()) {
        return {.sqlstate = "42704"};
    }
    parameters_[name] = defaults_.at(name);
    session_parameters_[name] = defaults_.at(name);
    return {.tag = "RESET"};
}

/// "prepare s1 as select $1, 'p2'", "prepare s1 (mood) as select $1, 'p2'"
ServerProcess::Outcome ServerProcess::run_prepare(const std::string& text) {
    constexpr std::string_view kAs = " as ";
    std::size_t const at = text.find(' ') + 1;
    std::string const name = text.substr(at, text.find(' ', at) - at);
    std::string const statement = text.substr(text.find(kAs) + kAs.size());
    if (statement.starts_with("selec ")) {
        return {.sqlstate = "42601"};
    }
    if (statements_.contains(name)) {
        return {.sqlstate = "42P05"};
    }
    statements_[name] = {.text = statement, .from_sql = true};
    return {.tag = "PREPARE"};
}

/// "execute s1 ('value')"
ServerProcess::Outcome ServerProcess::run_execute(const std::string& text) {
    std::size_t const at = text.find(' ') + 1;
    auto const statement = statements_.find(text.substr(at, text.find(' ', at) - at));
    if (statement == statements_.end()) {
        return {.sqlstate = "26000"};
    }
    if (status_ == 'I' && !unit_open_ && ++binds_ % kBindsBetweenMigrations == 0) {
        statement->second.outdated = true;
    }
    if (statement->second.outdated) {
        return {.sqlstate = "0A000"};
    }
    return run_one(statement->second.text, {quoted(text)});
}

ServerProcess::Outcome ServerProcess::run_deallocate(const std::string& text) {
    std::string const name = text.substr(text.find(' ') + 1);
    if (lowered(name) == "all") {
        statements_.clear();
        return {.tag = "DEALLOCATE ALL"};
    }
    return statements_.erase(name) == 0 ? Outcome{.sqlstate = "26000"} : Outcome{.tag = "DEALLOCATE"};
}

/// "SELECT pg_catalog.set_config(E'a', E'b', false), pg_catalog.set_config(...)"
ServerProcess::Outcome ServerProcess::run_set_config(const std::string& text) {
    for (std::size_t at = text.find("(E'"); at != std::string::npos; at = text.find("(E'", at + 1)) {
        std::string const name = quoted(text, at);
        std::string const value = quoted(text, text.find(',', at));
        Outcome const outcome = set(name, value, Lasts::Session);
        if (!outcome.sqlstate.empty()) {
            return outcome;
        }
    }
    return {.rows = row("set"), .tag = "SELECT 1"};
}

/// "SELECT pg_catalog.current_setting(E'a', true), (SELECT setting = reset_val ... name = E'a'), ..."
ServerProcess::Outcome ServerProcess::run_current_settings(const std::string& text) {
    std::vector<std::string> columns;
    constexpr std::string_view kCall = "current_setting(E'";
    for (std::size_t at = text.find(kCall); at != std::string::npos; at = text.find(kCall, at + 1)) {
        std::string const name = known_name(quoted(text, at));
        columns.push_back(parameters_[name]);
        columns.push_back(parameters_[name] == defaults_[name] ? "t" : "f");
    }
    return {.rows = row_of(columns), .tag = "SELECT 1"};
}

/// pgring asks for what a statement may have left, and perhaps at last which parameters it has set.
ServerProcess::Outcome ServerProcess::run_leftovers(const std::string& text) {
    constexpr std::string_view kFacts[] = {
        "current_setting('role')", "pg_depend", "pg_locks", "pg_cursors", "pg_listening_channels",
        "pg_prepared_statements"};
    std::vector<std::string> columns;
    bool const asks_for_parameters = text.contains("source OPERATOR(pg_catalog.=) 'session'");
    for (std::string_view const fact : kFacts) {
        bool there = false;
        if (fact == "pg_prepared_statements") {
            constexpr std::string_view kCount = "from_sql) OPERATOR(pg_catalog.<>) ";
            auto const count =
                std::ranges::count_if(statements_, [](const auto& each) { return each.second.from_sql; });
            std::size_t const at = text.find(kCount) + kCount.size();
            there = text.contains(kCount) && std::atoi(text.c_str() + at) != count;
        } else {
            // A temporary table stands for a lock where pgring asks for both.
            there = pinned_by_ != kNobody &&
                    (fact == "pg_locks" || (fact == "pg_depend" && !asks_for_parameters));
        }
        if (text.contains(fact)) {
            columns.emplace_back(there ? "t" : "f");
        }
    }
    if (!asks_for_parameters) {
        return {.rows = row_of(columns), .tag = "SELECT 1"};
    }
    std::string& set = columns.emplace_back();
    for (const auto& [name, value] : parameters_) {
        if (value != defaults_[name]) {
            set += (set.empty() ? "" : ",") + name;
        }
    }
    constexpr std::string_view kFunction = "WITH RECURSIVE reached";
    for (std::size_t at = text.find(kFunction); at != std::string::npos; at = text.find(kFunction, at + 1)) {
        columns.emplace_back("f");
    }
    if (text.contains(kFunction)) {
        // Parameters that the code names, and whether it may leave what is not listed.
        columns.insert(columns.end(), {"", "f"});
    }
    return {.rows = row_of(columns), .tag = "SELECT 1"};
}

ServerProcess::Outcome ServerProcess::set(const std::string& name, const std::string& value, Lasts lasts) {
    std::string const known = known_name(name);
    if (known.empty()) {
        return {.sqlstate = "42704"};
    }
    std::string canonical = value;
    if (known == "TimeZone") {
        auto const zone = std::ranges::find(kTimeZones, lowered(value), lowered);
        if (zone == std::end(kTimeZones)) {
            return {.sqlstate = "22023"};
        }
        canonical = *zone;
    }
    if (lasts == Lasts::Session) {
        parameters_[known] = canonical;
        session_parameters_[known] = canonical;
    } else if (status_ != 'I') {
        parameters_[known] = canonical;
    }
    return {};
}

void ServerProcess::begin_block() {
    if (status_ == 'I') {
        parameters_before_ = parameters_;
        session_parameters_ = parameters_;
        status_ = 'T';
    }
}

void ServerProcess::commit() {
    for (const std::string& write : std::exchange(writes_, {})) {
        server_.context().log("  " + std::to_string(process_id_) + " commits " + write);
        server_.context().auditor.committed(write);
    }
    parameters_ = session_parameters_;
    savepoints_.clear();
    channels_ = channels_ahead_;
    for (const auto& [channel, payload] : std::exchange(notices_, {})) {
        server_.context().log("  " + std::to_string(process_id_) + " notifies " + payload);
        server_.context().auditor.notified(payload);
        server_.notify(channel, notification(channel, payload, process_id_));
    }
}

void ServerProcess::roll_back() {
    writes_.clear();
    notices_.clear();
    channels_ahead_ = channels_;
    parameters_ = parameters_before_;
    pinned_by_ = pinned_by_before_;
    session_parameters_ = parameters_before_;
    savepoints_.clear();
}

void ServerProcess::reset_all() {
    parameters_ = defaults_;
    session_parameters_ = defaults_;
    channels_ahead_.clear();
    statements_.clear();
    pinned_by_ = kNobody;
    owner_ = kNobody;
}

}  // namespace pgring::sim
