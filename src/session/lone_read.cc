#include "session/lone_read.h"

#include <algorithm>

#include "wire/body_reader.h"
#include "wire/framing.h"

namespace pgring::session {

namespace {

/// Takes message after message from the front.
class Reader {
  public:
    explicit Reader(std::span<const std::byte> bytes) : rest_(bytes) {}

    /// Whether a message of this type is next; its body can be read then.
    bool take(wire::FrontendType type, Request request) {
        std::size_t const head_bytes = std::min<std::size_t>(rest_.size(), wire::kHeaderBytes);
        wire::Framed const framed = wire::frame(rest_.first(head_bytes));
        if (framed.state != wire::Framed::State::Complete || framed.header.type != static_cast<char>(type) ||
            rest_.size() < framed.header.message_bytes()) {
            return false;
        }
        body = wire::BodyReader(rest_.subspan(wire::kHeaderBytes, framed.header.body_bytes));
        rest_ = rest_.subspan(framed.header.message_bytes());
        unit.requests[unit.request_count++] = request;
        return true;
    }
    [[nodiscard]] bool at_end() const { return rest_.empty(); }

    wire::BodyReader body{{}};
    LoneUnit unit;

  private:
    std::span<const std::byte> rest_;
};

/// What follows the Parse, if there is one. Only the unnamed portal is gone for sure when the unit is over.
bool read_from_bind(Reader& reader) {
    if (!reader.take(wire::FrontendType::Bind, Request::Bind) || !reader.body.string().empty()) {
        return false;
    }
    reader.unit.name = reader.body.string();
    bool const named = reader.unit.kind == LoneUnit::Kind::Named;
    if (!reader.body.ok() || named == reader.unit.name.empty()) {
        return false;
    }
    if (reader.take(wire::FrontendType::Describe, Request::Describe)) {
        reader.unit.described = true;
        if (reader.body.byte() != 'P' || !reader.body.string().empty()) {
            return false;
        }
    }
    constexpr std::uint32_t kAllRows = 0;
    return reader.take(wire::FrontendType::Execute, Request::Execute) && reader.body.string().empty() &&
           reader.body.u32() == kAllRows && reader.body.ok() &&
           reader.take(wire::FrontendType::Sync, Request::Sync);
}

}  // namespace

std::optional<LoneUnit> read_lone_unit(std::span<const std::byte> bytes) {
    Reader reader(bytes);
    bool read = false;
    if (reader.take(wire::FrontendType::Query, Request::Query)) {
        reader.unit.kind = LoneUnit::Kind::Query;
        reader.unit.text = reader.body.string();
        read = reader.body.ok() && reader.body.at_end();
    } else if (reader.take(wire::FrontendType::Parse, Request::Parse)) {
        reader.unit.kind = LoneUnit::Kind::Unnamed;
        bool const unnamed = reader.body.string().empty();
        reader.unit.text = reader.body.string();
        read = unnamed && reader.body.ok() && read_from_bind(reader);
    } else {
        reader.unit.kind = LoneUnit::Kind::Named;
        read = read_from_bind(reader);
    }
    return read && reader.at_end() ? std::optional(reader.unit) : std::nullopt;
}

}  // namespace pgring::session
