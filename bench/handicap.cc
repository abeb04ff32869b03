/// Makes a pgring that is slower than pgring by a known share, to see whether tools/bench sees it.
///
/// It is linked from the very objects that pgring is; only calls of the two functions by which a reactor
/// waits for the kernel go through here (the linker's --wrap), so that nothing of this is in what is
/// installed, not even a branch. Before each wait it burns the wanted share of the CPU time that the thread
/// has taken since it waited last, most of it in the kernel: what costs 10 % more CPU costs its latency and
/// throughput as well.

#include <chrono>
#include <cstdlib>
#include <ctime>

#include <liburing.h>

namespace {

using Duration = std::chrono::nanoseconds;

Duration thread_cpu() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + Duration(time.tv_nsec);
}

/// PGRING_BENCH_HANDICAP is the share, 0.1 for 10 %; none without.
double share_wanted() {
    const char* const text = std::getenv("PGRING_BENCH_HANDICAP");
    return text == nullptr ? 0 : std::strtod(text, nullptr);
}

void burn_share_of_last_turn() {
    static double const share = share_wanted();
    static thread_local Duration turn_began = thread_cpu();
    auto const until = [] {
        Duration const now = thread_cpu();
        return now + std::chrono::duration_cast<Duration>(share * (now - turn_began));
    }();
    do {
        turn_began = thread_cpu();
    } while (turn_began < until);
}

}  // namespace

extern "C" {

int __real_io_uring_submit_and_wait(io_uring* ring, unsigned wait_count);
int __wrap_io_uring_submit_and_wait(io_uring* ring, unsigned wait_count) {
    burn_share_of_last_turn();
    return __real_io_uring_submit_and_wait(ring, wait_count);
}

int __real_io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** completion, unsigned wait_count,
                                            __kernel_timespec* timeout, sigset_t* signals);
int __wrap_io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** completion, unsigned wait_count,
                                            __kernel_timespec* timeout, sigset_t* signals) {
    burn_share_of_last_turn();
    return __real_io_uring_submit_and_wait_timeout(ring, completion, wait_count, timeout, signals);
}

}  // extern "C"
