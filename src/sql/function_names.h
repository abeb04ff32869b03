#pragma once
/// Names of functions that the tables do not know, as statements call them. Each name has a number, and so
/// has each set of names that some statement calls: so a judgement refers to them in four bytes wherever it
/// is kept, for as long as the table lives. Bounded; where there is no more room a set is Nameless.

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sql/builtins.h"
#include "sql/traits.h"

namespace pgring::sql {

/// The number of a name.
using FunctionNumber = std::uint16_t;

class FunctionNames {
  public:
    static constexpr std::size_t kNamesMax = 4096;
    static constexpr std::size_t kSetsMax = 16384;
    /// A statement that calls more unknown ones is rare.
    static constexpr std::size_t kNamesInSetMax = 8;

    FunctionNames();
    FunctionNames(const FunctionNames&) = delete;
    FunctionNames& operator=(const FunctionNames&) = delete;

    /// The set of these names, in whatever order and however often each stands there.
    [[nodiscard]] FunctionSet intern(std::vector<std::string> names);
    /// Its members; none for None, and for Nameless, where they are not known.
    [[nodiscard]] std::span<const FunctionNumber> members(FunctionSet set) const {
        return sets_[static_cast<std::size_t>(set)];
    }
    [[nodiscard]] std::string_view name(FunctionNumber number) const { return names_[number]; }

  private:
    std::vector<std::string_view> names_;
    /// Owns the texts of names_.
    std::map<std::string, FunctionNumber, std::less<>> numbers_;
    std::vector<std::vector<FunctionNumber>> sets_;
    std::map<std::vector<FunctionNumber>, FunctionSet> set_numbers_;
};

/// A catalogue that notes which names another one does not know.
class UnknownFunctions final : public FunctionCatalogue {
  public:
    explicit UnknownFunctions(const FunctionCatalogue& functions) : functions_(functions) {}

    [[nodiscard]] FunctionKind kind_of(std::string_view schema, std::string_view name) const override;
    /// Those asked for since the start.
    [[nodiscard]] std::vector<std::string> take() { return std::move(names_); }

  private:
    const FunctionCatalogue& functions_;
    /// To ask is to note: whoever judges a statement needs nothing else.
    mutable std::vector<std::string> names_;
};

}  // namespace pgring::sql
