/// Runs seeds: `sim --seeds 10000 [--first 1] [--jobs 2]`, or one with its log: `sim --seed 4711 --log`. In a
/// build with -Dmutations=true `sim --mutations` plants one bug after the other and says how many seeds find
/// it.

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "sim/mutation_check.h"
#include "sim/seeds.h"

namespace {

using pgring::sim::Seeds;

struct Arguments {
    Seeds seeds{.first = 1, .count = 300};
    std::uint64_t jobs = 1;
    bool mutations = false;
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
            arguments.seeds.log = true;
            continue;
        }
        if (word == "--mutations") {
            arguments.mutations = true;
            continue;
        }
        std::uint64_t number = 0;
        if (i + 1 >= count || !read_number(values[++i], number)) {
            return false;
        }
        if (word == "--seed") {
            arguments.seeds.first = number;
            arguments.seeds.count = 1;
        } else if (word == "--seeds") {
            arguments.seeds.count = number;
        } else if (word == "--first") {
            arguments.seeds.first = number;
        } else if (word == "--jobs" && number > 0) {
            arguments.jobs = number;
        } else {
            return false;
        }
    }
    return true;
}

/// Deals the seeds out to `jobs` processes. The status is 0 only if all of them were fine.
int run_dealt_out(const Arguments& arguments) {
    std::fflush(stdout);
    std::vector<pid_t> children;
    for (std::uint64_t job = 0; job < arguments.jobs; ++job) {
        Seeds mine = arguments.seeds;
        mine.first += job;
        mine.stride = arguments.jobs;
        mine.count = (arguments.seeds.count + arguments.jobs - 1 - job) / arguments.jobs;
        pid_t const child = fork();
        if (child == 0) {
            int const status = pgring::sim::run_seeds(mine);
            std::fflush(stdout);
            std::_Exit(status);
        }
        children.push_back(child);
    }
    int worst = 0;
    for (pid_t const child : children) {
        int status = 0;
        bool const ended = child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status);
        worst = std::max(worst, ended ? WEXITSTATUS(status) : 3);
    }
    return worst;
}

}  // namespace

int main(int argument_count, char** argument_values) {
    Arguments arguments;
    if (!read_arguments(argument_count, argument_values, arguments)) {
        std::fprintf(stderr,
                     "usage: sim [--seeds COUNT] [--first SEED] [--jobs COUNT] | --seed SEED [--log] | "
                     "--mutations [--seeds COUNT]\n");
        return 2;
    }
    if (arguments.mutations) {
        return pgring::sim::check_mutations(arguments.seeds.count);
    }
    return arguments.jobs == 1 ? pgring::sim::run_seeds(arguments.seeds) : run_dealt_out(arguments);
}
