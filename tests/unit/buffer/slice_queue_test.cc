#include "buffer/slice_queue.h"

#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"

namespace pgring::buffer {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

std::string text_of(const SliceQueue& queue) {
    std::vector<std::byte> scratch(queue.size_bytes());
    auto const view = queue.view(0, queue.size_bytes(), scratch);
    return {reinterpret_cast<const char*>(view.data()), view.size()};
}

Slice received(BufferPool& pool, std::string_view text) {
    Buffer* buffer = pool.take_large();
    std::memcpy(buffer->data, text.data(), text.size());
    return Slice(*buffer, 0, static_cast<std::uint32_t>(text.size()));
}

TEST(Slice, LastReferenceReturnsTheBuffer) {
    BufferPool pool({.large_count = 2});
    {
        Slice const first = received(pool, "hello");
        Slice const second = first.share(1, 3);
        EXPECT_EQ(pool.large_free_count(), 1U);
    }
    EXPECT_EQ(pool.large_free_count(), 2U);
}

TEST(SliceQueue, ForwardingMovesBytesWithoutCopying) {
    BufferPool pool({.large_count = 2});
    SliceQueue from(pool);
    SliceQueue to(pool);
    from.push(received(pool, "abcdef"));
    const std::byte* const where = from.piece_at(0).data();
    from.move_front(2, to);
    from.move_front(3, to);
    EXPECT_EQ(text_of(to), "abcde");
    EXPECT_EQ(to.piece_at(0).data(), where);
    EXPECT_EQ(to.piece_at(0).size(), 5U) << "adjacent pieces of one buffer become one";
    EXPECT_EQ(text_of(from), "f");
}

TEST(SliceQueue, ASmallPieceBehindCopiedBytesLeavesWithThemAsOne) {
    BufferPool pool({.large_count = 2});
    SliceQueue from(pool);
    SliceQueue to(pool);
    std::string const rest = " and the rest, " + std::string(600, 'x');
    from.push(received(pool, rest));
    ASSERT_TRUE(to.push_copy(bytes_of("a head")));
    from.move_front(8, to);
    from.move_front(7, to);
    EXPECT_EQ(text_of(to), "a head and the rest, ");
    EXPECT_EQ(to.piece_at(0).size(), to.size_bytes());
    from.move_front(600, to);
    EXPECT_EQ(to.piece_at(0).size(), 21U) << "a long one is not copied";
    EXPECT_EQ(text_of(to), "a head" + rest);
}

TEST(SliceQueue, NoBufferIsTakenForASmallPiece) {
    BufferPool pool({.large_count = 1});
    SliceQueue from(pool);
    SliceQueue to(pool);
    from.push(received(pool, "rest"));
    ASSERT_TRUE(to.push_copy(bytes_of(std::string(kSmallBytes - 3, 'x'))));
    from.move_front(4, to);
    EXPECT_EQ(pool.small_in_use_count(), 1U);
    EXPECT_EQ(to.piece_at(0).size(), kSmallBytes - 3);
    EXPECT_EQ(to.size_bytes(), kSmallBytes + 1);
}

TEST(SliceQueue, SettlingGivesTheLargeBufferBack) {
    BufferPool pool({.large_count = 1});
    SliceQueue queue(pool);
    queue.push(received(pool, "select 1"));
    EXPECT_EQ(pool.large_free_count(), 0U);
    queue.settle_last();
    EXPECT_EQ(pool.large_free_count(), 1U);
    EXPECT_EQ(text_of(queue), "select 1");
    queue.push(received(pool, ", 2"));
    queue.settle_last();
    EXPECT_EQ(text_of(queue), "select 1, 2");
    EXPECT_EQ(pool.small_in_use_count(), 1U) << "what is settled later joins the same small buffer";
}

TEST(SliceQueue, SettlingAllGivesEveryLargeBufferBackForWhichThereIsRoom) {
    BufferPool pool({.large_count = 3, .small_count_max = 32});
    SliceQueue queue(pool);
    std::string const text(20 * kSmallBytes, 'x');
    queue.push(received(pool, text));
    ASSERT_TRUE(queue.push_copy(bytes_of("abc")));
    queue.push(received(pool, text));
    queue.push(received(pool, "end"));
    queue.settle_all();
    EXPECT_EQ(pool.large_free_count(), 2U) << "small ones are left for one of the two";
    EXPECT_EQ(text_of(queue), text + "abc" + text + "end");
    queue.consume(text.size() + 3);
    queue.settle_all();
    EXPECT_EQ(pool.large_free_count(), 3U);
    EXPECT_EQ(text_of(queue), text + "end");
    queue.clear();
    EXPECT_EQ(pool.small_in_use_count(), 0U);
    EXPECT_EQ(pool.nodes_in_use_count(), 0U);
}

TEST(SliceQueue, CopyIsRefusedWholeWhenSmallBuffersRunOut) {
    BufferPool pool({.large_count = 1, .small_count_max = 32});
    SliceQueue queue(pool);
    ASSERT_TRUE(queue.push_copy(bytes_of("start")));
    std::string const large(32 * kSmallBytes, 'x');
    EXPECT_FALSE(queue.push_copy(bytes_of(large)));
    EXPECT_EQ(text_of(queue), "start");
}

TEST(SliceQueue, PiecesInFlightStayValidWhileMoreIsPushed) {
    BufferPool pool({.large_count = 1});
    SliceQueue queue(pool);
    ASSERT_TRUE(queue.push_copy(bytes_of("abc")));
    std::span<const std::byte> pieces[1];
    ASSERT_EQ(queue.gather(pieces), 1U);
    const std::byte* const data = pieces[0].data();
    ASSERT_TRUE(queue.push_copy(bytes_of("def")));
    EXPECT_EQ(pieces[0].data(), data);
    EXPECT_EQ(std::memcmp(data, "abcdef", 6), 0);
    queue.consume(3);
    EXPECT_EQ(text_of(queue), "def");
}

// A model check: the queue against a plain string under random operations, and no buffer or node leaks.
TEST(SliceQueue, BehavesLikeAStringUnderRandomUse) {
    BufferPool pool({.large_count = 64});
    base::Prng random(7);
    {
        SliceQueue queue(pool);
        SliceQueue other(pool);
        std::string expected;
        std::string expected_other;
        for (int round = 0; round < 20000; ++round) {
            std::string const text(1 + random.below(6000), static_cast<char>('a' + random.below(26)));
            switch (random.below(6)) {
                case 0:
                    if (pool.large_free_count() > 0) {
                        queue.push(received(pool, text));
                        expected += text;
                    }
                    break;
                case 1:
                    ASSERT_TRUE(queue.push_copy(bytes_of(text)));
                    expected += text;
                    break;
                case 2:
                    random.chance(50) ? queue.settle_last() : queue.settle_all();
                    break;
                case 3: {
                    std::size_t const count = random.below(expected.size() + 1);
                    queue.move_front(count, other);
                    expected_other += expected.substr(0, count);
                    expected.erase(0, count);
                    break;
                }
                case 4: {
                    std::size_t const count = random.below(expected.size() + 1);
                    queue.consume(count);
                    expected.erase(0, count);
                    break;
                }
                default: {
                    std::size_t const count = random.below(expected_other.size() + 1);
                    other.consume(count);
                    expected_other.erase(0, count);
                }
            }
            if (expected.size() > 100000) {
                queue.clear();
                expected.clear();
            }
            ASSERT_EQ(text_of(queue), expected);
            ASSERT_EQ(text_of(other), expected_other);
        }
    }
    EXPECT_EQ(pool.large_free_count(), pool.large_count());
    EXPECT_EQ(pool.small_in_use_count(), 0U);
    EXPECT_EQ(pool.nodes_in_use_count(), 0U);
}

}  // namespace
}  // namespace pgring::buffer
