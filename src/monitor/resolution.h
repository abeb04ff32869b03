#pragma once
/// A name's addresses without blocking. libpq resolves in PQconnectStart and waits for it (PostgreSQL docs,
/// "Database Connection Control Functions"), so one dead name server would stop the probes of every server.

#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pgring::monitor {

/// One look-up of one name, by getaddrinfo(3) in a thread of its own that ends with it: nothing else bounds
/// how long one takes. (glibc's getaddrinfo_a does the same, but its threads crash under ThreadSanitizer.)
/// Ask outcome() now and then.
class Resolution {
  public:
    /// Numeric addresses in the order to be tried, at most kAddressesMax, never none; or one sentence why
    /// not.
    using Outcome = std::expected<std::vector<std::string>, std::string>;

    static constexpr std::size_t kAddressesMax = 4;

    /// Begins to look up `host`.
    explicit Resolution(const std::string& host);

    /// Nothing while the look-up goes on. A Resolution may be destroyed meanwhile; its thread then ends
    /// unheard.
    [[nodiscard]] std::optional<Outcome> outcome() const;

  private:
    struct Answer;

    /// Shared with the thread, which may outlive this.
    std::shared_ptr<Answer> answer_;
};

/// Whether `host` is an address already and needs no look-up.
[[nodiscard]] bool is_numeric_address(const std::string& host);

}  // namespace pgring::monitor
