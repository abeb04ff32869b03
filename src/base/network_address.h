#pragma once
/// Where a peer is: an IP address with a port, or the other end of a unix socket. Plain bytes in network
/// order; the I/O line turns them into the kernel's sockaddr and back.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pgring::base {

enum class AddressFamily : std::uint8_t { Unix, IPv4, IPv6 };

/// An address; of IPv4 the first four bytes count, of Unix none. The rest is zero, so that equality is plain.
struct NetworkAddress {
    AddressFamily family = AddressFamily::Unix;
    std::array<std::uint8_t, 16> bytes{};
    /// In host order; zero where there is none.
    std::uint16_t port = 0;

    /// The bytes that count: 0, 4 or 16.
    [[nodiscard]] std::span<const std::uint8_t> significant_bytes() const;

    friend bool operator==(const NetworkAddress&, const NetworkAddress&) = default;
};

/// Reads "192.0.2.1" or "2001:db8::1" (RFC 4291 section 2.2, with a dotted tail too); nothing where the text
/// is anything else: no brackets, no zone, no port, no leading zeros in IPv4, no host names.
[[nodiscard]] std::optional<NetworkAddress> parse_ip_address(std::string_view text);

/// The address without its port: "192.0.2.1", "2001:db8::1" in the form of RFC 5952, or "[local]" for unix
/// sockets, which is what PostgreSQL writes for them.
[[nodiscard]] std::string ip_to_string(const NetworkAddress& address);

/// The address with its port: "192.0.2.1:5432", "[2001:db8::1]:5432", "[local]".
[[nodiscard]] std::string to_string(const NetworkAddress& address);

/// "::ffff:192.0.2.1", as a dual-stack socket shows an IPv4 peer, as that IPv4 address; others unchanged.
[[nodiscard]] NetworkAddress unmapped(const NetworkAddress& address);

}  // namespace pgring::base
