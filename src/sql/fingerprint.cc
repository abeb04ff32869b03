#include "sql/fingerprint.h"

#include <bit>
#include <cstring>
#include <span>

namespace pgring::sql {

namespace {

struct SipState {
    std::uint64_t v0;
    std::uint64_t v1;
    std::uint64_t v2;
    std::uint64_t v3;

    void round() {
        v0 += v1;
        v1 = std::rotl(v1, 13) ^ v0;
        v0 = std::rotl(v0, 32);
        v2 += v3;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1;
        v1 = std::rotl(v1, 17) ^ v2;
        v2 = std::rotl(v2, 32);
    }
    void absorb(std::uint64_t word) {
        v3 ^= word;
        round();
        v0 ^= word;
    }
    std::uint64_t finish() {
        round();
        round();
        round();
        return v0 ^ v1 ^ v2 ^ v3;
    }
};

/// Up to eight bytes as a little-endian word. Fingerprints do not leave the process, so the host's order
/// would do as well; the published test values want this one.
std::uint64_t load(const char* bytes, std::size_t size) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, size);
    if constexpr (std::endian::native == std::endian::big) {
        word = std::byteswap(word);
    }
    return word;
}

}  // namespace

Fingerprinter::Fingerprinter(base::RandomSource& random) : key_low_(0), key_high_(0) {
    random.fill(std::as_writable_bytes(std::span(&key_low_, 1)));
    random.fill(std::as_writable_bytes(std::span(&key_high_, 1)));
}

Fingerprint Fingerprinter::operator()(std::string_view bytes) const {
    SipState state{
        .v0 = key_low_ ^ 0x736f6d6570736575U,
        .v1 = key_high_ ^ 0x646f72616e646f6dU ^ 0xeeU,
        .v2 = key_low_ ^ 0x6c7967656e657261U,
        .v3 = key_high_ ^ 0x7465646279746573U,
    };
    const std::size_t whole = bytes.size() & ~std::size_t{7};
    for (std::size_t offset = 0; offset < whole; offset += 8) {
        state.absorb(load(bytes.data() + offset, 8));
    }
    const std::uint64_t tail = load(bytes.data() + whole, bytes.size() - whole);
    state.absorb(tail | (static_cast<std::uint64_t>(bytes.size()) << 56U));
    Fingerprint result;
    state.v2 ^= 0xeeU;
    result.low = state.finish();
    state.v1 ^= 0xddU;
    result.high = state.finish();
    return result;
}

}  // namespace pgring::sql
