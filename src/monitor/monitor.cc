#include "monitor/monitor.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>

#include "base/contract.h"

namespace pgring::monitor {

namespace {

using failover::EventKind;
using topology::ServerIndex;

base::Instant read_clock() {
    return base::Instant(
        std::chrono::duration_cast<base::Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

ServerIndex to_index(std::size_t i) {
    return ServerIndex{static_cast<std::uint16_t>(i)};
}

/// As PostgreSQL prints it, "0/6012BD0".
std::string format_lsn(std::uint64_t lsn) {
    return fmt::format("{:X}/{:X}", lsn >> 32U, lsn & 0xffffffffU);
}

base::LogLevel level_of(EventKind kind) {
    switch (kind) {
        case EventKind::PrimaryFound:
        case EventKind::StandbyFound:
        case EventKind::StandbyCaughtUp:
            return base::LogLevel::Info;
        case EventKind::StandbyLost:
        case EventKind::StandbyLagging:
        case EventKind::ServerDown:
            return base::LogLevel::Warning;
        case EventKind::PrimaryLost:
        case EventKind::StalePrimaryFenced:
        case EventKind::PrimaryConflict:
        case EventKind::SystemMismatch:
            return base::LogLevel::Error;
    }
    std::unreachable();
}

timespec to_timespec(base::Duration duration) {
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(duration);
    return timespec{.tv_sec = whole.count(), .tv_nsec = (duration - whole).count()};
}

failover::Limits limits_of(const MonitorOptions& options) {
    failover::Limits limits;
    limits.misses_max = options.misses_max;
    limits.lag_bytes_max = options.lag_bytes_max;
    limits.probe_period = options.probe_period;
    // A server that hangs from the start is down after so long; only then is it decided without it.
    limits.settle_max =
        options.misses_max * (options.probe_timeout + limits.probe_period_eager) + limits.probe_period;
    return limits;
}

}  // namespace

Monitor::Monitor(MonitorOptions options, topology::Publication& publication, base::LogSink& sink,
                 std::move_only_function<void()> on_change)
    : options_(std::move(options)),
      publication_(publication),
      sink_(sink),
      on_change_(std::move(on_change)),
      tracker_(options_.servers, limits_of(options_)),
      failure_log_(options_.servers.size(), sink),
      ready_events_(options_.servers.size(), 0),
      suspected_(options_.servers.size()) {
    ASSERT(on_change_ != nullptr);
    for (const topology::ServerIdentity& server : options_.servers) {
        probers_.push_back(std::make_unique<Prober>(server, options_));
    }
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Monitor::~Monitor() = default;

void Monitor::suspect(ServerIndex server) {
    ASSERT(server.value < suspected_.size());
    if (!suspected_[server.value].test_and_set()) {
        wakeup_.ring();
    }
}

void Monitor::run(const std::stop_token& stop) {
    pthread_setname_np(pthread_self(), "pgring-monitor");
    const std::stop_callback end_poll(stop, [this] { wakeup_.ring(); });
    while (!stop.stop_requested()) {
        wait_for_events(read_clock());
        const base::Instant now = read_clock();
        hear_suspicions(now);
        for (std::size_t i = 0; i < probers_.size(); ++i) {
            if (const std::optional<Prober::Finding> finding = probers_[i]->advance(now, ready_events_[i])) {
                take(to_index(i), *finding, now);
            }
        }
    }
}

void Monitor::wait_for_events(base::Instant now) {
    std::vector<pollfd> polled{{.fd = wakeup_.fd(), .events = POLLIN, .revents = 0}};
    std::vector<std::size_t> owners;
    base::Instant wake_at = base::kNever;
    for (std::size_t i = 0; i < probers_.size(); ++i) {
        ready_events_[i] = 0;
        wake_at = std::min(wake_at, probers_[i]->wake_at(now));
        if (const std::optional<Interest> interest = probers_[i]->interest()) {
            polled.push_back({.fd = interest->fd, .events = interest->events, .revents = 0});
            owners.push_back(i);
        }
    }
    const timespec timeout = to_timespec(wake_at > now ? wake_at - now : base::Duration::zero());
    const int ready = ppoll(polled.data(), polled.size(), &timeout, nullptr);
    // EINTR is an early wake-up like any other, and leaves `revents` as they were: 0.
    if (ready <= 0) {
        return;
    }
    if (polled.front().revents != 0) {
        wakeup_.clear();
    }
    for (std::size_t i = 0; i < owners.size(); ++i) {
        ready_events_[owners[i]] = polled[i + 1].revents;
    }
}

void Monitor::hear_suspicions(base::Instant now) {
    for (std::size_t i = 0; i < suspected_.size(); ++i) {
        // The plain look first: an exchange each round would take the cache line from the workers.
        if (suspected_[i].test()) {
            suspected_[i].clear();
            probers_[i]->hurry(now);
        }
    }
}

void Monitor::take(ServerIndex server, const Prober::Finding& finding, base::Instant now) {
    failover::ProbeResult result{.server = server, .outcome = {}};
    if (finding.has_value()) {
        result.outcome = *finding;
    } else {
        result.outcome = std::unexpected(finding.error().kind);
        failure_log_.write(server, probers_[server.value]->server(), finding.error(), now);
    }
    const failover::Observation observation = tracker_.observe(result, now);
    // Published each time, so that the console shows fresh positions; the workers are woken only for a new
    // generation.
    publication_.publish(tracker_.snapshot());
    if (observation.topology != nullptr) {
        for (const failover::Event& event : observation.events) {
            report(event, *observation.topology);
        }
        on_change_();
        // The others' pauses may be shorter now: without a primary, each standby may be promoted any time.
        for (std::size_t i = 0; i < probers_.size(); ++i) {
            if (i != server.value) {
                probers_[i]->bring_forward(now + tracker_.probe_pause(to_index(i), now));
            }
        }
    }
    probers_[server.value]->schedule(now + tracker_.probe_pause(server, now));
}

void Monitor::report(const failover::Event& event, const topology::Topology& topology) {
    const topology::Server& server = topology.server(event.server);
    const std::string lsn = format_lsn(server.lsn);
    const std::array fields{
        base::LogField("server", server.name),
        base::LogField("role", to_string(server.role)),
        base::LogField("health", to_string(server.health)),
        base::LogField("timeline", server.timeline),
        base::LogField("lsn", lsn),
        base::LogField("lag_bytes", server.lag_bytes),
        base::LogField("system_identifier", server.system_identifier),
        base::LogField("generation", topology.generation),
    };
    sink_.write(level_of(event.kind), to_string(event.kind), fields);
}

}  // namespace pgring::monitor
