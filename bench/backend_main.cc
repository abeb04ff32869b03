/// The command line of the instant server, an instrument for measuring (instant_server.h).

#include <cstdint>
#include <expected>
#include <iterator>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "command_line.h"
#include "config/settings.h"
#include "instant_server.h"
#include "uring/sockets.h"

namespace {

using namespace pgring;

std::expected<void, std::string> run(const config::PgringSettings& settings) {
    bench::raise_descriptor_limit();
    auto listeners = uring::listen_tcp(settings, uring::Sharing::Alone);
    if (!listeners.has_value()) {
        return std::unexpected(listeners.error());
    }
    auto local = uring::listen_unix(settings);
    if (!local.has_value()) {
        return std::unexpected(local.error());
    }
    std::ranges::move(*local, std::back_inserter(*listeners));
    uring::Descriptor const stop = bench::stop_signals();
    return bench::InstantServer(*listeners, stop.get()).run();
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "A PostgreSQL server that answers at once and knows nothing: an instrument for measuring.\n"
        "Everybody may log in; a SELECT returns one row, COPY ... generate_series(1, N) ... TO STDOUT N "
        "rows\n"
        "of 1 KiB, COPY FROM STDIN drops what it is sent. SIGINT ends it."};
    config::PgringSettings settings;
    settings.listen_addr = {"127.0.0.1"};
    std::uint16_t port = 0;
    app.add_option("--listen", port, "Port of 127.0.0.1 to listen on")
        ->required()
        ->type_name("PORT")
        ->check(CLI::Range(1, 65535));
    app.add_option("--unix-socket-dir", settings.unix_socket_dir,
                   "Folder of a unix socket to listen on besides")
        ->type_name("FOLDER");
    CLI11_PARSE(app, argc, argv);
    settings.listen_port = port;
    if (auto const done = run(settings); !done.has_value()) {
        fmt::print(stderr, "backend: {}\n", done.error());
        return 1;
    }
    return 0;
}
