/// The command line of the load generator, an instrument for measuring (load_run.h).

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <expected>
#include <map>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "command_line.h"
#include "load_plan.h"
#include "load_run.h"
#include "uring/sockets.h"

namespace {

using namespace pgring;
using bench::LoadMode;

const std::map<std::string, LoadMode> kModes = {
    {"simple", LoadMode::Simple},       {"extended", LoadMode::Extended}, {"prepared", LoadMode::Prepared},
    {"pipelined", LoadMode::Pipelined}, {"copy-out", LoadMode::CopyOut},  {"copy-in", LoadMode::CopyIn},
    {"connect", LoadMode::Connect},
};

double microseconds(std::chrono::nanoseconds duration) {
    return std::chrono::duration<double, std::micro>(duration).count();
}

/// "null" for what was not measured.
std::string number_or_null(std::optional<double> number) {
    return number.has_value() ? fmt::format("{:.6g}", *number) : "null";
}

std::string to_json(const bench::LoadPlan& plan, const bench::LoadResult& result) {
    auto const count = static_cast<double>(result.transaction_count);
    std::optional<double> cpu;
    std::optional<double> system_calls;
    if (count > 0 && !plan.metered.empty()) {
        cpu = microseconds(result.cost.cpu) / count;
    }
    if (count > 0 && plan.counts_system_calls) {
        system_calls = static_cast<double>(result.cost.system_call_count) / count;
    }
    auto const at = [&result](double share) { return microseconds(result.latency.quantile(share)); };
    return fmt::format(
        "{{\"transactions\": {}, \"seconds\": {:.6f}, \"tps\": {:.1f}, \"connect_seconds\": {:.6f}, "
        "\"cpu_us\": {}, \"system_calls\": {}, \"unanswered\": {}, \"latency_us\": {{\"count\": {}, "
        "\"mean\": "
        "{:.1f}, \"p50\": {:.1f}, \"p99\": {:.1f}, \"p999\": {:.1f}, \"max\": {:.1f}}}}}",
        result.transaction_count, result.seconds, count / result.seconds, result.connect_seconds,
        number_or_null(cpu), number_or_null(system_calls), result.unanswered_count, result.latency.count(),
        microseconds(result.latency.mean()), at(0.5), at(0.99), at(0.999),
        microseconds(result.latency.max()));
}

std::expected<bench::LoadResult, std::string> run(const bench::LoadPlan& plan) {
    bench::raise_descriptor_limit();
    auto const server = uring::resolve(plan.address);
    if (!server.has_value()) {
        return std::unexpected(server.error());
    }
    return bench::LoadRun(plan, *server).run();
}

/// Wrong combinations, in a sentence.
std::optional<std::string> complaint_about(const bench::LoadPlan& plan) {
    bool const copies = plan.mode == LoadMode::CopyOut || plan.mode == LoadMode::CopyIn;
    if (plan.rate.has_value() &&
        (copies || plan.mode == LoadMode::Connect || plan.transaction_count.has_value())) {
        return "--rate is for transactions of a few bytes, for a time";
    }
    if (copies && plan.copy_bytes % bench::kCopyUnitBytes != 0) {
        return fmt::format("--copy-bytes must be a multiple of {}", bench::kCopyUnitBytes);
    }
    if (plan.counts_system_calls && plan.metered.empty()) {
        return "--count-system-calls needs the processes to count them of, --meter";
    }
    return std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "A lean PostgreSQL client that is many: an instrument for measuring. Prints one line of JSON.\n"
        "PGPASSWORD is the password where the server asks for one."};
    bench::LoadPlan plan;
    std::string address;
    double seconds = 1;
    double warmup_seconds = 0.2;
    app.add_option("--connect", address, "The server, or FOLDER:PORT for its unix socket")
        ->required()
        ->type_name("HOST:PORT");
    app.add_option("--user", plan.user)->required();
    app.add_option("--database", plan.database)->required();
    app.add_option("--mode", plan.mode, "What a transaction is")
        ->transform(CLI::CheckedTransformer(kModes, CLI::ignore_case));
    app.add_option("--clients", plan.client_count)->check(CLI::Range(1, 60000));
    app.add_option("--seconds", seconds, "To measure for")->check(CLI::PositiveNumber);
    app.add_option("--warmup", warmup_seconds, "Seconds before that")->check(CLI::NonNegativeNumber);
    app.add_option("--transactions", plan.transaction_count, "Measure so many instead, without warm-up")
        ->check(CLI::PositiveNumber);
    app.add_option("--rate", plan.rate, "Open loop: transactions that become due in a second")
        ->check(CLI::PositiveNumber);
    app.add_option("--keys", plan.key_max, "Rows to choose from")->check(CLI::PositiveNumber);
    app.add_option("--copy-bytes", plan.copy_bytes, "Of each COPY")->check(CLI::PositiveNumber);
    app.add_option("--meter", plan.metered, "Processes whose CPU time counts, with their children");
    app.add_flag("--count-system-calls", plan.counts_system_calls, "Of those; CPU times mean nothing then");
    CLI11_PARSE(app, argc, argv);

    plan.warmup = std::chrono::nanoseconds(static_cast<std::int64_t>(warmup_seconds * 1e9));
    plan.duration = std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
    if (const char* const password = std::getenv("PGPASSWORD"); password != nullptr) {
        plan.password = password;
    }
    auto const parsed = bench::parse_address(address);
    auto const complaint = parsed.has_value() ? complaint_about(plan) : parsed.error();
    if (complaint.has_value()) {
        fmt::print(stderr, "load: {}\n", *complaint);
        return 2;
    }
    plan.address = *parsed;
    auto const result = run(plan);
    if (!result.has_value()) {
        fmt::print(stderr, "load: {}\n", result.error());
        return 1;
    }
    fmt::print("{}\n", to_json(plan, *result));
    return 0;
}
