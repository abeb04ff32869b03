#include "auth/user_list.h"

#include <string>

#include <gtest/gtest.h>

#include "auth/crypto.h"
#include "auth_testing.h"

namespace pgring::auth {
namespace {

using testing::kPencilSecret;
using testing::process_secret;

UserList parsed(std::string_view text, const UserList* previous = nullptr) {
    auto list = UserList::parse(text, "userlist.txt", process_secret(), previous);
    EXPECT_TRUE(list.has_value()) << (list ? "" : to_string(list.error().front()));
    return list ? std::move(*list) : UserList();
}

std::vector<Problem> problems_of(std::string_view text) {
    auto list = UserList::parse(text, "userlist.txt", process_secret(), nullptr);
    EXPECT_FALSE(list.has_value());
    return list ? std::vector<Problem>() : std::move(list.error());
}

/// The password in clear that the list has for `user`.
std::string password_of(const UserList& list, std::string_view user) {
    const Secret* secret = list.find(user);
    return secret == nullptr ? "<none>" : std::string(std::get<PlainPassword>(*secret).password.view());
}

TEST(UserList, ReadsEachKindOfSecret) {
    const UserList list = parsed(
        "\"plain\" \"pencil\"\n"
        "\"hashed\" \"md50123456789abcdef0123456789abcdef\"\n"
        "\"scram\" \"" +
        std::string(kPencilSecret) + "\"\n");
    EXPECT_EQ(list.size(), 3U);
    EXPECT_EQ(password_of(list, "plain"), "pencil");
    EXPECT_EQ(std::get<Md5Hash>(*list.find("hashed")).view(), "0123456789abcdef0123456789abcdef");
    EXPECT_EQ(std::get<ScramSecret>(*list.find("scram")).iterations, 4096U);
    EXPECT_EQ(list.find("Plain"), nullptr);
    EXPECT_EQ(list.find(""), nullptr);
}

TEST(UserList, UnescapesDoubledQuotes) {
    const UserList list = parsed(R"("a""b" "x""y")"
                                 "\n"
                                 R"("q" """")"
                                 "\n"
                                 R"("e" "")"
                                 "\n"
                                 R"("backslash" "\")");
    EXPECT_EQ(password_of(list, "a\"b"), "x\"y");
    EXPECT_EQ(password_of(list, "q"), "\"");
    EXPECT_EQ(password_of(list, "e"), "");
    EXPECT_EQ(password_of(list, "backslash"), "\\");
}

TEST(UserList, IgnoresCommentsBlankLinesAndTheRestOfALine) {
    const UserList list = parsed(
        "; a comment \"x\" \"y\"\n# another\n\n   \t\r\n"
        "  \"a\"\t\"1\" ; the rest\r\n"
        "\"b\" \"2\" \"three\" whatever \"\n"
        "\"c\" \"3;#\"\r\n"
        "\"d\"\"\" \"4\"\n"
        "\"last\" \"5\"");
    EXPECT_EQ(list.size(), 5U);
    EXPECT_EQ(password_of(list, "a"), "1");
    EXPECT_EQ(password_of(list, "b"), "2");
    EXPECT_EQ(password_of(list, "c"), "3;#");
    EXPECT_EQ(password_of(list, "d\""), "4");
    EXPECT_EQ(password_of(list, "last"), "5");
}

TEST(UserList, KeepsTheLastOfSeveralLinesForAUser) {
    const UserList list = parsed("\"a\" \"first\"\n\"b\" \"x\"\n\"a\" \"second\"\n");
    EXPECT_EQ(list.size(), 2U);
    EXPECT_EQ(password_of(list, "a"), "second");
}

TEST(UserList, IsEmptyForAnEmptyFile) {
    EXPECT_EQ(parsed("").size(), 0U);
    EXPECT_EQ(parsed("\n\n;\n").size(), 0U);
}

TEST(UserList, TakesTheLongestPassword) {
    const std::string password(kPasswordSizeMax, 'p');
    EXPECT_EQ(password_of(parsed("\"a\" \"" + password + "\""), "a"), password);
    EXPECT_EQ(problems_of("\"a\" \"" + password + "p\"").front().message,
              "the password is longer than 65535 bytes");
}

TEST(UserList, NamesEveryBrokenLineAndNoSecret) {
    const auto problems = problems_of(
        "\"good\" \"hunter2\"\n"
        "bare hunter2\n"
        "\"a\"\n"
        "\"a\" \"hunter2\n"
        "\"a\" hunter2\n"
        "\"a \"hunter2\"\n"
        "\"\" \"hunter2\"\n"
        "\"a\" \"SCRAM-SHA-256$4096:hunter2\"\n"
        "; fine\n"
        "\"open\n");
    std::vector<std::uint32_t> lines;
    for (const Problem& problem : problems) {
        lines.push_back(problem.line);
        const std::string text = to_string(problem);
        EXPECT_TRUE(text.starts_with("userlist.txt:" + std::to_string(problem.line) + ": ")) << text;
        EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
        EXPECT_FALSE(problem.message.empty());
        EXPECT_FALSE(problem.remedy.empty());
    }
    EXPECT_EQ(lines, (std::vector<std::uint32_t>{2, 3, 4, 5, 6, 7, 8, 10}));
}

TEST(UserList, RefusesNulBytes) {
    EXPECT_EQ(problems_of(std::string_view("\"a\" \"x\0y\"", 9)).size(), 1U);
    EXPECT_EQ(problems_of(std::string_view("\"a\0b\" \"xy\"", 10)).size(), 1U);
}

TEST(UserList, DerivesTheClientsSecretOfAPlainPassword) {
    const UserList list = parsed("\"alice\" \"pencil\"");
    const auto& scram = std::get<PlainPassword>(*list.find("alice")).scram;
    EXPECT_EQ(scram.iterations, 4096U);
    EXPECT_EQ(scram.salt, process_secret().salt_of("alice"));
    const SaltedPassword salted = salted_password("pencil", scram.salt, 4096);
    EXPECT_EQ(scram.stored_key.bytes, stored_key_of(client_key_of(salted)).bytes);
    EXPECT_EQ(scram.server_key.bytes, server_key_of(salted).bytes);
}

TEST(UserList, TakesOverDerivedSecretsOnlyOfUnchangedPasswords) {
    const UserList before = parsed("\"same\" \"one\"\n\"changed\" \"one\"\n\"kind\" \"one\"");
    const std::string text = "\"same\" \"one\"\n\"changed\" \"two\"\n\"kind\" \"" +
                             std::string(kPencilSecret) + "\"\n\"new\" \"one\"";
    const UserList fresh = parsed(text);
    const UserList reloaded = parsed(text, &before);
    for (const std::string_view user : {"same", "changed", "new"}) {
        const auto& expected = std::get<PlainPassword>(*fresh.find(user));
        const auto& actual = std::get<PlainPassword>(*reloaded.find(user));
        EXPECT_EQ(actual.password.view(), expected.password.view()) << user;
        EXPECT_EQ(actual.scram.stored_key.bytes, expected.scram.stored_key.bytes) << user;
    }
    EXPECT_TRUE(std::holds_alternative<ScramSecret>(*reloaded.find("kind")));
}

TEST(UserList, TakesNothingOverFromAnotherProcessSecret) {
    const UserList other =
        UserList::parse("\"alice\" \"one\"", "userlist.txt", process_secret(2), nullptr).value();
    const UserList list = parsed("\"alice\" \"one\"", &other);
    EXPECT_EQ(std::get<PlainPassword>(*list.find("alice")).scram.salt, process_secret().salt_of("alice"));
}

TEST(UserList, LetsUnknownUsersLookLikeMost) {
    const std::string scram = "\"s\" \"" + std::string(kPencilSecret) + "\"\n";
    EXPECT_EQ(parsed("").method_for_unknown(), Method::ScramSha256);
    EXPECT_EQ(parsed(scram).method_for_unknown(), Method::ScramSha256);
    EXPECT_EQ(parsed(scram + "\"a\" \"x\"").method_for_unknown(), Method::ScramSha256);
    EXPECT_EQ(parsed(scram + "\"a\" \"x\"\n\"b\" \"x\"").method_for_unknown(), Method::Md5);
}

}  // namespace
}  // namespace pgring::auth
