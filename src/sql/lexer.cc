#include "sql/lexer.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/contract.h"

namespace pgring::sql {

namespace {

enum class ByteClass : std::uint8_t {
    Other,
    Space,
    WordStart,
    Digit,
    Operator,
    SingleQuote,
    DoubleQuote,
    Dollar,
    Dot,
    Colon,
    Open,
    Close,
    Comma,
    Semicolon,
};

constexpr std::size_t index_of(char byte) {
    return static_cast<unsigned char>(byte);
}

constexpr std::array<ByteClass, 256> kClasses = [] {
    std::array<ByteClass, 256> classes{};
    const auto assign = [&classes](std::string_view bytes, ByteClass byte_class) {
        for (const char byte : bytes) {
            classes[index_of(byte)] = byte_class;
        }
    };
    assign(" \t\n\r\f\v", ByteClass::Space);  // \v is white space from PostgreSQL 16 on, and an error before.
    assign("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", ByteClass::WordStart);
    for (std::size_t byte = 0x80; byte < 0x100; ++byte) {
        classes[byte] = ByteClass::WordStart;
    }
    assign("0123456789", ByteClass::Digit);
    assign("~!@#^&|`?+-*/%<>=", ByteClass::Operator);
    assign("'", ByteClass::SingleQuote);
    assign("\"", ByteClass::DoubleQuote);
    assign("$", ByteClass::Dollar);
    assign(".", ByteClass::Dot);
    assign(":", ByteClass::Colon);
    assign("([", ByteClass::Open);
    assign(")]", ByteClass::Close);
    assign(",", ByteClass::Comma);
    assign(";", ByteClass::Semicolon);
    return classes;
}();

/// For a byte that may continue a word, that byte in lower case; 0 for all others. Only ASCII is folded, as
/// PostgreSQL does in every multi-byte encoding; in single-byte ones this is merely finer.
constexpr std::array<char, 256> kFolded = [] {
    std::array<char, 256> folded{};
    for (std::size_t byte = 0; byte < 256; ++byte) {
        const bool upper = byte >= 'A' && byte <= 'Z';
        if (kClasses[byte] == ByteClass::WordStart || kClasses[byte] == ByteClass::Digit || byte == '$') {
            folded[byte] = static_cast<char>(upper ? byte + ('a' - 'A') : byte);
        }
    }
    return folded;
}();

ByteClass class_of(char byte) {
    return kClasses[index_of(byte)];
}
bool is_digit(char byte) {
    return class_of(byte) == ByteClass::Digit;
}
bool starts_word(char byte) {
    return class_of(byte) == ByteClass::WordStart;
}
/// The byte in lower case if it is a letter.
char folded(char byte) {
    return kFolded[index_of(byte)];
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && class_of(text.front()) == ByteClass::Space) {
        text.remove_prefix(1);
    }
    while (!text.empty() && class_of(text.back()) == ByteClass::Space) {
        text.remove_suffix(1);
    }
    return text;
}

/// Whether `text` is `word`, which is in lower case, in any case.
bool is_word(std::string_view text, std::string_view word) {
    if (text.size() != word.size()) {
        return false;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (folded(text[i]) != word[i]) {
            return false;
        }
    }
    return true;
}

}  // namespace

// A token of n bytes leaves at most 2n bytes: a word or operator its end mark, a kept constant (n >= 2) two
// marks.
Lexer::Lexer(std::size_t text_bytes_max) : normal_(2 * text_bytes_max + 2) {}

void Lexer::put(std::string_view bytes) {
    std::memcpy(normal_.data() + normal_size_, bytes.data(), bytes.size());
    normal_size_ += bytes.size();
}

