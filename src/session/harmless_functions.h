#pragma once
/// Which functions of a database are proven to leave nothing in a session (function_question.cc says how).
/// The server is asked for it, and what it says is believed for a while.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sql/function_names.h"

namespace pgring::session {

/// One worker's, of one database. Looking up allocates nothing.
class HarmlessFunctions {
  public:
    /// When something was asked for. What is asked in one age is believed up to the end of the next.
    using Age = std::uint32_t;

    [[nodiscard]] Age age() const { return age_; }
    /// The next age begins.
    void pass() { ++age_; }
    /// Nothing of what is known holds any more, nor what the server is being asked for now.
    void forget() { age_ += 2; }

    /// The server, asked in `asked`, has said that every function of this name is harmless.
    void prove(sql::FunctionNumber name, Age asked) {
        if (proven_.size() <= name) {
            proven_.resize(std::size_t{name} + 1);
        }
        proven_[name] = asked;
    }
    [[nodiscard]] bool contains(sql::FunctionNumber name) const {
        return name < proven_.size() && age_ - proven_[name] <= 1;
    }

  private:
    /// No name was proven in age 0.
    Age age_ = 2;
    std::vector<Age> proven_;
};

}  // namespace pgring::session
