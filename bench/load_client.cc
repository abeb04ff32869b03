#include "load_client.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/contract.h"
#include "instant_session.h"
#include "wire/framing.h"
#include "wire/messages.h"

namespace pgring::bench {

namespace {

using wire::BackendType;
using wire::FrontendType;
using wire::MessageWriter;

constexpr std::string_view kStatement = "select_by_key";
constexpr std::string_view kSelect = "SELECT abalance FROM pgbench_accounts WHERE aid = ";
/// Enough for any request but the rows of COPY.
constexpr std::size_t kRequestBytes = 4096;

template <class Write>
void append(std::vector<std::byte>& out, Write write) {
    std::array<std::byte, kRequestBytes> memory;
    MessageWriter writer(memory);
    write(writer);
    ASSERT(writer.ok());
    auto const written = writer.written();
    out.insert(out.end(), written.begin(), written.end());
}

void write_parse(MessageWriter& writer, std::string_view name) {
    writer.begin(FrontendType::Parse).string(name).raw(kSelect).string("$1;").u16(0).end();
}

void write_bind(MessageWriter& writer, std::string_view statement, std::string_view key) {
    writer.begin(FrontendType::Bind).string("").string(statement).u16(0).u16(1);
    writer.u32(static_cast<std::uint32_t>(key.size())).raw(key).u16(0).end();
}

void write_describe(MessageWriter& writer) {
    writer.begin(FrontendType::Describe).byte('P').string("").end();
}

void write_execute(MessageWriter& writer) {
    writer.begin(FrontendType::Execute).string("").u32(0).end();
}

void write_sync(MessageWriter& writer) {
    writer.begin(FrontendType::Sync).end();
}

std::string copy_statement(const LoadPlan& plan) {
    if (plan.mode == LoadMode::CopyIn) {
        return "COPY bench_copy FROM STDIN";
    }
    // Rows as copy_rows() has them; the instant server sends as many as the last number says.
    return fmt::format("COPY (SELECT repeat('x', {}) FROM generate_series(1, {})) TO STDOUT",
                       kCopyRowBytes - 1, plan.copy_bytes / kCopyRowBytes);
}

/// The rows are sent in messages of 8 KiB, as psql's are.
const std::vector<std::byte>& rows_to_copy_in() {
    static const std::vector<std::byte> rows = [] {
        constexpr std::size_t kMessages = 32;
        constexpr std::size_t kRowsInMessage = kCopyUnitBytes / kCopyRowBytes;
        std::string const row = std::string(kCopyRowBytes - 1, 'x') + '\n';
        std::vector<std::byte> memory(kMessages * (wire::kHeaderBytes + kRowsInMessage * kCopyRowBytes));
        MessageWriter writer(memory);
        for (std::size_t i = 0; i < kMessages; ++i) {
            writer.begin(FrontendType::CopyData);
            for (std::size_t k = 0; k < kRowsInMessage; ++k) {
                writer.raw(row);
            }
            writer.end();
        }
        ASSERT(writer.ok() && writer.written().size() == memory.size());
        return memory;
    }();
    return rows;
}

/// Bytes of whole messages that hold so many bytes of rows.
std::uint64_t message_bytes_of(std::uint64_t row_bytes) {
    ASSERT(row_bytes % kCopyUnitBytes == 0);
    return row_bytes / kCopyUnitBytes * (kCopyUnitBytes + wire::kHeaderBytes);
}

}  // namespace

LoadClient::LoadClient(uring::Descriptor socket, const LoadPlan& plan, LoadLogin& login)
    : channel_(std::move(socket)),
      plan_(plan),
      dialogue_({.user = plan.user, .secret = login.secret.has_value() ? &*login.secret : nullptr},
                login.keys, login.random) {
    write_startup();
    static_cast<void>(channel_.flush());
}

LoadClient::Progress LoadClient::ask(std::uint64_t key, Instant due) {
    ASSERT(state_ == State::Idle);
    state_ = State::Asked;
    due_ = due;
    copied_bytes_ = 0;
    write_transaction(key);
    return flush();
}

LoadClient::Progress LoadClient::advance(Scratch& scratch) {
    if (flush() == Progress::Lost) {
        return Progress::Lost;
    }
    auto const input = channel_.receive(scratch);
    if (!input.has_value()) {
        return lost("the connection was closed");
    }
    return work(*input);
}

void LoadClient::leave() {
    append(channel_.out(), [](MessageWriter& writer) { writer.begin(FrontendType::Terminate).end(); });
    static_cast<void>(channel_.flush());
}

// -- What is sent --

void LoadClient::write_startup() {
    append(channel_.out(), [this](MessageWriter& writer) {
        writer.begin_untyped().u32(wire::kProtocol3_0).string("user").string(plan_.user);
        writer.string("database").string(plan_.database).byte('\0').end();
    });
}

void LoadClient::write_prepare() {
    append(channel_.out(), [](MessageWriter& writer) {
        write_parse(writer, kStatement);
        write_sync(writer);
    });
}

void LoadClient::write_transaction(std::uint64_t number) {
    std::string const key = std::to_string(number);
    append(channel_.out(), [&](MessageWriter& writer) {
        switch (plan_.mode) {
            case LoadMode::Simple:
            case LoadMode::Connect:
                writer.begin(FrontendType::Query).raw(kSelect).raw(key).string(";").end();
                break;
            case LoadMode::Extended:
                write_parse(writer, "");
                write_bind(writer, "", key);
                write_describe(writer);
                write_execute(writer);
                write_sync(writer);
                break;
            case LoadMode::Prepared:
                write_bind(writer, kStatement, key);
                write_describe(writer);
                write_execute(writer);
                write_sync(writer);
                break;
            case LoadMode::Pipelined:
                for (unsigned i = 0; i < kPipelineDepth; ++i) {
                    write_bind(writer, kStatement, key);
                    write_execute(writer);
                }
                write_sync(writer);
                break;
            case LoadMode::CopyOut:
            case LoadMode::CopyIn:
                wire::write_query(writer, copy_statement(plan_));
        }
    });
}

LoadClient::Progress LoadClient::flush() {
    if (channel_.flush() && copying_in_ && channel_.drained()) {
        copying_in_ = false;
        append(channel_.out(), [](MessageWriter& writer) { writer.begin(FrontendType::CopyDone).end(); });
    }
    return channel_.flush() ? Progress::Waiting : lost("the connection was closed");
}

// -- What is received --

LoadClient::Progress LoadClient::work(std::span<const std::byte> input) {
    Progress progress = Progress::Waiting;
    for (;;) {
        std::size_t const skipped = std::min<std::uint64_t>(skip_bytes_, input.size());
        skip_bytes_ -= skipped;
        input = input.subspan(skipped);
        wire::Framed const framed = wire::frame(input);
        if (framed.state == wire::Framed::State::Broken) {
            return lost("what came is no message");
        }
        if (framed.state == wire::Framed::State::NeedMore) {
            break;
        }
        auto const type = static_cast<BackendType>(framed.header.type);
        if (type == BackendType::CopyData || type == BackendType::DataRow) {
            copied_bytes_ += type == BackendType::CopyData ? framed.header.body_bytes : 0;
            skip_bytes_ = framed.header.body_bytes;
            input = input.subspan(wire::kHeaderBytes);
            continue;
        }
        if (input.size() < framed.header.message_bytes()) {
            break;
        }
        auto const body = input.subspan(wire::kHeaderBytes, framed.header.body_bytes);
        if (Progress const made = receive_message(framed.header, body); made != Progress::Waiting) {
            progress = made;
        }
        if (progress == Progress::Lost) {
            return progress;
        }
        input = input.subspan(framed.header.message_bytes());
    }
    channel_.keep(input);
    return progress;
}

LoadClient::Progress LoadClient::receive_message(wire::Header header, std::span<const std::byte> body) {
    auto const type = static_cast<BackendType>(header.type);
    if (type == BackendType::ReadyForQuery) {
        return receive_ready();
    }
    if (type == BackendType::Authentication) {
        return receive_authentication(body);
    }
    if (type == BackendType::ErrorResponse) {
        wire::ErrorReport const error = wire::read_error(body);
        return lost(fmt::format("{}: {}", error.sqlstate, error.message));
    }
    if (type == BackendType::CopyInResponse) {
        copying_in_ = true;
        channel_.repeat(rows_to_copy_in(), message_bytes_of(plan_.copy_bytes));
        return flush();
    }
    if (type == BackendType::CommandComplete && body.size() > 1) {
        std::string_view const tag(reinterpret_cast<const char*>(body.data()), body.size() - 1);
        if (tag.starts_with("COPY ") && !copied_all(tag)) {
            return lost(fmt::format("{} of {} bytes was answered \"{}\" and {} bytes",
                                    copy_statement(plan_).substr(0, 4), plan_.copy_bytes, tag,
                                    copied_bytes_));
        }
    }
    return Progress::Waiting;
}

LoadClient::Progress LoadClient::receive_authentication(std::span<const std::byte> body) {
    auth::ServerStep const step =
        dialogue_.receive({reinterpret_cast<const char*>(body.data()), body.size()});
    if (step.outcome == auth::ServerStep::Outcome::Failed) {
        return lost(step.failure);
    }
    if (!step.reply.empty()) {
        append(channel_.out(), [&](MessageWriter& writer) {
            writer.begin(FrontendType::PasswordMessage).raw(step.reply).end();
        });
    }
    return flush();
}

LoadClient::Progress LoadClient::receive_ready() {
    bool const prepares = plan_.mode == LoadMode::Prepared || plan_.mode == LoadMode::Pipelined;
    if (state_ == State::LoggingIn && prepares) {
        state_ = State::Preparing;
        write_prepare();
        return flush();
    }
    State const before = std::exchange(state_, State::Idle);
    if (before == State::Idle) {
        return lost("an answer came to what nobody asked");
    }
    return before == State::Asked ? Progress::Answered : Progress::LoggedIn;
}

bool LoadClient::copied_all(std::string_view tag) const {
    bool const rows = tag == fmt::format("COPY {}", plan_.copy_bytes / kCopyRowBytes);
    return rows && (plan_.mode == LoadMode::CopyIn || copied_bytes_ == plan_.copy_bytes);
}

LoadClient::Progress LoadClient::lost(std::string problem) {
    state_ = State::Lost;
    problem_ = std::move(problem);
    return Progress::Lost;
}

}  // namespace pgring::bench
