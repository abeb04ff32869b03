#pragma once
/// The little of libpq that the monitor uses, with owners.

#include <memory>

#include <libpq-fe.h>

namespace pgring::monitor {

struct ConnectionCloser {
    void operator()(PGconn* connection) const { PQfinish(connection); }
};
using Connection = std::unique_ptr<PGconn, ConnectionCloser>;

struct ResultClearer {
    void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, ResultClearer>;

}  // namespace pgring::monitor
