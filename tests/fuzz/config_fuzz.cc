// Any bytes as a configuration file. What must hold besides not crashing: a file that does not load says why,
// each problem on one line and in UTF-8; and no message repeats what a variable put in.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "config/utf8.h"

namespace pgring::config {
namespace {

constexpr std::string_view kSecret = "correct horse";

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

void check_messages(const std::vector<Problem>& problems, std::string_view input) {
    const bool told = input.find(kSecret) != std::string_view::npos;
    for (const Problem& problem : problems) {
        const std::string text = to_string(problem);
        require(text.find('\n') == std::string::npos);
        require(told || text.find(kSecret) == std::string::npos);
        require(!find_invalid_utf8(text));
    }
}

void load_once(std::string_view text) {
    constexpr std::array kVariables{EnvironmentVariable{"SECRET", kSecret},
                                    EnvironmentVariable{"PGRING_MONITOR_USER", "monitor"},
                                    EnvironmentVariable{"PGRING_MONITOR_PASSWORD", kSecret}};
    const std::expected<Loaded, std::vector<Problem>> result =
        load({.file_name = "fuzz.toml", .text = text}, kVariables);
    if (!result) {
        require(!result.error().empty());
        check_messages(result.error(), text);
        return;
    }
    check_messages(result->warnings, text);
    require(!result->settings.servers.empty());
    require(!result->settings.databases.empty());
    require(!result->settings.health.health_check_user.empty());
}

}  // namespace
}  // namespace pgring::config

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    pgring::config::load_once({reinterpret_cast<const char*>(data), size});
    return 0;
}
