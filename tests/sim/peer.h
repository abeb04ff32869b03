#pragma once
/// The far end of a connection of pgring's: a model client or a model server's process.

#include <string_view>

namespace pgring::sim {

class Peer {
  public:
    Peer() = default;
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    virtual ~Peer() = default;

    virtual void heard(std::string_view bytes) = 0;
    /// pgring closed the connection.
    virtual void closed() = 0;
};

}  // namespace pgring::sim
