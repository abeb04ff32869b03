#include "sim/world.h"

#include <algorithm>

#include <fmt/core.h>

namespace pgring::sim {

namespace {

using namespace std::chrono_literals;

/// The monitor looks so often, and so soon after a worker suspects something.
constexpr base::Duration kProbePeriod = 300ms;
constexpr base::Duration kProbeSoon = 5ms;
/// A topology published so long ago has reached every worker and everybody in its lines.
constexpr base::Duration kSettled = 100ms;
constexpr base::Duration kFenced = 250ms;
/// When faults have ended, everybody must be done within this.
constexpr base::Duration kPatience = 180s;
/// In a steady world: what queues and tables that grow longer than ever before allocate at most, and what one
/// login of a backend does.
constexpr std::uint64_t kAllocationsOfGrowth = 16;
constexpr std::uint64_t kAllocationsOfALogin = 30;

}  // namespace

/// The workers' own log, as lines of the run's.
class World::CoreLog final : public base::LogSink {
  public:
    explicit CoreLog(World& world) : world_(world) {}

    void write(base::LogLevel, std::string_view event, std::span<const base::LogField> fields) override {
        if (!world_.log_) {
            return;
        }
        std::string line = "pgring: " + std::string(event);
        for (const base::LogField& field : fields) {
            line += " " + std::string(field.key) + "=" +
                    std::visit([](const auto& value) { return fmt::format("{}", value); }, field.value);
        }
        world_.log(line);
    }

