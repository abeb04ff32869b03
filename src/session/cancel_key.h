#pragma once
/// What a CancelRequest names a session by, and how pgring finds the session again.
///
/// A key of pgring's own carries the worker and the session it was issued for; what it proves is its secret,
/// compared as a whole. Where it says so depends on the protocol that the client speaks:
///
///   3.2: in the secret of 32 bytes: two of worker, four of session, 26 of randomness. The process id is free
///   to
///        be the server's.
///   3.0: in the process id, as the secret has four bytes only: bit 30, which no process of a server has set,
///   then
///        eight bits of worker and 22 of session. A session that shows its server's process id instead is
///        found by that (proxy/process_directory.h).

#include <cstdint>
#include <optional>
#include <string>

#include "base/random.h"
#include "pool/budget.h"
#include "pool/ids.h"

namespace pgring::session {

/// The content of BackendKeyData. Protocol 3.0 has four bytes of secret, 3.2 up to 256.
struct CancelKey {
    std::uint32_t process_id = 0;
    std::string secret;
};

/// What a CancelRequest asks for, and who does.
struct CancelRequest {
    CancelKey key;
    /// What a peer asks for is looked for in this process only.
    enum class Sender : std::uint8_t { Client, Peer } sender = Sender::Client;
};

/// Whom a key of pgring's own was issued for.
struct CancelAddress {
    pool::WorkerIndex worker = 0;
    std::uint32_t session_index = 0;

    friend bool operator==(const CancelAddress&, const CancelAddress&) = default;
};

/// A new key for a client that speaks `protocol`.
[[nodiscard]] CancelKey make_cancel_key(std::uint32_t protocol, const CancelAddress& address,
                                        base::RandomSource& random);
/// Where a key leads; nothing where it carries no address. The key may be anybody's invention.
[[nodiscard]] std::optional<CancelAddress> address_of(const CancelKey& key);
/// Whether a client may be shown this process id of its server: others could be taken for pgring's own.
[[nodiscard]] bool can_be_shown(std::uint32_t process_id);

}  // namespace pgring::session
