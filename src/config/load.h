#pragma once
/// From the text of a configuration file and the environment to Settings, or to everything that is wrong with
/// them. Reads no file and no environment of its own: main hands both in.

#include <expected>
#include <span>
#include <string_view>
#include <vector>

#include "config/problem.h"
#include "config/settings.h"

namespace pgring::config {

/// One variable of the environment; borrowed.
struct EnvironmentVariable {
    std::string_view name;
    std::string_view value;
};

/// The environment. Of two variables of one name the first counts, as for getenv().
using Environment = std::span<const EnvironmentVariable>;

/// An entry of environ ("NAME=value") in its two parts; an entry without '=' is a name with an empty value.
[[nodiscard]] EnvironmentVariable split_environment_entry(std::string_view entry);

/// A configuration file that somebody read.
struct Source {
    /// For messages only.
    std::string_view file_name;
    std::string_view text;
};

/// Settings to run with, and what their author should hear nevertheless.
struct Loaded {
    Settings settings;
    /// For example a variable PGRING_... that nothing uses.
    std::vector<Problem> warnings;
};

/// Reads `source`, expands `${VARIABLE}` in its text values, lets `PGRING_<OPTION>` override the options of
/// [pgring], [health] and [routing], and checks all. Errors: every problem that was found, in the order of
/// the file, those of the environment last; after a syntax error only that one, since nothing behind it can
/// be judged. Allocates; never throws but for lack of memory. Borrows its arguments until it returns.
[[nodiscard]] std::expected<Loaded, std::vector<Problem>> load(Source source, Environment environment);

}  // namespace pgring::config
