#pragma once
/// What pgring knows of PostgreSQL's own functions, operators and types, and the seam where knowledge of a
/// database's own functions comes in.

#include <cstdint>
#include <string_view>

namespace pgring::sql {

/// What calling a function means.
enum class FunctionKind : std::uint8_t {
    Unknown,         ///< not in any table: it may do anything
    Harmless,        ///< a standby answers as well as the primary
    PrimaryOnly,     ///< writes, or tells of the primary's or the session's own state
    AdvisoryLock,    ///< takes a lock that outlives the transaction
    AdvisoryUnlock,  ///< gives it back
    Sequence,        ///< nextval, setval: writes, and the session remembers it
    SequenceMemory,  ///< currval, lastval: reads what the session remembers of sequences
    SetConfig,       ///< set_config: depends on its arguments
    CurrentSetting,  ///< current_setting: depends on its argument
    SessionState,    ///< leaves something behind in the session
};

/// Where functions are looked up. The classifier asks it once for each new shape, so that it may be slow by
/// its standards; who implements it over a database's pg_proc calls Classifier::forget() when the answers
/// change.
class FunctionCatalogue {
  public:
    FunctionCatalogue() = default;
    FunctionCatalogue(const FunctionCatalogue&) = delete;
    FunctionCatalogue& operator=(const FunctionCatalogue&) = delete;
    virtual ~FunctionCatalogue() = default;

    /// The kind of the function `name` as written in a statement; `schema` is empty where none is written.
    [[nodiscard]] virtual FunctionKind kind_of(std::string_view schema, std::string_view name) const = 0;
};

/// The functions of pg_catalog, named with that schema or with none, from the catalogs of PostgreSQL 15. That
/// an unqualified name means the built-in function holds unless search_path puts another schema before
/// pg_catalog, or a user's overload fits the arguments better; both are rare, and a standby refuses what they
/// would write.
[[nodiscard]] const FunctionCatalogue& builtin_functions();

/// Whether every built-in operator of this name is harmless. The same reservation holds as for functions.
[[nodiscard]] bool is_builtin_operator(std::string_view name);

/// Whether pg_catalog has a type of this name. The input functions and casts of others may be a user's own
/// code.
[[nodiscard]] bool is_builtin_type(std::string_view name);

/// Whether pg_catalog's relation of this name tells of the server's or the session's own state, which a
/// standby has otherwise (pg_locks), or not at all (pg_stat_replication).
[[nodiscard]] bool is_server_state_relation(std::string_view name);

}  // namespace pgring::sql
