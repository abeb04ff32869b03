#pragma once
/// What RESET, SET .. TO DEFAULT and DISCARD ALL mean amid a transaction or a batch to a session whose
/// startup packet asked for values: the server goes back to its own defaults, the session to these. So they
/// are set again behind such a statement before anything else runs, in the same transaction, which undoes
/// both or neither. (Outside of one reset_parameters.h does it, which can see first what the server made of
/// it.)
///
/// Behind a Query they are due as soon as it is answered; behind an Execute they go into the same batch.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "session/parameters.h"
#include "sql/setting.h"
#include "sql/traits.h"

namespace pgring::session {

/// What a session started with, and what it would have without that. Borrowed.
struct StartupValues {
    const ParameterSet& wanted;
    const ParameterSet& defaults;

    /// The value that the session asked for, where it is not the default anyway; else nullptr.
    [[nodiscard]] const std::string* find(std::string_view name) const;
};

class StartupReturn {
  public:
    /// A statement that makes `changes`, in this order, is about to be sent. What the text itself sets behind
    /// a reset is left alone.
    void note(std::span<const sql::SettingChange> changes, StartupValues values);
    /// One that resets all.
    void note_all(StartupValues values);
    /// What was noted is a Query, and sent. With `control` in it, what becomes of the reset is not known.
    void sent(sql::Control control) {
        state_ = State::Sent;
        control_ = control;
    }
    void clear();

    /// An Execute of what was noted resets something.
    [[nodiscard]] bool bound() const { return state_ == State::Noted && !values_.empty(); }
    /// A Query that resets something was sent.
    [[nodiscard]] bool due() const { return state_ == State::Sent && !values_.empty(); }
    /// The value that `name` is about to have, which is what the client is to be told instead of the server's
    /// default; nullptr where nothing is due.
    [[nodiscard]] const std::string* find(std::string_view name) const;
    /// The query that sets what is due or bound.
    [[nodiscard]] std::string query() const;

  private:
    enum class State : std::uint8_t { Noted, Sent };
    enum class Scope : std::uint8_t { Session, Transaction };
    struct Value {
        std::string name;
        std::string value;
        Scope scope = Scope::Session;
    };

    void add(std::string_view name, Scope scope, StartupValues values);
    void remove(std::string_view name);

    State state_ = State::Noted;
    sql::Control control_ = sql::Control::None;
    std::vector<Value> values_;
};

}  // namespace pgring::session
