#pragma once
/// The classifier: text of a statement in, its Traits out. One pass of the lexer takes a fingerprint of the
/// statement's shape; a shape seen before is answered from a cache of fixed size, a new one is parsed by
/// PostgreSQL's own grammar (libpg_query) and judged once.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/random.h"
#include "base/time.h"
#include "sql/traits.h"

namespace pgring::sql {

/// What a classifier may cost. A text beyond a limit is not judged: it is `kUnjudged` and belongs to the
/// primary.
struct ClassifierLimits {
    /// Longest text looked at, in bytes.
    std::size_t text_bytes_max = 16 * 1024;
    /// Deepest nesting of brackets parsed.
    std::size_t nesting_max = 200;
    /// New shapes parsed in a second, and at most at once; a long text counts for several.
    std::uint32_t misses_per_second_max = 1000;
    /// Shapes remembered, 32 bytes each; rounded up to a power of two.
    std::size_t shapes_max = 4096;
};

/// What happened since the start; each classified text counts in exactly one of them.
struct ClassifierCounters {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t parse_errors = 0;
    std::uint64_t too_long = 0;
    std::uint64_t too_deep = 0;
    std::uint64_t flood = 0;
    std::uint64_t other_dialect = 0;
};

/// How the server will cut the text into tokens.
enum class Dialect : std::uint8_t {
    Standard,  ///< standard_conforming_strings is on and every byte below 0x80 is the ASCII character
    Other,     ///< anything else; such texts are not judged
};

/// The dialect of a session with these parameters, spelled as ParameterStatus spells them.
[[nodiscard]] Dialect dialect_of(std::string_view standard_conforming_strings,
                                 std::string_view client_encoding);

/// One per worker. Single-threaded; allocates in its constructor and where a new shape is parsed, never on a
/// hit.
class Classifier {
  public:
    /// Draws the key of the fingerprint from `random`, so that clients cannot aim for collisions.
    Classifier(const ClassifierLimits& limits, base::RandomSource& random);
    ~Classifier();
    Classifier(const Classifier&) = delete;
    Classifier& operator=(const Classifier&) = delete;

    /// Judges `text`, which need be neither valid SQL nor UTF-8. Never throws. What PostgreSQL would reject
    /// is a Write: the primary says so.
    [[nodiscard]] Traits classify(std::string_view text, Dialect dialect = Dialect::Standard);

    /// Gives the misses of the time since the last call back to the budget; call it at least every second or
    /// so.
    void refill(base::Instant now);

    [[nodiscard]] const ClassifierCounters& counters() const { return counters_; }

  private:
    ClassifierLimits limits_;
    ClassifierCounters counters_;
};

}  // namespace pgring::sql
