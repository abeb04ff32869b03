#include "sim/mutation_check.h"

#include <cstdio>

#include "base/mutation.h"

#ifdef PGRING_MUTATIONS

#include <csignal>
#include <cstdlib>
#include <string_view>

#include <sys/wait.h>
#include <unistd.h>

#include "sim/world.h"

namespace pgring::sim {

namespace {

using base::Mutation;

struct Planted {
    Mutation mutation;
    std::string_view name;
};

constexpr Planted kPlanted[]{
    {Mutation::FailedTransactionIsIdle, "FailedTransactionIsIdle"},
    {Mutation::ErrorSwallowsSync, "ErrorSwallowsSync"},
    {Mutation::ParameterDifferenceCut, "ParameterDifferenceCut"},
    {Mutation::CancelNotAwaited, "CancelNotAwaited"},
    {Mutation::UnknownToldAsUndone, "UnknownToldAsUndone"},
    {Mutation::BufferNotReturned, "BufferNotReturned"},
    {Mutation::EvictedStatementRemembered, "EvictedStatementRemembered"},
    {Mutation::LineServedBackwards, "LineServedBackwards"},
    {Mutation::CopyErrorForgotten, "CopyErrorForgotten"},
    {Mutation::WriteFollowsReads, "WriteFollowsReads"},
    {Mutation::PinnedReleasedUnreset, "PinnedReleasedUnreset"},
    {Mutation::EchoNotAwaited, "EchoNotAwaited"},
    {Mutation::ForeignNamesKept, "ForeignNamesKept"},
    {Mutation::AheadForgotten, "AheadForgotten"},
};
static_assert(std::size(kPlanted) == static_cast<std::size_t>(Mutation::AheadForgotten));

constexpr int kFound = 0;
constexpr int kNotFound = 1;
/// One world takes milliseconds; one that takes so long goes round in circles.
constexpr unsigned kSecondsPerSeed = 30;

std::uint64_t seeds_run = 0;
std::string_view planted_name;

void say_found(const char* how) {
    std::printf("%-28s %5llu  %s\n", planted_name.data(), static_cast<unsigned long long>(seeds_run), how);
    std::fflush(stdout);
}

[[noreturn]] void on_abort(int) {
    say_found("a contract broke");
    std::_Exit(kFound);
}

[[noreturn]] void on_alarm(int) {
    say_found("the worker does not come to an end");
    std::_Exit(kFound);
}

int look_for(const Planted& planted, std::uint64_t seed_count) {
    base::planted_mutation = planted.mutation;
    planted_name = planted.name;
    std::signal(SIGABRT, on_abort);
    std::signal(SIGALRM, on_alarm);
    // What a broken contract says is of no interest here.
    static_cast<void>(std::freopen("/dev/null", "w", stderr));
    for (seeds_run = 1; seeds_run <= seed_count; ++seeds_run) {
        alarm(kSecondsPerSeed);
        try {
            World world(seeds_run, {});
            static_cast<void>(world.run());
        } catch (const Violation& violation) {
            say_found(std::string(violation.what()).substr(0, 100).c_str());
            return kFound;
        }
    }
    seeds_run = seed_count;
    say_found("NOT FOUND");
    return kNotFound;
}

}  // namespace

int check_mutations(std::uint64_t seed_count) {
    std::printf("%-28s seeds  what showed it\n", "planted bug");
    std::fflush(stdout);
    int missed_count = 0;
    for (const Planted& planted : kPlanted) {
        // A process each: a broken contract ends it.
        pid_t const child = fork();
        if (child == 0) {
            std::_Exit(look_for(planted, seed_count));
        }
        int status = 0;
        bool const ended = child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status);
        missed_count += ended && WEXITSTATUS(status) == kFound ? 0 : 1;
    }
    std::printf("%zu planted, %d not found within %llu seeds\n", std::size(kPlanted), missed_count,
                static_cast<unsigned long long>(seed_count));
    return missed_count == 0 ? 0 : 1;
}

}  // namespace pgring::sim

#else

namespace pgring::sim {

int check_mutations(std::uint64_t) {
    std::fprintf(stderr, "sim: no bugs are planted in this build; use tools/mutation-check\n");
    return 2;
}

}  // namespace pgring::sim

#endif
