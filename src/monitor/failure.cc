#include "monitor/failure.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace pgring::monitor {

namespace {

using failover::ProbeFailure;

constexpr std::size_t kSqlstateLength = 5;

/// libpq's words for EOF. Where libpq is translated they are not found, and the failure counts as Failed:
/// also a miss.
constexpr std::string_view kClosedSilently = "server closed the connection unexpectedly";

bool is_sqlstate(std::string_view text) {
    return text.size() == kSqlstateLength &&
           std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); });
}

/// `text` on one line: libpq ends its messages with a newline, and PQERRORS_VERBOSE adds lines that serve
/// nobody here.
std::string first_line(std::string_view text) {
    return std::string(text.substr(0, text.find('\n')));
}

/// libpq puts strerror's words into its message, in whatever language; so the same words are looked for.
bool mentions(std::string_view text, int error_number) {
    return text.find(std::strerror(error_number)) != std::string_view::npos;
}

ProbeFailure classify_text(std::string_view text) {
    const std::string_view sqlstate = find_sqlstate(text);
    if (!sqlstate.empty()) {
        return classify_sqlstate(sqlstate);
    }
    // A host may have several addresses, each with its line. The less certain sign counts: one of them was
    // reached.
    if (mentions(text, ECONNRESET) || mentions(text, EPIPE) || text.find(kClosedSilently) != text.npos) {
        return ProbeFailure::Disconnected;
    }
    // ENOENT: the file of a unix socket, which the postmaster removes when it ends.
    if (mentions(text, ECONNREFUSED) || mentions(text, ENOENT)) {
        return ProbeFailure::Refused;
    }
    return ProbeFailure::Failed;
}

}  // namespace

ProbeFailure classify_sqlstate(std::string_view sqlstate) {
    // PostgreSQL docs, "Error Codes".
    if (sqlstate == "57P03") {  // cannot_connect_now
        return ProbeFailure::NotAccepting;
    }
    if (sqlstate == "53300") {  // too_many_connections
        return ProbeFailure::TooManyConnections;
    }
    if (sqlstate == "57P01" || sqlstate == "57P02" || sqlstate == "57P05") {  // the backend was told to go
        return ProbeFailure::Disconnected;
    }
    if (sqlstate == "57014") {  // query_canceled: our own statement_timeout
        return ProbeFailure::TimedOut;
    }
    if (sqlstate.starts_with("28")) {  // invalid_authorization_specification, invalid_password
        return ProbeFailure::AuthenticationFailed;
    }
    return ProbeFailure::Failed;
}

std::string_view find_sqlstate(std::string_view text) {
    constexpr std::string_view kBefore = ":  ";
    constexpr std::string_view kAfter = ": ";
    std::string_view found;
    for (std::size_t at = text.find(kBefore); at != std::string_view::npos; at = text.find(kBefore, at + 1)) {
        const std::string_view rest = text.substr(at + kBefore.size());
        const std::string_view candidate = rest.substr(0, kSqlstateLength);
        if (is_sqlstate(candidate) && rest.substr(kSqlstateLength).starts_with(kAfter)) {
            found = candidate;
        }
    }
    return found;
}

Failure classify_connection_failure(const PGconn* connection) {
    const std::string_view text = PQerrorMessage(connection);
    if (PQconnectionNeedsPassword(connection) != 0) {
        return Failure{.kind = ProbeFailure::AuthenticationFailed, .text = first_line(text)};
    }
    return Failure{.kind = classify_text(text), .text = first_line(text)};
}

Failure classify_result_failure(const PGresult* result) {
    const char* sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    return Failure{.kind = sqlstate == nullptr ? ProbeFailure::Disconnected : classify_sqlstate(sqlstate),
                   .text = first_line(message == nullptr ? PQresultErrorMessage(result) : message)};
}

}  // namespace pgring::monitor
