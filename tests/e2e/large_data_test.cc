/// Large results, parameters and copies flow through pgring whole, while its memory stays small.

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include "environment.h"

namespace pgring::e2e {
namespace {

constexpr std::size_t kMegabyte = 1'000'000;
/// What pgring may have in memory at most, whatever flows through it.
constexpr std::size_t kMemoryBytesMax = std::size_t{64} << 20;

/// Megabytes that are copied; PGRING_E2E_COPY_MEGABYTES asks for another number, 1000 for the full size.
std::size_t copy_megabytes() {
    const char* const wish = std::getenv("PGRING_E2E_COPY_MEGABYTES");
    return wish == nullptr ? 100 : std::stoul(wish);
}

class LargeData : public EndToEnd {
  protected:
    LargeData() : pgring_("large", cluster()) {}
    /// The memory it had at most, in MiB; a peak above the limit is a failure.
    void expect_small() {
        std::size_t const peak = memory_peak_bytes(pgring_.process().pid());
        EXPECT_LT(peak, kMemoryBytesMax);
        std::cout << fmt::format("large data: pgring's memory peaked at {:.1f} MiB\n",
                                 static_cast<double>(peak) / (1 << 20));
    }
    PgringProcess pgring_;
};

TEST_F(LargeData, AResultOf100MegabytesArrivesWhole) {
    Connection client = pgring_.connect();
    ASSERT_EQ(
        PQsendQuery(client.get(), "select repeat('x', 999) || n % 10 from generate_series(1, 100000) n"), 1);
    ASSERT_EQ(PQsetSingleRowMode(client.get()), 1);
    std::size_t size_bytes = 0;
    std::size_t rows = 0;
    while (PGresult* const next = PQgetResult(client.get())) {
        Result const result(next);
        ASSERT_TRUE(result.ok()) << result.message();
        if (result.row_count() == 1) {
            ++rows;
            size_bytes += static_cast<std::size_t>(PQgetlength(result.get(), 0, 0));
            ASSERT_EQ(PQgetvalue(result.get(), 0, 0)[999], static_cast<char>('0' + rows % 10));
        }
    }
    EXPECT_EQ(rows, 100'000U);
    EXPECT_EQ(size_bytes, 100 * kMegabyte);
    expect_small();
}

TEST_F(LargeData, AClientThatDoesNotReadHoldsNobodyUp) {
    Connection lazy = pgring_.connect();
    ASSERT_EQ(PQsendQuery(lazy.get(), "select repeat('x', 1000) from generate_series(1, 100000)"), 1);
    Connection busy = pgring_.connect();
    for (int i = 0; i < 200; ++i) {
        ASSERT_EQ(busy.value("select " + std::to_string(i)), std::to_string(i));
    }
    expect_small();
}

TEST_F(LargeData, AParameterOf50MegabytesArrivesWhole) {
    Connection client = pgring_.connect();
    std::string value(50 * kMegabyte, 'x');
    for (std::size_t i = 0; i < value.size(); i += 997) {
        value[i] = static_cast<char>('a' + i % 26);
    }
    Result const sums = client.run("select length($1::text), md5($1::text)", {value});
    EXPECT_EQ(sums.value(0, 0), std::to_string(value.size()));
    Connection direct(cluster().direct(cluster().standby()));
    EXPECT_EQ(sums.value(0, 1), direct.run("select md5($1::text)", {value}).value());
    ASSERT_TRUE(client.prepare("sum", "select md5($1::text)").ok());
    EXPECT_EQ(client.execute("sum", {value}).value(), sums.value(0, 1));
    expect_small();
}

/// Counts the messages in a stream of them that comes in any pieces.
class MessageCount {
  public:
    void read(std::string_view bytes) {
        while (!bytes.empty()) {
            std::size_t const wanted = rest_bytes_ > 0 ? rest_bytes_ : kHeaderBytes - header_.size();
            std::string_view const piece = bytes.substr(0, wanted);
            bytes.remove_prefix(piece.size());
            if (rest_bytes_ > 0) {
                rest_bytes_ -= piece.size();
                continue;
            }
            header_ += piece;
            if (header_.size() == kHeaderBytes) {
                std::uint32_t length = 0;
                std::memcpy(&length, header_.data() + 1, sizeof length);
                rest_bytes_ = ntohl(length) - sizeof length;
                ++counts_[header_.front()];
                header_.clear();
            }
        }
    }
    [[nodiscard]] int of(char type) { return counts_[type]; }

  private:
    static constexpr std::size_t kHeaderBytes = 5;
    std::string header_;
    std::size_t rest_bytes_ = 0;
    std::map<char, int> counts_;
};

/// libpq reads by itself whenever it cannot write; this client does not, until it cannot write for a while.
TEST_F(LargeData, AHundredMegabytesOfPipelinedQueriesAndAnswersPassEachOther) {
    constexpr int kQueries = 10'000;
    Connection client = pgring_.connect();
    int const socket = PQsocket(client.get());
    std::string const text = "select '" + std::string(10'000, 'x') + "'";
    std::uint32_t const length = htonl(static_cast<std::uint32_t>(sizeof length + text.size() + 1));
    std::string message = "Q";
    message.append(reinterpret_cast<const char*>(&length), sizeof length).append(text).append(1, '\0');
    std::size_t const total_bytes = kQueries * message.size();
    std::size_t sent_bytes = 0;
    MessageCount answers;
    int blocked = 0;
    std::vector<char> buffer(1 << 20);
    while (answers.of('Z') < kQueries) {
        pollfd ready{
            .fd = socket, .events = sent_bytes < total_bytes ? short{POLLOUT} : short{POLLIN}, .revents = 0};
        if (poll(&ready, 1, sent_bytes < total_bytes ? 50 : 20'000) == 1 && sent_bytes < total_bytes) {
            std::string_view const rest = std::string_view(message).substr(sent_bytes % message.size());
            ssize_t const count = send(socket, rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            sent_bytes += count > 0 ? static_cast<std::size_t>(count) : 0;
            continue;
        }
        ssize_t count = recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
        ASSERT_GT(count, 0) << "neither can it write nor is there anything to read";
        for (; count > 0; count = recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT)) {
            answers.read({buffer.data(), static_cast<std::size_t>(count)});
        }
        ++blocked;
    }
    EXPECT_EQ(sent_bytes, total_bytes);
    EXPECT_GT(blocked, 3) << "all sides were full";
    EXPECT_EQ(answers.of('D'), kQueries);
    EXPECT_EQ(answers.of('E'), 0);
    expect_small();
}

TEST_F(LargeData, ARowOf100MegabytesStreamsThrough) {
    Connection client = pgring_.connect();
    Result const row = client.run("select repeat('0123456789', 10000000)");
    EXPECT_EQ(PQgetlength(row.get(), 0, 0), 100'000'000);
    EXPECT_EQ(std::string(PQgetvalue(row.get(), 0, 0) + 99'999'990), "0123456789");
    expect_small();
}

TEST_F(LargeData, CopyOutAndInInBoundedMemory) {
    std::size_t const lines = copy_megabytes() * 1000;
    Connection client = pgring_.connect();
    Result const out = client.run(
        fmt::format("copy (select n, repeat('y', 991) from generate_series(1000001, {}) n) to stdout",
                    1'000'000 + lines));
    ASSERT_EQ(out.status(), PGRES_COPY_OUT);
    std::size_t received = 0;
    std::size_t size_bytes = 0;
    char* data = nullptr;
    int length = 0;
    while ((length = PQgetCopyData(client.get(), &data, 0)) > 0) {
        ASSERT_EQ(std::strtoul(data, nullptr, 10), 1'000'001 + received);
        size_bytes += static_cast<std::size_t>(length);
        ++received;
        PQfreemem(data);
    }
    ASSERT_EQ(length, -1) << PQerrorMessage(client.get());
    EXPECT_TRUE(Result(PQgetResult(client.get())).ok());
    ASSERT_EQ(PQgetResult(client.get()), nullptr);
    EXPECT_EQ(received, lines);
    EXPECT_EQ(size_bytes, lines * 1000);

    client.run("drop table if exists copied_in; create unlogged table copied_in (id bigint, text text)");
    ASSERT_EQ(client.run("copy copied_in from stdin").status(), PGRES_COPY_IN);
    std::string const text(991, 'z');
    for (std::size_t line = 0; line < lines; ++line) {
        std::string const row = std::to_string(1'000'000 + line) + "\t" + text + "\n";
        ASSERT_EQ(PQputCopyData(client.get(), row.data(), static_cast<int>(row.size())), 1);
    }
    ASSERT_EQ(PQputCopyEnd(client.get(), nullptr), 1);
    Result const done(PQgetResult(client.get()));
    EXPECT_TRUE(done.ok()) << done.message();
    EXPECT_STREQ(PQcmdTuples(done.get()), std::to_string(lines).c_str());
    ASSERT_EQ(PQgetResult(client.get()), nullptr);
    Connection direct(cluster().direct(cluster().primary()));
    EXPECT_EQ(direct.value("select count(distinct id) || '/' || sum(length(text)) from copied_in"),
              fmt::format("{}/{}", lines, lines * 991));
    client.run("drop table copied_in");
    expect_small();
}

TEST_F(LargeData, WhatALongTextLeavesInItsSessionStaysThere) {
    PgringProcess own("long_text", cluster(), {.pgring = {{"default_pool_size", "2"}}});
    Connection one = own.connect();
    Connection other = own.connect();
    std::string const padding = "/* " + std::string(20'000, '.') + " */ ";
    one.run(padding + "set work_mem = '7MB'");
    EXPECT_EQ(other.value("show work_mem"), "4MB");
    EXPECT_EQ(one.value("show work_mem"), "7MB");
    one.run(padding + "create temporary table mine as select 42 as x");
    EXPECT_EQ(other.attempt("select x from mine").sqlstate(), "42P01");
    EXPECT_EQ(one.value("select x from mine"), "42");
    one.run("drop table mine");
    EXPECT_EQ(one.value("show work_mem"), "7MB");
}

TEST_F(LargeData, ACopyThatItsClientGivesUpIsUndone) {
    Connection client = pgring_.connect();
    client.run("drop table if exists given_up; create table given_up (id int)");
    ASSERT_EQ(client.run("copy given_up from stdin").status(), PGRES_COPY_IN);
    ASSERT_EQ(PQputCopyData(client.get(), "1\n2\n", 4), 1);
    ASSERT_EQ(PQputCopyEnd(client.get(), "changed my mind"), 1);
    EXPECT_EQ(Result(PQgetResult(client.get())).sqlstate(), "57014");
    ASSERT_EQ(PQgetResult(client.get()), nullptr);
    EXPECT_EQ(client.value("begin; select count(*) from given_up"), "0");
    client.run("commit");
    ASSERT_EQ(client.run("copy given_up from stdin").status(), PGRES_COPY_IN);
    ASSERT_EQ(PQputCopyData(client.get(), "1\n2\n", 4), 1);
    ASSERT_EQ(PQflush(client.get()), 0);
    client.vanish();
    Connection next = pgring_.connect();
    for (int i = 0; i < 10; ++i) {
        next.run("begin");
        EXPECT_EQ(next.value("select count(*) from given_up"), "0");
        next.run("commit");
    }
}

}  // namespace
}  // namespace pgring::e2e