  private:
    World& world_;
};

World::World(std::uint64_t seed, Log log)
    : log_(std::move(log)),
      prng_(seed),
      plan_(draw_plan(prng_)),
      process_(plan_.worker_count),
      network_(schedule_, prng_, auditor_, process_),
      core_log_(std::make_unique<CoreLog>(*this)),
      worker_random_(prng_.next()),
      access_{.users = {}, .rules = {}, .process_secret = auth::ProcessSecret(worker_random_)},
      other_proxies_(prng_, network_, auditor_),
      server_context_{.schedule = schedule_,
                      .prng = prng_,
                      .network = network_,
                      .auditor = auditor_,
                      .multiplexes = plan_.settings.pgring.multiplex == config::Multiplex::Sync,
                      .log = [this](const std::string& what) { this->log(what); }},
      client_context_{.schedule = schedule_,
                      .prng = prng_,
                      .network = network_,
                      .auditor = auditor_,
                      .log = [this](const std::string& what) { this->log(what); },
                      .worker_count = plan_.worker_count,
                      .other_proxies = other_proxies_,
                      .has_standby = plan_.server_count > 1,
                      .session_pooled = plan_.settings.pgring.pool_mode == config::PoolMode::Session,
                      .steady = plan_.steady,
                      .chatty = plan_.chatty,
                      .crowded = plan_.crowded,
                      .on_steady_unit = [this] { on_steady_unit(); },
                      .is_served = [this](ClientContext::Needs needs) { return is_served(needs); }},
      misjudged_(plan_.server_count) {
    // Nobody is refused, nobody leaves anything out, nothing breaks: then every statement must succeed.
    client_context_.calm = plan_.faults.empty() && plan_.settings.pgring.max_client_conn >= 100 &&
                           plan_.settings.pgring.waiting_clients_max == 0;
    client_context_.statements_time_out = plan_.settings.pgring.query_timeout != 0s;
    if (client_context_.calm) {
        plan_.settings.pgring.query_wait_timeout = 0s;
        // Who waits may hold buffers as long as it waits, which is for ever here.
        plan_.settings.pgring.receive_buffers = 128;
    }
    for (std::size_t i = 0; i < plan_.server_count; ++i) {
        servers_.emplace_back(server_context_, i,
                              i == 0 ? ModelServer::Role::Primary : ModelServer::Role::Standby);
    }
    topology_ = seen();
    network_.on_connect = [this](Link& link, topology::ServerIndex server) {
        return servers_[server.value].accept(link);
    };
    network_.on_connect_peer = [this](Link& link) { return other_proxies_.accept(link); };
    network_.is_silent = [this](topology::ServerIndex server) { return servers_[server.value].hung(); };
    network_.on_suspect = [this](topology::ServerIndex) { probe(); };
}

World::~World() = default;

void World::log(const std::string& what) const {
    if (log_) {
        auto const since =
            std::chrono::duration_cast<std::chrono::microseconds>(schedule_.now().time_since_epoch());
        log_(fmt::format("{:12.6f} {}", static_cast<double>(since.count() % 3'600'000'000) / 1e6, what));
    }
}

Summary World::run() {
    log(fmt::format("{} workers, {} servers, {} clients, {} faults, pool {} {}, statements {}, buffers {}{}",
                    plan_.worker_count, plan_.server_count, plan_.client_count, plan_.faults.size(),
                    plan_.settings.pgring.default_pool_size,
                    plan_.settings.pgring.pool_mode == config::PoolMode::Session ? "session" : "transaction",
                    plan_.settings.pgring.max_prepared_statements, plan_.settings.pgring.receive_buffers,
                    plan_.steady           ? ", steady"
                    : plan_.crowded        ? ", crowded"
                    : client_context_.calm ? ", calm"
                                           : ""));
    base::Instant const start = schedule_.now();
    start_workers();
    start_clients();
    schedule_faults();
    observe();
    std::uint64_t event_count = 0;
    base::Instant const patience_ends = start + plan_.calm_at + kPatience;
    while (!everybody_is_gone()) {
        auditor_.require(schedule_.now() < patience_ends, [this] {
            std::string text = "somebody waits for ever:";
            for (const ModelClient& client : clients_) {
                text += client.finished() ? "" : " " + client.state() + ";";
            }
            for (const auto& worker : workers_) {
                text += fmt::format(" {} sessions, {} backends, {} connections;", worker->session_count(),
                                    worker->backend_count(), worker->connection_count());
            }
            text += network_.describe();
            return text;
        });
        bool const goes_on = schedule_.run_next();
        ++event_count;
        auditor_.require(goes_on, "nothing happens any more");
    }
    expect_nothing_is_left();
    return {.event_count = event_count,
            .writes_acknowledged = auditor_.acknowledged_count(),
            .backends_lent = network_.lent_count(),
            .units_ahead = sum(&stats::WorkerStats::units_ahead),
            .units_ahead_used = sum(&stats::WorkerStats::units_ahead_used),
            .virtual_time = schedule_.now() - start};
}

void World::start_workers() {
    for (std::size_t i = 0; i < plan_.worker_count; ++i) {
        workers_.push_back(
            std::make_unique<proxy::Worker>(proxy::WorkerOptions{.index = static_cast<pool::WorkerIndex>(i),
                                                                 .settings = plan_.settings,
                                                                 .access = access_,
                                                                 .process = process_,
                                                                 .log = *core_log_,
                                                                 .random = worker_random_,
                                                                 .topology = topology_,
                                                                 .now = schedule_.now()}));
        network_.add_worker(*workers_.back(), topology_);
    }
}

void World::start_clients() {
    for (std::uint32_t i = 0; i < plan_.client_count; ++i) {
        ModelClient& client = clients_.emplace_back(client_context_, i + 1, plan_.unit_count);
        base::Duration const delay(static_cast<std::int64_t>(prng_.below(1'000'000'000)));
        schedule_.after(delay, [&client] { client.start(); });
    }
}

// -- Faults
// -------------------------------------------------------------------------------------------------------------

void World::schedule_faults() {
    for (const Fault& fault : plan_.faults) {
        schedule_.after(fault.at, [this, fault] { strike(fault); });
    }
    schedule_.after(plan_.calm_at, [this] {
        log("everything is mended");
        for (ModelServer& server : servers_) {
            server.resume();
            server.set_refusing(false);
            server.set_login_error("");
            server.set_slowness(1);
            misjudged_[server.index()] = false;
            if (!server.running()) {
                server.start();
            }
        }
        probe();
    });
}

void World::strike(const Fault& fault) {
    ModelServer& server = servers_[fault.server];
    switch (fault.kind) {
        case Fault::Kind::ServerDies:
            if (server.running()) {
                server.die();
                schedule_.after(fault.duration, [&server] { server.start(); });
            }
            break;
        case Fault::Kind::ServerHangs:
            server.hang();
            schedule_.after(fault.duration, [&server] { server.resume(); });
            break;
        case Fault::Kind::ServerRestarts:
            if (server.running()) {
                server.restart();
            }
            break;
        case Fault::Kind::ServerRefuses:
            server.note("refuses");
            server.set_refusing(true);
            schedule_.after(fault.duration, [&server] { server.set_refusing(false); });
            break;
        case Fault::Kind::BackendReset:
            server.reset_one();
            break;
        case Fault::Kind::ClientReset:
            clients_[prng_.below(clients_.size())].vanish();
            break;
        case Fault::Kind::PrimaryMoves:
            move_primary(fault);
            break;
        case Fault::Kind::ServerIsSlow:
            server.note("is slow");
            server.set_slowness(30);
            schedule_.after(fault.duration, [&server] { server.set_slowness(1); });
            break;
        case Fault::Kind::LoginsFail: {
            constexpr std::string_view kRefusals[]{"53300", "57P03", "28P01"};
            server.note("refuses logins");
            server.set_login_error(kRefusals[prng_.below(std::size(kRefusals))]);
            schedule_.after(fault.duration, [&server] { server.set_login_error(""); });
            break;
        }
        case Fault::Kind::MonitorErrs:
            misjudged_[fault.server] = true;
            probe();
            schedule_.after(fault.duration, [this, fault] {
                misjudged_[fault.server] = false;
                probe();
            });
            break;
    }
}

/// The primary dies, somebody promotes a standby, the old primary comes back as what it was, and some time
/// later as a standby.
void World::move_primary(const Fault& fault) {
    auto const primary = std::ranges::find_if(servers_, [this](const ModelServer& server) {
        return server.role() == ModelServer::Role::Primary && server.timeline() == timeline_;
    });
    auto const standby = std::ranges::find_if(servers_, [](const ModelServer& server) {
        return server.role() == ModelServer::Role::Standby && server.running() && !server.hung();
    });
    if (primary == servers_.end() || standby == servers_.end() || !primary->running()) {
        return;
    }
    primary->die();
    ModelServer& old = *primary;
    ModelServer& next = *standby;
    schedule_.after(fault.duration / 2,
                    [this, &next] { next.become(ModelServer::Role::Primary, ++timeline_); });
    schedule_.after(fault.duration, [&old] { old.start(); });
    schedule_.after(fault.duration * 2, [this, &old] {
        old.die();
        old.become(ModelServer::Role::Standby, timeline_);
        old.start();
    });
}

// -- The monitor
// --------------------------------------------------------------------------------------------------------

void World::probe() {
    if (!probe_scheduled_) {
        probe_scheduled_ = true;
        schedule_.after(kProbeSoon, [this] {
            probe_scheduled_ = false;
            std::shared_ptr<topology::Topology> next = seen();
            bool const same =
                std::ranges::equal(next->servers, topology_->servers,
                                   [](const topology::Server& left, const topology::Server& right) {
                                       return left.role == right.role && left.health == right.health;
                                   });
            if (!same) {
                next->generation = topology_->generation + 1;
                topology_ = std::move(next);
                published_at_ = schedule_.now();
                log("the monitor publishes: primary " +
                    (topology_->primary.has_value() ? std::to_string(topology_->primary->value) : "none"));
                network_.publish(topology_);
            }
        });
    }
}

bool World::is_served(ClientContext::Needs needs) const {
    if (schedule_.now() < published_at_ + kSettled) {
        return false;
    }
    return needs == ClientContext::Needs::Primary
               ? topology_->primary.has_value()
               : std::ranges::any_of(topology_->servers, route::serves_reads);
}

/// After some time to get warm, what clients repeat costs no allocation. A queue or a table that is longer
/// than ever before may still grow, and a backend that is opened late logs in.
void World::on_steady_unit() {
    std::uint64_t const all = std::uint64_t{plan_.client_count} * plan_.unit_count;
    ++steady_unit_count_;
    if (steady_unit_count_ == all / 2) {
        allocations_before_ = network_.allocation_count();
        logins_before_ = backend_login_count();
    } else if (steady_unit_count_ == all * 9 / 10) {
        std::uint64_t const units = all * 9 / 10 - all / 2;
        std::uint64_t const allocations = network_.allocation_count() - allocations_before_;
        // One more may not be through.
        std::uint64_t const logins = backend_login_count() - logins_before_ + 1;
        auditor_.require(allocations <= kAllocationsOfGrowth + logins * kAllocationsOfALogin, [=] {
            return fmt::format("{} allocations for {} logins and {} units that were all run before",
                               allocations, logins, units);
        });
        log(fmt::format("{} allocations for {} logins and {} steady units", allocations, logins, units));
    }
}

std::uint64_t World::backend_login_count() const {
    std::uint64_t count = 0;
    for (const auto& worker : workers_) {
        for (const stats::ServerStats& server : worker->stats().servers) {
            count += server.logins.value();
        }
    }
    return count;
}

std::uint64_t World::sum(stats::Counter stats::WorkerStats::*counter) const {
    std::uint64_t count = 0;
    for (const auto& worker : workers_) {
        count += (worker->stats().*counter).value();
    }
    return count;
}

/// What is known to be down or stale for a while has no sessions of pgring's: they would wait for nothing.
void World::audit_fences() const {
    if (schedule_.now() < published_at_ + kFenced) {
        return;
    }
    for (const ModelServer& server : servers_) {
        const topology::Server& known = topology_->servers[server.index()];
        bool const fenced = known.role == topology::Role::Stale || known.health == topology::Health::Down;
        auditor_.require(!fenced || server.session_count() == 0,
                         "sessions stay on server " + std::to_string(server.index()) + ", which is " +
                             std::string(topology::to_string(known.role)) + " and " +
                             std::string(topology::to_string(known.health)));
    }
}

void World::observe() {
    audit_fences();
    probe();
    schedule_.after(kProbePeriod, [this] { observe(); });
}

std::shared_ptr<topology::Topology> World::seen() const {
    auto topology = std::make_shared<topology::Topology>();
    std::uint32_t newest = 0;
    for (const ModelServer& server : servers_) {
        newest = std::max(newest, server.role() == ModelServer::Role::Primary ? server.timeline() : 0);
    }
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        const ModelServer& server = servers_[i];
        bool const answers = server.running() && !server.hung() && !misjudged_[i];
        topology::Server seen{.name = plan_.settings.servers[i].name,
                              .role = topology::Role::Standby,
                              .health = answers ? topology::Health::Up : topology::Health::Down,
                              .timeline = server.timeline()};
        if (server.role() == ModelServer::Role::Primary) {
            bool const is_newest = server.timeline() == newest;
            seen.role = is_newest ? topology::Role::Primary : topology::Role::Stale;
            seen.fence = is_newest ? topology::Fence::None : topology::Fence::OlderTimeline;
            if (is_newest && answers) {
                topology->primary = topology::ServerIndex{static_cast<std::uint16_t>(i)};
            }
        }
        topology->servers.push_back(std::move(seen));
    }
    topology->check_invariants();
    return topology;
}

// -- The end
// ------------------------------------------------------------------------------------------------------------

bool World::everybody_is_gone() const {
    bool const clients_gone =
        clients_.size() == plan_.client_count && std::ranges::all_of(clients_, &ModelClient::finished);
    if (!clients_gone) {
        return false;
    }
    return schedule_.now() > base::Instant(1h) + plan_.calm_at &&
           std::ranges::all_of(workers_, [](const auto& worker) {
               return worker->session_count() == 0 && worker->connection_count() == worker->backend_count();
           });
}

void World::expect_nothing_is_left() {
    log("everybody is gone");
    // Errands of the last ones may still be under way. Backends that are replaced as they age, as
    // min_pool_size wants it, go on for ever; between two of them nothing is in use.
    base::Instant const until = schedule_.now() + 30s;
    auto const busy = [this] {
        return std::ranges::any_of(
            workers_, [](const auto& worker) { return worker->buffers().small_in_use_count() > 0; });
    };
    while (schedule_.now() < until || (busy() && schedule_.now() < until + 30s)) {
        schedule_.run_next();
    }
    auditor_.require(process_.client_count.load() == 0, "clients are counted that do not exist");
    for (const auto& worker : workers_) {
        const buffer::BufferPool& buffers = worker->buffers();
        auditor_.require(buffers.large_free_count() == buffers.large_count(), "a large buffer is missing");
        auditor_.require(buffers.small_in_use_count() == 0, "a small buffer is still in use");
        auditor_.require(buffers.nodes_in_use_count() == 0, "a queue's node is still in use");
        auditor_.require(worker->stats().waiting.value() == 0, "sessions are counted as waiting");
        auditor_.require(worker->stats().clients.value() == 0, "sessions are counted as clients");
    }
}

}  // namespace pgring::sim
