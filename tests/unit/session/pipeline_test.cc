#include "session/pipeline.h"

#include <vector>

#include <gtest/gtest.h>

namespace pgring::session {
namespace {

/// The numbers of the entries that error() skips, in its order.
std::vector<std::uint32_t> skipped_by_error(Pipeline& pipeline) {
    std::vector<std::uint32_t> numbers;
    pipeline.error([&numbers](const Expected& entry) { numbers.push_back(entry.statement); });
    return numbers;
}

/// Expects requests, numbered from 1.
class PipelineTest : public ::testing::Test {
  protected:
    void expect(std::initializer_list<Request> requests) {
        for (Request const request : requests) {
            pipeline_.expect({.request = request, .statement = ++number_});
        }
    }
    Pipeline pipeline_;
    std::uint32_t number_ = 0;
};

TEST_F(PipelineTest, AnswersComeInTheOrderOfTheRequests) {
    expect({Request::Parse, Request::Bind, Request::Execute, Request::Sync});
    for (Request const request : {Request::Parse, Request::Bind, Request::Execute, Request::Sync}) {
        EXPECT_EQ(pipeline_.pop().request, request);
    }
    EXPECT_TRUE(pipeline_.idle());
}

TEST_F(PipelineTest, IsOpenFromTheFirstMessageToItsSync) {
    EXPECT_FALSE(pipeline_.open());
    expect({Request::Parse});
    EXPECT_TRUE(pipeline_.open());
    pipeline_.pop();
    EXPECT_TRUE(pipeline_.empty());
    EXPECT_FALSE(pipeline_.idle()) << "the Sync is still to come";
    expect({Request::Sync});
    EXPECT_FALSE(pipeline_.open());
    EXPECT_EQ(pipeline_.ready_owed(), 1U);
}

TEST_F(PipelineTest, CountsEveryReadyForQuery) {
    expect({Request::Query, Request::Bind, Request::Sync, Request::FunctionCall, Request::Sync});
    EXPECT_EQ(pipeline_.ready_owed(), 4U);
    pipeline_.pop();
    EXPECT_EQ(pipeline_.ready_owed(), 3U);
}

TEST_F(PipelineTest, AnErrorSkipsToItsOwnSyncLatestFirst) {
    expect({Request::Parse, Request::Bind, Request::Execute, Request::Sync, Request::Bind, Request::Sync});
    EXPECT_EQ(skipped_by_error(pipeline_), (std::vector<std::uint32_t>{3, 2, 1}));
    EXPECT_EQ(pipeline_.front().statement, 4U);
    EXPECT_FALSE(pipeline_.skipping());
    EXPECT_EQ(pipeline_.size(), 3U);
}

TEST_F(PipelineTest, AnErrorBeforeTheSyncWasSentSkipsWhatIsSentNext) {
    expect({Request::Parse});
    EXPECT_EQ(skipped_by_error(pipeline_), std::vector<std::uint32_t>{1});
    EXPECT_TRUE(pipeline_.skipping());
    expect({Request::Bind, Request::Execute});
    EXPECT_TRUE(pipeline_.empty());
    expect({Request::Sync});
    EXPECT_FALSE(pipeline_.skipping());
    EXPECT_EQ(pipeline_.size(), 1U);
}

TEST_F(PipelineTest, AnErrorInASimpleQueryEndsWithItsReadyForQuery) {
    expect({Request::Query, Request::Bind, Request::Sync});
    EXPECT_TRUE(skipped_by_error(pipeline_).empty());
    EXPECT_EQ(pipeline_.front().request, Request::Query);
    EXPECT_FALSE(pipeline_.skipping());
}

TEST_F(PipelineTest, AQueryWithoutASyncBeforeItIsSkippedWithTheRest) {
    expect({Request::Bind, Request::Query, Request::Sync});
    EXPECT_EQ(skipped_by_error(pipeline_), (std::vector<std::uint32_t>{2, 1}));
    EXPECT_EQ(pipeline_.ready_owed(), 1U);
}

TEST_F(PipelineTest, SyncsDuringCopyInAreNotAnswered) {
    expect({Request::Execute, Request::Sync});
    pipeline_.copy_in_begins();
    EXPECT_TRUE(pipeline_.copying_in());
    EXPECT_EQ(pipeline_.size(), 1U) << "the Sync sent before is ignored by the server";
    EXPECT_EQ(pipeline_.ready_owed(), 0U);
    EXPECT_TRUE(pipeline_.open());
    expect({Request::Sync});
    EXPECT_EQ(pipeline_.size(), 1U);
    pipeline_.copy_in_ends();
    expect({Request::Sync});
    EXPECT_EQ(pipeline_.ready_owed(), 1U);
    EXPECT_FALSE(pipeline_.open());
}

TEST_F(PipelineTest, ASyncBehindACopyDoneThatWasSentAheadIsAnswered) {
    expect({Request::Execute, Request::Sync});
    pipeline_.copy_in_ends();
    expect({Request::Sync});
    pipeline_.copy_in_begins();
    EXPECT_FALSE(pipeline_.copying_in());
    EXPECT_EQ(pipeline_.ready_owed(), 1U) << "only the Sync in front of the CopyDone is ignored";
    EXPECT_EQ(pipeline_.pop().request, Request::Execute);
    EXPECT_EQ(pipeline_.pop().request, Request::Sync);
    EXPECT_TRUE(pipeline_.idle());
}

TEST_F(PipelineTest, ACopyInIsAwaitedUntilItsDataEndsOrItIsAnswered) {
    expect({Request::Bind, Request::Execute});
    pipeline_.copy_in_sent();
    EXPECT_TRUE(pipeline_.awaits_copy_in());
    pipeline_.pop();
    EXPECT_TRUE(pipeline_.awaits_copy_in());
    pipeline_.copy_in_ends();
    EXPECT_FALSE(pipeline_.awaits_copy_in()) << "it needs its Sync";
    expect({Request::Sync, Request::Query});
    pipeline_.copy_in_sent();
    pipeline_.copy_in_ends();
    EXPECT_TRUE(pipeline_.awaits_copy_in()) << "a simple query may hold another one";
    pipeline_.pop();
    pipeline_.pop();
    EXPECT_TRUE(pipeline_.awaits_copy_in());
    pipeline_.pop();
    EXPECT_FALSE(pipeline_.awaits_copy_in());
}

TEST_F(PipelineTest, ACopyInBehindAnotherIsNotTakenForWhatFollowsIt) {
    expect({Request::Query});
    pipeline_.copy_in_sent();
    pipeline_.copy_in_ends();
    expect({Request::Query});
    pipeline_.copy_in_sent();
    expect({Request::Parse});
    pipeline_.copy_in_begins();
    pipeline_.pop();
    EXPECT_TRUE(pipeline_.awaits_copy_in());
    pipeline_.pop();
    EXPECT_FALSE(pipeline_.awaits_copy_in()) << "the Parse needs its Sync";
}

TEST_F(PipelineTest, ACopyInThatIsRefusedIsNotAwaited) {
    expect({Request::Bind, Request::Execute});
    pipeline_.copy_in_sent();
    skipped_by_error(pipeline_);
    EXPECT_FALSE(pipeline_.awaits_copy_in());
}

TEST_F(PipelineTest, ASimpleCopyLeavesNothingOpen) {
    expect({Request::Query});
    pipeline_.copy_in_begins();
    pipeline_.copy_in_ends();
    EXPECT_FALSE(pipeline_.open());
    pipeline_.pop();
    EXPECT_TRUE(pipeline_.idle());
}

TEST_F(PipelineTest, ABatchBehindASimpleCopyStaysOpen) {
    expect({Request::Query});
    pipeline_.copy_in_ends();
    expect({Request::Parse, Request::Bind});
    pipeline_.copy_in_begins();
    EXPECT_TRUE(pipeline_.open()) << "its Sync was not sent yet";
    pipeline_.pop();
    EXPECT_EQ(skipped_by_error(pipeline_), (std::vector<std::uint32_t>{3, 2}));
    EXPECT_TRUE(pipeline_.skipping());
    EXPECT_FALSE(pipeline_.idle());
}

TEST_F(PipelineTest, AnErrorEndsACopyIn) {
    expect({Request::Execute});
    pipeline_.copy_in_begins();
    EXPECT_EQ(skipped_by_error(pipeline_), std::vector<std::uint32_t>{1});
    EXPECT_FALSE(pipeline_.copying_in());
    EXPECT_TRUE(pipeline_.skipping());
}

TEST_F(PipelineTest, GrowsInOrderAcrossTheEndOfItsRing) {
    for (std::uint32_t i = 0; i < 10; ++i) {
        expect({Request::Query});
        pipeline_.pop();
    }
    number_ = 0;
    for (std::uint32_t i = 0; i < 100; ++i) {
        expect({Request::Query});
    }
    for (std::uint32_t i = 0; i < 100; ++i) {
        EXPECT_EQ(pipeline_.pop().statement, i + 1);
    }
}

TEST_F(PipelineTest, IsFullAtItsBound) {
    for (std::size_t i = 0; i < Pipeline::kEntriesMax; ++i) {
        ASSERT_FALSE(pipeline_.full());
        expect({Request::Query});
    }
    EXPECT_TRUE(pipeline_.full());
    pipeline_.clear();
    EXPECT_TRUE(pipeline_.idle());
    EXPECT_EQ(pipeline_.ready_owed(), 0U);
}

/// A unit ahead of so many requests.
void send_ahead(Pipeline& pipeline, std::initializer_list<Request> requests) {
    UnitAhead& unit = pipeline.ahead.blank();
    unit.request_count = 0;
    for (Request const request : requests) {
        unit.requests[unit.request_count++] = request;
    }
    pipeline.ahead.push();
}

/// What is expected, in order, and of it what is for nobody.
std::vector<std::pair<Request, bool>> expected(const Pipeline& pipeline) {
    std::vector<std::pair<Request, bool>> entries;
    for (std::size_t i = 0; i < pipeline.size(); ++i) {
        entries.emplace_back(pipeline.at(i).request, pipeline.at(i).audience == Audience::Nobody);
    }
    return entries;
}

TEST_F(PipelineTest, WhatIsSentAheadIsNotOwedYet) {
    send_ahead(pipeline_, {Request::Query});
    EXPECT_TRUE(pipeline_.idle());
    EXPECT_EQ(pipeline_.ready_owed(), 0U);
}

TEST_F(PipelineTest, BehindWhatIsSentNextWhatWasAheadIsNobodys) {
    expect({Request::Query});
    send_ahead(pipeline_, {Request::Bind, Request::Sync});
    send_ahead(pipeline_, {Request::Query});
    expect({Request::Query});
    EXPECT_TRUE(pipeline_.ahead.empty());
    EXPECT_EQ(expected(pipeline_), (std::vector<std::pair<Request, bool>>{{Request::Query, false},
                                                                          {Request::Bind, true},
                                                                          {Request::Sync, true},
                                                                          {Request::Query, true},
                                                                          {Request::Query, false}}));
    EXPECT_FALSE(pipeline_.open());
    EXPECT_EQ(pipeline_.ready_owed(), 4U);
}

TEST_F(PipelineTest, WhatIsRehearsedComesBeforeWhatIsAheadStill) {
    send_ahead(pipeline_, {Request::Query});
    send_ahead(pipeline_, {Request::Query});
    pipeline_.begin_rehearsal();
    expect({Request::Query});
    pipeline_.rehearsed();
    EXPECT_EQ(pipeline_.size(), 1U);
    EXPECT_EQ(pipeline_.ahead.size(), 1U);
}

TEST_F(PipelineTest, WhatIsRehearsedInVainComesBehindAllThatIsAhead) {
    send_ahead(pipeline_, {Request::Query});
    send_ahead(pipeline_, {Request::Bind, Request::Sync});
    pipeline_.begin_rehearsal();
    expect({Request::Parse, Request::Sync});
    pipeline_.rehearsed_in_vain();
    EXPECT_TRUE(pipeline_.ahead.empty());
    EXPECT_EQ(expected(pipeline_), (std::vector<std::pair<Request, bool>>{{Request::Query, true},
                                                                          {Request::Bind, true},
                                                                          {Request::Sync, true},
                                                                          {Request::Parse, false},
                                                                          {Request::Sync, false}}));
    EXPECT_EQ(pipeline_.ready_owed(), 3U);
}

}  // namespace
}  // namespace pgring::session
