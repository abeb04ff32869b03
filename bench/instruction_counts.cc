/// What parts of pgring cost in instructions, which unlike time are the same in every run:
/// tools/instruction-counts runs this under callgrind, which counts them, and compares with the figures that
/// are checked in. By itself it only fails where a steady state allocates.
///
/// Cryptography is not in it: libcrypto chooses its code by the processor.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <valgrind/callgrind.h>

#include "allocations.h"
#include "base/contract.h"
#include "base/random.h"
#include "buffer/buffer.h"
#include "buffer/slice_queue.h"
#include "core_stage.h"
#include "sql/classifier.h"
#include "wire/framing.h"
#include "wire/message_writer.h"

namespace {

using namespace pgring;

constexpr int kIterations = 200;

enum class Allocates : std::uint8_t { Never, Sometimes };

bool all_steady = true;

/// Counts what kIterations of `operation` take, after some that nobody counts: what grows has grown by then,
/// and the dynamic linker has found what it looks for. callgrind writes the count to a file under the given
/// name.
template <class Operation>
void count(std::string_view name, Allocates allocates, Operation operation) {
    for (int i = 0; i < 30; ++i) {
        operation();
    }
    std::uint64_t const before = bench::allocation_count();
    CALLGRIND_TOGGLE_COLLECT;
    for (int i = 0; i < kIterations; ++i) {
        operation();
    }
    CALLGRIND_TOGGLE_COLLECT;
    std::uint64_t const allocation_count = bench::allocation_count() - before;
    std::string const label = fmt::format("{}/{}", name, kIterations);
    CALLGRIND_DUMP_STATS_AT(label.c_str());
    if (allocates == Allocates::Never && allocation_count > 0) {
        fmt::print(stderr, "instruction_counts: {} allocates {} times in {}\n", name, allocation_count,
                   kIterations);
        all_steady = false;
    }
}

/// A receive buffer full of small messages, each of which is looked at.
void count_framing() {
    std::vector<std::byte> memory(buffer::kLargeBytes);
    wire::MessageWriter writer(memory);
    std::array<std::byte, 60> const body{};
    for (std::size_t room = memory.size() / (wire::kHeaderBytes + body.size()); room > 0; --room) {
        writer.begin(wire::BackendType::DataRow).bytes(body).end();
    }
    std::uint64_t body_bytes = 0;
    count("frame a buffer of messages", Allocates::Never, [&] {
        std::span<const std::byte> rest = writer.written();
        while (!rest.empty()) {
            wire::Framed const framed = wire::frame(rest);
            ASSERT(framed.state == wire::Framed::State::Complete);
            body_bytes += framed.header.body_bytes;
            rest = rest.subspan(framed.header.message_bytes());
        }
    });
    ASSERT(body_bytes > 0);
}

void count_queues() {
    constexpr std::uint32_t kMessageBytes = 60;
    buffer::BufferPool pool({.large_count = 16});
    buffer::SliceQueue in(pool);
    buffer::SliceQueue out(pool);
    count("forward a message", Allocates::Never, [&] {
        in.push(buffer::Slice(*pool.take_large(), 0, kMessageBytes));
        in.move_front(kMessageBytes, out);
        std::array<std::span<const std::byte>, 16> pieces;
        ASSERT(out.gather(pieces) == 1);
        out.consume(kMessageBytes);
    });
}

void count_classification() {
    constexpr std::string_view kSelect = "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;";
    base::Prng random(1);
    sql::Classifier classifier({.misses_per_second_max = 1'000'000'000}, random);
    count("classify a known statement", Allocates::Never,
          [&] { static_cast<void>(classifier.classify(kSelect)); });
    count("classify a new statement", Allocates::Sometimes, [&] {
        classifier.forget();
        static_cast<void>(classifier.classify(kSelect));
    });
}

void count_transactions() {
    bench::Script select;
    bench::Script row;
    write_select(select);
    write_simple_answer(row, 1, 4);
    {
        bench::Stage stage(1, 1);
        count("simple transaction", Allocates::Never,
              [&] { stage.transact(0, select.bytes(), row.bytes()); });
        bench::Script rows;
        write_simple_answer(rows, 40, 1000);
        count("40 rows of 1 KB", Allocates::Never, [&] { stage.transact(0, select.bytes(), rows.bytes()); });
    }
    {
        bench::Stage stage(64, 20);
        count("64 clients on 20 backends", Allocates::Never,
              [&] { stage.transact_all(select.bytes(), row.bytes()); });
    }
    bench::Stage stage(1, 1);
    bench::Script parse;
    bench::Script parsed;
    write_parse(parse, parsed);
    stage.transact(0, parse.bytes(), parsed.bytes());
    bench::Script execute;
    bench::Script answer;
    write_execute(execute, answer);
    count("prepared transaction", Allocates::Never,
          [&] { stage.transact(0, execute.bytes(), answer.bytes()); });
    bench::Script unnamed;
    bench::Script unnamed_answer;
    write_unnamed(unnamed, unnamed_answer);
    count("unnamed extended transaction", Allocates::Never,
          [&] { stage.transact(0, unnamed.bytes(), unnamed_answer.bytes()); });
    bench::Script batch;
    bench::Script batch_answer;
    write_batch(batch, batch_answer, 10);
    count("batch of 10 prepared statements", Allocates::Never,
          [&] { stage.transact(0, batch.bytes(), batch_answer.bytes()); });
}

}  // namespace

int main() {
    count_framing();
    count_queues();
    count_classification();
    count_transactions();
    return all_steady ? 0 : 1;
}
