#include "session/startup_parameters.h"

#include <algorithm>
#include <iterator>

#include "base/ascii.h"
#include "session/parameters.h"

namespace pgring::session {

namespace {

bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/// The words of `options`, without the backslashes.
std::vector<std::string> words_of(std::string_view options) {
    std::vector<std::string> words;
    bool in_word = false;
    for (std::size_t i = 0; i < options.size(); ++i) {
        char c = options[i];
        if (is_space(c)) {
            in_word = false;
            continue;
        }
        if (!in_word) {
            words.emplace_back();
            in_word = true;
        }
        if (c == '\\' && i + 1 < options.size()) {
            c = options[++i];
        }
        words.back() += c;
    }
    return words;
}

}  // namespace

std::optional<Replication> read_replication(std::string_view value) {
    if (value == "database") {
        return Replication::Logical;
    }
    // PostgreSQL takes unambiguous beginnings of the words as well (parse_bool()); clients send whole ones.
    for (std::string_view const word : {"true", "on", "yes", "1"}) {
        if (same_name(value, word)) {
            return Replication::Physical;
        }
    }
    for (std::string_view const word : {"false", "off", "no", "0"}) {
        if (same_name(value, word)) {
            return Replication::None;
        }
    }
    return std::nullopt;
}

std::string_view to_string(Replication replication) {
    switch (replication) {
        case Replication::None:
            return {};
        case Replication::Physical:
            return "true";
        case Replication::Logical:
            return "database";
    }
    return {};
}

bool plausible_name(std::string_view name) {
    return !name.empty() && name.size() < 64 && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '.' || c == '$';
    });
}

std::expected<std::vector<SpelledParameter>, std::string> read_options(std::string_view options) {
    std::vector<std::string> const words = words_of(options);
    std::vector<SpelledParameter> parameters;
    for (std::size_t i = 0; i < words.size(); ++i) {
        std::string_view setting = words[i];
        if (setting == "-c" && i + 1 < words.size()) {
            setting = words[++i];
        } else if (setting.starts_with("-c") || setting.starts_with("--")) {
            setting.remove_prefix(2);
        } else {
            return std::unexpected("unsupported word in startup parameter options: " + words[i]);
        }
        std::size_t const equals = setting.find('=');
        std::string name(setting.substr(0, equals));
        std::ranges::replace(name, '-', '_');
        if (equals == std::string_view::npos || !plausible_name(name)) {
            return std::unexpected("startup parameter options needs name=value: " + words[i]);
        }
        parameters.push_back({.name = std::move(name), .value = std::string(setting.substr(equals + 1))});
    }
    return parameters;
}

std::vector<SpelledParameter> settle_parameters(std::span<const SpelledParameter> in_options,
                                                std::span<const SpelledParameter> by_themselves) {
    std::vector<SpelledParameter> settled;
    auto const put = [&settled](const SpelledParameter& parameter) {
        auto const same = std::ranges::find_if(settled, [&parameter](const SpelledParameter& other) {
            return same_name(other.name, parameter.name);
        });
        if (same != settled.end()) {
            same->value = parameter.value;
        } else {
            settled.push_back(parameter);
        }
    };
    std::ranges::for_each(in_options, put);
    std::ranges::for_each(by_themselves, put);
    std::ranges::sort(settled, name_less, &SpelledParameter::name);
    return settled;
}

std::string identity_of(std::span<const SpelledParameter> settled) {
    std::string identity;
    for (const SpelledParameter& parameter : settled) {
        // No zero byte can stand in either.
        std::ranges::transform(parameter.name, std::back_inserter(identity), base::lower);
        identity.append(1, '\0').append(parameter.value).append(1, '\0');
    }
    return identity;
}

}  // namespace pgring::session
