#include "process_meter.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace pgring::bench {

namespace {

/// The threads of a process, io_uring's workers among them; none where it has ended.
std::vector<pid_t> threads_of(pid_t process) {
    std::vector<pid_t> threads;
    std::error_code error;
    std::filesystem::directory_iterator const folder(fmt::format("/proc/{}/task", process), error);
    if (!error) {
        for (auto const& entry : folder) {
            threads.push_back(std::stoi(entry.path().filename()));
        }
    }
    return threads;
}

std::chrono::nanoseconds own_cpu(pid_t process) {
    clockid_t clock{};
    timespec time{};
    if (::clock_getcpuclockid(process, &clock) != 0 || ::clock_gettime(clock, &time) != 0) {
        return {};
    }
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

/// Of the children that have ended and were waited for: cutime and cstime of proc(5).
std::chrono::nanoseconds waited_for_cpu(pid_t process) {
    std::ifstream file(fmt::format("/proc/{}/stat", process));
    std::string line;
    std::getline(file, line);
    // The second field is a name, which may have anything in it but ends with the last parenthesis.
    std::size_t const end_of_name = line.rfind(')');
    if (end_of_name == std::string::npos) {
        return {};
    }
    constexpr int kFieldsUntilCutime = 13;
    std::istringstream fields(line.substr(end_of_name + 1));
    std::string skipped;
    for (int i = 0; i < kFieldsUntilCutime; ++i) {
        fields >> skipped;
    }
    long user_ticks = 0;
    long system_ticks = 0;
    fields >> user_ticks >> system_ticks;
    constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
    return std::chrono::nanoseconds((user_ticks + system_ticks) *
                                    (kNanosecondsPerSecond / ::sysconf(_SC_CLK_TCK)));
}

std::expected<std::uint64_t, std::string> tracepoint_of_system_calls() {
    for (std::string_view const root : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
        std::ifstream file(fmt::format("{}/events/raw_syscalls/sys_enter/id", root));
        if (std::uint64_t id = 0; file >> id) {
            return id;
        }
    }
    return std::unexpected(
        "system calls cannot be counted: no tracepoint raw_syscalls:sys_enter can be read");
}

}  // namespace

std::expected<void, std::string> ProcessMeter::count_system_calls() {
    auto const tracepoint = tracepoint_of_system_calls();
    if (!tracepoint.has_value()) {
        return std::unexpected(tracepoint.error());
    }
    perf_event_attr attributes{};
    attributes.type = PERF_TYPE_TRACEPOINT;
    attributes.size = sizeof attributes;
    attributes.config = *tracepoint;
    attributes.inherit = 1;
    for (pid_t const process : processes()) {
        for (pid_t const thread : threads_of(process)) {
            constexpr int kAnyCpu = -1;
            constexpr int kNoGroup = -1;
            uring::Descriptor counter(static_cast<int>(::syscall(SYS_perf_event_open, &attributes, thread,
                                                                 kAnyCpu, kNoGroup, PERF_FLAG_FD_CLOEXEC)));
            if (counter.get() >= 0) {
                counters_.push_back(std::move(counter));
            } else if (errno != ESRCH) {
                return std::unexpected(
                    fmt::format("system calls cannot be counted: {}", std::strerror(errno)));
            }
        }
    }
    return {};
}

ProcessMeter::Reading ProcessMeter::read() const {
    Reading reading;
    for (pid_t const process : processes()) {
        reading.cpu += own_cpu(process) + waited_for_cpu(process);
    }
    for (const uring::Descriptor& counter : counters_) {
        std::uint64_t count = 0;
        if (::read(counter.get(), &count, sizeof count) == sizeof count) {
            reading.system_call_count += count;
        }
    }
    return reading;
}

std::vector<pid_t> ProcessMeter::processes() const {
    std::vector<pid_t> found = roots_;
    for (std::size_t i = 0; i < found.size(); ++i) {
        for (pid_t const thread : threads_of(found[i])) {
            std::ifstream children(fmt::format("/proc/{}/task/{}/children", found[i], thread));
            for (pid_t child = 0; children >> child;) {
                // A tree that is walked while it grows may show a process twice.
                if (std::ranges::find(found, child) == found.end()) {
                    found.push_back(child);
                }
            }
        }
    }
    return found;
}

}  // namespace pgring::bench
