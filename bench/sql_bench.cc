/// What it costs to know a statement: a shape met before, and one that must be parsed.

#include <cstdint>
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

#include "base/random.h"
#include "sql/classifier.h"
#include "sql/fingerprint.h"
#include "sql/lexer.h"
#include "sql/setting.h"

namespace pgring::sql {
namespace {

constexpr std::string_view kPgbenchSelect = "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;";
constexpr std::string_view kReport =
    "SELECT o.id, o.created_at, c.name, sum(l.quantity * l.price) AS total FROM orders o JOIN customers c ON "
    "c.id = "
    "o.customer_id JOIN lines l ON l.order_id = o.id WHERE o.created_at > $1 AND c.country IN ('de', 'fr', "
    "'it') GROUP BY "
    "o.id, o.created_at, c.name ORDER BY total DESC LIMIT 20";

std::string_view text_of(std::int64_t which) {
    constexpr std::string_view kTexts[] = {"BEGIN", kPgbenchSelect, kReport};
    return kTexts[which];
}

void BM_ClassifyHit(benchmark::State& state) {
    base::Prng random(1);
    Classifier classifier({}, random);
    const std::string_view text = text_of(state.range(0));
    for (auto _ : state) {
        benchmark::DoNotOptimize(classifier.classify(text));
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
BENCHMARK(BM_ClassifyHit)->DenseRange(0, 2);

void BM_ClassifyHitLargest(benchmark::State& state) {
    base::Prng random(1);
    Classifier classifier({}, random);
    std::string text = "SELECT a FROM t WHERE b IN ('";
    text.resize(ClassifierLimits{}.text_bytes_max - 2, 'x');
    text += "')";
    for (auto _ : state) {
        benchmark::DoNotOptimize(classifier.classify(text));
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
BENCHMARK(BM_ClassifyHitLargest);

void BM_ClassifyMiss(benchmark::State& state) {
    base::Prng random(1);
    Classifier classifier({.misses_per_second_max = 1'000'000'000}, random);
    const std::string_view text = text_of(state.range(0));
    for (auto _ : state) {
        classifier.forget();
        benchmark::DoNotOptimize(classifier.classify(text));
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
BENCHMARK(BM_ClassifyMiss)->DenseRange(0, 2);

/// The part of a miss that is not parsing: emptying 4,096 entries, as BM_ClassifyMiss does before each.
void BM_Forget(benchmark::State& state) {
    base::Prng random(1);
    Classifier classifier({}, random);
    for (auto _ : state) {
        classifier.forget();
        benchmark::ClobberMemory();
    }
}
BENCHMARK(BM_Forget);

void BM_Lexer(benchmark::State& state) {
    Lexer lexer(ClassifierLimits{}.text_bytes_max);
    const std::string_view text = text_of(state.range(0));
    for (auto _ : state) {
        benchmark::DoNotOptimize(lexer.read(text));
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
BENCHMARK(BM_Lexer)->DenseRange(0, 2);

void BM_Fingerprint(benchmark::State& state) {
    base::Prng random(1);
    const Fingerprinter fingerprint(random);
    const std::string bytes(static_cast<std::size_t>(state.range(0)), 'x');
    for (auto _ : state) {
        benchmark::DoNotOptimize(fingerprint(bytes));
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes.size()));
}
BENCHMARK(BM_Fingerprint)->Arg(8)->Arg(64)->Arg(512);

void BM_SettingsOf(benchmark::State& state) {
    for (auto _ : state) {
        benchmark::DoNotOptimize(settings_of("SET statement_timeout TO '5s'"));
    }
}
BENCHMARK(BM_SettingsOf);

}  // namespace
}  // namespace pgring::sql

BENCHMARK_MAIN();
