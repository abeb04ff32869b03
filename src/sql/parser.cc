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

std::vector<LocatedStatement> ParseTree::located_statements() const {
    std::vector<LocatedStatement> statements;
    for (const TreeNode raw : TreeNode(Message::ParseResult, bytes()).children(field::kParseResultStmts)) {
        statements.push_back({.statement = raw.child(field::kRawStmtStmt),
                              .begin = static_cast<std::size_t>(raw.number(field::kRawStmtStmtLocation)),
                              .size_bytes = static_cast<std::size_t>(raw.number(field::kRawStmtStmtLen))});
    }
    return statements;
}

std::vector<Token> tokens_of(const std::string& text) {
    // ScanResult and ScanToken of pg_query.proto are no part of the parse tree.
    constexpr std::uint32_t kResultTokens = 2;
    constexpr std::uint32_t kTokenStart = 1;
    constexpr std::uint32_t kTokenEnd = 2;
    ASSERT(text.find('\0') == std::string::npos);
    PgQueryScanResult const result = pg_query_scan(text.c_str());
    std::vector<Token> tokens;
    TreeFields fields({result.pbuf.data, result.pbuf.len});
    for (TreeField field; fields.next(field);) {
        if (field.id != kResultTokens) {
            continue;
        }
        Token& token = tokens.emplace_back();
        TreeFields parts(field.bytes);
        for (TreeField part; parts.next(part);) {
            if (part.id == kTokenStart) {
                token.begin = part.number;
            } else if (part.id == kTokenEnd) {
                token.end = part.number;
            }
        }
    }
    pg_query_free_scan_result(result);
    return tokens;
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
