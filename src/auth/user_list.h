#pragma once
/// The users that may log in, read from a file in the format of pgbouncer's userlist.txt. Immutable once
/// read; threads share it.

#include <cstddef>
#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "auth/method.h"
#include "auth/problem.h"
#include "auth/secret.h"

namespace pgring::auth {

class UserList {
  public:
    /// Nobody.
    UserList() = default;

    /// Reads lines of `"user" "secret" whatever`; "" stands for a quote, lines whose first character is ; or
    /// # are comments. A value ends on the line where it began. Of several lines for one user the last
    /// counts, as in pgbouncer. Errors: every problem found, in the order of the file. Each plain password
    /// costs a PBKDF2 (some milliseconds), except those that `previous` (may be nullptr) had with the same
    /// process secret.
    [[nodiscard]] static std::expected<UserList, std::vector<Problem>> parse(
        std::string_view text, std::string_view file_name, const ProcessSecret& process_secret,
        const UserList* previous);

    /// The user's secret, or nullptr. Lives as long as the list.
    [[nodiscard]] const Secret* find(std::string_view user) const;

    [[nodiscard]] std::size_t size() const { return secrets_.size(); }

    /// What an `md5` rule asks of a user who is not in the list, to look like most who are: ScramSha256 where
    /// most secrets are SCRAM secrets, else Md5.
    [[nodiscard]] Method method_for_unknown() const { return method_for_unknown_; }

  private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };

    std::unordered_map<std::string, Secret, Hash, std::equal_to<>> secrets_;
    Method method_for_unknown_ = Method::ScramSha256;
};

}  // namespace pgring::auth
