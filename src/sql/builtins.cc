#include "sql/builtins.h"

#include <algorithm>
#include <array>

namespace pgring::sql {

namespace {

struct Function {
    std::string_view name;
    FunctionKind kind;
};

constexpr Function kFunctions[] = {
#define FUNCTION(name, kind) {name, FunctionKind::kind},
#include "sql/builtins.inc"
#undef FUNCTION
};

constexpr std::string_view kOperators[] = {
#define OPERATOR(name) name,
#include "sql/builtins.inc"
#undef OPERATOR
};

constexpr std::string_view kTypes[] = {
#define TYPE(name) name,
#include "sql/builtins.inc"
#undef TYPE
};

/// Beside everything that begins with pg_stat_ or pg_statio_. pg_sequences is here because a standby is up to
/// 32 values ahead in last_value: the primary logs that many in advance.
constexpr std::string_view kServerStateRelations[] = {
    "pg_backend_memory_contexts",
    "pg_cursors",
    "pg_file_settings",
    "pg_hba_file_rules",
    "pg_ident_file_mappings",
    "pg_locks",
    "pg_prepared_statements",
    "pg_prepared_xacts",
    "pg_replication_origin_status",
    "pg_replication_slots",
    "pg_sequences",
    "pg_settings",
    "pg_shmem_allocations",
};

static_assert(std::ranges::is_sorted(kFunctions, {}, &Function::name));
static_assert(std::ranges::is_sorted(kOperators));
static_assert(std::ranges::is_sorted(kTypes));
static_assert(std::ranges::is_sorted(kServerStateRelations));

class BuiltinFunctions final : public FunctionCatalogue {
  public:
    [[nodiscard]] FunctionKind kind_of(std::string_view schema, std::string_view name) const override {
        if (!schema.empty() && schema != "pg_catalog") {
            return FunctionKind::Unknown;
        }
        const auto* found = std::ranges::lower_bound(kFunctions, name, {}, &Function::name);
        if (found != std::end(kFunctions) && found->name == name) {
            return found->kind;
        }
        // A type's name in the place of a function's is a cast: jsonb('{}').
        return is_builtin_type(name) ? FunctionKind::Harmless : FunctionKind::Unknown;
    }
};

}  // namespace

const FunctionCatalogue& builtin_functions() {
    static const BuiltinFunctions functions;
    return functions;
}

bool is_builtin_operator(std::string_view name) {
    return std::ranges::binary_search(kOperators, name);
}

bool is_builtin_type(std::string_view name) {
    return std::ranges::binary_search(kTypes, name);
}

bool is_server_state_relation(std::string_view name) {
    return name.starts_with("pg_stat_") || name.starts_with("pg_statio_") ||
           std::ranges::binary_search(kServerStateRelations, name);
}

}  // namespace pgring::sql
