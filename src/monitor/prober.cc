#include "monitor/prober.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <poll.h>

#include "base/contract.h"
#include "monitor/probe_query.h"

namespace pgring::monitor {

namespace {

using failover::ProbeFailure;
using std::chrono::milliseconds;

/// Between two probes that workers ask for: a probe of a local server takes less than 1 ms.
constexpr base::Duration kHurrySpacing = milliseconds(10);

/// How often a look-up is asked whether it has ended.
constexpr base::Duration kResolutionStep = milliseconds(5);

void ignore_notice(void* /*nothing*/, const PGresult* /*notice*/) {}

long to_milliseconds(base::Duration duration) {
    return std::chrono::duration_cast<milliseconds>(duration).count();
}

std::string repeat(std::string_view text, std::size_t times) {
    std::string list(text);
    for (std::size_t i = 1; i < times; ++i) {
        list.append(",").append(text);
    }
    return list;
}

/// Starts a connection without blocking. `addresses` is empty for a unix socket.
Connection start_connection(const topology::Address& address, const std::vector<std::string>& addresses,
                            const MonitorOptions& options) {
    // Several addresses are tried in turn; libpq wants a host name with each (for certificates and the
    // password file).
    const std::string host = repeat(address.host, std::max<std::size_t>(addresses.size(), 1));
    const std::string hostaddr = fmt::format("{}", fmt::join(addresses, ","));
    const std::string port = std::to_string(address.port);
    const std::string timeout = std::to_string(std::max(to_milliseconds(options.probe_timeout), 1L));
    // The server gives up a slow probe too. The search path keeps functions of the role's own out of the
    // query.
    const std::string settings = fmt::format("-c statement_timeout={} -c search_path=pg_catalog", timeout);

    // gssencmode: looking for a Kerberos ticket may block, and a health check needs none. The kernel's own
    // deadline ends what the probe has given up. Nothing here goes through a connection string, least of all
    // the password.
    constexpr std::size_t kCount = 11;
    const std::array<const char*, kCount + 1> keywords{"host",
                                                       "hostaddr",
                                                       "port",
                                                       "user",
                                                       "password",
                                                       "dbname",
                                                       "application_name",
                                                       "gssencmode",
                                                       "options",
                                                       "keepalives",
                                                       "tcp_user_timeout",
                                                       nullptr};
    const std::array<const char*, kCount + 1> values{host.c_str(),
                                                     hostaddr.c_str(),
                                                     port.c_str(),
                                                     options.user.c_str(),
                                                     options.password.c_str(),
                                                     options.database.c_str(),
                                                     "pgring-monitor",
                                                     "disable",
                                                     settings.c_str(),
                                                     "1",
                                                     timeout.c_str(),
                                                     nullptr};
    Connection connection(PQconnectStartParams(keywords.data(), values.data(), 0));
    // libpq returns null only when it is out of memory.
    ASSERT(connection != nullptr);
    // Verbose texts carry the SQLSTATE, which is all that libpq 15 tells of a refused login.
    PQsetErrorVerbosity(connection.get(), PQERRORS_VERBOSE);
    PQsetNoticeReceiver(connection.get(), ignore_notice, nullptr);
    return connection;
}

}  // namespace

Prober::Prober(const topology::ServerIdentity& server, const MonitorOptions& options)
    : server_(server), options_(options), due_(base::Instant::min()) {
    ASSERT(options_.probe_timeout > base::Duration::zero());
}

std::optional<Interest> Prober::interest() const {
    if (connection_ == nullptr || PQsocket(connection_.get()) < 0) {
        return std::nullopt;
    }
    return Interest{.fd = PQsocket(connection_.get()), .events = wanted_events_};
}

base::Instant Prober::wake_at(base::Instant now) const {
    switch (state_) {
        case State::Idle:
            return due_;
        case State::Resolving:
            return std::min(started_ + options_.probe_timeout, now + kResolutionStep);
        case State::Connecting:
        case State::Asking:
            return started_ + options_.probe_timeout;
    }
    std::unreachable();
}

std::optional<Prober::Finding> Prober::advance(base::Instant now, short events) {
    std::optional<Finding> finding;
    switch (state_) {
        case State::Idle:
            // A server speaks unasked only to say that the connection ends; the probe finds out what is left.
            return events != 0 || now >= due_ ? begin(now) : std::nullopt;
        case State::Resolving:
            finding = go_on_resolving();
            break;
        case State::Connecting:
            finding = events != 0 ? go_on_connecting() : std::nullopt;
            break;
        case State::Asking:
            finding = events != 0 ? go_on_asking() : std::nullopt;
            break;
    }
    // Only now: if this process was stopped for a while, the answer is there, late through no fault of the
    // server.
    if (state_ != State::Idle && now >= started_ + options_.probe_timeout) {
        return fail(describe_timeout());
    }
    return finding;
}

void Prober::schedule(base::Instant due) {
    ASSERT(state_ == State::Idle);
    due_ = due;
    if (hurried_.has_value()) {
        due_ = std::min(due_, std::max(*hurried_, started_ + kHurrySpacing));
        hurried_.reset();
    }
}

void Prober::bring_forward(base::Instant due) {
    if (state_ == State::Idle) {
        due_ = std::min(due_, due);
    }
}

void Prober::hurry(base::Instant now) {
    if (state_ == State::Idle) {
        due_ = std::min(due_, std::max(now, started_ + kHurrySpacing));
    } else {
        hurried_ = now;
    }
}

void Prober::move_to(State next) {
    switch (state_) {
        case State::Idle:
            ASSERT(next != State::Idle);
            break;
        case State::Resolving:
            ASSERT(next == State::Connecting || next == State::Idle);
            break;
        case State::Connecting:
            ASSERT(next == State::Asking || next == State::Idle);
            break;
        case State::Asking:
            ASSERT(next != State::Asking);
            break;
    }
    state_ = next;
}

std::optional<Prober::Finding> Prober::begin(base::Instant now) {
    started_ = now;
    if (connection_ == nullptr) {
        return resolve();
    }
    connection_age_ = ConnectionAge::Held;
    return ask();
}

std::optional<Prober::Finding> Prober::resolve() {
    connection_age_ = ConnectionAge::Fresh;
    if (server_.address.is_unix_socket()) {
        return connect({});
    }
    if (is_numeric_address(server_.address.host)) {
        return connect({server_.address.host});
    }
    move_to(State::Resolving);
    if (!resolution_.has_value()) {
        resolution_.emplace(server_.address.host);
    }
    return go_on_resolving();
}

std::optional<Prober::Finding> Prober::go_on_resolving() {
    const std::optional<Resolution::Outcome> outcome = resolution_->outcome();
    if (!outcome.has_value()) {
        return std::nullopt;
    }
    resolution_.reset();
    if (!outcome->has_value()) {
        return fail(Failure{.kind = ProbeFailure::Failed, .text = outcome->error()});
    }
    return connect(**outcome);
}

std::optional<Prober::Finding> Prober::connect(const std::vector<std::string>& addresses) {
    move_to(State::Connecting);
    connection_ = start_connection(server_.address, addresses, options_);
    if (PQstatus(connection_.get()) == CONNECTION_BAD) {
        return fail(classify_connection_failure(connection_.get()));
    }
    // PostgreSQL docs, "PQconnectStartParams": the first wait is for writing.
    wanted_events_ = POLLOUT;
    return std::nullopt;
}

std::optional<Prober::Finding> Prober::go_on_connecting() {
    switch (PQconnectPoll(connection_.get())) {
        case PGRES_POLLING_READING:
            wanted_events_ = POLLIN;
            return std::nullopt;
        case PGRES_POLLING_WRITING:
            wanted_events_ = POLLOUT;
            return std::nullopt;
        case PGRES_POLLING_OK:
            return ask();
        case PGRES_POLLING_FAILED:
        case PGRES_POLLING_ACTIVE:
            return fail(classify_connection_failure(connection_.get()));
    }
    std::unreachable();
}

std::optional<Prober::Finding> Prober::ask() {
    move_to(State::Asking);
    result_.reset();
    if (PQsetnonblocking(connection_.get(), 1) != 0 || PQsendQuery(connection_.get(), probe_query()) != 1) {
        return lose_connection(classify_connection_failure(connection_.get()));
    }
    return go_on_asking();
}

std::optional<Prober::Finding> Prober::go_on_asking() {
    const int unsent = PQflush(connection_.get());
    if (unsent < 0 || PQconsumeInput(connection_.get()) != 1) {
        return lose_connection(classify_connection_failure(connection_.get()));
    }
    wanted_events_ = static_cast<short>(unsent > 0 ? POLLIN | POLLOUT : POLLIN);
    while (PQisBusy(connection_.get()) == 0) {
        Result next(PQgetResult(connection_.get()));
        if (next == nullptr) {
            break;
        }
        if (result_ == nullptr) {
            result_ = std::move(next);
        }
    }
    if (PQstatus(connection_.get()) == CONNECTION_BAD) {
        return lose_connection(classify_connection_failure(connection_.get()));
    }
    return judge_result();
}

std::optional<Prober::Finding> Prober::judge_result() {
    if (result_ != nullptr && PQresultStatus(result_.get()) != PGRES_TUPLES_OK) {
        Failure failure = classify_result_failure(result_.get());
        // "Terminating connection" (57P01) may come long before the end of the connection: 60 ms measured.
        return failure.kind == ProbeFailure::Disconnected ? lose_connection(std::move(failure))
                                                          : fail(std::move(failure));
    }
    if (PQtransactionStatus(connection_.get()) == PQTRANS_ACTIVE) {
        return std::nullopt;
    }
    return finish(read_probe_answer(result_.get()));
}

std::optional<Prober::Finding> Prober::lose_connection(Failure failure) {
    if (connection_age_ == ConnectionAge::Fresh) {
        return fail(std::move(failure));
    }
    connection_.reset();
    return resolve();
}

std::optional<Prober::Finding> Prober::fail(Failure failure) {
    result_.reset();
    connection_.reset();
    return finish(std::unexpected(std::move(failure)));
}

std::optional<Prober::Finding> Prober::finish(Finding finding) {
    move_to(State::Idle);
    result_.reset();
    wanted_events_ = POLLIN;
    // Until schedule() is called.
    due_ = base::kNever;
    return finding;
}

Failure Prober::describe_timeout() const {
    const std::string_view doing = state_ == State::Resolving    ? "looking up its name"
                                   : state_ == State::Connecting ? "connecting"
                                                                 : "asking";
    return Failure{
        .kind = ProbeFailure::TimedOut,
        .text = fmt::format("no answer in {} ms while {}", to_milliseconds(options_.probe_timeout), doing)};
}

}  // namespace pgring::monitor
