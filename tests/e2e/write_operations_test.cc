/// Scenario "write operations": what is created and inserted through pgring is on the primary, once.

#include "environment.h"

namespace pgring::e2e {
namespace {

class WriteOperations : public EndToEnd {
  protected:
    WriteOperations() {
        connect().run(
            "drop table if exists written; create table written (id int primary key, text text not null)");
    }
    /// What the primary says, asked without pgring.
    static std::string on_primary(const std::string& text) {
        return Connection(cluster().direct(cluster().primary())).value(text);
    }
};

TEST_F(WriteOperations, ATableMadeThroughPgringIsOnThePrimary) {
    connect().run("create table made_here (id int); ");
    EXPECT_EQ(on_primary("select to_regclass('made_here')"), "made_here");
    connect().run("drop table made_here");
    EXPECT_EQ(on_primary("select to_regclass('made_here') is null"), "t");
}

TEST_F(WriteOperations, RowsOfSimpleAndExtendedQueriesAreWrittenOnce) {
    Connection client = connect();
    client.run("insert into written values (1, 'simple')");
    client.run("insert into written values ($1, $2)", {"2", "extended"});
    ASSERT_TRUE(client.prepare("add", "insert into written values ($1, $2)").ok());
    for (int id = 3; id < 20; ++id) {
        ASSERT_TRUE(client.execute("add", {std::to_string(id), "prepared"}).ok());
    }
    EXPECT_EQ(on_primary("select string_agg(id::text, ',' order by id) from written"),
              "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19");
}

TEST_F(WriteOperations, UpdateDeleteAndReturningSayWhatTheyDid) {
    Connection client = connect();
    client.run("insert into written select n, 'n' || n from generate_series(1, 10) n");
    Result const updated = client.run("update written set text = 'even' where id % 2 = 0");
    EXPECT_STREQ(PQcmdTuples(updated.get()), "5");
    EXPECT_EQ(client.run("delete from written where id > 8 returning id").column(),
              (std::vector<std::string>{"9", "10"}));
    EXPECT_EQ(client.value("with gone as (delete from written where id = 1 returning text) "
                           "select text from gone"),
              "n1");
    EXPECT_EQ(on_primary("select count(*) || '/' || count(*) filter (where text = 'even') from written"),
              "7/4");
}

TEST_F(WriteOperations, ATransactionIsWrittenWholeOrNotAtAll) {
    Connection client = connect();
    client.run("begin");
    client.run("insert into written values (1, 'kept')");
    client.run("savepoint before");
    client.run("insert into written values (2, 'undone')");
    client.run("rollback to before");
    client.run("commit");
    client.run("begin");
    client.run("insert into written values (3, 'undone')");
    client.run("rollback");
    client.run("begin");
    client.run("insert into written values (4, 'undone')");
    EXPECT_EQ(client.attempt("select 1/0").sqlstate(), "22012");
    EXPECT_EQ(client.attempt("insert into written values (5, 'undone')").sqlstate(), "25P02");
    EXPECT_STREQ(PQcmdStatus(client.run("commit").get()), "ROLLBACK");
    EXPECT_EQ(on_primary("select string_agg(id::text, ',') from written"), "1");
}

TEST_F(WriteOperations, AConstraintIsReportedAndTheSessionGoesOn) {
    Connection client = connect();
    client.run("insert into written values (1, 'first')");
    Result const refused = client.attempt("insert into written values (1, 'second')");
    EXPECT_EQ(refused.sqlstate(), "23505");
    EXPECT_STREQ(PQresultErrorField(refused.get(), PG_DIAG_CONSTRAINT_NAME), "written_pkey");
    client.run("insert into written values (2, 'third')");
    EXPECT_EQ(on_primary("select count(*) from written"), "2");
}

TEST_F(WriteOperations, APipelineOfInsertsIsAnsweredInOrder) {
    Connection client = connect();
    ASSERT_EQ(PQenterPipelineMode(client.get()), 1);
    constexpr int kCount = 200;
    for (int id = 0; id < kCount; ++id) {
        std::string const number = std::to_string(id);
        const char* const values[] = {number.c_str()};
        ASSERT_EQ(PQsendQueryParams(client.get(), "insert into written values ($1, 'p') returning id", 1,
                                    nullptr, values, nullptr, nullptr, 0),
                  1);
    }
    ASSERT_EQ(PQpipelineSync(client.get()), 1);
    for (int id = 0; id < kCount; ++id) {
        Result const result(PQgetResult(client.get()));
        ASSERT_TRUE(result.ok()) << result.message();
        EXPECT_EQ(result.value(), std::to_string(id));
        ASSERT_EQ(PQgetResult(client.get()), nullptr);
    }
    EXPECT_EQ(Result(PQgetResult(client.get())).status(), PGRES_PIPELINE_SYNC);
    ASSERT_EQ(PQexitPipelineMode(client.get()), 1);
    EXPECT_EQ(on_primary("select count(*) from written"), std::to_string(kCount));
}

TEST_F(WriteOperations, AWriteHiddenInAReadGoesToThePrimary) {
    Connection client = connect();
    client.run(
        "create or replace function add_one(int) returns int language sql volatile as "
        "'insert into written values ($1, ''hidden'') returning id'");
    EXPECT_EQ(client.value("select add_one(7)"), "7");
    client.run("create sequence if not exists written_numbers");
    int const first = std::stoi(client.value("select nextval('written_numbers')"));
    EXPECT_EQ(client.value("select nextval('written_numbers')"), std::to_string(first + 1));
    EXPECT_EQ(client.value("select id from written where id = 7 for update"), "7");
    client.run("drop sequence written_numbers; drop function add_one(int)");
}

}  // namespace
}  // namespace pgring::e2e
