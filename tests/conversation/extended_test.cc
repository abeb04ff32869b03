/// The extended query protocol: batches, errors, Flush, pipelines.

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

const Lines kBatchAnswer{"ParseComplete", "BindComplete", "DataRow 1", "CommandComplete SELECT 1",
                         "ReadyForQuery I"};

std::string batch(std::string_view text) {
    return parse("", text) + bind("") + execute() + sync();
}

std::string batch_answer(char status = 'I') {
    return parse_complete() + bind_complete() + row("1") + complete("SELECT 1") + ready(status);
}

TEST(Extended, ABatchIsAnsweredAndTheBackendReleased) {
    Stage stage;
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(batch("select 1"));
    backend.hears({"Parse: select 1", "Bind", "Execute", "Sync"});
    backend.says(batch_answer());
    alice.hears(kBatchAnswer);
    Client& bob = stage.logged_in();
    bob.says(query("select 2"));
    backend.hears({"Query select 2"});
}

TEST(Extended, ABatchInPiecesOfOneByteIsTheSameBatch) {
    Stage stage;
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says_in_pieces(batch("select 1"), 1);
    backend.hears({"Parse: select 1", "Bind", "Execute", "Sync"});
    backend.says_in_pieces(batch_answer(), 1);
    alice.hears(kBatchAnswer);
}

TEST(Extended, ASyncAloneIsAnsweredWithoutABackend) {
    Stage stage;
    Client& alice = stage.logged_in();
    alice.says(sync());
    alice.hears({"ReadyForQuery I"});
    stage.backend(0).hears_nothing();
}

TEST(Extended, AFlushedAnswerComesBeforeTheSync) {
    Stage stage;
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(parse("", "select $1::int") + describe_statement("") + flush());
    backend.hears({"Parse: select $1::int", "Describe S", "Flush"});
    backend.says(parse_complete() + parameter_description() + row_description());
    alice.hears({"ParseComplete", "ParameterDescription", "RowDescription"});
    alice.says(bind("", {"1"}) + execute() + sync());
    backend.hears({"Bind (1)", "Execute", "Sync"});
    backend.says(bind_complete() + row("1") + complete("SELECT 1") + ready());
    alice.hears({"BindComplete", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
}

TEST(Extended, NobodyElseGetsTheBackendBetweenFlushAndSync) {
    Scene scene;
    scene.settings.pgring.default_pool_size = 1;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(parse("", "select 1") + flush());
    backend.says(parse_complete());
    alice.hears({"ParseComplete"});
    bob.says(query("select 2"));
    backend.hears({"Parse: select 1", "Flush"});
    alice.says(bind("") + execute() + sync());
    backend.hears({"Bind", "Execute", "Sync"});
    backend.says(bind_complete() + complete("SELECT 0") + ready());
    backend.hears({"Query select 2"});
}

TEST(Extended, AnErrorIsToldAtOnceAndSkipsToItsOwnSync) {
    Stage stage;
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(batch("select 1/0") + batch("select 1"));
    backend.hears(
        {"Parse: select 1/0", "Bind", "Execute", "Sync", "Parse: select 1", "Bind", "Execute", "Sync"});
    backend.says(parse_complete() + bind_complete() + error("22012"));
    alice.hears({"ParseComplete", "BindComplete", "ErrorResponse ERROR 22012"});
    backend.says(ready() + batch_answer());
    alice.hears({"ReadyForQuery I", "ParseComplete", "BindComplete", "DataRow 1", "CommandComplete SELECT 1",
                 "ReadyForQuery I"});
}

TEST(Extended, WhatFollowsAnErrorBeforeItsSyncIsNotSent) {
    Stage stage;
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(parse("", "selec 1") + flush());
    backend.hears({"Parse: selec 1", "Flush"});
    backend.says(error("42601"));
    alice.hears({"ErrorResponse ERROR 42601"});
    alice.says(bind("") + execute() + sync());
    backend.hears({"Sync"});
    backend.says(ready());
    alice.hears({"ReadyForQuery I"});
    alice.says(query("select 1"));
    backend.answers("1");
    alice.hears({"RowDescription", "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"});
}

TEST(Extended, TheBackendIsNotReleasedAtTheFirstOfTwoSyncs) {
    Scene scene;
    scene.settings.pgring.default_pool_size = 1;
    Stage stage(scene);
    Client& alice = stage.logged_in();
    Client& bob = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(batch("select 1") + batch("select 1"));
    bob.says(query("select 2"));
    backend.hears(
        {"Parse: select 1", "Bind", "Execute", "Sync", "Parse: select 1", "Bind", "Execute", "Sync"});
    backend.says(batch_answer());
    backend.hears_nothing();
    backend.says(batch_answer());
    backend.hears({"Query select 2"});
}

TEST(Extended, APortalWithARowLimitGoesOn) {
    Stage stage;
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(parse("", "select 1") + bind("", {}, "p") + execute("p", 1) + flush());
    backend.hears({"Parse: select 1", "Bind as p", "Execute p", "Flush"});
    backend.says(parse_complete() + bind_complete() + row("1") + portal_suspended());
    alice.hears({"ParseComplete", "BindComplete", "DataRow 1", "PortalSuspended"});
    alice.says(execute("p", 1) + close_portal("p") + sync());
    backend.hears({"Execute p", "Close P p", "Sync"});
    backend.says(row("2") + complete("SELECT 1") + close_complete() + ready());
    alice.hears({"DataRow 2", "CommandComplete SELECT 1", "CloseComplete", "ReadyForQuery I"});
}

TEST(Extended, AnEmptyQueryIsAnsweredAsSuch) {
    Stage stage;
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query(";"));
    backend.hears({"Query ;"});
    backend.says(empty_query() + ready());
    alice.hears({"EmptyQueryResponse", "ReadyForQuery I"});
    alice.says(batch(""));
    backend.hears({"Parse: ", "Bind", "Execute", "Sync"});
    backend.says(parse_complete() + bind_complete() + empty_query() + ready());
    alice.hears({"ParseComplete", "BindComplete", "EmptyQueryResponse", "ReadyForQuery I"});
}

TEST(Extended, AnEmptyQueryInAFailedTransactionIsTheServersToAnswer) {
    Stage stage;
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("insert into t values (1)"));
    backend.says(error("23505") + ready('E'));
    alice.says(query("") + batch("/* nothing */"));
    backend.hears(
        {"Query insert into t values (1)", "Query", "Parse: /* nothing */", "Bind", "Execute", "Sync"});
    backend.says(empty_query() + ready('E') + parse_complete() + bind_complete() + empty_query() +
                 ready('E'));
    alice.hears({"ErrorResponse ERROR 23505", "ReadyForQuery E", "EmptyQueryResponse", "ReadyForQuery E",
                 "ParseComplete", "BindComplete", "EmptyQueryResponse", "ReadyForQuery E"});
}

