/// What the core costs per transaction, without a system call: proxy::Worker is told what a reactor would
/// tell it for a client's request and the server's answer. Everything between two completions is in here:
/// framing, the session, classification, the pool, the queues. A benchmark whose
/// steady state allocates fails.

#include <cstddef>
#include <cstdint>

#include <benchmark/benchmark.h>

#include "allocations.h"
#include "core_stage.h"

namespace pgring {
namespace {

using bench::Script;
using bench::Stage;

/// Fails the benchmark when the loop that it surrounds allocates. A few are the benchmark library's own.
class NoAllocations {
  public:
    explicit NoAllocations(benchmark::State& state) : state_(state), before_(bench::allocation_count()) {}
    NoAllocations(const NoAllocations&) = delete;
    NoAllocations& operator=(const NoAllocations&) = delete;
    ~NoAllocations() {
        constexpr std::uint64_t kOfTheLibrary = 16;
        if (bench::allocation_count() - before_ > kOfTheLibrary) {
            state_.SkipWithError("steady state allocates");
        }
    }

  private:
    benchmark::State& state_;
    std::uint64_t before_;
};

/// pgbench -S -M simple: one client, one backend.
void BM_SimpleQuery(benchmark::State& state) {
    Stage stage(1, 1);
    Script request;
    write_select(request);
    Script answer;
    write_simple_answer(answer, 1, 4);
    stage.transact(0, request.bytes(), answer.bytes());
    NoAllocations const steady(state);
    for (auto _ : state) {
        stage.transact(0, request.bytes(), answer.bytes());
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_SimpleQuery);

/// As many clients as asked for wait for 20 backends; an item is a transaction.
void BM_SimpleQueryWaiting(benchmark::State& state) {
    Stage stage(static_cast<std::size_t>(state.range(0)), 20);
    Script request;
    write_select(request);
    Script answer;
    write_simple_answer(answer, 1, 4);
    // As often as there are backends, so that all of them are open and everything has grown to its size.
    for (int i = 0; i < 3; ++i) {
        stage.transact_all(request.bytes(), answer.bytes());
    }
    NoAllocations const steady(state);
    for (auto _ : state) {
        stage.transact_all(request.bytes(), answer.bytes());
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(stage.client_count()));
}
BENCHMARK(BM_SimpleQueryWaiting)->Arg(16)->Arg(64)->Arg(256);

/// pgbench -S -M prepared: Bind, Describe, Execute, Sync of a named statement, which pgring renames.
void BM_PreparedQuery(benchmark::State& state) {
    Stage stage(1, 1);
    Script parse;
    Script parsed;
    write_parse(parse, parsed);
    stage.transact(0, parse.bytes(), parsed.bytes());

    Script request;
    Script answer;
    write_execute(request, answer);
    stage.transact(0, request.bytes(), answer.bytes());
    NoAllocations const steady(state);
    for (auto _ : state) {
        stage.transact(0, request.bytes(), answer.bytes());
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_PreparedQuery);

/// What most drivers send: Parse, Bind, Describe, Execute, Sync of an unnamed statement.
void BM_UnnamedQuery(benchmark::State& state) {
    Stage stage(1, 1);
    Script request;
    Script answer;
    write_unnamed(request, answer);
    stage.transact(0, request.bytes(), answer.bytes());
    NoAllocations const steady(state);
    for (auto _ : state) {
        stage.transact(0, request.bytes(), answer.bytes());
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_UnnamedQuery);

/// Ten prepared statements under one Sync; an item is a statement.
void BM_Batch(benchmark::State& state) {
    constexpr std::size_t kStatements = 10;
    Stage stage(1, 1);
    Script parse;
    Script parsed;
    write_parse(parse, parsed);
    stage.transact(0, parse.bytes(), parsed.bytes());

    Script request;
    Script answer;
    write_batch(request, answer, kStatements);
    stage.transact(0, request.bytes(), answer.bytes());
    NoAllocations const steady(state);
    for (auto _ : state) {
        stage.transact(0, request.bytes(), answer.bytes());
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kStatements));
}
BENCHMARK(BM_Batch);

/// A longer answer: 40 rows of 1,000 bytes in one buffer.
void BM_FortyRows(benchmark::State& state) {
    Stage stage(1, 1);
    Script request;
    write_select(request);
    Script answer;
    write_simple_answer(answer, 40, 1000);
    stage.transact(0, request.bytes(), answer.bytes());
    NoAllocations const steady(state);
    for (auto _ : state) {
        stage.transact(0, request.bytes(), answer.bytes());
    }
    state.SetItemsProcessed(state.iterations());
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(answer.bytes().size()));
}
BENCHMARK(BM_FortyRows);

}  // namespace
}  // namespace pgring

BENCHMARK_MAIN();
