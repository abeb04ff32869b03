#include "session/listening.h"

#include <gtest/gtest.h>

namespace pgring::session {
namespace {

using wire::TransactionStatus;
using Hears = Listening::Hears;
using More = Listening::More;
using Tracked = Listening::Tracked;

constexpr pool::SessionId kAlice{.index = 1, .generation = 1};

class AListening : public testing::Test {
  protected:
    /// A simple query that is answered with these tags.
    void answered(std::string_view text, std::initializer_list<std::string_view> tags,
                  TransactionStatus status = TransactionStatus::Idle) {
        listening_.sent(sql::channel_steps_of(text));
        for (std::string_view const tag : tags) {
            listening_.completed(tag, Tracked::Yes);
        }
        listening_.entry_over();
        listening_.ready(status, More::No);
    }
    Listening listening_;
};

TEST_F(AListening, HearsFromTheCommitOn) {
    listening_.sent(sql::channel_steps_of("listen a"));
    EXPECT_EQ(listening_.hears("a"), Hears::Maybe) << "it may be committed before its answer is here";
    EXPECT_EQ(listening_.hears("b"), Hears::No);
    listening_.completed("LISTEN", Tracked::Yes);
    EXPECT_EQ(listening_.hears("a"), Hears::Maybe);
    listening_.entry_over();
    listening_.ready(TransactionStatus::Idle, More::No);
    EXPECT_EQ(listening_.hears("a"), Hears::Yes);
    EXPECT_TRUE(listening_.left_on_backend);
}

TEST_F(AListening, DoesNotHearWhatAnErrorUndid) {
    listening_.sent(sql::channel_steps_of("listen a; select 1/0"));
    listening_.completed("LISTEN", Tracked::Yes);
    listening_.failed();
    listening_.entry_over();
    listening_.ready(TransactionStatus::Idle, More::No);
    EXPECT_EQ(listening_.hears("a"), Hears::No);
    EXPECT_FALSE(listening_.listens());
}

TEST_F(AListening, KeepsWhatACommitInTheTextHadCommitted) {
    listening_.sent(sql::channel_steps_of("listen a; commit; listen b; select 1/0"));
    for (std::string_view const tag : {"LISTEN", "COMMIT", "LISTEN"}) {
        listening_.completed(tag, Tracked::Yes);
    }
    listening_.failed();
    listening_.entry_over();
    listening_.ready(TransactionStatus::Idle, More::No);
    EXPECT_EQ(listening_.channels(), ChannelNames{"a"});
}

TEST_F(AListening, TellsARollbackToASavepointFromARollback) {
    answered("begin; listen a; savepoint s; listen b; rollback to s",
             {"BEGIN", "LISTEN", "SAVEPOINT", "LISTEN", "ROLLBACK"}, TransactionStatus::InTransaction);
    EXPECT_EQ(listening_.hears("a"), Hears::Maybe);
    EXPECT_EQ(listening_.hears("b"), Hears::No);
    answered("rollback", {"ROLLBACK"});
    EXPECT_EQ(listening_.hears("a"), Hears::No);
}

TEST_F(AListening, ACommitThatIsARollbackUndoes) {
    answered("listen a", {"LISTEN"}, TransactionStatus::InTransaction);
    listening_.failed();
    listening_.ready(TransactionStatus::InFailedTransaction, More::No);
    answered("commit", {"ROLLBACK"});
    EXPECT_TRUE(listening_.channels().empty());
}

TEST_F(AListening, KeepsNotificationsInOrderUntilTheyCanBeTold) {
    answered("listen a", {"LISTEN"});
    EXPECT_TRUE(listening_.keep("a", "1"));
    EXPECT_TRUE(listening_.keep("", "notice"));
    EXPECT_TRUE(listening_.keep("a", "2"));
    EXPECT_EQ(listening_.take_kept(), "1");
    EXPECT_EQ(listening_.take_kept(), "notice");
    EXPECT_EQ(listening_.take_kept(), "2");
    EXPECT_EQ(listening_.take_kept(), std::nullopt);
}

TEST_F(AListening, ForgetsWhatCameBeforeAChannelWasCommitted) {
    answered("listen a", {"LISTEN"}, TransactionStatus::InTransaction);
    listening_.sent(sql::channel_steps_of("select 1"));
    EXPECT_TRUE(listening_.keep("a", "early"));
    listening_.entry_over();
    listening_.ready(TransactionStatus::InTransaction, More::No);
    EXPECT_FALSE(listening_.has_kept()) << "its COMMIT had not even been sent";
    listening_.sent(sql::channel_steps_of("commit"));
    EXPECT_TRUE(listening_.keep("a", "in time"));
    EXPECT_EQ(listening_.take_kept(), std::nullopt) << "nobody knows yet whether it is committed";
    listening_.completed("COMMIT", Tracked::Yes);
    listening_.entry_over();
    listening_.ready(TransactionStatus::Idle, More::No);
    EXPECT_EQ(listening_.take_kept(), "in time");
}

TEST_F(AListening, KeepsWhatAPipelinedListenMayHear) {
    listening_.sent(sql::channel_steps_of("listen a"));
    listening_.sent(sql::channel_steps_of("listen b"));
    EXPECT_TRUE(listening_.keep("b", "for b"));
    listening_.completed("LISTEN", Tracked::Yes);
    listening_.entry_over();
    listening_.ready(TransactionStatus::Idle, More::Yes);
    EXPECT_EQ(listening_.take_kept(), std::nullopt);
    listening_.completed("LISTEN", Tracked::Yes);
    listening_.entry_over();
    listening_.ready(TransactionStatus::Idle, More::No);
    EXPECT_EQ(listening_.take_kept(), "for b");
}

TEST_F(AListening, KeepsABoundedAmount) {
    answered("listen a", {"LISTEN"});
    std::string const payload(8000, 'x');
    std::size_t count = 0;
    while (listening_.keep("a", payload)) {
        ++count;
    }
    EXPECT_GT(count, 120U);
    EXPECT_LE(count * payload.size(), kNotificationBytesMax);
    static_cast<void>(listening_.take_kept());
    EXPECT_TRUE(listening_.keep("a", payload)) << "what was told counts no more";
}

TEST_F(AListening, LeavesTheChannelsItDoesNotHear) {
    Listener listener;
    EXPECT_FALSE(listening_.join(listener, kAlice, sql::channel_steps_of("listen a; listen b")));
    EXPECT_EQ(listener.sessions_of("a").size(), 1U);
    answered("listen a", {"LISTEN"});
    listening_.settle(listener, kAlice);
    EXPECT_EQ(listener.sessions_of("a").size(), 1U);
    EXPECT_TRUE(listener.sessions_of("b").empty());
    listening_.leave_all(listener, kAlice);
    EXPECT_FALSE(listener.wanted());
}

TEST_F(AListening, ALostBackendTakesTheTransactionWithIt) {
    answered("listen a", {"LISTEN"});
    answered("unlisten a", {"UNLISTEN"}, TransactionStatus::InTransaction);
    listening_.sent(sql::channel_steps_of("commit"));
    listening_.backend_lost();
    EXPECT_EQ(listening_.channels(), ChannelNames{"a"});
    EXPECT_FALSE(listening_.follows());
    EXPECT_FALSE(listening_.left_on_backend);
}

}  // namespace
}  // namespace pgring::session
