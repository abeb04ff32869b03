#include "command_line.h"

#include <charconv>
#include <cstddef>
#include <system_error>

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

namespace pgring::bench {

std::expected<topology::Address, std::string> parse_address(std::string_view text) {
    topology::Address address;
    std::size_t const colon = text.rfind(':');
    if (colon != std::string_view::npos && colon > 0) {
        address.host = text.substr(0, colon);
        const char* const end = text.data() + text.size();
        auto const [rest, error] = std::from_chars(text.data() + colon + 1, end, address.port);
        if (error == std::errc{} && rest == end && address.port > 0) {
            return address;
        }
    }
    return std::unexpected(fmt::format("'{}' is no HOST:PORT", text));
}

uring::Descriptor stop_signals() {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGINT);
    ::sigaddset(&signals, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    return uring::Descriptor(::signalfd(-1, &signals, SFD_CLOEXEC));
}

void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));
    }
}

}  // namespace pgring::bench
