#pragma once
/// The functions that a session has called since the server was asked last what that left behind, and that
/// nobody has proven harmless: part of that question is whether they are, where that is not known, and what
/// else they may have left that no server lists.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "session/function_verdicts.h"
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
    /// Columns for the query that asks what the session has left, for each function of which nothing is
    /// known: whether it is harmless, which parameters its code names that a client made up, whether its code
    /// may leave something else that the server does not list. Each with a comma before it; empty where all
    /// are known.
    [[nodiscard]] std::string columns(const sql::FunctionNames& names, const FunctionVerdicts& verdicts);

    /// Reads those columns of the answer, and notes what they say. What all the functions called may have
    /// left, those that were known as well, is returned, and they are forgotten.
    [[nodiscard]] FunctionTraces read(std::span<const std::optional<std::string>> values,
                                      FunctionVerdicts& verdicts);
    /// Nothing could be read.
    void clear();

  private:
    std::vector<sql::FunctionNumber> called_;
    /// Those of them that the server was asked about.
    std::vector<sql::FunctionNumber> asked_;
    FunctionVerdicts::Age asked_in_ = 0;
    /// Of the others.
    FunctionTraces known_;
    bool definitions_change_ = false;
};

}  // namespace pgring::session
