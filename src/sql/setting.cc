#include "sql/setting.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "sql/classifier.h"
#include "sql/parameter.h"
#include "sql/parser.h"
#include "sql/query_walk.h"

namespace pgring::sql {

namespace {

using Action = SettingChange::Action;
using Scope = SettingChange::Scope;
/// The changes of one statement; nothing where only the server can tell.
using Changes = std::optional<std::vector<SettingChange>>;

/// Parameters whose value is a list of identifiers (GUC_LIST_QUOTE in PostgreSQL's guc.c) and that a session
/// can set.
constexpr std::array<std::string_view, 4> kIdentifierLists = {
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "temp_tablespaces",
};

/// The identifier in double quotes unless it reads the same without.
std::string quoted_identifier(std::string_view identifier) {
    const auto plain = [](char byte) {
        return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '_';
    };
    const bool starts_as_word = !identifier.empty() && (identifier[0] < '0' || identifier[0] > '9');
    if (starts_as_word && std::ranges::all_of(identifier, plain)) {
        return std::string(identifier);
    }
    std::string quoted = "\"";
    for (const char byte : identifier) {
        quoted.append(byte == '"' ? 2 : 1, byte);
    }
    return quoted + '"';
}

/// One value in a SET as PostgreSQL's flatten_set_variable_args() writes it; nothing for what is no plain
/// constant.
std::optional<std::string> value_of(TreeNode constant, std::string_view parameter) {
    if (const ConstantString string = constant_string(constant); string.known) {
        const bool identifier = std::ranges::find(kIdentifierLists, parameter) != kIdentifierLists.end();
        return identifier ? quoted_identifier(string.value) : std::string(string.value);
    }
    if (constant.kind() != Message::A_Const) {
        return std::nullopt;
    }
    if (const TreeNode integer = constant.child(field::kAConstIval); integer.exists()) {
        return std::to_string(integer.number(field::kIntegerIval));
    }
    if (const TreeNode decimal = constant.child(field::kAConstFval); decimal.exists()) {
        return std::string(decimal.string(field::kFloatFval));
    }
    return std::nullopt;
}

Changes change_to_values(TreeNode statement, const std::string& name, Scope scope) {
    std::string joined;
    std::string_view separator;
    for (const TreeNode argument : statement.children(field::kVariableSetStmtArgs)) {
        const std::optional<std::string> value = value_of(argument, name);
        if (!value) {
            return std::nullopt;
        }
        joined += std::exchange(separator, ", ");
        joined += *value;
    }
    return {{{.action = Action::Set, .scope = scope, .name = name, .value = joined}}};
}

/// SET TRANSACTION and SET SESSION CHARACTERISTICS AS TRANSACTION, which are SETs of parameters under other
/// names.
Changes changes_of_transaction_modes(TreeNode statement) {
    const std::string_view what = statement.string(field::kVariableSetStmtName);
    const bool session = what == "SESSION CHARACTERISTICS";
    if (!session && what != "TRANSACTION") {
        return std::nullopt;  // A snapshot is no setting.
    }
    std::vector<SettingChange> changes;
    for (const TreeNode option : statement.children(field::kVariableSetStmtArgs)) {
        const TreeNode value = option.child(field::kDefElemArg);
        const ConstantString level = constant_string(value);
        const bool on = value.child(field::kAConstIval).flag(field::kIntegerIval);
        changes.push_back({
            .action = Action::Set,
            .scope = session ? Scope::Session : Scope::Transaction,
            .name = (session ? "default_" : "") + std::string(option.string(field::kDefElemDefname)),
            .value = level.known ? std::string(level.value) : (on ? "on" : "off"),
        });
    }
    return changes;
}

Changes changes_of_set(TreeNode statement) {
    const std::string name = folded_name(statement.string(field::kVariableSetStmtName));
    const bool local = statement.flag(field::kVariableSetStmtIsLocal);
    const Scope scope = local || kind_of_parameter(name) == ParameterKind::TransactionState
                            ? Scope::Transaction
                            : Scope::Session;
    switch (statement.enumerator<VariableSetKind>(field::kVariableSetStmtKind)) {
        case VariableSetKind::VAR_SET_VALUE:
            return change_to_values(statement, name, scope);
        case VariableSetKind::VAR_SET_DEFAULT:
        case VariableSetKind::VAR_RESET:
            return {{{.action = Action::Reset, .scope = scope, .name = name, .value = {}}}};
        case VariableSetKind::VAR_RESET_ALL:
            return {{{.action = Action::ResetAll, .scope = Scope::Session, .name = {}, .value = {}}}};
        case VariableSetKind::VAR_SET_MULTI:
            return changes_of_transaction_modes(statement);
        case VariableSetKind::VAR_SET_CURRENT:
        case VariableSetKind::VARIABLE_SET_KIND_UNDEFINED:
            break;
    }
    return std::nullopt;
}

/// set_config() with three constants.
std::optional<SettingChange> change_of_call(TreeNode call) {
    const std::vector<std::string_view> name_parts = strings_of(call, field::kFuncCallFuncname);
    const std::vector<TreeNode> arguments = call.children(field::kFuncCallArgs);
    const bool built_in = name_parts.size() == 1 || (name_parts.size() == 2 && name_parts[0] == "pg_catalog");
    if (!built_in || name_parts.back() != "set_config" || arguments.size() != 3) {
        return std::nullopt;
    }
    const ConstantString name = constant_string(arguments[0]);
    const ConstantString value = constant_string(arguments[1]);
    const bool boolean = arguments[2].child(field::kAConstBoolval).exists();
    if (call.kind() != Message::FuncCall || !name.known || !value.known || !boolean) {
        return std::nullopt;
    }
    return SettingChange{
        .action = Action::Set,
        .scope = is_keyword_true(arguments[2]) ? Scope::Transaction : Scope::Session,
        .name = folded_name(name.value),
        .value = std::string(value.value),
    };
}

/// SELECT of nothing but calls of set_config().
Changes changes_of_select(TreeNode statement) {
    std::vector<SettingChange> changes;
    if (!statement.has_only(
            {field::kSelectStmtTargetList, field::kSelectStmtLimitOption, field::kSelectStmtOp})) {
        return std::nullopt;
    }
    for (const TreeNode target : statement.children(field::kSelectStmtTargetList)) {
        const std::optional<SettingChange> change = change_of_call(target.child(field::kResTargetVal));
        if (!change) {
            return std::nullopt;
        }
        changes.push_back(*change);
    }
    return changes;
}

Changes changes_of(TreeNode statement) {
    if (statement.kind() == Message::VariableSetStmt) {
        return changes_of_set(statement);
    }
    if (statement.kind() == Message::SelectStmt) {
        return changes_of_select(statement);
    }
    return std::nullopt;
}

bool parseable(std::string_view text) {
    const ClassifierLimits limits;
    if (text.size() > limits.text_bytes_max || text.find('\0') != std::string_view::npos) {
        return false;
    }
    Lexer lexer(text.size());
    const Shape shape = lexer.read(text);
    return shape.nesting <= limits.nesting_max && shape.operator_bytes <= limits.operator_bytes_max;
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
