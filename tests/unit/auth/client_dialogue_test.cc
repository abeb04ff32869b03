#include "auth/client_dialogue.h"

#include <array>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "auth/crypto.h"
#include "auth/md5.h"
#include "auth/scram_key_cache.h"
#include "auth_testing.h"

namespace pgring::auth {
namespace {

using testing::code_of;
using testing::kPencilSecret;
using testing::Login;
using testing::plain;
using testing::process_secret;
using testing::run_login;
using testing::secret_from;
using Outcome = ClientStep::Outcome;

const std::string kWrongPassword = "password authentication failed for user \"alice\"";

/// One client's login with the room's own proving side.
class ClientLogin : public ::testing::Test {
  protected:
    ClientDialogue dialogue(Method method, const Secret* secret,
                            Method method_for_unknown = Method::ScramSha256) {
        return ClientDialogue(
            {.method = method, .user = "alice", .secret = secret, .method_for_unknown = method_for_unknown},
            process_secret_, random_);
    }

    /// Logs in with `password`.
    Login login(ClientDialogue& verifier, std::string_view password) {
        const Secret secret = plain(password);
        ServerDialogue prover({.user = "alice", .secret = &secret, .learned_keys = nullptr}, cache_, random_);
        return run_login(verifier, prover);
    }

    base::Prng random_{42};
    ProcessSecret process_secret_ = process_secret();
    ScramKeyCache cache_;
};

const std::string kMd5OfPencil = "md5" + std::string(md5_hash("pencil", "alice").view());

struct MethodCase {
    Method method;
    std::string_view secret;
    AuthenticationCode asked;
};

TEST_F(ClientLogin, LetsTheRightPasswordInAndNoOther) {
    for (const MethodCase& row : {
             MethodCase{Method::ScramSha256, "pencil", AuthenticationCode::SASL},
             {Method::ScramSha256, kPencilSecret, AuthenticationCode::SASL},
             {Method::Md5, "pencil", AuthenticationCode::MD5Password},
             {Method::Md5, kMd5OfPencil, AuthenticationCode::MD5Password},
             {Method::Md5, kPencilSecret, AuthenticationCode::SASL},
             {Method::Password, "pencil", AuthenticationCode::CleartextPassword},
             {Method::Password, kMd5OfPencil, AuthenticationCode::CleartextPassword},
             {Method::Password, kPencilSecret, AuthenticationCode::CleartextPassword},
         }) {
        const Secret secret = secret_from(row.secret);
        ClientDialogue right = dialogue(row.method, &secret);
        const Login good = login(right, "pencil");
        EXPECT_TRUE(good.succeeded()) << row.secret << ": " << good.verifier.refusal.message;
        EXPECT_EQ(code_of(good.messages.front()), row.asked) << row.secret;

        ClientDialogue wrong = dialogue(row.method, &secret);
        const Login bad = login(wrong, "pencil2");
        EXPECT_EQ(bad.verifier.outcome, Outcome::Failed) << row.secret;
        EXPECT_EQ(bad.verifier.refusal.sqlstate, "28P01");
        EXPECT_EQ(bad.verifier.refusal.message, kWrongPassword);
        EXPECT_EQ(bad.verifier.refusal.log_detail, "the password is wrong");
        EXPECT_FALSE(wrong.learned_keys().has_value());
    }
}

TEST_F(ClientLogin, AsksNothingUnderTrust) {
    ClientDialogue known = dialogue(Method::Trust, nullptr);
    const ClientStep step = known.start();
    EXPECT_EQ(step.outcome, Outcome::Done);
    EXPECT_TRUE(step.reply.empty());
    EXPECT_FALSE(known.learned_keys().has_value());
}

TEST_F(ClientLogin, LearnsTheKeyThatFitsAScramSecret) {
    const Secret secret = secret_from(kPencilSecret);
    for (const Method method : {Method::ScramSha256, Method::Md5, Method::Password}) {
        ClientDialogue verifier = dialogue(method, &secret);
        ASSERT_TRUE(login(verifier, "pencil").succeeded());
        ASSERT_TRUE(verifier.learned_keys().has_value());
        EXPECT_EQ(stored_key_of(verifier.learned_keys()->client_key).bytes,
                  std::get<ScramSecret>(secret).stored_key.bytes);
    }
}

TEST_F(ClientLogin, LearnsNothingWherePgringHasThePassword) {
    const Secret secret = plain("pencil");
    ClientDialogue verifier = dialogue(Method::ScramSha256, &secret);
    ASSERT_TRUE(login(verifier, "pencil").succeeded());
    EXPECT_FALSE(verifier.learned_keys().has_value());
}

TEST_F(ClientLogin, TakesPasswordsOfAnyKindAndLength) {
    const std::array<std::string, 6> passwords = {"p",
                                                  "gr\xc3\xbc\xc3\x9f"
                                                  "e",
                                                  "\xff\xfe no utf8",
                                                  std::string(1024, 'x'),
                                                  std::string(5000, '\xaa'),
                                                  std::string(kPasswordSizeMax, 'z')};
    for (const std::string& password : passwords) {
        const Secret secret = plain(password);
        for (const Method method : {Method::ScramSha256, Method::Md5, Method::Password}) {
            ClientDialogue right = dialogue(method, &secret);
            EXPECT_TRUE(login(right, password).succeeded()) << password.size();
            ClientDialogue wrong = dialogue(method, &secret);
            std::string other = password;
            other.back() = static_cast<char>(other.back() ^ 1);
            EXPECT_FALSE(login(wrong, other).succeeded()) << password.size();
        }
    }
}

TEST_F(ClientLogin, TakesRandomPasswords) {
    for (int round = 0; round < 20; ++round) {
        std::string password(1 + random_.below(80), '\0');
        for (char& character : password) {
            character = static_cast<char>(1 + random_.below(255));
        }
        const Secret secret = plain(password);
        ClientDialogue verifier = dialogue(Method::ScramSha256, &secret);
        EXPECT_TRUE(login(verifier, password).succeeded()) << "round " << round;
    }
}

TEST_F(ClientLogin, NormalizesPasswordsUnderScram) {
    const Secret secret = plain("\xe2\x85\xa8");  // ROMAN NUMERAL NINE
    ClientDialogue verifier = dialogue(Method::ScramSha256, &secret);
    EXPECT_TRUE(login(verifier, "IX").succeeded());
}

TEST_F(ClientLogin, LetsNobodyInWithAnEmptyPassword) {
    const Secret empty = plain("");
    for (const Method method : {Method::ScramSha256, Method::Md5, Method::Password}) {
        ClientDialogue verifier = dialogue(method, &empty);
        const Login attempt = login(verifier, "");
        EXPECT_EQ(attempt.verifier.outcome, Outcome::Failed);
        EXPECT_EQ(attempt.verifier.refusal.sqlstate, "28P01");
    }
    const Secret secret = plain("pencil");
    ClientDialogue verifier = dialogue(Method::Password, &secret);
    EXPECT_EQ(login(verifier, "").verifier.refusal.message, "empty password returned by client");
}

TEST_F(ClientLogin, CannotDoScramWithAnMd5Hash) {
    const Secret secret = secret_from(kMd5OfPencil);
    ClientDialogue verifier = dialogue(Method::ScramSha256, &secret);
    const Login attempt = login(verifier, "pencil");
    EXPECT_EQ(attempt.verifier.refusal.message, kWrongPassword);
    EXPECT_EQ(attempt.verifier.refusal.log_detail,
              "the user's secret is an md5 hash, which cannot serve SCRAM-SHA-256");
}

/// What a client can observe of a failed login: kinds and sizes of messages, salt and iterations, the
/// refusal.
std::string observed(const Login& login) {
    std::string text;
    for (const std::string& message : login.messages) {
        text += std::to_string(message.size()) + ";";
    }
    const std::size_t salt = login.messages.size() > 2 ? login.messages[2].find(",s=") : std::string::npos;
    text += salt == std::string::npos ? "" : login.messages[2].substr(salt);
    return text + login.verifier.refusal.message + std::string(login.verifier.refusal.sqlstate);
}

TEST_F(ClientLogin, ShowsNoDifferenceBetweenAnUnknownUserAndAWrongPassword) {
    const Secret secret = plain("pencil");
    for (const Method method : {Method::ScramSha256, Method::Md5, Method::Password}) {
        ClientDialogue known = dialogue(method, &secret, Method::Md5);
        ClientDialogue unknown = dialogue(method, nullptr, Method::Md5);
        ClientDialogue again = dialogue(method, nullptr, Method::Md5);
        const Login of_known = login(known, "wrong");
        const Login of_unknown = login(unknown, "wrong");
        EXPECT_EQ(observed(of_known), observed(of_unknown));
        EXPECT_EQ(observed(login(again, "other")), observed(of_unknown));
        EXPECT_EQ(of_unknown.verifier.outcome, Outcome::Failed);
        EXPECT_EQ(of_unknown.verifier.refusal.log_detail, "the user is not in the user list");
    }
    ClientDialogue md5_as_scram = dialogue(Method::Md5, nullptr, Method::ScramSha256);
    EXPECT_EQ(code_of(login(md5_as_scram, "wrong").messages.front()), AuthenticationCode::SASL);
}

TEST_F(ClientLogin, DrawsAnotherChallengeEachTime) {
    const Secret secret = plain("pencil");
    for (const Method method : {Method::ScramSha256, Method::Md5}) {
        ClientDialogue first = dialogue(method, &secret);
        ClientDialogue second = dialogue(method, &secret);
        const std::size_t challenge = method == Method::Md5 ? 0 : 2;
        EXPECT_NE(login(first, "pencil").messages[challenge], login(second, "pencil").messages[challenge]);
    }
}

TEST_F(ClientLogin, RefusesAReplayedProof) {
    const Secret secret = secret_from(kPencilSecret);
    ClientDialogue overheard = dialogue(Method::ScramSha256, &secret);
    const Login good = login(overheard, "pencil");
    ASSERT_TRUE(good.succeeded());
    ClientDialogue verifier = dialogue(Method::ScramSha256, &secret);
    (void)verifier.start();
    EXPECT_EQ(verifier.receive(good.messages[1]).outcome, Outcome::Continue);
    EXPECT_EQ(verifier.receive(good.messages[3]).outcome, Outcome::Failed);
}

TEST_F(ClientLogin, KeepsTheSecretItBeganWith) {
    auto secret = std::make_unique<Secret>(plain("pencil"));
    ClientDialogue verifier = dialogue(Method::ScramSha256, secret.get());
    secret.reset();  // A reload replaced the list.
    EXPECT_TRUE(login(verifier, "pencil").succeeded());
}

// --- messages as they are on the wire ---

std::string sasl_initial(std::string_view mechanism, std::uint32_t size, std::string_view data) {
    return std::string(mechanism) + '\0' + encode_int32(size) + std::string(data);
}

TEST_F(ClientLogin, OffersScramAsTheProtocolWritesIt) {
    const Secret secret = secret_from(kPencilSecret);
    ClientDialogue verifier = dialogue(Method::ScramSha256, &secret);
    EXPECT_EQ(verifier.start().reply, std::string("\0\0\0\x0aSCRAM-SHA-256\0\0", 19));
}

TEST_F(ClientLogin, AsksForTheInitialResponseWhereItIsMissing) {
    const Secret secret = secret_from(kPencilSecret);
    ClientDialogue verifier = dialogue(Method::ScramSha256, &secret);
    (void)verifier.start();
    const ClientStep asked = verifier.receive(sasl_initial("SCRAM-SHA-256", 0xffffffffU, ""));
    ASSERT_EQ(asked.outcome, Outcome::Continue);
    EXPECT_EQ(asked.reply, std::string("\0\0\0\x0b", 4));
    EXPECT_EQ(verifier.receive("n,,n=,r=nonce").outcome, Outcome::Continue);
}

TEST_F(ClientLogin, RefusesMalformedSaslMessages) {
    const Secret secret = secret_from(kPencilSecret);
    const std::string first = "n,,n=,r=nonce";
    const auto size = static_cast<std::uint32_t>(first.size());
    for (const std::string& body : {
             std::string(),
             std::string("SCRAM-SHA-256"),
             std::string("SCRAM-SHA-256\0", 14),
             std::string("SCRAM-SHA-256\0\0\0\0", 17),
             sasl_initial("SCRAM-SHA-256-PLUS", size, first),
             sasl_initial("SCRAM-SHA-1", size, first),
             sasl_initial("", size, first),
             sasl_initial("SCRAM-SHA-256", size + 1, first),
             sasl_initial("SCRAM-SHA-256", size - 1, first),
             sasl_initial("SCRAM-SHA-256", 0, first),
             sasl_initial("SCRAM-SHA-256", 0, ""),
             sasl_initial("SCRAM-SHA-256", 0x7fffffffU, first),
             sasl_initial("SCRAM-SHA-256", 0x80000000U, first),
             sasl_initial("SCRAM-SHA-256", 0xffffffffU, first),
             sasl_initial("SCRAM-SHA-256", 5, std::string("n,,\0x", 5)),
             sasl_initial("SCRAM-SHA-256", 2008, "n,,n=,r=" + std::string(2000, 'x')),
         }) {
        ClientDialogue verifier = dialogue(Method::ScramSha256, &secret);
        (void)verifier.start();
        const ClientStep step = verifier.receive(body);
        EXPECT_EQ(step.outcome, Outcome::Failed) << body;
        EXPECT_EQ(step.refusal.sqlstate, "08P01") << body;
        EXPECT_TRUE(step.reply.empty());
    }
}

TEST_F(ClientLogin, RefusesMalformedPasswordMessages) {
    const Secret secret = plain("pencil");
    for (const Method method : {Method::Md5, Method::Password}) {
        for (const std::string& body :
             {std::string(), std::string("pencil"), std::string("pencil\0x", 8), std::string("pencil\0\0", 8),
              std::string(kPasswordSizeMax + 1, 'x') + '\0'}) {
            ClientDialogue verifier = dialogue(method, &secret);
            (void)verifier.start();
            const ClientStep step = verifier.receive(body);
            EXPECT_EQ(step.outcome, Outcome::Failed);
            EXPECT_EQ(step.refusal.sqlstate, "08P01");
        }
    }
}

TEST_F(ClientLogin, TreatsMessagesOutOfStateAsViolations) {
    const Secret secret = secret_from(kPencilSecret);
    ClientDialogue trusted = dialogue(Method::Trust, &secret);
    (void)trusted.start();
    EXPECT_EQ(trusted.receive("x").refusal.sqlstate, "08P01");

    ClientDialogue unstarted = dialogue(Method::ScramSha256, &secret);
    EXPECT_EQ(unstarted.receive("x").refusal.sqlstate, "08P01");

    ClientDialogue done = dialogue(Method::ScramSha256, &secret);
    const Login good = login(done, "pencil");
    ASSERT_TRUE(good.succeeded());
    EXPECT_EQ(done.receive(good.messages[3]).refusal.sqlstate, "08P01") << "a repeated final message";

    ClientDialogue failed = dialogue(Method::ScramSha256, &secret);
    (void)login(failed, "wrong");
    EXPECT_EQ(failed.receive(good.messages[1]).refusal.sqlstate, "08P01") << "a second try on one connection";

    ClientDialogue twice = dialogue(Method::ScramSha256, &secret);
    (void)twice.start();
    EXPECT_EQ(twice.receive(good.messages[1]).outcome, Outcome::Continue);
    EXPECT_EQ(twice.receive(good.messages[1]).refusal.sqlstate, "08P01") << "a second initial response";
}

}  // namespace
}  // namespace pgring::auth
