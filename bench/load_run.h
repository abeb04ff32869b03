#pragma once
/// Runs a plan: connects the clients, keeps them asking, and measures.
///
///     connect all -> ask (warm-up) -> measured -> let those finish who were asked
///
/// Latency counts from when a transaction was due. In the open loop that is fixed beforehand, so that what is
/// late because the other side was slow is counted with all of its waiting ("no coordinated omission").

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "channel.h"
#include "histogram.h"
#include "load_client.h"
#include "load_plan.h"
#include "process_meter.h"
#include "uring/sockets.h"

namespace pgring::bench {

struct LoadResult {
    /// Completed while it was measured, which took `seconds`.
    std::uint64_t transaction_count = 0;
    double seconds = 0;
    /// Of the open loop: of those that were due while it was measured, never answered; their latency is
    /// counted up to the end.
    std::uint64_t unanswered_count = 0;
    Histogram latency;
    /// What was metered, for all of it.
    ProcessMeter::Reading cost;
    double connect_seconds = 0;
};

class LoadRun {
  public:
    /// `server` is plan.address, resolved. Both outlive the run.
    LoadRun(const LoadPlan& plan, const uring::SocketAddress& server);
    LoadRun(const LoadRun&) = delete;
    LoadRun& operator=(const LoadRun&) = delete;

    /// Error: a sentence about the first client that was lost, or could not come in. A load with errors
    /// measures nothing.
    [[nodiscard]] std::expected<LoadResult, std::string> run();

  private:
    using Clock = std::chrono::steady_clock;
    using Instant = Clock::time_point;

    enum class Phase : std::uint8_t { Connecting, WarmingUp, Measuring, Draining };

    [[nodiscard]] bool in_storm() const { return plan_.mode == LoadMode::Connect; }
    [[nodiscard]] bool in_open_loop() const { return plan_.rate.has_value(); }

    void connect_client(std::size_t index);
    void connect_all();
    void begin();
    void begin_measuring(Instant now);
    void end_measuring(Instant now);
    [[nodiscard]] bool through(Instant now) const;

    /// Handles what happens until `until` at the latest; returns the time.
    Instant poll(Instant until);
    void handle(std::size_t index, Instant now);
    void on_logged_in(std::size_t index);
    void on_answered(std::size_t index, Instant now);
    void record(Instant due, Instant now);

    /// When the number-th transaction of the open loop is due.
    [[nodiscard]] Instant due_of(std::uint64_t number) const;
    /// Whether some that are due before the end were not taken yet.
    [[nodiscard]] bool more_are_due() const;
    void take_due(Instant now);
    void ask(std::size_t index, Instant due);
    void fail(const LoadClient& client);
    void watch(std::size_t index, int operation);

    const LoadPlan& plan_;
    const uring::SocketAddress& server_;
    LoadLogin login_;
    ProcessMeter meter_;
    uring::Descriptor epoll_;
    Scratch scratch_ = Scratch(kScratchBytes);
    base::Prng random_;
    std::vector<std::unique_ptr<LoadClient>> clients_;
    /// Whether epoll tells when a client can send.
    std::vector<bool> watched_for_room_;
    /// Clients that may be asked, in the order in which they became so.
    std::deque<std::size_t> idle_;

    Phase phase_ = Phase::Connecting;
    std::size_t logged_in_count_ = 0;
    std::size_t asked_count_ = 0;
    Instant started_{};
    Instant measured_from_{};
    Instant measured_until_{};
    /// Of the open loop: how many were taken.
    std::uint64_t taken_count_ = 0;
    std::uint64_t asked_ever_count_ = 0;
    ProcessMeter::Reading at_start_;
    LoadResult result_;
    std::string error_;
};

}  // namespace pgring::bench
