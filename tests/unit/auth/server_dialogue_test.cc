#include "auth/server_dialogue.h"

#include <string>

#include <gtest/gtest.h>

#include "auth/crypto.h"
#include "auth/md5.h"
#include "auth_testing.h"

namespace pgring::auth {
namespace {

using testing::body_of;
using testing::kPencilSecret;
using testing::Login;
using testing::plain;
using testing::process_secret;
using testing::run_login;
using testing::secret_from;
using Outcome = ServerStep::Outcome;

const std::string kScramOffer = body_of(AuthenticationCode::SASL, std::string("SCRAM-SHA-256\0\0", 15));

/// pgring's login at a server that the room's own verifying side plays, or that the test plays by hand.
class ServerLogin : public ::testing::Test {
  protected:
    ServerDialogue dialogue(const Secret* secret, const LearnedKeys* learned_keys = nullptr) {
        return ServerDialogue({.user = "alice", .secret = secret, .learned_keys = learned_keys}, cache_,
                              random_);
    }
    ClientDialogue server(Method method, const Secret& secret) {
        return ClientDialogue({.method = method, .user = "alice", .secret = &secret}, process_secret_,
                              random_);
    }
    /// The failure that `messages`, one after the other, end in.
    std::string failure_after(ServerDialogue prover, std::initializer_list<std::string> messages) {
        ServerStep step;
        for (const std::string& message : messages) {
            EXPECT_EQ(step.outcome, Outcome::Continue) << "failed too early: " << step.failure;
            step = prover.receive(message);
        }
        EXPECT_EQ(step.outcome, Outcome::Failed);
        EXPECT_TRUE(step.reply.empty());
        return step.failure;
    }

