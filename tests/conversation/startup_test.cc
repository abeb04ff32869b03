/// From the first byte of a client to its first ReadyForQuery.

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

using namespace std::chrono_literals;

const Parameters kApp{{"user", "app"}, {"database", "db"}};

TEST(Startup, EncryptionRequestsAreDeclinedAndTheLoginGoesOn) {
    Stage stage;
    Client& client = stage.client();
    client.says(gssenc_request());
    EXPECT_EQ(client.take_bytes(), "N");
    client.says(ssl_request());
    EXPECT_EQ(client.take_bytes(), "N");
    client.logs_in();
}

TEST(Startup, AThirdEncryptionRequestIsRefused) {
    Stage stage;
    Client& client = stage.client();
    client.says(ssl_request());
    client.says(gssenc_request());
    EXPECT_EQ(client.take_bytes(), "NN");
    client.says(ssl_request());
    client.hears({"ErrorResponse FATAL 08P01"});
    EXPECT_TRUE(client.closed());
}

TEST(Startup, WhatTheServerSaysByItselfIsNotForWhoWasNotWelcomedYet) {
    Stage stage;
    Client& client = stage.client();
    client.says(startup({{"user", "app"}, {"database", "db"}, {"TimeZone", "Asia/Tokyo"}}));
    Backend& backend = stage.backend(0);
    backend.hears({"Query SELECT pg_catalog.set_config(E'TimeZone', E'Asia/Tokyo', false)"});
    std::string const word = notice("a word of the server's own");
    backend.says(row("Asia/Tokyo") + complete("SELECT 1") + parameter_status("TimeZone", "Asia/Tokyo") +
                 ready() + word.substr(0, 10));
    backend.says(word.substr(10));
    std::vector<Message> const messages = client.take();
    ASSERT_FALSE(messages.empty());
    EXPECT_EQ(messages.front().type, 'R') << "half a notice in front of it would garble the login";
    EXPECT_EQ(messages.back().type, 'Z');
}

TEST(Startup, ArrivesByteByByte) {
    Stage stage;
    Client& client = stage.client();
    client.says_in_pieces(startup(kApp), 1);
    std::vector<Message> const messages = client.take();
    ASSERT_FALSE(messages.empty());
    EXPECT_EQ(backend_text(messages.front()), "AuthenticationOk");
    EXPECT_EQ(backend_text(messages.back()), "ReadyForQuery I");
}

