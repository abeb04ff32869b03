#include "monitor/failure_log.h"

#include "base/contract.h"

namespace pgring::monitor {

FailureLog::FailureLog(std::size_t server_count, base::LogSink& sink) : tracks_(server_count), sink_(sink) {}

void FailureLog::write(topology::ServerIndex index, const topology::ServerIdentity& server,
                       const Failure& failure, base::Instant now) {
    ASSERT(index.value < tracks_.size());
    Track& track = tracks_[index.value][static_cast<std::size_t>(failure.kind)];
    if (now < track.silent_until) {
        ++track.suppressed;
        return;
    }
    sink_.warning("probe_failed", {{"server", server.name},
                                   {"host", server.address.host},
                                   {"port", static_cast<unsigned>(server.address.port)},
                                   {"failure", to_string(failure.kind)},
                                   {"detail", failure.text},
                                   {"suppressed", track.suppressed}});
    track = Track{.silent_until = now + kSpacing};
}

}  // namespace pgring::monitor
