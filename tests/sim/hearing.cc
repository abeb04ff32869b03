#include "sim/hearing.h"

#include <algorithm>

namespace pgring::sim {

void Hearing::commit(const Auditor& auditor, Strictness how) {
    if (now_ != Listens::Yes) {
        bool const missed = from_.has_value() && *from_ <= due_ && heard_ < due_;
        auditor.require(!missed || how == Strictness::Lenient,
                        who_ + " has missed what was notified before it unlistened");
        from_.reset();
    } else if (committed_ != Listens::Yes) {
        // What was committed before the answer was here may have come before the LISTEN.
        from_ = auditor.notified_count() + 1;
    }
    committed_ = now_;
}

void Hearing::lose_track() {
    committed_ = Listens::Unknown;
    now_ = Listens::Unknown;
    from_.reset();
}

void Hearing::hear(const Auditor& auditor, const std::string& payload, CommitUnderWay commit,
                   Strictness how) {
    bool const may_listen = committed_ != Listens::No || commit == CommitUnderWay::Yes;
    auditor.require(may_listen, who_ + " does not listen and hears " + payload);
    std::size_t const place = auditor.place_of(payload);
    auditor.require(place > 0, who_ + " hears " + payload + ", which was not committed");
    auditor.require(place > heard_, who_ + " hears " + payload + " twice, or out of order");
    if (from_.has_value() && how == Strictness::Strict) {
        auditor.require(place <= std::max(heard_ + 1, *from_), who_ + " has missed one before " + payload);
    }
    heard_ = place;
}

void Hearing::notified(const Auditor& auditor, const std::string& payload) const {
    auditor.require(committed_ != Listens::Yes || heard_ >= auditor.place_of(payload),
                    who_ + " has not heard its own " + payload);
}

}  // namespace pgring::sim
