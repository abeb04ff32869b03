#include "session/lone_statement.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "conversation/messages.h"

namespace pgring::session {
namespace {

using namespace conversation;

std::optional<LoneStatement> read(const std::string& bytes) {
    return read_lone_statement(std::as_bytes(std::span(bytes)));
}

std::string answer(const LoneStatement& statement) {
    std::array<std::byte, 128> memory{};
    wire::MessageWriter writer(memory);
    write_lone_answer(writer, statement, "BEGIN");
    return {reinterpret_cast<const char*>(writer.written().data()), writer.written().size()};
}

TEST(LoneStatement, IsReadAsLibpqSendsIt) {
    std::string const unit = parse("", "BEGIN") + bind("") + describe_portal() + execute() + sync();
    std::string const all = unit + query("select 1");
    std::optional<LoneStatement> const statement = read(all);
    ASSERT_TRUE(statement.has_value());
    EXPECT_EQ(statement->text, "BEGIN");
    EXPECT_EQ(statement->size_bytes, unit.size());
    EXPECT_EQ(answer(*statement), parse_complete() + bind_complete() + no_data() + complete("BEGIN"));
}

TEST(LoneStatement, MayBeDescribedAsAStatementOrNotAtAll) {
    std::string const described = parse("", "BEGIN") + describe_statement("") + bind("") + execute() + sync();
    ASSERT_TRUE(read(described).has_value());
    EXPECT_EQ(answer(*read(described)),
              parse_complete() + parameter_description() + no_data() + bind_complete() + complete("BEGIN"));
    std::string const plain = parse("", "BEGIN") + bind("") + execute() + sync();
    ASSERT_TRUE(read(plain).has_value());
    EXPECT_EQ(answer(*read(plain)), parse_complete() + bind_complete() + complete("BEGIN"));
}

TEST(LoneStatement, IsNothingUntilItHasComeWhole) {
    std::string const unit = parse("", "BEGIN") + bind("") + describe_portal() + execute() + sync();
    for (std::size_t size_bytes = 0; size_bytes < unit.size(); ++size_bytes) {
        EXPECT_FALSE(read(unit.substr(0, size_bytes)).has_value()) << size_bytes;
    }
}

TEST(LoneStatement, IsNothingElse) {
    std::string const end = execute() + sync();
    for (const std::string& unit :
         {parse("named", "BEGIN") + bind("named") + end, parse("", "select $1") + bind("", {"1"}) + end,
          parse("", "BEGIN") + bind("", {}, "portal") + execute("portal") + sync(),
          parse("", "BEGIN") + bind("other") + end, parse("", "BEGIN") + bind("") + execute() + end,
          parse("", "BEGIN") + bind("") + describe_statement("") + end,
          parse("", "BEGIN") + describe_portal() + bind("") + end, query("BEGIN"), sync(),
          parse("", "BEGIN") + bind("") + execute() + flush() + sync()}) {
        EXPECT_FALSE(read(unit).has_value());
    }
}

}  // namespace
}  // namespace pgring::session
