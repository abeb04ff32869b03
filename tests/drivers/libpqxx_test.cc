/// libpqxx through pgring, with its default settings. Every check is made by eight sessions at once, each a
/// thread. Connects by libpq's environment variables; prints what holds, line by line; the status is 0 only
/// if all of it does.

#include <chrono>
#include <cstdio>
#include <functional>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <pqxx/pqxx>

namespace {

constexpr int kSessions = 8;

using std::to_string;

void equal(const std::string& wanted, const std::string& found) {
    if (wanted != found) {
        throw std::runtime_error("wanted '" + wanted + "', found '" + found + "'");
    }
}

template <class Error>
void fails_with(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error&) {
        return;
    }
    throw std::runtime_error("not the error that was expected");
}

void types_come_back_as_they_went(int session) {
    pqxx::connection connection;
    for (int repetition = 0; repetition < 5; ++repetition) {
        pqxx::work work(connection);
        pqxx::binarystring const bytes(
            std::string("\0\xff"
                        "A",
                        3));
        pqxx::row const row =
            work.exec_params1("select $1::int8, $2::text, $3::float8, $4::boolean, $5::bytea, $6::int",
                              (1LL << 40) + session, "naïve €", 1.5, true, bytes, nullptr);
        equal(to_string((1LL << 40) + session), row[0].as<std::string>());
        equal("naïve €", row[1].as<std::string>());
        if (row[2].as<double>() != 1.5 || !row[3].as<bool>() || !row[5].is_null()) {
            throw std::runtime_error("float, boolean or null");
        }
        equal(bytes.str(), pqxx::binarystring(row[4]).str());
        work.commit();
    }
}

void prepared_statements_serve_many_transactions(int session) {
    pqxx::connection connection;
    // The same names have other texts in each session.
    connection.prepare("number", "select " + to_string(session) + " * 1000 + $1::int");
    connection.prepare("text", "select '" + to_string(session) + " ' || $1::text");
    for (int number = 0; number < 30; ++number) {
        pqxx::work work(connection);
        equal(to_string(session * 1000 + number), work.exec_prepared1("number", number)[0].as<std::string>());
        work.commit();
        pqxx::nontransaction plain(connection);
        equal(to_string(session) + " x", plain.exec_prepared1("text", "x")[0].as<std::string>());
    }
    connection.unprepare("number");
    connection.prepare("number", "select $1::int + 1");
    pqxx::work work(connection);
    equal("8", work.exec_prepared1("number", 7)[0].as<std::string>());
}

void parameters_of_the_connection_stay(int session) {
    std::string const number = to_string(session);
    pqxx::connection connection("application_name='pqxx " + number + "' options='-c search_path=schema_" +
                                number + ",public -c datestyle=German'");
    connection.set_client_encoding("LATIN1");
    connection.set_variable("work_mem", "'7MB'");
    for (int repetition = 0; repetition < 10; ++repetition) {
        pqxx::work work(connection);
        equal("pqxx " + number, work.exec1("show application_name")[0].as<std::string>());
        equal("schema_" + number + ",public", work.exec1("show search_path")[0].as<std::string>());
        equal("German, DMY", work.exec1("show datestyle")[0].as<std::string>());
        equal("LATIN1", work.exec1("show client_encoding")[0].as<std::string>());
        equal("7MB", work.exec1("show work_mem")[0].as<std::string>());
        work.commit();
    }
}

void transactions_and_savepoints_roll_back(int session) {
    pqxx::connection connection;
    const auto insert = [session](pqxx::transaction_base& work, int number) {
        work.exec_params0("insert into pqxx_row values ($1, $2)", session, number);
    };
    {
        pqxx::transaction<pqxx::serializable> work(connection);
        insert(work, 1);
        {
            pqxx::subtransaction nested(work, "nested");
            nested.exec("insert into pqxx_row values (" + to_string(session) + ", 2)");
            nested.abort();
        }
        insert(work, 3);
        work.commit();
    }
    {
        pqxx::work undone(connection);
        insert(undone, 4);
    }
    // perform() runs it again when the server says 40001.
    pqxx::perform([&] {
        pqxx::work work(connection);
        insert(work, 5);
        work.commit();
    });
    pqxx::work work(connection);
    equal("1 3 5",
          work.exec_params1("select string_agg(number::text, ' ' order by number) from pqxx_row where "
                            "session = $1",
                            session)[0]
              .as<std::string>());
}

