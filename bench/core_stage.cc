#include "core_stage.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>
#include <utility>

#include "base/contract.h"

namespace pgring::bench {

using proxy::Action;
using proxy::SocketId;
using wire::BackendType;
using wire::FrontendType;

namespace {

constexpr std::string_view kSelect = "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;";
constexpr std::string_view kSelectByParameter = "SELECT abalance FROM pgbench_accounts WHERE aid = $1;";

config::Settings settings_with(std::uint32_t pool_size) {
    config::Settings settings = support::solo_settings();
    settings.pgring.default_pool_size = pool_size;
    return settings;
}

void write_row(Script& script, std::size_t value_bytes) {
    std::vector<std::byte> const value(value_bytes, std::byte{'1'});
    script.writer()
        .begin(BackendType::DataRow)
        .u16(1)
        .u32(static_cast<std::uint32_t>(value.size()))
        .bytes(value)
        .end();
}

void write_bind(Script& script, std::string_view statement) {
    script.writer()
        .begin(FrontendType::Bind)
        .string("")
        .string(statement)
        .u16(0)
        .u16(1)
        .u32(4)
        .raw("4711")
        .u16(0)
        .end();
}

void write_describe_portal(Script& script) {
    script.writer().begin(FrontendType::Describe).byte('P').string("").end();
}

void write_execute_portal(Script& script) {
    script.writer().begin(FrontendType::Execute).string("").u32(0).end();
}

}  // namespace

Stage::Stage(std::size_t client_count, std::uint32_t pool_size) : solo_(settings_with(pool_size)) {
    for (std::size_t i = 0; i < client_count; ++i) {
        clients_.push_back(*worker().accepted({}, auth::Transport::PlainTcp, solo_.now));
        Script startup;
        startup.writer()
            .begin_untyped()
            .u32(wire::kProtocol3_0)
            .string("user")
            .string("app")
            .byte('\0')
            .end();
        receive(clients_.back(), startup.bytes());
    }
    ASSERT(!backends_.empty());
}

void Stage::transact(std::size_t client, std::span<const std::byte> request,
                     std::span<const std::byte> answer) {
    reached_ = {};
    asked_.clear();
    receive(clients_[client], request);
    ASSERT(reached_.valid());
    receive(reached_, answer);
    ASSERT(last_sent_to_ == clients_[client] && last_sent_bytes_ == answer.size());
}

void Stage::transact_all(std::span<const std::byte> request, std::span<const std::byte> answer) {
    asked_.clear();
    for (SocketId const client : clients_) {
        receive(client, request);
    }
    for (std::size_t i = 0; i < asked_.size(); ++i) {
        receive(asked_[i], answer);
    }
    ASSERT(asked_.size() == clients_.size());
}

void Stage::receive(SocketId socket, std::span<const std::byte> bytes) {
    receive_later(socket, bytes);
    settle();
}

void Stage::receive_later(SocketId socket, std::span<const std::byte> bytes) {
    buffer::Buffer* const buffer = worker().buffers().take_large();
    ASSERT(buffer != nullptr && bytes.size() <= buffer->capacity_bytes());
    std::memcpy(buffer->data, bytes.data(), bytes.size());
    worker().received(socket, buffer::Slice(*buffer, 0, static_cast<std::uint32_t>(bytes.size())), solo_.now);
}

void Stage::settle() {
    worker().step(solo_.now);
    for (std::size_t i = 0; i < worker().actions().size(); ++i) {
        perform(worker().actions()[i]);
        worker().step(solo_.now);
    }
    worker().actions().clear();
}

void Stage::perform(Action const action) {
    switch (action.kind) {
        case Action::Kind::Send:
            send(action.socket);
            break;
        case Action::Kind::Connect:
            backends_.push_back(action.socket);
            worker().connected(action.socket, solo_.now);
            break;
        case Action::Kind::Pause:
        case Action::Kind::Resume:
            break;
        case Action::Kind::ConnectPeer:
        case Action::Kind::Close:
        case Action::Kind::Lend:
        case Action::Kind::Suspect:
            ASSERT(!"nothing goes wrong in a benchmark");
    }
}

void Stage::send(SocketId socket) {
    bool const to_backend = worker().is_backend(socket);
    std::array<std::span<const std::byte>, 16> pieces;
    std::size_t const piece_count = worker().outgoing(socket).gather(pieces);
    std::size_t size_bytes = 0;
    for (std::size_t i = 0; i < piece_count; ++i) {
        size_bytes += pieces[i].size();
    }
    ASSERT(size_bytes > 0 && size_bytes == worker().outgoing(socket).size_bytes());
    worker().sent(socket, size_bytes, solo_.now);
    if (!to_backend) {
        last_sent_to_ = socket;
        last_sent_bytes_ = size_bytes;
    } else if (!logged_in(socket)) {
        welcome(socket);
    } else {
        reached_ = socket;
        asked_.push_back(socket);
    }
}

bool Stage::logged_in(SocketId backend) const {
    return std::ranges::find(welcomed_, backend) != welcomed_.end();
}

void Stage::welcome(SocketId backend) {
    welcomed_.push_back(backend);
    Script script;
    script.writer().begin(BackendType::Authentication).u32(0).end();
    for (auto [name, value] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
             {"client_encoding", "UTF8"},
             {"server_version", "15.0"},
             {"standard_conforming_strings", "on"}}) {
        wire::write_parameter_status(script.writer(), name, value);
    }
    script.writer().begin(BackendType::BackendKeyData).u32(1).u32(2).end();
    wire::write_ready_for_query(script.writer(), wire::TransactionStatus::Idle);
    receive_later(backend, script.bytes());
}

