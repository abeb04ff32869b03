#pragma once
/// From the text of a configuration file and the environment to Settings, or to everything that is wrong with
/// them. Reads no file and no environment of its own: main hands both in.

#include <expected>
#include <string_view>
#include <vector>

#include "config/environment.h"
#include "config/problem.h"
#include "config/settings.h"

namespace pgring::config {

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
