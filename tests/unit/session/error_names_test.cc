#include "session/error_names.h"

#include <gtest/gtest.h>

#include "conversation/messages.h"

namespace pgring::session {
namespace {

using conversation::error_field;
using conversation::take_messages;

constexpr std::string_view kBody(
    "SERROR\0C08P01\0Mbind message supplies 1 parameters, but prepared statement \"pgring_7\" requires "
    "2\0\0",
    96);

std::string named(std::string_view server_name, std::string_view client_name) {
    return error_as_client_calls_it(std::as_bytes(std::span(kBody)), server_name, client_name);
}

TEST(ErrorNames, TheStatementHasItsClientsName) {
    std::string told = named("pgring_7", "a name that is longer");
    std::vector<conversation::Message> const messages = take_messages(told);
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_TRUE(told.empty()) << "the length is wrong";
    EXPECT_EQ(messages[0].type, 'E');
    EXPECT_EQ(error_field(messages[0], 'C'), "08P01");
    EXPECT_EQ(
        error_field(messages[0], 'M'),
        "bind message supplies 1 parameters, but prepared statement \"a name that is longer\" requires 2");
}

TEST(ErrorNames, AnotherStatementIsLeftAlone) {
    EXPECT_EQ(named("pgring_70", "a"), "");
    EXPECT_EQ(named("pgring_", "a"), "");
}

}  // namespace
}  // namespace pgring::session
