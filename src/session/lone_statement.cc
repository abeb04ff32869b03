#include "session/lone_statement.h"

#include "session/unit_reader.h"
#include "wire/messages.h"

namespace pgring::session {

namespace {

/// Unnamed portal of the unnamed statement, no parameters. Formats of results do not matter where there are
/// none.
bool binds_unnamed(wire::BodyReader bind) {
    bool const unnamed = bind.string().empty() && bind.string().empty();
    std::uint16_t const format_count = bind.u16();
    static_cast<void>(bind.take(std::size_t{format_count} * 2));
    std::uint16_t const value_count = bind.u16();
    return bind.ok() && unnamed && value_count == 0;
}

}  // namespace

std::optional<LoneStatement> read_lone_statement(std::span<const std::byte> bytes) {
    UnitReader reader(bytes);
    std::optional<wire::BodyReader> parse = reader.take(wire::FrontendType::Parse);
    if (!parse.has_value() || !parse->string().empty() || !parse->ok()) {
        return std::nullopt;
    }
    LoneStatement statement;
    statement.parse_body = parse->rest();
    statement.text = parse->string();
    if (parse->u16() != 0 || !parse->ok() || !parse->at_end()) {
        return std::nullopt;
    }
    std::optional<wire::BodyReader> describe = reader.take(wire::FrontendType::Describe);
    if (describe.has_value()) {
        // JDBC describes the statement, libpq the portal.
        if (describe->byte() != 'S') {
            return std::nullopt;
        }
        statement.described = LoneStatement::Described::Statement;
    }
    std::optional<wire::BodyReader> const bind = reader.take(wire::FrontendType::Bind);
    if (!bind.has_value() || !binds_unnamed(*bind)) {
        return std::nullopt;
    }
    if (!describe.has_value()) {
        describe = reader.take(wire::FrontendType::Describe);
        if (describe.has_value()) {
            if (describe->byte() != 'P') {
                return std::nullopt;
            }
            statement.described = LoneStatement::Described::Portal;
        }
    }
    if (describe.has_value() && (!describe->string().empty() || !describe->ok())) {
        return std::nullopt;
    }
    std::optional<wire::BodyReader> execute = reader.take(wire::FrontendType::Execute);
    if (!execute.has_value() || !execute->string().empty() || !execute->ok() ||
        !reader.take(wire::FrontendType::Sync).has_value()) {
        return std::nullopt;
    }
    statement.size_bytes = bytes.size() - reader.rest_bytes();
    return statement;
}

void write_lone_answer(wire::MessageWriter& writer, const LoneStatement& statement, std::string_view tag) {
    writer.begin(wire::BackendType::ParseComplete).end();
    if (statement.described == LoneStatement::Described::Statement) {
        writer.begin(wire::BackendType::ParameterDescription).u16(0).end();
        writer.begin(wire::BackendType::NoData).end();
    }
    writer.begin(wire::BackendType::BindComplete).end();
    if (statement.described == LoneStatement::Described::Portal) {
        writer.begin(wire::BackendType::NoData).end();
    }
    wire::write_command_complete(writer, tag);
}

}  // namespace pgring::session
