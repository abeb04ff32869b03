#include "load_run.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/contract.h"
#include "config/settings.h"

namespace pgring::bench {

namespace {

/// Clients that log in at the same time, at most: less than any listener's backlog.
constexpr std::size_t kLoginsAtOnce = 32;
constexpr auto kConnectTimeMax = std::chrono::seconds(60);
/// How long those that were asked may take at the end.
constexpr auto kDrainTimeMax = std::chrono::seconds(5);
/// Seed of the keys: every target is asked the same.
constexpr std::uint64_t kKeySeed = 20;

double to_seconds(std::chrono::nanoseconds duration) {
    return std::chrono::duration<double>(duration).count();
}

}  // namespace

LoadRun::LoadRun(const LoadPlan& plan, const uring::SocketAddress& server)
    : plan_(plan),
      server_(server),
      meter_(plan.metered),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      random_(kKeySeed),
      clients_(plan.client_count),
      watched_for_room_(plan.client_count) {
    ASSERT(plan.client_count > 0);
    ASSERT(!plan.rate.has_value() || (*plan.rate > 0 && plan.mode != LoadMode::Connect));
    if (!plan.password.empty()) {
        login_.secret = auth::PlainPassword{.password = auth::SecretText(plan.password), .scram = {}};
    }
}

std::expected<LoadResult, std::string> LoadRun::run() {
    if (!in_storm()) {
        connect_all();
    }
    begin();
    while (error_.empty() && phase_ != Phase::Draining) {
        Instant now = Clock::now();
        if (phase_ == Phase::WarmingUp && now >= measured_from_) {
            begin_measuring(now);
        }
        now = poll(phase_ == Phase::WarmingUp ? measured_from_ : measured_until_);
        if (phase_ == Phase::Measuring && through(now)) {
            end_measuring(now);
        }
    }
    Instant const drained_until = Clock::now() + kDrainTimeMax;
    while (error_.empty() && (asked_count_ > 0 || more_are_due()) && Clock::now() < drained_until) {
        poll(drained_until);
    }
    if (!error_.empty()) {
        return std::unexpected(error_);
    }
    if (in_open_loop()) {
        Instant const end = Clock::now();
        for (auto const& client : clients_) {
            if (client->asked() && client->due() < measured_until_) {
                record(client->due(), end);
                ++result_.unanswered_count;
            }
        }
        for (; more_are_due(); ++taken_count_) {
            record(due_of(taken_count_), end);
            ++result_.unanswered_count;
        }
    }
    for (auto const& client : clients_) {
        if (client != nullptr) {
            client->leave();
        }
    }
    return std::move(result_);
}

// -- Phases --

void LoadRun::connect_all() {
    Instant const start = Clock::now();
    std::size_t begun = 0;
    while (error_.empty() && logged_in_count_ < plan_.client_count) {
        while (begun < plan_.client_count && begun - logged_in_count_ < kLoginsAtOnce && error_.empty()) {
            connect_client(begun++);
        }
        if (poll(start + kConnectTimeMax) >= start + kConnectTimeMax) {
            error_ = fmt::format("{} of {} clients could log in", logged_in_count_, plan_.client_count);
        }
    }
    result_.connect_seconds = to_seconds(Clock::now() - start);
}

void LoadRun::begin() {
    if (plan_.counts_system_calls) {
        if (auto const counting = meter_.count_system_calls(); !counting.has_value()) {
            error_ = counting.error();
            return;
        }
    }
    started_ = Clock::now();
    bool const counted = plan_.transaction_count.has_value();
    measured_from_ = started_ + (counted ? std::chrono::nanoseconds::zero() : plan_.warmup);
    measured_until_ = counted ? Instant::max() : measured_from_ + plan_.duration;
    phase_ = Phase::WarmingUp;
    if (counted) {
        begin_measuring(started_);
    }
    if (in_storm()) {
        for (std::size_t i = 0; i < clients_.size() && error_.empty(); ++i) {
            connect_client(i);
        }
    } else if (!in_open_loop()) {
        while (!idle_.empty() && error_.empty()) {
            std::size_t const index = idle_.front();
            idle_.pop_front();
            ask(index, Clock::now());
        }
    }
}

void LoadRun::begin_measuring(Instant now) {
    phase_ = Phase::Measuring;
    // What was late to be noticed is not charged.
    if (!plan_.transaction_count.has_value()) {
        measured_until_ += now - measured_from_;
    }
    measured_from_ = now;
    at_start_ = meter_.read();
}

void LoadRun::end_measuring(Instant now) {
    ProcessMeter::Reading const end = meter_.read();
    phase_ = Phase::Draining;
    measured_until_ = now;
    result_.seconds = to_seconds(now - measured_from_);
    result_.cost = {.cpu = end.cpu - at_start_.cpu,
                    .system_call_count = end.system_call_count - at_start_.system_call_count};
}

bool LoadRun::through(Instant now) const {
    if (plan_.transaction_count.has_value()) {
        return result_.transaction_count >= *plan_.transaction_count;
    }
    return now >= measured_until_;
}

// -- Clients --

void LoadRun::connect_client(std::size_t index) {
    Instant const begun = Clock::now();
    config::PgringSettings const settings;
    auto socket = uring::open_socket(server_.family(), settings);
    if (!socket.has_value() ||
        ::connect(socket->get(), reinterpret_cast<const sockaddr*>(&server_.storage), server_.size) != 0) {
        error_ =
            fmt::format("cannot connect: {}", std::strerror(socket.has_value() ? errno : -socket.error()));
        return;
    }
    clients_[index] = std::make_unique<LoadClient>(std::move(*socket), plan_, login_);
    watched_for_room_[index] = false;
    if (in_storm()) {
        clients_[index]->set_due(begun);
        ++asked_count_;
    }
    watch(index, EPOLL_CTL_ADD);
}

LoadRun::Instant LoadRun::poll(Instant until) {
    Instant now = Clock::now();
    if (in_open_loop() && phase_ != Phase::Connecting) {
        take_due(now);
        if (!idle_.empty() && more_are_due()) {
            until = std::min(until, due_of(taken_count_));
        }
    }
    std::array<epoll_event, 256> events{};
    auto const wait = std::clamp<std::chrono::nanoseconds>(until - now, std::chrono::nanoseconds::zero(),
                                                           std::chrono::seconds(1));
    auto const seconds = std::chrono::duration_cast<std::chrono::seconds>(wait);
    timespec const timeout{.tv_sec = seconds.count(), .tv_nsec = (wait - seconds).count()};
    int const count =
        ::epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), &timeout, nullptr);
    now = Clock::now();
    for (int i = 0; i < count && error_.empty(); ++i) {
        handle(events[static_cast<std::size_t>(i)].data.u64, now);
    }
    return now;
}

