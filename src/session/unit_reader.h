#pragma once
/// Reads the messages of a unit that lies in one piece.

#include <cstddef>
#include <optional>
#include <span>

#include "wire/body_reader.h"
#include "wire/framing.h"
#include "wire/protocol.h"

namespace pgring::session {

/// Takes messages off the front of bytes that may end anywhere.
class UnitReader {
  public:
    explicit UnitReader(std::span<const std::byte> bytes) : rest_(bytes) {}

    /// The body of the next message where it is of this type and whole.
    [[nodiscard]] std::optional<wire::BodyReader> take(wire::FrontendType type) {
        wire::Framed const framed = wire::frame(rest_);
        if (framed.state != wire::Framed::State::Complete || framed.header.type != static_cast<char>(type) ||
            framed.header.message_bytes() > rest_.size()) {
            return std::nullopt;
        }
        wire::BodyReader const body(rest_.subspan(wire::kHeaderBytes, framed.header.body_bytes));
        rest_ = rest_.subspan(framed.header.message_bytes());
        return body;
    }
    [[nodiscard]] bool at_end() const { return rest_.empty(); }
    [[nodiscard]] std::size_t rest_bytes() const { return rest_.size(); }

  private:
    std::span<const std::byte> rest_;
};

}  // namespace pgring::session
