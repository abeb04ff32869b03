#pragma once
/// Keys that PBKDF2 made of passwords, so that each worker runs it once per password, salt and iteration
/// count and not once per backend.

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <string_view>

#include "auth/secret.h"

namespace pgring::auth {

/// What a client needs for a SCRAM exchange.
struct ScramClientKeys {
    ClientKey client_key;
    StoredKey stored_key;
    ServerKey server_key;
};

/// Bounded; the longest unused makes room. One per worker, not thread-safe. Holds no password, but keys as
/// good as one.
class ScramKeyCache {
  public:
    static constexpr std::size_t kDefaultCapacity = 1024;

    explicit ScramKeyCache(std::size_t capacity = kDefaultCapacity);

    /// The keys of `password` under the server's `salt` and `iterations`; runs PBKDF2 where they are not at
    /// hand. Valid until the next call.
    [[nodiscard]] const ScramClientKeys& keys_for(std::string_view password, std::string_view salt,
                                                  std::uint32_t iterations);

    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    /// How often keys_for() had to compute.
    [[nodiscard]] std::uint64_t computed_count() const { return computed_count_; }

  private:
    /// SHA-256 over password, salt and iterations, so that a changed password finds no old keys.
    using Fingerprint = std::array<std::uint8_t, 32>;
    struct Entry {
        Fingerprint fingerprint;
        ScramClientKeys keys;
    };

    std::size_t capacity_;
    std::uint64_t computed_count_ = 0;
    std::list<Entry> entries_;  // Latest use first.
    std::map<Fingerprint, std::list<Entry>::iterator> index_;
};

}  // namespace pgring::auth