void write_select(Script& script) {
    wire::write_query(script.writer(), kSelect);
}

void write_simple_answer(Script& script, std::size_t row_count, std::size_t value_bytes) {
    script.writer()
        .begin(BackendType::RowDescription)
        .u16(1)
        .string("abalance")
        .u32(0)
        .u16(0)
        .u32(23)
        .u16(4)
        .u32(0xffffffffU)
        .u16(0)
        .end();
    for (std::size_t i = 0; i < row_count; ++i) {
        write_row(script, value_bytes);
    }
    wire::write_command_complete(script.writer(), "SELECT 1");
    wire::write_ready_for_query(script.writer(), wire::TransactionStatus::Idle);
}

void write_parse(Script& request, Script& answer) {
    request.writer().begin(FrontendType::Parse).string("P_0").string(kSelectByParameter).u16(0).end();
    request.writer().begin(FrontendType::Sync).end();
    answer.writer().begin(BackendType::ParseComplete).end();
    wire::write_ready_for_query(answer.writer(), wire::TransactionStatus::Idle);
}

void write_execute(Script& request, Script& answer) {
    write_bind(request, "P_0");
    write_describe_portal(request);
    write_execute_portal(request);
    request.writer().begin(FrontendType::Sync).end();
    answer.writer().begin(BackendType::BindComplete).end();
    write_simple_answer(answer, 1, 4);
}

void write_unnamed(Script& request, Script& answer) {
    request.writer().begin(FrontendType::Parse).string("").string(kSelectByParameter).u16(0).end();
    write_bind(request, "");
    write_describe_portal(request);
    write_execute_portal(request);
    request.writer().begin(FrontendType::Sync).end();
    answer.writer().begin(BackendType::ParseComplete).end();
    answer.writer().begin(BackendType::BindComplete).end();
    write_simple_answer(answer, 1, 4);
}

void write_batch(Script& request, Script& answer, std::size_t statement_count) {
    for (std::size_t i = 0; i < statement_count; ++i) {
        write_bind(request, "P_0");
        write_execute_portal(request);
        answer.writer().begin(BackendType::BindComplete).end();
        write_row(answer, 4);
        wire::write_command_complete(answer.writer(), "SELECT 1");
    }
    request.writer().begin(FrontendType::Sync).end();
    wire::write_ready_for_query(answer.writer(), wire::TransactionStatus::Idle);
}

}  // namespace pgring::bench
