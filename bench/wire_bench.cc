/// What it costs to cut a stream into messages, and to move ranges of it from one queue to another.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/contract.h"
#include "buffer/buffer.h"
#include "buffer/slice_queue.h"
#include "wire/framing.h"
#include "wire/message_writer.h"

namespace pgring {
namespace {

/// Messages with bodies of so many bytes each, as many as fit into one receive buffer.
std::vector<std::byte> stream_of(std::size_t body_bytes) {
    std::vector<std::byte> memory(buffer::kLargeBytes);
    std::vector<std::byte> const body(body_bytes);
    wire::MessageWriter writer(memory);
    for (std::size_t room = memory.size() / (wire::kHeaderBytes + body_bytes); room > 0; --room) {
        writer.begin(wire::BackendType::DataRow).bytes(body).end();
    }
    ASSERT(writer.ok());
    memory.resize(writer.written().size());
    return memory;
}

/// Looks at every header of a full buffer; bytes per second count what is skipped as well.
void BM_Frame(benchmark::State& state) {
    std::vector<std::byte> const stream = stream_of(static_cast<std::size_t>(state.range(0)));
    std::int64_t messages = 0;
    for (auto _ : state) {
        std::span<const std::byte> rest = stream;
        while (!rest.empty()) {
            wire::Framed const framed = wire::frame(rest);
            if (framed.state != wire::Framed::State::Complete) {
                state.SkipWithError("the stream does not consist of whole messages");
                return;
            }
            benchmark::DoNotOptimize(framed.header);
            rest = rest.subspan(framed.header.message_bytes());
            ++messages;
        }
    }
    state.SetItemsProcessed(messages);
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(stream.size()));
}
BENCHMARK(BM_Frame)->Arg(4)->Arg(60)->Arg(1000);

/// One received message from one queue to the other and out of it: what forwarding costs without I/O.
void BM_QueueForward(benchmark::State& state) {
    buffer::BufferPool pool({.large_count = 16});
    buffer::SliceQueue in(pool);
    buffer::SliceQueue out(pool);
    auto const size_bytes = static_cast<std::uint32_t>(state.range(0));
    std::array<std::span<const std::byte>, 16> pieces;
    for (auto _ : state) {
        in.push(buffer::Slice(*pool.take_large(), 0, size_bytes));
        in.move_front(size_bytes, out);
        benchmark::DoNotOptimize(out.gather(pieces));
        out.consume(size_bytes);
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_QueueForward)->Arg(60)->Arg(buffer::kLargeBytes);

/// A full buffer, message by message: slices that continue each other must become one.
void BM_QueueForwardPieces(benchmark::State& state) {
    buffer::BufferPool pool({.large_count = 16});
    buffer::SliceQueue in(pool);
    buffer::SliceQueue out(pool);
    auto const piece_bytes = static_cast<std::size_t>(state.range(0));
    std::array<std::span<const std::byte>, 16> pieces;
    for (auto _ : state) {
        in.push(buffer::Slice(*pool.take_large(), 0, buffer::kLargeBytes));
        while (in.size_bytes() >= piece_bytes) {
            in.move_front(piece_bytes, out);
        }
        if (out.gather(pieces) != 1) {
            state.SkipWithError("slices of one buffer were not joined");
            return;
        }
        in.clear();
        out.clear();
    }
    state.SetItemsProcessed(state.iterations() *
                            static_cast<std::int64_t>(buffer::kLargeBytes / piece_bytes));
}
BENCHMARK(BM_QueueForwardPieces)->Arg(64)->Arg(1000);

/// Bytes that pgring writes itself.
void BM_QueueCopy(benchmark::State& state) {
    buffer::BufferPool pool({.large_count = 16});
    buffer::SliceQueue queue(pool);
    std::vector<std::byte> const bytes(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        if (!queue.push_copy(bytes)) {
            state.SkipWithError("no buffer was left");
            return;
        }
        queue.consume(bytes.size());
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_QueueCopy)->Arg(60)->Arg(4000);

/// Waiting input: the large buffer goes back, its few bytes stay in a small one.
void BM_QueueSettle(benchmark::State& state) {
    buffer::BufferPool pool({.large_count = 16});
    buffer::SliceQueue queue(pool);
    for (auto _ : state) {
        queue.push(buffer::Slice(*pool.take_large(), 0, 60));
        queue.settle_last();
        queue.clear();
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_QueueSettle);

}  // namespace
}  // namespace pgring

BENCHMARK_MAIN();
