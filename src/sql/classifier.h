#pragma once
/// The classifier: text of a statement in, its Traits out. One pass of the lexer gives the normal form of the
/// statement's shape, its keyed hash is looked up in a cache of fixed size, and only a shape not met before
/// is parsed by PostgreSQL's own grammar (libpg_query) and judged.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/random.h"
#include "base/time.h"
#include "sql/builtins.h"
#include "sql/fingerprint.h"
#include "sql/function_names.h"
#include "sql/lexer.h"
#include "sql/shape_cache.h"
#include "sql/traits.h"

namespace pgring::sql {

/// What a classifier may cost. A text beyond a limit is not judged: it is `kUnjudged` and belongs to the
/// primary.
struct ClassifierLimits {
    /// Longest text looked at, in bytes.
    std::size_t text_bytes_max = 16UL * 1024;
    /// Deepest nesting of brackets and of comments parsed. libpg_query takes quadratic time over nested
    /// comments.
    std::size_t nesting_max = 200;
    /// Most bytes of operators in a text parsed. The tree may be as deep as there are operators, libpg_query
    /// recurses over it and takes quadratic time: 53 ms and 2.8 MiB of stack for 8,000 additions, 2 ms and
    /// 0.4 MiB for 1,000.
    std::size_t operator_bytes_max = 1000;
    /// New shapes parsed in a second, and most parsed at once; each further 256 bytes of a text count as
    /// another shape.
    std::uint32_t misses_per_second_max = 1000;
    /// Shapes remembered, 32 bytes each; rounded up to a power of two.
    std::size_t shapes_max = 4096;
};

/// What happened since the start. Each text counts in exactly one.
struct ClassifierCounters {
    std::uint64_t hits = 0;
    /// Parsed and judged.
    std::uint64_t misses = 0;
    /// Rejected, by the grammar or for a NUL byte.
    std::uint64_t parse_errors = 0;
    std::uint64_t too_long = 0;
    std::uint64_t too_deep = 0;
    /// Not parsed because too many were.
    std::uint64_t flood = 0;
    std::uint64_t other_dialect = 0;
};

/// How the server will cut a text into tokens.
enum class Dialect : std::uint8_t {
    Standard,  ///< standard_conforming_strings is on and every byte below 0x80 is the ASCII character
    Other,     ///< anything else; a text with a backslash or a byte beyond ASCII is not judged
};

/// The dialect of a session with these parameters, spelled as ParameterStatus spells them.
[[nodiscard]] Dialect dialect_of(std::string_view standard_conforming_strings,
                                 std::string_view client_encoding);

/// One per worker. Single-threaded; its memory is fixed in the constructor, and only parsing a new shape
/// allocates. Parsing takes up to 1.5 MiB of the caller's stack.
class Classifier {
  public:
    /// Draws the key of the hash from `random`, so that clients cannot aim for collisions. `functions` must
    /// live as long.
    Classifier(const ClassifierLimits& limits, base::RandomSource& random,
               const FunctionCatalogue& functions = builtin_functions());
    Classifier(const Classifier&) = delete;
    Classifier& operator=(const Classifier&) = delete;

    /// Judges `text`, which need be neither valid SQL nor UTF-8. Never throws. What PostgreSQL would reject
    /// is a Write: the primary says so.
    [[nodiscard]] Traits classify(std::string_view text, Dialect dialect = Dialect::Standard);

    /// A number for the shape of `text`, the same for all texts that differ in constants only, until the
    /// process ends; 0 for a text that would not be looked at.
    [[nodiscard]] std::uint64_t shape_of(std::string_view text);

    /// Gives the misses of the time since the last call back to the budget; call it at least every second or
    /// so.
    void refill(base::Instant now);

    /// Forgets every shape, because the function catalogue has changed.
    void forget() { cache_.clear(); }

    /// What Traits::functions refers to.
    [[nodiscard]] const FunctionNames& function_names() const { return function_names_; }
    [[nodiscard]] const ClassifierCounters& counters() const { return counters_; }

  private:
    [[nodiscard]] Traits classify_shape(std::string_view text, std::string_view normal_form);
    [[nodiscard]] Traits parse(std::string_view text, Fingerprint shape, Fingerprint exact);
    [[nodiscard]] bool take_from_budget(std::size_t text_size);

    /// The budget is kept as time: what a second of misses may cost is a second.
    static constexpr base::Duration kBudgetMax = std::chrono::seconds(1);

    ClassifierLimits limits_;
    const FunctionCatalogue& functions_;
    FunctionNames function_names_;
    /// Two keys: shapes, and whole texts that do not parse. The latter are remembered by every byte, because
    /// the same shape may well parse: E'\u00zz' is an error, E'' is not.
    Fingerprinter fingerprint_shape_;
    Fingerprinter fingerprint_text_;
    Lexer lexer_;
    ShapeCache cache_;
    base::Duration budget_ = kBudgetMax;
    base::Instant refilled_{};
    ClassifierCounters counters_;
};

}  // namespace pgring::sql
