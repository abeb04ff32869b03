#include "main/service.h"

#include <array>
#include <chrono>
#include <latch>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "main/log_sink.h"
#include "main/system_random.h"
#include "main/version.h"
#include "monitor/monitor.h"
#include "proxy/worker.h"
#include "session/pin.h"
#include "topology/publication.h"
#include "uring/reactor.h"

namespace pgring {

namespace {

/// CPUs that this process may run on.
std::vector<int> allowed_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    std::vector<int> cpus;
    if (::sched_getaffinity(0, sizeof set, &set) == 0) {
        for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
            if (CPU_ISSET(cpu, &set)) {
                cpus.push_back(cpu);
            }
        }
    }
    return cpus.empty() ? std::vector<int>{0} : cpus;
}

void pin_to(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    // Where it is not allowed the kernel chooses; that is slower, not wrong.
    static_cast<void>(::pthread_setaffinity_np(::pthread_self(), sizeof set, &set));
}

/// Each client and each backend is a descriptor.
/// Raises the limit of open files as far as the process may. Returns it; it may have none.
rlim_t raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return RLIM_INFINITY;
    }
    if (limit.rlim_cur < limit.rlim_max) {
        rlimit const raised{.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
        if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) {
            return raised.rlim_cur;
        }
    }
    return limit.rlim_cur;
}

/// Clients that may be let in with so many descriptors: a quarter of them, up to 1,024, is for everything
/// else, backends above all.
std::uint32_t clients_affordable(rlim_t descriptors) {
    rlim_t const clients = descriptors - std::min<rlim_t>(descriptors / 4, 1024);
    return static_cast<std::uint32_t>(std::min<rlim_t>(clients, std::numeric_limits<std::uint32_t>::max()));
}

