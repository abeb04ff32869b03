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

/// libidn's SASLprep profile without its normalization. PostgreSQL looks for prohibited characters before it
/// normalizes (src/common/saslprep.c), RFC 3454 behind it; that differs for U+0340 and U+2135, and
/// PostgreSQL's way counts.
std::vector<Stringprep_profile> profile_without_normalization() {
    std::vector<Stringprep_profile> profile;
    for (const Stringprep_profile* row = stringprep_saslprep; row->operation != 0; ++row) {
        if (row->operation != STRINGPREP_NFKC) {
            profile.push_back(*row);
        }
    }
    profile.push_back({});
    return profile;
}

}  // namespace

SecretText saslprep(std::string_view password) {
    static const std::vector<Stringprep_profile> kProfile = profile_without_normalization();
    SecretText raw(password);
    if (plain_ascii(password) || password.find('\0') != std::string_view::npos) {
        return raw;
    }
    // In place, with room for a terminator: mapping only shortens.
    std::vector<char, WipingAllocator<char>> text(password.begin(), password.end());
    text.push_back('\0');
    // PostgreSQL counts passwords among RFC 3454's "stored strings": code points unassigned in Unicode 3.2
    // are errors.
    if (stringprep(text.data(), text.size(), STRINGPREP_NO_UNASSIGNED, kProfile.data()) != STRINGPREP_OK) {
        return raw;
    }
    const std::unique_ptr<char, WipeAndFree> normalized(stringprep_utf8_nfkc_normalize(text.data(), -1));
    const std::string_view prepared(normalized ? normalized.get() : "");
    return prepared.empty() ? raw : SecretText(prepared);
}

}  // namespace pgring::auth
