#pragma once
/// A name's addresses without blocking. libpq resolves in PQconnectStart and waits for it (PostgreSQL docs,
/// "Database Connection Control Functions"), so one dead name server would stop the probes of every server.

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pgring::monitor {

/// One look-up of one name, by glibc's getaddrinfo_a. Ask outcome() now and then until it has one.
class Resolution {
  public:
    /// Numeric addresses in the order to be tried, at most kAddressesMax, never none; or one sentence why
    /// not.
    using Outcome = std::expected<std::vector<std::string>, std::string>;

    static constexpr std::size_t kAddressesMax = 4;

    /// Begins to look up `host`.
    explicit Resolution(const std::string& host);
    Resolution(const Resolution&) = delete;
    Resolution& operator=(const Resolution&) = delete;
    /// Gives up. A look-up that cannot be cancelled any more is left to glibc, with the memory it still
    /// writes to.
    ~Resolution();

    /// Nothing while the look-up goes on.
    [[nodiscard]] std::optional<Outcome> outcome() const;

  private:
    struct Request;

    std::unique_ptr<Request> request_;
};

/// Whether `host` is an address already and needs no look-up.
[[nodiscard]] bool is_numeric_address(const std::string& host);

}  // namespace pgring::monitor
