#pragma once
/// Where a client wants to go: a database as a user, with what it takes to log in there and the pools that
/// lead there.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "auth/secret.h"
#include "config/terms.h"
#include "pool/pool.h"
#include "pool/quota.h"
#include "session/function_verdicts.h"
#include "session/listener.h"
#include "session/parameters.h"
#include "session/startup_parameters.h"
#include "session/statements.h"

namespace pgring::session {

/// One worker's; lives as long as the worker.
struct Destination {
    explicit Destination(std::shared_ptr<StatementTexts> texts) : statements(std::move(texts)) {}

    /// Its name at the servers.
    std::string database;
    /// As whom pgring logs in there.
    std::string user;
    config::Terms terms;
    /// Run on each new backend; empty is none.
    std::string connect_query;
    /// Of a user that the database forces, with its password; `secret` points here then.
    std::optional<auth::Secret> forced_secret;
    /// What is known of its functions; shared by all destinations of the database in this worker.
    FunctionVerdicts* functions = nullptr;
    /// Some session asked for currval() or lastval(): from then on what others' writes have left for them is
    /// discarded before a session writes.
    bool asks_sequences = false;
    /// And of an earlier transaction: from then on sessions keep the backend where they have written.
    bool reads_sequences = false;
    /// Session pooling: what its clients ask for in their startup packet, and its backends in theirs; so
    /// RESET and DISCARD ALL mean to them what they mean without pgring. Empty in transaction pooling, where
    /// sessions that started differently share backends.
    std::vector<SpelledParameter> startup_parameters;
    /// Backends of replication are walsenders: each serves one client and is closed after it.
    Replication replication = Replication::None;
    /// nullptr where the user is in no list: the servers must then trust pgring.
    const auth::Secret* secret = nullptr;
    /// Learned from the latest client that logged in with a SCRAM secret as the same user.
    std::optional<auth::LearnedKeys> learned_keys;
    /// What the latest fresh backend reported: the parameters of a session that sets nothing. Null before the
    /// first login.
    ParameterSetPtr defaults;
    ParameterSetPtr fixed;
    /// Whether that backend was on a standby.
    bool in_hot_standby = false;
    /// The prepared statements that its sessions have names for.
    StatementMap statements;
    /// The channels that its sessions listen on, in transaction pooling.
    Listener listener;
    /// One a server, in the configuration's order.
    std::vector<std::unique_ptr<pool::Pool>> pools;
    static constexpr std::size_t kQuotaCount = 2;
    /// What its backends count under besides their pools' budgets: max_db_connections and
    /// max_user_connections; nullptr where there is no such limit.
    std::array<pool::Quota*, kQuotaCount> quotas{};
};

}  // namespace pgring::session