    base::Prng random_{43};
    ProcessSecret process_secret_ = process_secret();
    ScramKeyCache cache_;
    Secret pencil_ = plain("pencil");
    Secret scram_ = secret_from(kPencilSecret);
    Secret md5_ = secret_from("md5" + std::string(md5_hash("pencil", "alice").view()));
};

TEST_F(ServerLogin, SucceedsWhereNothingIsAsked) {
    for (const Secret* secret : {static_cast<const Secret*>(nullptr), static_cast<const Secret*>(&pencil_)}) {
        ServerDialogue prover = dialogue(secret);
        EXPECT_EQ(prover.receive(body_of(AuthenticationCode::Ok)).outcome, Outcome::Authenticated);
    }
}

TEST_F(ServerLogin, SendsAPasswordInClear) {
    ServerDialogue prover = dialogue(&pencil_);
    EXPECT_EQ(prover.receive(body_of(AuthenticationCode::CleartextPassword)).reply,
              std::string("pencil\0", 7));
    EXPECT_EQ(prover.receive(body_of(AuthenticationCode::Ok)).outcome, Outcome::Authenticated);
}

TEST_F(ServerLogin, AnswersAnMd5ChallengeFromPasswordAndHash) {
    const std::string expected = md5_answer(md5_hash("pencil", "alice"), {1, 2, 3, 4}) + '\0';
    for (const Secret* secret : {&pencil_, &md5_}) {
        ServerDialogue prover = dialogue(secret);
        EXPECT_EQ(prover.receive(body_of(AuthenticationCode::MD5Password, "\x01\x02\x03\x04")).reply,
                  expected);
        EXPECT_EQ(prover.receive(body_of(AuthenticationCode::Ok)).outcome, Outcome::Authenticated);
    }
}

TEST_F(ServerLogin, ComputesTheKeysOfAPasswordOnce) {
    for (int round = 0; round < 3; ++round) {
        ClientDialogue verifier = server(Method::ScramSha256, scram_);
        ServerDialogue prover = dialogue(&pencil_);
        EXPECT_TRUE(run_login(verifier, prover).succeeded());
        EXPECT_EQ(cache_.computed_count(), 1U);
    }
}

TEST_F(ServerLogin, UsesWhatAClientGaveAway) {
    ClientDialogue pgring_for_client = server(Method::ScramSha256, scram_);
    ServerDialogue client = dialogue(&pencil_);
    ASSERT_TRUE(run_login(pgring_for_client, client).succeeded());
    const auto computed_before = cache_.computed_count();

    ClientDialogue postgres = server(Method::ScramSha256, scram_);
    ServerDialogue prover = dialogue(&scram_, &*pgring_for_client.learned_keys());
    const Login login = run_login(postgres, prover);
    EXPECT_TRUE(login.succeeded()) << login.prover.failure;
    EXPECT_EQ(cache_.computed_count(), computed_before) << "no PBKDF2 without a password";
}

TEST_F(ServerLogin, SaysWhyASecretCannotServe) {
    const auto contains = [](const std::string& text, std::string_view part) {
        return text.find(part) != std::string::npos && text.find("\"alice\"") != std::string::npos;
    };
    EXPECT_PRED2(contains, failure_after(dialogue(&scram_), {kScramOffer}), "no client has proved yet");
    EXPECT_PRED2(contains, failure_after(dialogue(&md5_), {kScramOffer}), "an md5 hash, which cannot serve");
    EXPECT_PRED2(contains, failure_after(dialogue(nullptr), {kScramOffer}), "pgring has none");
    const std::string challenge = body_of(AuthenticationCode::MD5Password, "salt");
    EXPECT_PRED2(contains, failure_after(dialogue(&scram_), {challenge}),
                 "a SCRAM secret, which cannot serve");
    EXPECT_PRED2(contains, failure_after(dialogue(nullptr), {challenge}), "pgring has none");
    const std::string clear = body_of(AuthenticationCode::CleartextPassword);
    EXPECT_PRED2(contains, failure_after(dialogue(&scram_), {clear}), "only a hash");
    EXPECT_PRED2(contains, failure_after(dialogue(&md5_), {clear}), "only a hash");
    EXPECT_PRED2(contains, failure_after(dialogue(nullptr), {clear}), "pgring has none");
    for (const auto code : {AuthenticationCode::KerberosV5, AuthenticationCode::GSS, AuthenticationCode::SSPI,
                            AuthenticationCode::GSSContinue}) {
        EXPECT_PRED2(contains, failure_after(dialogue(&pencil_), {body_of(code)}),
                     "Kerberos, GSSAPI or SSPI");
    }
}

TEST_F(ServerLogin, RefusesAServerThatSkipsItsOwnProof) {
    const auto impostor_at = [&](std::size_t skipped_message) {
        ClientDialogue verifier = server(Method::ScramSha256, scram_);
        ServerDialogue prover = dialogue(&pencil_);
        return run_login(verifier, prover, [&](std::size_t index, std::string& body) {
            if (index == skipped_message) {
                body = body_of(AuthenticationCode::Ok);
            }
        });
    };
    // Message 2 is SASLContinue, 4 is SASLFinal: both replaced by AuthenticationOk.
    for (const std::size_t index : {2U, 4U}) {
        const Login login = impostor_at(index);
        EXPECT_EQ(login.prover.outcome, Outcome::Failed) << index;
        EXPECT_NE(login.prover.failure.find("impostor"), std::string::npos) << login.prover.failure;
    }
    EXPECT_EQ(impostor_at(0).prover.outcome, Outcome::Authenticated) << "trust is the server's to give";
}

TEST_F(ServerLogin, RefusesAServerThatDoesNotKnowTheSecret) {
    // It accepts any proof but cannot sign.
    ServerDialogue prover = dialogue(&pencil_);
    const std::string first = prover.receive(kScramOffer).reply;
    const std::string nonce = first.substr(first.find("r=") + 2);
    const std::string server_first = "r=" + nonce + "x,s=oXQ1uWlmJ4c1MjeUJqFm4g==,i=4096";
    ASSERT_EQ(prover.receive(body_of(AuthenticationCode::SASLContinue, server_first)).outcome,
              Outcome::Continue);
    const ServerStep final =
        prover.receive(body_of(AuthenticationCode::SASLFinal, "v=" + std::string(43, 'A') + "="));
    EXPECT_EQ(final.outcome, Outcome::Failed);
    EXPECT_NE(final.failure.find("does not prove"), std::string::npos);
    EXPECT_EQ(prover.receive(body_of(AuthenticationCode::Ok)).outcome, Outcome::Failed) << "failed is failed";
}

TEST_F(ServerLogin, RefusesMessagesOutOfOrder) {
    const std::string ok = body_of(AuthenticationCode::Ok);
    const std::string clear = body_of(AuthenticationCode::CleartextPassword);
    const std::string challenge = body_of(AuthenticationCode::MD5Password, "salt");
    const std::string continuation = body_of(AuthenticationCode::SASLContinue, "r=x");
    const std::string final = body_of(AuthenticationCode::SASLFinal, "v=x");
    for (const std::string& first : {continuation, final}) {
        EXPECT_FALSE(failure_after(dialogue(&pencil_), {first}).empty());
    }
    for (const std::string& second : {clear, challenge, kScramOffer, continuation, final}) {
        EXPECT_FALSE(failure_after(dialogue(&pencil_), {clear, second}).empty());
        EXPECT_FALSE(failure_after(dialogue(&pencil_), {challenge, second}).empty());
    }
    for (const std::string& second : {clear, challenge, kScramOffer, final, ok}) {
        EXPECT_FALSE(failure_after(dialogue(&pencil_), {kScramOffer, second}).empty())
            << "no downgrade amid a SCRAM exchange";
    }
    ServerDialogue done = dialogue(&pencil_);
    (void)done.receive(ok);
    EXPECT_EQ(done.receive(ok).outcome, Outcome::Failed);
}

TEST_F(ServerLogin, RefusesMalformedMessages) {
    const auto sasl = [](std::string_view list) { return body_of(AuthenticationCode::SASL, list); };
    for (const std::string& body : {
             std::string(),
             std::string("\0\0\0", 3),
             body_of(AuthenticationCode::Ok, "x"),
             body_of(AuthenticationCode::CleartextPassword, "x"),
             body_of(AuthenticationCode::MD5Password, "sal"),
             body_of(AuthenticationCode::MD5Password, "salt!"),
             body_of(static_cast<AuthenticationCode>(99)),
             body_of(static_cast<AuthenticationCode>(0x80000000U)),
             sasl(""),
             sasl("SCRAM-SHA-256"),
             sasl(std::string_view("SCRAM-SHA-256\0", 14)),
             sasl(std::string_view("\0", 1)),
             sasl(std::string_view("SCRAM-SHA-256-PLUS\0\0", 20)),
             sasl(std::string_view("OAUTHBEARER\0\0", 13)),
         }) {
        EXPECT_FALSE(failure_after(dialogue(&pencil_), {body}).empty());
    }
}

TEST_F(ServerLogin, FindsItsMechanismAmongOthers) {
    ServerDialogue prover = dialogue(&pencil_);
    const ServerStep step = prover.receive(
        body_of(AuthenticationCode::SASL, std::string_view("SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0", 34)));
    EXPECT_EQ(step.outcome, Outcome::Continue);
    EXPECT_TRUE(step.reply.starts_with(std::string("SCRAM-SHA-256\0\0\0\0\x20n,,n=,r=", 26))) << step.reply;
}

TEST_F(ServerLogin, NamesTheUserAndNoPasswordInFailures) {
    ServerDialogue prover = dialogue(&pencil_);
    (void)prover.receive(kScramOffer);
    const ServerStep step = prover.receive(body_of(AuthenticationCode::SASLContinue, "e=other-error"));
    EXPECT_EQ(step.outcome, Outcome::Failed);
    EXPECT_NE(step.failure.find("\"alice\""), std::string::npos);
    EXPECT_EQ(step.failure.find("pencil"), std::string::npos);
}

}  // namespace
}  // namespace pgring::auth
