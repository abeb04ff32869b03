#pragma once
/// Messages to a worker from other threads. Rare things only (cancels, backends, connections, topology,
/// shutdown): a mutex and an eventfd.

#include <cstdint>
#include <mutex>
#include <utility>
#include <variant>
#include <vector>

#include <sys/eventfd.h>
#include <unistd.h>

#include "proxy/worker.h"
#include "uring/sockets.h"

namespace pgring::uring {

/// The topology changed: take the current one.
struct TopologyNotice {};
/// End, as the operator asked.
struct ShutdownNotice {
    proxy::Worker::Shutdown manner{};
};

/// A client that another worker accepted; closed with the letter if nobody takes it.
struct Connection {
    Descriptor descriptor;
    auth::Transport transport = auth::Transport::PlainTcp;
};

/// A backend that another worker lends; closed with the letter, its token and places given back, if nobody
/// takes it.
struct LentConnection {
    Descriptor descriptor;
    proxy::LentBackend backend;
};

using Letter = std::variant<proxy::WorkerMessage, TopologyNotice, ShutdownNotice, Connection, LentConnection>;

class Mailbox {
  public:
    Mailbox() : event_(::eventfd(0, EFD_CLOEXEC)) {}
    Mailbox(const Mailbox&) = delete;
    Mailbox& operator=(const Mailbox&) = delete;
    ~Mailbox() { ::close(event_); }

    /// Any thread.
    void post(Letter letter) {
        {
            std::scoped_lock const lock(mutex_);
            letters_.push_back(std::move(letter));
        }
        std::uint64_t const one = 1;
        [[maybe_unused]] ssize_t const written = ::write(event_, &one, sizeof one);
    }
    /// The receiver: everything posted so far.
    [[nodiscard]] std::vector<Letter> take() {
        std::scoped_lock const lock(mutex_);
        return std::exchange(letters_, {});
    }
    /// Becomes readable when something was posted; the receiver reads eight bytes.
    [[nodiscard]] int event() const { return event_; }

  private:
    int event_;
    std::mutex mutex_;
    std::vector<Letter> letters_;
};

}  // namespace pgring::uring
