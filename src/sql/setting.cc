#include "sql/setting.h"

#include <optional>

#include "sql/builtins.h"
#include "sql/parameter.h"
#include "sql/parser.h"
#include "sql/query_walk.h"

namespace pgring::sql {

namespace {

using Action = SettingChange::Action;
/// The changes of one statement; nothing where only the server can tell.
using Changes = std::optional<std::vector<SettingChange>>;

/// SET TRANSACTION and SET SESSION CHARACTERISTICS AS TRANSACTION, which are SETs of parameters under other
/// names. The former's end with the transaction.
std::vector<SettingChange> changes_of_transaction_modes(TreeNode statement) {
    std::vector<SettingChange> changes;
    if (statement.string(field::kVariableSetStmtName) == "SESSION CHARACTERISTICS") {
        for (const TreeNode option : statement.children(field::kVariableSetStmtArgs)) {
            changes.push_back({.action = Action::Set,
                               .name = "default_" + std::string(option.string(field::kDefElemDefname))});
        }
    }
    return changes;
}

Changes changes_of_set(TreeNode statement) {
    const std::string name = folded_name(statement.string(field::kVariableSetStmtName));
    switch (statement.enumerator<VariableSetKind>(field::kVariableSetStmtKind)) {
        case VariableSetKind::VAR_SET_VALUE:
            return {{{.action = Action::Set, .name = name}}};
        case VariableSetKind::VAR_SET_DEFAULT:
        case VariableSetKind::VAR_RESET: {
            const bool local = statement.flag(field::kVariableSetStmtIsLocal);
            return {{{.action = local ? Action::ResetLocal : Action::Reset, .name = name}}};
        }
        case VariableSetKind::VAR_RESET_ALL:
            return {{{.action = Action::ResetAll, .name = {}}}};
        case VariableSetKind::VAR_SET_MULTI:
            return changes_of_transaction_modes(statement);
        case VariableSetKind::VAR_SET_CURRENT:
        case VariableSetKind::VARIABLE_SET_KIND_UNDEFINED:
            break;
    }
    return std::nullopt;
}

FunctionKind kind_of_call(TreeNode call) {
    const std::vector<std::string_view> parts = strings_of(call, field::kFuncCallFuncname);
    const std::string_view schema = parts.size() > 1 ? parts[parts.size() - 2] : std::string_view{};
    return parts.empty() ? FunctionKind::Unknown : builtin_functions().kind_of(schema, parts.back());
}

/// The set_config() calls wherever they stand in a statement. Their values may be anything, and whether they
/// are reached at all: only the names must be written down.
Changes changes_of_calls(TreeNode statement) {
    std::vector<SettingChange> changes;
    std::vector<TreeNode> open{statement};
    while (!open.empty()) {
        const TreeNode node = open.back();
        open.pop_back();
        node.append_children(open);
        const FunctionKind kind =
            node.kind() == Message::FuncCall ? kind_of_call(node) : FunctionKind::Harmless;
        if (kind == FunctionKind::SessionState) {
            return std::nullopt;
        }
        if (kind == FunctionKind::SetConfig) {
            const ConstantString name = constant_string(node.child(field::kFuncCallArgs));
            if (!name.known) {
                return std::nullopt;
            }
            changes.push_back({.action = Action::Set, .name = folded_name(name.value)});
        }
    }
    return changes;
}

Changes changes_of(TreeNode statement) {
    const Message kind = statement.kind();
    if (kind == Message::VariableSetStmt) {
        return changes_of_set(statement);
    }
    if (kind == Message::DoStmt || kind == Message::CallStmt) {
        return std::nullopt;
    }
    return changes_of_calls(statement);
}

}  // namespace

std::vector<SettingChange> settings_of(std::string_view text) {
    if (!parseable(text)) {
        return {};
    }
    const ParseTree tree{std::string(text)};
    std::vector<SettingChange> all;
    for (const TreeNode statement : tree.statements()) {
        const Changes changes = changes_of(statement);
        if (!changes) {
            return {};
        }
        all.insert(all.end(), changes->begin(), changes->end());
    }
    return all;
}

}  // namespace pgring::sql
