#include "main/files.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <unistd.h>

#include "auth/md5.h"
#include "config/load.h"

namespace pgring {

namespace {

template <class Problems>
void print_problems(const Problems& problems) {
    for (const auto& problem : problems) {
        fmt::print(stderr, "{}\n", to_string(problem));
    }
}

}  // namespace

std::expected<std::string, std::string> read_file(const std::string& name) {
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    std::unique_ptr<std::FILE, Close> const file(std::fopen(name.c_str(), "rb"));
    if (file == nullptr) {
        return std::unexpected(fmt::format("{}: cannot be read: {}", name, std::strerror(errno)));
    }
    std::string text;
    char piece[65536];
    for (;;) {
        std::size_t const count = std::fread(piece, 1, sizeof piece, file.get());
        text.append(piece, count);
        if (count < sizeof piece) {
            break;
        }
    }
    if (std::ferror(file.get()) != 0) {
        return std::unexpected(fmt::format("{}: cannot be read: {}", name, std::strerror(errno)));
    }
    return text;
}

std::vector<config::EnvironmentVariable> read_environment() {
    std::vector<config::EnvironmentVariable> variables;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        variables.push_back(config::split_environment_entry(*entry));
    }
    return variables;
}

std::optional<config::Settings> load_settings(const std::string& name) {
    auto const text = read_file(name);
    if (!text.has_value()) {
        fmt::print(stderr, "{}\n", text.error());
        return std::nullopt;
    }
    auto const environment = read_environment();
    auto loaded = config::load({.file_name = name, .text = *text}, environment);
    if (!loaded.has_value()) {
        print_problems(loaded.error());
        return std::nullopt;
    }
    print_problems(loaded->warnings);
    return std::move(loaded->settings);
}

std::optional<session::AccessControl> load_access(const config::Settings& settings,
                                                  base::RandomSource& random) {
    session::AccessControl access{.users = {}, .rules = {}, .process_secret = auth::ProcessSecret(random)};
    const config::PgringSettings& pgring = settings.pgring;
    if (!pgring.auth_file.empty()) {
        auto const text = read_file(pgring.auth_file);
        if (!text.has_value()) {
            fmt::print(stderr, "{}; it is what auth_file names\n", text.error());
            return std::nullopt;
        }
        auto users = auth::UserList::parse(*text, pgring.auth_file, access.process_secret, nullptr);
        if (!users.has_value()) {
            print_problems(users.error());
            return std::nullopt;
        }
        access.users = std::move(*users);
    }
    if (pgring.auth_type == config::AuthType::Hba) {
        auto const text = read_file(pgring.auth_hba_file);
        if (!text.has_value()) {
            fmt::print(stderr, "{}; it is what auth_hba_file names\n", text.error());
            return std::nullopt;
        }
        auth::ParsedRules parsed = auth::parse_rules(*text, pgring.auth_hba_file);
        if (!parsed.problems.empty()) {
            // A line that was not understood may have been one that rejects.
            print_problems(parsed.problems);
            return std::nullopt;
        }
        access.rules = std::move(parsed.rules);
    }
    if (pgring.auth_type == config::AuthType::Md5 && !auth::md5_available()) {
        fmt::print(stderr, "auth_type md5: this system's OpenSSL offers no MD5 (FIPS); use scram-sha-256\n");
        return std::nullopt;
    }
    return access;
}

}  // namespace pgring
