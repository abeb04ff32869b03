#include "instant_session.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/contract.h"
#include "wire/body_reader.h"
#include "wire/framing.h"
#include "wire/messages.h"

namespace pgring::bench {

namespace {

using wire::BackendType;
using wire::FrontendType;
using wire::MessageWriter;
using wire::TransactionStatus;

using Kind = InstantStatement::Kind;

constexpr std::uint32_t kInt4 = 23;
constexpr std::uint32_t kText = 25;
constexpr std::uint32_t kNull = 0xffffffffU;
/// Enough for any answer but rows of COPY.
constexpr std::size_t kAnswerBytes = 4096;

/// What a server of version 15 reports at login, and whenever one of them is set.
constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kReported = {{
    {"application_name", ""},
    {"client_encoding", "UTF8"},
    {"DateStyle", "ISO, MDY"},
    {"default_transaction_read_only", "off"},
    {"in_hot_standby", "off"},
    {"integer_datetimes", "on"},
    {"IntervalStyle", "postgres"},
    {"is_superuser", "off"},
    {"server_encoding", "UTF8"},
    {"server_version", "15.0"},
    {"session_authorization", "bench"},
    {"standard_conforming_strings", "on"},
    {"TimeZone", "Etc/UTC"},
}};

/// Appends what `write` writes.
template <class Write>
void append(InstantSession::Output& output, Write write) {
    std::array<std::byte, kAnswerBytes> memory;
    MessageWriter writer(memory);
    write(writer);
    ASSERT(writer.ok());
    auto const written = writer.written();
    output.insert(output.end(), written.begin(), written.end());
}

void append_empty(InstantSession::Output& output, BackendType type) {
    append(output, [type](MessageWriter& writer) { writer.begin(type).end(); });
}

void write_column(MessageWriter& writer, std::string_view name, std::uint32_t type) {
    writer.string(name).u32(0).u16(0).u32(type).u16(type == kInt4 ? 4 : 0xffffU).u32(kNull).u16(0);
}

/// The columns of what returns a row.
void write_description(MessageWriter& writer, const InstantStatement& statement) {
    writer.begin(BackendType::RowDescription);
    if (statement.kind == Kind::Probe) {
        writer.u16(5);
        for (std::string_view const name :
             {"in_recovery", "timeline", "system_identifier", "lsn", "received"}) {
            write_column(writer, name, kText);
        }
    } else {
        writer.u16(1);
        write_column(writer, "abalance", statement.text == "1" ? kInt4 : kText);
    }
    writer.end();
}

void write_row(MessageWriter& writer, const InstantStatement& statement) {
    auto const value = [&writer](std::string_view text) {
        writer.u32(static_cast<std::uint32_t>(text.size())).raw(text);
    };
    writer.begin(BackendType::DataRow);
    if (statement.kind == Kind::Probe) {
        // A primary on the first timeline; a position received is a standby's.
        writer.u16(5);
        for (std::string_view const column : {"0", "1", "7300000000000000001", "50331648"}) {
            value(column);
        }
        writer.u32(kNull);
    } else {
        writer.u16(1);
        value(statement.text);
    }
    writer.end();
}

void write_copy_response(MessageWriter& writer, BackendType type) {
    constexpr char kTextFormat = 0;
    writer.begin(type).byte(kTextFormat).u16(1).u16(0).end();
}

}  // namespace

const std::vector<std::byte>& copy_rows() {
    static const std::vector<std::byte> rows = [] {
        constexpr std::size_t kRows = 256;
        std::vector<std::byte> memory(kRows * (wire::kHeaderBytes + kCopyRowBytes));
        MessageWriter writer(memory);
        std::string const row = std::string(kCopyRowBytes - 1, 'x') + '\n';
        for (std::size_t i = 0; i < kRows; ++i) {
            writer.begin(BackendType::CopyData).raw(row).end();
        }
        ASSERT(writer.ok() && writer.written().size() == memory.size());
        return memory;
    }();
    return rows;
}

std::size_t InstantSession::receive(std::span<const std::byte> input, Output& output) {
    std::size_t used = 0;
    while (state_ != State::Ended && state_ != State::CopyOut) {
        std::span<const std::byte> const rest = input.subspan(used);
        if (skip_bytes_ > 0) {
            std::size_t const skipped = std::min<std::uint64_t>(skip_bytes_, rest.size());
            skip_bytes_ -= skipped;
            used += skipped;
            if (skip_bytes_ > 0) {
                break;
            }
            continue;
        }
        if (state_ == State::Startup) {
            std::size_t const startup_bytes = receive_startup(rest, output);
            if (startup_bytes == 0) {
                break;
            }
            used += startup_bytes;
            continue;
        }
        wire::Framed const framed = wire::frame(rest);
        if (framed.state == wire::Framed::State::Broken) {
            state_ = State::Ended;
            break;
        }
        if (framed.state == wire::Framed::State::NeedMore) {
            break;
        }
        if (framed.header.type == static_cast<char>(FrontendType::CopyData)) {
            used += wire::kHeaderBytes;
            skip_bytes_ = framed.header.body_bytes;
            copied_bytes_ += skip_bytes_;
            continue;
        }
        if (rest.size() < framed.header.message_bytes()) {
            break;
        }
        used += framed.header.message_bytes();
        receive_message(framed.header, rest.subspan(wire::kHeaderBytes, framed.header.body_bytes), output);
    }
    return used;
}

void InstantSession::streamed(Output& output) {
    ASSERT(state_ == State::CopyOut);
    append_empty(output, BackendType::CopyDone);
    complete(fmt::format("COPY {}", std::exchange(rows_to_stream_, 0)), output);
    state_ = State::Ready;
    if (copy_protocol_ == Protocol::Simple) {
        ready(output);
    }
}

// -- Login --

std::size_t InstantSession::receive_startup(std::span<const std::byte> input, Output& output) {
    constexpr std::size_t kPrefixBytes = 8;
    constexpr std::uint32_t kStartupBytesMax = 10000;
    if (input.size() < kPrefixBytes) {
        return 0;
    }
    std::uint32_t const length = wire::load_u32(input.data());
    std::uint32_t const code = wire::load_u32(input.data() + 4);
    if (length < kPrefixBytes || length > kStartupBytesMax) {
        state_ = State::Ended;
        return input.size();
    }
    if (input.size() < length) {
        return 0;
    }
    if (code == wire::kSslRequestCode || code == wire::kGssEncRequestCode) {
        output.push_back(static_cast<std::byte>('N'));
    } else if (code == wire::kProtocol3_0) {
        welcome(input.subspan(kPrefixBytes, length - kPrefixBytes), output);
    } else {
        // A CancelRequest comes too late for whatever it is meant, and newer protocols are not spoken.
        state_ = State::Ended;
    }
    return length;
}

void InstantSession::welcome(std::span<const std::byte> parameters, Output& output) {
    auto const wanted = wire::read_startup_parameters(parameters);
    if (!wanted.has_value()) {
        state_ = State::Ended;
        return;
    }
    append(output, [&](MessageWriter& writer) {
        writer.begin(BackendType::Authentication).u32(0).end();
        for (auto const& [name, preset] : kReported) {
            auto const same = [&name](const wire::StartupParameter& one) { return one.name == name; };
            auto const found = std::ranges::find_if(*wanted, same);
            wire::write_parameter_status(writer, name, found == wanted->end() ? preset : found->value);
        }
        writer.begin(BackendType::BackendKeyData).u32(process_id_).u32(process_id_).end();
    });
    state_ = State::Ready;
    ready(output);
}

// -- Messages --

void InstantSession::receive_message(wire::Header header, std::span<const std::byte> body, Output& output) {
    auto const type = static_cast<FrontendType>(header.type);
    if (type == FrontendType::Terminate) {
        state_ = State::Ended;
        return;
    }
    if (state_ == State::CopyIn) {
        receive_copy_message(header, output);
        return;
    }
    if (type == FrontendType::Sync) {
        skips_until_sync_ = false;
        ready(output);
        return;
    }
    if (skips_until_sync_) {
        return;
    }
    switch (type) {
        case FrontendType::Query: {
            wire::BodyReader reader(body);
            query(reader.string(), output);
            break;
        }
        case FrontendType::Parse:
            parse(body, output);
            break;
        case FrontendType::Bind:
            bind(body, output);
            break;
        case FrontendType::Describe:
            describe(body, output);
            break;
        case FrontendType::Execute:
            execute_portal(body, output);
            break;
        case FrontendType::Close:
            close(body, output);
            break;
        case FrontendType::Flush:  // Answers never wait.
        case FrontendType::CopyData:
        case FrontendType::CopyDone:  // Late, behind an error.
        case FrontendType::CopyFail:
            break;
        case FrontendType::FunctionCall:
        case FrontendType::PasswordMessage:
        case FrontendType::Sync:
        case FrontendType::Terminate:
            state_ = State::Ended;
    }
}

void InstantSession::receive_copy_message(wire::Header header, Output& output) {
    auto const type = static_cast<FrontendType>(header.type);
    if (type != FrontendType::CopyDone && type != FrontendType::CopyFail) {
        return;
    }
    state_ = State::Ready;
    if (type == FrontendType::CopyFail) {
        fail("57014", "COPY from stdin failed", output);
        skips_until_sync_ = copy_protocol_ == Protocol::Extended;
    } else {
        complete(fmt::format("COPY {}", copied_bytes_ / kCopyRowBytes), output);
    }
    if (copy_protocol_ == Protocol::Simple) {
        ready(output);
    }
}

void InstantSession::query(std::string_view text, Output& output) {
    auto const statements = split_statements(text);
    if (statements.empty()) {
        append_empty(output, BackendType::EmptyQueryResponse);
    }
    for (std::string_view const one : statements) {
        InstantStatement const statement = understand(one);
        if (statement.returns_row()) {
            append(output, [&](MessageWriter& writer) { write_description(writer, statement); });
        }
        execute(statement, Protocol::Simple, output);
        if (state_ != State::Ready) {
            return;
        }
    }
    ready(output);
}

void InstantSession::parse(std::span<const std::byte> body, Output& output) {
    wire::BodyReader reader(body);
    std::string_view const name = reader.string();
    std::string_view const text = reader.string();
    if (!name.empty() && statements_.contains(name)) {
        fail("42P05", "prepared statement already exists", output);
        skips_until_sync_ = true;
        return;
    }
    statements_[std::string(name)] = understand(text);
    append_empty(output, BackendType::ParseComplete);
}

void InstantSession::bind(std::span<const std::byte> body, Output& output) {
    wire::BodyReader reader(body);
    std::string_view const portal = reader.string();
    std::string_view const name = reader.string();
    auto const found = statements_.find(name);
    if (found == statements_.end()) {
        fail("26000", "prepared statement does not exist", output);
        skips_until_sync_ = true;
        return;
    }
    portals_[std::string(portal)] = found->second;
    append_empty(output, BackendType::BindComplete);
}

void InstantSession::describe(std::span<const std::byte> body, Output& output) {
    wire::BodyReader reader(body);
    bool const of_statement = reader.byte() == 'S';
    auto const& all = of_statement ? statements_ : portals_;
    auto const found = all.find(reader.string());
    if (found == all.end()) {
        fail(of_statement ? "26000" : "34000", "what to describe does not exist", output);
        skips_until_sync_ = true;
        return;
    }
    append(output, [&](MessageWriter& writer) {
        if (of_statement) {
            writer.begin(BackendType::ParameterDescription).u16(found->second.parameter_count);
            for (unsigned i = 0; i < found->second.parameter_count && i < 256; ++i) {
                writer.u32(kInt4);
            }
            writer.end();
        }
        if (found->second.returns_row()) {
            write_description(writer, found->second);
        } else {
            writer.begin(BackendType::NoData).end();
        }
    });
}

void InstantSession::execute_portal(std::span<const std::byte> body, Output& output) {
    wire::BodyReader reader(body);
    auto const found = portals_.find(reader.string());
    if (found == portals_.end()) {
        fail("34000", "portal does not exist", output);
        skips_until_sync_ = true;
        return;
    }
    execute(found->second, Protocol::Extended, output);
}

void InstantSession::close(std::span<const std::byte> body, Output& output) {
    wire::BodyReader reader(body);
    auto& all = reader.byte() == 'S' ? statements_ : portals_;
    if (auto const found = all.find(reader.string()); found != all.end()) {
        all.erase(found);
    }
    append_empty(output, BackendType::CloseComplete);
}

// -- Answers --

void InstantSession::execute(const InstantStatement& statement, Protocol protocol, Output& output) {
    switch (statement.kind) {
        case Kind::Row:
        case Kind::Probe:
            append(output, [&](MessageWriter& writer) { write_row(writer, statement); });
            complete("SELECT 1", output);
            return;
        case Kind::Begin:
            status_ = TransactionStatus::InTransaction;
            complete(statement.text, output);
            return;
        case Kind::Commit:
        case Kind::Rollback: {
            bool const undone =
                std::exchange(status_, TransactionStatus::Idle) == TransactionStatus::InFailedTransaction;
            complete(undone ? "ROLLBACK" : std::string_view(statement.text), output);
            return;
        }
        case Kind::Set:
            for (auto const& [name, preset] : kReported) {
                if (name == statement.name) {
                    append(output, [&](MessageWriter& writer) {
                        wire::write_parameter_status(writer, name, statement.text);
                    });
                }
            }
            complete("SET", output);
            return;
        case Kind::Command:
            // Poolers reset a connection between two clients, who may use the same names.
            if (statement.text == "DISCARD ALL") {
                statements_.clear();
            }
            complete(statement.text, output);
            return;
        case Kind::CopyOut:
            append(output,
                   [](MessageWriter& writer) { write_copy_response(writer, BackendType::CopyOutResponse); });
            copy_protocol_ = protocol;
            rows_to_stream_ = statement.row_count;
            state_ = State::CopyOut;
            return;
        case Kind::CopyIn:
            append(output,
                   [](MessageWriter& writer) { write_copy_response(writer, BackendType::CopyInResponse); });
            copy_protocol_ = protocol;
            copied_bytes_ = 0;
            state_ = State::CopyIn;
            return;
        case Kind::Empty:
            append_empty(output, BackendType::EmptyQueryResponse);
    }
}

void InstantSession::complete(std::string_view tag, Output& output) const {
    append(output, [tag](MessageWriter& writer) { wire::write_command_complete(writer, tag); });
}

void InstantSession::ready(Output& output) const {
    append(output, [this](MessageWriter& writer) { wire::write_ready_for_query(writer, status_); });
}

void InstantSession::fail(std::string_view sqlstate, std::string_view message, Output& output) {
    append(output, [&](MessageWriter& writer) {
        wire::write_error(writer, {.sqlstate = sqlstate, .message = message});
    });
    if (status_ == TransactionStatus::InTransaction) {
        status_ = TransactionStatus::InFailedTransaction;
    }
}

}  // namespace pgring::bench
