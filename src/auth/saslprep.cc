#include "auth/saslprep.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string_view>

#include <stringprep.h>

namespace pgring::auth {
namespace {

struct WipeAndFree {
    void operator()(char* text) const noexcept {
        wipe(text, std::string_view(text).size());
        std::free(text);  // NOLINT: libidn allocated it with malloc.
    }
};

bool plain_ascii(std::string_view text) {
    return std::ranges::all_of(text,
                               [](char character) { return static_cast<unsigned char>(character) < 0x80; });
}

}  // namespace

SecretText saslprep(std::string_view password) {
    SecretText raw(password);
    if (plain_ascii(password) || password.find('\0') != std::string_view::npos) {
        return raw;
    }
    // A terminator for libidn, in memory that is wiped.
    std::vector<char, WipingAllocator<char>> input(password.begin(), password.end());
    input.push_back('\0');
    char* output = nullptr;
    // PostgreSQL counts passwords among RFC 3454's "stored strings": code points unassigned in Unicode 3.2
    // are errors.
    if (stringprep_profile(input.data(), &output, "SASLprep", STRINGPREP_NO_UNASSIGNED) != STRINGPREP_OK) {
        return raw;
    }
    const std::unique_ptr<char, WipeAndFree> prepared(output);
    const std::string_view text(prepared.get());
    return text.empty() ? raw : SecretText(text);
}

}  // namespace pgring::auth
