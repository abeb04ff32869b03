// What a login costs: the part of connecting that is neither kernel nor protocol. A worker must not spend
// more than 200 microseconds on one, and PBKDF2 (BM_PlainPasswordDerivation) only when the user list is read.

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include <benchmark/benchmark.h>

#include "auth/client_dialogue.h"
#include "auth/crypto.h"
#include "auth/hba.h"
#include "auth/md5.h"
#include "auth/scram_client.h"
#include "auth/scram_server.h"
#include "auth/server_dialogue.h"
#include "base/random.h"

namespace pgring::auth {
namespace {

struct World {
    base::Prng random{1};
    ProcessSecret process_secret{random};
    PlainPassword plain = make_plain_password("pencil", "alice", process_secret);
    ClientKey client_key = client_key_of(salted_password("pencil", plain.scram.salt, plain.scram.iterations));
    ScramKeyCache cache;
};

/// Aborts the benchmark where a step that it measures did not succeed.
bool check(benchmark::State& state, bool success) {
    if (!success) {
        state.SkipWithError("the login failed");
    }
    return success;
}

/// pgring's side of a client's SCRAM login; the client's own computing is not counted.
void BM_ScramServerLogin(benchmark::State& state) {
    World world;
    const Secret secret = world.plain.scram;
    for (auto _ : state) {
        ClientDialogue dialogue({.method = Method::ScramSha256, .user = "alice", .secret = &secret},
                                world.process_secret, world.random);
        benchmark::DoNotOptimize(dialogue.start());
        state.PauseTiming();
        ScramClient client(ScramPassKey{.secret = world.plain.scram, .client_key = world.client_key},
                           world.random);
        const std::string first = client.first_message();
        const std::string initial =
            std::string("SCRAM-SHA-256\0\0\0\0", 17) + static_cast<char>(first.size()) + first;
        state.ResumeTiming();
        const ClientStep continued = dialogue.receive(initial);
        state.PauseTiming();
        const auto final = client.receive_first(continued.reply.substr(4), world.cache);
        state.ResumeTiming();
        const ClientStep done = dialogue.receive(*final);
        if (!check(state, done.outcome == ClientStep::Outcome::Done)) {
            return;
        }
    }
}
BENCHMARK(BM_ScramServerLogin);

/// Both sides of a SCRAM login, keys at hand: twice what one side costs, without pauses of the clock in
/// between.
void BM_ScramBothSides(benchmark::State& state) {
    World world;
    const Secret verifier_secret = world.plain.scram;
    const Secret prover_secret = world.plain;
    for (auto _ : state) {
        ClientDialogue verifier({.method = Method::ScramSha256, .user = "alice", .secret = &verifier_secret},
                                world.process_secret, world.random);
        ServerDialogue prover({.user = "alice", .secret = &prover_secret}, world.cache, world.random);
        const ServerStep first = prover.receive(verifier.start().reply);
        const ServerStep final = prover.receive(verifier.receive(first.reply).reply);
        const ClientStep done = verifier.receive(final.reply);
        const ServerStep verified = prover.receive(done.reply);
        if (!check(state, verified.outcome == ServerStep::Outcome::Continue && verified.failure.empty())) {
            return;
        }
    }
}
BENCHMARK(BM_ScramBothSides);

/// pgring's login at a server with a password whose keys are in the cache.
void BM_ScramClientLoginCachedKeys(benchmark::State& state) {
    World world;
    for (auto _ : state) {
        ScramClient client(world.plain.password, world.random);
        const std::string server_first =
            "r=" + client.first_message().substr(8) + "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        const auto final = client.receive_first(server_first, world.cache);
        // The signature is wrong; judging it costs the same.
        const auto verdict = client.receive_final("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        if (!check(state, final.has_value() && !verdict.has_value())) {
            return;
        }
    }
}
BENCHMARK(BM_ScramClientLoginCachedKeys);

/// What every login would cost without derived secrets and caches.
void BM_PlainPasswordDerivation(benchmark::State& state) {
    World world;
    for (auto _ : state) {
        benchmark::DoNotOptimize(make_plain_password("pencil", "alice", world.process_secret));
    }
}
BENCHMARK(BM_PlainPasswordDerivation)->Unit(benchmark::kMicrosecond);

void BM_Md5ServerLogin(benchmark::State& state) {
    World world;
    const Secret secret = md5_hash("pencil", "alice");
    for (auto _ : state) {
        ClientDialogue dialogue({.method = Method::Md5, .user = "alice", .secret = &secret},
                                world.process_secret, world.random);
        const ClientStep asked = dialogue.start();
        Md5Salt salt{};
        std::copy_n(asked.reply.end() - 4, 4, salt.begin());
        const ClientStep done = dialogue.receive(md5_answer(std::get<Md5Hash>(secret), salt) + '\0');
        if (!check(state, done.outcome == ClientStep::Outcome::Done)) {
            return;
        }
    }
}
BENCHMARK(BM_Md5ServerLogin);

/// The hundredth line fits.
void BM_HbaMatch(benchmark::State& state) {
    std::string text;
    for (int line = 0; line < 99; ++line) {
        text += "host db" + std::to_string(line) + " all 10.0." + std::to_string(line) + ".0/24 md5\n";
    }
    const Rules rules = parse_rules(text + "host all all all scram-sha-256\n", "hba.conf").rules;
    const LoginRequest request{.transport = Transport::PlainTcp,
                               .database = "db",
                               .user = "alice",
                               .address = base::parse_ip_address("10.0.1.1").value()};
    for (auto _ : state) {
        benchmark::DoNotOptimize(rules.match(request));
    }
}
BENCHMARK(BM_HbaMatch);

}  // namespace
}  // namespace pgring::auth

BENCHMARK_MAIN();
