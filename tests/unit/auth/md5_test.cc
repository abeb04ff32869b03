#include "auth/md5.h"

#include <gtest/gtest.h>

#include "auth/crypto.h"

namespace pgring::auth {
namespace {

constexpr Md5Salt kSalt = {0x01, 0x02, 0x03, 0x04};

std::string text_of(const std::array<char, 32>& hex) {
    return {hex.data(), hex.size()};
}

TEST(Md5, HashesTheVectorsOfTheRfc) {  // RFC 1321, appendix A.5.
    EXPECT_EQ(text_of(md5_hex({""})), "d41d8cd98f00b204e9800998ecf8427e");
    EXPECT_EQ(text_of(md5_hex({"a", "b", "c"})), "900150983cd24fb0d6963f7d28e17f72");
    EXPECT_EQ(text_of(md5_hex({"message ", "digest"})), "f96b697d7cb7938d525a2f31aaf161d0");
}

TEST(Md5, HashesAPasswordAsPostgresDoes) {
    // SELECT 'md5' || md5('secret' || 'alice') in PostgreSQL.
    EXPECT_EQ(md5_hash("secret", "alice").view(), "4a0a68b43b6cd5cf266fa02f196e2371");
}

TEST(Md5, AnswersAChallengeAsPostgresExpects) {
    // SELECT 'md5' || md5(md5('secretalice')::bytea || '\x01020304'::bytea) in PostgreSQL.
    EXPECT_EQ(md5_answer(md5_hash("secret", "alice"), kSalt), "md598a0412b9c31436fc53776e863350083");
}

TEST(Md5, AcceptsOnlyTheRightAnswer) {
    const Md5Hash hash = md5_hash("secret", "alice");
    const std::string answer = md5_answer(hash, kSalt);
    EXPECT_TRUE(md5_answer_fits(answer, hash, kSalt));
    EXPECT_FALSE(md5_answer_fits(answer, hash, {0x01, 0x02, 0x03, 0x05}));
    EXPECT_FALSE(md5_answer_fits(answer, md5_hash("Secret", "alice"), kSalt));
    EXPECT_FALSE(md5_answer_fits(answer, md5_hash("secret", "bob"), kSalt));
    EXPECT_FALSE(md5_answer_fits(answer + "0", hash, kSalt));
    EXPECT_FALSE(md5_answer_fits(answer.substr(0, answer.size() - 1), hash, kSalt));
    EXPECT_FALSE(md5_answer_fits("", hash, kSalt));
    for (std::size_t i = 0; i < answer.size(); ++i) {
        std::string wrong = answer;
        wrong[i] = static_cast<char>(wrong[i] ^ 1);
        EXPECT_FALSE(md5_answer_fits(wrong, hash, kSalt)) << i;
    }
}

TEST(Md5, IsAvailableHere) {
    EXPECT_TRUE(md5_available());
}

}  // namespace
}  // namespace pgring::auth
