#pragma once
/// PostgreSQL's own grammar (libpg_query): text in, parse tree out.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sql/tree.h"

namespace pgring::sql {

/// Whether a text that was judged once may be parsed another time: no NUL byte, and within the classifier's
/// limits.
[[nodiscard]] bool parseable(std::string_view text);

/// A statement, and where it stands in the text.
struct LocatedStatement {
    TreeNode statement;
    std::size_t begin = 0;
    /// 0: to the end of the text.
    std::size_t size_bytes = 0;

    /// Without the semicolon behind it. `text` is what was parsed.
    [[nodiscard]] std::string_view text_in(std::string_view text) const {
        return text.substr(begin, size_bytes == 0 ? std::string_view::npos : size_bytes);
    }
};

/// Where a token stands in a text.
struct Token {
    std::size_t begin = 0;
    std::size_t end = 0;
};

/// The tokens of a text as PostgreSQL's scanner cuts it, comments included; up to the first error.
[[nodiscard]] std::vector<Token> tokens_of(const std::string& text);

/// What libpg_query makes of one text. Freed with the object.
///
/// Cost, measured on libpg_query 15-4.0: some 110 us for a query of 250 bytes, and up to 1.5 MiB of the
/// caller's stack for a text of 16 KiB within the limits of `LexerLimits`; what exceeds those may cost more
/// and must not come here.
class ParseTree {
  public:
    /// Parses `text`, which must not contain a NUL byte: libpg_query would stop there.
    explicit ParseTree(const std::string& text);
    ~ParseTree();
    ParseTree(const ParseTree&) = delete;
    ParseTree& operator=(const ParseTree&) = delete;

    /// False where the grammar rejects the text.
    [[nodiscard]] bool valid() const { return valid_; }
    /// The statements, in order; empty ones (`;;`) do not appear. Each borrows from this tree.
    [[nodiscard]] std::vector<TreeNode> statements() const;
    [[nodiscard]] std::vector<LocatedStatement> located_statements() const;

  private:
    std::string_view bytes() const { return {data_, size_}; }

    char* data_ = nullptr;
    std::size_t size_ = 0;
    bool valid_ = false;
};

}  // namespace pgring::sql
