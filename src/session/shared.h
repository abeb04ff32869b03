#pragma once
/// What the sessions and backends of one worker share. Owned by proxy::Worker; everybody else borrows it for
/// a call.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "auth/hba.h"
#include "auth/scram_key_cache.h"
#include "auth/user_list.h"
#include "base/log.h"
#include "base/random.h"
#include "buffer/buffer.h"
#include "config/settings.h"
#include "session/parameters.h"
#include "sql/classifier.h"
#include "stats/worker_stats.h"

namespace pgring::session {

/// Who may log in and how: read at start, immutable, shared by all workers.
struct AccessControl {
    auth::UserList users;
    auth::Rules rules;
    auth::ProcessSecret process_secret;
};

/// Whether reads are worth telling from writes at all.
enum class Balancing : std::uint8_t { Off, On };

struct Shared {
    const config::Settings& settings;
    const AccessControl& access;
    base::LogSink& log;
    base::RandomSource& random;
    buffer::BufferPool& buffers;
    sql::Classifier& classifier;
    ParameterSets& parameters;
    auth::ScramKeyCache& scram_keys;
    stats::WorkerStats& stats;
    /// Memory for messages that lie in several buffers; used within one call, never across.
    std::span<std::byte> scratch;
    /// On while a standby can serve reads.
    Balancing balancing = Balancing::Off;
    /// Databases that a session's statement needs for itself: the worker closes their idle backends.
    std::vector<std::string> vacated_databases{};
};

/// Messages up to this size are looked at whole before anything of them is sent on.
inline constexpr std::size_t kWholeBytesMax = std::size_t{16} * 1024;
/// Above this much queued for its peer a source is paused, under the lower mark it goes on.
inline constexpr std::size_t kQueueHighBytes = std::size_t{256} * 1024;
inline constexpr std::size_t kQueueLowBytes = std::size_t{64} * 1024;

}  // namespace pgring::session
