#pragma once
/// The judgement on a parsed text.

#include <span>

#include "sql/builtins.h"
#include "sql/traits.h"
#include "sql/tree.h"

namespace pgring::sql {

/// Judges the statements of one text, each by its kind, and unites the findings.
[[nodiscard]] Traits judge(std::span<const TreeNode> statements, const FunctionCatalogue& functions);

}  // namespace pgring::sql
