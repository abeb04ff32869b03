#pragma once
/// The lexer: one linear pass over a text that keeps what makes a statement's shape and drops what does not.
///
/// Dropped are white space, comments and the values of constants; unquoted words are folded to lower case.
/// What is left, the normal form, is such that two texts of one normal form are the same sequence of
/// PostgreSQL's tokens but for the values of constants, so whatever is decided by the grammar alone is the
/// same for both. Where a value does decide, it is kept: the name given to set_config() and
/// current_setting(), the target of COPY .. TO, the escape of U&"..". A list of constants of one sort counts
/// as one constant, so that `IN (1, 2)` and `IN (1, 2, 3)` are one shape.
///
/// The rules are those of PostgreSQL's scan.l with standard_conforming_strings on (PostgreSQL docs, "Lexical
/// Structure").

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "sql/traits.h"

namespace pgring::sql {

/// What one pass found.
struct Shape {
    /// Borrowed until the lexer's next text.
    std::string_view normal_form;
    /// How deep brackets or comments are nested at the deepest.
    std::size_t nesting = 0;
    /// Bytes of operators and casts. `+-+-` are four operators, and the tree may be as deep as there are
    /// operators.
    std::size_t operator_bytes = 0;
    Hint hint = Hint::None;
};

/// Single-threaded; allocates in its constructor only.
class Lexer {
  public:
    explicit Lexer(std::size_t text_bytes_max);

    /// Reads `text`, of at most `text_bytes_max` bytes, any bytes.
    [[nodiscard]] Shape read(std::string_view text);

  private:
    /// What a constant leaves in the normal form. Values below 0x20, like every mark in it, so that no mark
    /// can be taken for text outside of quotes.
    enum class Mark : unsigned char {
        WordEnd = 0x01,
        OperatorEnd = 0x02,
        String = 0x03,
        BitString = 0x04,
        HexString = 0x05,
        NationalString = 0x06,
        Number = 0x07,
        Parameter = 0x08,
        /// A number or parameter with letters stuck to it: an error in some versions, two tokens or one in
        /// others.
        Junk = 0x0e,
        KeptBegin = 0x0f,
        KeptEnd = 0x10,
        Unterminated = 0x11,
        Typecast = 0x12,
        ColonEquals = 0x13,
        OtherByte = 0x14,
        UnicodeIdentifier = 0x15,
        DotDot = 0x16,
    };
    /// Whether a backslash escapes the next byte, and whether two quotes are one quote inside.
    enum class Quoting : std::uint8_t { Doubled, DoubledAndBackslash, Plain };

    [[nodiscard]] char at(std::size_t offset) const { return offset < text_.size() ? text_[offset] : '\0'; }
    void put(char byte) { normal_[normal_size_++] = byte; }
    void put(Mark mark) { put(static_cast<char>(mark)); }
    void put(std::string_view bytes);

    void read_word();
    void read_quoted_identifier(std::size_t opening_size);
    void read_dot();
    void read_number();
    void read_dollar();
    void read_operator();
    void read_colon();
    void read_comment_line();
    void read_comment_block();
    void read_string(std::size_t opening_size, Quoting quoting, Mark mark);
    [[nodiscard]] bool skip_quoted(Quoting quoting);
    [[nodiscard]] bool skip_to_continuation();
    [[nodiscard]] bool read_prefixed_string();

    void finish_constant(std::size_t begin, Mark mark);
    void finish_word(std::string_view word);
    void note_hint(std::string_view comment);

    std::string_view text_;
    std::size_t cursor_ = 0;
    std::vector<char> normal_;
    std::size_t normal_size_ = 0;
    Shape shape_;
    std::size_t depth_ = 0;
    /// Constants are kept with their value until the next comma, closing bracket or semicolon.
    bool keep_constants_ = false;
    /// Lists of constants are shortened; not where the number of arguments could matter.
    bool shorten_lists_ = true;
    bool copy_seen_ = false;
};

}  // namespace pgring::sql
