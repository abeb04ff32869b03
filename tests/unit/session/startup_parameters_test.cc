#include "session/startup_parameters.h"

#include <gtest/gtest.h>

namespace pgring::session {
namespace {

using Parameters = std::vector<SpelledParameter>;

TEST(Options, AreSplitAsPostgresSplitsThem) {
    EXPECT_EQ(read_options(""), Parameters{});
    EXPECT_EQ(read_options("  -c a=1   --b-c=2\t-cd=3 "), (Parameters{{"a", "1"}, {"b_c", "2"}, {"d", "3"}}));
    EXPECT_EQ(read_options("-c search_path=a,\\ b"), (Parameters{{"search_path", "a, b"}}));
    EXPECT_EQ(read_options("-c a=back\\\\slash"), (Parameters{{"a", "back\\slash"}}));
    EXPECT_EQ(read_options("-c a=x=y --b="), (Parameters{{"a", "x=y"}, {"b", ""}}));
    EXPECT_EQ(read_options("-c a=end\\"), (Parameters{{"a", "end\\"}}));
}

TEST(Options, ThatAreNoParametersAreErrors) {
    for (const char* const options : {"-c", "-c =", "-c =1", "--", "-c a", "--a", "-e", "word", "-c a'b=1"}) {
        EXPECT_FALSE(read_options(options).has_value()) << options;
    }
}

TEST(StartupParameters, TheLaterValueWinsAndOneByItselfWinsOverOptions) {
    Parameters const options{{"TimeZone", "UTC"}, {"a.b", "1"}, {"A.B", "2"}};
    Parameters const plain{{"timezone", "CET"}, {"application_name", "x"}};
    EXPECT_EQ(settle_parameters(options, plain),
              (Parameters{{"a.b", "2"}, {"application_name", "x"}, {"TimeZone", "CET"}}));
}

TEST(StartupParameters, AreTheSameWhateverTheirOrderAndCase) {
    Parameters const one = settle_parameters({}, Parameters{{"TimeZone", "UTC"}, {"a", "1"}});
    Parameters const other = settle_parameters({}, Parameters{{"A", "1"}, {"timezone", "UTC"}});
    EXPECT_EQ(identity_of(one), identity_of(other));
    EXPECT_NE(identity_of(one), identity_of(settle_parameters({}, Parameters{{"a", "1"}})));
    EXPECT_NE(identity_of(Parameters{{"a", "1"}, {"b", "2"}}), identity_of(Parameters{{"a", "1b2"}}));
    EXPECT_EQ(identity_of({}), "");
}

}  // namespace
}  // namespace pgring::session
