#pragma once
/// What a text of SET, RESET and set_config() changes: names and values. Parsed when asked for, not cached;
/// for the few sessions that set something the proxy must carry over to another backend.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pgring::sql {

/// One change of one parameter.
struct SettingChange {
    enum class Action : std::uint8_t {
        Set,      ///< to `value`
        Reset,    ///< to the session's default
        ResetAll  ///< every parameter; name and value are empty
    };
    enum class Scope : std::uint8_t {
        Session,     ///< SET, set_config(.., false)
        Transaction  ///< SET LOCAL, set_config(.., true), SET TRANSACTION: ends with the transaction
    };

    Action action = Action::Set;
    Scope scope = Scope::Session;
    /// In lower case.
    std::string name;
    /// As set_config() would take it: lists joined and their elements quoted where PostgreSQL does so.
    std::string value;

    friend bool operator==(const SettingChange&, const SettingChange&) = default;
};

/// The changes that `text` makes, in order; SET ROLE and SET SESSION AUTHORIZATION are the parameters `role`
/// and `session_authorization`. Empty where the text does anything else besides, or where a value is not a
/// constant: then nobody can tell but the server. Texts over 16 KiB or nested deeper than 200 brackets are
/// not read.
[[nodiscard]] std::vector<SettingChange> settings_of(std::string_view text);

}  // namespace pgring::sql
