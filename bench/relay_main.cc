/// The command line of the relay, an instrument for measuring (relay.h).

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "command_line.h"
#include "config/settings.h"
#include "relay.h"
#include "uring/ring.h"
#include "uring/sockets.h"

namespace {

using namespace pgring;

std::expected<void, std::string> run(std::uint16_t listen_port, std::string_view server_text) {
    bench::raise_descriptor_limit();  // Each client is two.
    config::PgringSettings settings;
    settings.listen_addr = {"127.0.0.1"};
    settings.listen_port = listen_port;
    auto const address = bench::parse_address(server_text);
    if (!address.has_value()) {
        return std::unexpected(address.error());
    }
    auto const server = uring::resolve(*address);
    if (!server.has_value()) {
        return std::unexpected(server.error());
    }
    auto const listeners = uring::listen_tcp(settings, uring::Sharing::Alone);
    if (!listeners.has_value()) {
        return std::unexpected(listeners.error());
    }
    auto const ring = uring::Ring::create(config::RingMode::Auto, settings.receive_buffers);
    if (!ring.has_value()) {
        return std::unexpected(ring.error());
    }
    if ((*ring)->features().receive != uring::Receive::Multishot) {
        return std::unexpected("this kernel has no multishot receive; the relay measures nothing else");
    }
    uring::Descriptor const stop = bench::stop_signals();
    bench::Relay relay({.ring = **ring,
                        .listener = listeners->front(),
                        .server = *server,
                        .settings = settings,
                        .stop = stop.get()});
    return relay.run();
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "A blind TCP relay on pgring's engine: an instrument for measuring, no proxy to use.\n"
        "Each client gets a connection of its own to the server. SIGINT ends it."};
    std::uint16_t listen_port = 0;
    std::string server;
    app.add_option("--listen", listen_port, "Port of 127.0.0.1 to listen on")
        ->required()
        ->type_name("PORT")
        ->check(CLI::Range(1, 65535));
    app.add_option("--connect", server, "The server")->required()->type_name("HOST:PORT");
    CLI11_PARSE(app, argc, argv);
    if (auto const done = run(listen_port, server); !done.has_value()) {
        fmt::print(stderr, "relay: {}\n", done.error());
        return 1;
    }
    return 0;
}