TEST(Startup, ALengthOutOfRangeIsRefused) {
    Stage stage;
    for (std::uint32_t const length : {0U, 7U, 10'001U, 0x7fffffffU, 0xffffffffU}) {
        Client& client = stage.client();
        client.says(number(length) + number(3U << 16U));
        // PostgreSQL, too, says so in its log only: who knows what the client speaks.
        client.hears_nothing();
        EXPECT_TRUE(client.closed()) << length;
    }
}

TEST(Startup, ThePacketMayBeAsLongAsTheOperatorSays) {
    Scene scene;
    scene.settings.pgring.startup_packet_bytes_max = 600;
    Stage stage(scene);
    std::size_t const frame_bytes =
        startup({{"user", "app"}, {"database", "db"}, {"application_name", ""}}).size();
    Client& fits = stage.client();
    std::string const name(600 - frame_bytes, 'n');
    fits.says(startup({{"user", "app"}, {"database", "db"}, {"application_name", name}}));
    EXPECT_FALSE(fits.closed());
    EXPECT_EQ(stage.backend_count(), 1U);
    Client& longer = stage.client();
    longer.says(startup({{"user", "app"}, {"database", "db"}, {"application_name", name + "n"}}));
    EXPECT_TRUE(longer.closed());
}

TEST(Startup, GarbageIsRefused) {
    Stage stage;
    Client& client = stage.client();
    client.says("GET / HTTP/1.1\r\nHost: example\r\n\r\n");
    client.hears_nothing();
    EXPECT_TRUE(client.closed());
}

TEST(Startup, AnUnterminatedParameterIsRefused) {
    Stage stage;
    Client& client = stage.client();
    std::string const body = number(3U << 16U) + "user";
    client.says(number(static_cast<std::uint32_t>(body.size() + 4)) + body);
    client.hears({"ErrorResponse FATAL 08P01"});
    EXPECT_TRUE(client.closed());
}

TEST(Startup, PlaintextBehindAnSslRequestIsRefused) {
    Stage stage;
    Client& client = stage.client();
    client.says(ssl_request() + startup(kApp));
    client.hears({"ErrorResponse FATAL 08P01"});
    EXPECT_EQ(error_field(client.last_error(), 'M'), "received unencrypted data after SSL request");
    EXPECT_TRUE(client.closed());
}

TEST(Startup, AnUnsupportedProtocolIsNamed) {
    Stage stage;
    Client& client = stage.client();
    client.says(startup(kApp, 2U << 16U));
    client.hears({"ErrorResponse FATAL 0A000"});
    EXPECT_TRUE(client.closed());
}

constexpr std::uint32_t version(std::uint32_t minor) {
    return (3U << 16U) | minor;
}

TEST(Startup, OlderMinorVersionsAreSpokenWithoutAWord) {
    Stage stage;
    for (std::uint32_t const minor : {0U, 1U, 2U}) {
        Client& client = stage.client();
        client.says(startup(kApp, version(minor)));
        std::vector<Message> const messages = client.take();
        ASSERT_FALSE(messages.empty());
        EXPECT_EQ(backend_text(messages[0]), "AuthenticationOk") << minor;
        EXPECT_EQ(backend_text(messages.back()), "ReadyForQuery I");
        EXPECT_EQ(client.secret().size(), minor < 2 ? 4U : 32U) << minor;
    }
}

TEST(Startup, ANewerMinorVersionIsAnsweredWithTheNewestThatIsKnown) {
    Stage stage;
    for (std::uint32_t const minor : {3U, 9999U}) {
        Client& client = stage.client();
        client.says(startup(kApp, version(minor)));
        std::vector<Message> const messages = client.take();
        ASSERT_GT(messages.size(), 2U);
        EXPECT_EQ(backend_text(messages[0]), "NegotiateProtocolVersion");
        EXPECT_EQ(messages[0].body, number(version(2)) + number(0));
        EXPECT_EQ(backend_text(messages[1]), "AuthenticationOk");
        EXPECT_EQ(backend_text(messages.back()), "ReadyForQuery I");
        EXPECT_EQ(client.secret().size(), 32U);
    }
}

TEST(Startup, UnknownProtocolOptionsAreListedAndTheVersionStays) {
    Stage stage;
    for (std::uint32_t const minor : {0U, 2U}) {
        Client& client = stage.client();
        Parameters parameters = kApp;
        parameters.emplace_back("_pq_.wonder", "1");
        parameters.emplace_back("application_name", "a");
        parameters.emplace_back("_pq_.more", "");
        client.says(startup(parameters, version(minor)));
        std::vector<Message> const messages = client.take();
        ASSERT_GT(messages.size(), 2U);
        EXPECT_EQ(backend_text(messages[0]), "NegotiateProtocolVersion");
        EXPECT_EQ(messages[0].body,
                  number(version(minor)) + number(2) + zero_ended("_pq_.wonder") + zero_ended("_pq_.more"));
        EXPECT_EQ(backend_text(messages[1]), "AuthenticationOk");
        EXPECT_EQ(backend_text(messages.back()), "ReadyForQuery I");
    }
}

TEST(Startup, AClientWithoutAUserIsRefused) {
    Stage stage;
    Client& client = stage.client();
    client.says(startup({{"database", "db"}}));
    client.hears({"ErrorResponse FATAL 28000"});
}

TEST(Startup, ReplicationIsRefusedByName) {
    Stage stage;
    Client& client = stage.client();
    client.says(startup({{"user", "app"}, {"replication", "database"}}));
    client.hears({"ErrorResponse FATAL 0A000"});
}

TEST(Startup, AnUnknownDatabaseIsRefused) {
    Scene scene;
    scene.settings.databases = {{.name = "db"}};
    Stage stage(scene);
    Client& client = stage.client();
    client.says(startup({{"user", "app"}, {"database", "other"}}));
    client.hears({"ErrorResponse FATAL 3D000"});
    EXPECT_TRUE(client.closed());
    EXPECT_EQ(stage.backend_count(), 0U);
}

TEST(Startup, TheWelcomeSaysWhatTheServerSaysAndAKeyOfPgringsOwn) {
    Stage stage;
    Client& client = stage.logged_in();
    EXPECT_EQ(client.parameter("server_version"), "15.0");
    EXPECT_EQ(client.parameter("TimeZone"), "UTC");
    EXPECT_EQ(client.parameter("in_hot_standby"), "off");
    EXPECT_NE(client.process_id(), stage.backend(0).process_id());
    EXPECT_GT(client.process_id(), 0U);
    EXPECT_LT(client.process_id(), 0x80000000U);
    EXPECT_EQ(client.secret().size(), 4U);
}

TEST(Startup, StartupParametersAreConfirmedByTheServerAndWelcomedAsItSpellsThem) {
    Stage stage;
    Client& client = stage.client();
    client.says(startup({{"user", "app"}, {"database", "db"}, {"client_encoding", "latin1"}}));
    Backend& backend = stage.backend(0);
    backend.hears({"Query SELECT pg_catalog.set_config(E'client_encoding', E'latin1', false)"});
    backend.says(row("LATIN1") + complete("SELECT 1") + parameter_status("client_encoding", "LATIN1") +
                 ready());
    std::vector<Message> const messages = client.take();
    ASSERT_FALSE(messages.empty());
    EXPECT_EQ(backend_text(messages.back()), "ReadyForQuery I");
    EXPECT_EQ(client.parameter("client_encoding"), "LATIN1");
    Client& next = stage.logged_in_as({{"user", "app"}, {"database", "db"}, {"client_encoding", "latin1"}});
    EXPECT_EQ(next.parameter("client_encoding"), "LATIN1");
    backend.hears_nothing();
}

TEST(Startup, ARefusedStartupParameterEndsTheLoginAndTheBackendStays) {
    Stage stage;
    Client& client = stage.client();
    client.says(startup({{"user", "app"}, {"database", "db"}, {"TimeZone", "Nowhere"}}));
    Backend& backend = stage.backend(0);
    backend.hears({"Query SELECT pg_catalog.set_config(E'TimeZone', E'Nowhere', false)"});
    backend.says(error("22023") + ready());
    client.hears({"ErrorResponse FATAL 22023"});
    EXPECT_TRUE(client.closed());
    Client& next = stage.logged_in();
    EXPECT_FALSE(next.closed());
    EXPECT_EQ(stage.backend_count(), 1U);
}

TEST(Startup, ALoginThatTakesTooLongIsEnded) {
    Scene scene;
    scene.settings.pgring.client_login_timeout = 5s;
    Stage stage(scene);
    Client& client = stage.client();
    client.says(startup(kApp).substr(0, 9));
    stage.passes(4900ms);
    EXPECT_FALSE(client.closed());
    stage.passes(200ms);
    client.hears({"ErrorResponse FATAL 28000"});
    EXPECT_TRUE(client.closed());
}

TEST(Startup, AClientThatLeavesDuringItsLoginIsForgotten) {
    Scene scene;
    scene.logins = Scene::Logins::Scripted;
    Stage stage(scene);
    Client& client = stage.client();
    client.says(startup(kApp));
    client.hangs_up();
    EXPECT_EQ(stage.worker().session_count(), 0U);
    Backend& backend = stage.backend(0);
    backend.says(authentication_ok());
    backend.welcomes();
    stage.settle();
    EXPECT_EQ(stage.open_backend_count(), 1U);
}

TEST(Startup, NoticesAndParametersDuringTheServersLoginAreFine) {
    Scene scene;
    scene.logins = Scene::Logins::Scripted;
    Stage stage(scene);
    Client& client = stage.client();
    client.says(startup(kApp));
    Backend& backend = stage.backend(0);
    EXPECT_EQ(backend.startup_parameters(), kApp);
    backend.says(notice("before") + authentication_ok() + parameter_status("x.y", "z") + notice("after"));
    backend.welcomes();
    stage.settle();
    std::vector<Message> const messages = client.take();
    ASSERT_FALSE(messages.empty());
    EXPECT_EQ(backend_text(messages.back()), "ReadyForQuery I");
}

TEST(Startup, AServersKeyIsKeptWhateverItsLengthUpTo256Bytes) {
    for (std::size_t const size_bytes : {std::size_t{1}, std::size_t{32}, std::size_t{256}}) {
        Scene scene;
        scene.logins = Scene::Logins::Scripted;
        Stage stage(scene);
        Client& client = stage.client();
        client.says(startup(kApp));
        std::string const secret(size_bytes, 's');
        stage.backend(0).says(authentication_ok() + backend_key(77, secret) + ready());
        static_cast<void>(client.take());
        client.says(query("select 1"));
        stage.client().says(cancel_request(client.process_id(), client.secret()));
        EXPECT_EQ(stage.backend(1).cancels_process(), 77U);
        EXPECT_EQ(stage.backend(1).cancels_secret(), secret);
    }
}

TEST(Startup, AServersKeyOfMoreThan256BytesIsNone) {
    Scene scene;
    scene.logins = Scene::Logins::Scripted;
    Stage stage(scene);
    stage.client().says(startup(kApp));
    stage.backend(0).says(authentication_ok() + backend_key(77, std::string(257, 's')) + ready());
    EXPECT_TRUE(stage.backend(0).closed());
}

TEST(Startup, AServersFinalRefusalReachesTheClient) {
    Scene scene;
    scene.logins = Scene::Logins::Scripted;
    Stage stage(scene);
    Client& client = stage.client();
    client.says(startup(kApp));
    stage.backend(0).says(error("3D000", "database \"db\" does not exist", "FATAL"));
    client.hears({"ErrorResponse FATAL 3D000"});
    EXPECT_EQ(error_field(client.last_error(), 'M'), "database \"db\" does not exist");
    EXPECT_TRUE(client.closed());
}

TEST(Startup, AnErrorWithoutFieldsDuringTheServersLoginIsSurvived) {
    Scene scene;
    scene.logins = Scene::Logins::Scripted;
    Stage stage(scene);
    Client& client = stage.client();
    client.says(startup(kApp));
    stage.backend(0).says(message('E', std::string(1, '\0')));
    EXPECT_TRUE(stage.backend(0).closed());
    EXPECT_FALSE(client.closed());
    stage.passes(2s);
    ASSERT_EQ(stage.backend_count(), 2U);
    stage.backend(1).says(authentication_ok());
    stage.backend(1).welcomes();
    stage.settle();
    EXPECT_EQ(backend_text(client.take().back()), "ReadyForQuery I");
}

TEST(Startup, AServersLoginMessagesMayBeLong) {
    Scene scene;
    scene.logins = Scene::Logins::Scripted;
    Stage stage(scene);
    Client& client = stage.client();
    client.says(startup(kApp));
    Backend& backend = stage.backend(0);
    std::string const path(60'000, 'p');
    backend.says_in_pieces(notice(std::string(60'000, 'n')) + authentication_ok() +
                               parameter_status("search_path", path) + notice(std::string(60'000, 'n')),
                           5'000);
    backend.welcomes();
    stage.settle();
    std::vector<Message> const messages = client.take();
    ASSERT_FALSE(messages.empty());
    EXPECT_EQ(backend_text(messages.back()), "ReadyForQuery I");
    EXPECT_EQ(client.parameter("search_path"), path);
}

TEST(Startup, AMessageOfMegabytesInAServersLoginIsNone) {
    Scene scene;
    scene.logins = Scene::Logins::Scripted;
    Stage stage(scene);
    stage.client().says(startup(kApp));
    stage.backend(0).says("N" + number(0x3fffffffU) + "x");
    EXPECT_TRUE(stage.backend(0).closed());
}

TEST(Startup, AnOptionWithoutANameIsRefused) {
    Stage stage;
    for (const char* const options : {"-c =", "-c =1", "--="}) {
        Client& client = stage.client();
        client.says(startup({{"user", "app"}, {"database", "db"}, {"options", options}}));
        client.hears({"ErrorResponse FATAL 0A000"});
        EXPECT_TRUE(client.closed()) << options;
    }
}

TEST(Startup, WhatIsIgnoredIsIgnoredInTheOptionsToo) {
    Scene scene;
    scene.settings.pgring.ignore_startup_parameters = {"extra_float_digits", "geqo"};
    Stage stage(scene);
    Client& client = stage.logged_in_as({{"user", "app"},
                                         {"database", "db"},
                                         {"extra_float_digits", "3"},
                                         {"options", "-c geqo=off --Extra-Float-Digits=2"}});
    client.says(query("select 1"));
    stage.backend(0).hears({"Query select 1"});
}

/// A client that is asked for its password.
class PasswordLogin : public ::testing::Test {
  protected:
    PasswordLogin() {
        Scene scene;
        scene.settings.pgring.auth_type = config::AuthType::Password;
        scene.users = "\"app\" \"secret\"\n";
        stage_ = std::make_unique<Stage>(scene);
        client_ = &stage_->client();
        client_->says(startup(kApp));
        client_->hears({"Authentication 3"});
    }

    std::unique_ptr<Stage> stage_;
    Client* client_;
};

TEST_F(PasswordLogin, TheRightPasswordLetsIn) {
    client_->says(password(zero_ended("secret")));
    EXPECT_EQ(backend_text(client_->take().back()), "ReadyForQuery I");
}

TEST_F(PasswordLogin, TheWrongPasswordIsRefusedAndNoServerIsAsked) {
    client_->says(password(zero_ended("guess")));
    client_->hears({"ErrorResponse FATAL 28P01"});
    EXPECT_TRUE(client_->closed());
    EXPECT_EQ(stage_->backend_count(), 0U);
}

TEST_F(PasswordLogin, AQueryInsteadOfAPasswordIsRefused) {
    client_->says(query("select 1"));
    client_->hears({"ErrorResponse FATAL 08P01"});
    EXPECT_TRUE(client_->closed());
}

TEST_F(PasswordLogin, AHugePasswordMessageIsRefusedByItsLength) {
    client_->says("p" + number(0x7ffffff0U));
    client_->hears({"ErrorResponse FATAL 08P01"});
    EXPECT_TRUE(client_->closed());
}

TEST_F(PasswordLogin, AStartupPacketInsteadOfAPasswordIsRefused) {
    client_->says(startup({{"user", "postgres"}, {"database", "no such database"}}));
    client_->hears({"ErrorResponse FATAL 08P01"});
    EXPECT_TRUE(client_->closed());
    EXPECT_EQ(stage_->backend_count(), 0U);
}

TEST_F(PasswordLogin, APasswordThatArrivesByteByByteIsRead) {
    client_->says_in_pieces(password(zero_ended("secret")), 1);
    EXPECT_EQ(backend_text(client_->take().back()), "ReadyForQuery I");
}

TEST(Startup, APasswordMayBeAsLongAsATokenOfACloud) {
    std::string const token(65'535, 't');
    Scene scene;
    scene.settings.pgring.auth_type = config::AuthType::Password;
    scene.users = "\"app\" \"" + token + "\"\n";
    Stage stage(scene);
    Client& client = stage.client();
    client.says(startup(kApp));
    client.hears({"Authentication 3"});
    client.says_in_pieces(password(zero_ended(token)), 4'000);
    EXPECT_EQ(backend_text(client.take().back()), "ReadyForQuery I");
}

/// One user proves itself by SCRAM, the next by md5, a third not at all, each as its rule says.
TEST(Startup, EachUserIsAskedAsItsRuleSays) {
    Scene scene;
    scene.settings.pgring.auth_type = config::AuthType::Hba;
    scene.users = "\"app\" \"secret\"\n\"old\" \"secret\"\n";
    scene.rules =
        "host all app all scram-sha-256\nhost all old all md5\nhost all guest all trust\n"
        "host all all all reject\n";
    Stage stage(scene);
    struct Case {
        const char* user;
        const char* heard;
    };
    for (const Case& one : {Case{"app", "Authentication 10"}, Case{"old", "Authentication 5"},
                            Case{"guest", "AuthenticationOk"}, Case{"nobody", "ErrorResponse FATAL 28000"}}) {
        Client& client = stage.client();
        client.says(startup({{"user", one.user}, {"database", "db"}}));
        EXPECT_EQ(backend_text(client.take().front()), one.heard) << one.user;
    }
}

}  // namespace
}  // namespace pgring::conversation
