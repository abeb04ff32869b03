#include "monitor/resolution.h"

#include <array>
#include <csignal>
#include <string>

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

namespace pgring::monitor {

struct Resolution::Request {
    std::string host;
    addrinfo hints{};
    gaicb look_up{};
    /// EAI_ALLDONE or the like where the request was not even taken.
    int refused = 0;
};

Resolution::Resolution(const std::string& host) : request_(std::make_unique<Request>()) {
    request_->host = host;
    request_->hints.ai_socktype = SOCK_STREAM;
    request_->look_up.ar_name = request_->host.c_str();
    request_->look_up.ar_request = &request_->hints;
    gaicb* list = &request_->look_up;
    sigevent silent{};
    silent.sigev_notify = SIGEV_NONE;
    request_->refused = getaddrinfo_a(GAI_NOWAIT, &list, 1, &silent);
}

Resolution::~Resolution() {
    if (request_->refused == 0 && gai_error(&request_->look_up) == EAI_INPROGRESS &&
        gai_cancel(&request_->look_up) == EAI_NOTCANCELED &&
        gai_error(&request_->look_up) == EAI_INPROGRESS) {
        // A thread of glibc's is in the middle of it and will write here when the name server answers or
        // times out.
        static_cast<void>(request_.release());
        return;
    }
    if (request_->look_up.ar_result != nullptr) {
        freeaddrinfo(request_->look_up.ar_result);
    }
}

std::optional<Resolution::Outcome> Resolution::outcome() const {
    const int state = request_->refused != 0 ? request_->refused : gai_error(&request_->look_up);
    if (state == EAI_INPROGRESS) {
        return std::nullopt;
    }
    if (state != 0) {
        return std::unexpected(request_->host + ": " + gai_strerror(state));
    }
    std::vector<std::string> addresses;
    for (const addrinfo* each = request_->look_up.ar_result;
         each != nullptr && addresses.size() < kAddressesMax; each = each->ai_next) {
        std::array<char, NI_MAXHOST> text{};
        if (getnameinfo(each->ai_addr, each->ai_addrlen, text.data(), text.size(), nullptr, 0,
                        NI_NUMERICHOST) == 0) {
            addresses.emplace_back(text.data());
        }
    }
    if (addresses.empty()) {
        return std::unexpected(request_->host + ": no address");
    }
    return addresses;
}

bool is_numeric_address(const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> ignored{};
    return inet_pton(AF_INET, host.c_str(), ignored.data()) == 1 ||
           inet_pton(AF_INET6, host.c_str(), ignored.data()) == 1;
}

}  // namespace pgring::monitor