Shape Lexer::read(std::string_view text) {
    ASSERT(2 * text.size() + 2 <= normal_.size());
    text_ = text;
    cursor_ = 0;
    normal_size_ = 0;
    shape_ = {};
    depth_ = 0;
    keep_constants_ = false;
    shorten_lists_ = true;
    copy_seen_ = false;
    while (cursor_ < text_.size()) {
        const char byte = text_[cursor_];
        switch (class_of(byte)) {
            case ByteClass::Space:
                ++cursor_;
                break;
            case ByteClass::WordStart:
                if (!read_prefixed_string()) {
                    read_word();
                }
                break;
            case ByteClass::Digit:
                read_number();
                break;
            case ByteClass::Operator:
                read_operator();
                break;
            case ByteClass::SingleQuote:
                read_string(1, Quoting::Doubled, Mark::String);
                break;
            case ByteClass::DoubleQuote:
                read_quoted_identifier(1);
                break;
            case ByteClass::Dollar:
                read_dollar();
                break;
            case ByteClass::Dot:
                read_dot();
                break;
            case ByteClass::Colon:
                read_colon();
                break;
            case ByteClass::Open:
                shape_.nesting = std::max(shape_.nesting, ++depth_);
                put(byte);
                ++cursor_;
                break;
            case ByteClass::Close:
                depth_ -= depth_ > 0 ? 1 : 0;
                [[fallthrough]];
            case ByteClass::Comma:
            case ByteClass::Semicolon:
                keep_constants_ = false;
                put(byte);
                ++cursor_;
                break;
            case ByteClass::Other:
                // No token of SQL begins so; whichever byte it is, the text is an error.
                put(Mark::OtherByte);
                ++cursor_;
                break;
        }
    }
    shape_.normal_form = {normal_.data(), normal_size_};
    return shape_;
}

void Lexer::read_word() {
    const std::size_t begin = normal_size_;
    // Held in locals: the compiler cannot know that writing a byte leaves the members alone.
    const char* from = text_.data() + cursor_;
    const char* const end = text_.data() + text_.size();
    char* to = normal_.data() + normal_size_;
    for (char byte = 0; from < end && (byte = folded(*from)) != 0; ++from) {
        *to++ = byte;
    }
    cursor_ = static_cast<std::size_t>(from - text_.data());
    normal_size_ = static_cast<std::size_t>(to - normal_.data());
    finish_word({normal_.data() + begin, normal_size_ - begin});
    put(Mark::WordEnd);
}

/// Watches for the words after which the value of a constant matters.
void Lexer::finish_word(std::string_view word) {
    switch (word.size()) {
        case 2:
            keep_constants_ = keep_constants_ || (copy_seen_ && word == "to");
            break;
        case 4:
            // An empty file name is none to the grammar.
            keep_constants_ = keep_constants_ || (copy_seen_ && depth_ == 0 && word == "from");
            copy_seen_ = copy_seen_ || word == "copy";
            break;
        case 10:
        case 15:
            if (word == "set_config" || word == "current_setting") {
                keep_constants_ = true;
                shorten_lists_ = false;
            }
            break;
        default:
            break;
    }
}

/// Reads E'..', B'..', X'..', N'..', U&'..' and U&".."; false where a word begins instead.
bool Lexer::read_prefixed_string() {
    const char prefix = folded(text_[cursor_]);
    const char next = at(cursor_ + 1);
    if (prefix == 'u' && next == '&') {
        if (at(cursor_ + 2) == '\'') {
            read_string(3, Quoting::Doubled, Mark::String);
            return true;
        }
        if (at(cursor_ + 2) == '"') {
            put(Mark::UnicodeIdentifier);
            read_quoted_identifier(3);
            return true;
        }
        return false;
    }
    if (next != '\'') {
        return false;
    }
    switch (prefix) {
        case 'e':
            read_string(2, Quoting::DoubledAndBackslash, Mark::String);
            return true;
        case 'n':
            read_string(2, Quoting::Doubled, Mark::NationalString);
            return true;
        case 'b':
            read_string(2, Quoting::Plain, Mark::BitString);
            return true;
        case 'x':
            read_string(2, Quoting::Plain, Mark::HexString);
            return true;
        default:
            return false;
    }
}

/// Reads a constant in single quotes and all that continues it: 'a' and, after a line break, 'b' are one
/// constant, and the second part is read by the rules of the first (scan.l, "quotecontinue").
void Lexer::read_string(std::size_t opening_size, Quoting quoting, Mark mark) {
    const std::size_t begin = cursor_;
    cursor_ += opening_size;
    do {
        if (!skip_quoted(quoting)) {
            put(Mark::Unterminated);
            return;
        }
    } while (skip_to_continuation());
    finish_constant(begin, mark);
}

