#include "auth/scram_key_cache.h"

#include "auth/crypto.h"
#include "base/contract.h"

namespace pgring::auth {

ScramKeyCache::ScramKeyCache(std::size_t capacity) : capacity_(capacity) {
    ASSERT(capacity >= 1);
}

const ScramClientKeys& ScramKeyCache::keys_for(std::string_view password, std::string_view salt,
                                               std::uint32_t iterations) {
    // Each part hashed by itself, so that no two triples make one text.
    const Digest password_digest = sha256({password});
    const Digest salt_digest = sha256({salt});
    const Fingerprint fingerprint =
        sha256({as_text(password_digest), as_text(salt_digest), std::to_string(iterations)});
    if (const auto found = index_.find(fingerprint); found != index_.end()) {
        entries_.splice(entries_.begin(), entries_, found->second);
        return entries_.front().keys;
    }
    ++computed_count_;
    const SaltedPassword salted = salted_password(password, salt, iterations);
    const ClientKey client_key = client_key_of(salted);
    if (entries_.size() == capacity_) {
        index_.erase(entries_.back().fingerprint);
        entries_.pop_back();
    }
    entries_.push_front({.fingerprint = fingerprint,
                         .keys = {.client_key = client_key,
                                  .stored_key = stored_key_of(client_key),
                                  .server_key = server_key_of(salted)}});
    index_.emplace(fingerprint, entries_.begin());
    return entries_.front().keys;
}

}  // namespace pgring::auth
