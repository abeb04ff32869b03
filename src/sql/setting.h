#pragma once
/// Which parameters a text of SET, RESET and set_config() changes. Only the names: what their values are then
/// is read from the server. Parsed when asked for, not cached; for the few sessions that set something the
/// proxy must carry over to another backend.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pgring::sql {

/// One change of one parameter.
struct SettingChange {
    enum class Action : std::uint8_t {
        Set,         ///< SET, SET LOCAL, set_config()
        Reset,       ///< to the session's default
        ResetLocal,  ///< the same up to the end of the transaction: SET LOCAL .. TO DEFAULT
        ResetAll     ///< every parameter; the name is empty
    };

    Action action = Action::Set;
    /// In lower case.
    std::string name;

    friend bool operator==(const SettingChange&, const SettingChange&) = default;
};

/// The changes that `text` makes, in order of its statements; SET ROLE and SET SESSION AUTHORIZATION are the
/// parameters `role` and `session_authorization`. What else the text does is passed over. Empty where it
/// changes nothing, and where it may change something whose name is not written in it. Texts over 16 KiB or
/// nested deeper than 200 brackets are not read.
[[nodiscard]] std::vector<SettingChange> settings_of(std::string_view text);

}  // namespace pgring::sql