/// Moves past the closing quote; false where there is none.
bool Lexer::skip_quoted(Quoting quoting) {
    for (; cursor_ < text_.size(); ++cursor_) {
        const char byte = text_[cursor_];
        if (byte == '\\' && quoting == Quoting::DoubledAndBackslash) {
            ++cursor_;
        } else if (byte == '\'') {
            if (quoting == Quoting::Plain || at(cursor_ + 1) != '\'') {
                ++cursor_;
                return true;
            }
            ++cursor_;
        }
    }
    cursor_ = text_.size();
    return false;
}

/// If the constant just closed goes on, moves past the next opening quote. White space with at least one line
/// break, and comments to the end of the line, may stand between; block comments may not.
bool Lexer::skip_to_continuation() {
    bool line_broken = false;
    for (std::size_t ahead = cursor_; ahead < text_.size(); ++ahead) {
        const char byte = text_[ahead];
        if (byte == '\'') {
            if (line_broken) {
                cursor_ = ahead + 1;
            }
            return line_broken;
        }
        if (byte == '-' && at(ahead + 1) == '-') {
            while (ahead + 1 < text_.size() && at(ahead + 1) != '\n' && at(ahead + 1) != '\r') {
                ++ahead;
            }
        } else if (byte == '\n' || byte == '\r') {
            line_broken = true;
        } else if (class_of(byte) != ByteClass::Space) {
            return false;
        }
    }
    return false;
}

/// Leaves `mark`, or the constant itself, from `begin` to the cursor, where its value is wanted.
void Lexer::finish_constant(std::size_t begin, Mark mark) {
    const bool has_text = mark != Mark::Number && mark != Mark::Parameter;
    if (keep_constants_ && has_text) {
        put(Mark::KeptBegin);
        put(text_.substr(begin, cursor_ - begin));
        put(Mark::KeptEnd);
        return;
    }
    const bool goes_on_list = normal_size_ >= 2 && normal_[normal_size_ - 1] == ',' &&
                              normal_[normal_size_ - 2] == static_cast<char>(mark);
    if (shorten_lists_ && goes_on_list) {
        --normal_size_;
    } else {
        put(mark);
    }
}

void Lexer::read_quoted_identifier(std::size_t opening_size) {
    const std::size_t begin = cursor_;
    for (cursor_ += opening_size; cursor_ < text_.size(); ++cursor_) {
        if (text_[cursor_] != '"') {
            continue;
        }
        if (at(cursor_ + 1) != '"') {
            ++cursor_;
            const std::string_view quoted = text_.substr(begin, cursor_ - begin);
            put(quoted);
            if (opening_size == 1) {
                finish_word(quoted.substr(1, quoted.size() - 2));
            } else {
                // Its escapes may spell any name, and a UESCAPE may follow that says how.
                finish_word("set_config");
            }
            return;
        }
        ++cursor_;
    }
    cursor_ = text_.size();
    put(Mark::Unterminated);
}

void Lexer::read_dot() {
    const char next = at(cursor_ + 1);
    if (is_digit(next)) {
        read_number();
    } else if (next == '.') {
        put(Mark::DotDot);
        cursor_ += 2;
    } else {
        put('.');
        ++cursor_;
    }
}

void Lexer::read_number() {
    const std::size_t begin = cursor_;
    const auto skip_digits = [this] {
        while (is_digit(at(cursor_))) {
            ++cursor_;
        }
    };
    skip_digits();
    // Two dots after an integer are a token of their own.
    if (at(cursor_) == '.' && at(cursor_ + 1) != '.') {
        ++cursor_;
        skip_digits();
    }
    if (folded(at(cursor_)) == 'e') {
        const std::size_t sign_size = at(cursor_ + 1) == '+' || at(cursor_ + 1) == '-' ? 1 : 0;
        if (is_digit(at(cursor_ + 1 + sign_size))) {
            cursor_ += 1 + sign_size;
            skip_digits();
        }
    }
    finish_constant(begin, Mark::Number);
    if (starts_word(at(cursor_))) {
        put(Mark::Junk);
    }
}

