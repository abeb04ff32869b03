/// LISTEN in transaction pooling: one listening backend hears for all sessions.

#include <algorithm>

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

using namespace std::chrono_literals;

const Lines kListening{"CommandComplete LISTEN", "ReadyForQuery I"};

Scene two_backends(std::size_t servers = 1) {
    Scene scene;
    scene.servers = servers;
    scene.settings.pgring.default_pool_size = 2;
    return scene;
}

/// A notification of that process, as the server says it and as a client hears it.
std::string notified(std::uint32_t process_id, std::string_view channel, std::string_view payload) {
    return notification(channel, payload, process_id);
}
std::string heard(std::uint32_t process_id, const std::string& channel, const std::string& payload) {
    return "NotificationResponse " + std::to_string(process_id) + " " + channel + " " + payload;
}
constexpr std::uint32_t kElsewhere = 77777;

class Listen : public testing::Test {
  protected:
    explicit Listen(Scene scene = two_backends()) : stage_(std::move(scene)), alice_(stage_.logged_in()) {}

    Backend& pooled() { return stage_.backend(0); }
    Backend& listener() { return stage_.backend(1); }
    /// The listening backend answers whatever pgring asks to know how far it is.
    void echoes(Backend& listener) {
        listener.hears({"Query"});
        listener.says(empty_query() + ready());
    }
    void echoes() { echoes(listener()); }
    /// Answers UNLISTEN *, which pgring says before the backend goes to somebody else.
    void is_cleaned(Backend& backend) {
        backend.hears({"Query UNLISTEN *"});
        backend.says(complete("UNLISTEN") + ready());
    }
    void alice_listens() {
        alice_.says(query("listen a"));
        listener().hears({"Query LISTEN \"a\""});
        listener().says(complete("LISTEN") + ready());
        echoes();
        pooled().hears({"Query listen a"});
        pooled().says(complete("LISTEN") + ready());
        echoes();
        alice_.hears(kListening);
        is_cleaned(pooled());
    }

    Stage stage_;
    Client& alice_;
};

TEST_F(Listen, IsAcknowledgedWhenTheListenerHasTheChannel) {
    alice_.says(query("listen a"));
    ASSERT_EQ(stage_.backend_count(), 2U);
    pooled().hears_nothing();
    listener().hears({"Query LISTEN \"a\""});
    listener().says(complete("LISTEN") + ready());
    echoes();
    pooled().hears({"Query listen a"});
    pooled().says(complete("LISTEN") + ready());
    echoes();
    alice_.hears(kListening);
    is_cleaned(pooled());
    EXPECT_EQ(stage_.worker().stats().pins.value(), 0U);
}

TEST_F(Listen, HearsInOrderWhileIdle) {
    alice_listens();
    listener().says(notified(kElsewhere, "a", "1") + notified(kElsewhere, "a", "2"));
    listener().says_in_pieces(notified(kElsewhere, "a", "3"), 4);
    alice_.hears({heard(kElsewhere, "a", "1"), heard(kElsewhere, "a", "2"), heard(kElsewhere, "a", "3")});
}

TEST_F(Listen, FansOutToThoseThatListenAndNobodyElse) {
    alice_listens();
    Client& bob = stage_.logged_in();
    Client& carol = stage_.logged_in();
    bob.says(query("LISTEN A"));
    echoes();
    pooled().hears({"Query LISTEN A"});
    pooled().says(complete("LISTEN") + ready());
    echoes();
    bob.hears(kListening);
    is_cleaned(pooled());
    listener().says(notified(kElsewhere, "a", "x") + notified(kElsewhere, "b", "y"));
    alice_.hears({heard(kElsewhere, "a", "x")});
    bob.hears({heard(kElsewhere, "a", "x")});
    carol.hears_nothing();
    EXPECT_EQ(stage_.backend_count(), 2U) << "the listener is shared";
}

