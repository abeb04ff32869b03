/// A session's names for prepared statements by SQL, made known at a server where its statements mention them
/// (docs/decisions/0014).

#include <algorithm>
#include <array>

#include "session/backend.h"
#include "sql/prepared_step.h"
#include "wire/body_reader.h"
#include "wire/framing.h"
#include "wire/message_writer.h"

namespace pgring::session {

namespace {

/// A message with a name of PostgreSQL's in it (63 bytes) is shorter.
constexpr std::size_t kHeadBytes = 128;

}  // namespace

bool Backend::carry(Shared& shared, std::string_view name, const Statement* statement) {
    if (statement != nullptr && names.stands_for(name, *statement)) {
        names.use(name, unit);
        return true;
    }
    if (names.has(name) && !close_name(name)) {
        return false;
    }
    if (statement == nullptr) {
        return true;
    }
    std::size_t const limit = std::max<std::size_t>(shared.settings.pgring.max_prepared_statements, 1);
    while (std::optional<std::string> const surplus = names.surplus(limit, unit)) {
        if (!close_name(*surplus)) {
            return false;
        }
    }
    std::array<std::byte, kHeadBytes> head{};
    wire::MessageWriter writer(head);
    writer.begin(wire::FrontendType::Parse).string(name).end(statement->parse_body().size());
    ASSERT(writer.ok());
    if (!out.push_copy(writer.written()) ||
        !out.push_copy(std::as_bytes(std::span(statement->parse_body())))) {
        return false;
    }
    pipeline.expect({.request = Request::Parse,
                     .audience = Audience::Errand,
                     .purpose = Purpose::CarryName,
                     .statement = names.add(name, *statement, unit, BackendNames::Made::Carried)});
    shared.stats.statements_prepared_again.add();
    return true;
}

/// Prepares it anew under the name that the Query to be sent again executes.
bool Backend::carry_again(Shared& shared, const Statement& statement) {
    wire::BodyReader reader(replay.bytes().subspan(wire::kHeaderBytes));
    std::string_view const name = sql::executed_name(reader.string());
    ASSERT(!name.empty());
    std::array<std::byte, 8> memory{};
    wire::MessageWriter writer(memory);
    writer.begin(wire::FrontendType::Sync).end();
    if (!carry(shared, name, &statement) || !out.push_copy(writer.written())) {
        return false;
    }
    pipeline.expect({.request = Request::Sync, .audience = Audience::Errand});
    ++unit;
    return true;
}

bool Backend::close_name(std::string_view name) {
    std::array<std::byte, kHeadBytes> memory{};
    wire::MessageWriter writer(memory);
    writer.begin(wire::FrontendType::Close).byte('S').string(name).end();
    ASSERT(writer.ok());
    if (!out.push_copy(writer.written())) {
        return false;
    }
    pipeline.expect({.request = Request::Close,
                     .audience = Audience::Errand,
                     .purpose = Purpose::CarryName,
                     .statement = names.remove(name)});
    return true;
}

bool Backend::await_names(Errand errand, Amid amid) {
    ASSERT(pending_errand_ == Errand::None);
    std::array<std::byte, 8> memory{};
    wire::MessageWriter writer(memory);
    writer.begin(amid == Amid::Unit ? wire::FrontendType::Flush : wire::FrontendType::Sync).end();
    if (!out.push_copy(writer.written())) {
        return false;
    }
    if (amid == Amid::Nothing) {
        pipeline.expect(
            {.request = Request::Sync, .audience = Audience::Errand, .purpose = Purpose::ErrandAwaited});
        ++unit;
    }
    pending_errand_ = errand;
    errand_failed_ = false;
    errand_row_.clear();
    return true;
}

}  // namespace pgring::session
