#include "failover/probe.h"

#include <utility>

namespace pgring::failover {

std::string_view to_string(ProbeFailure failure) {
    switch (failure) {
        case ProbeFailure::Refused:
            return "refused";
        case ProbeFailure::NotAccepting:
            return "not_accepting";
        case ProbeFailure::TimedOut:
            return "timed_out";
        case ProbeFailure::Disconnected:
            return "disconnected";
        case ProbeFailure::TooManyConnections:
            return "too_many_connections";
        case ProbeFailure::AuthenticationFailed:
            return "authentication_failed";
        case ProbeFailure::Failed:
            return "failed";
    }
    std::unreachable();
}

}  // namespace pgring::failover
