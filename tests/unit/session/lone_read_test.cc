#include "session/lone_read.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "conversation/messages.h"

namespace pgring::session {
namespace {

using namespace conversation;

std::optional<LoneUnit> read(const std::string& bytes) {
    return read_lone_unit(std::as_bytes(std::span(bytes)));
}

std::vector<Request> requests(const LoneUnit& unit) {
    return {unit.requests.begin(), unit.requests.begin() + unit.request_count};
}

TEST(LoneUnit, IsAQuery) {
    std::string const bytes = query("select 1");
    std::optional<LoneUnit> const unit = read(bytes);
    ASSERT_TRUE(unit.has_value());
    EXPECT_EQ(unit->kind, LoneUnit::Kind::Query);
    EXPECT_EQ(unit->text, "select 1");
    EXPECT_EQ(requests(*unit), std::vector{Request::Query});
}

TEST(LoneUnit, IsABatchOfTheUnnamedStatement) {
    std::string const bytes =
        parse("", "select $1") + bind("", {"7"}) + describe_portal() + execute() + sync();
    std::optional<LoneUnit> const unit = read(bytes);
    ASSERT_TRUE(unit.has_value());
    EXPECT_EQ(unit->kind, LoneUnit::Kind::Unnamed);
    EXPECT_EQ(unit->text, "select $1");
    EXPECT_TRUE(unit->described);
    EXPECT_EQ(requests(*unit), (std::vector{Request::Parse, Request::Bind, Request::Describe,
                                            Request::Execute, Request::Sync}));
}

TEST(LoneUnit, IsABatchOfANamedStatement) {
    std::string const bytes = bind("mine", {"7"}) + execute() + sync();
    std::optional<LoneUnit> const unit = read(bytes);
    ASSERT_TRUE(unit.has_value());
    EXPECT_EQ(unit->kind, LoneUnit::Kind::Named);
    EXPECT_EQ(unit->name, "mine");
    EXPECT_FALSE(unit->described);
    EXPECT_EQ(requests(*unit), (std::vector{Request::Bind, Request::Execute, Request::Sync}));
}

TEST(LoneUnit, IsNothingUntilItHasComeWholeNorWithMoreBehindIt) {
    for (const std::string& unit :
         {query("select 1"), parse("", "select $1") + bind("", {"7"}) + execute() + sync(),
          bind("mine") + describe_portal() + execute() + sync()}) {
        EXPECT_TRUE(read(unit).has_value());
        for (std::size_t size_bytes = 0; size_bytes < unit.size(); ++size_bytes) {
            EXPECT_FALSE(read(unit.substr(0, size_bytes)).has_value()) << size_bytes;
        }
        EXPECT_FALSE(read(unit + sync()).has_value());
    }
}

TEST(LoneUnit, IsNothingElse) {
    std::string const end = execute() + sync();
    for (const std::string& unit :
         {sync(), parse("named", "select 1") + bind("named") + end, bind("") + end,
          parse("", "select 1") + bind("other") + end,
          bind("mine", {}, "portal") + execute("portal") + sync(), bind("mine") + execute("portal") + sync(),
          bind("mine") + execute("", 5) + sync(), bind("mine") + describe_portal("portal") + end,
          bind("mine") + describe_statement("mine") + end, bind("mine") + execute() + end,
          bind("mine") + execute() + flush(), bind("mine") + close_portal("") + end, function_call(1),
          message('Q', "no end")}) {
        EXPECT_FALSE(read(unit).has_value());
    }
}

}  // namespace
}  // namespace pgring::session
