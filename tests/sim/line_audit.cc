#include "sim/line_audit.h"

#include <algorithm>

namespace pgring::sim {

void LineAudit::look(proxy::Worker& worker, const Auditor& auditor) {
    now_.clear();
    worker.for_each_waiting([this](const pool::Waiter& waiter) {
        now_.push_back({.line = waiter.line, .ticket = waiter.ticket, .session = waiter.session});
    });
    for (const Place& then : before_) {
        bool const served = worker.line_behind(then.session) == then.line;
        auto const passed_over = std::ranges::find_if(now_, [&then, &worker](const Place& waits) {
            return waits.line == then.line && waits.ticket < then.ticket &&
                   !worker.was_sent_ahead(waits.session);
        });
        auditor.require(!served || passed_over == now_.end(),
                        [] { return "who came later is served first"; });
    }
    before_.swap(now_);
}

}  // namespace pgring::sim
