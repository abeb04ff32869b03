#include "sql/judge.h"

#include <string>
#include <vector>

#include "sql/parameter.h"
#include "sql/query_walk.h"

namespace pgring::sql {

namespace {

struct Judgement {
    Finding finding;
    Control control = Control::None;
};

constexpr Finding kRead{.access = Access::Read, .effects = {}};
constexpr Finding kWrite{.access = Access::Write, .effects = {}};
constexpr Finding read_with(Effects effects) {
    return {.access = Access::Read, .effects = effects};
}
constexpr Finding write_with(Effects effects) {
    return {.access = Access::Write, .effects = effects};
}

/// What BEGIN, START TRANSACTION, SET TRANSACTION and SET SESSION CHARACTERISTICS say. Modes may
/// contradict each other; PostgreSQL applies them in order, and a standby refuses at the first it does not
/// have.
struct TransactionModes {
    bool says_read_only = false;
    bool says_read_write = false;
    bool says_serializable = false;
    /// What is left behind where these become the session's defaults.
    Effects effects;

    [[nodiscard]] bool fit_for_standby() const {
        return says_read_only && !says_read_write && !says_serializable;
    }
};

TransactionModes modes_of(const std::vector<TreeNode>& options) {
    TransactionModes modes;
    for (const TreeNode option : options) {
        const std::string_view name = option.string(field::kDefElemDefname);
        const TreeNode value = option.child(field::kDefElemArg);
        if (name == "transaction_read_only") {
            const bool read_only = value.child(field::kAConstIval).flag(field::kIntegerIval);
            (read_only ? modes.says_read_only : modes.says_read_write) = true;
        } else if (name == "transaction_isolation" && constant_string(value).value == "serializable") {
            modes.says_serializable = true;
        }
        modes.effects |= effects_of_set("default_" + std::string(name));
    }
    return modes;
}

Judgement judge_begin(TreeNode statement) {
    const TransactionModes modes = modes_of(statement.children(field::kTransactionStmtOptions));
    if (modes.says_serializable) {
        return {.finding = kWrite, .control = Control::BeginSerializable};
    }
    if (modes.fit_for_standby()) {
        return {.finding = kRead, .control = Control::BeginReadOnly};
    }
    return {.finding = kWrite, .control = Control::Begin};
}

/// What ends or divides a transaction runs where the transaction runs: no reason to prefer a server.
Judgement judge_transaction(TreeNode statement, const FunctionCatalogue&) {
    const bool chain = statement.flag(field::kTransactionStmtChain);
    switch (statement.enumerator<TransactionStmtKind>(field::kTransactionStmtKind)) {
        case TransactionStmtKind::TRANS_STMT_BEGIN:
        case TransactionStmtKind::TRANS_STMT_START:
            return judge_begin(statement);
        case TransactionStmtKind::TRANS_STMT_COMMIT:
            return {.finding = kRead, .control = chain ? Control::CommitAndChain : Control::Commit};
        case TransactionStmtKind::TRANS_STMT_ROLLBACK:
            return {.finding = kRead, .control = chain ? Control::RollbackAndChain : Control::Rollback};
        case TransactionStmtKind::TRANS_STMT_SAVEPOINT:
            return {.finding = kRead, .control = Control::Savepoint};
        case TransactionStmtKind::TRANS_STMT_RELEASE:
            return {.finding = kRead, .control = Control::Release};
        case TransactionStmtKind::TRANS_STMT_ROLLBACK_TO:
            return {.finding = kRead, .control = Control::RollbackTo};
        case TransactionStmtKind::TRANS_STMT_PREPARE:
            return {.finding = kWrite, .control = Control::PrepareTransaction};
        case TransactionStmtKind::TRANS_STMT_COMMIT_PREPARED:
            return {.finding = kWrite, .control = Control::CommitPrepared};
        case TransactionStmtKind::TRANS_STMT_ROLLBACK_PREPARED:
            return {.finding = kWrite, .control = Control::RollbackPrepared};
        case TransactionStmtKind::TRANSACTION_STMT_KIND_UNDEFINED:
            break;
    }
    return {.finding = kWrite};
}

/// SET TRANSACTION, SET TRANSACTION SNAPSHOT and SET SESSION CHARACTERISTICS AS TRANSACTION.
Finding judge_set_several(TreeNode statement) {
    const std::string_view what = statement.string(field::kVariableSetStmtName);
    const TransactionModes modes = modes_of(statement.children(field::kVariableSetStmtArgs));
    if (what == "SESSION CHARACTERISTICS") {
        return read_with(modes.effects);
    }
    if (what == "TRANSACTION" && modes.fit_for_standby()) {
        return kRead;
    }
    return kWrite;
}

/// A SET by itself may run anywhere: the session carries it to every backend. Of a transaction, only where
/// that may write.
Judgement judge_set(TreeNode statement, const FunctionCatalogue&) {
    const std::string name = folded_name(statement.string(field::kVariableSetStmtName));
    const bool of_transaction = kind_of_parameter(name) == ParameterKind::TransactionState;
    const bool local = statement.flag(field::kVariableSetStmtIsLocal);
    const Finding transient = of_transaction ? kWrite : kRead;
    switch (statement.enumerator<VariableSetKind>(field::kVariableSetStmtKind)) {
        case VariableSetKind::VAR_SET_VALUE:
            return {.finding = local || of_transaction ? transient : read_with(effects_of_set(name))};
        case VariableSetKind::VAR_SET_DEFAULT:
        case VariableSetKind::VAR_RESET:
            if (of_transaction) {
                return {.finding = transient};
            }
            // What it leads back to may be the session's own, which only the session knows.
            return {.finding = read_with(local ? Effect::ResetParameter : effects_of_reset(name))};
        case VariableSetKind::VAR_RESET_ALL:
            return {.finding = read_with(Effect::ResetAll | Effect::SetTransactionDefaults)};
        case VariableSetKind::VAR_SET_MULTI:
            return {.finding = judge_set_several(statement)};
        case VariableSetKind::VAR_SET_CURRENT:
        case VariableSetKind::VARIABLE_SET_KIND_UNDEFINED:
            break;
    }
    return {.finding = kWrite};
}

Judgement judge_show(TreeNode statement, const FunctionCatalogue&) {
    const std::string name = folded_name(statement.string(field::kVariableShowStmtName));
    return {.finding = name == "all" || differs_on_standby(name) ? kWrite : kRead};
}

Judgement judge_discard(TreeNode statement, const FunctionCatalogue&) {
    switch (statement.enumerator<DiscardMode>(field::kDiscardStmtTarget)) {
        case DiscardMode::DISCARD_ALL:
            return {.finding = read_with(Effect::DiscardAll)};
        case DiscardMode::DISCARD_TEMP:
            return {.finding = read_with(Effect::DiscardTemporary)};
        case DiscardMode::DISCARD_PLANS:
        case DiscardMode::DISCARD_SEQUENCES:
            return {.finding = read_with(Effect::DiscardOther)};
        case DiscardMode::DISCARD_MODE_UNDEFINED:
            break;
    }
    return {.finding = kWrite};
}

Judgement judge_query(TreeNode statement, const FunctionCatalogue& functions) {
    return {.finding = walk_query(statement, functions)};
}

/// COPY .. TO STDOUT reads; a file or programme is on the server, and COPY .. FROM writes.
Judgement judge_copy(TreeNode statement, const FunctionCatalogue& functions) {
    const bool with_client =
        !statement.flag(field::kCopyStmtIsProgram) && statement.string(field::kCopyStmtFilename).empty();
    const bool is_from = statement.flag(field::kCopyStmtIsFrom);
    Finding finding = with_client && !is_from ? kRead : kWrite;
    if (with_client && is_from) {
        finding.effects |= Effect::CopyIn;
    }
    for (const std::uint32_t source : {field::kCopyStmtRelation, field::kCopyStmtQuery}) {
        if (const TreeNode node = statement.child(source); node.exists()) {
            finding.merge(walk_query(node, functions));
        }
    }
    return {.finding = finding};
}

/// The cursor's query runs at FETCH on the same backend. One that outlives its transaction ties the session
/// to that backend, which therefore had better be able to write.
Judgement judge_declare(TreeNode statement, const FunctionCatalogue& functions) {
    constexpr std::int64_t kWithHold = 0x0020;  // CURSOR_OPT_HOLD, nodes/parsenodes.h.
    Finding finding = walk_query(statement.child(field::kDeclareCursorStmtQuery), functions);
    if ((statement.number(field::kDeclareCursorStmtOptions) & kWithHold) != 0) {
        finding.merge(write_with(Effect::HoldCursor));
    }
    return {.finding = finding};
}

/// EXPLAIN plans, and plans on a standby as well; with ANALYZE it runs the query. Any ANALYZE counts, also
/// (ANALYZE OFF): the value may be a constant, which is not part of the shape.
Judgement judge_explain(TreeNode statement, const FunctionCatalogue& functions) {
    Fate fate = Fate::Planned;
    for (const TreeNode option : statement.children(field::kExplainStmtOptions)) {
        if (option.string(field::kDefElemDefname) == "analyze") {
            fate = Fate::Executed;
        }
    }
    const TreeNode query = statement.child(field::kExplainStmtQuery);
    Finding finding = walk_query(query, functions, fate);
    if (query.kind() == Message::ExecuteStmt) {
        finding.merge(write_with(Effect::SqlExecute));
    }
    return {.finding = finding};
}

/// What it executes only the session knows; here are its arguments.
Judgement judge_execute(TreeNode statement, const FunctionCatalogue& functions) {
    Finding finding = read_with(Effect::SqlExecute);
    for (const TreeNode argument : statement.children(field::kExecuteStmtParams)) {
        finding.merge(walk_query(argument, functions));
    }
    return {.finding = finding};
}

Judgement judge_rename(TreeNode statement, const FunctionCatalogue&) {
    const auto type = statement.enumerator<ObjectType>(field::kRenameStmtRenameType);
    Finding finding = walk_definition(statement);
    if (type == ObjectType::OBJECT_DATABASE) {
        finding = write_with(Effect::VacatesDatabase);
    } else if (type == ObjectType::OBJECT_AGGREGATE || type == ObjectType::OBJECT_FUNCTION ||
               type == ObjectType::OBJECT_PROCEDURE || type == ObjectType::OBJECT_ROUTINE) {
        finding.merge(write_with(Effect::ChangesFunctions));
    }
    return {.finding = finding};
}

/// CREATE, ALTER, DROP of what may be, or hold, a function. Also of other things: what is forgotten is asked
/// again.
Judgement judge_function_definition(TreeNode statement, const FunctionCatalogue&) {
    Finding finding = walk_definition(statement);
    finding.merge(write_with(Effect::ChangesFunctions));
    return {.finding = finding};
}

template <Access access, Effect... effects>
Judgement always(TreeNode, const FunctionCatalogue&) {
    Effects all;
    ((all |= effects), ...);
    return {.finding = {.access = access, .effects = all}};
}

struct StatementKind {
    Message kind;
    Judgement (*judge)(TreeNode, const FunctionCatalogue&);
};

/// Every statement that is not one of these writes (ALTER, GRANT, TRUNCATE, VACUUM, LOCK, NOTIFY, CHECKPOINT
/// ...).
constexpr StatementKind kStatementKinds[] = {
    {Message::SelectStmt, judge_query},
    {Message::InsertStmt, judge_query},
    {Message::UpdateStmt, judge_query},
    {Message::DeleteStmt, judge_query},
    {Message::MergeStmt, judge_query},
    {Message::CreateTableAsStmt, judge_query},
    {Message::TransactionStmt, judge_transaction},
    {Message::VariableSetStmt, judge_set},
    {Message::VariableShowStmt, judge_show},
    {Message::ConstraintsSetStmt, always<Access::Read>},
    {Message::DiscardStmt, judge_discard},
    {Message::CopyStmt, judge_copy},
    {Message::DeclareCursorStmt, judge_declare},
    {Message::FetchStmt, always<Access::Read>},
    {Message::ClosePortalStmt, always<Access::Read, Effect::CloseCursor>},
    {Message::ExplainStmt, judge_explain},
    {Message::PrepareStmt, always<Access::Read, Effect::SqlPrepare>},
    {Message::ExecuteStmt, judge_execute},
    {Message::DeallocateStmt, always<Access::Read, Effect::SqlDeallocate>},
    {Message::ListenStmt, always<Access::Write, Effect::Listen>},
    {Message::UnlistenStmt, always<Access::Write, Effect::Unlisten>},
    {Message::LoadStmt, always<Access::Write, Effect::LoadLibrary>},
    {Message::DoStmt, always<Access::Write, Effect::MayChangeSession>},
    {Message::CallStmt, always<Access::Write, Effect::MayChangeSession>},
    {Message::CreatedbStmt, always<Access::Write, Effect::VacatesDatabase>},
    {Message::DropdbStmt, always<Access::Write, Effect::VacatesDatabase>},
    {Message::AlterDatabaseStmt, always<Access::Write, Effect::VacatesDatabase>},
    {Message::RenameStmt, judge_rename},
    {Message::AlterExtensionContentsStmt, judge_function_definition},
    {Message::AlterExtensionStmt, judge_function_definition},
    {Message::AlterFunctionStmt, judge_function_definition},
    {Message::CreateExtensionStmt, judge_function_definition},
    {Message::CreateFunctionStmt, judge_function_definition},
    {Message::DefineStmt, judge_function_definition},
};

Judgement judge_statement(TreeNode statement, const FunctionCatalogue& functions) {
    for (const StatementKind& entry : kStatementKinds) {
        if (entry.kind == statement.kind()) {
            return entry.judge(statement, functions);
        }
    }
    return {.finding = walk_definition(statement)};
}

}  // namespace

Traits judge(std::span<const TreeNode> statements, const FunctionCatalogue& functions) {
    Judgement whole{.finding = kRead};
    for (const TreeNode statement : statements) {
        const Judgement one = judge_statement(statement, functions);
        whole.finding.merge(one.finding);
        whole.control = one.control == Control::None ? whole.control : one.control;
    }
    const bool many = statements.size() > 1;
    return {
        .effects = whole.finding.effects,
        .access = whole.finding.access,
        .control = many && whole.control != Control::None ? Control::Mixed : whole.control,
        .statements = many                 ? StatementCount::Many
                      : statements.empty() ? StatementCount::Empty
                                           : StatementCount::One,
        .hint = Hint::None,
    };
}

}  // namespace pgring::sql
