#include "sql/prepared_step.h"

#include <algorithm>
#include <array>
#include <optional>

#include "sql/parameter.h"
#include "sql/parser.h"
#include "sql/tree.h"
#include "sql/type_oid.h"

namespace pgring::sql {

namespace {

using Kind = PreparedStep::Kind;

/// PostgreSQL cuts names to fewer.
constexpr std::size_t kNameBytesMax = 63;

constexpr bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}
constexpr bool begins_plain_name(char c) {
    return (c >= 'a' && c <= 'z') || c == '_';
}
constexpr bool is_in_plain_name(char c) {
    return begins_plain_name(c) || (c >= '0' && c <= '9');
}

std::string_view without_space_around(std::string_view text) {
    while (!text.empty() && is_space(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_space(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

/// What stands behind AS in a PREPARE. AS is a reserved word, so outside of the brackets around the types
/// it is the first token that is spelled so: as a name it would have quotes.
std::string_view prepared_text(const std::string& prepare) {
    std::size_t depth = 0;
    for (const Token token : tokens_of(prepare)) {
        std::string_view const spelled =
            std::string_view(prepare).substr(token.begin, token.end - token.begin);
        if (spelled == "(") {
            ++depth;
        } else if (spelled == ")") {
            --depth;
        } else if (depth == 0 && folded_name(spelled) == "as") {
            return without_space_around(std::string_view(prepare).substr(token.end));
        }
    }
    return {};
}

/// As Parse has them: their number and their oids.
std::optional<std::string> parameter_types(const std::vector<TreeNode>& types) {
    std::string bytes;
    auto const append = [&bytes](std::uint32_t value, unsigned size_bytes) {
        while (size_bytes-- > 0) {
            bytes.push_back(static_cast<char>(value >> (size_bytes * 8)));
        }
    };
    append(static_cast<std::uint32_t>(types.size()), 2);
    for (const TreeNode type : types) {
        std::uint32_t const oid = builtin_type_oid(type);
        if (oid == kNoType) {
            return std::nullopt;
        }
        append(oid, 4);
    }
    return bytes;
}

std::string parse_body_of(TreeNode statement, std::string_view text) {
    constexpr std::size_t kTypesMax = 0xffff;
    std::vector<TreeNode> const types = statement.children(field::kPrepareStmtArgtypes);
    std::string const whole(text);
    std::string_view const inner = prepared_text(whole);
    std::optional<std::string> const type_bytes =
        types.size() <= kTypesMax ? parameter_types(types) : std::nullopt;
    if (inner.empty() || !type_bytes.has_value()) {
        return {};
    }
    return std::string(inner) + '\0' + *type_bytes;
}

/// The statement in EXPLAIN and CREATE TABLE AS; any other is itself.
TreeNode innermost(TreeNode statement) {
    for (;;) {
        if (statement.kind() == Message::ExplainStmt) {
            statement = statement.child(field::kExplainStmtQuery);
        } else if (statement.kind() == Message::CreateTableAsStmt) {
            statement = statement.child(field::kCreateTableAsStmtQuery);
        } else {
            return statement;
        }
    }
}

PreparedStep step_of(TreeNode statement, std::string_view text) {
    if (statement.kind() == Message::PrepareStmt) {
        return {.kind = Kind::Prepare,
                .name = std::string(statement.string(field::kPrepareStmtName)),
                .parse_body = parse_body_of(statement, text)};
    }
    if (statement.kind() == Message::DeallocateStmt) {
        // The grammar has no name for DEALLOCATE ALL, and none that is empty.
        std::string_view const name = statement.string(field::kDeallocateStmtName);
        return {.kind = name.empty() ? Kind::Other : Kind::Deallocate, .name = std::string(name)};
    }
    if (const TreeNode inner = innermost(statement); inner.kind() == Message::ExecuteStmt) {
        return {.kind = Kind::Execute, .name = std::string(inner.string(field::kExecuteStmtName))};
    }
    return {};
}

}  // namespace

std::vector<PreparedStep> prepared_steps_of(std::string_view text) {
    const ParseTree tree{std::string(text)};
    std::vector<PreparedStep> steps;
    if (tree.valid()) {
        for (const LocatedStatement& located : tree.located_statements()) {
            steps.push_back(step_of(located.statement, located.text_in(text)));
        }
    }
    return steps;
}

std::string_view executed_name(std::string_view text) {
    constexpr std::string_view kExecute = "execute";
    text = without_space_around(text);
    if (text.size() <= kExecute.size() || !is_space(text[kExecute.size()]) ||
        folded_name(text.substr(0, kExecute.size())) != kExecute) {
        return {};
    }
    text = without_space_around(text.substr(kExecute.size()));
    auto const end = std::ranges::find_if_not(text, is_in_plain_name);
    std::string_view const name(text.begin(), end);
    bool const plain = !name.empty() && begins_plain_name(name.front()) && name.size() <= kNameBytesMax;
    bool const ends = end == text.end() || is_space(*end) || *end == '(' || *end == ';';
    return plain && ends ? name : std::string_view{};
}

}  // namespace pgring::sql
