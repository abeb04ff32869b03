/// Units that are sent to a backend before their session has it (units_ahead.h): which may be, and what the
/// server is sent.

#include "session/lone_read.h"
#include "session/session.h"
#include "wire/body_reader.h"
#include "wire/messages.h"

namespace pgring::session {

namespace {

/// Longer ones are not sent ahead: a server that is busy may not take them in.
constexpr std::size_t kUnitBytesMax = 4096;

/// It leaves nothing, and may run twice, or for nobody.
bool is_harmless(const sql::Traits& traits) {
    return traits.access == sql::Access::Read && traits.effects.empty() &&
           traits.control == sql::Control::None && traits.statements == sql::StatementCount::One;
}

}  // namespace

std::optional<LoneUnit> Session::lone_unit(Shared& shared) const {
    bool const plain = phase_ == Phase::Ready && !session_pooled() &&
                       held_.state() == HeldTransaction::State::None && !discarding_ &&
                       body_rest_bytes_ == 0 && pins_.empty() && !owes_errand() && resets_.empty() &&
                       startup_return_ == nullptr && listening_ == nullptr && name_changes_ == nullptr;
    if (!plain || in.size_bytes() > kUnitBytesMax) {
        return std::nullopt;
    }
    return read_lone_unit(in.view(0, in.size_bytes(), shared.scratch));
}

LoneRead Session::judge_lone(Shared& shared, const LoneUnit& unit) const {
    if (unit.kind == LoneUnit::Kind::Named) {
        const SessionStatements::Named* const named = statements_.find(unit.name);
        bool const harmless = named != nullptr && is_harmless(named->statement->traits);
        return {.shape = harmless ? named->statement->number : 0, .request_count = unit.request_count};
    }
    sql::Traits const traits = unit.kind == LoneUnit::Kind::Query && front_traits_.has_value()
                                   ? *front_traits_
                                   : shared.classifier.classify(unit.text, dialect_);
    bool const harmless = is_harmless(traits);
    return {.shape = harmless ? shared.classifier.shape_of(unit.text) : 0,
            .request_count = unit.request_count};
}

LoneRead Session::lone_read(Shared& shared) const {
    std::optional<LoneUnit> const unit = lone_unit(shared);
    return unit.has_value() ? judge_lone(shared, *unit) : LoneRead{};
}

bool Session::write_ahead(Shared& shared, const Backend& backend, UnitAhead& ahead) const {
    std::optional<LoneUnit> const unit = lone_unit(shared);
    LoneRead const read = unit.has_value() ? judge_lone(shared, *unit) : LoneRead{};
    if (read.shape == 0 || !fits(backend)) {
        return false;
    }
    std::string_view said = wire::as_text(in.view(0, in.size_bytes(), shared.scratch));
    ahead.bytes.clear();
    if (unit->kind == LoneUnit::Kind::Named) {
        const SessionStatements::Named& named = *statements_.find(unit->name);
        // What else it needs there is done when it has the backend.
        bool const ready =
            backend.statements.has(*named.statement) &&
            (unit->described || named.shape == kNoShape || backend.statements.agrees_on_rows(named));
        if (!ready) {
            return false;
        }
        std::size_t const portal_bytes = 1;
        std::size_t const replaced = wire::kHeaderBytes + portal_bytes + unit->name.size() + 1;
        wire::Header const bind = wire::frame(in.view(0, wire::kHeaderBytes, shared.scratch)).header;
        std::array<char, 32> name{};
        std::array<std::byte, 64> head{};
        wire::MessageWriter writer(head);
        writer.begin(wire::FrontendType::Bind).string("").string(server_name(named.statement->number, name));
        writer.end(bind.message_bytes() - replaced);
        ahead.bytes.append(wire::as_text(writer.written()));
        said.remove_prefix(replaced);
    }
    ahead.bytes.append(said);
    ahead.session = id_;
    ahead.ticket = waiter.ticket;
    ahead.shape = read.shape;
    ahead.input_bytes = in.size_bytes();
    ahead.requests = unit->requests;
    ahead.request_count = unit->request_count;
    ahead.replaces_unnamed = unit->kind != LoneUnit::Kind::Named;
    return true;
}

}  // namespace pgring::session