/// Reads a parameter, a constant in dollar quotes, or a lone dollar sign.
void Lexer::read_dollar() {
    const std::size_t begin = cursor_;
    std::size_t tag_end = cursor_ + 1;
    if (is_digit(at(tag_end))) {
        for (cursor_ = tag_end; is_digit(at(cursor_)); ++cursor_) {
        }
        finish_constant(begin, Mark::Parameter);
        if (starts_word(at(cursor_))) {
            put(Mark::Junk);
        }
        return;
    }
    while (starts_word(at(tag_end)) || is_digit(at(tag_end))) {
        ++tag_end;
    }
    if (at(tag_end) != '$') {
        put('$');
        ++cursor_;
        return;
    }
    const std::string_view tag = text_.substr(begin, tag_end + 1 - begin);
    const std::size_t close = text_.find(tag, tag_end + 1);
    if (close == std::string_view::npos) {
        cursor_ = text_.size();
        put(Mark::Unterminated);
        return;
    }
    cursor_ = close + tag.size();
    finish_constant(begin, Mark::String);
}

/// Reads a run of operator characters up to the first comment in it. How PostgreSQL cuts the run into
/// operators follows from the run itself.
void Lexer::read_operator() {
    const std::size_t begin = cursor_;
    while (cursor_ < text_.size() && class_of(text_[cursor_]) == ByteClass::Operator) {
        const char byte = text_[cursor_];
        const char next = at(cursor_ + 1);
        const bool comment = (byte == '-' && next == '-') || (byte == '/' && next == '*');
        if (comment && cursor_ == begin) {
            return byte == '-' ? read_comment_line() : read_comment_block();
        }
        if (comment) {
            break;
        }
        ++cursor_;
    }
    shape_.operator_bytes += cursor_ - begin;
    put(text_.substr(begin, cursor_ - begin));
    put(Mark::OperatorEnd);
}

void Lexer::read_colon() {
    const char next = at(cursor_ + 1);
    if (next == ':') {
        ++shape_.operator_bytes;
        put(Mark::Typecast);
        cursor_ += 2;
    } else if (next == '=') {
        put(Mark::ColonEquals);
        cursor_ += 2;
    } else {
        put(':');
        ++cursor_;
    }
}

void Lexer::read_comment_line() {
    const std::size_t end = text_.find_first_of("\n\r", cursor_);
    cursor_ = end == std::string_view::npos ? text_.size() : end;
}

void Lexer::read_comment_block() {
    const std::size_t begin = cursor_ + 2;
    std::size_t depth = 0;
    while (cursor_ < text_.size()) {
        if (text_[cursor_] == '/' && at(cursor_ + 1) == '*') {
            cursor_ += 2;
            shape_.nesting = std::max(shape_.nesting, ++depth);
        } else if (text_[cursor_] == '*' && at(cursor_ + 1) == '/') {
            cursor_ += 2;
            if (--depth == 0) {
                return note_hint(text_.substr(begin, cursor_ - 2 - begin));
            }
        } else {
            ++cursor_;
        }
    }
    put(Mark::Unterminated);
}

/// Of two hints that differ the stricter holds: whoever asks for the primary needs it.
void Lexer::note_hint(std::string_view comment) {
    constexpr std::string_view kPrefix = "pgring:";
    comment = trimmed(comment);
    if (comment.size() < kPrefix.size() || !is_word(comment.substr(0, kPrefix.size() - 1), "pgring") ||
        comment[kPrefix.size() - 1] != ':') {
        return;
    }
    const std::string_view asked = trimmed(comment.substr(kPrefix.size()));
    if (is_word(asked, "primary")) {
        shape_.hint = Hint::Primary;
    } else if (is_word(asked, "standby") && shape_.hint == Hint::None) {
        shape_.hint = Hint::Standby;
    }
}

}  // namespace pgring::sql
