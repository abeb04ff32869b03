#include "sql/code_scan.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"

namespace pgring::sql {

namespace {

bool in_word(char byte) {
    char const c = base::lower(byte);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

bool is(std::string_view word, std::string_view lower) {
    return std::ranges::equal(word, lower, {}, base::lower);
}

/// Cuts a text into words, without regard to what stands between them.
class Words {
  public:
    explicit Words(std::string_view text) : rest_(text) {}

    /// The next word; empty at the end.
    std::string_view next() {
        rest_.remove_prefix(static_cast<std::size_t>(std::ranges::find_if(rest_, in_word) - rest_.begin()));
        return take();
    }
    /// The word that follows with nothing but space before it; empty where something else follows.
    std::string_view adjacent() {
        constexpr std::string_view kSpace = " \t\r\n\f\v";
        rest_.remove_prefix(std::min(rest_.find_first_not_of(kSpace), rest_.size()));
        return take();
    }
    [[nodiscard]] bool before_dot() const { return rest_.starts_with('.'); }

  private:
    std::string_view take() {
        std::string_view const word = rest_.substr(
            0, static_cast<std::size_t>(std::ranges::find_if_not(rest_, in_word) - rest_.begin()));
        rest_.remove_prefix(word.size());
        return word;
    }

    std::string_view rest_;
};

/// Behind the word SET: a plain name is a parameter that the server lists, or a column.
bool sets_unlisted(Words& words) {
    std::string_view name = words.adjacent();
    if (is(name, "session") || is(name, "local")) {
        name = words.adjacent();
    }
    return name.empty() || words.before_dot();
}

}  // namespace

bool may_leave_unlisted(std::string_view text) {
    constexpr std::array<std::string_view, 3> kTelling{"load", "set_config", "setseed"};
    Words words(text);
    for (std::string_view word = words.next(); !word.empty(); word = words.next()) {
        bool const telling =
            std::ranges::any_of(kTelling, [word](std::string_view other) { return is(word, other); });
        if (telling || (is(word, "set") && sets_unlisted(words))) {
            return true;
        }
    }
    return false;
}

}  // namespace pgring::sql
