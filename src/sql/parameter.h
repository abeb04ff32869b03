#pragma once
/// What pgring must know of a configuration parameter before somebody sets or shows it.

#include <cstdint>
#include <string>
#include <string_view>

#include "sql/traits.h"

namespace pgring::sql {

enum class ParameterKind : std::uint8_t {
    Ordinary,
    Reported,            ///< a change of it is told to the client by ParameterStatus (PostgreSQL 15)
    Role,                ///< role and session_authorization
    TransactionDefault,  ///< default_transaction_isolation, _read_only, _deferrable
    TransactionState,    ///< transaction_isolation, _read_only, _deferrable: of the transaction, not of the
                         ///< session
    Seed,                ///< the state of random()
};

/// Both take a name in lower case, see folded_name().
[[nodiscard]] ParameterKind kind_of_parameter(std::string_view name);
/// Whether a standby answers otherwise than the primary when asked for its value.
[[nodiscard]] bool differs_on_standby(std::string_view name);

/// What SET leaves behind in the session.
[[nodiscard]] Effects effects_of_set(std::string_view name);
/// What RESET, or SET TO DEFAULT, leaves behind.
[[nodiscard]] Effects effects_of_reset(std::string_view name);

/// The name as PostgreSQL compares it: without regard to case in ASCII.
[[nodiscard]] std::string folded_name(std::string_view name);

}  // namespace pgring::sql
