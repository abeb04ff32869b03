#pragma once
/// A look at the text of a DO, whose code nobody parses: may it leave something in the session that the
/// server does not list?

#include <string_view>

namespace pgring::sql {

/// Whether the text has a word of what sets a parameter that the client made up (set_config, SET a.b, SET
/// with a name that is put together), seeds random() or loads a library. Literals and comments count like
/// everything else, because code may be in them; so it errs towards yes.
[[nodiscard]] bool may_leave_unlisted(std::string_view text);

}  // namespace pgring::sql
