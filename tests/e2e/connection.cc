#include "connection.h"

#include <regex>

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

/// Connects step by step, as only that leaves room to ask for SQLSTATEs in what the login says.
PGconn* connect(const Parameters& parameters) {
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

Connection::Connection(const Parameters& parameters) : connection_(connect(parameters), PQfinish) {
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
    return Result(PQexec(get(), text.c_str()));
}

Result Connection::attempt(const std::string& text, const std::vector<std::string>& values) {
    return Result(PQexecParams(get(), text.c_str(), static_cast<int>(values.size()), nullptr,
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
    return Result(PQprepare(get(), name.c_str(), text.c_str(), 0, nullptr));
}

Result Connection::execute(const std::string& name, const std::vector<std::string>& values) {
    return Result(PQexecPrepared(get(), name.c_str(), static_cast<int>(values.size()),
                                 pointers(values).data(), nullptr, nullptr, 0));
}

void Connection::vanish() {
    ::shutdown(PQsocket(get()), SHUT_RDWR);
}

}  // namespace pgring::e2e
