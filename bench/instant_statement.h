#pragma once
/// What the instant server makes of a statement's text. It knows the few that proxies and the load generator
/// send; of any other it only tells by the first word whether rows come back.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pgring::bench {

struct InstantStatement {
    enum class Kind : std::uint8_t {
        Row,      ///< one row of one column, `text`
        Probe,    ///< pgring's monitor asks for role, timeline and positions (monitor/probe_query.h)
        Command,  ///< no rows; `text` is the tag
        Begin,
        Commit,
        Rollback,
        Set,      ///< `name` and `text` are of a parameter
        CopyOut,  ///< `row_count` rows
        CopyIn,
        Empty,
    };

    Kind kind = Kind::Empty;
    std::string text{};
    std::string name{};
    std::uint64_t row_count = 0;
    /// The largest N of the $N in it.
    std::uint16_t parameter_count = 0;

    [[nodiscard]] bool returns_row() const { return kind == Kind::Row || kind == Kind::Probe; }
};

[[nodiscard]] InstantStatement understand(std::string_view text);

/// The statements of a simple query, between semicolons that are in no literal.
[[nodiscard]] std::vector<std::string_view> split_statements(std::string_view text);

}  // namespace pgring::bench
