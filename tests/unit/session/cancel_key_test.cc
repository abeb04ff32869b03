#include "session/cancel_key.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "wire/protocol.h"

namespace pgring::session {
namespace {

TEST(CancelKey, LeadsBackToWorkerAndSessionInEveryProtocol) {
    base::Prng random(1);
    for (std::uint32_t const protocol : {wire::kProtocol3_0, wire::kProtocol3_0 + 1, wire::kProtocol3_2}) {
        for (CancelAddress const& address :
             {CancelAddress{.worker = 0, .session_index = 0}, CancelAddress{.worker = 3, .session_index = 77},
              CancelAddress{.worker = 255, .session_index = (1U << 22U) - 1}}) {
            CancelKey const key = make_cancel_key(protocol, address, random);
            EXPECT_EQ(address_of(key), address) << protocol;
            EXPECT_GT(static_cast<std::int32_t>(key.process_id), 0);
        }
    }
}

TEST(CancelKey, HasFourBytesOfSecretBeforeProtocol3_2And32Since) {
    base::Prng random(1);
    EXPECT_EQ(make_cancel_key(wire::kProtocol3_0, {}, random).secret.size(), 4U);
    EXPECT_EQ(make_cancel_key(wire::kProtocol3_0 + 1, {}, random).secret.size(), 4U);
    EXPECT_EQ(make_cancel_key(wire::kProtocol3_2, {}, random).secret.size(), 32U);
}

TEST(CancelKey, NeverRepeatsItsSecret) {
    base::Prng random(1);
    for (std::uint32_t const protocol : {wire::kProtocol3_0, wire::kProtocol3_2}) {
        EXPECT_NE(make_cancel_key(protocol, {}, random).secret, make_cancel_key(protocol, {}, random).secret);
    }
}

TEST(CancelKey, OfALongSecretLeadsToItsSessionWhateverTheProcessId) {
    base::Prng random(1);
    CancelAddress const address{.worker = 2, .session_index = 5};
    CancelKey key = make_cancel_key(wire::kProtocol3_2, address, random);
    key.process_id = 4242;
    EXPECT_EQ(address_of(key), address);
}

TEST(CancelKey, OfAServersProcessCarriesNoAddress) {
    EXPECT_EQ(address_of({.process_id = 4242, .secret = "abcd"}), std::nullopt);
    EXPECT_EQ(address_of({.process_id = 4242, .secret = std::string(256, 'x')}), std::nullopt);
    EXPECT_TRUE(can_be_shown(4'194'304));
}

TEST(CancelKey, AServersProcessThatLooksLikeOneOfPgringsOrLikeNoneIsNotShown) {
    EXPECT_FALSE(can_be_shown(0));
    EXPECT_FALSE(can_be_shown(1U << 30U));
    EXPECT_FALSE(can_be_shown(0xffffffffU));
}

}  // namespace
}  // namespace pgring::session
