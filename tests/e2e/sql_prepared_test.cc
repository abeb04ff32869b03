/// PREPARE, EXECUTE and DEALLOCATE of many sessions that use the same names for different statements, on few
/// server connections that are handed out in turn.

#include <array>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "environment.h"

namespace pgring::e2e {
namespace {

constexpr std::size_t kSessions = 8;

/// A session, and what it has prepared under each name.
struct Owner {
    Connection connection;
    std::string mark;
    std::map<std::string, std::string> prepared{};
    std::size_t made = 0;
};

class SqlPrepared : public EndToEnd {
  protected:
    SqlPrepared()
        : pgring_("sql_prepared", cluster(),
                  {.pgring = {{"default_pool_size", "2"},
                              {"server_round_robin", "true"},
                              {"query_wait_timeout", "\"10s\""}}}) {
        for (std::size_t i = 0; i < kSessions; ++i) {
            owners_.push_back({.connection = pgring_.connect(), .mark = "session " + std::to_string(i)});
        }
    }

    std::size_t below(std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_);
    }
    std::string draw_name() { return std::array{"a", "b", "c"}.at(below(3)); }
    /// A text that nobody else has, and what it returns.
    static std::string next_value(Owner& owner) { return owner.mark + "/" + std::to_string(owner.made++); }

    /// PREPARE in one of its forms, perhaps in a transaction that is rolled back.
    void prepare(Owner& owner) {
        std::string const name = draw_name();
        bool const taken = owner.prepared.contains(name);
        std::string const value = next_value(owner);
        std::string const text = "prepare " + name + " (int) as select '" + value + "' || $1";
        bool const rolls_back = below(3) == 0;
        if (rolls_back) {
            owner.connection.run("begin");
        }
        Result const result = below(2) == 0 ? owner.connection.attempt(text)
                                            : owner.connection.attempt(text, std::vector<std::string>{});
        EXPECT_EQ(result.sqlstate(), taken ? "42P05" : "00000") << text;
        if (rolls_back) {
            owner.connection.run("rollback");
        }
        owner.prepared.try_emplace(name, value);
    }
    /// The same by protocol: one namespace.
    void parse(Owner& owner) {
        std::string const name = draw_name();
        bool const taken = owner.prepared.contains(name);
        std::string const value = next_value(owner);
        EXPECT_EQ(owner.connection.prepare(name, "select '" + value + "' || $1::int").sqlstate(),
                  taken ? "42P05" : "00000");
        owner.prepared.try_emplace(name, value);
    }
    void execute(Owner& owner) {
        std::string const name = draw_name();
        auto const known = owner.prepared.find(name);
        std::string const text = "execute " + name + " (7)";
        std::size_t const form = below(3);
        Result const result = form == 0   ? owner.connection.attempt(text)
                              : form == 1 ? owner.connection.attempt(text, std::vector<std::string>{})
                                          : owner.connection.execute(name, {"7"});
        if (known == owner.prepared.end()) {
            EXPECT_EQ(result.sqlstate(), "26000") << owner.mark << " has no " << name;
        } else {
            ASSERT_EQ(result.sqlstate(), "00000") << result.message();
            EXPECT_EQ(result.value(), known->second + "7");
        }
    }
    void deallocate(Owner& owner) {
        if (below(5) == 0) {
            owner.connection.run(below(2) == 0 ? "deallocate all" : "discard all");
            owner.prepared.clear();
            return;
        }
        std::string const name = draw_name();
        bool const known = owner.prepared.erase(name) > 0;
        std::string const text = (below(2) == 0 ? "deallocate " : "DEALLOCATE PREPARE ") + name;
        Result const result = below(2) == 0 ? owner.connection.attempt(text)
                                            : owner.connection.attempt(text, std::vector<std::string>{});
        EXPECT_EQ(result.sqlstate(), known ? "00000" : "26000") << text;
    }
    /// Several statements in one text.
    void do_all_at_once(Owner& owner) {
        std::string const value = next_value(owner);
        Result const result =
            owner.connection.run("prepare once as select '" + value +
                                 "'; begin; execute once; commit; execute once; deallocate once");
        EXPECT_EQ(result.status(), PGRES_COMMAND_OK);
    }

    std::mt19937 random_{20260101};
    PgringProcess pgring_;
    std::vector<Owner> owners_;
};

TEST_F(SqlPrepared, EachSessionExecutesItsOwnStatements) {
    for (std::size_t step = 0; step < 4000 && !HasFailure(); ++step) {
        Owner& owner = owners_[below(owners_.size())];
        std::size_t const drawn = below(20);
        drawn < 5    ? prepare(owner)
        : drawn < 7  ? parse(owner)
        : drawn < 15 ? execute(owner)
        : drawn < 18 ? deallocate(owner)
                     : do_all_at_once(owner);
        if (HasFailure()) {
            ADD_FAILURE() << "at step " << step << "\n" << pgring_.log();
        }
    }
}

TEST_F(SqlPrepared, AStatementRunsOnTheServerThatItsTextAsksFor) {
    Connection& client = owners_[0].connection;
    client.run("create table if not exists executed (node text)");
    cluster().wait_for_replay();
    client.run("prepare r as select current_setting('cluster_name')");
    client.run("prepare w as insert into executed values (current_setting('cluster_name')) returning node");
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(client.value("execute r"), cluster().standby());
        EXPECT_EQ(client.value("execute w"), cluster().primary());
    }
}

TEST_F(SqlPrepared, WhatCannotBePreparedElsewhereKeepsItsServerConnection) {
    Owner& owner = owners_[0];
    owner.connection.run("drop type if exists mood; create type mood as enum ('calm', 'cross')");
    owner.connection.run("prepare m (mood) as select 'it is ' || $1");
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(owner.connection.value("execute m ('calm')"), "it is calm");
        Owner& other = owners_[1 + below(kSessions - 1)];
        EXPECT_EQ(other.connection.attempt("execute m ('calm')").sqlstate(), "26000");
    }
    owner.connection.run("deallocate m");
}

}  // namespace
}  // namespace pgring::e2e
