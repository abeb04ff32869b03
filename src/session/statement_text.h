#pragma once
/// What is read off the text of a statement whose kind the classifier has told already.
///
/// Threads: none of it has state. Nothing allocates; results point into the text.

#include <string_view>

namespace pgring::session {

/// The command tag of a BEGIN that pgring answers; empty where the text starts with something else, e.g. a
/// comment.
[[nodiscard]] std::string_view begin_tag(std::string_view text);

/// The name in a DEALLOCATE of one statement; empty where the text is something else, and where the name has
/// to be folded or unescaped: that is left to the server.
[[nodiscard]] std::string_view deallocated_name(std::string_view text);

}  // namespace pgring::session
