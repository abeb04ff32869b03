#pragma once
/// The functions that a session has called since the server was asked last what that left behind, and that
/// nobody has proven harmless: part of that question is whether they are, and what else they may have left
/// that no server lists.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "session/harmless_functions.h"
#include "sql/function_names.h"

namespace pgring::session {

class FunctionQuestion {
  public:
    /// More are not asked about; they are when they are called again.
    static constexpr std::size_t kNamesMax = 16;

    /// A statement calls these.
    void note(std::span<const sql::FunctionNumber> called);
    /// A statement defines functions.
    void definitions_change() { definitions_change_ = true; }
    /// Nothing is under way any more: whether a definition has changed since.
    [[nodiscard]] bool take_definitions_changed();

    [[nodiscard]] bool empty() const { return called_.empty(); }
    /// Columns for the query that asks what the session has left: for each function whether it is harmless;
    /// which parameters their code names that a client made up; whether their code may leave something else
    /// that the server does not list.
    [[nodiscard]] std::string columns(const sql::FunctionNames& names, HarmlessFunctions::Age now);

    /// What the server says.
    struct Answer {
        /// Parameters that may have been set, by name.
        std::vector<std::string> parameters;
        /// random() may be seeded, a library loaded, or a parameter set whose name is put together.
        enum class Unlisted : std::uint8_t { No, Perhaps } unlisted = Unlisted::No;
    };
    /// Reads those columns of the answer, and notes what is proven. What was asked for is forgotten.
    [[nodiscard]] Answer read(std::span<const std::optional<std::string>> values,
                              HarmlessFunctions& harmless);
    /// Nothing could be read.
    void clear() { called_.clear(); }

  private:
    std::vector<sql::FunctionNumber> called_;
    HarmlessFunctions::Age asked_ = 0;
    bool definitions_change_ = false;
};

}  // namespace pgring::session
