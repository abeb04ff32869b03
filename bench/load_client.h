#pragma once
/// One client of the load generator: a connection that logs in, asks, and knows when it was answered. It does
/// as little as it can with an answer, as its CPU is not what is measured but competes for the same cores.
///
///     LoggingIn -> (Preparing ->) Idle <-> Asked
///     all -> Lost

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>

#include "auth/scram_key_cache.h"
#include "auth/secret.h"
#include "auth/server_dialogue.h"
#include "base/random.h"
#include "channel.h"
#include "load_plan.h"
#include "uring/sockets.h"
#include "wire/protocol.h"

namespace pgring::bench {

/// What all clients log in with.
struct LoadLogin {
    std::optional<auth::Secret> secret;
    auth::ScramKeyCache keys;
    base::Prng random{std::random_device{}()};
};

class LoadClient {
  public:
    using Instant = std::chrono::steady_clock::time_point;

    /// What a call came to.
    enum class Progress : std::uint8_t {
        Waiting,   ///< for more bytes, or for room to send
        LoggedIn,  ///< it may be asked
        Answered,  ///< the transaction is through; it may be asked again
        Lost,      ///< problem() says why
    };

    /// `socket` is connected. `plan` and `login` outlive the client.
    LoadClient(uring::Descriptor socket, const LoadPlan& plan, LoadLogin& login);

    /// Sends a transaction; it is idle. `due` is when it should have been sent, which is where latency
    /// begins.
    [[nodiscard]] Progress ask(std::uint64_t key, Instant due);
    /// There is something to receive, or room to send.
    [[nodiscard]] Progress advance(Scratch& scratch);
    /// Says that it leaves, as well as it can be said without waiting.
    void leave();

    [[nodiscard]] int fd() const { return channel_.fd(); }
    [[nodiscard]] bool blocked() const { return !channel_.drained(); }
    [[nodiscard]] bool asked() const { return state_ == State::Asked; }
    [[nodiscard]] Instant due() const { return due_; }
    void set_due(Instant due) { due_ = due; }
    [[nodiscard]] const std::string& problem() const { return problem_; }

  private:
    enum class State : std::uint8_t { LoggingIn, Preparing, Idle, Asked, Lost };

    void write_startup();
    void write_prepare();
    void write_transaction(std::uint64_t key);
    [[nodiscard]] Progress flush();
    [[nodiscard]] Progress work(std::span<const std::byte> input);
    [[nodiscard]] Progress receive_message(wire::Header header, std::span<const std::byte> body);
    [[nodiscard]] Progress receive_authentication(std::span<const std::byte> body);
    [[nodiscard]] Progress receive_ready();
    [[nodiscard]] bool copied_all(std::string_view tag) const;
    [[nodiscard]] Progress lost(std::string problem);

    Channel channel_;
    const LoadPlan& plan_;
    auth::ServerDialogue dialogue_;
    State state_ = State::LoggingIn;
    Instant due_{};
    /// Of a message that is only counted, what has yet to come.
    std::uint64_t skip_bytes_ = 0;
    /// Bodies of CopyData.
    std::uint64_t copied_bytes_ = 0;
    /// The rows of COPY FROM STDIN are on their way; their end has yet to be said.
    bool copying_in_ = false;
    std::string problem_;
};

}  // namespace pgring::bench
