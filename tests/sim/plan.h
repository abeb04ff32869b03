#pragma once
/// What a seed decides before anything happens: how pgring is set, how large the world is, what goes wrong.

#include <cstdint>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "config/settings.h"

namespace pgring::sim {

/// Something that goes wrong at a time.
struct Fault {
    enum class Kind : std::uint8_t {
        ServerDies,      ///< all its connections are reset; it comes back some time later
        ServerHangs,     ///< it answers nothing for a while
        ServerRestarts,  ///< a fast shutdown: FATAL 57P01 on every connection, back soon
        ServerRefuses,   ///< takes no new connections for a while
        BackendReset,    ///< one connection to a server is reset
        ClientReset,     ///< one client vanishes
        PrimaryMoves,    ///< the primary dies and a standby is promoted; the old one comes back stale first
        ServerIsSlow,    ///< everything takes it many times as long for a while
        LoginsFail,      ///< it takes connections and refuses logins for a while
        MonitorErrs,     ///< the monitor takes a server that is well for one that is down, for a while
    };
    static constexpr std::uint32_t kKindCount = 10;
    Kind kind{};
    base::Duration at{};
    std::uint32_t server = 0;
    base::Duration duration{};
};

struct Plan {
    config::Settings settings;
    std::uint32_t worker_count = 1;
    std::uint32_t server_count = 1;
    std::uint32_t client_count = 1;
    /// Units each client runs.
    std::uint32_t unit_count = 1;
    std::vector<Fault> faults;
    /// Clients repeat themselves, and nothing of theirs may cost pgring an allocation.
    bool steady = false;
    /// Clients mostly listen and notify, and go on at once: a notification meets whatever else is under way.
    bool chatty = false;
    /// Many clients with much to read and few backends, so that reads are sent ahead.
    bool crowded = false;
    /// No fault begins or lasts beyond this.
    base::Duration calm_at{};
};

[[nodiscard]] Plan draw_plan(base::Prng& prng);

}  // namespace pgring::sim
