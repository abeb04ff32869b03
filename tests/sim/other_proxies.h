#pragma once
/// The other pgrings that the workers were told of. They are asked to cancel what nobody here knows, by keys
/// of clients that are led astray, and say nothing; some take no connections, some never come to an end.

#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/random.h"
#include "sim/auditor.h"
#include "sim/network.h"
#include "sim/peer.h"

namespace pgring::sim {

class OtherProxies {
  public:
    OtherProxies(base::Prng& prng, Network& network, const Auditor& auditor)
        : prng_(prng), network_(network), auditor_(auditor) {}

    /// A worker's connection arrives; nullptr where it is refused.
    [[nodiscard]] Peer* accept(Link& link);
    /// One of them asks the workers to cancel what has this key: that must end there.
    void asks(std::uint32_t process_id, std::string_view secret) { asked_for_.emplace(process_id, secret); }

  private:
    class Ear final : public Peer {
      public:
        Ear(OtherProxies& proxies, Link& link) : proxies_(proxies), link_(&link) {}
        void heard(std::string_view bytes) override;
        void closed() override { link_ = nullptr; }

      private:
        OtherProxies& proxies_;
        Link* link_;
        std::string packet_;
    };

    void on_packet(std::string_view packet) const;

    base::Prng& prng_;
    Network& network_;
    const Auditor& auditor_;
    std::deque<Ear> ears_;
    std::set<std::pair<std::uint32_t, std::string>> asked_for_;
};

}  // namespace pgring::sim
