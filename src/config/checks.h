#pragma once
/// What must hold between settings, after each one alone is right.

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.h"
#include "config/settings.h"

namespace pgring::config {

/// Where a setting came from.
struct Place {
    std::string file;
    Position position;
};

/// Where all settings came from, by path: "health", "health.health_check_user", "servers.pg-0.host".
class Places {
  public:
    explicit Places(std::string_view file) : file_(file) {}

    void note(std::string_view path, Place place);
    /// The setting was given, but wrong: its value is the default, and says nothing.
    void note_wrong(std::string_view path);

    /// The place of `path` or, where that was not given, of the section around it, or else the file as a
    /// whole.
    [[nodiscard]] Place find(std::string_view path) const;
    [[nodiscard]] bool wrong(std::string_view path) const;

  private:
    std::string file_;
    std::map<std::string, Place, std::less<>> places_;
    std::set<std::string, std::less<>> wrong_;
};

/// Everything that does not fit together. Says nothing about settings that `places` knows to be wrong in
/// themselves.
[[nodiscard]] std::vector<Problem> check(const Settings& settings, const Places& places);

/// What can be run but is hardly meant.
[[nodiscard]] std::vector<Problem> check_intent(const Settings& settings, const Places& places);

}  // namespace pgring::config
