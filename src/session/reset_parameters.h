#pragma once
/// The parameters that a session's statements have reset since it last had what it started with: RESET, SET
/// .. TO DEFAULT, RESET ALL, DISCARD ALL. Of the parameters that have the server's default only these go back
/// to the client's own; another one may have been set to that value on purpose.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sql/setting.h"

namespace pgring::session {

class ResetParameters {
  public:
    /// More names than these count as all.
    static constexpr std::size_t kNamesMax = 64;

    /// Notes what of `changes` resets.
    void note(std::span<const sql::SettingChange> changes);
    void note_all();
    void clear() { *this = {}; }
    [[nodiscard]] bool empty() const { return !all_ && names_.empty(); }
    /// Names compare without regard to ASCII case.
    [[nodiscard]] bool has(std::string_view name) const;

  private:
    bool all_ = false;
    std::vector<std::string> names_;
};

}  // namespace pgring::session
