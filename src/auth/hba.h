#pragma once
/// Rules of who may come from where and must prove itself how, in the format of PostgreSQL's pg_hba.conf.

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/method.h"
#include "auth/problem.h"
#include "auth/refusal.h"
#include "base/network_address.h"

namespace pgring::auth {

enum class Transport : std::uint8_t {
    UnixSocket,
    PlainTcp,
    TlsTcp,
};

/// Somebody who wants in; borrowed.
struct LoginRequest {
    Transport transport = Transport::PlainTcp;
    /// Nothing for physical replication, which belongs to no database.
    std::optional<std::string_view> database;
    std::string_view user;
    /// Its family says Unix exactly where the transport does. IPv4 seen through a dual-stack socket is IPv4.
    base::NetworkAddress address;
};

/// Names in the database or user column.
struct NamePattern {
    bool all = false;
    bool same_user = false;
    bool replication = false;
    std::vector<std::string> names;
};

/// A network: an address and the bits of it that count.
struct AddressRange {
    base::NetworkAddress network;
    std::array<std::uint8_t, 16> mask{};
};

/// Which transports a line speaks of: its first word.
enum class RuleScope : std::uint8_t { Local, Host, HostTls, HostNoTls };

/// One line. Without a method it rejects; without a range any address fits.
struct Rule {
    RuleScope scope = RuleScope::Host;
    NamePattern databases;
    NamePattern users;
    std::optional<AddressRange> range;
    std::optional<Method> method;
    std::uint32_t line = 0;
};

/// The lines of a file, in order.
class Rules {
  public:
    /// No rules: everybody is refused.
    Rules() = default;
    explicit Rules(std::vector<Rule> rules) : rules_(std::move(rules)) {}

    /// The method of the first line that fits. Refused with 28000 and PostgreSQL's own texts where that line
    /// says `reject` or no line fits.
    [[nodiscard]] std::expected<Method, Refusal> match(const LoginRequest& request) const;

    [[nodiscard]] const std::vector<Rule>& lines() const { return rules_; }

  private:
    std::vector<Rule> rules_;
};

/// What a file says. Whether rules with problems beside them may be used is the caller's choice: a line that
/// was not understood may have been one that rejects, so it is wise to start only without problems and, on
/// reload, to keep the old rules.
struct ParsedRules {
    Rules rules;
    std::vector<Problem> problems;
};

/// Reads all lines; those that cannot be understood, or say what pgring does not do (groups, host names,
/// other methods), become problems.
[[nodiscard]] ParsedRules parse_rules(std::string_view text, std::string_view file_name);

}  // namespace pgring::auth
