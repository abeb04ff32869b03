#pragma once
/// Loads texts as the tests write them.

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "config/load.h"

namespace pgring::config::testing {

inline constexpr std::string_view kFileName = "test.toml";

/// Complete by itself; tests append to it. Its last section is [servers.pg-0], its last line is 8.
inline constexpr std::string_view kMinimal = R"([pgring]
auth_file = "users"

[health]
health_check_user = "monitor"

[servers.pg-0]
host = "10.0.0.1"
)";

/// kMinimal with `options` in [pgring]; the first of them stands in line 3.
inline std::string with_pgring(std::string_view options) {
    constexpr std::string_view kAnchor = "auth_file = \"users\"\n";
    std::string text(kMinimal);
    text.insert(text.find(kAnchor) + kAnchor.size(), std::string(options) + "\n");
    return text;
}

/// The outcome of a text that must load; where it does not, the test fails and says why.
inline Loaded loaded(std::string_view text, Environment environment = {}) {
    std::expected<Loaded, std::vector<Problem>> result =
        load({.file_name = kFileName, .text = text}, environment);
    if (!result) {
        for (const Problem& problem : result.error()) {
            ADD_FAILURE() << to_string(problem);
        }
        return {};
    }
    return std::move(*result);
}

inline Settings settings_of(std::string_view text, Environment environment = {}) {
    return loaded(text, environment).settings;
}

/// The problems of a text that must not load, as they are printed.
inline std::vector<std::string> problems_of(std::string_view text, Environment environment = {}) {
    const std::expected<Loaded, std::vector<Problem>> result =
        load({.file_name = kFileName, .text = text}, environment);
    std::vector<std::string> printed;
    if (!result) {
        std::ranges::transform(result.error(), std::back_inserter(printed),
                               [](const Problem& p) { return to_string(p); });
    }
    return printed;
}

/// The only problem of a text, as it is printed.
inline std::string problem_of(std::string_view text, Environment environment = {}) {
    const std::vector<std::string> problems = problems_of(text, environment);
    EXPECT_EQ(problems.size(), 1U) << ::testing::PrintToString(problems);
    return problems.empty() ? std::string() : problems.front();
}

}  // namespace pgring::config::testing
