/// Watches servers as pgring does and prints each change of the topology, with milliseconds: to see what a
/// fault looks like, and how soon it is seen.
///
///     monitor_watch [--period MS] [--timeout MS] [--retries COUNT] [--user USER] [--seconds SECONDS]
///     HOST:PORT...
///
/// The password comes from libpq's places (PGPASSWORD, the password file).

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "monitor/monitor.h"
#include "printing_sink.h"

namespace {

using pgring::monitor::MonitorOptions;
using pgring::monitor::PrintingSink;
using pgring::topology::Server;
using pgring::topology::Topology;

struct Arguments {
    std::int64_t period_ms = 500;
    std::int64_t timeout_ms = 500;
    std::uint32_t retries = 3;
    std::string user = "postgres";
    std::int64_t seconds = 60;
    std::vector<std::string> servers{};
};

MonitorOptions make_options(const Arguments& arguments) {
    MonitorOptions options;
    options.user = arguments.user;
    options.probe_period = std::chrono::milliseconds(arguments.period_ms);
    options.probe_timeout = std::chrono::milliseconds(arguments.timeout_ms);
    options.misses_max = arguments.retries;
    for (const std::string& server : arguments.servers) {
        const std::size_t colon = server.rfind(':');
        const bool has_port = colon != std::string::npos;
        const int port = has_port ? std::stoi(server.substr(colon + 1)) : 5432;
        options.servers.push_back(
            {.name = server,
             .address = {.host = server.substr(0, colon), .port = static_cast<std::uint16_t>(port)}});
    }
    return options;
}

std::string describe(const Topology& topology) {
    std::string line = fmt::format("topology generation={} primary={}", topology.generation,
                                   topology.primary ? topology.server(*topology.primary).name : "none");
    for (const Server& server : topology.servers) {
        line += fmt::format(" | {} {} {} timeline={} lag={}", server.name, to_string(server.role),
                            to_string(server.health), server.timeline, server.lag_bytes);
    }
    return line;
}

}  // namespace

int main(int argument_count, char** argument_values) {
    Arguments arguments;
    CLI::App application("Watches PostgreSQL servers as pgring's health monitor does.");
    application.add_option("--period", arguments.period_ms, "milliseconds from probe to probe");
    application.add_option("--timeout", arguments.timeout_ms, "milliseconds that a probe may take");
    application.add_option("--retries", arguments.retries, "misses in a row after which a server is down");
    application.add_option("--user", arguments.user, "who probes");
    application.add_option("--seconds", arguments.seconds, "how long to watch");
    application.add_option("servers", arguments.servers, "HOST:PORT, or the directory of a unix socket")
        ->required();
    CLI11_PARSE(application, argument_count, argument_values);

    const MonitorOptions options = make_options(arguments);
    PrintingSink sink;
    pgring::topology::Publication publication(
        std::make_shared<const Topology>(pgring::topology::make_unknown_topology(options.servers)));
    const pgring::monitor::Monitor monitor(options, publication, sink,
                                           [&] { sink.print(describe(*publication.current())); });
    std::this_thread::sleep_for(std::chrono::seconds(arguments.seconds));
    return 0;
}