void errors_are_recovered_from(int session) {
    pqxx::connection connection;
    connection.prepare("divide", "select 100 / $1::int");
    for (int number = 0; number < 12; ++number) {
        pqxx::work work(connection);
        if (number % 3 == 0) {
            fails_with<pqxx::sql_error>([&] { work.exec_prepared("divide", 0); });
            fails_with<pqxx::sql_error>([&] { work.exec_prepared("divide", 1); });
        } else {
            equal(to_string(100 / (number % 3)),
                  work.exec_prepared1("divide", number % 3)[0].as<std::string>());
            work.commit();
        }
    }
    pqxx::nontransaction plain(connection);
    fails_with<pqxx::syntax_error>([&] { plain.exec("selct 1"); });
    fails_with<pqxx::undefined_table>([&] { plain.exec("select * from no_such_table"); });
    equal(to_string(session), plain.exec_params1("select $1::int", session)[0].as<std::string>());
}

void pipelines_answer_in_order(int session) {
    pqxx::connection connection;
    pqxx::work work(connection);
    pqxx::pipeline pipeline(work);
    pipeline.retain(20);
    std::vector<pqxx::pipeline::query_id> queries;
    for (int number = 0; number < 100; ++number) {
        queries.push_back(pipeline.insert("select " + to_string(session * 1000 + number)));
    }
    pipeline.complete();
    for (int number = 0; number < 100; ++number) {
        equal(to_string(session * 1000 + number), pipeline.retrieve(queries[number])[0][0].as<std::string>());
    }
}

void copies_both_ways(int session) {
    pqxx::connection connection;
    {
        pqxx::work work(connection);
        pqxx::stream_to stream(work, "pqxx_copy", std::vector<std::string>{"session", "text"});
        for (int number = 0; number < 2000; ++number) {
            stream << std::make_tuple(session, "tab\t" + to_string(number));
        }
        stream.complete();
        work.commit();
    }
    pqxx::work work(connection);
    work.exec("create temporary table pqxx_mine on commit drop as select * from pqxx_copy where session = " +
              to_string(session));
    pqxx::stream_from stream(work, "pqxx_mine");
    std::tuple<int, std::string> row;
    int count = 0;
    while (stream >> row) {
        equal("tab\t", std::get<1>(row).substr(0, 4));
        ++count;
    }
    equal("2000", to_string(count));
}

void cursors_fetch_in_steps(int session) {
    pqxx::connection connection;
    pqxx::work work(connection);
    pqxx::stateless_cursor<pqxx::cursor_base::read_only, pqxx::cursor_base::owned> cursor(
        work, "select generate_series(1, 1000)", "steps", false);
    equal("1000", to_string(cursor.size()));
    int sum = 0;
    for (int begin = 0; begin < 1000; begin += 100) {
        for (const pqxx::row& row : cursor.retrieve(begin, begin + 100)) {
            sum += row[0].as<int>();
        }
    }
    equal("500500", to_string(sum));
    equal(to_string(session), work.exec1("select " + to_string(session))[0].as<std::string>());
}

