#include "session/unit_scout.h"

#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "conversation/messages.h"

namespace pgring::session {
namespace {

using namespace conversation;

class UnitScout : public ::testing::Test {
  protected:
    /// What is said of a unit of which `bytes` have come so far.
    Scouted scout(std::string_view bytes) {
        buffer::SliceQueue in(buffers_);
        while (!bytes.empty()) {
            buffer::Buffer* const buffer = buffers_.take_large();
            std::size_t const count = std::min<std::size_t>(bytes.size(), buffer::kLargeBytes);
            std::memcpy(buffer->data, bytes.data(), count);
            in.push(buffer::Slice(*buffer, 0, static_cast<std::uint32_t>(count)));
            bytes.remove_prefix(count);
        }
        return scout_unit(shared_, in, {.statements = names_, .unnamed = unnamed_});
    }
    /// The client has prepared this.
    void prepare(std::string_view name, std::string_view text) {
        names_.add_confirmed(name, statements_.intern({text}, classifier_.classify(text)));
    }

    config::Settings settings_;
    base::Prng random_{1};
    base::LogNothing log_;
    AccessControl access_{.users = {}, .rules = {}, .process_secret = auth::ProcessSecret(random_)};
    buffer::BufferPool buffers_{{.large_count = 4}};
    sql::Classifier classifier_{sql::ClassifierLimits{}, random_};
    ParameterSets parameters_;
    auth::ScramKeyCache scram_keys_;
    stats::WorkerStats stats_{1};
    std::vector<std::byte> scratch_{std::vector<std::byte>(1U << 20U)};
    Shared shared_{.settings = settings_,
                   .access = access_,
                   .log = log_,
                   .random = random_,
                   .buffers = buffers_,
                   .classifier = classifier_,
                   .parameters = parameters_,
                   .scram_keys = scram_keys_,
                   .stats = stats_,
                   .scratch = scratch_};
    StatementMap statements_{std::make_shared<StatementTexts>()};
    SessionStatements names_;
    const sql::Traits* unnamed_ = nullptr;
};

TEST_F(UnitScout, AUnitOfReadsIsARead) {
    EXPECT_EQ(scout(parse("", "select 1") + bind("") + describe_portal() + execute() + sync()),
              Scouted::Read);
    EXPECT_EQ(scout(parse("s", "select 1") + bind("s") + execute() + close_statement("s") + sync()),
              Scouted::Read);
}

TEST_F(UnitScout, OneWriteMakesItAWrite) {
    EXPECT_EQ(scout(parse("", "select 1") + bind("") + execute() + parse("", "delete from t") + bind("") +
                    execute() + sync()),
              Scouted::Write);
}

TEST_F(UnitScout, NothingIsSaidBeforeTheSyncUnlessItIsAWrite) {
    std::string const unit = parse("", "select 1") + bind("") + execute() + sync();
    for (std::size_t size = 0; size < unit.size(); ++size) {
        EXPECT_EQ(scout(unit.substr(0, size)), Scouted::NeedMore) << size;
    }
    EXPECT_EQ(scout(parse("", "delete from t")), Scouted::Write);
}

TEST_F(UnitScout, PreparedStatementsCountAsWhatTheyAre) {
    prepare("reads", "select 1");
    prepare("writes", "insert into t values (1)");
    EXPECT_EQ(scout(bind("reads") + execute() + sync()), Scouted::Read);
    EXPECT_EQ(scout(describe_statement("reads") + sync()), Scouted::Read);
    EXPECT_EQ(scout(bind("writes") + execute() + sync()), Scouted::Write);
    EXPECT_EQ(scout(describe_statement("writes") + sync()), Scouted::Write);
}

TEST_F(UnitScout, TheUnnamedStatementCountsAsWhatItWasLast) {
    EXPECT_EQ(scout(bind("") + execute() + sync()), Scouted::Write) << "there is none";
    sql::Traits const read = classifier_.classify("select 1");
    unnamed_ = &read;
    EXPECT_EQ(scout(bind("") + execute() + sync()), Scouted::Read);
    sql::Traits const write = classifier_.classify("delete from t");
    unnamed_ = &write;
    EXPECT_EQ(scout(bind("") + execute() + sync()), Scouted::Write);
    EXPECT_EQ(scout(parse("", "select 1") + bind("") + execute() + sync()), Scouted::Read);
}

TEST_F(UnitScout, WhatEndsTheLookGoesToThePrimary) {
    EXPECT_EQ(scout(parse("", "select 1") + flush()), Scouted::Write);
    EXPECT_EQ(scout(parse("", "select 1") + query("select 1")), Scouted::Write);
    EXPECT_EQ(scout(parse("", "select 1") + terminate()), Scouted::Write);
}

TEST_F(UnitScout, LargeMessagesAndLongUnitsGoToThePrimary) {
    EXPECT_EQ(scout(parse("", "select 1") + bind("", {std::string(20'000, 'x')})), Scouted::Write);
    std::string unit;
    while (unit.size() < kScoutBytesMax) {
        unit += parse("", "select '" + std::string(10'000, 'x') + "'");
    }
    EXPECT_EQ(scout(unit), Scouted::Write);
}

TEST_F(UnitScout, ABrokenLengthGoesToThePrimary) {
    EXPECT_EQ(scout("P" + number(1)), Scouted::Write);
}

TEST(StandbyMayServe, ReadsWithoutEffects) {
    EXPECT_TRUE(standby_may_serve({.effects = {}, .access = sql::Access::Read}));
    EXPECT_TRUE(standby_may_serve(
        {.effects = {}, .access = sql::Access::Read, .control = sql::Control::BeginReadOnly}));
    EXPECT_FALSE(standby_may_serve({.effects = {}, .access = sql::Access::Write}));
    EXPECT_FALSE(
        standby_may_serve({.effects = {}, .access = sql::Access::Read, .control = sql::Control::Begin}));
    EXPECT_FALSE(standby_may_serve({.effects = sql::Effect::AdvisoryLock, .access = sql::Access::Read}));
}

TEST(StandbyMayServe, AHintDecides) {
    EXPECT_FALSE(standby_may_serve({.effects = {}, .access = sql::Access::Read, .hint = sql::Hint::Primary}));
    EXPECT_TRUE(standby_may_serve({.effects = {}, .access = sql::Access::Write, .hint = sql::Hint::Standby}));
}

}  // namespace
}  // namespace pgring::session
