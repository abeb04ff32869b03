/// pgring's command line.

#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "main/files.h"
#include "main/service.h"
#include "main/system_random.h"
#include "main/version.h"

namespace {

/// What `pgring check` and the start have in common.
struct Loaded {
    pgring::config::Settings settings;
    pgring::session::AccessControl access;
};

std::optional<Loaded> load(const std::string& file) {
    std::optional<pgring::config::Settings> settings = pgring::load_settings(file);
    if (!settings.has_value()) {
        return std::nullopt;
    }
    pgring::SystemRandom random;
    std::optional<pgring::session::AccessControl> access = pgring::load_access(*settings, random);
    if (!access.has_value()) {
        return std::nullopt;
    }
    return Loaded{.settings = std::move(*settings), .access = std::move(*access)};
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "pgring: a PostgreSQL proxy: pooling, read/write routing, failover.\n"
        "Environment variables PGRING_<OPTION> override the configuration file."};
    app.set_version_flag("--version,-V", std::string("pgring ") + pgring::kVersion);
    std::string config_file;
    app.add_option("-c,--config", config_file, "Configuration file (TOML); see configs/pgring.toml")
        ->type_name("FILE");
    CLI::App* const check =
        app.add_subcommand("check", "Check a configuration file and the files it names, and exit");
    std::string checked_file;
    check->add_option("file", checked_file, "Configuration file")->required()->type_name("FILE");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        int const status = app.exit(error);
        return status == 0 ? 0 : 2;
    }
    if (check->parsed()) {
        if (!load(checked_file).has_value()) {
            return 1;
        }
        fmt::print("{}: no problems\n", checked_file);
        return 0;
    }
    if (config_file.empty()) {
        fmt::print(stderr,
                   "pgring: no configuration file; give one with --config FILE (configs/pgring.toml explains "
                   "all options)\n");
        return 2;
    }
    std::optional<Loaded> const loaded = load(config_file);
    if (!loaded.has_value()) {
        return 1;
    }
    return pgring::serve(loaded->settings, loaded->access);
}
