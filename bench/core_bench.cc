/// What the core costs per transaction, without a system call: proxy::Worker is told what a reactor would
/// tell it for a client's request and the server's answer. Everything between two completions is in here:
/// framing, the session, classification, the pool, the queues. A benchmark whose
/// steady state allocates fails.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "allocations.h"
#include "base/contract.h"
#include "support/solo_worker.h"
#include "wire/messages.h"

namespace pgring {
namespace {

using proxy::Action;
using proxy::SocketId;
using wire::BackendType;
using wire::FrontendType;

/// Messages in a row.
class Script {
  public:
    wire::MessageWriter& writer() { return writer_; }
    [[nodiscard]] std::span<const std::byte> bytes() const {
        ASSERT(writer_.ok());
        return writer_.written();
    }

  private:
    std::vector<std::byte> memory_ = std::vector<std::byte>(std::size_t{48} * 1024);
    wire::MessageWriter writer_{memory_};
};

/// Plays kernel, clients and server around a worker.
class Stage {
  public:
    /// Logs `client_count` clients in; the pool has `pool_size` backends.
    Stage(std::size_t client_count, std::uint32_t pool_size) : solo_(settings(pool_size)) {
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

    [[nodiscard]] std::size_t client_count() const { return clients_.size(); }

    /// The request of a client and the answer of whatever backend it reached.
    void transact(std::size_t client, std::span<const std::byte> request, std::span<const std::byte> answer) {
        reached_ = {};
        asked_.clear();
        receive(clients_[client], request);
        ASSERT(reached_.valid());
        receive(reached_, answer);
        ASSERT(last_sent_to_ == clients_[client] && last_sent_bytes_ == answer.size());
    }

    /// Requests of all clients, then answers until all have theirs: more clients than backends wait in line.
    void transact_all(std::span<const std::byte> request, std::span<const std::byte> answer) {
        asked_.clear();
        for (SocketId const client : clients_) {
            receive(client, request);
        }
        for (std::size_t i = 0; i < asked_.size(); ++i) {
            receive(asked_[i], answer);
        }
        ASSERT(asked_.size() == clients_.size());
    }

  private:
    static config::Settings settings(std::uint32_t pool_size) {
        config::Settings settings = support::solo_settings();
        settings.pgring.default_pool_size = pool_size;
        return settings;
    }

    [[nodiscard]] proxy::Worker& worker() { return solo_.worker; }

    /// A buffer as the kernel would have filled it.
    void receive(SocketId socket, std::span<const std::byte> bytes) {
        buffer::Buffer* const buffer = worker().buffers().take_large();
        ASSERT(buffer != nullptr && bytes.size() <= buffer->capacity_bytes());
        std::memcpy(buffer->data, bytes.data(), bytes.size());
        worker().received(socket, buffer::Slice(*buffer, 0, static_cast<std::uint32_t>(bytes.size())),
                          solo_.now);
        settle();
    }

    void settle() {
        worker().step(solo_.now);
        for (std::size_t i = 0; i < worker().actions().size(); ++i) {
            perform(worker().actions()[i]);
            worker().step(solo_.now);
        }
        worker().actions().clear();
    }

    void perform(Action const action) {
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
            case Action::Kind::Close:
            case Action::Kind::Suspect:
                ASSERT(!"nothing goes wrong in a benchmark");
        }
    }

