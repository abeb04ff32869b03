#include "base/network_address.h"

#include <algorithm>
#include <charconv>

#include "base/contract.h"

namespace pgring::base {
namespace {

constexpr std::size_t kGroupCount = 8;
using Groups = std::array<std::uint16_t, kGroupCount>;

constexpr bool decimal_digit(char character) {
    return character >= '0' && character <= '9';
}

/// One part of a dotted address: 0 to 255 in decimal without leading zeros, which some readers take for
/// octal.
std::optional<std::uint8_t> parse_octet(std::string_view text) {
    if (text.empty() || text.size() > 3 || !std::ranges::all_of(text, decimal_digit) ||
        (text.size() > 1 && text.front() == '0')) {
        return std::nullopt;
    }
    unsigned value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    if (value > 255) {
        return std::nullopt;
    }
    return static_cast<std::uint8_t>(value);
}

std::optional<std::array<std::uint8_t, 4>> parse_dotted(std::string_view text) {
    std::array<std::uint8_t, 4> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const bool last = i + 1 == bytes.size();
        const std::size_t end = last ? text.size() : text.find('.');
        if (end == std::string_view::npos) {
            return std::nullopt;
        }
        const auto octet = parse_octet(text.substr(0, end));
        if (!octet) {
            return std::nullopt;
        }
        bytes[i] = *octet;
        text.remove_prefix(last ? end : end + 1);
    }
    return bytes;
}

std::optional<std::uint16_t> parse_group(std::string_view text) {
    if (text.empty() || text.size() > 4) {
        return std::nullopt;
    }
    std::uint16_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

/// Groups on one side of "::"; the right side (or an address without "::") may end in dotted form.
struct GroupList {
    Groups groups{};
    std::size_t size = 0;

    bool push(std::uint16_t group) {
        if (size == groups.size()) {
            return false;
        }
        groups[size++] = group;
        return true;
    }
};

std::optional<GroupList> parse_groups(std::string_view text) {
    GroupList list;
    while (!text.empty()) {
        const std::size_t colon = text.find(':');
        const std::string_view part = text.substr(0, colon);
        if (colon == std::string_view::npos && part.find('.') != std::string_view::npos) {
            const auto tail = parse_dotted(part);
            if (!tail) {
                return std::nullopt;
            }
            const auto word = [&](std::size_t i) {
                return static_cast<std::uint16_t>((*tail)[i] << 8U | (*tail)[i + 1]);
            };
            return list.push(word(0)) && list.push(word(2)) ? std::optional(list) : std::nullopt;
        }
        const auto group = parse_group(part);
        if (!group || !list.push(*group)) {
            return std::nullopt;
        }
        if (colon == std::string_view::npos) {
            break;
        }
        text.remove_prefix(colon + 1);
        if (text.empty()) {  // A colon that nothing follows.
            return std::nullopt;
        }
    }
    return list;
}

std::optional<Groups> parse_ipv6_groups(std::string_view text) {
    const std::size_t gap = text.find("::");
    if (gap == std::string_view::npos) {
        const auto all = parse_groups(text);
        return all && all->size == kGroupCount ? std::optional(all->groups) : std::nullopt;
    }
    const std::string_view left_text = text.substr(0, gap);
    if (left_text.find('.') != std::string_view::npos) {  // The dotted form may only end an address.
        return std::nullopt;
    }
    const auto left = parse_groups(left_text);
    const auto right = parse_groups(text.substr(gap + 2));
    if (!left || !right || left->size + right->size >= kGroupCount) {
        return std::nullopt;
    }
    Groups groups{};
    std::copy_n(left->groups.begin(), left->size, groups.begin());
    std::copy_n(right->groups.begin(), right->size, groups.end() - static_cast<std::ptrdiff_t>(right->size));
    return groups;
}

std::string dotted(std::span<const std::uint8_t> bytes) {
    std::string text;
    for (const std::uint8_t byte : bytes) {
        text += text.empty() ? "" : ".";
        text += std::to_string(byte);
    }
    return text;
}

/// The longest run of at least two zero groups, the first of equals: RFC 5952 section 4.2 shortens that one.
std::pair<std::size_t, std::size_t> longest_zero_run(const Groups& groups) {
    std::size_t best_start = 0;
    std::size_t best_size = 0;
    for (std::size_t start = 0; start < groups.size(); ++start) {
        std::size_t end = start;
        while (end < groups.size() && groups[end] == 0) {
            ++end;
        }
        if (end - start > std::max<std::size_t>(best_size, 1)) {
            best_start = start;
            best_size = end - start;
        }
    }
    return {best_start, best_size};
}

std::string colon_separated(std::span<const std::uint16_t> groups) {
    std::string text;
    for (const std::uint16_t group : groups) {
        std::array<char, 4> digits{};
        const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), group, 16);
        ASSERT(error == std::errc{});
        text += text.empty() ? "" : ":";
        text.append(digits.data(), end);
    }
    return text;
}

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool mapped(const NetworkAddress& address) {
    return address.family == AddressFamily::IPv6 &&
           std::ranges::equal(kMappedPrefix, std::span(address.bytes).first(kMappedPrefix.size()));
}

