#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "auth/base64.h"
#include "auth/crypto.h"
#include "auth/scram_client.h"
#include "auth/scram_key_cache.h"
#include "auth/scram_server.h"
#include "auth_testing.h"

namespace pgring::auth {
namespace {

using testing::kPencilSecret;
using testing::process_secret;
using testing::secret_from;
using Outcome = ScramServerStep::Outcome;

/// Draws zeros, so that nonces are known.
class Zeros final : public base::RandomSource {
  public:
    void fill(std::span<std::byte> bytes) override { std::ranges::fill(bytes, std::byte{0}); }
};

constexpr std::string_view kZeroNonce = "AAAAAAAAAAAAAAAAAAAAAAAA";
constexpr std::string_view kGoodFirst = "n,,n=,r=clientnonce";

ScramSecret pencil() {
    return std::get<ScramSecret>(secret_from(kPencilSecret));
}

// The messages of a client that is not ours: made with Python's hashlib and hmac for password "pencil",
// kPencilSecret, client nonce "clientnonce" and kZeroNonce as the server's.
constexpr std::string_view kServerFirst =
    "r=clientnonceAAAAAAAAAAAAAAAAAAAAAAAA,s=oXQ1uWlmJ4c1MjeUJqFm4g==,i=4096";
constexpr std::string_view kFinalWithoutProof = "c=biws,r=clientnonceAAAAAAAAAAAAAAAAAAAAAAAA";
constexpr std::string_view kProof = "q/I1AvClG/Au9vlVHBh3DXINpAhPXZuzB6uLYMEWx/w=";
constexpr std::string_view kServerFinal = "v=puJjXpmCMrmFAgNW500aC1RlVt0HcLxllyrtFKq5jGk=";
/// The same for a client that says y: "y,," is eSws.
constexpr std::string_view kFinalOfY =
    "c=eSws,r=clientnonceAAAAAAAAAAAAAAAAAAAAAAAA,p=Kr5MTF9ZtadIDvIU/fEcFy131BLYwQSYWqUvVAVMBuo=";

std::string good_final() {
    return std::string(kFinalWithoutProof) + ",p=" + std::string(kProof);
}

ScramServer server_after_first(std::string_view first = kGoodFirst) {
    Zeros zeros;
    ScramServer server = ScramServer::for_secret(pencil());
    EXPECT_EQ(server.receive_first(first, zeros).outcome, Outcome::Continue);
    return server;
}

TEST(ScramServer, VerifiesAClientByAnotherHand) {
    Zeros zeros;
    ScramServer server = ScramServer::for_secret(pencil());
    const auto first = server.receive_first(kGoodFirst, zeros);
    ASSERT_EQ(first.outcome, Outcome::Continue);
    EXPECT_EQ(first.reply, kServerFirst);
    const auto final = server.receive_final(good_final());
    ASSERT_EQ(final.outcome, Outcome::Verified);
    EXPECT_EQ(final.reply, kServerFinal);
}

TEST(ScramServer, LearnsTheKeyOfTheClient) {
    ScramServer server = server_after_first();
    ASSERT_EQ(server.receive_final(good_final()).outcome, Outcome::Verified);
    EXPECT_EQ(server.client_key().bytes, client_key_of(salted_password("pencil", pencil().salt, 4096)).bytes);
}

TEST(ScramServer, AcceptsAClientThatCouldBindWhereBindingIsNotOffered) {
    ScramServer server = server_after_first("y,,n=,r=clientnonce");
    EXPECT_EQ(server.receive_final(kFinalOfY).outcome, Outcome::Verified);
}

TEST(ScramServer, RefusesAClientWhoseBindingWasDowngraded) {
    Zeros zeros;
    ScramServer server = ScramServer::for_secret(pencil());
    server.offer_channel_binding({.data = "hash of the certificate"});
    const auto step = server.receive_first("y,,n=,r=clientnonce", zeros);
    ASSERT_EQ(step.outcome, Outcome::Malformed);
    EXPECT_EQ(step.refusal.sqlstate, "28000");
    EXPECT_EQ(step.refusal.message, "SCRAM channel binding negotiation error");
}

TEST(ScramServer, RefusesAFinalMessageOfAnotherFlag) {
    ScramServer said_y = server_after_first("y,,n=,r=clientnonce");
    EXPECT_EQ(said_y.receive_final(good_final()).outcome, Outcome::Malformed);
    ScramServer said_n = server_after_first();
    EXPECT_EQ(said_n.receive_final(kFinalOfY).outcome, Outcome::Malformed);
}

TEST(ScramServer, BindsToTheChannelWhereOffered) {
    Zeros zeros;
    const std::string header = "p=tls-server-end-point,,";
    const std::string data("\x00\x01hash", 6);
    const ClientKey key = client_key_of(salted_password("pencil", pencil().salt, 4096));
    const auto outcome = [&](const std::string& seen_by_client) {
        ScramServer server = ScramServer::for_secret(pencil());
        server.offer_channel_binding({.data = data});
        EXPECT_EQ(server.receive_first(header + "n=,r=clientnonce", zeros).outcome, Outcome::Continue);
        const std::string without_proof =
            "c=" + base64_encode(header + seen_by_client) + ",r=clientnonce" + std::string(kZeroNonce);
        const Digest signature = client_signature(
            pencil().stored_key, "n=,r=clientnonce," + std::string(kServerFirst) + "," + without_proof);
        Digest proof{};
        for (std::size_t i = 0; i < proof.size(); ++i) {
            proof[i] = static_cast<std::uint8_t>(key.bytes[i] ^ signature[i]);
        }
        return server.receive_final(without_proof + ",p=" + base64_encode(as_text(proof)));
    };
    EXPECT_EQ(outcome(data).outcome, Outcome::Verified);
    const auto other = outcome("another certificate");
    EXPECT_EQ(other.outcome, Outcome::Malformed);
    EXPECT_EQ(other.refusal.message, "SCRAM channel binding check failed");
}

struct MalformedFirst {
    std::string_view message;
    std::string_view code;
};

TEST(ScramServer, RefusesMalformedFirstMessages) {
    Zeros zeros;
    for (const MalformedFirst& bad : {
             MalformedFirst{"", "08P01"},
             {"n", "08P01"},
             {"n,", "08P01"},
             {"n,,", "08P01"},
             {"x,,n=,r=nonce", "08P01"},
             {"nn,,n=,r=nonce", "08P01"},
             {",,n=,r=nonce", "08P01"},
             {"p,,n=,r=nonce", "08P01"},
             {"p=tls-server-end-point,,n=,r=nonce", "08P01"},
             {"p=,,n=,r=nonce", "08P01"},
             {"n,a=bob,n=,r=nonce", "0A000"},
             {"n,b=bob,n=,r=nonce", "08P01"},
             {"n,,m=ext,n=,r=nonce", "0A000"},
             {"n,,n=", "08P01"},
             {"n,,n=,", "08P01"},
             {"n,,r=nonce", "08P01"},
             {"n,,r=nonce,n=", "08P01"},
             {"n,,n=,r=", "08P01"},
             {"n,,n=,r=no nce", "08P01"},
             {"n,,n=,r=n\x80nce", "08P01"},
             {"n,,n=,r=n\tnce", "08P01"},
             {"n,,n=,r=nonce,", "08P01"},
             {"n,,n=,r=nonce,x", "08P01"},
             {"n,,n=,r=nonce,=x", "08P01"},
             {"n,,n=,r=nonce,1=x", "08P01"},
             {"n,,n=,r=nonce,x=1,,y=2", "08P01"},
             {"n,n=,r=nonce", "08P01"},
         }) {
        ScramServer server = ScramServer::for_secret(pencil());
        const auto step = server.receive_first(bad.message, zeros);
        EXPECT_EQ(step.outcome, Outcome::Malformed) << bad.message;
        EXPECT_EQ(step.refusal.sqlstate, bad.code) << bad.message;
        EXPECT_FALSE(step.refusal.message.empty());
        EXPECT_TRUE(step.reply.empty());
    }
}

TEST(ScramServer, IgnoresNameAndOptionalExtensions) {
    Zeros zeros;
    for (const std::string_view first : {"n,,n=somebody,r=clientnonce", "n,,n=,r=clientnonce,x=1,y="}) {
        ScramServer server = ScramServer::for_secret(pencil());
        EXPECT_EQ(server.receive_first(first, zeros).outcome, Outcome::Continue) << first;
    }
}

TEST(ScramServer, RefusesMalformedFinalMessages) {
    const std::string proof = ",p=" + std::string(kProof);
    const std::string nonce = "r=clientnonce" + std::string(kZeroNonce);
    for (const std::string& bad : {
             std::string(),
             std::string("c=biws"),
             "c=biws," + nonce,
             nonce + proof,
             "c=biws" + proof,
             "c=biws,r=clientnonce" + proof,
             "c=biws,r=" + proof,
             "c=biws," + nonce + "A" + proof,
             "c=biws,r=Clientnonce" + std::string(kZeroNonce) + proof,
             "c=bixz," + nonce + proof,
             "c=," + nonce + proof,
             "c=biws," + nonce + ",",
             "c=biws," + nonce + ",p=",
             "c=biws," + nonce + ",p=AAAA",
             "c=biws," + nonce + proof + "A",
             "c=biws," + nonce + proof + "=",
             "c=biws," + nonce + proof + ",",
             "c=biws," + nonce + proof + ",x=1",
             "c=biws," + nonce + proof + "\n",
             "c=biws," + nonce + ",p" + proof,
             "c=biws,," + nonce + proof,
             "C=biws," + nonce + proof,
         }) {
        ScramServer server = server_after_first();
        EXPECT_EQ(server.receive_final(bad).outcome, Outcome::Malformed) << bad;
    }
}

TEST(ScramServer, CoversExtensionsByTheProof) {
    // An extension that somebody slipped in changes the AuthMessage.
    ScramServer server = server_after_first();
    EXPECT_EQ(server.receive_final(std::string(kFinalWithoutProof) + ",x=1,p=" + std::string(kProof)).outcome,
              Outcome::WrongPassword);
}

TEST(ScramServer, NeverVerifiesNobody) {
    // Even a client that knows the mock's zero keys: H(ClientKey) of none is zero.
    Zeros zeros;
    ScramServer server = ScramServer::for_nobody("alice", process_secret());
    const auto first = server.receive_first(kGoodFirst, zeros);
    ASSERT_EQ(first.outcome, Outcome::Continue);
    const std::string without_proof(kFinalWithoutProof);
    const Digest signature =
        client_signature(StoredKey(), "n=,r=clientnonce," + first.reply + "," + without_proof);
    EXPECT_EQ(server.receive_final(without_proof + ",p=" + base64_encode(as_text(signature))).outcome,
              Outcome::WrongPassword);
}

// --- the proving side ---

ScramClient pencil_client(base::RandomSource& random) {
    return {ScramCredential(SecretText("pencil")), random};
}

TEST(ScramClient, SaysWhatLibpqSays) {
    Zeros zeros;
    EXPECT_EQ(pencil_client(zeros).first_message(), "n,,n=,r=" + std::string(kZeroNonce));
}

TEST(ScramClient, ProvesAndVerifiesByTheRfc) {
    // As computed with Python's hashlib and hmac.
    Zeros zeros;
    ScramKeyCache cache;
    ScramClient client = pencil_client(zeros);
    const auto final = client.receive_first(
        "r=" + std::string(kZeroNonce) + "servernonce,s=oXQ1uWlmJ4c1MjeUJqFm4g==,i=4096", cache);
    ASSERT_TRUE(final.has_value()) << final.error();
    EXPECT_EQ(*final, "c=biws,r=" + std::string(kZeroNonce) +
                          "servernonce,p=OVY9wdaSC788t93kSELPgdumikzoaWbwU+Zeacq5sLU=");
    EXPECT_TRUE(client.receive_final("v=le9BFgDbAeKCgHtx25sAYfzG6j8yYt9UGOBt+4U/fvQ=").has_value());
}

TEST(ScramClient, RefusesMalformedFirstMessages) {
    const std::string ours(kZeroNonce);
    const std::string salt = ",s=oXQ1uWlmJ4c1MjeUJqFm4g==";
    for (const std::string& bad : {
             std::string(),
             "r=" + ours,
             "r=" + ours + "x",
             "r=" + ours + "x" + salt,
             "r=" + ours + salt + ",i=4096",  // no nonce of the server's own
             "r=BAAAAAAAAAAAAAAAAAAAAAAAx" + salt + ",i=4096",
             "r=x" + salt + ",i=4096",
             "r=" + ours + "x y" + salt + ",i=4096",
             "r=" + ours + "x,s=,i=4096",
             "r=" + ours + "x,s=oXQ,i=4096",
             "r=" + ours + "x,s=" + base64_encode(std::string(kScramSaltSizeMax + 1, 's')) + ",i=4096",
             "r=" + ours + "x" + salt + ",i=",
             "r=" + ours + "x" + salt + ",i=0",
             "r=" + ours + "x" + salt + ",i=-1",
             "r=" + ours + "x" + salt + ",i= 4096",
             "r=" + ours + "x" + salt + ",i=4096x",
             "r=" + ours + "x" + salt + ",i=1000001",
             "r=" + ours + "x" + salt + ",i=4294967297",
             "r=" + ours + "x" + salt + ",i=99999999999999999999",
             "r=" + ours + "x" + salt + ",i=4096,",
             "r=" + ours + "x" + salt + ",i=4096,x=1",
             "m=ext,r=" + ours + "x" + salt + ",i=4096",
             std::string("e=other-error"),
             salt + ",i=4096",
             "r=" + ours + std::string(kScramMessageSizeMax, 'x') + salt + ",i=4096",
         }) {
        Zeros zeros;
        ScramKeyCache cache;
        ScramClient client = pencil_client(zeros);
        const auto reply = client.receive_first(bad, cache);
        EXPECT_FALSE(reply.has_value()) << bad;
        EXPECT_EQ(cache.computed_count(), 0U) << "no PBKDF2 for a message that is refused: " << bad;
    }
}

TEST(ScramClient, RefusesWrongSignaturesAndReportsServerErrors) {
    Zeros zeros;
    ScramKeyCache cache;
    const auto verdict_on = [&](const std::string& message) {
        ScramClient client = pencil_client(zeros);
        EXPECT_TRUE(
            client
                .receive_first(
                    "r=" + std::string(kZeroNonce) + "servernonce,s=oXQ1uWlmJ4c1MjeUJqFm4g==,i=4096", cache)
                .has_value());
        return client.receive_final(message);
    };
    ASSERT_TRUE(verdict_on("v=le9BFgDbAeKCgHtx25sAYfzG6j8yYt9UGOBt+4U/fvQ=").has_value());
    for (const std::string& bad : {std::string(), std::string("v="), std::string("v=AAAA"),
                                   "v=" + base64_encode(std::string(32, '\0')),
                                   std::string("v=le9BFgDbAeKCgHtx25sAYfzG6j8yYt9UGOBt+4U/fvQ=,x=1"),
                                   std::string("v=le9BFgDbAeKCgHtx25sAYfzG6j8yYt9UGOBt+4U/fvQ=A"),
                                   std::string("x=le9BFgDbAeKCgHtx25sAYfzG6j8yYt9UGOBt+4U/fvQ="),
                                   std::string("le9BFgDbAeKCgHtx25sAYfzG6j8yYt9UGOBt+4U/fvQ="),
                                   "v=" + std::string(kScramMessageSizeMax, 'A')}) {
        EXPECT_FALSE(verdict_on(bad).has_value()) << bad;
    }
    EXPECT_EQ(verdict_on("e=invalid-proof").error(), "the server ended the SCRAM exchange: invalid-proof");
    EXPECT_EQ(verdict_on("e=a\nb\x1b").error(), "the server ended the SCRAM exchange: a?b?");
    EXPECT_EQ(verdict_on("e=" + std::string(1000, 'x')).error(),
              "the server ended the SCRAM exchange: " + std::string(64, 'x'));
}

TEST(ScramClient, LogsInWithALearnedKeyAlone) {
    Zeros zeros;
    ScramKeyCache cache;
    ScramServer learning = server_after_first();
    ASSERT_EQ(learning.receive_final(good_final()).outcome, Outcome::Verified);

    base::Prng random(3);
    ScramClient client(ScramPassKey{.secret = pencil(), .client_key = learning.client_key()}, random);
    ScramServer server = ScramServer::for_secret(pencil());
    const auto server_first = server.receive_first(client.first_message(), random);
    const auto client_final = client.receive_first(server_first.reply, cache);
    ASSERT_TRUE(client_final.has_value()) << client_final.error();
    const auto server_final = server.receive_final(*client_final);
    ASSERT_EQ(server_final.outcome, Outcome::Verified);
    EXPECT_TRUE(client.receive_final(server_final.reply).has_value());
    EXPECT_EQ(cache.computed_count(), 0U);
}

TEST(ScramClient, SaysWhyALearnedKeyCannotServe) {
    Zeros zeros;
    ScramKeyCache cache;
    const ClientKey key = client_key_of(salted_password("pencil", pencil().salt, 4096));
    const auto reply_to = [&](const ClientKey& learned, const std::string& rest) {
        ScramClient client(ScramPassKey{.secret = pencil(), .client_key = learned}, zeros);
        return client.receive_first("r=" + std::string(kZeroNonce) + "x," + rest, cache);
    };
    EXPECT_TRUE(reply_to(key, "s=oXQ1uWlmJ4c1MjeUJqFm4g==,i=4096").has_value());
    EXPECT_NE(reply_to(key, "s=oXQ1uWlmJ4c1MjeUJqFm4g==,i=4097").error().find("another SCRAM secret"),
              std::string::npos);
    EXPECT_NE(reply_to(key, "s=AAAA,i=4096").error().find("another SCRAM secret"), std::string::npos);
    EXPECT_NE(reply_to(ClientKey(), "s=oXQ1uWlmJ4c1MjeUJqFm4g==,i=4096").error().find("older SCRAM secret"),
              std::string::npos);
}

TEST(ScramKeyCache, ComputesOncePerPasswordSaltAndIterations) {
    ScramKeyCache cache;
    const ClientKey first = cache.keys_for("pencil", "salt", 10).client_key;
    EXPECT_EQ(cache.keys_for("pencil", "salt", 10).client_key.bytes, first.bytes);
    EXPECT_EQ(cache.computed_count(), 1U);
    EXPECT_EQ(first.bytes, client_key_of(salted_password("pencil", "salt", 10)).bytes);
    EXPECT_NE(cache.keys_for("pencil2", "salt", 10).client_key.bytes, first.bytes);
    EXPECT_NE(cache.keys_for("pencil", "salt2", 10).client_key.bytes, first.bytes);
    EXPECT_NE(cache.keys_for("pencil", "salt", 11).client_key.bytes, first.bytes);
    EXPECT_NE(cache.keys_for("pencils", "alt", 10).client_key.bytes, first.bytes);
    EXPECT_EQ(cache.computed_count(), 5U);
    EXPECT_EQ(cache.size(), 5U);
}

TEST(ScramKeyCache, ForgetsTheLongestUnused) {
    ScramKeyCache cache(2);
    const auto use = [&](std::string_view password) {
        const auto before = cache.computed_count();
        (void)cache.keys_for(password, "salt", 1);
        return cache.computed_count() - before;
    };
    EXPECT_EQ(use("a"), 1U);
    EXPECT_EQ(use("b"), 1U);
    EXPECT_EQ(use("a"), 0U);
    EXPECT_EQ(use("c"), 1U);  // b goes
    EXPECT_EQ(use("a"), 0U);
    EXPECT_EQ(use("b"), 1U);
    EXPECT_EQ(cache.size(), 2U);
}

}  // namespace
}  // namespace pgring::auth