    /// The whole queue leaves at once.
    void send(SocketId socket) {
        bool const to_backend = worker().is_backend(socket);
        std::array<std::span<const std::byte>, 16> pieces;
        benchmark::DoNotOptimize(worker().outgoing(socket).gather(pieces));
        std::size_t const size_bytes = worker().outgoing(socket).size_bytes();
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

    [[nodiscard]] bool logged_in(SocketId backend) const {
        return std::ranges::find(welcomed_, backend) != welcomed_.end();
    }

    /// The server's answer to a StartupMessage.
    void welcome(SocketId backend) {
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

    /// From within perform(): what follows is worked off by the settle() that is under way.
    void receive_later(SocketId socket, std::span<const std::byte> bytes) {
        buffer::Buffer* const buffer = worker().buffers().take_large();
        std::memcpy(buffer->data, bytes.data(), bytes.size());
        worker().received(socket, buffer::Slice(*buffer, 0, static_cast<std::uint32_t>(bytes.size())),
                          solo_.now);
    }

    support::SoloWorker solo_;
    std::vector<SocketId> clients_;
    std::vector<SocketId> backends_;
    std::vector<SocketId> welcomed_;
    std::vector<SocketId> asked_;
    SocketId reached_;
    SocketId last_sent_to_;
    std::size_t last_sent_bytes_ = 0;
};

constexpr std::string_view kSelect = "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;";

/// Fails the benchmark when the loop that it surrounds allocates. A few are the benchmark library's own.
class NoAllocations {
  public:
    explicit NoAllocations(benchmark::State& state) : state_(state), before_(bench::allocation_count()) {}
    NoAllocations(const NoAllocations&) = delete;
    NoAllocations& operator=(const NoAllocations&) = delete;
    ~NoAllocations() {
        constexpr std::uint64_t kOfTheLibrary = 16;
        if (bench::allocation_count() - before_ > kOfTheLibrary) {
            state_.SkipWithError("steady state allocates");
        }
    }

  private:
    benchmark::State& state_;
    std::uint64_t before_;
};

void write_row(Script& script, std::size_t value_bytes) {
    std::vector<std::byte> const value(value_bytes, std::byte{'1'});
    script.writer()
        .begin(BackendType::DataRow)
        .u16(1)
        .u32(static_cast<std::uint32_t>(value.size()))
        .bytes(value)
        .end();
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

/// pgbench -S -M simple: one client, one backend.
void BM_SimpleQuery(benchmark::State& state) {
    Stage stage(1, 1);
    Script request;
    wire::write_query(request.writer(), kSelect);
    Script answer;
    write_simple_answer(answer, 1, 4);
    stage.transact(0, request.bytes(), answer.bytes());
    NoAllocations const steady(state);
    for (auto _ : state) {
        stage.transact(0, request.bytes(), answer.bytes());
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_SimpleQuery);

/// As many clients as asked for wait for 20 backends; an item is a transaction.
void BM_SimpleQueryWaiting(benchmark::State& state) {
    Stage stage(static_cast<std::size_t>(state.range(0)), 20);
    Script request;
    wire::write_query(request.writer(), kSelect);
    Script answer;
    write_simple_answer(answer, 1, 4);
    // As often as there are backends, so that all of them are open and everything has grown to its size.
    for (int i = 0; i < 3; ++i) {
        stage.transact_all(request.bytes(), answer.bytes());
    }
    NoAllocations const steady(state);
    for (auto _ : state) {
        stage.transact_all(request.bytes(), answer.bytes());
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(stage.client_count()));
}
BENCHMARK(BM_SimpleQueryWaiting)->Arg(16)->Arg(64)->Arg(256);

/// pgbench -S -M prepared: Bind, Describe, Execute, Sync of a named statement, which pgring renames.
void BM_PreparedQuery(benchmark::State& state) {
    Stage stage(1, 1);
    Script parse;
    parse.writer()
        .begin(FrontendType::Parse)
        .string("P_0")
        .string("SELECT abalance FROM pgbench_accounts WHERE aid = $1;")
        .u16(0)
        .end();
    parse.writer().begin(FrontendType::Sync).end();
    Script parsed;
    parsed.writer().begin(BackendType::ParseComplete).end();
    wire::write_ready_for_query(parsed.writer(), wire::TransactionStatus::Idle);
    stage.transact(0, parse.bytes(), parsed.bytes());

    Script request;
    request.writer()
        .begin(FrontendType::Bind)
        .string("")
        .string("P_0")
        .u16(0)
        .u16(1)
        .u32(4)
        .raw("4711")
        .u16(0)
        .end();
    request.writer().begin(FrontendType::Describe).byte('P').string("").end();
    request.writer().begin(FrontendType::Execute).string("").u32(0).end();
    request.writer().begin(FrontendType::Sync).end();
    Script answer;
    answer.writer().begin(BackendType::BindComplete).end();
    write_simple_answer(answer, 1, 4);
    stage.transact(0, request.bytes(), answer.bytes());
    NoAllocations const steady(state);
    for (auto _ : state) {
        stage.transact(0, request.bytes(), answer.bytes());
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_PreparedQuery);

/// A longer answer: 40 rows of 1,000 bytes in one buffer.
void BM_FortyRows(benchmark::State& state) {
    Stage stage(1, 1);
    Script request;
    wire::write_query(request.writer(), kSelect);
    Script answer;
    write_simple_answer(answer, 40, 1000);
    stage.transact(0, request.bytes(), answer.bytes());
    NoAllocations const steady(state);
    for (auto _ : state) {
        stage.transact(0, request.bytes(), answer.bytes());
    }
    state.SetItemsProcessed(state.iterations());
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(answer.bytes().size()));
}
BENCHMARK(BM_FortyRows);

}  // namespace
}  // namespace pgring

BENCHMARK_MAIN();
