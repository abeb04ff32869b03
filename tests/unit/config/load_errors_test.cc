// Each way in which a configuration can be wrong, with the words and the place that its author gets.

#include <array>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/load.h"
#include "loading.h"

namespace pgring::config {
namespace {

using testing::kMinimal;
using testing::problem_of;
using testing::problems_of;
using testing::with_pgring;

/// The problem of `line` as the third line, in [pgring].
std::string problem_of_line(std::string_view line, Environment environment = {}) {
    return problem_of(with_pgring(line), environment);
}

TEST(LoadErrors, NumberOutOfItsLimits) {
    EXPECT_EQ(problem_of_line("listen_port = 70000"),
              "test.toml:3:15: pgring.listen_port is 70000, more than 65535; write a number: 1 to 65535");
    EXPECT_EQ(problem_of_line("listen_port = 0"),
              "test.toml:3:15: pgring.listen_port is 0, less than 1; write a number: 1 to 65535");
    EXPECT_EQ(problem_of_line("workers = -1"),
              "test.toml:3:11: pgring.workers is -1, less than 1; "
              "write a number: 1 to 256, or 0 (one for each CPU that the process may run on)");
}

TEST(LoadErrors, NumberThatIsNone) {
    constexpr std::string_view kRemedy = "write a number: 1 to 65535";
    const auto expected = [kRemedy](std::string_view complaint) {
        return fmt::format("test.toml:3:15: pgring.listen_port is {}; {}", complaint, kRemedy);
    };
    EXPECT_EQ(problem_of_line("listen_port = \"abc\""), expected("\"abc\", not a whole number"));
    EXPECT_EQ(problem_of_line("listen_port = \"\""), expected("\"\", not a whole number"));
    EXPECT_EQ(problem_of_line("listen_port = 6432.5"), expected("6432.5, not a whole number"));
    EXPECT_EQ(problem_of_line("listen_port = true"), expected("true, not a whole number"));
    EXPECT_EQ(problem_of_line("listen_port = [1]"), expected("a list, not a number"));
    EXPECT_EQ(problem_of_line("listen_port = {a = 1}"), expected("a table, not a number"));
    EXPECT_EQ(problem_of_line("listen_port = 2020-01-01"), expected("a date or time, not a number"));
    EXPECT_EQ(problem_of_line("listen_port = \"99999999999999999999\""),
              expected("\"99999999999999999999\", too large for a number"));
}

TEST(LoadErrors, NotAPowerOfTwo) {
    EXPECT_EQ(problem_of_line("receive_buffers = 100"),
              "test.toml:3:19: pgring.receive_buffers is 100, not a power of two; "
              "write a number: 16 to 16384, a power of two");
}

TEST(LoadErrors, DurationOutOfItsLimitsOrWithoutSense) {
    constexpr std::string_view kRemedy =
        "write a number of seconds, or a duration such as \"500ms\": 1ms to 1d, or 0 (no limit)";
    const auto expected = [kRemedy](std::string_view complaint) {
        return fmt::format("test.toml:3:22: pgring.query_wait_timeout is {}; {}", complaint, kRemedy);
    };
    EXPECT_EQ(problem_of_line("query_wait_timeout = -1"), expected("-1, less than 1ms"));
    EXPECT_EQ(problem_of_line("query_wait_timeout = \"-5s\""), expected("\"-5s\", less than 1ms"));
    EXPECT_EQ(problem_of_line("query_wait_timeout = \"2d\""), expected("\"2d\", more than 1d"));
    EXPECT_EQ(problem_of_line("query_wait_timeout = \"5 parsecs\""),
              expected("\"5 parsecs\", without a unit of time (us, ms, s, min, h, d)"));
    EXPECT_EQ(problem_of_line("query_wait_timeout = \"soon\""), expected("\"soon\", not a duration"));
    EXPECT_EQ(problem_of_line("query_wait_timeout = \"999999999999d\""),
              expected("\"999999999999d\", too long for a duration"));
    EXPECT_EQ(problem_of_line("query_wait_timeout = false"), expected("false, not a duration"));
    EXPECT_EQ(problem_of_line("query_wait_timeout = nan"), expected("nan, not a duration"));
}

TEST(LoadErrors, DurationFinerThanTheKernelTakes) {
    EXPECT_EQ(problem_of_line("tcp_keepidle = \"1500ms\""),
              "test.toml:3:16: pgring.tcp_keepidle is \"1500ms\", not a multiple of 1s; write a number of "
              "seconds, or a "
              "duration such as \"15s\": 1s to 32767s, or 0 (the system's value)");
}

TEST(LoadErrors, SizeOutOfItsLimitsOrWithoutSense) {
    constexpr std::string_view kRemedy = "write a number of bytes, or a size such as \"64KiB\": 512 to 64KiB";
    const auto expected = [kRemedy](std::string_view complaint) {
        return fmt::format("test.toml:3:28: pgring.startup_packet_bytes_max is {}; {}", complaint, kRemedy);
    };
    EXPECT_EQ(problem_of_line("startup_packet_bytes_max = -1"), expected("-1, less than 512"));
    EXPECT_EQ(problem_of_line("startup_packet_bytes_max = \"1MB\""), expected("\"1MB\", more than 64KiB"));
    EXPECT_EQ(problem_of_line("startup_packet_bytes_max = \"99999999TB\""),
              expected("\"99999999TB\", too large for a size"));
    EXPECT_EQ(problem_of_line("startup_packet_bytes_max = \"1kb\""),
              expected("\"1kb\", without a unit of sizes (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB)"));
    EXPECT_EQ(problem_of_line("startup_packet_bytes_max = 600.5"),
              expected("600.5, not a whole number of bytes"));
}

TEST(LoadErrors, BooleanThatIsNone) {
    EXPECT_EQ(problem_of_line("log_stats = \"maybe\""),
              "test.toml:3:13: pgring.log_stats is \"maybe\", neither true nor false; write true or false");
    EXPECT_EQ(problem_of_line("log_stats = 2"),
              "test.toml:3:13: pgring.log_stats is 2, neither true nor false; write true or false");
}

TEST(LoadErrors, WordThatIsNotOneOfTheChoice) {
    EXPECT_EQ(problem_of_line("pool_mode = \"query\""),
              "test.toml:3:13: pgring.pool_mode is \"query\", not one of session, transaction, statement; "
              "write one of \"session\", \"transaction\", \"statement\"");
    EXPECT_EQ(problem_of_line("log_level = 3"),
              "test.toml:3:13: pgring.log_level is 3, not one of debug, info, warning, error; "
              "write one of \"debug\", \"info\", \"warning\", \"error\"");
}

TEST(LoadErrors, PermissionsInDecimal) {
    EXPECT_EQ(
        problem_of_line("unix_socket_mode = 770"),
        "test.toml:3:20: pgring.unix_socket_mode is 770, a decimal number, where permissions are octal; "
        "write permissions such as 0o770: 0o0 to 0o777");
    EXPECT_EQ(problem_of_line("unix_socket_mode = 0o1777"),
              "test.toml:3:20: pgring.unix_socket_mode is 1023, more than 0o777; "
              "write permissions such as 0o770: 0o0 to 0o777");
    EXPECT_EQ(problem_of_line("unix_socket_mode = \"rwx\""),
              "test.toml:3:20: pgring.unix_socket_mode is \"rwx\", not an octal number; "
              "write permissions such as 0o770: 0o0 to 0o777");
}

TEST(LoadErrors, TextOfAnotherTypeIsNotRepeated) {
    std::string text(kMinimal);
    text.insert(text.find("\n[servers"), "health_check_password = 12345\n");
    EXPECT_EQ(problem_of(text),
              "test.toml:6:25: health.health_check_password is a number, not a text; write a text in quotes");
}

TEST(LoadErrors, TextWithANulCharacter) {
    EXPECT_EQ(problem_of_line("server_reset_query = \"a\\u0000b\""),
              "test.toml:3:22: pgring.server_reset_query holds a NUL character; write a text in quotes");
}

TEST(LoadErrors, ListThatIsNoneOrHasItemsThatAreNoTexts) {
    constexpr std::string_view kRemedy = R"(; write texts such as ["a", "b"] or "a, b")";
    EXPECT_EQ(problem_of_line("listen_addr = 5"),
              fmt::format("test.toml:3:15: pgring.listen_addr is a number, not a list of texts{}", kRemedy));
    EXPECT_EQ(problem_of_line("listen_addr = [\"a\", 5]"),
              fmt::format("test.toml:3:15: pgring.listen_addr has an item that is a number, not a text{}",
                          kRemedy));
    EXPECT_EQ(problem_of_line("listen_addr = \"a,,b\""),
              fmt::format("test.toml:3:15: pgring.listen_addr has an empty item{}", kRemedy));
}

TEST(LoadErrors, UnsetVariableInAValue) {
    EXPECT_EQ(
        problem_of_line("server_reset_query = \"x${NOT_SET}\""),
        "test.toml:3:22: pgring.server_reset_query needs the environment variable NOT_SET, which is not set; "
        "set NOT_SET, or write ${NOT_SET:-DEFAULT} to have a default");
    EXPECT_EQ(problem_of_line("listen_addr = [\"::1\",\n  \"${NOT_SET}\"]"),
              "test.toml:4:3: pgring.listen_addr needs the environment variable NOT_SET, which is not set; "
              "set NOT_SET, or write ${NOT_SET:-DEFAULT} to have a default");
}

TEST(LoadErrors, ValueOfAVariableIsNotRepeated) {
    constexpr std::array kEnvironmentVariables{EnvironmentVariable{"SECRET", "hunter2"}};
    EXPECT_EQ(
        problem_of_line("pool_mode = \"${SECRET}\"", kEnvironmentVariables),
        "test.toml:3:13: pgring.pool_mode is \"${SECRET}\", not one of session, transaction, statement; "
        "write one of \"session\", \"transaction\", \"statement\"");
}

TEST(LoadErrors, MisspeltOptionNamesTheNearest) {
    EXPECT_EQ(problem_of_line("listen_prot = 7000"),
              "test.toml:3:1: pgring.listen_prot is not an option; write listen_port, if that is meant");
    EXPECT_EQ(problem_of_line("max_client_connections = 7"),
              "test.toml:3:1: pgring.max_client_connections is not an option; write max_client_conn, if that "
              "is meant");
}

TEST(LoadErrors, ShortenedOptionNamesTheWhole) {
    EXPECT_EQ(problem_of_line("pool_size = 7"),
              "test.toml:3:1: pgring.pool_size is not an option; write default_pool_size, if that is meant");
}

TEST(LoadErrors, OptionOfAnotherSectionNamesTheSection) {
    EXPECT_EQ(problem_of_line("health_check_user = \"x\""),
              "test.toml:3:1: pgring.health_check_user is not an option; write it under [health]");
    EXPECT_EQ(problem_of(std::string(kMinimal) + "dbname = \"x\"\n"),
              "test.toml:9:1: servers.pg-0.dbname is not an option; write it under [databases.NAME]");
}

TEST(LoadErrors, OptionOutsideOfSections) {
    EXPECT_EQ(problem_of("listen_port = 7000\n" + std::string(kMinimal)),
              "test.toml:1:1: listen_port stands before any section; write it under [pgring]");
}

TEST(LoadErrors, UnknownOptionWithoutLikeness) {
    EXPECT_EQ(problem_of_line("frobnicate = 1"),
              "test.toml:3:1: pgring.frobnicate is not an option; leave it out; docs/configuration.md lists "
              "all options");
}

TEST(LoadErrors, OptionsOfPgbouncerAreCalledByName) {
    EXPECT_EQ(problem_of_line("query_wait_notify = 5"),
              "test.toml:3:1: pgbouncer's query_wait_notify is not supported by pgring yet; leave it out");
    EXPECT_EQ(problem_of_line("server_tls_sslmode = \"require\""),
              "test.toml:3:1: pgbouncer's server_tls_sslmode is not supported by pgring yet; leave it out");
    EXPECT_EQ(problem_of_line("verbose = 1"),
              "test.toml:3:1: pgbouncer's verbose is not an option of pgring; write log_level = \"debug\"");
    EXPECT_EQ(problem_of_line("num_init_children = 32"),
              "test.toml:3:1: pgpool's num_init_children is not an option of pgring; write max_client_conn");
    EXPECT_EQ(problems_of(std::string(kMinimal) + "[databases.app]\nhost = \"10.0.0.1\"\ntimezone = \"x\""),
              (std::vector<std::string>{
                  "test.toml:10:1: pgbouncer's host is not an option of pgring; "
                  "write it under [servers.NAME]: a database is on all servers",
                  "test.toml:11:1: pgbouncer's timezone is not supported by pgring yet; leave it out",
              }));
}

TEST(LoadErrors, SectionsOfPgbouncerAreCalledByName) {
    EXPECT_EQ(problem_of(std::string(kMinimal) + "[pgbouncer]\nlisten_port = 1\n"),
              "test.toml:9:2: pgbouncer's section [pgbouncer] is called [pgring] here; write [pgring]");
}

TEST(LoadErrors, PeersAreNumbersWithPlacesOfTheirOwn) {
    std::string const peers = std::string(kMinimal) + "[peers.1]\nhost = \"10.0.0.1\"\n[peers.2]\n";
    EXPECT_EQ(problem_of(peers + "host = \"10.0.0.1\"\n"),
              "test.toml:12:8: peers.2 is at the same host and port as peers.1; name each peer once");
    std::string const known =
        "[pgring]\nauth_type = \"trust\"\npeer_id = 1\n[health]\nhealth_check_user = \"m\"\n"
        "[servers.a]\nhost = \"x\"\n";
    EXPECT_EQ(problem_of(known + "[peers.01]\nhost = \"y\"\n"),
              "test.toml:8:8: \"01\" is not a peer's number; write a number from 1 to 16383: its peer_id");
    EXPECT_EQ(problem_of(known + "[peers.16384]\nhost = \"y\"\n"),
              "test.toml:8:8: \"16384\" is not a peer's number; write a number from 1 to 16383: its peer_id");
    EXPECT_EQ(problem_of(known + "[peers.2]\nport = 1\n"),
              "test.toml:8:8: peers.2.host is missing or empty; write host = \"...\" under [peers.2]");
    EXPECT_EQ(problem_of(known + "[peers.2]\nhost = \"y\"\npool_size = 3\n"),
              "test.toml:10:1: pgbouncer's pool_size is not an option of pgring; "
              "leave it out: requests to cancel are not pooled");
    EXPECT_EQ(problem_of(known + "[peers]\n2 = \"host=y\"\n"),
              "test.toml:9:5: peers.2 is \"host=y\", not a section; "
              "write [peers.N] on a line of its own, and its options below");
}

TEST(LoadErrors, UnknownSectionNamesTheNearest) {
    EXPECT_EQ(problem_of(std::string(kMinimal) + "[server.pg-1]\nhost = \"x\"\n"),
              "test.toml:9:2: [server] is not a section; write [servers], if that is meant");
    EXPECT_EQ(
        problem_of(std::string(kMinimal) + "[frobnication]\n"),
        "test.toml:9:2: [frobnication] is not a section; leave it out; the sections are [pgring], [health], "
        "[routing], [servers.NAME], [peers.N], [databases.NAME], [users.NAME]");
}

TEST(LoadErrors, SectionThatIsAValue) {
    EXPECT_EQ(problem_of("routing = true\n" + std::string(kMinimal)),
              "test.toml:1:11: routing is true, not a section; write [routing] on a line of its own, and its "
              "options below");
    EXPECT_EQ(problem_of(std::string(kMinimal) + "[servers]\npg-1 = \"host=10.0.0.2 port=5432\"\n"),
              "test.toml:10:8: servers.pg-1 is \"host=10.0.0.2 port=5432\", not a section; "
              "write [servers.NAME] on a line of its own, and its options below");
}

TEST(LoadErrors, WhatMustBeSetIsMissing) {
    EXPECT_EQ(problem_of("[pgring]\nauth_file = \"users\"\n\n[health]\n[servers.a]\nhost = \"10.0.0.1\"\n"),
              "test.toml:4:2: health.health_check_user is missing or empty; "
              "write health_check_user = \"...\" under [health], or set PGRING_HEALTH_CHECK_USER");
    EXPECT_EQ(problem_of("[pgring]\nauth_file = \"users\"\n[servers.a]\nhost = \"10.0.0.1\"\n"),
              "test.toml: health.health_check_user is missing or empty; "
              "write health_check_user = \"...\" under [health], or set PGRING_HEALTH_CHECK_USER");
    EXPECT_EQ(
        problem_of(std::string(kMinimal) + "[servers.pg-1]\nport = 1\n"),
        "test.toml:9:10: servers.pg-1.host is missing or empty; write host = \"...\" under [servers.pg-1]");
    EXPECT_EQ(
        problem_of(std::string(kMinimal) + "[servers.pg-1]\nhost = \"\"\n"),
        "test.toml:10:8: servers.pg-1.host is missing or empty; write host = \"...\" under [servers.pg-1]");
}

TEST(LoadErrors, EmptyFileSaysAllThatIsMissing) {
    const std::vector<std::string> expected{
        "test.toml: auth_type \"scram-sha-256\" needs pgring.auth_file, which is missing; "
        "write auth_file = \"FILE\" under [pgring], or auth_type = \"trust\"",
        "test.toml: health.health_check_user is missing or empty; "
        "write health_check_user = \"...\" under [health], or set PGRING_HEALTH_CHECK_USER",
        "test.toml: there is no server; write a section [servers.NAME] with host = \"ADDRESS\" for each "
        "server",
    };
    EXPECT_EQ(problems_of(""), expected);
    EXPECT_EQ(problems_of("\n\n# nothing\n"), expected);
}

TEST(LoadErrors, AuthenticationWithoutItsFiles) {
    constexpr std::string_view kRest =
        "[health]\nhealth_check_user = \"m\"\n[servers.a]\nhost = \"10.0.0.1\"\n";
    EXPECT_EQ(problem_of(fmt::format("[pgring]\nauth_type = \"md5\"\n{}", kRest)),
              "test.toml:1:2: auth_type \"md5\" needs pgring.auth_file, which is missing; "
              "write auth_file = \"FILE\" under [pgring], or auth_type = \"trust\"");
    EXPECT_EQ(problem_of_line("auth_type = \"hba\""),
              "test.toml:3:13: auth_type \"hba\" needs pgring.auth_hba_file, which is missing; "
              "write auth_hba_file = \"FILE\" under [pgring]");
    EXPECT_TRUE(problems_of(fmt::format("[pgring]\nauth_type = \"trust\"\n{}", kRest)).empty());
}

TEST(LoadErrors, OneMistakeIsOneProblem) {
    // The wrong auth_file must not be called missing as well.
    EXPECT_EQ(
        problems_of("[pgring]\nauth_file = 5\n[health]\nhealth_check_user = 5\n[servers.a]\nhost = 5\n"),
        (std::vector<std::string>{
            "test.toml:2:13: pgring.auth_file is a number, not a text; write a text in quotes",
            "test.toml:4:21: health.health_check_user is a number, not a text; write a text in quotes",
            "test.toml:6:8: servers.a.host is a number, not a text; write a text in quotes",
        }));
}

TEST(LoadErrors, NowhereToListen) {
    EXPECT_EQ(problem_of_line("listen_addr = []"),
              "test.toml:3:15: there is no place for clients to connect to; "
              "give listen_addr an address, or set unix_socket_dir");
    EXPECT_TRUE(problems_of(with_pgring("listen_addr = []\nunix_socket_dir = \"/run\"")).empty());
}

TEST(LoadErrors, StarBesidesOtherAddresses) {
    EXPECT_EQ(problem_of_line("listen_addr = \"*, ::1\""),
              "test.toml:3:15: pgring.listen_addr has \"*\" and other addresses besides; "
              "write \"*\" alone, or the addresses alone");
}

TEST(LoadErrors, UnixSocketPathsThatCannotBe) {
    EXPECT_EQ(
        problem_of_line("unix_socket_dir = \"run\""),
        "test.toml:3:19: pgring.unix_socket_dir is not an absolute path; write a path that begins with /");
    // "/.s.PGSQL.6432" is 14 bytes: 93 more fit into 107.
    EXPECT_TRUE(
        problems_of(with_pgring(fmt::format("unix_socket_dir = \"/{}\"", std::string(92, 'x')))).empty());
    EXPECT_EQ(problem_of_line(fmt::format("unix_socket_dir = \"/{}\"", std::string(93, 'x'))),
              "test.toml:3:19: pgring.unix_socket_dir makes a socket's path of 108 bytes, more than 107; "
              "write a shorter path");
    EXPECT_EQ(problem_of(std::string(kMinimal) +
                         fmt::format("[servers.b]\nhost = \"/{}\"\n", std::string(93, 'x'))),
              "test.toml:10:8: servers.b.host makes a socket's path of 108 bytes, more than 107; write a "
              "shorter path");
}

TEST(LoadErrors, TwoServersAtOneAddress) {
    EXPECT_EQ(
        problem_of(std::string(kMinimal) + "[servers.pg-1]\nhost = \"10.0.0.1\"\nport = 5432\n"),
        "test.toml:10:8: servers.pg-1 is at the same host and port as servers.pg-0; name each server once");
    EXPECT_TRUE(
        problems_of(std::string(kMinimal) + "[servers.pg-1]\nhost = \"10.0.0.1\"\nport = 5433\n").empty());
}

TEST(LoadErrors, TooManyServers) {
    std::string text(kMinimal);
    for (std::size_t server = 1; server < kServersMax; ++server) {
        text += fmt::format("[servers.s{0}]\nhost = \"h{0}\"\n", server);
    }
    EXPECT_TRUE(problems_of(text).empty());
    EXPECT_EQ(problem_of(text + "[servers.last]\nhost = \"last\"\n"),
              "test.toml:7:2: there are 65 servers, more than 64; leave out servers");
}

TEST(LoadErrors, NamesThatCannotBeLabels) {
    EXPECT_EQ(
        problem_of(std::string(kMinimal) + "[servers.\"a b\"]\nhost = \"x\"\n"),
        "test.toml:9:10: \"a b\" is not a server's name; write up to 63 letters, digits, '.', '_' and '-'");
    EXPECT_EQ(problem_of(std::string(kMinimal) + "[databases.\"\"]\n"),
              "test.toml:9:12: \"\" is not a database's name; write \"*\" or a name of up to 63 bytes");
}

TEST(LoadErrors, AllProblemsAreReportedInTheOrderOfTheFile) {
    constexpr std::array kEnvironmentVariables{EnvironmentVariable{"PGRING_WORKERS", "many"}};
    const std::vector<std::string> problems = problems_of(
        "[databases.app]\npool_size = 0\n[servers.a]\nweight = 2000\n[pgring]\nlisten_port = 0\nnonsense = "
        "1\n",
        kEnvironmentVariables);
    std::vector<std::string> places;
    for (const std::string& problem : problems) {
        places.push_back(problem.substr(0, problem.find(' ')));
    }
    EXPECT_EQ(places, (std::vector<std::string>{
                          "test.toml:", "test.toml:2:13:", "test.toml:3:10:", "test.toml:4:10:",
                          "test.toml:5:2:", "test.toml:6:15:", "test.toml:7:1:", "environment:"}));
}

TEST(LoadErrors, ControlCharactersDoNotReachMessages) {
    EXPECT_EQ(
        problem_of_line("pool_mode = \"a\\u001B[31mb\\nc\""),
        "test.toml:3:13: pgring.pool_mode is \"a?[31mb?c\", not one of session, transaction, statement; "
        "write one of \"session\", \"transaction\", \"statement\"");
    EXPECT_EQ(
        problem_of_line("\"a\\nb\" = 1"),
        "test.toml:3:1: pgring.a?b is not an option; leave it out; docs/configuration.md lists all options");
}

TEST(LoadErrors, LongValuesAreCutBetweenCharacters) {
    const std::string problem = problem_of_line(fmt::format("pool_mode = \"x{}\"", [] {
        std::string text;
        for (int i = 0; i < 100; ++i) {
            text += "\xC3\xA4";
        }
        return text;
    }()));
    EXPECT_NE(problem.find("\xC3\xA4...\""), std::string::npos) << problem;
    EXPECT_LT(problem.size(), 250U);
}

}  // namespace
}  // namespace pgring::config
