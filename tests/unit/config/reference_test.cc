#include "config/reference.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "config/options.h"
#include "loading.h"

namespace pgring::config {
namespace {

constexpr std::array kMonitor{EnvironmentVariable{"PGRING_MONITOR_USER", "monitor"},
                              EnvironmentVariable{"PGRING_MONITOR_PASSWORD", "secret"}};

std::string checked_in(const char* path) {
    const std::filesystem::path file = std::filesystem::path(PGRING_SOURCE_ROOT) / path;
    std::ifstream stream(file, std::ios::binary);
    EXPECT_TRUE(stream.is_open()) << file;
    return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(Reference, CheckedInExampleIsTheGeneratedOne) {
    EXPECT_EQ(checked_in("configs/pgring.toml"), example_file()) << "run tools/make-config-reference";
}

TEST(Reference, CheckedInPageIsTheGeneratedOne) {
    EXPECT_EQ(checked_in("docs/configuration.md"), reference_page()) << "run tools/make-config-reference";
}

TEST(Reference, ExampleLoadsWithoutAWord) {
    const Loaded result = testing::loaded(example_file(), kMonitor);
    EXPECT_TRUE(result.warnings.empty());
    ASSERT_EQ(result.settings.servers.size(), 2U);
    EXPECT_EQ(result.settings.servers[0],
              (ServerSettings{.name = "pg-0", .host = "127.0.0.1", .port = 6100}));
    EXPECT_EQ(result.settings.servers[1],
              (ServerSettings{.name = "pg-1", .host = "127.0.0.1", .port = 6101}));
    EXPECT_EQ(result.settings.health.health_check_password, "secret");
}

TEST(Reference, ExampleShowsTheDefaults) {
    // With the comment signs of all options taken away the file still loads, and says what it said before.
    const std::string example = example_file();
    std::string uncommented;
    for (std::size_t i = 0; i < example.size(); ++i) {
        const bool sign = example[i] == '#' && (i == 0 || example[i - 1] == '\n') && example[i + 1] != ' ' &&
                          example[i + 1] != '\n';
        if (!sign) {
            uncommented.push_back(example[i]);
        }
    }
    const Settings explicit_settings = testing::settings_of(uncommented, kMonitor);
    const Settings settings = testing::settings_of(example, kMonitor);
    EXPECT_EQ(explicit_settings.pgring, settings.pgring);
    EXPECT_EQ(explicit_settings.health, settings.health);
    EXPECT_EQ(explicit_settings.routing, settings.routing);
    EXPECT_EQ(explicit_settings.servers, settings.servers);
    ASSERT_EQ(explicit_settings.databases.size(), 1U);
    EXPECT_EQ(explicit_settings.databases[0].dbname, "app");
}

TEST(Reference, BothNameEveryOption) {
    const std::string example = example_file();
    const std::string page = reference_page();
    for (const Section& section : kSections) {
        for (const std::string_view name : option_names(section.name)) {
            EXPECT_NE(example.find(std::string(name) + " = "), std::string::npos) << name;
            EXPECT_NE(page.find("| `" + std::string(name) + "` |"), std::string::npos) << name;
        }
    }
}

TEST(Reference, SmallestFileOfThePageLoads) {
    const std::string page = reference_page();
    constexpr std::string_view kFence = "```toml\n";
    const auto begin = page.find(kFence) + kFence.size();
    const std::string file = page.substr(begin, page.find("```", begin) - begin);
    constexpr std::array kVariables{EnvironmentVariable{"MONITOR_PASSWORD", "secret"}};
    EXPECT_EQ(testing::settings_of(file, kVariables).servers.size(), 2U);
}

}  // namespace
}  // namespace pgring::config
