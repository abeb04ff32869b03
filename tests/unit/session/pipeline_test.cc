#include "session/pipeline.h"

#include <vector>

#include <gtest/gtest.h>

namespace pgring::session {
namespace {

void expect_all(Pipeline& pipeline, std::initializer_list<Request> requests) {
    for (Request const request : requests) {
        pipeline.expect({.request = request});
    }
}

std::vector<Request> skipped_by_error(Pipeline& pipeline) {
    std::vector<Request> skipped;
    pipeline.error([&skipped](const Expected& entry) { skipped.push_back(entry.request); });
    return skipped;
}

TEST(Pipeline, IsIdleOnlyAfterItsSync) {
    Pipeline pipeline;
    EXPECT_TRUE(pipeline.idle());
    expect_all(pipeline, {Request::Parse});
    pipeline.pop();
    EXPECT_TRUE(pipeline.empty());
    EXPECT_FALSE(pipeline.idle()) << "the unit is open until its Sync";
    expect_all(pipeline, {Request::Sync});
    EXPECT_EQ(pipeline.ready_owed(), 1U);
    pipeline.pop();
    EXPECT_TRUE(pipeline.idle());
}

TEST(Pipeline, ErrorSwallowsUntilSyncTheLatestFirst) {
    Pipeline pipeline;
    expect_all(pipeline, {Request::Parse, Request::Bind, Request::Execute, Request::Sync, Request::Query});
    EXPECT_EQ(skipped_by_error(pipeline), (std::vector{Request::Execute, Request::Bind, Request::Parse}));
    EXPECT_EQ(pipeline.front().request, Request::Sync);
    EXPECT_EQ(pipeline.ready_owed(), 2U);
    EXPECT_FALSE(pipeline.skipping());
}

TEST(Pipeline, AfterAnErrorWithoutItsSyncEverythingIsSkippedUntilItComes) {
    Pipeline pipeline;
    expect_all(pipeline, {Request::Parse});
    skipped_by_error(pipeline);
    EXPECT_TRUE(pipeline.skipping());
    expect_all(pipeline, {Request::Bind, Request::Execute});
    EXPECT_TRUE(pipeline.empty()) << "the server will not answer these";
    expect_all(pipeline, {Request::Sync});
    EXPECT_FALSE(pipeline.skipping());
    EXPECT_EQ(pipeline.size(), 1U);
}

TEST(Pipeline, AnErrorOfASimpleQueryLeavesItsReadyForQueryOwed) {
    Pipeline pipeline;
    expect_all(pipeline, {Request::Query, Request::Query});
    EXPECT_TRUE(skipped_by_error(pipeline).empty());
    EXPECT_EQ(pipeline.size(), 2U);
}

TEST(Pipeline, SyncsSentWhileTheServerCopiesInAreNotAnswered) {
    Pipeline pipeline;
    expect_all(pipeline, {Request::Execute, Request::Sync});
    pipeline.copy_in_begins();
    EXPECT_EQ(pipeline.ready_owed(), 0U);
    expect_all(pipeline, {Request::Sync});
    EXPECT_EQ(pipeline.ready_owed(), 0U);
    pipeline.copy_in_ends();
    expect_all(pipeline, {Request::Sync});
    EXPECT_EQ(pipeline.ready_owed(), 1U);
    EXPECT_EQ(pipeline.pop().request, Request::Execute);
    EXPECT_EQ(pipeline.pop().request, Request::Sync);
    EXPECT_TRUE(pipeline.idle());
}

TEST(Pipeline, ASyncBehindACopyDoneThatWasSentAheadIsAnswered) {
    Pipeline pipeline;
    expect_all(pipeline, {Request::Execute, Request::Sync});
    pipeline.copy_in_ends();
    expect_all(pipeline, {Request::Sync});
    pipeline.copy_in_begins();
    EXPECT_FALSE(pipeline.copying_in()) << "the client's CopyDone is on its way already";
    EXPECT_EQ(pipeline.ready_owed(), 1U);
}

TEST(Pipeline, KeepsItsOrderWhenItGrows) {
    Pipeline pipeline;
    for (std::uint32_t i = 0; i < 100; ++i) {
        pipeline.expect({.request = Request::Bind, .statement = i});
        if (i % 3 == 0) {
            EXPECT_EQ(pipeline.front().statement, i / 3);
            pipeline.pop();
        }
    }
    for (std::uint32_t i = 34; i < 100; ++i) {
        EXPECT_EQ(pipeline.pop().statement, i);
    }
}

}  // namespace
}  // namespace pgring::session
