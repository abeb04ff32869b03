#include "config/foreign_names.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

namespace pgring::config {
namespace {

constexpr std::string_view kLeaveOut = "leave it out";

// Keys of [pgbouncer] (pgbouncer 1.25, "config.md") for which pgring has no option, and nothing to write
// instead.
constexpr std::string_view kPgbouncerOptions[] = {
    "unix_socket_group",
    "track_extra_parameters",
    "disable_pqexec",
    "application_name_add_host",
    "conffile",
    "job_name",
    "service_name",
    "scram_iterations",
    "auth_ident_file",
    "auth_user",
    "auth_query",
    "auth_dbname",
    "auth_ldap_options",
    "admin_users",
    "stats_users",
    "server_fast_close",
    "autodb_idle_timeout",
    "pool_idle_timeout",
    "dns_max_ttl",
    "dns_nxdomain_ttl",
    "dns_zone_check_period",
    "resolv_conf",
    "query_wait_notify",
    "suspend_timeout",
    "login_notify_message",
    "client_tls_sslmode",
    "client_tls_key_file",
    "client_tls_cert_file",
    "client_tls_ca_file",
    "client_tls_protocols",
    "client_tls_ciphers",
    "client_tls13_ciphers",
    "client_tls_ecdhcurve",
    "client_tls_dheparams",
    "server_tls_sslmode",
    "server_tls_key_file",
    "server_tls_cert_file",
    "server_tls_ca_file",
    "server_tls_protocols",
    "server_tls_ciphers",
    "server_tls13_ciphers",
    "max_packet_size",
    "sbuf_loopcnt",
    "so_reuseport",
    "tcp_defer_accept",
    "tcp_socket_buffer",
};

// Keys of pgbouncer's [databases] entries.
constexpr std::string_view kPgbouncerDatabaseOptions[] = {
    "auth_user",       "auth_query", "auth_dbname", "load_balance_hosts",
    "client_encoding", "datestyle",  "timezone",
};

/// A name for which there is something to write instead.
struct Substitute {
    std::string_view software;
    std::string_view section;
    std::string_view name;
    std::string_view remedy;
};

constexpr Substitute kSubstitutes[] = {
    {"pgbouncer", "pgring", "verbose", "write log_level = \"debug\""},
    {"pgbouncer", "pgring", "logfile", "leave it out: the log goes to standard error"},
    {"pgbouncer", "pgring", "syslog", "leave it out: the log goes to standard error"},
    {"pgbouncer", "pgring", "syslog_ident", "leave it out: the log goes to standard error"},
    {"pgbouncer", "pgring", "syslog_facility", "leave it out: the log goes to standard error"},
    {"pgbouncer", "pgring", "pidfile", "leave it out: the service manager keeps the process id"},
    {"pgbouncer", "pgring", "user", "leave it out: have the service manager start pgring as that user"},
    {"pgbouncer", "pgring", "pkt_buf",
     "write receive_buffers = COUNT for the buffers of 64 KiB in each worker"},
    {"pgbouncer", "databases", "host", "write it under [servers.NAME]: a database is on all servers"},
    {"pgbouncer", "databases", "port", "write it under [servers.NAME]: a database is on all servers"},
    {"pgbouncer", "databases", "reserve_pool", "write reserve_pool_size"},
    {"pgpool", "pgring", "listen_addresses", "write listen_addr"},
    {"pgpool", "pgring", "port", "write listen_port"},
    {"pgpool", "pgring", "num_init_children", "write max_client_conn"},
    {"pgpool", "pgring", "max_pool", "write default_pool_size"},
    {"pgpool", "pgring", "load_balance_mode", "write read_write_split under [routing]"},
    {"pgpool", "pgring", "sr_check_user", "write health_check_user under [health]"},
    {"pgpool", "pgring", "sr_check_password", "write health_check_password under [health]"},
    {"pgpool", "pgring", "sr_check_period", "write health_check_period under [health]"},
    {"pgpool", "pgring", "delay_threshold", "write standby_lag_bytes_max under [routing]"},
    {"pgbouncer", "peers", "pool_size", "leave it out: requests to cancel are not pooled"},
    {"pgpool", "health", "health_check_retry_delay", "leave it out: health_check_period is the pause"},
};

bool contains(std::span<const std::string_view> names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

Advice not_supported(std::string_view software, std::string_view name, std::string_view remedy) {
    return Advice{.message = fmt::format("{}'s {} is not supported by pgring yet", software, name),
                  .remedy = std::string(remedy)};
}

}  // namespace

std::optional<Advice> find_foreign_option(std::string_view section, std::string_view name) {
    for (const Substitute& substitute : kSubstitutes) {
        if (substitute.section == section && substitute.name == name) {
            return Advice{
                .message = fmt::format("{}'s {} is not an option of pgring", substitute.software, name),
                .remedy = std::string(substitute.remedy)};
        }
    }
    const bool of_database = section == "databases" && contains(kPgbouncerDatabaseOptions, name);
    if (of_database || (section == "pgring" && contains(kPgbouncerOptions, name))) {
        return not_supported("pgbouncer", name, kLeaveOut);
    }
    return std::nullopt;
}

std::optional<Advice> find_foreign_section(std::string_view name) {
    if (name == "pgbouncer") {
        return Advice{.message = "pgbouncer's section [pgbouncer] is called [pgring] here",
                      .remedy = "write [pgring]"};
    }
    return std::nullopt;
}

}  // namespace pgring::config
