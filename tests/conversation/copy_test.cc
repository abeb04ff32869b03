/// COPY in both directions.

#include <gtest/gtest.h>

#include "conversation/stage.h"

namespace pgring::conversation {
namespace {

class Copy : public ::testing::Test {
  protected:
    Copy() : stage_(make_scene()), alice_(stage_.logged_in()), bob_(stage_.logged_in()) {}

    static Scene make_scene() {
        Scene scene;
        scene.settings.pgring.default_pool_size = 1;
        return scene;
    }
    Backend& backend() { return stage_.backend(0); }
    /// The backend is free for the next client.
    void expect_free(std::source_location where = std::source_location::current()) {
        static_cast<void>(backend().take());
        bob_.says(query("select 1"));
        backend().hears({"Query select 1"}, where);
    }

    Stage stage_;
    Client& alice_;
    Client& bob_;
};

TEST_F(Copy, InFromAClient) {
    alice_.says(query("copy t from stdin"));
    backend().says(copy_in_response());
    alice_.hears({"CopyInResponse"});
    alice_.says(copy_data("1\n") + copy_data("2\n") + copy_done());
    backend().hears({"Query copy t from stdin", "CopyData 1\n", "CopyData 2\n", "CopyDone"});
    backend().says(complete("COPY 2") + ready());
    alice_.hears({"CommandComplete COPY 2", "ReadyForQuery I"});
    expect_free();
}

TEST_F(Copy, OutToAClient) {
    alice_.says(query("copy t to stdout"));
    backend().says(copy_out_response() + copy_data("1\n") + copy_data("2\n") + copy_done() +
                   complete("COPY 2") + ready());
    alice_.hears({"CopyOutResponse", "CopyData 1\n", "CopyData 2\n", "CopyDone", "CommandComplete COPY 2",
                  "ReadyForQuery I"});
    expect_free();
}

TEST_F(Copy, DataSentBeforeTheServerAskedForIt) {
    alice_.says(query("copy t from stdin") + copy_data("1\n") + copy_done() + query("select 1"));
    backend().says(copy_in_response() + complete("COPY 1") + ready());
    alice_.hears({"CopyInResponse", "CommandComplete COPY 1", "ReadyForQuery I"});
    backend().hears({"Query copy t from stdin", "CopyData 1\n", "CopyDone", "Query select 1"});
    backend().says(complete("SELECT 0") + ready());
    expect_free();
}

TEST_F(Copy, ABatchSentBehindItKeepsTheBackendUntilItsSync) {
    alice_.says(query("copy t from stdin") + copy_data("1\n") + copy_done() + parse("", "selec 1") +
                bind(""));
    bob_.says(query("select 1"));
    backend().says(copy_in_response() + complete("COPY 1") + ready() + error("42601"));
    static_cast<void>(backend().take());
    alice_.hears(
        {"CopyInResponse", "CommandComplete COPY 1", "ReadyForQuery I", "ErrorResponse ERROR 42601"});
    alice_.says(execute() + sync());
    backend().hears({"Sync"});
    backend().says(ready());
    alice_.hears({"ReadyForQuery I"});
    backend().hears({"Query select 1"});
}

TEST_F(Copy, OneThatIsRefusedBehindAnotherLeavesTheBackendFree) {
    alice_.says(query("copy t from stdin") + copy_data("1\n") + copy_done() + query("copy u from stdin") +
                copy_data("2\n") + copy_done());
    backend().says(copy_in_response() + complete("COPY 1") + ready() + error("42P01") + ready());
    alice_.hears({"CopyInResponse", "CommandComplete COPY 1", "ReadyForQuery I", "ErrorResponse ERROR 42P01",
                  "ReadyForQuery I"});
    expect_free();
}

TEST_F(Copy, ABackendThatAnswersAmidAMessageIsNobodyElsesUntilItIsThrough) {
    alice_.says(query("copy t from stdin"));
    backend().says(copy_in_response());
    std::string const data = copy_data(std::string(100'000, 'x'));
    alice_.says(data.substr(0, 50'000));
    backend().says(error("22P02") + ready());
    alice_.hears({"CopyInResponse", "ErrorResponse ERROR 22P02", "ReadyForQuery I"});
    static_cast<void>(backend().take());
    bob_.says(query("select 1"));
    EXPECT_TRUE(backend().take().empty());
    alice_.says(data.substr(50'000) + copy_done());
    std::vector<Message> const messages = backend().take();
    ASSERT_EQ(messages.size(), 2U);
    EXPECT_EQ(messages[0].body.size(), 100'000U);
    EXPECT_EQ(frontend_text(messages[1]), "Query select 1");
}

TEST_F(Copy, APreparedOneOfTheOtherDirectionToo) {
    alice_.says(parse("c", "copy t from stdin") + sync());
    backend().says(parse_complete() + ready());
    alice_.says(bind("c") + execute() + sync());
    backend().says(bind_complete() + copy_in_response());
    alice_.says(copy_data("1\n") + copy_done() + sync());
    backend().says(complete("COPY 1") + ready());
    alice_.hears({"ParseComplete", "ReadyForQuery I", "BindComplete", "CopyInResponse",
                  "CommandComplete COPY 1", "ReadyForQuery I"});
    expect_free();
}

TEST_F(Copy, AFailureOfTheClientsIsTheServersToTell) {
    alice_.says(query("copy t from stdin"));
    backend().says(copy_in_response());
    alice_.says(copy_data("1\n") + copy_fail("no more"));
    backend().hears({"Query copy t from stdin", "CopyData 1\n", "CopyFail no more"});
    backend().says(error("57014") + ready());
    alice_.hears({"CopyInResponse", "ErrorResponse ERROR 57014", "ReadyForQuery I"});
    expect_free();
}

TEST_F(Copy, WhatIsStillSentAfterTheServerRefusedIsDropped) {
    alice_.says(query("copy t from stdin"));
    backend().says(copy_in_response());
    alice_.says(copy_data("rubbish\n"));
    backend().says(error("22P02") + ready());
    alice_.hears({"CopyInResponse", "ErrorResponse ERROR 22P02", "ReadyForQuery I"});
    static_cast<void>(backend().take());
    alice_.says(copy_data("2\n") + copy_data(std::string(40'000, 'x')) + copy_done());
    backend().hears_nothing();
    expect_free();
}

TEST_F(Copy, AnExtendedOneEndsWithItsSync) {
    alice_.says(parse("", "copy t from stdin") + bind("") + execute() + flush());
    backend().says(parse_complete() + bind_complete() + copy_in_response());
    alice_.says(copy_data("1\n") + copy_done() + sync());
    static_cast<void>(backend().take());
    backend().says(complete("COPY 1") + ready());
    alice_.hears(
        {"ParseComplete", "BindComplete", "CopyInResponse", "CommandComplete COPY 1", "ReadyForQuery I"});
    expect_free();
}

TEST_F(Copy, ASyncAmidTheDataIsIgnoredAsTheServerIgnoresIt) {
    alice_.says(parse("", "copy t from stdin") + bind("") + execute() + sync());
    backend().says(parse_complete() + bind_complete() + copy_in_response());
    alice_.says(copy_data("1\n") + sync() + copy_data("2\n") + copy_done() + sync());
    backend().hears(
        {"Parse: copy t from stdin", "Bind", "Execute", "CopyData 1\n", "CopyData 2\n", "CopyDone", "Sync"});
    bob_.says(query("select 1"));
    backend().says(complete("COPY 2"));
    backend().hears_nothing();
    backend().says(ready());
    alice_.hears(
        {"ParseComplete", "BindComplete", "CopyInResponse", "CommandComplete COPY 2", "ReadyForQuery I"});
    backend().hears({"Query select 1"});
}

TEST_F(Copy, ASyncBehindDataThatIsRefusedIsAnswered) {
    alice_.says(parse("", "copy t from stdin") + bind("") + execute() + flush());
    backend().says(parse_complete() + bind_complete() + copy_in_response());
    alice_.says(copy_data("rubbish\n") + sync());
    static_cast<void>(backend().take());
    backend().says(error("22P02"));
    backend().hears({"Sync"});
    backend().says(ready());
    alice_.hears(
        {"ParseComplete", "BindComplete", "CopyInResponse", "ErrorResponse ERROR 22P02", "ReadyForQuery I"});
    expect_free();
}

TEST_F(Copy, ASyncThatTheServerMayIgnoreOrAnswerIsNotSent) {
    alice_.says(parse("", "copy t from stdin") + bind("") + execute() + copy_data("rubbish\n") + sync());
    backend().hears({"Parse: copy t from stdin", "Bind", "Execute", "CopyData rubbish\n"});
    bob_.says(query("select 1"));
    backend().says(parse_complete() + bind_complete() + copy_in_response() + error("22P02"));
    backend().hears({"Sync"});
    backend().says(ready());
    alice_.hears(
        {"ParseComplete", "BindComplete", "CopyInResponse", "ErrorResponse ERROR 22P02", "ReadyForQuery I"});
    backend().hears({"Query select 1"});
}

TEST_F(Copy, ASyncBehindAnotherOneThatIsRefusedIsSent) {
    alice_.says(query("copy t from stdin") + copy_done() + query("copy t from stdin") +
                copy_data("rubbish\n") + parse("", "select 1"));
    backend().says(copy_in_response() + complete("COPY 0") + ready() + copy_in_response() + error("22P02") +
                   ready());
    static_cast<void>(backend().take());
    alice_.says(sync());
    backend().hears({"Sync"});
}

TEST_F(Copy, ASyncBehindASimpleOneWaitsAsWell) {
    alice_.says(query("copy t from stdin") + copy_data("rubbish\n") + sync());
    backend().hears({"Query copy t from stdin", "CopyData rubbish\n"});
    backend().says(copy_in_response() + error("22P02") + ready());
    alice_.hears({"CopyInResponse", "ErrorResponse ERROR 22P02", "ReadyForQuery I", "ReadyForQuery I"});
    expect_free();
}

TEST_F(Copy, ARefusedExtendedOneSkipsToItsSync) {
    alice_.says(parse("", "copy t from stdin") + bind("") + execute() + flush());
    backend().says(parse_complete() + bind_complete() + copy_in_response());
    alice_.says(copy_data("rubbish\n"));
    backend().says(error("22P02"));
    static_cast<void>(backend().take());
    alice_.says(copy_data("2\n") + copy_done() + sync());
    backend().hears({"Sync"});
    backend().says(ready());
    alice_.hears(
        {"ParseComplete", "BindComplete", "CopyInResponse", "ErrorResponse ERROR 22P02", "ReadyForQuery I"});
    expect_free();
}

TEST_F(Copy, AClientThatVanishesAmidItTakesTheBackendAlong) {
    alice_.says(query("copy t from stdin"));
    backend().says(copy_in_response());
    alice_.says(copy_data("1\n"));
    alice_.hangs_up();
    EXPECT_TRUE(backend().closed());
    bob_.says(query("select 1"));
    stage_.backend(1).hears({"Query select 1"});
}

TEST_F(Copy, APreparedOneIsCopiedLikeAnyOther) {
    alice_.says(parse("c", "copy t to stdout") + sync());
    backend().says(parse_complete() + ready());
    alice_.says(bind("c") + execute() + sync());
    backend().says(bind_complete() + copy_out_response() + copy_data("1\n") + copy_done() +
                   complete("COPY 1") + ready());
    alice_.hears({"ParseComplete", "ReadyForQuery I", "BindComplete", "CopyOutResponse", "CopyData 1\n",
                  "CopyDone", "CommandComplete COPY 1", "ReadyForQuery I"});
    expect_free();
}

TEST_F(Copy, ABackendLostAmidItIsToldOnceAndTheRestOfTheDataIsDropped) {
    alice_.says(query("copy t from stdin"));
    backend().says(copy_in_response());
    alice_.says(copy_data("1\n"));
    backend().hangs_up();
    alice_.hears({"CopyInResponse", "ErrorResponse ERROR 08007", "ReadyForQuery I"});
    alice_.says(copy_data("2\n") + copy_done());
    alice_.hears_nothing();
    alice_.says(query("select 1"));
    stage_.backend(1).hears({"Query select 1"});
}

}  // namespace
}  // namespace pgring::conversation
