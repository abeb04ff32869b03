#include "sql/query_walk.h"

#include <array>
#include <initializer_list>
#include <string>
#include <vector>

#include "sql/parameter.h"

namespace pgring::sql {

namespace {

using KindSet = std::array<bool, kMessageCount>;

constexpr KindSet kinds(std::initializer_list<Message> members) {
    KindSet set{};
    for (const Message member : members) {
        set[static_cast<std::size_t>(member)] = true;
    }
    return set;
}

constexpr bool contains(const KindSet& set, Message kind) {
    return set[static_cast<std::size_t>(kind)];
}

/// What a read may be made of. Whatever is not here writes, locks (LockingClause), creates (IntoClause) or is
/// news.
constexpr KindSet kKindsOfReads = kinds({
    Message::A_ArrayExpr,
    Message::A_Const,
    Message::A_Expr,
    Message::A_Indices,
    Message::A_Indirection,
    Message::A_Star,
    Message::Alias,
    Message::BitString,
    Message::BoolExpr,
    Message::Boolean,
    Message::BooleanTest,
    Message::CTECycleClause,
    Message::CTESearchClause,
    Message::CaseExpr,
    Message::CaseWhen,
    Message::CoalesceExpr,
    Message::CollateClause,
    Message::ColumnDef,
    Message::ColumnRef,
    Message::CommonTableExpr,
    Message::Float,
    Message::FuncCall,
    Message::GroupingFunc,
    Message::GroupingSet,
    Message::Integer,
    Message::JoinExpr,
    Message::List,
    Message::MinMaxExpr,
    Message::NamedArgExpr,
    Message::Node,
    Message::NullTest,
    Message::ParamRef,
    Message::RangeFunction,
    Message::RangeSubselect,
    Message::RangeTableFunc,
    Message::RangeTableFuncCol,
    Message::RangeTableSample,
    Message::RangeVar,
    Message::ResTarget,
    Message::RowExpr,
    Message::SQLValueFunction,
    Message::SelectStmt,
    Message::SortBy,
    Message::String,
    Message::SubLink,
    Message::TypeCast,
    Message::TypeName,
    Message::WindowDef,
    Message::WithClause,
    Message::XmlExpr,
    Message::XmlSerialize,
});

/// What may be planned, besides, without doing it. Not so INTO and CREATE TABLE AS, which EXPLAIN checks like
/// the real thing: a standby answers 25006 where the table is temporary.
constexpr KindSet kKindsOfPlans = kinds({
    Message::CurrentOfExpr,
    Message::DeleteStmt,
    Message::IndexElem,
    Message::InferClause,
    Message::InsertStmt,
    Message::LockingClause,
    Message::MergeStmt,
    Message::MergeWhenClause,
    Message::MultiAssignRef,
    Message::OnConflictClause,
    Message::SetToDefault,
    Message::UpdateStmt,
});

struct QualifiedName {
    std::string_view schema;
    std::string_view name;
};

/// The last two parts of a name; a database before them can only be the current one.
QualifiedName qualified_name(const std::vector<std::string_view>& parts) {
    QualifiedName name;
    if (!parts.empty()) {
        name.name = parts.back();
    }
    if (parts.size() > 1) {
        name.schema = parts[parts.size() - 2];
    }
    return name;
}

bool in_catalog(QualifiedName name) {
    return name.schema.empty() || name.schema == "pg_catalog";
}

bool is_temporary_schema(std::string_view schema) {
    return schema == "pg_temp" || schema.starts_with("pg_temp_");
}

bool is_temporary_relation(TreeNode range_var) {
    return range_var.string(field::kRangeVarRelpersistence) == "t" ||
           is_temporary_schema(range_var.string(field::kRangeVarSchemaname));
}

class QueryWalk {
  public:
    QueryWalk(const FunctionCatalogue& functions, Fate fate) : functions_(functions), fate_(fate) {}

    Finding run(TreeNode root) {
        std::vector<TreeNode> open{root};
        while (!open.empty()) {
            const TreeNode node = open.back();
            open.pop_back();
            visit(node);
            node.append_children(open);
        }
        if (fate_ == Fate::Planned) {
            finding_.effects = {};
        }
        return finding_;
    }

  private:
    void visit(TreeNode node);
    void visit_function(TreeNode call);
    void visit_set_config(TreeNode call);
    void visit_operator(TreeNode parent, std::uint32_t name_field);
    void visit_type(TreeNode type);
    void visit_relation(TreeNode range_var);
    void visit_into(TreeNode into);

    void writes() { finding_.access = Access::Write; }
    void writes(Effects effects) {
        writes();
        finding_.effects |= effects;
    }

