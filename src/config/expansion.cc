#include "config/expansion.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

namespace pgring::config {
namespace {

constexpr std::string_view kOpen = "${";
constexpr std::string_view kDefaultMark = ":-";

bool is_variable_name(std::string_view name) {
    constexpr std::string_view kDigits = "0123456789";
    constexpr std::string_view kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    return !name.empty() && kDigits.find(name.front()) == std::string_view::npos &&
           name.find_first_not_of(kAllowed) == std::string_view::npos;
}

/// What stands between the braces of one reference.
struct Reference {
    std::string_view name;
    std::optional<std::string_view> fallback;
};

Reference split_reference(std::string_view inside) {
    const auto mark = inside.find(kDefaultMark);
    if (mark == std::string_view::npos) {
        return Reference{.name = inside, .fallback = std::nullopt};
    }
    return Reference{.name = inside.substr(0, mark), .fallback = inside.substr(mark + kDefaultMark.size())};
}

std::expected<std::string_view, Advice> value_of(const Reference& reference, Environment environment) {
    const std::optional<std::string_view> value = find_variable(environment, reference.name);
    if (reference.fallback && (!value || value->empty())) {
        return *reference.fallback;
    }
    if (value) {
        return *value;
    }
    return std::unexpected(Advice{
        .message = fmt::format("needs the environment variable {}, which is not set", reference.name),
        .remedy = fmt::format("set {0}, or write ${{{0}:-DEFAULT}} to have a default", reference.name)});
}

}  // namespace

std::expected<std::string, std::vector<Advice>> expand(std::string_view text, Environment environment,
                                                       std::vector<std::string>& referenced) {
    std::string result;
    std::vector<Advice> errors;
    while (!text.empty()) {
        const auto open = text.find(kOpen);
        if (open == std::string_view::npos) {
            result += text;
            break;
        }
        const bool escaped = open > 0 && text[open - 1] == '$';
        if (escaped) {
            result += text.substr(0, open - 1);
            result += kOpen;
            text.remove_prefix(open + kOpen.size());
            continue;
        }
        result += text.substr(0, open);
        text.remove_prefix(open + kOpen.size());
        const auto close = text.find('}');
        const Reference reference = split_reference(text.substr(0, close));
        if (close == std::string_view::npos || !is_variable_name(reference.name)) {
            errors.push_back(
                {.message = "has a ${ that no variable's name and } follow",
                 .remedy = "write ${NAME} or ${NAME:-DEFAULT}, or $${ for the characters ${ themselves"});
        } else {
            referenced.emplace_back(reference.name);
            const std::expected<std::string_view, Advice> value = value_of(reference, environment);
            if (value) {
                result += *value;
            } else {
                errors.push_back(value.error());
            }
        }
        text.remove_prefix(close == std::string_view::npos ? text.size() : close + 1);
    }
    if (!errors.empty()) {
        return std::unexpected(std::move(errors));
    }
    return result;
}

}  // namespace pgring::config