void large_objects_are_written_and_read(int session) {
    pqxx::connection connection;
    pqxx::work work(connection);
    pqxx::largeobject const object(work);
    std::string const written(20'000, static_cast<char>('a' + session));
    {
        pqxx::olostream out(work, object);
        out << written;
    }
    std::string read;
    pqxx::ilostream in(work, object);
    in >> read;
    equal(written, read);
    object.remove(work);
}

class Notices : public pqxx::errorhandler {
  public:
    explicit Notices(pqxx::connection_base& connection) : pqxx::errorhandler(connection) {}
    bool operator()(const char message[]) noexcept override {
        text += message;
        return false;
    }
    std::string text;
};

void notices_arrive(int session) {
    pqxx::connection connection;
    Notices notices(connection);
    pqxx::nontransaction plain(connection);
    plain.exec("select pqxx_notice(" + to_string(session) + ")");
    equal("NOTICE:  notice " + to_string(session), notices.text.substr(0, notices.text.find('\n')));
}

void a_running_statement_is_canceled(int session) {
    pqxx::connection connection;
    auto const begin = std::chrono::steady_clock::now();
    std::future<void> sleeping = std::async(std::launch::async, [&] {
        pqxx::nontransaction plain(connection);
        fails_with<pqxx::sql_error>([&] { plain.exec("select pg_sleep(30)"); });
    });
    while (sleeping.wait_for(std::chrono::milliseconds(300)) != std::future_status::ready) {
        connection.cancel_query();
    }
    sleeping.get();
    if (std::chrono::steady_clock::now() - begin > std::chrono::seconds(10)) {
        throw std::runtime_error("the cancel took too long");
    }
    pqxx::nontransaction plain(connection);
    equal(to_string(session), plain.exec1("select " + to_string(session))[0].as<std::string>());
}

void prepare_tables() {
    pqxx::connection connection;
    pqxx::nontransaction plain(connection);
    plain.exec("set client_min_messages = warning");
    plain.exec(
        "drop table if exists pqxx_row, pqxx_copy;"
        "create table pqxx_row (session int, number int);"
        "create table pqxx_copy (session int, text text);"
        "create or replace function pqxx_notice(number int) returns void language plpgsql as "
        "'begin raise notice ''notice %'', number; end'");
}

struct Check {
    const char* sentence;
    void (*run)(int session);
};

constexpr Check kChecks[] = {
    {"types come back as they went", types_come_back_as_they_went},
    {"prepared statements serve many transactions", prepared_statements_serve_many_transactions},
    {"parameters of the connection stay", parameters_of_the_connection_stay},
    {"transactions and savepoints roll back", transactions_and_savepoints_roll_back},
    {"errors are recovered from", errors_are_recovered_from},
    {"pipelines answer in order", pipelines_answer_in_order},
    {"copies both ways", copies_both_ways},
    {"cursors fetch in steps", cursors_fetch_in_steps},
    {"large objects are written and read", large_objects_are_written_and_read},
    {"notices arrive", notices_arrive},
    {"a running statement is canceled", a_running_statement_is_canceled},
};

/// Runs a check in eight threads; what the first that failed says, if any did.
std::optional<std::string> problem_of(const Check& check) {
    std::vector<std::future<void>> sessions;
    for (int session = 0; session < kSessions; ++session) {
        sessions.push_back(std::async(std::launch::async, check.run, session));
    }
    std::optional<std::string> problem;
    for (std::future<void>& session : sessions) {
        try {
            session.get();
        } catch (const std::exception& exception) {
            problem = problem.value_or(exception.what());
        }
    }
    return problem;
}

bool holds(const Check& check) {
    auto const begin = std::chrono::steady_clock::now();
    std::optional<std::string> const problem = problem_of(check);
    if (problem) {
        std::printf("FAILED  %s: %s\n", check.sentence, problem->c_str());
    } else {
        std::chrono::duration<double> const taken = std::chrono::steady_clock::now() - begin;
        std::printf("ok      %s (%.2f s)\n", check.sentence, taken.count());
    }
    std::fflush(stdout);
    return !problem;
}

}  // namespace

int main() {
    std::printf("libpqxx %s, %d sessions\n", PQXX_VERSION, kSessions);
    prepare_tables();
    std::size_t held = 0;
    for (const Check& check : kChecks) {
        held += holds(check) ? 1 : 0;
    }
    std::printf("%zu of %zu hold\n", held, std::size(kChecks));
    return held == std::size(kChecks) ? 0 : 1;
}
