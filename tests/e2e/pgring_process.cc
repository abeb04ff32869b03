#include "pgring_process.h"

#include <csignal>
#include <regex>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>

#include "environment.h"
#include "wait.h"

namespace pgring::e2e {

namespace {

using namespace std::chrono_literals;

/// Ports of pgring are looked for from here on.
constexpr int kPortFirst = 6732;

void append_section(std::string& text, const std::string& name,
                    const std::map<std::string, std::string>& options) {
    text += fmt::format("[{}]\n", name);
    for (const auto& [option, value] : options) {
        text += fmt::format("{} = {}\n", option, value);
    }
}

std::string quoted(const std::string& text) {
    return "\"" + text + "\"";
}

}  // namespace

std::string configuration_text(const Cluster& cluster, int port, const Configuration& configuration) {
    std::map<std::string, std::string> pgring = {{"listen_port", std::to_string(port)},
                                                 {"default_pool_size", "8"},
                                                 {"stats_period", "1"},
                                                 {"query_wait_timeout", "\"20s\""},
                                                 {"auth_file", quoted(cluster.user_list())}};
    for (const auto& [option, value] : configuration.pgring) {
        pgring[option] = value;
    }
    std::map<std::string, std::string> health = {
        {"health_check_user", quoted("${PGRING_MONITOR_USER}")},
        {"health_check_password", quoted("${PGRING_MONITOR_PASSWORD}")}};
    for (const auto& [option, value] : configuration.health) {
        health[option] = value;
    }
    std::string text;
    append_section(text, "pgring", pgring);
    append_section(text, "health", health);
    append_section(text, "routing", configuration.routing);
    for (const auto& [name, options] : configuration.databases) {
        append_section(text, "databases.\"" + name + "\"", options);
    }
    for (const auto& [number, options] : configuration.peers) {
        append_section(text, fmt::format("peers.{}", number), options);
    }
    for (const std::string node : {"pg-0", "pg-1"}) {
        append_section(
            text, "servers." + node,
            {{"host", quoted(configuration.server_host)}, {"port", std::to_string(cluster.port(node))}});
    }
    return text;
}

std::map<std::string, std::string> pgring_environment(const Cluster& cluster) {
    return {{"PGRING_MONITOR_USER", cluster.variable("PGRING_MONITOR_USER")},
            {"PGRING_MONITOR_PASSWORD", cluster.variable("PGRING_MONITOR_PASSWORD")}};
}

PgringProcess::PgringProcess(const std::string& name, const Cluster& cluster,
                             const Configuration& configuration)
    : cluster_(cluster), port_(free_ports(kPortFirst, 1)) {
    std::string const folder = environment().log_folder();
    std::string const file = folder + "/" + name + ".toml";
    log_file_ = folder + "/" + name + ".log";
    write_text(file, configuration_text(cluster, port_, configuration));
    write_text(log_file_, "");
    std::vector<std::string> arguments = {pgring_program(), "--config", file};
    if (configuration.descriptors.has_value()) {
        arguments.insert(arguments.begin(),
                         {"prlimit", fmt::format("--nofile={0}:{0}", *configuration.descriptors)});
    }
    process_ = std::make_unique<Process>(Command{.arguments = arguments,
                                                 .environment = pgring_environment(cluster),
                                                 .output_file = log_file_,
                                                 .error_file = log_file_});
    // It serves once the monitor has found the primary and the standby.
    bool const serves = eventually(20s, [this] {
        std::string const text = log();
        return !process_->running() || (text.contains("listening") && text.contains("primary_found") &&
                                        text.contains("standby_found"));
    });
    if (!serves || !process_->running()) {
        throw std::runtime_error("pgring does not serve: " + log());
    }
}

PgringProcess::~PgringProcess() {
    process_->signal(SIGINT);
    static_cast<void>(process_->wait(5s));
}

Parameters PgringProcess::parameters() const {
    Parameters parameters = cluster_.direct("pg-0");
    parameters["port"] = std::to_string(port_);
    return parameters;
}

Connection PgringProcess::connect(const Parameters& changed) const {
    Parameters all = parameters();
    for (const auto& [keyword, value] : changed) {
        all[keyword] = value;
    }
    return Connection(all);
}

ServerCounters PgringProcess::counters(const std::string& server) const {
    std::regex const pattern("server_stats server=" + server +
                             " server_assignment_count=(\\d+) reads_balanced=(\\d+) queries=(\\d+)"
                             " backends=\\d+ server_logins=(\\d+) backends_borrowed=(\\d+)");
    std::istringstream lines(log());
    ServerCounters newest;
    for (std::string line; std::getline(lines, line);) {
        if (std::smatch found; std::regex_search(line, found, pattern)) {
            newest = {.assignments = std::stoull(found[1].str()),
                      .reads_balanced = std::stoull(found[2].str()),
                      .queries = std::stoull(found[3].str()),
                      .logins = std::stoull(found[4].str()),
                      .backends_borrowed = std::stoull(found[5].str())};
        }
    }
    return newest;
}

}  // namespace pgring::e2e
