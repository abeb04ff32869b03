// Bytes from outside into everything of the auth room that reads them: files of users and rules, and both
// sides of every dialogue. The first byte chooses. What must hold besides not crashing: nobody is let in who
// does not know the password.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "auth/client_dialogue.h"
#include "auth/crypto.h"
#include "auth/hba.h"
#include "auth/scram_client.h"
#include "auth/scram_server.h"
#include "auth/server_dialogue.h"
#include "auth/user_list.h"
#include "base/network_address.h"

namespace pgring::auth {
namespace {

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

/// What stays the same from one input to the next; PBKDF2 for its password runs once.
struct World {
    base::Prng random{1};
    ProcessSecret process_secret{random};
    Secret secret = make_plain_password("correct horse battery staple", "alice", process_secret);
    /// The same password with a single iteration, for what runs PBKDF2 per input.
    Secret quick_secret = [] {
        const SaltedPassword salted = salted_password("correct horse battery staple", "salt", 1);
        return ScramSecret{.iterations = 1,
                           .salt = "salt",
                           .stored_key = stored_key_of(client_key_of(salted)),
                           .server_key = server_key_of(salted)};
    }();
    ScramKeyCache cache{4};
};

World& world() {
    static World instance;
    return instance;
}

/// Cuts the input into messages: each begins with a byte that says how long it is, zero for "the rest".
std::string_view next_message(std::string_view& input) {
    const std::size_t asked = input.empty() ? 0 : static_cast<std::uint8_t>(input.front());
    input.remove_prefix(input.empty() ? 0 : 1);
    const std::string_view message = input.substr(0, asked == 0 ? input.size() : asked);
    input.remove_prefix(message.size());
    return message;
}

void fuzz_user_list(std::string_view input) {
    // Each plain password costs a PBKDF2: two or three users only, or the fuzzer does nothing else.
    if (std::ranges::count(input, '"') > 10) {
        return;
    }
    const auto list = UserList::parse(input, "userlist.txt", world().process_secret, nullptr);
    require(list.has_value() || !list.error().empty());
}

void fuzz_rules(std::string_view input) {
    const ParsedRules parsed = parse_rules(input, "hba.conf");
    const std::string_view name = input.substr(0, 8);
    for (const std::string_view address : {"192.0.2.1", "2001:db8::1"}) {
        (void)parsed.rules.match({.transport = Transport::TlsTcp,
                                  .database = name,
                                  .user = name,
                                  .address = base::parse_ip_address(address).value()});
    }
}

void fuzz_client_dialogue(std::string_view input, Method method) {
    const Secret& secret = method == Method::Password ? world().quick_secret : world().secret;
    ClientDialogue dialogue({.method = method, .user = "alice", .secret = &secret}, world().process_secret,
                            world().random);
    (void)dialogue.start();
    for (int count = 0; count < 4 && !input.empty(); ++count) {
        // Nobody guesses password, md5 answer or proof; a dialogue that says Done has been fooled.
        require(dialogue.receive(next_message(input)).outcome != ClientStep::Outcome::Done);
    }
}

/// Whether `input` may ask for so many iterations that the fuzzer would do nothing but PBKDF2: four digits in
/// a row.
bool costly(std::string_view input) {
    int digits = 0;
    for (const char character : input) {
        digits = character >= '0' && character <= '9' ? digits + 1 : 0;
        if (digits == 4) {
            return true;
        }
    }
    return false;
}

void fuzz_server_dialogue(std::string_view input) {
    ServerDialogue dialogue({.user = "alice", .secret = &world().secret}, world().cache, world().random);
    for (int count = 0; count < 5 && !input.empty(); ++count) {
        (void)dialogue.receive(next_message(input));
    }
}

void fuzz_scram_server(std::string_view input) {
    ScramServer server = ScramServer::for_secret(std::get<PlainPassword>(world().secret).scram);
    if (server.receive_first(next_message(input), world().random).outcome ==
        ScramServerStep::Outcome::Continue) {
        require(server.receive_final(next_message(input)).outcome != ScramServerStep::Outcome::Verified);
    }
}

void fuzz_scram_client(std::string_view input) {
    ScramClient client(SecretText("pencil"), world().random);
    // The nonce must continue ours, which no input can know: it is given.
    const std::string nonce = client.first_message().substr(8);
    if (client.receive_first("r=" + nonce + std::string(next_message(input)), world().cache)) {
        require(!client.receive_final(next_message(input)));
    }
}

}  // namespace
}  // namespace pgring::auth

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pgring::auth;
    if (size == 0) {
        return 0;
    }
    const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 8) {
        case 0:
            fuzz_user_list(input);
            break;
        case 1:
            fuzz_rules(input);
            break;
        case 2:
            fuzz_client_dialogue(input, Method::ScramSha256);
            break;
        case 3:
            fuzz_client_dialogue(input, Method::Md5);
            break;
        case 4:
            fuzz_client_dialogue(input, Method::Password);
            break;
        case 5:
            if (!costly(input)) {
                fuzz_server_dialogue(input);
            }
            break;
        case 6:
            fuzz_scram_server(input);
            break;
        default:
            if (!costly(input)) {
                fuzz_scram_client(input);
            }
            break;
    }
    return 0;
}
