#include "session/lone_read.h"

#include "session/unit_reader.h"

namespace pgring::session {

namespace {

/// A unit as far as it has been read.
struct Reading {
    UnitReader reader;
    LoneUnit unit{};

    /// The body of the next message where it is of this type; it is one of the unit's then.
    [[nodiscard]] std::optional<wire::BodyReader> take(wire::FrontendType type, Request request) {
        std::optional<wire::BodyReader> const body = reader.take(type);
        if (body.has_value()) {
            unit.requests[unit.request_count++] = request;
        }
        return body;
    }
};

/// What follows the Parse, if there is one. Only the unnamed portal is gone for sure when the unit is over.
bool read_from_bind(Reading& reading) {
    std::optional<wire::BodyReader> bind = reading.take(wire::FrontendType::Bind, Request::Bind);
    if (!bind.has_value() || !bind->string().empty()) {
        return false;
    }
    reading.unit.name = bind->string();
    bool const named = reading.unit.kind == LoneUnit::Kind::Named;
    if (!bind->ok() || named == reading.unit.name.empty()) {
        return false;
    }
    if (std::optional<wire::BodyReader> describe =
            reading.take(wire::FrontendType::Describe, Request::Describe)) {
        reading.unit.described = true;
        if (describe->byte() != 'P' || !describe->string().empty()) {
            return false;
        }
    }
    constexpr std::uint32_t kAllRows = 0;
    std::optional<wire::BodyReader> execute = reading.take(wire::FrontendType::Execute, Request::Execute);
    return execute.has_value() && execute->string().empty() && execute->u32() == kAllRows && execute->ok() &&
           reading.take(wire::FrontendType::Sync, Request::Sync).has_value();
}

}  // namespace

std::optional<LoneUnit> read_lone_unit(std::span<const std::byte> bytes) {
    Reading reading{.reader = UnitReader(bytes)};
    LoneUnit& unit = reading.unit;
    bool read = false;
    if (std::optional<wire::BodyReader> query = reading.take(wire::FrontendType::Query, Request::Query)) {
        unit.kind = LoneUnit::Kind::Query;
        unit.text = query->string();
        read = query->ok() && query->at_end();
    } else if (std::optional<wire::BodyReader> parse =
                   reading.take(wire::FrontendType::Parse, Request::Parse)) {
        unit.kind = LoneUnit::Kind::Unnamed;
        bool const unnamed = parse->string().empty();
        unit.text = parse->string();
        read = unnamed && parse->ok() && read_from_bind(reading);
    } else {
        unit.kind = LoneUnit::Kind::Named;
        read = read_from_bind(reading);
    }
    return read && reading.reader.at_end() ? std::optional(unit) : std::nullopt;
}

}  // namespace pgring::session
