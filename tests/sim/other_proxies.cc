#include "sim/other_proxies.h"

#include "conversation/messages.h"
#include "wire/protocol.h"

namespace pgring::sim {

using conversation::read_number;

Peer* OtherProxies::accept(Link& link) {
    return prng_.chance(10) ? nullptr : &ears_.emplace_back(*this, link);
}

void OtherProxies::Ear::heard(std::string_view bytes) {
    packet_ += bytes;
    if (packet_.size() < 4 || packet_.size() < read_number(packet_.substr(0, 4))) {
        return;
    }
    proxies_.on_packet(std::exchange(packet_, {}));
    bool const never_ends = proxies_.prng_.chance(10);
    if (!never_ends) {
        proxies_.network_.end(*std::exchange(link_, nullptr), Network::End::Orderly);
    }
}

void OtherProxies::on_packet(std::string_view packet) const {
    auditor_.require(read_number(packet.substr(0, 4)) == packet.size(),
                     "more than a CancelRequest was said to a peer");
    auditor_.require(read_number(packet.substr(4, 4)) == wire::kPeerCancelRequestCode,
                     "a peer was asked in a way that it would pass on");
    std::pair const key{read_number(packet.substr(8, 4)), std::string(packet.substr(12))};
    auditor_.require(!asked_for_.contains(key), "a peer was asked what a peer had asked");
}

}  // namespace pgring::sim
