#include "session/listener.h"

#include <gtest/gtest.h>

namespace pgring::session {
namespace {

constexpr pool::SessionId kAlice{.index = 1, .generation = 1};
constexpr pool::SessionId kBob{.index = 2, .generation = 1};

class AListener : public testing::Test {
  protected:
    void open() {
        listener_.opening();
        listener_.opened();
    }
    void ask(const std::string& expected) {
        ASSERT_TRUE(listener_.has_query());
        EXPECT_EQ(listener_.next_query(), expected);
        listener_.check_invariants();
        listener_.answered();
        listener_.check_invariants();
    }
    Listener listener_;
};

TEST_F(AListener, HasAChannelOnceTheServerSaysSo) {
    listener_.join("a", kAlice);
    EXPECT_TRUE(listener_.wanted());
    EXPECT_FALSE(listener_.has_query()) << "there is no connection yet";
    open();
    ASSERT_TRUE(listener_.has_query());
    EXPECT_EQ(listener_.next_query(), "LISTEN \"a\"");
    EXPECT_FALSE(listener_.has("a"));
    listener_.answered();
    EXPECT_TRUE(listener_.has("a"));
    EXPECT_FALSE(listener_.has_query());
}

TEST_F(AListener, AsksForSeveralChannelsAtOnceAndQuotesThem) {
    open();
    listener_.join("a \"b\"", kAlice);
    listener_.join("Z", kBob);
    ask("LISTEN \"Z\"; LISTEN \"a \"\"b\"\"\"");
}

TEST_F(AListener, SharesAChannel) {
    open();
    listener_.join("a", kAlice);
    ask("LISTEN \"a\"");
    listener_.join("a", kBob);
    listener_.join("a", kBob);
    EXPECT_FALSE(listener_.has_query());
    EXPECT_EQ(listener_.sessions_of("a").size(), 2U);
    listener_.leave("a", kAlice);
    EXPECT_FALSE(listener_.has_query());
    listener_.leave("a", kBob);
    EXPECT_FALSE(listener_.wanted());
    ask("UNLISTEN \"a\"");
    EXPECT_FALSE(listener_.has("a"));
}

TEST_F(AListener, AsksAgainForAChannelThatWasWantedWhileItWasDropped) {
    open();
    listener_.join("a", kAlice);
    ask("LISTEN \"a\"");
    listener_.leave("a", kAlice);
    EXPECT_EQ(listener_.next_query(), "UNLISTEN \"a\"");
    listener_.join("a", kBob);
    EXPECT_FALSE(listener_.has("a"));
    listener_.answered();
    EXPECT_FALSE(listener_.has("a"));
    ask("LISTEN \"a\"");
    EXPECT_TRUE(listener_.has("a"));
}

TEST_F(AListener, DropsAChannelThatNobodyWantsAnyMoreWhenItIsThere) {
    open();
    listener_.join("a", kAlice);
    EXPECT_EQ(listener_.next_query(), "LISTEN \"a\"");
    listener_.leave("a", kAlice);
    listener_.answered();
    ask("UNLISTEN \"a\"");
}

TEST_F(AListener, AnEchoIsTheAnswerToAQueryThatWasSentLater) {
    open();
    listener_.join("a", kAlice);
    EXPECT_EQ(listener_.next_query(), "LISTEN \"a\"");
    Listener::Ticket const ticket = listener_.ask_echo();
    listener_.answered();
    EXPECT_FALSE(listener_.echoed(ticket)) << "that query was sent before";
    ask("");
    EXPECT_TRUE(listener_.echoed(ticket));
}

TEST_F(AListener, ALostOneHasNothingAndIsNotWaitedFor) {
    open();
    listener_.join("a", kAlice);
    ask("LISTEN \"a\"");
    listener_.join("b", kBob);
    Listener::Ticket const ticket = listener_.ask_echo();
    EXPECT_EQ(listener_.next_query(), "LISTEN \"b\"");
    listener_.lost();
    listener_.check_invariants();
    EXPECT_TRUE(listener_.echoed(ticket));
    EXPECT_FALSE(listener_.has("a"));
    open();
    EXPECT_TRUE(listener_.take_missed().empty()) << "not before all is as it was";
    ask("LISTEN \"a\"; LISTEN \"b\"");
    EXPECT_EQ(listener_.take_missed(), std::vector<pool::SessionId>{kAlice})
        << "Bob's channel was not there, so he has missed nothing";
    EXPECT_TRUE(listener_.take_missed().empty());
}

TEST_F(AListener, AsksForManyChannelsInSeveralQueries) {
    open();
    for (int i = 0; i < 1200; ++i) {
        listener_.join("channel" + std::to_string(i), kAlice);
    }
    int queries = 0;
    for (; listener_.has_query(); ++queries) {
        EXPECT_LT(listener_.next_query().size(), 64U * 1024);
        listener_.answered();
    }
    EXPECT_EQ(queries, 3);
    EXPECT_TRUE(listener_.has("channel1199"));
}

}  // namespace
}  // namespace pgring::session
