#include "uring/census.h"

#include <gtest/gtest.h>

namespace pgring::uring {
namespace {

/// Worker 0 accepts all of them, as if the kernel's hash had chosen it each time.
void accept_at_first(Census& census, std::uint32_t connection_count) {
    for (std::uint32_t i = 0; i < connection_count; ++i) {
        static_cast<void>(census.place(0));
    }
}

TEST(Census, AWorkerKeepsAConnectionWhenNobodyHasFewerClients) {
    Census census(3);
    EXPECT_EQ(census.place(1), 1);
    EXPECT_EQ(census.place(2), 2);
    EXPECT_EQ(census.place(0), 0);
    EXPECT_EQ(census.place(2), 2);
}

TEST(Census, FewConnectionsAreSpreadExactly) {
    Census census(4);
    accept_at_first(census, 32);
    for (pool::WorkerIndex worker = 0; worker < 4; ++worker) {
        EXPECT_EQ(census.clients_of(worker), 8U);
    }
}

TEST(Census, OfManyConnectionsNoWorkerHasASixteenthMoreThanAnother) {
    Census census(2);
    accept_at_first(census, 10'000);
    EXPECT_EQ(census.clients_of(0) + census.clients_of(1), 10'000U);
    EXPECT_LE(census.clients_of(0), census.clients_of(1) + census.clients_of(0) / 16 + 1);
}

TEST(Census, TheNextConnectionGoesWhereClientsHaveLeft) {
    Census census(2);
    accept_at_first(census, 20);
    for (int i = 0; i < 6; ++i) {
        census.remove(1);
    }
    accept_at_first(census, 6);
    EXPECT_EQ(census.clients_of(0), 10U);
    EXPECT_EQ(census.clients_of(1), 10U);
}

TEST(Census, OneWorkerTakesAll) {
    Census census(1);
    accept_at_first(census, 5);
    EXPECT_EQ(census.clients_of(0), 5U);
}

}  // namespace
}  // namespace pgring::uring
