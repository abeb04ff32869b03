#include "monitor/probe_query.h"

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace pgring::monitor {

namespace {

enum Column : int { kInRecovery, kTimeline, kSystemIdentifier, kLsn, kLsnReceived, kColumnCount };

/// `out` from a decimal column; NULL leaves it as it is (0: unknown).
template <class Number>
bool read_number(const PGresult* result, Column column, Number& out) {
    if (PQgetisnull(result, 0, column) != 0) {
        return true;
    }
    const std::string_view text(PQgetvalue(result, 0, column),
                                static_cast<std::size_t>(PQgetlength(result, 0, column)));
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size();
}

std::unexpected<Failure> nonsense(const char* what) {
    return std::unexpected(Failure{.kind = failover::ProbeFailure::Failed,
                                   .text = std::string("the probe's answer has ") + what});
}

}  // namespace

const char* probe_query() {
    // - The inner select asks once whether the server is in recovery ("offset 0" keeps the planner from
    // pulling it up),
    //   so that a promotion in the middle cannot mix the two halves: recovery ends, and does not begin, under
    //   a statement.
    // - A CASE with volatile arguments evaluates one branch only; the other one would raise 55000.
    // - A primary's timeline is in the name of the WAL file it writes, from the moment recovery ends.
    // pg_control_checkpoint()
    //   tells it only after the next checkpoint: still the old one after 40 s (measured on 15.20, 22 MB
    //   dirty). On a standby that is the best a plain role can see: received_tli is for members of
    //   pg_monitor, NULL to others.
    // - pg_lsn minus '0/0' is the position as a number of bytes.
    return R"sql(
select s.in_recovery::int,
       case when s.in_recovery
            then greatest((select received_tli from pg_stat_wal_receiver),
                          (select timeline_id from pg_control_checkpoint()))::bigint
            else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint
       end,
       (select system_identifier from pg_control_system()),
       case when s.in_recovery then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end - '0/0'::pg_lsn,
       case when s.in_recovery then pg_last_wal_receive_lsn() end - '0/0'::pg_lsn
from (select pg_is_in_recovery() as in_recovery offset 0) s)sql";
}

std::expected<failover::Sighting, Failure> read_probe_answer(const PGresult* result) {
    if (PQntuples(result) != 1 || PQnfields(result) != kColumnCount) {
        return nonsense("another shape than asked for");
    }
    failover::Sighting sighting;
    unsigned in_recovery = 0;
    if (PQgetisnull(result, 0, kInRecovery) != 0 || !read_number(result, kInRecovery, in_recovery) ||
        in_recovery > 1) {
        return nonsense("no recovery state");
    }
    sighting.in_recovery = in_recovery == 1;
    if (!read_number(result, kTimeline, sighting.timeline) ||
        (!sighting.in_recovery && sighting.timeline == 0)) {
        return nonsense("no timeline");
    }
    if (!read_number(result, kSystemIdentifier, sighting.system_identifier)) {
        return nonsense("no system identifier");
    }
    if (!read_number(result, kLsn, sighting.lsn) ||
        !read_number(result, kLsnReceived, sighting.lsn_received)) {
        return nonsense("no WAL position");
    }
    return sighting;
}

}  // namespace pgring::monitor
