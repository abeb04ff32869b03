#pragma once
/// First come, first served: looks at the lines of one worker again and again, and compares. Who was served
/// since the last look came before all who still wait in the same line.

#include <vector>

#include "proxy/worker.h"
#include "sim/auditor.h"

namespace pgring::sim {

class LineAudit {
  public:
    void look(proxy::Worker& worker, const Auditor& auditor);

  private:
    struct Place {
        const pool::Line* line = nullptr;
        std::uint64_t ticket = 0;
        pool::SessionId session;
    };
    /// Those who waited at the last look, line by line, in order.
    std::vector<Place> before_;
    std::vector<Place> now_;
};

}  // namespace pgring::sim