TEST_F(Listen, OfAnotherDatabaseIsAnother) {
    alice_listens();
    Client& bob = stage_.logged_in_as({{"user", "app"}, {"database", "other"}});
    bob.says(query("listen a"));
    Backend& elsewhere = stage_.backend(3);
    EXPECT_EQ(elsewhere.startup_parameters()[1], std::pair(std::string("database"), std::string("other")));
    elsewhere.hears({"Query LISTEN \"a\""});
    elsewhere.says(complete("LISTEN") + ready());
    echoes(elsewhere);
    stage_.backend(2).hears({"Query listen a"});
    stage_.backend(2).says(complete("LISTEN") + ready());
    echoes(elsewhere);
    bob.hears(kListening);
    is_cleaned(stage_.backend(2));
    listener().says(notified(kElsewhere, "a", "x"));
    elsewhere.says(notified(kElsewhere, "a", "y"));
    alice_.hears({heard(kElsewhere, "a", "x")});
    bob.hears({heard(kElsewhere, "a", "y")});
}

TEST_F(Listen, OthersUseTheBackendMeanwhile) {
    alice_listens();
    Client& bob = stage_.logged_in();
    bob.says(query("select 1"));
    pooled().hears({"Query select 1"});
    pooled().answers("1");
    bob.hears({"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
}

TEST_F(Listen, ItsOwnNotificationComesBeforeReadyForQueryUnderItsOwnProcessId) {
    alice_listens();
    alice_.says(query("notify a, 'mine'"));
    echoes();
    pooled().hears({"Query notify a, 'mine'"});
    pooled().says(complete("NOTIFY") + ready());
    alice_.hears({"CommandComplete NOTIFY"});
    listener().hears({"Query"});
    listener().says(notified(pooled().process_id(), "a", "mine") + empty_query() + ready());
    alice_.hears({heard(alice_.process_id(), "a", "mine"), "ReadyForQuery I"});
    pooled().hears_nothing();
}

TEST_F(Listen, WhatAnotherSessionNotifiedThroughTheSameBackendIsNotItsOwn) {
    alice_listens();
    Client& bob = stage_.logged_in();
    bob.says(query("notify a, 'of bob'"));
    pooled().hears({"Query notify a, 'of bob'"});
    pooled().says(complete("NOTIFY") + ready());
    bob.hears({"CommandComplete NOTIFY", "ReadyForQuery I"});
    // Alice has the same backend before Bob's notification is here.
    alice_.says(query("notify a, 'of alice'"));
    pooled().hears_nothing();
    listener().hears({"Query"});
    listener().says(notified(pooled().process_id(), "a", "of bob") + empty_query() + ready());
    pooled().hears({"Query notify a, 'of alice'"});
    pooled().says(complete("NOTIFY") + ready());
    listener().hears({"Query"});
    listener().says(notified(pooled().process_id(), "a", "of alice") + empty_query() + ready());
    std::vector<Message> const told = alice_.take();
    Lines lines;
    for (const Message& message : told) {
        lines.push_back(backend_text(message));
    }
    std::ranges::sort(lines);
    Lines expected{heard(pooled().process_id(), "a", "of bob"), "CommandComplete NOTIFY",
                   heard(alice_.process_id(), "a", "of alice"), "ReadyForQuery I"};
    std::ranges::sort(expected);
    EXPECT_EQ(lines, expected);
}

TEST_F(Listen, TakesEffectAtTheCommit) {
    alice_.says(query("begin"));
    alice_.hears({"CommandComplete BEGIN", "ReadyForQuery T"});
    alice_.says(query("listen a"));
    listener().says(complete("LISTEN") + ready());
    listener().hears({"Query LISTEN \"a\"", "Query"});
    listener().says(empty_query() + ready());
    pooled().hears({"Query begin", "Query listen a"});
    pooled().says(complete("BEGIN") + ready('T') + complete("LISTEN") + ready('T'));
    alice_.hears({"CommandComplete LISTEN", "ReadyForQuery T"});
    listener().says(notified(kElsewhere, "a", "too early"));
    alice_.says(query("commit"));
    pooled().hears({"Query commit"});
    // Committed at the server, and heard before the answer is here.
    listener().says(notified(kElsewhere, "a", "in time"));
    alice_.hears_nothing();
    pooled().says(complete("COMMIT") + ready());
    echoes();
    alice_.hears({"CommandComplete COMMIT", heard(kElsewhere, "a", "in time"), "ReadyForQuery I"});
}

TEST_F(Listen, IsUndoneByARollback) {
    alice_listens();
    alice_.says(query("begin"));
    alice_.says(query("unlisten a"));
    echoes();
    pooled().hears({"Query begin", "Query unlisten a"});
    pooled().says(complete("BEGIN") + ready('T') + complete("UNLISTEN") + ready('T'));
    alice_.says(query("rollback"));
    pooled().says(complete("ROLLBACK") + ready());
    static_cast<void>(alice_.take());
    listener().says(notified(kElsewhere, "a", "x"));
    alice_.hears({heard(kElsewhere, "a", "x")});
}

TEST_F(Listen, UnlistenLeavesTheChannelToNobody) {
    alice_listens();
    alice_.says(query("unlisten *"));
    echoes();
    pooled().hears({"Query unlisten *"});
    pooled().says(complete("UNLISTEN") + ready());
    echoes();
    alice_.hears({"CommandComplete UNLISTEN", "ReadyForQuery I"});
    listener().says(notified(kElsewhere, "a", "x"));
    alice_.hears_nothing();
    listener().hears({"Query UNLISTEN \"a\""});
    listener().says(complete("UNLISTEN") + ready());
    stage_.passes(601s);
    EXPECT_TRUE(listener().closed()) << "server_idle_timeout";
}

TEST_F(Listen, WhatWasNotifiedBeforeAnUnlistenIsToldThoughTheBackendIsStillBeingCleaned) {
    alice_.says(query("listen a"));
    listener().hears({"Query LISTEN \"a\""});
    listener().says(complete("LISTEN") + ready());
    echoes();
    pooled().hears({"Query listen a"});
    pooled().says(complete("LISTEN") + ready());
    echoes();
    alice_.hears(kListening);
    pooled().hears({"Query UNLISTEN *"});
    // Somebody's NOTIFY is committed now.
    alice_.says(query("unlisten *"));
    pooled().says(complete("UNLISTEN") + ready());
    pooled().hears_nothing();
    listener().hears({"Query"});
    listener().says(notified(kElsewhere, "a", "x") + empty_query() + ready());
    alice_.hears({heard(kElsewhere, "a", "x")});
    pooled().hears({"Query unlisten *"});
    pooled().says(complete("UNLISTEN") + ready());
    echoes();
    alice_.hears({"CommandComplete UNLISTEN", "ReadyForQuery I"});
}

TEST_F(Listen, WhatWasNotifiedBeforeAPipelinedUnlistenIsTold) {
    alice_listens();
    alice_.says(query("select 1") + query("unlisten *"));
    echoes();
    pooled().hears({"Query select 1"});
    pooled().answers("1");
    alice_.hears({"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
    // Somebody's NOTIFY was committed while that ran.
    pooled().hears_nothing();
    listener().hears({"Query"});
    listener().says(notified(kElsewhere, "a", "x") + empty_query() + ready());
    alice_.hears({heard(kElsewhere, "a", "x")});
    pooled().hears({"Query unlisten *"});
}

TEST_F(Listen, WhatWasNotifiedBeforeATransactionThatUnlistensIsTold) {
    alice_listens();
    alice_.says(query("begin"));
    alice_.hears({"CommandComplete BEGIN", "ReadyForQuery T"});
    listener().says(notified(kElsewhere, "a", "while BEGIN was held"));
    alice_.says(query("unlisten a"));
    listener().hears({"Query"});
    listener().says(notified(kElsewhere, "a", "before it ran") + empty_query() + ready());
    pooled().hears({"Query begin", "Query unlisten a"});
    pooled().says(complete("BEGIN") + ready('T') + complete("UNLISTEN") + ready('T'));
    alice_.hears({"CommandComplete UNLISTEN", "ReadyForQuery T"});
    listener().says(notified(kElsewhere, "a", "amid it"));
    alice_.says(query("commit"));
    pooled().says(complete("COMMIT") + ready());
    echoes();
    alice_.hears({"CommandComplete COMMIT", heard(kElsewhere, "a", "while BEGIN was held"),
                  heard(kElsewhere, "a", "before it ran"), "ReadyForQuery I"});
}

TEST_F(Listen, WhatWasNotifiedBeforeAnUnlistenOfTheExtendedProtocolIsTold) {
    alice_listens();
    alice_.says(query("select 1") + parse("", "unlisten a") + bind("") + execute() + sync());
    echoes();
    pooled().hears({"Query select 1", "Parse: unlisten a", "Bind"});
    pooled().answers("1");
    listener().hears({"Query"});
    pooled().hears_nothing();
    listener().says(notified(kElsewhere, "a", "x") + empty_query() + ready());
    pooled().hears({"Execute", "Sync"});
    pooled().says(parse_complete() + bind_complete() + complete("UNLISTEN") + ready());
    echoes();
    alice_.hears({"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I",
                  "ParseComplete", "BindComplete", "CommandComplete UNLISTEN", heard(kElsewhere, "a", "x"),
                  "ReadyForQuery I"});
}

TEST_F(Listen, InATransactionNothingIsHeardBeforeItsEnd) {
    alice_listens();
    alice_.says(query("begin"));
    alice_.says(query("insert into t values (1)"));
    echoes();
    pooled().says(complete("BEGIN") + ready('T') + complete("INSERT 0 1") + ready('T'));
    static_cast<void>(alice_.take());
    listener().says(notified(kElsewhere, "a", "x"));
    alice_.hears_nothing();
    alice_.says(query("commit"));
    pooled().says(complete("COMMIT") + ready());
    echoes();
    alice_.hears({"CommandComplete COMMIT", heard(kElsewhere, "a", "x"), "ReadyForQuery I"});
}

TEST_F(Listen, WhileABeginIsHeldNothingIsHeardEither) {
    alice_listens();
    alice_.says(query("begin"));
    alice_.hears({"CommandComplete BEGIN", "ReadyForQuery T"});
    listener().says(notified(kElsewhere, "a", "x"));
    alice_.hears_nothing();
    alice_.says(query("rollback"));
    alice_.hears({"CommandComplete ROLLBACK", "ReadyForQuery I", heard(kElsewhere, "a", "x")});
}

TEST_F(Listen, WorksInTheExtendedProtocol) {
    alice_.says(parse("", "listen a") + bind("") + execute() + sync());
    pooled().hears({"Parse: listen a", "Bind"});
    listener().hears({"Query LISTEN \"a\""});
    listener().says(complete("LISTEN") + ready());
    if (listener().heard_bytes() > 0) {
        echoes();
    }
    pooled().hears({"Execute", "Sync"});
    pooled().says(parse_complete() + bind_complete() + complete("LISTEN") + ready());
    echoes();
    alice_.hears({"ParseComplete", "BindComplete", "CommandComplete LISTEN", "ReadyForQuery I"});
    is_cleaned(pooled());
    listener().says(notified(kElsewhere, "a", "x"));
    alice_.hears({heard(kElsewhere, "a", "x")});
}

TEST_F(Listen, ThatFailsIsNotOne) {
    alice_.says(query("listen a; select 1/0"));
    listener().hears({"Query LISTEN \"a\""});
    listener().says(complete("LISTEN") + ready());
    echoes();
    pooled().hears({"Query listen a; select 1/0"});
    pooled().says(complete("LISTEN") + error("22012") + ready());
    echoes();
    alice_.hears({"CommandComplete LISTEN", "ErrorResponse ERROR 22012", "ReadyForQuery I"});
    listener().says(notified(kElsewhere, "a", "x"));
    alice_.hears_nothing();
}

TEST_F(Listen, WhatTheBackendHearsBeforeItIsCleanedIsNotHeardTwice) {
    alice_.says(query("listen a"));
    listener().says(complete("LISTEN") + ready());
    listener().says(empty_query() + ready());
    pooled().says(complete("LISTEN") + notified(kElsewhere, "a", "x") + ready());
    listener().says(notified(kElsewhere, "a", "x") + empty_query() + ready());
    alice_.hears({"CommandComplete LISTEN", heard(kElsewhere, "a", "x"), "ReadyForQuery I"});
}

TEST_F(Listen, ALostListenerIsReplacedAndTheGapIsTold) {
    alice_listens();
    Client& bob = stage_.logged_in();
    listener().hangs_up();
    alice_.hears_nothing();
    ASSERT_EQ(stage_.backend_count(), 3U);
    Backend& second = stage_.backend(2);
    second.hears({"Query LISTEN \"a\""});
    alice_.hears_nothing();
    second.says(complete("LISTEN") + ready());
    std::vector<Message> const told = alice_.take();
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].type, 'N');
    EXPECT_EQ(error_field(told[0], 'V'), "WARNING");
    EXPECT_EQ(error_field(told[0], 'C'), "01000");
    EXPECT_EQ(error_field(told[0], 'M'), "notifications may have been missed");
    second.says(notified(kElsewhere, "a", "x"));
    alice_.hears({heard(kElsewhere, "a", "x")});
    bob.hears_nothing();
}

TEST_F(Listen, ALossAmidAStatementHoldsNobodyUp) {
    alice_listens();
    alice_.says(query("notify a"));
    echoes();
    pooled().says(complete("NOTIFY") + ready());
    stage_.set_connects(0, Stage::Connects::Refused);
    listener().hangs_up();
    alice_.hears({"CommandComplete NOTIFY", "ReadyForQuery I"});
}

TEST_F(Listen, WaitsForAListenerAndIsRefusedInTheEnd) {
    stage_.set_connects(0, Stage::Connects::Refused);
    alice_.says(query("listen a"));
    alice_.hears_nothing();
    stage_.passes(121s);
    alice_.hears({"ErrorResponse ERROR 53300", "ReadyForQuery I"});
    alice_.says(query("begin"));
    alice_.hears({"CommandComplete BEGIN", "ReadyForQuery T"});
}

TEST_F(Listen, AmidATransactionIsRefusedAndFailsIt) {
    alice_.says(query("begin") + query("select 1"));
    pooled().hears({"Query begin", "Query select 1"});
    pooled().says(complete("BEGIN") + ready('T') + complete("SELECT 1") + ready('T'));
    static_cast<void>(alice_.take());
    stage_.set_connects(0, Stage::Connects::Refused);
    alice_.says(parse("", "listen a") + bind("") + execute() + sync());
    pooled().hears({"Parse: listen a", "Bind"});
    pooled().says(parse_complete() + bind_complete());
    stage_.passes(121s);
    pooled().hears({"Bind pgring_none", "Sync"});
    pooled().says(error("26000") + ready('E'));
    alice_.hears({"ParseComplete", "BindComplete", "ErrorResponse ERROR 53300", "ReadyForQuery E"});
}

TEST_F(Listen, OfASessionThatEndsIsForgotten) {
    alice_listens();
    alice_.hangs_up();
    listener().hears({"Query UNLISTEN \"a\""});
}

TEST_F(Listen, AClientThatDoesNotReadIsEndedWithAReason) {
    alice_listens();
    alice_.stops_reading();
    std::string const payload(7999, 'x');
    std::size_t bytes = 0;
    while (stage_.worker().stats().listening.value() > 0) {
        listener().says(notified(kElsewhere, "a", payload));
        bytes += payload.size();
        ASSERT_LT(bytes, 2'000'000U);
    }
    EXPECT_GT(bytes, 1'250'000U) << "the usual queue, and 1 MiB";
    alice_.reads_again();
    std::vector<Message> const told = alice_.take();
    ASSERT_FALSE(told.empty());
    EXPECT_EQ(backend_text(told.back()), "ErrorResponse FATAL 54000");
    EXPECT_TRUE(alice_.closed());
    listener().hears({"Query UNLISTEN \"a\""});
}

TEST_F(Listen, AClientThatReadsSlowlyHearsAllInOrder) {
    alice_listens();
    alice_.stops_reading();
    Lines expected;
    for (std::size_t i = 0; i < 100; ++i) {
        std::string const payload = std::to_string(i) + std::string(7900, 'x');
        listener().says(notified(kElsewhere, "a", payload));
        expected.push_back(heard(kElsewhere, "a", payload));
    }
    alice_.reads_again();
    alice_.hears(expected);
}

/// Without query_wait_timeout a session waits for the listener as long as it takes, and has its backend all
/// the while.
class ListenWithoutTimeout : public Listen {
  protected:
    ListenWithoutTimeout() : Listen(scene()) {}
    static Scene scene() {
        Scene scene = two_backends(2);
        scene.settings.pgring.query_wait_timeout = 0s;
        return scene;
    }
};

TEST_F(ListenWithoutTimeout, IsAskedForOnce) {
    alice_listens();
}

TEST_F(ListenWithoutTimeout, DoesNotFollowAReadToItsStandby) {
    alice_.says(query("select 1"));
    std::size_t const reading = stage_.backend_count() - 1;
    Backend& reader = stage_.backend(reading);
    ASSERT_EQ(reader.server(), 1U);
    alice_.says(query("listen a"));
    Backend& listener = stage_.backend(reading + 1);
    reader.hears({"Query select 1"});
    reader.answers("1");
    listener.hears({"Query LISTEN \"a\""});
    listener.says(complete("LISTEN") + ready());
    reader.hears_nothing();
}

TEST_F(Listen, WithAnotherClientEncodingPinsSinceItsServerConvertsThePayloads) {
    Client& latin = stage_.client();
    latin.says(startup({{"user", "app"}, {"database", "db"}, {"client_encoding", "LATIN1"}}));
    pooled().hears({"Query SELECT pg_catalog.set_config(E'client_encoding', E'LATIN1', false)"});
    pooled().says(row("LATIN1") + complete("SELECT 1") + parameter_status("client_encoding", "LATIN1") +
                  ready());
    latin.says(query("listen a"));
    pooled().hears({"Query listen a"});
    static_cast<void>(latin.take());
    pooled().says(complete("LISTEN") + ready());
    latin.hears(kListening);
    pooled().hears({"Query SELECT EXISTS (SELECT FROM pg_catalog.pg_listening_channels())"});
    pooled().says(row("t") + complete("SELECT 1") + ready());
    EXPECT_EQ(stage_.worker().stats().pins.value(), 1U);
    EXPECT_EQ(stage_.backend_count(), 1U);
    pooled().says(notified(kElsewhere, "a", "x"));
    latin.hears({heard(kElsewhere, "a", "x")});
}

class ListenAtTwo : public Listen {
  protected:
    ListenAtTwo() : Listen(two_backends(2)) {}
};

TEST_F(ListenAtTwo, FollowsThePrimary) {
    alice_listens();
    stage_.publish(std::nullopt, {0});
    EXPECT_TRUE(listener().closed());
    alice_.hears_nothing();
    EXPECT_EQ(stage_.backend_count(), 2U) << "there is nobody to listen on";
    stage_.publish(1, {0});
    ASSERT_EQ(stage_.backend_count(), 3U);
    Backend& second = stage_.backend(2);
    EXPECT_EQ(second.server(), 1U);
    second.hears({"Query LISTEN \"a\""});
    second.says(complete("LISTEN") + ready());
    EXPECT_EQ(alice_.take().size(), 1U) << "the notice";
    second.says(notified(kElsewhere, "a", "x"));
    alice_.hears({heard(kElsewhere, "a", "x")});
}

class ListenAfterConnectQuery : public Listen {
  protected:
    ListenAfterConnectQuery() : Listen(scene()) {}
    static Scene scene() {
        Scene scene = two_backends();
        scene.settings.databases.push_back({.name = "elsewhere", .connect_query = "set a.b = 'c'"});
        return scene;
    }
};

TEST_F(ListenAfterConnectQuery, IsOnAConnectionThatRanIt) {
    Client& bob = stage_.client();
    bob.says(startup({{"user", "app"}, {"database", "elsewhere"}}));
    stage_.backend(1).hears({"Query set a.b = 'c'"});
    stage_.backend(1).says(complete("SET") + ready());
    static_cast<void>(bob.take());
    bob.says(query("listen a"));
    stage_.backend(2).hears({"Query set a.b = 'c'"});
    stage_.backend(2).says(complete("SET") + ready());
    stage_.backend(2).hears({"Query LISTEN \"a\""});
}

class ListenRefusing : public Listen {
  protected:
    ListenRefusing() : Listen(scene()) {}
    static Scene scene() {
        Scene scene = two_backends();
        scene.settings.pgring.unpoolable_statements = config::UnpoolableStatements::Refuse;
        return scene;
    }
};

TEST_F(ListenRefusing, IsNoneOfTheStatementsThatCannotBePooled) {
    alice_listens();
    listener().says(notified(kElsewhere, "a", "x"));
    alice_.hears({heard(kElsewhere, "a", "x")});
}

class ListenInSessionMode : public Listen {
  protected:
    ListenInSessionMode() : Listen(scene()) {}
    static Scene scene() {
        Scene scene;
        scene.settings.pgring.pool_mode = config::PoolMode::Session;
        return scene;
    }
};

TEST_F(ListenInSessionMode, IsTheServersOwn) {
    alice_.says(query("listen a"));
    pooled().hears({"Query listen a"});
    pooled().says(complete("LISTEN") + ready());
    alice_.hears(kListening);
    pooled().says(notified(pooled().process_id(), "a", "x"));
    alice_.hears({heard(pooled().process_id(), "a", "x")});
    EXPECT_EQ(stage_.backend_count(), 1U);
}

}  // namespace
}  // namespace pgring::conversation
