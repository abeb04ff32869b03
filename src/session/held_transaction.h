#pragma once
/// The transaction as the client sees it while no backend carries it.
///
///     None --BEGIN alone--> Begun --next statement: BEGIN travels with it--> None (the backend carries it)
///                             +--COMMIT / ROLLBACK: answered here--> None
///     None --backend lost amid the transaction--> Lost --next statement: told 40001--> Failed
///     None --told 40001 at once--> Failed --next statement: a backend is put into a failed transaction-->
///     None

#include <cstdint>
#include <string>
#include <string_view>

#include "sql/traits.h"
#include "wire/protocol.h"

namespace pgring::session {

class HeldTransaction {
  public:
    enum class State : std::uint8_t {
        None,    ///< no transaction, or the backend carries it
        Begun,   ///< the client's BEGIN was answered and not sent yet
        Lost,    ///< the backend was lost while the client was silent; it does not know yet
        Failed,  ///< the client knows that its transaction failed
    };

    [[nodiscard]] State state() const { return state_; }

    /// The client's BEGIN, to be sent later.
    void begin(std::string_view text, sql::Control control) {
        text_ = text;
        control_ = control;
        state_ = State::Begun;
    }
    void lose() { state_ = State::Lost; }
    void fail() { state_ = State::Failed; }
    /// The backend carries it from now on, or it is over.
    void end() { state_ = State::None; }

    [[nodiscard]] std::string_view begin_text() const { return text_; }
    [[nodiscard]] sql::Control control() const { return control_; }

    /// What ReadyForQuery says while no backend is attached.
    [[nodiscard]] wire::TransactionStatus status() const {
        switch (state_) {
            case State::None:
                return wire::TransactionStatus::Idle;
            case State::Begun:
            case State::Lost:
                return wire::TransactionStatus::InTransaction;
            case State::Failed:
                return wire::TransactionStatus::InFailedTransaction;
        }
        return wire::TransactionStatus::Idle;
    }

  private:
    std::string text_;
    sql::Control control_ = sql::Control::None;
    State state_ = State::None;
};

}  // namespace pgring::session
