/// Runs seeds: `sim --seeds 10000 [--first 1]`, or one with its log: `sim --seed 4711 --log`.

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "sim/world.h"

namespace {

using pgring::sim::Summary;
using pgring::sim::Violation;
using pgring::sim::World;

struct Arguments {
    std::uint64_t first = 1;
    std::uint64_t count = 300;
    bool log = false;
};

bool read_number(const char* text, std::uint64_t& number) {
    char* end = nullptr;
    number = std::strtoull(text, &end, 10);
    return end != text && *end == '\0';
}

bool read_arguments(int count, char** values, Arguments& arguments) {
    for (int i = 1; i < count; ++i) {
        std::string_view const word = values[i];
        if (word == "--log") {
            arguments.log = true;
            continue;
        }
        std::uint64_t number = 0;
        if (i + 1 >= count || !read_number(values[++i], number)) {
            return false;
        }
        if (word == "--seed") {
            arguments.first = number;
            arguments.count = 1;
        } else if (word == "--seeds") {
            arguments.count = number;
        } else if (word == "--first") {
            arguments.first = number;
        } else {
            return false;
        }
    }
    return true;
}

/// The seed that runs, for those who abort: a broken contract names only itself.
std::uint64_t current_seed = 0;

void say_seed(int) {
    std::fprintf(stderr, "seed %llu broke a contract; replay it with --seed %llu --log\n",
                 static_cast<unsigned long long>(current_seed),
                 static_cast<unsigned long long>(current_seed));
    std::_Exit(3);
}

}  // namespace

int main(int argument_count, char** argument_values) {
    Arguments arguments;
    if (!read_arguments(argument_count, argument_values, arguments)) {
        std::fprintf(stderr, "usage: sim [--seeds COUNT] [--first SEED] | --seed SEED [--log]\n");
        return 2;
    }
    std::signal(SIGABRT, say_seed);
    auto const begin = std::chrono::steady_clock::now();
    std::uint64_t events = 0;
    std::uint64_t writes = 0;
    for (std::uint64_t i = 0; i < arguments.count; ++i) {
        current_seed = arguments.first + i;
        World::Log log;
        if (arguments.log) {
            log = [](const std::string& line) { std::puts(line.c_str()); };
        }
        try {
            World world(current_seed, log);
            Summary const summary = world.run();
            events += summary.event_count;
            writes += summary.writes_acknowledged;
        } catch (const Violation& violation) {
            std::fflush(stdout);
            std::fprintf(stderr, "seed %llu: %s\n", static_cast<unsigned long long>(current_seed),
                         violation.what());
            return 1;
        }
    }
    std::chrono::duration<double> const elapsed = std::chrono::steady_clock::now() - begin;
    std::printf("%llu seeds, %llu events, %llu writes acknowledged, %.1f s\n",
                static_cast<unsigned long long>(arguments.count), static_cast<unsigned long long>(events),
                static_cast<unsigned long long>(writes), elapsed.count());
    return 0;
}
