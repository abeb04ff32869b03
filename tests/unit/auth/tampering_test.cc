// Whatever happens to a message on its way, nobody is let in by it and nothing breaks.

#include <array>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "auth/md5.h"
#include "auth_testing.h"

namespace pgring::auth {
namespace {

using testing::kPencilSecret;
using testing::Login;
using testing::plain;
using testing::process_secret;
using testing::Receiver;
using testing::run_login;
using testing::secret_from;

struct Dialogue {
    Method method;
    Secret of_verifier;
};

class Tampering : public ::testing::Test {
  protected:
    Login login(const Dialogue& dialogue, const std::function<void(std::size_t, std::string&)>& tamper) {
        ClientDialogue verifier({.method = dialogue.method, .user = "alice", .secret = &dialogue.of_verifier},
                                process_secret_, random_);
        ServerDialogue prover({.user = "alice", .secret = &password_, .learned_keys = nullptr}, cache_,
                              random_);
        return run_login(verifier, prover, tamper);
    }

    /// Applies `change` to message `index` alone and checks that its receiver is not convinced.
    void expect_refused(const Dialogue& dialogue, std::size_t index,
                        const std::function<void(std::string&)>& change, const std::string& what) {
        const Login tampered = login(dialogue, [&](std::size_t at, std::string& body) {
            if (at == index) {
                change(body);
            }
        });
        EXPECT_NE(tampered.prover.outcome, ServerStep::Outcome::Authenticated)
            << what << " in message " << index;
        if (tampered.receivers[index] == Receiver::Verifier) {
            EXPECT_NE(tampered.verifier.outcome, ClientStep::Outcome::Done)
                << what << " in message " << index;
        }
    }

    /// One with SCRAM, one with md5; each as PostgreSQL would hold the secret.
    std::array<Dialogue, 2> dialogues_ = {{
        {.method = Method::ScramSha256, .of_verifier = secret_from(kPencilSecret)},
        {.method = Method::Md5,
         .of_verifier = secret_from("md5" + std::string(md5_hash("pencil", "alice").view()))},
    }};
    base::Prng random_{44};
    ProcessSecret process_secret_ = process_secret();
    ScramKeyCache cache_{100};
    Secret password_ = plain("pencil");
};

TEST_F(Tampering, OfAnyByteIsRefused) {
    for (const Dialogue& dialogue : dialogues_) {
        const Login untouched = login(dialogue, [](std::size_t, std::string&) {});
        ASSERT_TRUE(untouched.succeeded());
        for (std::size_t index = 0; index < untouched.messages.size(); ++index) {
            for (std::size_t at = 0; at < untouched.messages[index].size(); ++at) {
                for (int round = 0; round < 4; ++round) {
                    const auto mask = static_cast<char>(1 + random_.below(255));
                    expect_refused(
                        dialogue, index,
                        [&](std::string& body) { body[at] = static_cast<char>(body[at] ^ mask); },
                        "byte " + std::to_string(at) + " xor " + std::to_string(mask));
                }
            }
        }
    }
}

TEST_F(Tampering, ByCuttingAddingAndDoublingIsRefused) {
    for (const Dialogue& dialogue : dialogues_) {
        const Login untouched = login(dialogue, [](std::size_t, std::string&) {});
        for (std::size_t index = 0; index < untouched.messages.size(); ++index) {
            const std::size_t size = untouched.messages[index].size();
            for (std::size_t at = 0; at < size; ++at) {
                const std::string where = " at " + std::to_string(at);
                expect_refused(
                    dialogue, index, [&](std::string& body) { body.resize(at); }, "cut" + where);
                expect_refused(
                    dialogue, index, [&](std::string& body) { body.insert(at, 1, 'x'); }, "insert" + where);
            }
            expect_refused(
                dialogue, index, [](std::string& body) { body += 'x'; }, "append");
            expect_refused(
                dialogue, index, [](std::string& body) { body += '\0'; }, "append NUL");
            expect_refused(
                dialogue, index, [](std::string& body) { body += body; }, "double");
        }
    }
}

TEST_F(Tampering, WithRandomBytesIsRefused) {
    for (const Dialogue& dialogue : dialogues_) {
        const std::size_t message_count = login(dialogue, [](std::size_t, std::string&) {}).messages.size();
        for (int round = 0; round < 500; ++round) {
            const std::size_t index = random_.below(message_count);
            std::string noise(random_.below(200), '\0');
            random_.fill(std::as_writable_bytes(std::span(noise)));
            expect_refused(
                dialogue, index, [&](std::string& body) { body = noise; }, "noise");
        }
    }
}

}  // namespace
}  // namespace pgring::auth
