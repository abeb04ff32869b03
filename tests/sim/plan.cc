#include "sim/plan.h"

#include <algorithm>

namespace pgring::sim {

namespace {

using namespace std::chrono_literals;

std::uint32_t between(base::Prng& prng, std::uint32_t low, std::uint32_t high) {
    return low + static_cast<std::uint32_t>(prng.below(high - low + 1));
}

base::Duration draw_duration(base::Prng& prng, base::Duration low, base::Duration high) {
    return low + base::Duration(static_cast<std::int64_t>(
                     prng.below(static_cast<std::uint64_t>((high - low).count()) + 1)));
}

config::Settings draw_settings(base::Prng& prng) {
    config::Settings settings;
    config::PgringSettings& pgring = settings.pgring;
    pgring.auth_type = config::AuthType::Trust;
    pgring.log_connections = false;
    pgring.log_disconnections = false;
    pgring.pool_mode = prng.chance(15) ? config::PoolMode::Session : config::PoolMode::Transaction;
    pgring.default_pool_size = prng.chance(80) ? between(prng, 1, 4) : between(prng, 5, 8);
    pgring.receive_buffers = 1U << between(prng, 3, 6);
    pgring.max_prepared_statements = between(prng, 1, 4);
    pgring.query_wait_timeout = draw_duration(prng, 1s, 20s);
    pgring.server_connect_timeout = draw_duration(prng, 500ms, 3s);
    pgring.server_login_retry = draw_duration(prng, 50ms, 1s);
    pgring.server_idle_timeout = prng.chance(30) ? draw_duration(prng, 100ms, 2s) : 60s;
    pgring.server_lifetime = prng.chance(30) ? draw_duration(prng, 200ms, 5s) : 3600s;
    pgring.cancel_wait_timeout = draw_duration(prng, 300ms, 3s);
    pgring.client_login_timeout = 15s;
    pgring.max_client_conn = prng.chance(10) ? 4 : 1000;
    pgring.min_pool_size = prng.chance(25) ? between(prng, 1, 3) : 0;
    pgring.reserve_pool_size = prng.chance(25) ? between(prng, 1, 2) : 0;
    pgring.reserve_pool_timeout = draw_duration(prng, 10ms, 1s);
    pgring.max_db_connections = prng.chance(20) ? between(prng, 1, 5) : 0;
    pgring.max_user_connections = prng.chance(10) ? between(prng, 1, 5) : 0;
    // The model servers know this one.
    pgring.server_check_query = "SELECT EXISTS (SELECT)";
    pgring.server_check_delay = prng.chance(30) ? draw_duration(prng, 0s, 500ms) : 3600s;
    pgring.server_reset_query_always = prng.chance(5);
    pgring.server_round_robin = prng.chance(25);
    pgring.waiting_clients_max = prng.chance(10) ? 3 : 0;
    pgring.multiplex = prng.chance(50) ? config::Multiplex::Sync : config::Multiplex::Off;
    settings.routing.read_write_split = prng.chance(85);
    settings.databases.push_back({.name = "*"});
    for (std::uint32_t i = between(prng, 0, 2); i > 0; --i) {
        settings.peers.push_back({.id = static_cast<std::uint16_t>(i), .host = "192.0.2.2"});
    }
    return settings;
}

/// What ends sessions that did nothing wrong: not for calm worlds.
void draw_timeouts(base::Prng& prng, config::PgringSettings& pgring) {
    for (base::Duration* timeout : {&pgring.query_timeout, &pgring.idle_transaction_timeout,
                                    &pgring.transaction_timeout, &pgring.client_idle_timeout}) {
        if (prng.chance(50)) {
            *timeout = draw_duration(prng, 20ms, 2s);
        }
    }
}

/// Nothing goes wrong, nothing is given up, all backends that may be opened are open before long.
void make_steady(Plan& plan) {
    config::PgringSettings& pgring = plan.settings.pgring;
    pgring.pool_mode = config::PoolMode::Transaction;
    pgring.server_idle_timeout = 3600s;
    pgring.server_lifetime = 3600s;
    pgring.server_check_query.clear();
    pgring.server_reset_query_always = false;
    // Pools under one limit exchange backends as long as they have sessions that wait.
    pgring.max_db_connections = 0;
    pgring.max_user_connections = 0;
    pgring.max_client_conn = 1000;
    pgring.waiting_clients_max = 0;
    pgring.receive_buffers = 64;
    plan.worker_count = 1;
    plan.unit_count = 150;
    plan.steady = true;
}

Fault draw_fault(base::Prng& prng, const Plan& plan) {
    Fault fault;
    fault.kind = static_cast<Fault::Kind>(prng.below(Fault::kKindCount));
    fault.at = draw_duration(prng, 0s, 4s);
    fault.server = static_cast<std::uint32_t>(prng.below(plan.server_count));
    fault.duration = draw_duration(prng, 20ms, 3s);
    return fault;
}

void make_crowded(base::Prng& prng, Plan& plan) {
    plan.crowded = true;
    plan.worker_count = between(prng, 1, 2);
    plan.client_count = between(prng, 6, 20);
    plan.unit_count = between(prng, 20, 60);
    plan.settings.pgring.default_pool_size = between(prng, 1, 3);
    plan.settings.pgring.server_reset_query_always = false;
}

}  // namespace

Plan draw_plan(base::Prng& prng) {
    Plan plan;
    plan.calm_at = 12s;
    plan.settings = draw_settings(prng);
    plan.worker_count = between(prng, 1, 4);
    plan.server_count = between(prng, 1, 3);
    plan.client_count = prng.chance(80) ? between(prng, 2, 10) : between(prng, 11, 20);
    plan.unit_count = between(prng, 4, 20);
    for (std::uint32_t i = 0; i < plan.server_count; ++i) {
        plan.settings.servers.push_back({.name = "pg-" + std::to_string(i), .host = "192.0.2.1"});
    }
    if (prng.chance(3)) {
        make_steady(plan);
        return plan;
    }
    plan.chatty = prng.chance(15);
    if (plan.settings.pgring.multiplex == config::Multiplex::Sync && prng.chance(30)) {
        make_crowded(prng, plan);
    }
    // A third of the worlds is calm: there every statement must succeed.
    std::uint32_t const fault_count = prng.chance(33) ? 0 : between(prng, 1, 6);
    for (std::uint32_t i = 0; i < fault_count; ++i) {
        plan.faults.push_back(draw_fault(prng, plan));
    }
    if (fault_count > 0 && prng.chance(25)) {
        draw_timeouts(prng, plan.settings.pgring);
    }
    return plan;
}

}  // namespace pgring::sim