TEST(Extended, ANamedStatementMayBeEmpty) {
    Stage stage;
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(parse("nothing", "-- nothing") + describe_statement("nothing") + sync());
    backend.hears({"Parse pgring_1: -- nothing", "Describe S pgring_1", "Sync"});
    backend.says(parse_complete() + parameter_description() + no_data() + ready());
    alice.says(bind("nothing") + execute() + sync());
    backend.hears({"Bind pgring_1", "Execute", "Sync"});
    backend.says(bind_complete() + empty_query() + ready());
    alice.hears({"ParseComplete", "ParameterDescription", "NoData", "ReadyForQuery I", "BindComplete",
                 "EmptyQueryResponse", "ReadyForQuery I"});
}

TEST(Extended, RowsWithoutColumnsAreRows) {
    Stage stage;
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    std::string const no_columns = message('T', number(0, 2));
    alice.says(query("select") + parse("s", "select") + describe_statement("s") + bind("s") + execute() +
               sync());
    backend.says(no_columns + row({}) + complete("SELECT 1") + ready());
    backend.says(parse_complete() + parameter_description() + no_columns + bind_complete() + row({}) +
                 complete("SELECT 1") + ready());
    alice.hears({"RowDescription", "DataRow", "CommandComplete SELECT 1", "ReadyForQuery I", "ParseComplete",
                 "ParameterDescription", "RowDescription", "BindComplete", "DataRow",
                 "CommandComplete SELECT 1", "ReadyForQuery I"});
}

TEST(Extended, SimpleAndExtendedQueriesMayBeMixedInOnePipeline) {
    Stage stage;
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("select 0") + batch("select 1") + query("select 2"));
    backend.says(row("0") + complete("SELECT 1") + ready() + batch_answer() + row("2") +
                 complete("SELECT 1") + ready());
    alice.hears({"DataRow 0", "CommandComplete SELECT 1", "ReadyForQuery I", "ParseComplete", "BindComplete",
                 "DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I", "DataRow 2",
                 "CommandComplete SELECT 1", "ReadyForQuery I"});
}

TEST(Extended, AFunctionCallIsAQueryWithOneReadyForQuery) {
    Stage stage;
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(function_call(1299) + query("select 1"));
    backend.hears({"FunctionCall", "Query select 1"});
    backend.says(function_result("x") + ready() + row("1") + complete("SELECT 1") + ready());
    alice.hears({"FunctionCallResponse", "ReadyForQuery I", "DataRow 1", "CommandComplete SELECT 1",
                 "ReadyForQuery I"});
}

TEST(Extended, NoticesAndNotificationsDoNotCountAsAnswers) {
    Stage stage;
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    alice.says(query("select 1"));
    backend.says(notice("careful") + notification("channel", "news") + row("1") + notice("again") +
                 complete("SELECT 1") + ready());
    alice.hears({"NoticeResponse careful", "NotificationResponse 1 channel news", "DataRow 1",
                 "NoticeResponse again", "CommandComplete SELECT 1", "ReadyForQuery I"});
}

TEST(Extended, ANoticeOfAnIdleBackendDisturbsNobody) {
    Stage stage;
    Client& alice = stage.logged_in();
    Backend& backend = stage.backend(0);
    backend.says(notice("nobody listens"));
    alice.hears_nothing();
    alice.says(query("select 1"));
    backend.hears({"Query select 1"});
}

}  // namespace
}  // namespace pgring::conversation
