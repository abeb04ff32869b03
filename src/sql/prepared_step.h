#pragma once
/// What the statements of a text do with prepared statements by SQL: PREPARE, EXECUTE, DEALLOCATE. Parsed
/// when asked for, not cached; for the sessions that use them.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pgring::sql {

/// One statement.
struct PreparedStep {
    enum class Kind : std::uint8_t {
        Other,  ///< DEALLOCATE ALL and DISCARD ALL are: their command tags tell
        Prepare,
        /// Also within EXPLAIN and CREATE TABLE AS.
        Execute,
        Deallocate,
    };

    Kind kind = Kind::Other;
    /// Of the prepared statement, as PostgreSQL folds and cuts it.
    std::string name{};
    /// Prepare: the body of a Parse behind the name that prepares the same: text, zero byte, parameter types.
    /// Empty where a type is none of PostgreSQL's own, so that only the server knows what it is called.
    std::string parse_body{};

    friend bool operator==(const PreparedStep&, const PreparedStep&) = default;
};

/// One step for each statement of `text`, in order: the server completes each with a CommandComplete, unless
/// it fails. Empty where the grammar rejects it. A Classifier must have judged the text, and so found it
/// within the limits of what may be parsed.
[[nodiscard]] std::vector<PreparedStep> prepared_steps_of(std::string_view text);

/// The name in a text that a Classifier has found to be one statement which executes a prepared one; empty
/// where it is not EXECUTE with a plain name in lower case. A short cut: allocates nothing, and points into
/// the text.
[[nodiscard]] std::string_view executed_name(std::string_view text);

}  // namespace pgring::sql
