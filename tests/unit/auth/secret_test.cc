#include "auth/secret.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "auth/base64.h"
#include "auth/crypto.h"
#include "auth/saslprep.h"
#include "auth_testing.h"

namespace pgring::auth {
namespace {

using testing::kPencilSecret;
using testing::process_secret;
using testing::secret_from;

/// Whether `password` gives the keys of a secret that PostgreSQL made of it.
bool derives(std::string_view password, std::string_view secret_text) {
    const Secret parsed = secret_from(secret_text);
    const auto& secret = std::get<ScramSecret>(parsed);
    const SaltedPassword salted = salted_password(password, secret.salt, secret.iterations);
    return stored_key_of(client_key_of(salted)).bytes == secret.stored_key.bytes &&
           server_key_of(salted).bytes == secret.server_key.bytes;
}

TEST(Scram, DerivesTheKeysOfTheRfc) {  // RFC 7677, section 3.
    const std::string salt(
        "[m\x99h\x9d\x12"
        "5\x8e\xec\xa0K\x14\x12"
        "6\xfa\x81",
        16);
    const SaltedPassword salted = salted_password("pencil", salt, 4096);
    const std::string nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const std::string auth_message =
        "n=user,r=rOprNGfwEbeRWgbNEkqO,r=" + nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=" + nonce;
    const ClientKey client_key = client_key_of(salted);
    const Digest signature = client_signature(stored_key_of(client_key), auth_message);
    Digest proof{};
    for (std::size_t i = 0; i < proof.size(); ++i) {
        proof[i] = static_cast<std::uint8_t>(client_key.bytes[i] ^ signature[i]);
    }
    EXPECT_EQ(base64_encode(as_text(proof)), "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    EXPECT_EQ(base64_encode(as_text(server_signature(server_key_of(salted), auth_message))),
              "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

struct PostgresSecret {
    std::string_view what;
    std::string_view password;
    std::string_view secret;
};

// CREATE ROLE ... PASSWORD E'...' and pg_authid.rolpassword in PostgreSQL 15.
constexpr std::array<PostgresSecret, 18> kPostgresSecrets = {{
    {"ASCII", "pencil", kPencilSecret},
    {"soft hyphen, mapped to nothing",
     "I"
     "\xc2\xad"
     "X",
     "SCRAM-SHA-256$4096:GnuzCIVmgHOOcsDZq4WXgA==$6ZYhgDgT1EMTNbgT0MXwkbQij+oPuiJjaiFBX9kNOyQ=:esBxIn5qEqbhb+"
     "JFOwAozpfTV2V+iU1WofOj1qEgkf4="},
    {"FEMININE ORDINAL INDICATOR, an a", "\xc2\xaa",
     "SCRAM-SHA-256$4096:NRPZRCxMS7Xtw5cQRo3igg==$DhWoN57JrVHfAHMaMN/"
     "OGbbK4vdYzHmJ0OPvv96bGoc=:HVaiTktHdUFP7o5QoNNBI+s6+8SaXhR3xYqcBN1hWCU="},
    {"ROMAN NUMERAL NINE, two letters", "\xe2\x85\xa8",
     "SCRAM-SHA-256$4096:dXuYPtKma4G+5V0ul2NQEg==$BZGHQz9GD9qdMvAwdBojTcA5CEwPQpaI99OeC2ez/"
     "Qo=:nd3NJCYCOLcC5esLQnOmA8LMuRqhLA1w9hCdIxfkKHc="},
    {"no-break space, a space",
     "a"
     "\xc2\xa0"
     "b",
     "SCRAM-SHA-256$4096:aXuMqAEyUFP/wXotjTyO1A==$agi9hUb4uJHSBYOmm4ZoFZCCt6R82fjEeNNRrSNA/5Q=:PBQXp/"
     "iYZ1w3wJNCUrfpJuQThk6XD1zVJeCtyYGHAnw="},
    {"u and combining diaeresis, one letter",
     "u"
     "\xcc\x88"
     "b"
     "e"
     "r",
     "SCRAM-SHA-256$4096:5py0K2tFcrfrtydH+g9D/"
     "g==$QCGkUJgnFg4moLWsXhlisJpPr78AUTNYly6nP96uyag=:DijQYVEdeo9ikAzl+jLmA4hqkDy5lhnmxuwnWg9aCUQ="},
    {"right to left, then a digit: prohibited, raw",
     "\xd8\xa7"
     "1",
     "SCRAM-SHA-256$4096:RDBKtKGWWdieqIEt5qtmgQ==$k1+9pp7OfZdx1chWTEJPYDzVg7DkO5yocFm7NOegibU=:"
     "Z9B4yGI9Z8eEBdJu9OPugyKTNNUGXV3w3+KsyGZYwbE="},
    {"an emoji, unassigned in Unicode 3.2: raw", "\xf0\x9f\x98\x80",
     "SCRAM-SHA-256$4096:RvxtyvxMWhPKxN7v4E/ByQ==$6HLVhbVusFCnkQfNOubeHCIVLU7eHxC/"
     "N6rnVlkOy4I=:xvMH8ufK4tIidOjY2M9eZjrNXdSBAV4BIXoyt5/JOzk="},
    {"COMBINING GRAVE TONE MARK: prohibited",
     "a"
     "\xcd\x80",
     "SCRAM-SHA-256$4096:Qimck3/"
     "CwV5VCnUlMpTvXQ==$780nPLnkKNfGGnAPkkihAG+jC+2Dhj6OAlHkPXuNMoY=:"
     "ooaCvG4OwSrHFhfhCELa98hR9J6gCmgNY6uKqIZTZSs="},
    {"a control character: prohibited, raw",
     "\xc3\xa9"
     "\x07",
     "SCRAM-SHA-256$4096:SAAZ73wjJM/"
     "8wrgDSK9DVQ==$4+vqu2njEErj2cU9PtGYeRcacSgffvsBquLzpqeYwx0=:s1eKFLGhWdnIkJoNol95hOyin1pEb5T/"
     "MJW4+HJxtm4="},
    {"a ligature of eighteen characters", "\xef\xb7\xba",
     "SCRAM-SHA-256$4096:/xdHwcpnLYZPpT3fnn2+dQ==$URHwwJJlVoWHBH/"
     "TDVnvJuAhZ5veWzvasQRl9v63Few=:+lLWiQ4fEd2pXJBW+l7WOPGyHYbcT7EvfEGH7/G5O4k="},
    {"right to left",
     "\xd8\xa7"
     "\xd8\xa8",
     "SCRAM-SHA-256$4096:v370b0vDjtiS4LleIcUCmg==$ZaUg2lNu9w4tj+uL31tRNrTazuqBOUeYP6Cmd3b2q6U=:JANA7qz/"
     "dQukab1vO4gff6hzu0Q/m7Yya2FfO9w4duE="},
    {"nothing is left: raw", "\xc2\xad",
     "SCRAM-SHA-256$4096:zgj4Avot2Wfmg3cQ6yXoWQ==$Ze6L1+ST0NkalpLsJOB9y3Y4D3aRdb5xARkMZZbViZM=:vcerS/"
     "dKWfO5a9Ys5oCZAAE6k6yFT0f/0O4BH7lQPzQ="},
    {"left to right amid right to left: prohibited, raw",
     "\xd8\xa7"
     "a"
     "\xd8\xa8",
     "SCRAM-SHA-256$4096:xxzbboPsx7a5Ig4expgL8g==$tSSGjC4dcZLB4QpwXgf+tcPcpWltxqUTo6py9RNehKg=:"
     "vqkatlna0k0HulsMzJrbw2IwpvlQmkzv32vKZYILplY="},
    {"ALEF SYMBOL, a right-to-left letter only after normalization",
     "\xe2\x84\xb5"
     "1",
     "SCRAM-SHA-256$4096:DDhIPWYGIiKsnhz/KMoupw==$VOTsvVLM1qnZzg2712xSNa9I3/ouxsPNYUMLKOdMyMU=:UL79U2DZbEJ/"
     "N6M1m62icqP4sUkGyrXGoCtireAk3zA="},
    {"COMBINING ACUTE TONE MARK: prohibited",
     "\xcd\x81"
     "x",
     "SCRAM-SHA-256$4096:bnj6Q1d5DhGlWYf9echhyg==$IShTNYBPFwGw5n7zIEZNrxovZsb2E2S4P8clLAHfwJs=:"
     "d0sG76hluw22QDEMa34UAtqH85fltnlnEjTBwTHdcLQ="},
    {"ZERO WIDTH SPACE and IDEOGRAPHIC SPACE",
     "\xe2\x80\x8b"
     "x"
     "\xe3\x80\x80"
     "y",
     "SCRAM-SHA-256$4096:sRr5d2PcvHKbfAn+FYt9xQ==$HgIbrL+QkAZJpwcPF3JkORYrtFol0yuZvtALTSvevRY=:"
     "dirFBiKSyXM3WKSA8U99EVc7pSZE1wBmBrCGtHWfxsc="},
    {"an emoji keeps the rest as it is",
     "\xc2\xaa"
     "\xf0\x9f\x98\x80",
     "SCRAM-SHA-256$4096:Uo9q8jUjF4T2jLaEx4rAxA==$EukJtERMKSQofy1rtBiOfFepnQyw+mvu9EUgv6n+umI=:"
     "aBRGHPDXYSMnh4R9rN8mJhDDm9HYX5GmBbx+Iq5zVBA="},
}};

TEST(Scram, DerivesTheSecretsThatPostgresStores) {
    for (const PostgresSecret& vector : kPostgresSecrets) {
        EXPECT_TRUE(derives(vector.password, vector.secret)) << vector.what;
    }
    EXPECT_FALSE(derives("pencil2", kPencilSecret));
}

TEST(Saslprep, LeavesBytesThatAreNoUtf8) {
    for (const std::string_view password :
         {"\xff\xfe", "caf\xe9", "\xc3", "\xed\xa0\x80", "a\xf5\x80\x80\x80"}) {
        EXPECT_EQ(saslprep(password).view(), password);
    }
    EXPECT_EQ(saslprep("").view(), "");
}

TEST(Saslprep, TakesLongPasswords) {
    std::string password;
    while (password.size() + 2 <= kPasswordSizeMax) {
        password += "\xc2\xaa";  // FEMININE ORDINAL INDICATOR, an "a" after normalization.
    }
    EXPECT_EQ(saslprep(password).view(), std::string(password.size() / 2, 'a'));
}

TEST(Secret, TellsTheKindsApartAsPostgresDoes) {
    EXPECT_TRUE(std::holds_alternative<ScramSecret>(secret_from(kPencilSecret)));
    EXPECT_TRUE(std::holds_alternative<Md5Hash>(secret_from("md50123456789abcdef0123456789abcdef")));
    for (const std::string_view password :
         {"", "pencil", "md5", "md50123456789abcdef0123456789abcde", "md50123456789abcdef0123456789abcdeff",
          "md50123456789ABCDEF0123456789abcdef", "md5g123456789abcdef0123456789abcdef", "SCRAM-SHA-256",
          "scram-sha-256$4096:a$b:c"}) {
        const Secret secret = secret_from(password);
        ASSERT_TRUE(std::holds_alternative<PlainPassword>(secret)) << password;
        EXPECT_EQ(std::get<PlainPassword>(secret).password.view(), password);
    }
}

TEST(Secret, ReadsTheFieldsOfAScramSecret) {
    const Secret parsed = secret_from(kPencilSecret);
    const auto& secret = std::get<ScramSecret>(parsed);
    EXPECT_EQ(secret.iterations, 4096U);
    EXPECT_EQ(base64_encode(secret.salt), "oXQ1uWlmJ4c1MjeUJqFm4g==");
    EXPECT_EQ(base64_encode(as_text(secret.stored_key.bytes)),
              "vmv8Zak0GHIUgXYjLyEsiJAddE2/F5Nryg7OgTTeTyU=");
    EXPECT_EQ(base64_encode(as_text(secret.server_key.bytes)),
              "ftezHXY6Wkn8nIetI973L+JUT9lJ2V3jOyr6UFWpFPY=");
}

TEST(Secret, RefusesBrokenScramSecrets) {
    const std::string key(kPencilSecret.substr(kPencilSecret.find('$', 20) + 1, 44));
    const auto scram = [](const std::string& rest) { return "SCRAM-SHA-256$" + rest; };
    ASSERT_TRUE(parse_secret(scram("1:AAAA$" + key + ":" + key), "alice", process_secret()).has_value());
    ASSERT_TRUE(
        parse_secret(scram("1000000:AAAA$" + key + ":" + key), "alice", process_secret()).has_value());
    for (const std::string& rest : {
             std::string(),
             "0:AAAA$" + key + ":" + key,
             "-1:AAAA$" + key + ":" + key,
             "1000001:AAAA$" + key + ":" + key,
             "99999999999:AAAA$" + key + ":" + key,
             "x:AAAA$" + key + ":" + key,
             "4096 :AAAA$" + key + ":" + key,
             ":AAAA$" + key + ":" + key,
             "4096:$" + key + ":" + key,
             "4096:AAA$" + key + ":" + key,
             "4096:" + std::string(400, 'A') + "$" + key + ":" + key,
             "4096:AAAA$" + key,
             "4096:AAAA$" + key + ":",
             "4096:AAAA$:" + key,
             "4096:AAAA$AAAA:" + key,
             "4096:AAAA$" + key + ":" + key + "=",
             "4096:AAAA$" + key + ":" + key + " ",
             "4096:AAAA$" + key + "AAAA:" + key,
         }) {
        const auto secret = parse_secret(scram(rest), "alice", process_secret());
        ASSERT_FALSE(secret.has_value()) << rest;
        EXPECT_EQ(secret.error(), SecretError::ScramMalformed);
    }
}

TEST(Secret, BoundsPasswords) {
    EXPECT_TRUE(parse_secret(std::string(kPasswordSizeMax, 'x'), "alice", process_secret()).has_value());
    const auto too_long = parse_secret(std::string(kPasswordSizeMax + 1, 'x'), "alice", process_secret());
    ASSERT_FALSE(too_long.has_value());
    EXPECT_EQ(too_long.error(), SecretError::PasswordTooLong);
    const auto with_nul = parse_secret(std::string_view("a\0b", 3), "alice", process_secret());
    ASSERT_FALSE(with_nul.has_value());
    EXPECT_EQ(with_nul.error(), SecretError::PasswordHasNul);
}

TEST(ProcessSecret, GivesEachUserOneSalt) {
    const ProcessSecret secret = process_secret(1);
    EXPECT_EQ(secret.salt_of("alice"), secret.salt_of("alice"));
    EXPECT_EQ(secret.salt_of("alice").size(), 16U);
    EXPECT_NE(secret.salt_of("alice"), secret.salt_of("bob"));
    EXPECT_NE(secret.salt_of("alice"), process_secret(2).salt_of("alice"));
}

TEST(Secret, ComparesByContent) {
    EXPECT_TRUE(constant_time_equal(std::string_view("abc"), std::string_view("abc")));
    EXPECT_FALSE(constant_time_equal(std::string_view("abc"), std::string_view("abd")));
    EXPECT_FALSE(constant_time_equal(std::string_view("abc"), std::string_view("abcd")));
    EXPECT_TRUE(constant_time_equal(std::string_view(), std::string_view("")));
}

}  // namespace
}  // namespace pgring::auth
