#include "session/unit_scout.h"

#include <algorithm>
#include <array>
#include <optional>

#include "wire/body_reader.h"
#include "wire/framing.h"

namespace pgring::session {

namespace {

class Scout {
  public:
    Scout(Shared& shared, const buffer::SliceQueue& in, const ScoutView& view)
        : shared_(shared),
          in_(in),
          view_(view),
          unnamed_(view.unnamed == nullptr ? std::nullopt : std::optional(*view.unnamed)) {}

    Scouted run() {
        for (std::size_t offset = 0; offset < kScoutBytesMax;) {
            std::array<std::byte, wire::kHeaderBytes> memory{};
            std::size_t const rest_bytes = in_.size_bytes() - offset;
            wire::Framed const framed =
                wire::frame(in_.view(offset, std::min<std::size_t>(rest_bytes, wire::kHeaderBytes), memory));
            if (framed.state == wire::Framed::State::NeedMore) {
                return Scouted::NeedMore;
            }
            if (framed.state == wire::Framed::State::Broken ||
                framed.header.message_bytes() > kWholeBytesMax) {
                return Scouted::Write;
            }
            if (rest_bytes < framed.header.message_bytes()) {
                return Scouted::NeedMore;
            }
            if (std::optional<Scouted> const verdict = judge(offset, framed.header)) {
                return *verdict;
            }
            offset += framed.header.message_bytes();
        }
        return Scouted::Write;
    }

  private:
    /// The verdict where this message decides; nothing where the next one has to be looked at.
    std::optional<Scouted> judge(std::size_t offset, wire::Header header) {
        std::array<std::byte, kWholeBytesMax> memory;
        wire::BodyReader reader(in_.view(offset + wire::kHeaderBytes, header.body_bytes, memory));
        switch (static_cast<wire::FrontendType>(header.type)) {
            case wire::FrontendType::Sync:
                return Scouted::Read;
            case wire::FrontendType::Parse: {
                std::string_view const name = reader.string();
                std::string_view const text = reader.string();
                sql::Traits const traits =
                    reader.ok() ? shared_.classifier.classify(text, view_.dialect) : sql::kUnjudged;
                if (name.empty()) {
                    unnamed_ = traits;
                }
                return verdict_of(traits);
            }
            case wire::FrontendType::Bind:
                static_cast<void>(reader.string());
                return verdict_of(reader.string());
            case wire::FrontendType::Describe:
                if (reader.byte() == 'S') {
                    return verdict_of(reader.string());
                }
                return std::nullopt;
            case wire::FrontendType::Execute:
            case wire::FrontendType::Close:
                return std::nullopt;
            case wire::FrontendType::Flush:
            case wire::FrontendType::CopyData:
            case wire::FrontendType::CopyDone:
            case wire::FrontendType::CopyFail:
            case wire::FrontendType::FunctionCall:
            case wire::FrontendType::PasswordMessage:
            case wire::FrontendType::Query:
            case wire::FrontendType::Terminate:
                return Scouted::Write;
        }
        return Scouted::Write;
    }

    static std::optional<Scouted> verdict_of(const sql::Traits& traits) {
        return standby_may_serve(traits) ? std::nullopt : std::optional(Scouted::Write);
    }
    std::optional<Scouted> verdict_of(std::string_view statement) {
        if (statement.empty()) {
            return unnamed_.has_value() ? verdict_of(*unnamed_) : std::optional(Scouted::Write);
        }
        const SessionStatements::Named* const known = view_.statements.find(statement);
        // A name that this very unit makes was judged at its Parse; any other unknown one is the primary's to
        // refuse.
        return known == nullptr ? std::nullopt : verdict_of(known->statement->traits);
    }

    Shared& shared_;
    const buffer::SliceQueue& in_;
    const ScoutView& view_;
    std::optional<sql::Traits> unnamed_;
};

}  // namespace

bool standby_may_serve(const sql::Traits& traits) {
    if (traits.hint != sql::Hint::None) {
        return traits.hint == sql::Hint::Standby;
    }
    return traits.access == sql::Access::Read && traits.effects.empty() &&
           (traits.control == sql::Control::None || traits.control == sql::Control::BeginReadOnly);
}

Scouted scout_unit(Shared& shared, const buffer::SliceQueue& in, const ScoutView& view) {
    return Scout(shared, in, view).run();
}

}  // namespace pgring::session
