#pragma once
/// The walk over a query: is it provably a read, and what does it leave behind.

#include <cstdint>

#include "sql/builtins.h"
#include "sql/traits.h"
#include "sql/tree.h"

namespace pgring::sql {

/// What running one statement means.
struct Finding {
    Access access = Access::Read;
    Effects effects;

    constexpr void merge(Finding other) {
        access = access == Access::Write ? access : other.access;
        effects |= other.effects;
    }
    friend constexpr bool operator==(const Finding&, const Finding&) = default;
};

/// What happens to a query: it runs, or (EXPLAIN) is only planned, which calls its harmless functions at
/// most.
enum class Fate : std::uint8_t { Executed, Planned };

/// Walks over SELECT, VALUES, INSERT, UPDATE, DELETE, MERGE, CREATE TABLE AS or any expression in `root`.
/// Read only if every node in it is of a kind known to be harmless, every function is harmless by
/// `functions`, and every operator, type and relation is not known to be otherwise. Not recursive.
[[nodiscard]] Finding walk_query(TreeNode root, const FunctionCatalogue& functions,
                                 Fate fate = Fate::Executed);

/// Walks over a statement that defines or changes objects: a Write, TemporaryObject if pg_temp has part in
/// it, and DropObject where it drops.
[[nodiscard]] Finding walk_definition(TreeNode root);

/// The constant string in a node, or one that does not exist. `known` is false for NULL and for all other
/// nodes.
struct ConstantString {
    bool known = false;
    std::string_view value;
};
[[nodiscard]] ConstantString constant_string(TreeNode node);

/// Whether a node is the key word TRUE, not merely something that means it.
[[nodiscard]] bool is_keyword_true(TreeNode node);

}  // namespace pgring::sql
