#include "auth/md5.h"

#include <openssl/evp.h>

#include "auth/crypto.h"

namespace pgring::auth {

bool md5_available() {
    EVP_MD* algorithm = EVP_MD_fetch(nullptr, "MD5", nullptr);
    EVP_MD_free(algorithm);
    return algorithm != nullptr;
}

Md5Hash md5_hash(std::string_view password, std::string_view user) {
    return Md5Hash(md5_hex({password, user}));
}

std::string md5_answer(const Md5Hash& hash, const Md5Salt& salt) {
    const std::array<char, 32> hex = md5_hex({hash.view(), as_text(salt)});
    return "md5" + std::string(hex.data(), hex.size());
}

bool md5_answer_fits(std::string_view answer, const Md5Hash& hash, const Md5Salt& salt) {
    return constant_time_equal(answer, md5_answer(hash, salt));
}

}  // namespace pgring::auth
