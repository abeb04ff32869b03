#pragma once
/// The parameters that a session set on its backend and that the server does not report: their values have to
/// be read before the backend goes to somebody else, so that the session finds them again wherever it goes
/// on.
///
/// They are read from the server when the transaction is over, not computed from the statements: so ROLLBACK,
/// ROLLBACK TO, SET LOCAL and functions that set something mean exactly what they mean to PostgreSQL.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sql/setting.h"

namespace pgring::session {

/// What the server says of one parameter.
struct ParameterReading {
    std::string name;
    std::string value;
    enum class State : std::uint8_t {
        Set,      ///< it has this value in the session
        Default,  ///< it has the value that a new session has
    } state = State::Set;
};

class TouchedParameters {
  public:
    /// More than these are not followed; the session is pinned instead.
    static constexpr std::size_t kNamesMax = 64;

    /// Notes what a statement of these changes touches. False where it cannot be followed.
    [[nodiscard]] bool note(std::span<const sql::SettingChange> changes);
    /// Notes one more name, e.g. of a parameter that RESET ALL may have changed.
    void note(std::string_view name);
    [[nodiscard]] bool empty() const { return names_.empty(); }
    void clear() { names_.clear(); }

    /// The query that asks for their values.
    [[nodiscard]] std::string query() const;
    /// What its answer says; `row` is the one row of it, without a value for NULL.
    [[nodiscard]] std::vector<ParameterReading> read(std::span<const std::optional<std::string>> row) const;

  private:
    std::vector<std::string> names_;
};

}  // namespace pgring::session