void LoadRun::handle(std::size_t index, Instant now) {
    LoadClient& client = *clients_[index];
    switch (client.advance(scratch_)) {
        case LoadClient::Progress::LoggedIn:
            on_logged_in(index);
            break;
        case LoadClient::Progress::Answered:
            on_answered(index, now);
            break;
        case LoadClient::Progress::Lost:
            fail(client);
            return;
        case LoadClient::Progress::Waiting:
            break;
    }
    if (error_.empty() && clients_[index] != nullptr &&
        clients_[index]->blocked() != watched_for_room_[index]) {
        watch(index, EPOLL_CTL_MOD);
    }
}

void LoadRun::on_logged_in(std::size_t index) {
    ++logged_in_count_;
    if (in_storm()) {
        --asked_count_;
        ask(index, clients_[index]->due());
    } else {
        idle_.push_back(index);
    }
}

void LoadRun::on_answered(std::size_t index, Instant now) {
    LoadClient& client = *clients_[index];
    --asked_count_;
    record(client.due(), now);
    bool const more = phase_ != Phase::Draining &&
                      (!plan_.transaction_count.has_value() || asked_ever_count_ < *plan_.transaction_count);
    if (in_storm()) {
        client.leave();
        clients_[index].reset();
        if (more) {
            connect_client(index);
        }
        return;
    }
    if (more && !in_open_loop()) {
        ask(index, now);
    } else {
        idle_.push_back(index);
    }
}

void LoadRun::record(Instant due, Instant now) {
    if (phase_ == Phase::Measuring) {
        ++result_.transaction_count;
    }
    // In the open loop, those count that were due while it was measured, however late they are answered.
    bool const counts = in_open_loop()
                            ? due >= measured_from_ && due < measured_until_ && phase_ > Phase::WarmingUp
                            : phase_ == Phase::Measuring;
    if (counts) {
        result_.latency.record(now - due);
    }
}

// -- Asking --

LoadRun::Instant LoadRun::due_of(std::uint64_t number) const {
    return started_ + std::chrono::duration_cast<std::chrono::nanoseconds>(
                          std::chrono::duration<double>(static_cast<double>(number) / *plan_.rate));
}

bool LoadRun::more_are_due() const {
    return in_open_loop() && due_of(taken_count_) < measured_until_;
}

void LoadRun::take_due(Instant now) {
    while (!idle_.empty() && error_.empty() && more_are_due()) {
        Instant const due = due_of(taken_count_);
        if (due > now) {
            return;
        }
        ++taken_count_;
        std::size_t const index = idle_.front();
        idle_.pop_front();
        ask(index, due);
    }
}

void LoadRun::ask(std::size_t index, Instant due) {
    ++asked_count_;
    ++asked_ever_count_;
    LoadClient& client = *clients_[index];
    if (client.ask(1 + random_.below(plan_.key_max), due) == LoadClient::Progress::Lost) {
        fail(client);
    } else if (client.blocked() != watched_for_room_[index]) {
        watch(index, EPOLL_CTL_MOD);
    }
}

void LoadRun::fail(const LoadClient& client) {
    error_ = fmt::format("a client was lost: {}", client.problem());
}

void LoadRun::watch(std::size_t index, int operation) {
    watched_for_room_[index] = clients_[index]->blocked();
    epoll_event event{};
    event.events = watched_for_room_[index] ? EPOLLIN | EPOLLOUT : EPOLLIN;
    event.data.u64 = index;
    static_cast<void>(::epoll_ctl(epoll_.get(), operation, clients_[index]->fd(), &event));
}

}  // namespace pgring::bench
