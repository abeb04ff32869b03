#include "sim/seeds.h"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "sim/world.h"

namespace pgring::sim {

namespace {

/// The seed that runs, for those who abort: a broken contract names only itself.
std::uint64_t current_seed = 0;

void say_seed(int) {
    std::fprintf(stderr, "seed %llu broke a contract; replay it with --seed %llu --log\n",
                 static_cast<unsigned long long>(current_seed),
                 static_cast<unsigned long long>(current_seed));
    std::_Exit(3);
}

}  // namespace

int run_seeds(const Seeds& seeds) {
    std::signal(SIGABRT, say_seed);
    auto const begin = std::chrono::steady_clock::now();
    Summary all;
    World::Log log;
    if (seeds.log) {
        log = [](const std::string& line) { std::puts(line.c_str()); };
    }
    for (std::uint64_t i = 0; i < seeds.count; ++i) {
        current_seed = seeds.first + i * seeds.stride;
        try {
            World world(current_seed, log);
            Summary const summary = world.run();
            all.event_count += summary.event_count;
            all.writes_acknowledged += summary.writes_acknowledged;
            all.backends_lent += summary.backends_lent;
            all.units_ahead += summary.units_ahead;
            all.units_ahead_used += summary.units_ahead_used;
        } catch (const Violation& violation) {
            std::fflush(stdout);
            std::fprintf(stderr, "seed %llu: %s\n", static_cast<unsigned long long>(current_seed),
                         violation.what());
            return 1;
        }
    }
    std::chrono::duration<double> const elapsed = std::chrono::steady_clock::now() - begin;
    std::printf(
        "%llu seeds, %llu events, %llu writes acknowledged, %llu backends lent, "
        "%llu of %llu reads sent ahead were of use, %.1f s\n",
        static_cast<unsigned long long>(seeds.count), static_cast<unsigned long long>(all.event_count),
        static_cast<unsigned long long>(all.writes_acknowledged),
        static_cast<unsigned long long>(all.backends_lent),
        static_cast<unsigned long long>(all.units_ahead_used),
        static_cast<unsigned long long>(all.units_ahead), elapsed.count());
    return 0;
}

}  // namespace pgring::sim
