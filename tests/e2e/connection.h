#pragma once
/// libpq as values: connections that close themselves, results that can be compared.

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <libpq-fe.h>

namespace pgring::e2e {

/// Keywords of libpq with their values ("port", "user", "application_name" ...).
using Parameters = std::map<std::string, std::string>;

/// A statement or a login that failed, where the test did not expect it.
class SqlError : public std::runtime_error {
  public:
    SqlError(std::string sqlstate, const std::string& message)
        : std::runtime_error(sqlstate + ": " + message), sqlstate_(std::move(sqlstate)) {}
    [[nodiscard]] const std::string& sqlstate() const { return sqlstate_; }

  private:
    std::string sqlstate_;
};

/// What a statement came to.
class Result {
  public:
    explicit Result(PGresult* result) : result_(result, PQclear) {}

    [[nodiscard]] bool ok() const;
    /// "00000" where it succeeded; empty where the connection broke without a word of the server.
    [[nodiscard]] std::string sqlstate() const;
    [[nodiscard]] std::string message() const;
    [[nodiscard]] int row_count() const { return PQntuples(result_.get()); }
    [[nodiscard]] std::string value(int row = 0, int column = 0) const {
        return PQgetvalue(result_.get(), row, column);
    }
    /// The first column.
    [[nodiscard]] std::vector<std::string> column() const;
    [[nodiscard]] PGresult* get() const { return result_.get(); }
    [[nodiscard]] ExecStatusType status() const { return PQresultStatus(result_.get()); }

  private:
    std::unique_ptr<PGresult, decltype(&PQclear)> result_;
};

class Connection {
  public:
    /// Throws SqlError, with the SQLSTATE where the server named one.
    explicit Connection(const Parameters& parameters);

    /// Simple protocol; throws SqlError where it fails.
    Result run(const std::string& text);  // NOLINT: the result is often of no interest
    /// Simple protocol; errors are for the caller to look at.
    [[nodiscard]] Result attempt(const std::string& text);
    /// Extended protocol with the unnamed statement and text parameters.
    [[nodiscard]] Result attempt(const std::string& text, const std::vector<std::string>& values);
    Result run(const std::string& text, const std::vector<std::string>& values);
    [[nodiscard]] Result prepare(const std::string& name, const std::string& text);
    [[nodiscard]] Result execute(const std::string& name, const std::vector<std::string>& values);

    /// The first value of a statement that has to succeed.
    [[nodiscard]] std::string value(const std::string& text) { return run(text).value(); }
    /// The node that answers.
    [[nodiscard]] std::string node() { return value("select current_setting('cluster_name')"); }

    [[nodiscard]] bool alive() const { return PQstatus(connection_.get()) == CONNECTION_OK; }
    [[nodiscard]] PGconn* get() const { return connection_.get(); }
    /// What came without being an answer: notices, warnings, the farewell of a server that shuts down.
    [[nodiscard]] const std::string& notices() const { return *notices_; }
    /// Ends without Terminate message, as a client that crashed does.
    void vanish();

  private:
    /// At an address of its own, as libpq keeps it.
    std::unique_ptr<std::string> notices_;
    std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

}  // namespace pgring::e2e
