#pragma once
/// Pins: why a session in transaction pooling keeps its backend, because what it left there cannot be carried
/// over.

#include <cstdint>
#include <string_view>

#include "sql/traits.h"

namespace pgring::session {

enum class Pin : std::uint8_t {
    None,
    Parameter,        ///< SET of a parameter that the server does not report
    Role,             ///< SET ROLE, SET SESSION AUTHORIZATION
    SessionFunction,  ///< set_config(.., false), setseed and their like
    TemporaryObject,
    AdvisoryLock,
    HoldCursor,
    Listen,
    LoadLibrary,
    SqlPrepare,  ///< PREPARE in SQL
    Code,        ///< DO or CALL, which may do any of the above
};

/// The pin that a statement with these effects needs.
[[nodiscard]] constexpr Pin pin_of(sql::Effects effects) {
    struct Row {
        sql::Effects effects;
        Pin pin;
    };
    constexpr Row kRows[] = {
        {sql::Effect::SetParameter | sql::Effect::SetTransactionDefaults, Pin::Parameter},
        {sql::Effect::SetRole, Pin::Role},
        {sql::Effect::SetSessionState, Pin::SessionFunction},
        {sql::Effect::TemporaryObject, Pin::TemporaryObject},
        {sql::Effect::AdvisoryLock, Pin::AdvisoryLock},
        {sql::Effect::HoldCursor, Pin::HoldCursor},
        {sql::Effect::Listen, Pin::Listen},
        {sql::Effect::LoadLibrary, Pin::LoadLibrary},
        {sql::Effect::SqlPrepare, Pin::SqlPrepare},
        {sql::Effect::MayChangeSession, Pin::Code},
    };
    for (const Row& row : kRows) {
        if (effects.has_any(row.effects)) {
            return row.pin;
        }
    }
    return Pin::None;
}

[[nodiscard]] constexpr std::string_view to_string(Pin pin) {
    switch (pin) {
        case Pin::None:
            return "none";
        case Pin::Parameter:
            return "parameter";
        case Pin::Role:
            return "role";
        case Pin::SessionFunction:
            return "session_function";
        case Pin::TemporaryObject:
            return "temporary_object";
        case Pin::AdvisoryLock:
            return "advisory_lock";
        case Pin::HoldCursor:
            return "hold_cursor";
        case Pin::Listen:
            return "listen";
        case Pin::LoadLibrary:
            return "load_library";
        case Pin::SqlPrepare:
            return "sql_prepare";
        case Pin::Code:
            return "code";
    }
    return "unknown";
}

}  // namespace pgring::session
