#include "session/in_flight.h"

namespace pgring::session {

InFlight look_at_flight(const Pipeline& pipeline, wire::TransactionStatus status) {
    InFlight found;
    bool begun = status != wire::TransactionStatus::Idle;
    found.in_transaction = begun;
    found.met_transaction = found.in_transaction;
    found.client_waits = pipeline.open();
    for (std::size_t i = 0; i < pipeline.size(); ++i) {
        const Expected& entry = pipeline.at(i);
        found.client_waits = found.client_waits || concerns_client(entry.audience);
        found.unknown =
            found.unknown || entry.stake == Stake::Commits || (entry.stake == Stake::Writes && !begun);
        bool const ends = entry.stake == Stake::Commits || entry.stake == Stake::RollsBack;
        begun = (begun || entry.stake == Stake::Begins) && !ends;
        found.in_transaction = (found.in_transaction || begun || entry.stake == Stake::BeginFailed) && !ends;
        found.met_transaction = found.met_transaction || found.in_transaction;
        found.name_count += notes_name(entry) ? 1 : 0;
        found.ready_count += readies_client(entry) ? 1 : 0;
    }
    return found;
}

}  // namespace pgring::session
