#include "sql/vacated_database.h"

#include "sql/parser.h"
#include "sql/tree_schema.h"

namespace pgring::sql {

namespace {

/// PostgreSQL docs, "CREATE DATABASE": TEMPLATE, by default template1.
std::string_view template_of(TreeNode statement) {
    for (const TreeNode option : statement.children(field::kCreatedbStmtOptions)) {
        const TreeNode value = option.child(field::kDefElemArg);
        if (option.string(field::kDefElemDefname) == "template" && value.kind() == Message::String) {
            return value.string(field::kStringSval);
        }
    }
    return "template1";
}

/// The others, such as CONNECTION LIMIT, do not mind who is connected.
bool moves(TreeNode statement) {
    for (const TreeNode option : statement.children(field::kAlterDatabaseStmtOptions)) {
        if (option.string(field::kDefElemDefname) == "tablespace") {
            return true;
        }
    }
    return false;
}

bool renames_database(TreeNode statement) {
    return statement.enumerator<ObjectType>(field::kRenameStmtRenameType) == ObjectType::OBJECT_DATABASE;
}

/// Empty where the statement goes on beside others.
std::string_view vacated_by(TreeNode statement) {
    const Message kind = statement.kind();
    if (kind == Message::CreatedbStmt) {
        return template_of(statement);
    }
    if (kind == Message::DropdbStmt) {
        return statement.string(field::kDropdbStmtDbname);
    }
    if (kind == Message::AlterDatabaseStmt && moves(statement)) {
        return statement.string(field::kAlterDatabaseStmtDbname);
    }
    if (kind == Message::RenameStmt && renames_database(statement)) {
        return statement.string(field::kRenameStmtSubname);
    }
    return {};
}

}  // namespace

std::vector<std::string> vacated_databases(std::string_view text) {
    std::vector<std::string> databases;
    if (!parseable(text)) {
        return databases;
    }
    const ParseTree tree{std::string(text)};
    for (const TreeNode statement : tree.statements()) {
        if (const std::string_view database = vacated_by(statement); !database.empty()) {
            databases.emplace_back(database);
        }
    }
    return databases;
}

}  // namespace pgring::sql
