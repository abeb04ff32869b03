// Reading of pg_hba.conf: parse_rules() of hba.h. Matching is in hba.cc.

#include <algorithm>
#include <array>
#include <charconv>
#include <expected>
#include <span>
#include <string>
#include <utility>

#include <fmt/core.h>

#include "auth/hba.h"
#include "auth/hba_line.h"

namespace pgring::auth {
namespace {

/// What is wrong with a line and what to write; the place is added where the line is known.
struct Complaint {
    std::string message;
    std::string remedy;
};

template <class T>
using Parsed = std::expected<T, Complaint>;

std::unexpected<Complaint> complain(std::string message, std::string remedy) {
    return std::unexpected(Complaint{.message = std::move(message), .remedy = std::move(remedy)});
}

constexpr std::string_view kForms =
    "write: local DATABASE USER METHOD, or host|hostssl|hostnossl DATABASE USER ADDRESS METHOD";
constexpr std::string_view kAddressForms =
    "write an address with a mask (192.0.2.0/24, 2001:db8::/32) or all";

/// A word of the file as it may stand in a message.
std::string shown(std::string_view word) {
    std::string text(word.substr(0, 64));
    std::ranges::replace_if(
        text, [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; }, '?');
    return text;
}

Parsed<RuleScope> parse_scope(const HbaField& field) {
    const HbaToken& word = field.front();
    if (field.size() == 1 && word.quoting == HbaToken::Quoting::Bare) {
        if (word.text == "local") {
            return RuleScope::Local;
        }
        if (word.text == "host") {
            return RuleScope::Host;
        }
        if (word.text == "hostssl") {
            return RuleScope::HostTls;
        }
        if (word.text == "hostnossl") {
            return RuleScope::HostNoTls;
        }
        if (word.text == "hostgssenc" || word.text == "hostnogssenc") {
            return complain("GSSAPI encryption is not supported", "write hostssl, hostnossl or host");
        }
        if (word.text.starts_with("include")) {
            return complain("other files cannot be included", "write their lines here");
        }
    }
    return complain(fmt::format("a line cannot begin with \"{}\"", shown(word.text)), std::string(kForms));
}

enum class Column : std::uint8_t { Database, User };

/// Adds one word of the database or user column to `pattern`.
Parsed<void> add_name(const HbaToken& word, Column column, NamePattern& pattern) {
    const bool database = column == Column::Database;
    if (word.is_keyword("all")) {
        pattern.all = true;
    } else if (database && word.is_keyword("sameuser")) {
        pattern.same_user = true;
    } else if (database && word.is_keyword("replication")) {
        pattern.replication = true;
    } else if (database && (word.is_keyword("samerole") || word.is_keyword("samegroup"))) {
        return complain(
            fmt::format("{} is not supported, since pgring knows no membership in roles", word.text),
            "name the databases");
    } else if (word.quoting == HbaToken::Quoting::Quoted) {
        pattern.names.push_back(word.text);
    } else if (word.text.starts_with('+')) {
        return complain(
            fmt::format("the group {} is not supported, since pgring knows no membership in roles",
                        shown(word.text)),
            "name its members");
    } else if (word.text.starts_with('@')) {
        return complain("names cannot be read from another file", "write them here, separated by commas");
    } else if (word.text.starts_with('/')) {
        return complain("regular expressions are not supported", "name what they stand for");
    } else {
        pattern.names.push_back(word.text);
    }
    return {};
}

Parsed<NamePattern> parse_names(const HbaField& field, Column column) {
    NamePattern pattern;
    for (const HbaToken& word : field) {
        if (auto added = add_name(word, column, pattern); !added) {
            return std::unexpected(std::move(added.error()));
        }
    }
    return pattern;
}

std::optional<unsigned> parse_prefix_size(std::string_view text, unsigned size_max) {
    unsigned size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    const bool complete = error == std::errc{} && end == text.data() + text.size();
    return complete && size <= size_max ? std::optional(size) : std::nullopt;
}

std::array<std::uint8_t, 16> mask_of(unsigned prefix_size) {
    std::array<std::uint8_t, 16> mask{};
    for (std::uint8_t& byte : mask) {
        const unsigned bits = std::min(prefix_size, 8U);
        byte = static_cast<std::uint8_t>(0xff00U >> bits);
        prefix_size -= bits;
    }
    return mask;
}

/// "192.0.2.0/24".
Parsed<AddressRange> parse_prefix(std::string_view text, std::size_t slash) {
    const auto network = base::parse_ip_address(text.substr(0, slash));
    if (!network) {
        return complain(fmt::format("\"{}\" is no address", shown(text)), std::string(kAddressForms));
    }
    const unsigned size_max = network->family == base::AddressFamily::IPv4 ? 32 : 128;
    const auto size = parse_prefix_size(text.substr(slash + 1), size_max);
    if (!size) {
        return complain(fmt::format("the mask in \"{}\" is no number from 0 to {}", shown(text), size_max),
                        std::string(kAddressForms));
    }
    return AddressRange{.network = *network, .mask = mask_of(*size)};
}

/// "192.0.2.0" followed by "255.255.255.0".
Parsed<AddressRange> parse_masked(const base::NetworkAddress& network, std::span<const HbaField> rest) {
    const auto mask = !rest.empty() && rest.front().size() == 1
                          ? base::parse_ip_address(rest.front().front().text)
                          : std::nullopt;
    if (!mask || mask->family != network.family) {
        return complain("the address has no mask", std::string(kAddressForms));
    }
    return AddressRange{.network = network, .mask = mask->bytes};
}

/// The address column, which may be two fields long.
struct AddressColumn {
    std::optional<AddressRange> range;
    std::size_t field_count = 1;
};

Parsed<AddressColumn> parse_address(std::span<const HbaField> fields) {
    if (fields.empty() || fields.front().size() != 1) {
        return complain(fields.empty() ? "the address is missing" : "a line can have one address only",
                        std::string(kAddressForms));
    }
    const HbaToken& word = fields.front().front();
    if (word.is_keyword("all")) {
        return AddressColumn{.range = std::nullopt, .field_count = 1};
    }
    if (word.is_keyword("samehost") || word.is_keyword("samenet")) {
        return complain(fmt::format("{} is not supported", word.text), std::string(kAddressForms));
    }
    if (const std::size_t slash = word.text.find('/'); slash != std::string::npos) {
        auto range = parse_prefix(word.text, slash);
        return range ? Parsed<AddressColumn>(AddressColumn{.range = *range, .field_count = 1})
                     : std::unexpected(std::move(range.error()));
    }
    const auto network = base::parse_ip_address(word.text);
    if (!network) {
        return complain(
            fmt::format("\"{}\" is no address, and host names are not supported", shown(word.text)),
            std::string(kAddressForms));
    }
    auto range = parse_masked(*network, fields.subspan(1));
    return range ? Parsed<AddressColumn>(AddressColumn{.range = *range, .field_count = 2})
                 : std::unexpected(std::move(range.error()));
}

/// Nothing stands for `reject`.
Parsed<std::optional<Method>> parse_method(std::span<const HbaField> fields) {
    static constexpr std::string_view kMethods = "write trust, reject, md5, scram-sha-256 or password";
    if (fields.empty()) {
        return complain("the method is missing", std::string(kMethods));
    }
    if (fields.size() > 1 || fields.front().size() != 1) {
        return complain("options behind the method are not supported", "end the line behind the method");
    }
    const std::string_view word = fields.front().front().text;
    static constexpr std::array<std::pair<std::string_view, std::optional<Method>>, 5> kMethodOf = {{
        {"trust", Method::Trust},
        {"reject", std::nullopt},
        {"md5", Method::Md5},
        {"scram-sha-256", Method::ScramSha256},
        {"password", Method::Password},
    }};
    const auto* const found =
        std::ranges::find(kMethodOf, word, &std::pair<std::string_view, std::optional<Method>>::first);
    if (found == kMethodOf.end()) {
        return complain(fmt::format("the method \"{}\" is not supported", shown(word)),
                        std::string(kMethods));
    }
    return found->second;
}

Parsed<Rule> parse_rule(std::span<const HbaField> fields, std::uint32_t line) {
    const auto scope = parse_scope(fields[0]);
    if (!scope) {
        return std::unexpected(scope.error());
    }
    if (fields.size() < 3) {
        return complain("the line ends too early", std::string(kForms));
    }
    auto databases = parse_names(fields[1], Column::Database);
    if (!databases) {
        return std::unexpected(std::move(databases.error()));
    }
    auto users = parse_names(fields[2], Column::User);
    if (!users) {
        return std::unexpected(std::move(users.error()));
    }
    fields = fields.subspan(3);
    AddressColumn address{.range = std::nullopt, .field_count = 0};
    if (*scope != RuleScope::Local) {
        auto parsed = parse_address(fields);
        if (!parsed) {
            return std::unexpected(std::move(parsed.error()));
        }
        address = *parsed;
    }
    const auto method = parse_method(fields.subspan(address.field_count));
    if (!method) {
        return std::unexpected(method.error());
    }
    return Rule{.scope = *scope,
                .databases = std::move(*databases),
                .users = std::move(*users),
                .range = address.range,
                .method = *method,
                .line = line};
}

Complaint complaint_of(HbaLineError error) {
    switch (error) {
        case HbaLineError::QuoteOpen:
            return {.message = "a quoted name does not end",
                    .remedy = "close it with a double quote on the same line"};
        case HbaLineError::NulByte:
            return {.message = "the line holds a NUL byte", .remedy = "write the file as text"};
    }
    return {};
}

/// A rule; nothing for a blank line or a comment.
Parsed<std::optional<Rule>> parse_line(const HbaLine& line) {
    const auto fields = split_hba_fields(line.text);
    if (!fields) {
        return std::unexpected(complaint_of(fields.error()));
    }
    if (fields->empty()) {
        return std::nullopt;
    }
    auto rule = parse_rule(*fields, line.number);
    return rule ? Parsed<std::optional<Rule>>(std::move(*rule)) : std::unexpected(std::move(rule.error()));
}

}  // namespace

ParsedRules parse_rules(std::string_view text, std::string_view file_name) {
    std::vector<Rule> rules;
    std::vector<Problem> problems;
    for (const HbaLine& line : split_hba_lines(text)) {
        auto parsed = parse_line(line);
        if (!parsed) {
            problems.push_back({.file = std::string(file_name),
                                .line = line.number,
                                .message = std::move(parsed.error().message),
                                .remedy = std::move(parsed.error().remedy)});
        } else if (*parsed) {
            rules.push_back(std::move(**parsed));
        }
    }
    return {.rules = Rules(std::move(rules)), .problems = std::move(problems)};
}

}  // namespace pgring::auth
