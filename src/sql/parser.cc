#include "sql/parser.h"

#include <utility>

#include <pg_query.h>

#include "base/contract.h"
#include "sql/classifier.h"
#include "sql/lexer.h"

namespace pgring::sql {

static_assert(PG_VERSION_NUM / 10000 == 15,
              "src/sql/tree_schema.h and builtins.inc are those of PostgreSQL 15");

ParseTree::ParseTree(const std::string& text) {
    ASSERT(text.find('\0') == std::string::npos);
    PgQueryProtobufParseResult result = pg_query_parse_protobuf(text.c_str());
    valid_ = result.error == nullptr;
    // The tree is taken over, what is left of the result is freed here.
    data_ = std::exchange(result.parse_tree.data, nullptr);
    size_ = std::exchange(result.parse_tree.len, 0);
    pg_query_free_protobuf_parse_result(result);
}

ParseTree::~ParseTree() {
    PgQueryProtobufParseResult result{};
    result.parse_tree.data = data_;
    result.parse_tree.len = size_;
    pg_query_free_protobuf_parse_result(result);
}

std::vector<TreeNode> ParseTree::statements() const {
    std::vector<TreeNode> statements;
    for (const TreeNode raw : TreeNode(Message::ParseResult, bytes()).children(field::kParseResultStmts)) {
        statements.push_back(raw.child(field::kRawStmtStmt));
    }
    return statements;
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

}  // namespace pgring::sql
