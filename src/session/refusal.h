#pragma once
/// The error that a client gets in place of a statement that would tie it to a server connection.

#include <string>

#include "session/errors.h"
#include "session/pin.h"

namespace pgring::session {

/// Holds the texts that its error points to. Allocates; off the hot path.
class Refusal {
  public:
    explicit Refusal(Pin reason)
        : message_(std::string(rule_of(reason).feature) +
                   " cannot be carried over to another server connection" +
                   std::string(rule_of(reason).forbidden_by)),
          hint_(std::string(rule_of(reason).instead) + std::string(rule_of(reason).elsewhere)) {}

    /// Valid as long as this.
    [[nodiscard]] Error error() const {
        return {.sqlstate = sqlstate::kFeatureNotSupported, .message = message_, .hint = hint_};
    }

  private:
    std::string message_;
    std::string hint_;
};

}  // namespace pgring::session
