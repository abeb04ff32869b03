#include "sql/fingerprint.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/random.h"

namespace pgring::sql {
namespace {

/// SipHash-1-3 with 128 bits under the key 00 01 .. 0f of the first n bytes of 00 01 02 ..., by an
/// independent implementation (the crate siphasher 1.0).
TEST(Fingerprint, IsSipHash) {
    const Fingerprinter fingerprint(0x0706050403020100U, 0x0f0e0d0c0b0a0908U);
    EXPECT_EQ(fingerprint(""), (Fingerprint{.low = 0xbea58827b2bc7ee7U, .high = 0x013030dd6adb62fdU}));
    EXPECT_EQ(fingerprint(std::string("\0", 1)),
              (Fingerprint{.low = 0xa8edd36004376ffcU, .high = 0x63f02f2bcc73055eU}));
}

TEST(Fingerprint, DependsOnEveryByteAndTheLength) {
    base::Prng random(1);
    const Fingerprinter fingerprint(random);
    std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
    std::size_t count = 0;
    for (std::size_t length = 0; length <= 40; ++length) {
        std::string bytes(length, '\0');
        const auto add = [&] {
            const Fingerprint taken = fingerprint(bytes);
            seen.emplace(taken.low, taken.high);
            ++count;
        };
        add();
        for (std::size_t at = 0; at < length; ++at) {
            bytes[at] = 1;
            add();
            bytes[at] = 0;
        }
    }
    EXPECT_EQ(seen.size(), count);
}

TEST(Fingerprint, DependsOnTheKey) {
    base::Prng random(1);
    const Fingerprinter one(random);
    const Fingerprinter other(random);
    EXPECT_NE(one("select"), other("select"));
    EXPECT_EQ(one("select"), one("select"));
}

}  // namespace
}  // namespace pgring::sql
