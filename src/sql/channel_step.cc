#include "sql/channel_step.h"

#include "sql/parser.h"
#include "sql/tree.h"

namespace pgring::sql {

namespace {

using Kind = ChannelStep::Kind;

ChannelStep step_of_transaction(TreeNode statement) {
    const std::string name(statement.string(field::kTransactionStmtSavepointName));
    switch (statement.enumerator<TransactionStmtKind>(field::kTransactionStmtKind)) {
        case TransactionStmtKind::TRANS_STMT_SAVEPOINT:
            return {.kind = Kind::Savepoint, .name = name};
        case TransactionStmtKind::TRANS_STMT_RELEASE:
            return {.kind = Kind::Release, .name = name};
        case TransactionStmtKind::TRANS_STMT_ROLLBACK_TO:
            return {.kind = Kind::RollbackTo, .name = name};
        case TransactionStmtKind::TRANS_STMT_BEGIN:
        case TransactionStmtKind::TRANS_STMT_START:
        case TransactionStmtKind::TRANS_STMT_COMMIT:
        case TransactionStmtKind::TRANS_STMT_ROLLBACK:
        case TransactionStmtKind::TRANS_STMT_PREPARE:
        case TransactionStmtKind::TRANS_STMT_COMMIT_PREPARED:
        case TransactionStmtKind::TRANS_STMT_ROLLBACK_PREPARED:
        case TransactionStmtKind::TRANSACTION_STMT_KIND_UNDEFINED:
            break;
    }
    return {};
}

ChannelStep step_of(TreeNode statement) {
    if (statement.kind() == Message::ListenStmt) {
        return {.kind = Kind::Listen, .name = std::string(statement.string(field::kListenStmtConditionname))};
    }
    if (statement.kind() == Message::UnlistenStmt) {
        const std::string name(statement.string(field::kUnlistenStmtConditionname));
        // The grammar has no name for UNLISTEN *, and none that is empty.
        return {.kind = name.empty() ? Kind::UnlistenAll : Kind::Unlisten, .name = name};
    }
    if (statement.kind() == Message::DiscardStmt &&
        statement.enumerator<DiscardMode>(field::kDiscardStmtTarget) == DiscardMode::DISCARD_ALL) {
        return {.kind = Kind::UnlistenAll};
    }
    if (statement.kind() == Message::TransactionStmt) {
        return step_of_transaction(statement);
    }
    return {};
}

}  // namespace

std::vector<ChannelStep> channel_steps_of(std::string_view text) {
    const ParseTree tree{std::string(text)};
    std::vector<ChannelStep> steps;
    if (tree.valid()) {
        for (const TreeNode statement : tree.statements()) {
            steps.push_back(step_of(statement));
        }
    }
    return steps;
}

}  // namespace pgring::sql