std::string ipv6_to_string(const NetworkAddress& address) {
    if (mapped(address)) {  // RFC 5952 section 5.
        return "::ffff:" + dotted(std::span(address.bytes).last(4));
    }
    Groups groups{};
    for (std::size_t i = 0; i < groups.size(); ++i) {
        groups[i] = static_cast<std::uint16_t>(address.bytes[2 * i] << 8U | address.bytes[2 * i + 1]);
    }
    const auto [start, size] = longest_zero_run(groups);
    if (size == 0) {
        return colon_separated(groups);
    }
    return colon_separated(std::span(groups).first(start)) +
           "::" + colon_separated(std::span(groups).subspan(start + size));
}

}  // namespace

std::span<const std::uint8_t> NetworkAddress::significant_bytes() const {
    switch (family) {
        case AddressFamily::Unix:
            return {};
        case AddressFamily::IPv4:
            return std::span(bytes).first(4);
        case AddressFamily::IPv6:
            return bytes;
    }
    ASSERT(false);
}

std::optional<NetworkAddress> parse_ip_address(std::string_view text) {
    NetworkAddress address;
    if (text.find(':') == std::string_view::npos) {
        const auto bytes = parse_dotted(text);
        if (!bytes) {
            return std::nullopt;
        }
        address.family = AddressFamily::IPv4;
        std::ranges::copy(*bytes, address.bytes.begin());
        return address;
    }
    const auto groups = parse_ipv6_groups(text);
    if (!groups) {
        return std::nullopt;
    }
    address.family = AddressFamily::IPv6;
    for (std::size_t i = 0; i < groups->size(); ++i) {
        address.bytes[2 * i] = static_cast<std::uint8_t>((*groups)[i] >> 8U);
        address.bytes[2 * i + 1] = static_cast<std::uint8_t>((*groups)[i]);
    }
    return address;
}

std::string ip_to_string(const NetworkAddress& address) {
    switch (address.family) {
        case AddressFamily::Unix:
            return "[local]";
        case AddressFamily::IPv4:
            return dotted(address.significant_bytes());
        case AddressFamily::IPv6:
            return ipv6_to_string(address);
    }
    ASSERT(false);
}

std::string to_string(const NetworkAddress& address) {
    switch (address.family) {
        case AddressFamily::Unix:
            return ip_to_string(address);
        case AddressFamily::IPv4:
            return ip_to_string(address) + ":" + std::to_string(address.port);
        case AddressFamily::IPv6:
            return "[" + ip_to_string(address) + "]:" + std::to_string(address.port);
    }
    ASSERT(false);
}

NetworkAddress unmapped(const NetworkAddress& address) {
    if (!mapped(address)) {
        return address;
    }
    NetworkAddress result{.family = AddressFamily::IPv4, .bytes = {}, .port = address.port};
    std::copy_n(address.bytes.begin() + kMappedPrefix.size(), 4, result.bytes.begin());
    return result;
}

}  // namespace pgring::base
