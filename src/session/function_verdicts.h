#pragma once
/// What is known of the functions of a database: which are proven to leave nothing in a session
/// (function_question.cc says how), and what the code of the others leaves that no server lists. The server
/// is asked for it, and what it says is believed for a while.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sql/function_names.h"

namespace pgring::session {

/// What code may leave in a session though no server lists it.
struct FunctionTraces {
    /// Parameters that may have been set, by name.
    std::vector<std::string> parameters{};
    /// random() may be seeded, a library loaded, or a parameter set whose name is put together.
    enum class Unlisted : std::uint8_t { No, Perhaps } unlisted = Unlisted::No;
};

/// One worker's, of one database. Looking up whether a function is harmless allocates nothing.
class FunctionVerdicts {
  public:
    /// When something was asked for. What is asked in one age is believed up to the end of the next.
    using Age = std::uint32_t;

    [[nodiscard]] Age age() const { return age_; }
    /// The next age begins.
    void pass() { ++age_; }
    /// Nothing of what is known holds any more, nor what the server is being asked for now.
    void forget() { age_ += 2; }

    /// The server, asked in `asked`, has said that every function of this name is harmless.
    void acquit(sql::FunctionNumber name, Age asked) { note(name, {.asked = asked, .traces = nullptr}); }
    /// It has said that one of them is not, and what all of them may leave unlisted.
    void convict(sql::FunctionNumber name, Age asked, FunctionTraces traces) {
        note(name, {.asked = asked, .traces = std::make_unique<FunctionTraces>(std::move(traces))});
    }

    [[nodiscard]] bool harmless(sql::FunctionNumber name) const {
        return known(name) && verdicts_[name].traces == nullptr;
    }
    /// Of a function of which something is known; that it may leave nothing where it is harmless.
    [[nodiscard]] std::optional<FunctionTraces> traces(sql::FunctionNumber name) const {
        if (!known(name)) {
            return std::nullopt;
        }
        return harmless(name) ? FunctionTraces{} : *verdicts_[name].traces;
    }

  private:
    struct Verdict {
        /// Nothing was asked in age 0.
        Age asked = 0;
        /// None of a function that is harmless.
        std::unique_ptr<FunctionTraces> traces;
    };

    [[nodiscard]] bool known(sql::FunctionNumber name) const {
        return name < verdicts_.size() && age_ - verdicts_[name].asked <= 1;
    }
    void note(sql::FunctionNumber name, Verdict verdict) {
        if (verdicts_.size() <= name) {
            verdicts_.resize(std::size_t{name} + 1);
        }
        verdicts_[name] = std::move(verdict);
    }

    Age age_ = 2;
    std::vector<Verdict> verdicts_;
};

}  // namespace pgring::session
