#include "monitor/resolution.h"

#include <array>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

namespace pgring::monitor {

namespace {

struct AddressListFreer {
    void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

Resolution::Outcome look_up(const std::string& host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found);
    if (error != 0) {
        return std::unexpected(host + ": " + gai_strerror(error));
    }
    const std::unique_ptr<addrinfo, AddressListFreer> list(found);
    std::vector<std::string> addresses;
    for (const addrinfo* each = list.get(); each != nullptr && addresses.size() < Resolution::kAddressesMax;
         each = each->ai_next) {
        std::array<char, NI_MAXHOST> text{};
        if (getnameinfo(each->ai_addr, each->ai_addrlen, text.data(), text.size(), nullptr, 0,
                        NI_NUMERICHOST) == 0) {
            addresses.emplace_back(text.data());
        }
    }
    if (addresses.empty()) {
        return std::unexpected(host + ": no address");
    }
    return addresses;
}

}  // namespace

struct Resolution::Answer {
    std::mutex mutex;
    std::optional<Outcome> outcome;
};

Resolution::Resolution(const std::string& host) : answer_(std::make_shared<Answer>()) {
    try {
        std::thread([host, answer = answer_] {
            Outcome outcome = look_up(host);
            const std::scoped_lock lock(answer->mutex);
            answer->outcome = std::move(outcome);
        }).detach();
    } catch (const std::system_error& error) {
        answer_->outcome = std::unexpected(host + ": " + error.what());
    }
}

std::optional<Resolution::Outcome> Resolution::outcome() const {
    const std::scoped_lock lock(answer_->mutex);
    return answer_->outcome;
}

bool is_numeric_address(const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> ignored{};
    return inet_pton(AF_INET, host.c_str(), ignored.data()) == 1 ||
           inet_pton(AF_INET6, host.c_str(), ignored.data()) == 1;
}

}  // namespace pgring::monitor
