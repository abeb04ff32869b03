#pragma once
/// Pins: why a session in transaction pooling keeps its backend, because what it left there cannot be carried
/// over.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sql/traits.h"
#include "stats/worker_stats.h"

namespace pgring::session {

enum class Pin : std::uint8_t {
    None,
    Parameter,        ///< SET of a parameter whose name or value cannot be told
    Role,             ///< SET ROLE, SET SESSION AUTHORIZATION
    SessionFunction,  ///< set_config(.., false), setseed and their like
    TemporaryObject,
    AdvisoryLock,
    HoldCursor,
    Listen,
    LoadLibrary,
    SqlPrepare,  ///< PREPARE in SQL of what cannot be prepared elsewhere
    Code,        ///< DO or CALL, which may do any of the above
    Sequence,    ///< a write, where sessions call currval() or lastval() after their writes
};

/// All that is known of one reason.
struct PinRule {
    Pin pin = Pin::None;
    std::string_view name;
    /// What a client would call it, for its error message.
    std::string_view feature;
    /// What the client can do instead, for the hint.
    std::string_view instead;
    /// Ends of the error message and of the hint: which setting forbids it, where it would be allowed.
    std::string_view forbidden_by = " (unpoolable_statements)";
    std::string_view elsewhere =
        " Or ask for a database that has pool_mode = \"session\" or unpoolable_statements = \"pin\".";
    /// Effects of statements that may leave it behind.
    sql::Effects leaves;
    /// Effects of statements that may take it away again.
    sql::Effects undoes;
    /// SQL of type boolean that is true exactly while it is there; asked outside of a transaction. `$user`
    /// stands for the user as whom pgring logged in, as a literal, `$prepared` for the number of statements
    /// prepared by SQL that can be carried over. Empty where the server does not tell.
    std::string_view fact{};
};

inline constexpr std::array kPinRules = {
    PinRule{.pin = Pin::Parameter,
            .name = "parameter",
            .feature = "a setting whose name or value is not a constant",
            .instead = "Use SET LOCAL inside a transaction, or write the value as a constant.",
            .leaves = sql::Effect::SetParameter | sql::Effect::SetTransactionDefaults,
            .undoes = {}},
    PinRule{.pin = Pin::Role,
            .name = "role",
            .feature = "SET ROLE and SET SESSION AUTHORIZATION",
            .instead = "Use SET LOCAL ROLE inside a transaction.",
            .leaves = sql::Effect::SetRole,
            .undoes = sql::Effect::SetRole,
            .fact = "pg_catalog.current_setting('role') OPERATOR(pg_catalog.<>) 'none' OR "
                    "session_user OPERATOR(pg_catalog.<>) $user"},
    PinRule{.pin = Pin::SessionFunction,
            .name = "session_function",
            .feature = "a function that changes the state of the session",
            .instead = "Use set_config() with is_local = true inside a transaction.",
            .leaves = sql::Effect::SetSessionState,
            .undoes = {}},
    // Whatever is made in pg_temp depends on that schema; it is how PostgreSQL itself finds what to drop at
    // the end of a session.
    PinRule{.pin = Pin::TemporaryObject,
            .name = "temporary_object",
            .feature = "a temporary table or other object that outlives its transaction",
            .instead = "Use ON COMMIT DROP inside a transaction.",
            .leaves = sql::Effect::TemporaryObject,
            .undoes = sql::Effect::DropObject | sql::Effect::DiscardTemporary,
            .fact = "EXISTS (SELECT FROM pg_catalog.pg_depend WHERE refclassid OPERATOR(pg_catalog.=) "
                    "'pg_catalog.pg_namespace'::pg_catalog.regclass AND refobjid OPERATOR(pg_catalog.=) "
                    "pg_catalog.pg_my_temp_schema())"},
    PinRule{
        .pin = Pin::AdvisoryLock,
        .name = "advisory_lock",
        .feature = "an advisory lock that outlives its transaction",
        .instead = "Use pg_advisory_xact_lock() inside a transaction.",
        .leaves = sql::Effect::AdvisoryLock,
        .undoes = sql::Effect::AdvisoryUnlock,
        .fact =
            "EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype OPERATOR(pg_catalog.=) 'advisory' AND "
            "pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid())"},
    PinRule{.pin = Pin::HoldCursor,
            .name = "hold_cursor",
            .feature = "a cursor WITH HOLD",
            .instead = "Use a cursor WITHOUT HOLD inside a transaction.",
            .leaves = sql::Effect::HoldCursor,
            .undoes = sql::Effect::CloseCursor,
            .fact = "EXISTS (SELECT FROM pg_catalog.pg_cursors WHERE is_holdable)"},
    PinRule{.pin = Pin::Listen,
            .name = "listen",
            .feature = "LISTEN",
            .instead = "Use a connection in session pooling.",
            .leaves = sql::Effect::Listen,
            .undoes = sql::Effect::Unlisten,
            .fact = "EXISTS (SELECT FROM pg_catalog.pg_listening_channels())"},
    PinRule{.pin = Pin::LoadLibrary,
            .name = "load_library",
            .feature = "LOAD",
            .instead = "Use session_preload_libraries at the server.",
            .leaves = sql::Effect::LoadLibrary,
            .undoes = {}},
    PinRule{.pin = Pin::SqlPrepare,
            .name = "sql_prepare",
            .feature = "PREPARE of a text that is too long, or with parameters of types that are not "
                       "PostgreSQL's own",
            .instead = "Leave the types out, or use the prepared statements of the driver.",
            .leaves = sql::Effect::SqlPrepare,
            .undoes = sql::Effect::SqlDeallocate,
            .fact = "(SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_statements WHERE from_sql) "
                    "OPERATOR(pg_catalog.<>) $prepared"},
    PinRule{.pin = Pin::Code,
            .name = "code",
            .feature = "DO and CALL",
            .instead = "Use plain statements.",
            .leaves = sql::Effect::MayChangeSession,
            .undoes = {}},
    // Any write may call nextval(), in a default or a trigger; see Session::forgot_sequences().
    PinRule{.pin = Pin::Sequence,
            .name = "sequence",
            .feature = "what currval() and lastval() remember of an earlier transaction",
            .instead = "Use INSERT .. RETURNING, or call it in the transaction that wrote.",
            .forbidden_by = "",
            .elsewhere = " Or ask for a database that has pool_mode = \"session\".",
            .leaves = {},
            .undoes = {}},
};
static_assert(kPinRules.size() == stats::kPinReasons);

[[nodiscard]] constexpr std::size_t index_of(Pin pin) {
    return static_cast<std::size_t>(pin) - 1;
}
[[nodiscard]] constexpr const PinRule& rule_of(Pin pin) {
    return kPinRules[index_of(pin)];
}
static_assert(
    [] {
        for (std::size_t i = 0; i < kPinRules.size(); ++i) {
            if (index_of(kPinRules[i].pin) != i) {
                return false;
            }
        }
        return true;
    }(),
    "a rule stands at the place of its pin");

/// The first pin that a statement with these effects needs.
[[nodiscard]] constexpr Pin pin_of(sql::Effects effects) {
    for (const PinRule& rule : kPinRules) {
        if (effects.has_any(rule.leaves)) {
            return rule.pin;
        }
    }
    return Pin::None;
}

[[nodiscard]] constexpr std::string_view to_string(Pin pin) {
    return pin == Pin::None ? "none" : rule_of(pin).name;
}

}  // namespace pgring::session