    const FunctionCatalogue& functions_;
    Fate fate_;
    Finding finding_;
};

void QueryWalk::visit(TreeNode node) {
    const Message kind = node.kind();
    if (!contains(kKindsOfReads, kind) && !(fate_ == Fate::Planned && contains(kKindsOfPlans, kind))) {
        writes();
    }
    if (kind == Message::FuncCall) {
        visit_function(node);
    } else if (kind == Message::A_Expr) {
        // BETWEEN and its kin are named by their key words and mean >= and <=.
        if (node.enumerator<AExprKind>(field::kAExprKind) < AExprKind::AEXPR_BETWEEN) {
            visit_operator(node, field::kAExprName);
        }
    } else if (kind == Message::SubLink) {
        visit_operator(node, field::kSubLinkOperName);
    } else if (kind == Message::SortBy) {
        visit_operator(node, field::kSortByUseOp);
    } else if (kind == Message::TypeName) {
        visit_type(node);
    } else if (kind == Message::RangeVar) {
        visit_relation(node);
    } else if (kind == Message::IntoClause) {
        visit_into(node);
    } else if (kind == Message::RangeTableSample) {
        const QualifiedName method = qualified_name(strings_of(node, field::kRangeTableSampleMethod));
        if (functions_.kind_of(method.schema, method.name) != FunctionKind::Harmless) {
            writes(Effect::UnknownFunction);
        }
    } else if (kind == Message::ExecuteStmt) {
        writes(Effect::SqlExecute);
    }
}

void QueryWalk::visit_function(TreeNode call) {
    const QualifiedName function = qualified_name(strings_of(call, field::kFuncCallFuncname));
    switch (functions_.kind_of(function.schema, function.name)) {
        case FunctionKind::Harmless:
            return;
        case FunctionKind::Unknown:
            return writes(Effect::UnknownFunction);
        case FunctionKind::PrimaryOnly:
            return writes();
        case FunctionKind::AdvisoryLock:
            return writes(Effect::AdvisoryLock);
        case FunctionKind::AdvisoryUnlock:
            return writes(Effect::AdvisoryUnlock);
        case FunctionKind::Sequence:
            return writes(Effect::SequenceState);
        case FunctionKind::SequenceMemory:
            return writes(Effect::SequenceMemory);
        case FunctionKind::SessionState:
            return writes(Effect::SetSessionState);
        case FunctionKind::SetConfig:
            return visit_set_config(call);
        case FunctionKind::CurrentSetting: {
            const ConstantString name = constant_string(call.child(field::kFuncCallArgs));
            if (!name.known || differs_on_standby(folded_name(name.value))) {
                writes();
            }
            return;
        }
    }
}

/// set_config(name, value, is_local). Values that do not decide here are not part of the shape, so only the
/// name and the key word TRUE may be looked at.
void QueryWalk::visit_set_config(TreeNode call) {
    const std::vector<TreeNode> arguments = call.children(field::kFuncCallArgs);
    const ConstantString name = arguments.empty() ? ConstantString{} : constant_string(arguments[0]);
    const bool local = arguments.size() == 3 && is_keyword_true(arguments[2]);
    if (local) {
        if (!name.known || kind_of_parameter(folded_name(name.value)) == ParameterKind::TransactionState) {
            writes();
        }
        return;
    }
    constexpr Effects kAnyParameter = Effect::SetParameter | Effect::SetReportedParameter;
    writes(Effect::SetSessionState | (name.known ? effects_of_set(folded_name(name.value)) : kAnyParameter));
}

void QueryWalk::visit_operator(TreeNode parent, std::uint32_t name_field) {
    const std::vector<std::string_view> parts = strings_of(parent, name_field);
    const QualifiedName name = qualified_name(parts);
    if (!parts.empty() && !(in_catalog(name) && is_builtin_operator(name.name))) {
        writes();
    }
}

void QueryWalk::visit_type(TreeNode type) {
    const QualifiedName name = qualified_name(strings_of(type, field::kTypeNameNames));
    if (!name.name.empty() && !(in_catalog(name) && is_builtin_type(name.name))) {
        writes();
    }
}

void QueryWalk::visit_relation(TreeNode range_var) {
    const QualifiedName name{.schema = range_var.string(field::kRangeVarSchemaname),
                             .name = range_var.string(field::kRangeVarRelname)};
    if (is_temporary_schema(name.schema) || (in_catalog(name) && is_server_state_relation(name.name))) {
        writes();
    }
}

void QueryWalk::visit_into(TreeNode into) {
    const bool dropped_at_commit =
        into.enumerator<OnCommitAction>(field::kIntoClauseOnCommit) == OnCommitAction::ONCOMMIT_DROP;
    if (is_temporary_relation(into.child(field::kIntoClauseRel)) && !dropped_at_commit) {
        finding_.effects |= Effect::TemporaryObject;
    }
}

}  // namespace

Finding walk_query(TreeNode root, const FunctionCatalogue& functions, Fate fate) {
    return QueryWalk(functions, fate).run(root);
}

Finding walk_definition(TreeNode root) {
    Finding finding{.access = Access::Write, .effects = {}};
    if (root.kind() == Message::DropStmt) {
        finding.effects = Effect::DropObject;
        return finding;
    }
    if (root.kind() == Message::CreateStmt &&
        root.enumerator<OnCommitAction>(field::kCreateStmtOncommit) == OnCommitAction::ONCOMMIT_DROP) {
        return finding;
    }
    std::vector<TreeNode> open{root};
    while (!open.empty()) {
        const TreeNode node = open.back();
        open.pop_back();
        node.append_children(open);
        const bool temporary =
            (node.kind() == Message::RangeVar && is_temporary_relation(node)) ||
            (node.kind() == Message::String && is_temporary_schema(node.string(field::kStringSval)));
        if (temporary) {
            finding.effects |= Effect::TemporaryObject;
        }
    }
    return finding;
}

ConstantString constant_string(TreeNode node) {
    const TreeNode string = node.kind() == Message::A_Const ? node.child(field::kAConstSval) : TreeNode{};
    return {.known = string.exists(), .value = string.string(field::kStringSval)};
}

bool is_keyword_true(TreeNode node) {
    return node.kind() == Message::A_Const && node.child(field::kAConstBoolval).flag(field::kBooleanBoolval);
}

}  // namespace pgring::sql