base::Instant now() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return base::Instant(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

std::vector<topology::ServerIdentity> identities(const config::Settings& settings) {
    std::vector<topology::ServerIdentity> servers;
    for (const config::ServerSettings& server : settings.servers) {
        servers.push_back({.name = server.name,
                           .address = {.host = server.host, .port = server.port},
                           .weight = server.weight});
    }
    return servers;
}

monitor::MonitorOptions monitor_options(const config::Settings& settings) {
    return {.servers = identities(settings),
            .user = settings.health.health_check_user,
            .password = settings.health.health_check_password,
            .database = settings.health.health_check_database,
            .probe_period = settings.health.health_check_period,
            .probe_timeout = settings.health.health_check_timeout,
            .misses_max = settings.health.health_check_max_retries,
            .lag_bytes_max = settings.routing.standby_lag_bytes_max};
}

/// One worker with its thread.
struct WorkerThread {
    SystemRandom random;
    std::vector<uring::Listener> listeners;
    std::unique_ptr<uring::Ring> ring;
    std::unique_ptr<proxy::Worker> worker;
    std::string error;
    std::jthread thread;
};

class Service {
  public:
    Service(const config::Settings& settings, const session::AccessControl& access)
        : settings_(settings),
          access_(access),
          log_(settings.pgring.log_level, settings.pgring.log_format),
          cpus_(allowed_cpus()),
          worker_count_(settings.pgring.workers == 0 ? std::min(cpus_.size(), pool::kWorkersMax)
                                                     : settings.pgring.workers),
          process_(worker_count_),
          census_(worker_count_),
          publication_(
              std::make_shared<topology::Topology>(topology::make_unknown_topology(identities(settings)))),
          ready_(static_cast<std::ptrdiff_t>(worker_count_)),
          begin_(1) {}

    int run() {
        afford_clients(raise_descriptor_limit());
        block_signals();
        if (std::string const error = open(); !error.empty()) {
            fmt::print(stderr, "pgring: {}\n", error);
            return 1;
        }
        start_workers();
        ready_.wait();
        std::string error;
        for (const auto& worker : workers_) {
            error = worker->error.empty() ? error : worker->error;
        }
        aborted_ = !error.empty();
        if (aborted_) {
            begin_.count_down();
            fmt::print(stderr, "pgring: {}\n", error);
            return 1;
        }
        say_started();
        {
            monitor::Monitor monitor(monitor_options(settings_), publication_, log_,
                                     [this] { post(uring::TopologyNotice{}); });
            monitor_ = &monitor;
            begin_.count_down();
            wait_for_end();
            for (auto& worker : workers_) {
                if (worker->thread.joinable()) {
                    worker->thread.join();
                }
            }
        }
        say_stats();
        log_.info("stopped");
        if (std::string const path = uring::unix_socket_path(settings_.pgring); !path.empty()) {
            ::unlink(path.c_str());
        }
        return 0;
    }

  private:
    /// Opens what can fail because of the surroundings, so that it fails before anything is served.
    std::string open() {
        // Nobody else may have the addresses; see uring::Sharing.
        if (auto const alone = uring::listen_tcp(settings_.pgring, uring::Sharing::Alone);
            !alone.has_value()) {
            return alone.error();
        }
        auto unix_listeners = uring::listen_unix(settings_.pgring);
        if (!unix_listeners.has_value()) {
            return unix_listeners.error();
        }
        unix_listeners_ = std::move(*unix_listeners);
        for (const topology::ServerIdentity& server : identities(settings_)) {
            auto address = uring::resolve(server.address);
            if (!address.has_value()) {
                return fmt::format("[servers.{}]: {}", server.name, address.error());
            }
            addresses_.push_back(*address);
        }
        for (const config::PeerSettings& peer : config::other_peers(settings_)) {
            auto address = uring::resolve({.host = peer.host, .port = peer.port});
            if (!address.has_value()) {
                return fmt::format("[peers.{}]: {}", peer.id, address.error());
            }
            peer_addresses_.push_back(*address);
        }
        for (std::size_t i = 0; i < worker_count_; ++i) {
            auto listeners = uring::listen_tcp(settings_.pgring, uring::Sharing::WithWorkers);
            if (!listeners.has_value()) {
                return listeners.error();
            }
            workers_.push_back(std::make_unique<WorkerThread>());
            workers_.back()->listeners = std::move(*listeners);
            mailboxes_.push_back(std::make_unique<uring::Mailbox>());
        }
        return {};
    }

    void afford_clients(rlim_t descriptors) {
        process_.clients_affordable = clients_affordable(descriptors);
        if (process_.clients_affordable < settings_.pgring.max_client_conn) {
            log_.warning("few_descriptors",
                         {{"limit", std::uint64_t{descriptors}},
                          {"max_client_conn", settings_.pgring.max_client_conn},
                          {"clients_affordable", process_.clients_affordable},
                          {"remedy", "raise the limit of open files (LimitNOFILE=, ulimit -n)"}});
        }
    }

    void start_workers() {
        if (settings_.pgring.default_pool_size < worker_count_) {
            log_.info("fewer_backends_than_workers",
                      {{"workers", std::uint64_t{worker_count_}},
                       {"default_pool_size", settings_.pgring.default_pool_size},
                       {"remedy", "fewer workers need less CPU: backends go from one to another"}});
        }
        for (std::size_t i = 0; i < worker_count_; ++i) {
            workers_[i]->thread = std::jthread([this, i] { work(static_cast<pool::WorkerIndex>(i)); });
        }
    }

    /// A worker's thread. Everything of the worker is made here, so that its memory is near its core.
    void work(pool::WorkerIndex index) {
        WorkerThread& self = *workers_[index];
        // With a worker for each CPU nobody gains by moving. With fewer the kernel places them: a pinned one
        // could not leave a CPU that the clients or the servers use (one worker on two CPUs, 16 clients: CPU
        // per transaction over pgbouncer's 0.88 to 0.99 pinned, 0.78 to 0.82 not).
        if (worker_count_ == cpus_.size()) {
            pin_to(cpus_[index]);
        }
        std::string const name = fmt::format("pgring-{}", index);
        ::pthread_setname_np(::pthread_self(), name.c_str());
        auto ring = uring::Ring::create(settings_.pgring.ring_mode, settings_.pgring.receive_buffers);
        if (!ring.has_value()) {
            self.error = ring.error();
            ready_.count_down();
            return;
        }
        self.ring = std::move(*ring);
        self.worker = std::make_unique<proxy::Worker>(proxy::WorkerOptions{.index = index,
                                                                           .settings = settings_,
                                                                           .access = access_,
                                                                           .process = process_,
                                                                           .log = log_,
                                                                           .random = self.random,
                                                                           .topology = publication_.current(),
                                                                           .now = now()});
        uring::Reactor reactor(
            {.settings = settings_,
             .ring = *self.ring,
             .worker = *self.worker,
             .mailboxes = mailboxes_,
             .census = census_,
             .index = index,
             .servers = addresses_,
             .peers = peer_addresses_,
             .publication = publication_,
             .log = log_,
             .suspect = [this](topology::ServerIndex server) { monitor_->suspect(server); }});
        ready_.count_down();
        begin_.wait();
        if (aborted_) {
            return;
        }
        reactor.listen_on(self.listeners);
        reactor.listen_on(unix_listeners_);
        reactor.run();
    }

    void post(const auto& notice) {
        for (auto& mailbox : mailboxes_) {
            mailbox->post(notice);
        }
    }

    static sigset_t handled_signals() {
        sigset_t signals;
        ::sigemptyset(&signals);
        ::sigaddset(&signals, SIGTERM);
        ::sigaddset(&signals, SIGINT);
        ::sigaddset(&signals, SIGHUP);
        return signals;
    }

    /// Before any thread starts, so that all inherit it and only wait_for_end() sees them.
    static void block_signals() {
        sigset_t const signals = handled_signals();
        ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
        ::signal(SIGPIPE, SIG_IGN);
    }

    /// Until the workers have been told to end, and with SIGTERM until they have, or a second signal or the
    /// timeout comes.
    void wait_for_end() {
        sigset_t const signals = handled_signals();
        bool draining = false;
        base::Instant drain_until = base::kNever;
        base::Instant next_stats = base::deadline_after(now(), settings_.pgring.stats_period);
        for (;;) {
            timespec const pause{.tv_sec = 0, .tv_nsec = 100'000'000};
            int const signal = ::sigtimedwait(&signals, nullptr, &pause);
            base::Instant const time = now();
            bool const overdue = draining && time >= drain_until;
            if (signal == SIGINT || (signal == SIGTERM && draining) || overdue) {
                log_.info("shutdown", {{"manner", "now"}});
                post(uring::ShutdownNotice{proxy::Worker::Shutdown::Now});
                return;
            }
            if (signal == SIGHUP) {
                // pgbouncer reloads on it; what is not there yet must at least not end the process.
                log_.warning("reload_not_supported",
                             {{"remedy", "restart pgring to apply a new configuration"}});
            }
            if (signal == SIGTERM) {
                draining = true;
                drain_until = base::deadline_after(time, settings_.pgring.shutdown_timeout);
                log_.info("shutdown", {{"manner", "drain"}, {"clients", process_.client_count.load()}});
                post(uring::ShutdownNotice{proxy::Worker::Shutdown::Drain});
            }
            if (draining && process_.client_count.load() == 0) {
                post(uring::ShutdownNotice{proxy::Worker::Shutdown::Now});
                return;
            }
            if (settings_.pgring.log_stats && time >= next_stats) {
                next_stats = base::deadline_after(time, settings_.pgring.stats_period);
                say_stats();
            }
        }
    }

    void say_started() {
        const uring::Features& features = workers_.front()->ring->features();
        log_.info("started", {{"version", kVersion},
                              {"pid", ::getpid()},
                              {"workers", worker_count_},
                              {"task_run", uring::to_string(features.task_run)},
                              {"receive", uring::to_string(features.receive)},
                              {"registered_ring", features.registered_ring}});
        for (const uring::Listener& listener : workers_.front()->listeners) {
            log_.info("listening", {{"address", listener.name}});
        }
        for (const uring::Listener& listener : unix_listeners_) {
            log_.info("listening", {{"address", listener.name}});
        }
    }

    /// One line for the clients and one for each server, summed over the workers.
    void say_stats() {
        std::uint64_t logins = 0;
        std::uint64_t waiting = 0;
        std::uint64_t received = 0;
        std::uint64_t sent = 0;
        std::uint64_t pins = 0;
        std::uint32_t clients_least = std::numeric_limits<std::uint32_t>::max();
        std::uint32_t clients_most = 0;
        for (std::size_t i = 0; i < worker_count_; ++i) {
            std::uint32_t const clients = census_.clients_of(static_cast<pool::WorkerIndex>(i));
            clients_least = std::min(clients_least, clients);
            clients_most = std::max(clients_most, clients);
        }
        std::uint64_t unpins = 0;
        std::uint64_t refusals = 0;
        std::uint64_t listening = 0;
        std::uint64_t channels = 0;
        std::uint64_t notifications = 0;
        std::uint64_t listeners_lost = 0;
        std::uint64_t units_ahead = 0;
        std::uint64_t units_ahead_used = 0;
        std::array<std::uint64_t, stats::kPinReasons> pins_by_reason{};
        for (const auto& worker : workers_) {
            const stats::WorkerStats& stats = worker->worker->stats();
            logins += stats.client_logins.value();
            waiting += stats.waiting.value();
            received += stats.bytes_received.value();
            sent += stats.bytes_sent.value();
            pins += stats.pins.value();
            unpins += stats.unpins.value();
            refusals += stats.refusals.value();
            listening += stats.listening.value();
            channels += stats.channels.value();
            notifications += stats.notifications.value();
            listeners_lost += stats.listeners_lost.value();
            units_ahead += stats.units_ahead.value();
            units_ahead_used += stats.units_ahead_used.value();
            for (std::size_t i = 0; i < pins_by_reason.size(); ++i) {
                pins_by_reason[i] += stats.pins_by_reason[i].value();
            }
        }
        log_.info("stats", {{"clients", process_.client_count.load()},
                            {"clients_of_worker_min", clients_least},
                            {"clients_of_worker_max", clients_most},
                            {"logins", logins},
                            {"waiting", waiting},
                            {"pins", pins},
                            {"unpins", unpins},
                            {"refusals", refusals},
                            {"bytes_received", received},
                            {"bytes_sent", sent}});
        if (notifications > 0 || listening > 0) {
            log_.info("listen_stats", {{"listening", listening},
                                       {"channels", channels},
                                       {"notifications", notifications},
                                       {"listeners_lost", listeners_lost}});
        }
        if (units_ahead > 0) {
            log_.info("multiplex_stats",
                      {{"units_ahead", units_ahead}, {"units_ahead_used", units_ahead_used}});
        }
        if (pins > 0) {
            std::vector<base::LogField> reasons;
            for (const session::PinRule& rule : session::kPinRules) {
                reasons.emplace_back(rule.name, pins_by_reason[session::index_of(rule.pin)]);
            }
            log_.write(base::LogLevel::Info, "pin_stats", reasons);
        }
        for (std::size_t i = 0; i < settings_.servers.size(); ++i) {
            std::uint64_t assignments = 0;
            std::uint64_t reads = 0;
            std::uint64_t queries = 0;
            std::uint64_t open = 0;
            std::uint64_t server_logins = 0;
            std::uint64_t borrowed = 0;
            std::uint64_t lost = 0;
            for (const auto& worker : workers_) {
                const stats::ServerStats& stats = worker->worker->stats().servers[i];
                assignments += stats.assignments.value();
                reads += stats.reads_balanced.value();
                queries += stats.queries.value();
                open += stats.backends_open.value();
                server_logins += stats.logins.value();
                borrowed += stats.backends_borrowed.value();
                lost += stats.backends_lost.value();
            }
            log_.info("server_stats", {{"server", settings_.servers[i].name},
                                       {"server_assignment_count", assignments},
                                       {"reads_balanced", reads},
                                       {"queries", queries},
                                       {"backends", open},
                                       {"server_logins", server_logins},
                                       {"backends_borrowed", borrowed},
                                       {"backends_lost", lost}});
        }
    }

    const config::Settings& settings_;
    const session::AccessControl& access_;
    LogSink log_;
    std::vector<int> cpus_;
    std::size_t worker_count_;
    proxy::Process process_;
    uring::Census census_;
    topology::Publication publication_;
    std::vector<uring::SocketAddress> addresses_;
    std::vector<uring::SocketAddress> peer_addresses_;
    std::vector<std::unique_ptr<uring::Mailbox>> mailboxes_;
    std::vector<uring::Listener> unix_listeners_;
    std::latch ready_;
    std::latch begin_;
    /// Written before begin_ is counted down, read after.
    bool aborted_ = false;
    monitor::Monitor* monitor_ = nullptr;
    /// Last, so that the threads end before anything they use.
    std::vector<std::unique_ptr<WorkerThread>> workers_;
};

}  // namespace

int serve(const config::Settings& settings, const session::AccessControl& access) {
    return Service(settings, access).run();
}

}  // namespace pgring
