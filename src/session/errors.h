#pragma once
/// Every error that pgring itself tells a client, with its SQLSTATE: the one place where causes become codes.

#include <string_view>

#include "wire/messages.h"

namespace pgring::session {

/// PostgreSQL docs, "PostgreSQL Error Codes".
namespace sqlstate {
inline constexpr std::string_view kProtocolViolation = "08P01";
inline constexpr std::string_view kConnectionFailure = "08006";
inline constexpr std::string_view kTransactionResolutionUnknown = "08007";
inline constexpr std::string_view kFeatureNotSupported = "0A000";
inline constexpr std::string_view kInvalidParameterValue = "22023";
inline constexpr std::string_view kInvalidAuthorization = "28000";
inline constexpr std::string_view kDuplicateStatement = "42P05";
inline constexpr std::string_view kInvalidStatementName = "26000";
inline constexpr std::string_view kInvalidCatalogName = "3D000";
inline constexpr std::string_view kWarning = "01000";
inline constexpr std::string_view kSerializationFailure = "40001";
inline constexpr std::string_view kTooManyConnections = "53300";
inline constexpr std::string_view kOutOfMemory = "53200";
inline constexpr std::string_view kConfigurationLimitExceeded = "53400";
inline constexpr std::string_view kProgramLimitExceeded = "54000";
inline constexpr std::string_view kQueryCanceled = "57014";
inline constexpr std::string_view kAdminShutdown = "57P01";
inline constexpr std::string_view kCannotConnectNow = "57P03";
inline constexpr std::string_view kInFailedTransaction = "25P02";
inline constexpr std::string_view kIdleInTransactionTimeout = "25P03";
inline constexpr std::string_view kTransactionTimeout = "25P04";
inline constexpr std::string_view kIdleSessionTimeout = "57P05";
}  // namespace sqlstate

/// An error before its severity and texts are written.
struct Error {
    std::string_view sqlstate;
    std::string_view message;
    std::string_view detail{};
    std::string_view hint{};
    /// By which some drivers tell errors apart that have one SQLSTATE.
    std::string_view routine{};
};

namespace errors {

/// As PostgreSQL says it.
inline constexpr Error kOutdatedPlan{.sqlstate = sqlstate::kFeatureNotSupported,
                                     .message = "cached plan must not change result type",
                                     .routine = "RevalidateCachedQuery"};
inline constexpr Error kOutOfMemory{.sqlstate = sqlstate::kOutOfMemory,
                                    .message = "pgring is out of buffers",
                                    .hint = "Raise receive_buffers, or lower max_client_conn."};
inline constexpr Error kQueryWaitTimeout{
    .sqlstate = sqlstate::kTooManyConnections,
    .message = "query_wait_timeout",
    .detail = "No server connection became free in time; nothing was executed."};
inline constexpr Error kNoPrimary{.sqlstate = sqlstate::kCannotConnectNow,
                                  .message = "query_wait_timeout: the cluster has no primary",
                                  .detail = "No server took over in time; nothing was executed."};
inline constexpr Error kNoStandby{.sqlstate = sqlstate::kCannotConnectNow,
                                  .message = "query_wait_timeout: no standby can serve this session",
                                  .detail = "The session may only read from standbys; nothing was executed."};
inline constexpr Error kNoListener{
    .sqlstate = sqlstate::kTooManyConnections,
    .message = "query_wait_timeout: there is no server connection to listen on",
    .detail = "The channel is not listened on."};
inline constexpr Error kNoPlaceToListen{
    .sqlstate = sqlstate::kTooManyConnections,
    .message = "no place for a server connection that listens (max_db_connections, max_user_connections)",
    .detail = "The channel is not listened on."};
inline constexpr Error kNotificationsUnread{
    .sqlstate = sqlstate::kProgramLimitExceeded,
    .message = "too many notifications wait for this client",
    .detail = "It reads them too slowly, or stays in a transaction too long."};
/// A warning.
inline constexpr Error kNotificationsMissed{
    .sqlstate = sqlstate::kWarning,
    .message = "notifications may have been missed",
    .detail = "The server connection that listens was lost. It listens again on all channels.",
    .hint = "Look at the data that the notifications are about."};
inline constexpr Error kTooManyWaiting{
    .sqlstate = sqlstate::kTooManyConnections,
    .message = "too many sessions wait for a server connection (waiting_clients_max)",
    .detail = "Nothing was executed."};
inline constexpr Error kCanceledWhileWaiting{
    .sqlstate = sqlstate::kQueryCanceled,
    .message = "canceling statement due to user request",
    .detail = "It was waiting for a server connection; nothing was executed."};
// PostgreSQL's sentences, with the names of pgbouncer's settings in place of its own.
inline constexpr Error kQueryTimeout{.sqlstate = sqlstate::kQueryCanceled,
                                     .message = "canceling statement due to query_timeout"};
inline constexpr Error kQueryTimeoutWhileWaiting{
    .sqlstate = sqlstate::kQueryCanceled,
    .message = "canceling statement due to query_timeout",
    .detail = "It was waiting for a server connection; nothing was executed."};
inline constexpr Error kIdleTransactionTimeout{
    .sqlstate = sqlstate::kIdleInTransactionTimeout,
    .message = "terminating connection due to idle_transaction_timeout"};
inline constexpr Error kTransactionTimeout{.sqlstate = sqlstate::kTransactionTimeout,
                                           .message = "terminating connection due to transaction_timeout"};
inline constexpr Error kClientIdleTimeout{.sqlstate = sqlstate::kIdleSessionTimeout,
                                          .message = "terminating connection due to client_idle_timeout"};
inline constexpr Error kTransactionLost{
    .sqlstate = sqlstate::kSerializationFailure,
    .message = "the server connection was lost; the transaction was not committed",
    .hint = "Nothing of it was applied. Run the transaction again."};
inline constexpr Error kStatementLost{
    .sqlstate = sqlstate::kSerializationFailure,
    .message = "the server connection was lost; the statement changed nothing",
    .hint = "Run it again."};
inline constexpr Error kOutcomeUnknown{
    .sqlstate = sqlstate::kTransactionResolutionUnknown,
    .message = "the server connection was lost; it is unknown whether the statement was committed",
    .hint = "Look at the data before running it again."};
inline constexpr Error kSessionLost{
    .sqlstate = sqlstate::kConnectionFailure,
    .message = "the server connection was lost, and with it the state of this session",
    .hint = "Connect again."};
inline constexpr Error kShutdown{.sqlstate = sqlstate::kAdminShutdown, .message = "pooler is shutting down"};
inline constexpr Error kTooManyClients{.sqlstate = sqlstate::kTooManyConnections,
                                       .message = "no more connections allowed (max_client_conn)"};
inline constexpr Error kTooManyDatabaseClients{
    .sqlstate = sqlstate::kTooManyConnections,
    .message = "client connections exceeded (max_db_client_connections)"};
inline constexpr Error kTooManyUserClients{
    .sqlstate = sqlstate::kTooManyConnections,
    .message = "client connections exceeded (max_user_client_connections)"};
inline constexpr Error kLoginTimeout{.sqlstate = sqlstate::kInvalidAuthorization,
                                     .message = "client_login_timeout"};
inline constexpr Error kQueryAmidBatch{
    .sqlstate = sqlstate::kFeatureNotSupported,
    .message = "a simple query cannot execute a prepared statement amid a batch of the extended protocol",
    .hint = "Send Sync before it."};
inline constexpr Error kTransactionBlock{
    .sqlstate = sqlstate::kFeatureNotSupported,
    .message = "transaction blocks are not allowed in statement pooling mode",
    .hint =
        "Send what belongs together as one query, or ask for a database that has pool_mode = "
        "\"transaction\"."};
inline constexpr Error kStatementTooLong{
    .sqlstate = sqlstate::kProgramLimitExceeded,
    .message = "named prepared statement is longer than prepared_statement_bytes_max"};
inline constexpr Error kTooManyStatements{.sqlstate = sqlstate::kConfigurationLimitExceeded,
                                          .message = "too many prepared statements"};
inline constexpr Error kNamesTooLong{.sqlstate = sqlstate::kProgramLimitExceeded,
                                     .message = "name of a portal or prepared statement is too long"};
inline constexpr Error kInFailedTransaction{
    .sqlstate = sqlstate::kInFailedTransaction,
    .message = "current transaction is aborted, commands ignored until end of transaction block"};
inline constexpr Error kBadMessage{.sqlstate = sqlstate::kProtocolViolation,
                                   .message = "invalid message format"};

}  // namespace errors

inline void write_error(wire::MessageWriter& writer, wire::Severity severity, const Error& error) {
    wire::write_error(writer, {.severity = severity,
                               .sqlstate = error.sqlstate,
                               .message = error.message,
                               .detail = error.detail,
                               .hint = error.hint,
                               .routine = error.routine});
}

}  // namespace pgring::session
