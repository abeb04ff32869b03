#include "auth/hba.h"

#include <string>

#include <gtest/gtest.h>

namespace pgring::auth {
namespace {

Rules rules_of(std::string_view text) {
    ParsedRules parsed = parse_rules(text, "hba.conf");
    for (const Problem& problem : parsed.problems) {
        ADD_FAILURE() << to_string(problem);
    }
    return std::move(parsed.rules);
}

/// The one problem of a text.
Problem problem_of(std::string_view text) {
    const ParsedRules parsed = parse_rules(text, "hba.conf");
    EXPECT_EQ(parsed.problems.size(), 1U) << text;
    EXPECT_TRUE(parsed.rules.lines().empty()) << text;
    return parsed.problems.empty() ? Problem() : parsed.problems.front();
}

LoginRequest over_tcp(std::string_view address, std::string_view database = "db",
                      std::string_view user = "alice") {
    return {.transport = Transport::PlainTcp,
            .database = database,
            .user = user,
            .address = base::parse_ip_address(address).value()};
}

LoginRequest over_tls(std::string_view address) {
    LoginRequest request = over_tcp(address);
    request.transport = Transport::TlsTcp;
    return request;
}

LoginRequest over_unix(std::string_view database = "db", std::string_view user = "alice") {
    return {.transport = Transport::UnixSocket, .database = database, .user = user, .address = {}};
}

/// The method's name, "reject" for a line that says so, "none" where no line fits.
std::string verdict(const Rules& rules, const LoginRequest& request) {
    const auto method = rules.match(request);
    if (!method) {
        return method.error().message.starts_with("no pg_hba.conf entry") ? "none" : "reject";
    }
    switch (*method) {
        case Method::Trust:
            return "trust";
        case Method::Md5:
            return "md5";
        case Method::ScramSha256:
            return "scram-sha-256";
        case Method::Password:
            return "password";
    }
    return "?";
}

TEST(Hba, ReadsEachMethod) {
    for (const std::string method : {"trust", "reject", "md5", "scram-sha-256", "password"}) {
        EXPECT_EQ(verdict(rules_of("host all all all " + method), over_tcp("192.0.2.1")), method);
        EXPECT_EQ(verdict(rules_of("local all all " + method), over_unix()), method);
    }
}

TEST(Hba, TellsTransportsApart) {
    const Rules rules = rules_of(
        "local all all trust\n"
        "hostssl all all all scram-sha-256\n"
        "hostnossl all all all md5\n");
    EXPECT_EQ(verdict(rules, over_unix()), "trust");
    EXPECT_EQ(verdict(rules, over_tls("192.0.2.1")), "scram-sha-256");
    EXPECT_EQ(verdict(rules, over_tcp("192.0.2.1")), "md5");
    EXPECT_EQ(verdict(rules_of("host all all all md5"), over_unix()), "none");
    EXPECT_EQ(verdict(rules_of("host all all all md5"), over_tls("::1")), "md5");
    EXPECT_EQ(verdict(rules_of("local all all md5"), over_tcp("::1")), "none");
    EXPECT_EQ(verdict(rules_of("hostssl all all all md5"), over_tcp("::1")), "none");
    EXPECT_EQ(verdict(rules_of("hostnossl all all all md5"), over_tls("::1")), "none");
}

TEST(Hba, TakesTheFirstLineThatFits) {
    const Rules rules = rules_of(
        "host all mallory all reject\n"
        "host db alice 192.0.2.7/32 trust\n"
        "host all all 192.0.2.0/24 md5\n"
        "host all alice all scram-sha-256\n");
    EXPECT_EQ(verdict(rules, over_tcp("192.0.2.7", "db", "mallory")), "reject");
    EXPECT_EQ(verdict(rules, over_tcp("192.0.2.7")), "trust");
    EXPECT_EQ(verdict(rules, over_tcp("192.0.2.7", "other")), "md5");
    EXPECT_EQ(verdict(rules, over_tcp("192.0.2.8")), "md5");
    EXPECT_EQ(verdict(rules, over_tcp("198.51.100.1")), "scram-sha-256");
    EXPECT_EQ(verdict(rules, over_tcp("198.51.100.1", "db", "bob")), "none");
}

struct AddressCase {
    std::string_view column;
    std::string_view inside;
    std::string_view outside;
};

TEST(Hba, MatchesAddresses) {
    for (const AddressCase& range : {
             AddressCase{"192.0.2.0/24", "192.0.2.255", "192.0.3.0"},
             {"192.0.2.128/25", "192.0.2.128", "192.0.2.127"},
             {"192.0.2.77/24", "192.0.2.1",
              "192.0.3.77"},  // bits behind the mask do not count, as in PostgreSQL
             {"192.0.2.1/32", "192.0.2.1", "192.0.2.0"},
             {"0.0.0.0/0", "255.255.255.255", "::1"},
             {"::/0", "2001:db8::1", "127.0.0.1"},
             {"::1/128", "::1", "::2"},
             {"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"},
             {"2001:db8::/32", "2001:db8:ffff::", "2001:db9::"},
             {"192.0.2.0 255.255.255.0", "192.0.2.9", "192.0.1.9"},
             {"10.0.0.1 255.0.0.255", "10.9.9.1", "10.9.9.2"},
             {"2001:db8:: ffff:ffff::", "2001:db8::5", "2001:db7::5"},
             {"\"192.0.2.0/24\"", "192.0.2.3", "192.0.3.3"},
             {"127.0.0.1/32", "::ffff:127.0.0.1", "::ffff:127.0.0.2"},
         }) {
        const Rules rules = rules_of("host all all " + std::string(range.column) + " trust");
        EXPECT_EQ(verdict(rules, over_tcp(range.inside)), "trust") << range.column;
        EXPECT_EQ(verdict(rules, over_tcp(range.outside)), "none") << range.column;
    }
}

struct NameCase {
    std::string_view databases;
    std::string_view users;
    std::string_view database;
    std::string_view user;
    bool fits;
};

TEST(Hba, MatchesDatabasesAndUsers) {
    for (const NameCase& names : {
             NameCase{"all", "all", "db", "alice", true},
             {"db", "alice", "db", "alice", true},
             {"db", "alice", "DB", "alice", false},
             {"db", "alice", "db", "Alice", false},
             {"db", "alice", "db2", "alice", false},
             {"a,db,c", "x,alice", "db", "alice", true},
             {"a, db, c", "x, alice", "c", "x", true},
             {"a,db", "x,alice", "c", "alice", false},
             {"sameuser", "all", "alice", "alice", true},
             {"sameuser", "all", "db", "alice", false},
             {"sameuser,db", "all", "db", "alice", true},
             {"\"all\"", "all", "db", "alice", false},
             {"\"all\"", "all", "all", "alice", true},
             {"all", "\"all\"", "db", "alice", false},
             {"all", "\"all\"", "db", "all", true},
             {"\"sameuser\"", "all", "alice", "alice", false},
             {"\"sameuser\"", "all", "sameuser", "alice", true},
             {"all", "sameuser", "db", "sameuser", true},
             {"\"my db\"", "\"a \"\"b\"\", c\"", "my db", "a \"b\", c", true},
             {"\"my db\"", "all", "my", "alice", false},
             {"\"#db\"", "all", "#db", "alice", true},
             {"\"+group\"", "\"@file\"", "+group", "@file", true},
             {"replication", "all", "replication", "alice", false},
             {"\"replication\"", "all", "replication", "alice", true},
         }) {
        const Rules rules =
            rules_of("host " + std::string(names.databases) + " " + std::string(names.users) + " all trust");
        EXPECT_EQ(verdict(rules, over_tcp("::1", names.database, names.user)), names.fits ? "trust" : "none")
            << names.databases << " / " << names.users << " for " << names.database << " / " << names.user;
    }
}

TEST(Hba, LetsOnlyReplicationLinesMatchReplication) {
    LoginRequest request = over_tcp("192.0.2.1");
    request.database = std::nullopt;
    EXPECT_EQ(verdict(rules_of("host all all all trust"), request), "none");
    EXPECT_EQ(verdict(rules_of("host \"replication\" all all trust"), request), "none");
    EXPECT_EQ(verdict(rules_of("host sameuser all all trust"), request), "none");
    EXPECT_EQ(verdict(rules_of("host all,replication all all trust"), request), "trust");
}

TEST(Hba, RefusesInTheWordsOfPostgres) {
    const auto message = [](const Rules& rules, const LoginRequest& request) {
        const auto method = rules.match(request);
        EXPECT_FALSE(method.has_value());
        EXPECT_EQ(method.error().sqlstate, "28000");
        return method.error().message;
    };
    EXPECT_EQ(message(Rules(), over_tcp("192.0.2.1")),
              "no pg_hba.conf entry for host \"192.0.2.1\", user \"alice\", database \"db\", no encryption");
    EXPECT_EQ(
        message(Rules(), over_tls("2001:db8::1")),
        "no pg_hba.conf entry for host \"2001:db8::1\", user \"alice\", database \"db\", SSL encryption");
    EXPECT_EQ(message(Rules(), over_unix()),
              "no pg_hba.conf entry for host \"[local]\", user \"alice\", database \"db\", no encryption");
    const Rules rejecting = rules_of("host all all all reject\nhost replication all all reject");
    EXPECT_EQ(message(rejecting, over_tcp("192.0.2.1")),
              "pg_hba.conf rejects connection for host \"192.0.2.1\", user \"alice\", database \"db\", no "
              "encryption");
    LoginRequest replication = over_tcp("192.0.2.1");
    replication.database = std::nullopt;
    EXPECT_EQ(
        message(rejecting, replication),
        "pg_hba.conf rejects replication connection for host \"192.0.2.1\", user \"alice\", no encryption");
    EXPECT_EQ(message(Rules(), replication),
              "no pg_hba.conf entry for replication connection from host \"192.0.2.1\", user \"alice\", no "
              "encryption");
}

TEST(Hba, SkipsBlankLinesAndComments) {
    const Rules rules = rules_of(
        "# TYPE DATABASE USER ADDRESS METHOD\n"
        "\n"
        "   \t \r\n"
        "local all all trust # why not\r\n"
        "  host\tall,db\tall   all\ttrust#no\n"
        "local all all md5");
    ASSERT_EQ(rules.lines().size(), 3U);
    EXPECT_EQ(rules.lines()[0].line, 4U);
    EXPECT_EQ(rules.lines()[1].line, 5U);
    EXPECT_EQ(rules.lines()[2].line, 6U);
}

TEST(Hba, JoinsLinesThatEndInABackslash) {
    const Rules rules = rules_of("host all \\\n  all \\\r\n  all trust\nlocal all all md5\\\n");
    ASSERT_EQ(rules.lines().size(), 2U);
    EXPECT_EQ(rules.lines()[0].line, 1U);
    EXPECT_EQ(rules.lines()[1].line, 4U);
    EXPECT_EQ(verdict(rules, over_tcp("::1")), "trust");
}

TEST(Hba, KeepsTheGoodLinesBesideABadOne) {
    const ParsedRules parsed = parse_rules(
        "local all all trust\n"
        "host all all nonsense md5\n"
        "host all all all md5\n"
        "wrong\n",
        "hba.conf");
    ASSERT_EQ(parsed.problems.size(), 2U);
    EXPECT_EQ(parsed.problems[0].line, 2U);
    EXPECT_EQ(to_string(parsed.problems[0]),
              "hba.conf:2: \"nonsense\" is no address, and host names are not supported; "
              "write an address with a mask (192.0.2.0/24, 2001:db8::/32) or all");
    EXPECT_EQ(parsed.problems[1].line, 4U);
    EXPECT_EQ(parsed.rules.lines().size(), 2U);
    EXPECT_EQ(verdict(parsed.rules, over_unix()), "trust");
    EXPECT_EQ(verdict(parsed.rules, over_tcp("::1")), "md5");
}

struct BadLine {
    std::string_view text;
    std::string_view complaint;
};

TEST(Hba, SaysWhatIsWrongWithALine) {
    for (const BadLine& bad : {
             BadLine{"hosts all all all trust", "cannot begin with \"hosts\""},
             {"\"host\" all all all trust", "cannot begin with \"host\""},
             {"host,local all all all trust", "cannot begin with \"host\""},
             {"hostgssenc all all all trust", "GSSAPI"},
             {"include other.conf", "included"},
             {"host", "too early"},
             {"local all", "too early"},
             {"local all all", "method is missing"},
             {"host all all", "address is missing"},
             {"host all all all", "method is missing"},
             {"host all all trust", "\"trust\" is no address"},
             {"host all +admins all trust", "group +admins is not supported"},
             {"host samerole all all trust", "samerole is not supported"},
             {"host samegroup all all trust", "samegroup is not supported"},
             {"host @dbs all all trust", "another file"},
             {"host all @users all trust", "another file"},
             {"host /^db all all trust", "regular expressions"},
             {"host all all samehost trust", "samehost is not supported"},
             {"host all all samenet trust", "samenet is not supported"},
             {"host all all db.example.com trust", "host names are not supported"},
             {"host all all .example.com trust", "host names are not supported"},
             {"host all all \"all\" trust", "host names are not supported"},
             {"host all all 192.0.2.1 trust", "no mask"},
             {"host all all 192.0.2.1 ffff:: trust", "no mask"},
             {"host all all 192.0.2.1", "no mask"},
             {"host all all 192.0.2.0/33 trust", "from 0 to 32"},
             {"host all all 192.0.2.0/ trust", "from 0 to 32"},
             {"host all all 192.0.2.0/-1 trust", "from 0 to 32"},
             {"host all all 192.0.2.0/24x trust", "from 0 to 32"},
             {"host all all 2001:db8::/129 trust", "from 0 to 128"},
             {"host all all 192.0.2/24 trust", "is no address"},
             {"host all all 192.0.2.0/24,10.0.0.0/8 trust", "one address only"},
             {"host all all all peer", "\"peer\" is not supported"},
             {"host all all all cert", "\"cert\" is not supported"},
             {"host all all all MD5", "\"MD5\" is not supported"},
             {"host all all all trust clientcert=verify-full", "options behind the method"},
             {"host all all all trust,md5", "options behind the method"},
             {"local \"all all trust", "quoted name does not end"},
         }) {
        const Problem problem = problem_of(bad.text);
        EXPECT_NE(problem.message.find(bad.complaint), std::string::npos)
            << bad.text << " -> " << problem.message;
        EXPECT_FALSE(problem.remedy.empty()) << bad.text;
    }
    EXPECT_NE(problem_of(std::string_view("local all al\0l trust", 20)).message.find("NUL"),
              std::string::npos);
}

TEST(Hba, ShowsNoControlCharacters) {
    EXPECT_EQ(problem_of("host all all all \x1b[2J").message, "the method \"?[2J\" is not supported");
}

}  // namespace
}  // namespace pgring::auth
