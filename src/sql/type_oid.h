#pragma once
/// The types that every PostgreSQL has, by what a statement calls them.

#include <cstdint>

#include "sql/tree.h"

namespace pgring::sql {

/// No type.
inline constexpr std::uint32_t kNoType = 0;

/// The oid of the type that a TypeName names; kNoType where it is none of the common ones of pg_catalog, all
/// of which have had theirs for ever (PostgreSQL's catalog/pg_type.dat).
[[nodiscard]] std::uint32_t builtin_type_oid(TreeNode type_name);

}  // namespace pgring::sql
