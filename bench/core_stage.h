#pragma once
/// A worker with everything around it played: kernel, clients, server. What runs between two completions runs
/// here without a system call, for the benchmarks that time it and for those that count its instructions.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "support/solo_worker.h"
#include "wire/messages.h"

namespace pgring::bench {

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
    Stage(std::size_t client_count, std::uint32_t pool_size);

    [[nodiscard]] std::size_t client_count() const { return clients_.size(); }

    /// The request of a client and the answer of whatever backend it reached.
    void transact(std::size_t client, std::span<const std::byte> request, std::span<const std::byte> answer);

    /// Requests of all clients, then answers until all have theirs: more clients than backends wait in line.
    void transact_all(std::span<const std::byte> request, std::span<const std::byte> answer);

  private:
    [[nodiscard]] proxy::Worker& worker() { return solo_.worker; }

    /// A buffer as the kernel would have filled it.
    void receive(proxy::SocketId socket, std::span<const std::byte> bytes);
    /// From within perform(): what follows is worked off by the settle() that is under way.
    void receive_later(proxy::SocketId socket, std::span<const std::byte> bytes);
    void settle();
    void perform(proxy::Action action);
    /// The whole queue leaves at once, which takes no more pieces than a reactor gathers.
    void send(proxy::SocketId socket);

    [[nodiscard]] bool logged_in(proxy::SocketId backend) const;
    /// The server's answer to a StartupMessage.
    void welcome(proxy::SocketId backend);

    support::SoloWorker solo_;
    std::vector<proxy::SocketId> clients_;
    std::vector<proxy::SocketId> backends_;
    std::vector<proxy::SocketId> welcomed_;
    std::vector<proxy::SocketId> asked_;
    proxy::SocketId reached_;
    proxy::SocketId last_sent_to_;
    std::size_t last_sent_bytes_ = 0;
};

/// pgbench -S -M simple.
void write_select(Script& script);
/// One column in each row.
void write_simple_answer(Script& script, std::size_t row_count, std::size_t value_bytes);
/// pgbench -S -M prepared: Parse and Sync, once, and what answers them.
void write_parse(Script& request, Script& answer);
/// Bind, Describe, Execute, Sync of that statement, which pgring renames, and what answers them.
void write_execute(Script& request, Script& answer);
/// Parse, Bind, Describe, Execute, Sync of an unnamed statement, and what answers them: what most drivers
/// send.
void write_unnamed(Script& request, Script& answer);
/// So many times Bind and Execute of the named statement under one Sync, and what answers them.
void write_batch(Script& request, Script& answer, std::size_t statement_count);

}  // namespace pgring::bench
