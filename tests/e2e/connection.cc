#include "connection.h"

#include <regex>
#include <string_view>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

namespace pgring::e2e {

namespace {

std::vector<const char*> pointers(const std::vector<std::string>& values) {
    std::vector<const char*> result;
    for (const std::string& value : values) {
        result.push_back(value.c_str());
    }
    return result;
}

void keep_notice(void* notices, const char* text) {
    static_cast<std::string*>(notices)->append(text);
    // libpq says so, and nothing else, when it gets a message that no question of its own explains.
    if (std::string_view(text).starts_with("message type 0x")) {
        ADD_FAILURE() << "unexpected message: " << text;
    }
}

/// Connects step by step, as only that leaves room to ask for SQLSTATEs in what the login says.
PGconn* connect(const Parameters& parameters, std::string& notices) {
    std::vector<const char*> keywords;
    std::vector<const char*> values;
    for (const auto& [keyword, value] : parameters) {
        keywords.push_back(keyword.c_str());
        values.push_back(value.c_str());
    }
    keywords.push_back(nullptr);
    values.push_back(nullptr);
    PGconn* const connection = PQconnectStartParams(keywords.data(), values.data(), 0);
    PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
    PQsetNoticeProcessor(connection, keep_notice, &notices);
    PostgresPollingStatusType wish = PGRES_POLLING_WRITING;
    while (PQstatus(connection) != CONNECTION_BAD && wish != PGRES_POLLING_OK &&
           wish != PGRES_POLLING_FAILED) {
        pollfd ready{.fd = PQsocket(connection),
                     .events = static_cast<short>(wish == PGRES_POLLING_READING ? POLLIN : POLLOUT),
                     .revents = 0};
        if (::poll(&ready, 1, 30'000) == 0) {
            break;
        }
        wish = PQconnectPoll(connection);
    }
    return connection;
}

/// What a statement that was just sent comes to: its first error, else its last result. PQexec() would show
/// of a FATAL error only that the connection closed behind it.
Result receive(PGconn* connection, int sent) {
    if (sent == 0) {
        return Result(PQmakeEmptyPGresult(connection, PGRES_FATAL_ERROR));
    }
    Result kept(PQgetResult(connection));
    for (;;) {
        ExecStatusType const status = kept.status();
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT) {
            return kept;
        }
        Result next(PQgetResult(connection));
        if (next.get() == nullptr) {
            return kept;
        }
        if (kept.ok()) {
            kept = std::move(next);
        }
    }
}

}  // namespace

bool Result::ok() const {
    switch (status()) {
        case PGRES_COMMAND_OK:
        case PGRES_TUPLES_OK:
        case PGRES_SINGLE_TUPLE:
        case PGRES_COPY_IN:
        case PGRES_COPY_OUT:
        case PGRES_PIPELINE_SYNC:
        case PGRES_EMPTY_QUERY:
            return true;
        case PGRES_BAD_RESPONSE:
        case PGRES_NONFATAL_ERROR:
        case PGRES_FATAL_ERROR:
        case PGRES_COPY_BOTH:
        case PGRES_PIPELINE_ABORTED:
            return false;
    }
    return false;
}

std::string Result::sqlstate() const {
    if (ok()) {
        return "00000";
    }
    const char* const code = PQresultErrorField(result_.get(), PG_DIAG_SQLSTATE);
    return code == nullptr ? "" : code;
}

std::string Result::message() const {
    return PQresultErrorMessage(result_.get());
}

std::vector<std::string> Result::column() const {
    std::vector<std::string> values;
    for (int row = 0; row < row_count(); ++row) {
        values.push_back(value(row));
    }
    return values;
}

Connection::Connection(const Parameters& parameters)
    : notices_(std::make_unique<std::string>()), connection_(connect(parameters, *notices_), PQfinish) {
    if (!alive()) {
        std::string const message = PQerrorMessage(get());
        std::smatch found;
        // "connection to server at ... failed: FATAL:  28P01: password authentication failed"
        bool const has_code = std::regex_search(message, found, std::regex("FATAL:  ([0-9A-Z]{5}): "));
        throw SqlError(has_code ? found[1].str() : "", message);
    }
    PQsetErrorVerbosity(get(), PQERRORS_DEFAULT);
}

Result Connection::attempt(const std::string& text) {
    return receive(get(), PQsendQuery(get(), text.c_str()));
}

Result Connection::attempt(const std::string& text, const std::vector<std::string>& values) {
    return receive(get(), PQsendQueryParams(get(), text.c_str(), static_cast<int>(values.size()), nullptr,
                                            pointers(values).data(), nullptr, nullptr, 0));
}

Result Connection::run(const std::string& text) {
    Result result = attempt(text);
    if (!result.ok()) {
        throw SqlError(result.sqlstate(), result.message() + " in: " + text.substr(0, 200));
    }
    return result;
}

Result Connection::run(const std::string& text, const std::vector<std::string>& values) {
    Result result = attempt(text, values);
    if (!result.ok()) {
        throw SqlError(result.sqlstate(), result.message() + " in: " + text.substr(0, 200));
    }
    return result;
}

Result Connection::prepare(const std::string& name, const std::string& text) {
    return receive(get(), PQsendPrepare(get(), name.c_str(), text.c_str(), 0, nullptr));
}

Result Connection::execute(const std::string& name, const std::vector<std::string>& values) {
    return receive(get(), PQsendQueryPrepared(get(), name.c_str(), static_cast<int>(values.size()),
                                              pointers(values).data(), nullptr, nullptr, 0));
}

void Connection::vanish() {
    ::shutdown(PQsocket(get()), SHUT_RDWR);
}

}  // namespace pgring::e2e
