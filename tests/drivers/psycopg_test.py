#!/usr/bin/python3
"""psycopg 3 through pgring, as programmes use it. Connects by libpq's environment variables; run_driver.py sets them.

Prints what holds, line by line; the status is 0 only if all of it does.
"""

import sys
import threading
import time

import psycopg
from psycopg import errors


def connect(**options) -> psycopg.Connection:
    return psycopg.connect(autocommit=True, **options)


def value(connection: psycopg.Connection, text: str, parameters=None) -> object:
    return connection.execute(text, parameters).fetchone()[0]


def eventually(condition, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def fails_with(error: type[psycopg.Error], action) -> None:
    try:
        action()
    except error:
        return
    raise AssertionError(f"no {error.__name__}")


def queries_with_and_without_parameters():
    with connect() as connection:
        assert value(connection, "select 1") == 1
        assert value(connection, "select %s::int + %s::int", (20, 22)) == 42
        row = connection.execute("select %s::text, %b::int8, null::int", ("naïve", 2**40)).fetchone()
        assert row == ("naïve", 2**40, None)
        assert connection.execute("select generate_series(1, 1000)").fetchall() == [(n,) for n in range(1, 1001)]


def statements_are_prepared_by_themselves():
    """psycopg prepares a statement when it meets it for the fifth time."""
    connections = [connect(prepare_threshold=5) for _ in range(8)]
    for repetition in range(20):
        for number, connection in enumerate(connections):
            assert value(connection, "select %s::int * 100 + %s::int", (number, repetition)) == number * 100 + repetition
    assert all(connection._prepared._names for connection in connections), "nothing was prepared"
    for connection in connections:
        connection.close()


def statements_are_prepared_at_once_and_let_go():
    with connect(prepare_threshold=0) as connection:
        connection.prepared_max = 5
        for number in range(30):
            assert value(connection, f"select {number} + %s::int", (1,)) == number + 1


def transactions_commit_and_roll_back():
    with connect() as connection:
        connection.execute("drop table if exists driver; create table driver (id int primary key, text text)")
        with connection.transaction():
            connection.execute("insert into driver values (1, 'kept')")
            try:
                with connection.transaction():
                    connection.execute("insert into driver values (2, 'undone')")
                    raise KeyError("the application's own")
            except KeyError:
                pass
            assert value(connection, "select count(*) from driver") == 1
        with connection.transaction(force_rollback=True):
            connection.execute("insert into driver values (3, 'undone')")
        with connection.transaction():
            assert connection.execute("select id from driver").fetchall() == [(1,)]


def without_autocommit_too():
    with psycopg.connect() as connection:
        connection.execute("insert into driver values (10, 'implicit')")
        connection.rollback()
        connection.execute("insert into driver values (11, 'implicit')")
        connection.commit()
        assert connection.execute("select id from driver where id in (10, 11)").fetchall() == [(11,)]


def errors_carry_their_sqlstate_and_the_session_goes_on():
    with connect() as connection:
        fails_with(errors.DivisionByZero, lambda: connection.execute("select 1/0"))
        fails_with(errors.SyntaxError, lambda: connection.execute("selct 1"))
        fails_with(errors.UniqueViolation, lambda: connection.execute("insert into driver values (%s, 'x')", (1,)))
        fails_with(errors.UndefinedTable, lambda: connection.execute("select * from no_such_table where id = %s", (1,)))
        assert value(connection, "select 'still here'") == "still here"


def pipelines_answer_in_order():
    with connect() as connection:
        with connection.pipeline():
            cursors = [connection.execute("select %s::int", (number,)) for number in range(500)]
        assert [cursor.fetchone()[0] for cursor in cursors] == list(range(500))
        with connection.pipeline() as pipeline:
            connection.execute("insert into driver values (20, 'pipelined')")
            pipeline.sync()
            try:
                connection.execute("insert into driver values (21, 'undone with the next')")
                connection.execute("select 1/0")
                skipped = connection.execute("insert into driver values (22, 'skipped')")
                pipeline.sync()
            except (errors.DivisionByZero, errors.PipelineAborted):
                pass
        with connection.transaction():
            found = connection.execute("select id from driver where id between 20 and 29").fetchall()
        assert found == [(20,)], found
        del skipped


def copies_both_ways():
    with connect() as connection:
        connection.execute("drop table if exists driver_copy; create table driver_copy (id int, text text)")
        rows = [(number, f"row\t{number}\n") for number in range(20_000)]
        with connection.cursor() as cursor:
            with cursor.copy("copy driver_copy from stdin") as copy:
                for row in rows:
                    copy.write_row(row)
            with connection.transaction(), cursor.copy("copy (select * from driver_copy order by id) to stdout") as copy:
                copy.set_types(["int4", "text"])
                assert list(copy.rows()) == rows

            def broken_copy():
                with cursor.copy("copy driver_copy from stdin") as copy:
                    copy.write("not a number\tx\n")

            fails_with(errors.InvalidTextRepresentation, broken_copy)
        with connection.transaction():
            assert value(connection, "select count(*) from driver_copy") == 20_000


def notifications_arrive():
    with connect() as listener, connect() as speaker:
        listener.execute("listen driver_channel")
        # A session that listens needs no backend for it, and has one when it asks something.
        assert value(listener, "select 5") == 5
        for number in range(3):
            speaker.execute("select pg_notify('driver_channel', %s)", (str(number),))
        received = []
        for notification in listener.notifies():
            received.append(notification.payload)
            if len(received) == 3:
                break
        assert received == ["0", "1", "2"]


def a_statement_can_be_canceled():
    with connect() as connection:
        timer = threading.Timer(0.3, connection.cancel)
        timer.start()
        begin = time.monotonic()
        fails_with(errors.QueryCanceled, lambda: connection.execute("select pg_sleep(60)"))
        assert time.monotonic() - begin < 3, "the cancel took too long"
        timer.join()
        assert value(connection, "select 1") == 1


def eight_sessions_share_two_backends():
    with connect() as connection:
        connection.execute("drop table if exists driver_shared; create table driver_shared (session int, number int)")
    failures: list[BaseException] = []

    def work(session: int) -> None:
        try:
            with connect(application_name=f"session {session}") as own:
                for number in range(50):
                    with own.transaction():
                        own.execute("insert into driver_shared values (%s, %s)", (session, number))
                        count = value(own, "select count(*) from driver_shared where session = %s", (session,))
                        assert count == number + 1, (session, number, count)
                        assert value(own, "show application_name") == f"session {session}"
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(session,)) for session in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    with connect() as connection, connection.transaction():
        assert value(connection, "select count(*) from driver_shared") == 400
        backends = value(connection, "select count(*) from pg_stat_activity where usename = current_user "
                                     "and datname = current_database() and backend_type = 'client backend' "
                                     # Beside those that listen for all sessions, which are in no pool.
                                     "and application_name <> 'pgring listener'")
        assert backends <= 2, f"{backends} backends on the primary"


def server_side_cursors_fetch_in_steps():
    with connect() as connection, connection.transaction():
        with connection.cursor(name="steps") as cursor:
            cursor.itersize = 100
            cursor.execute("select generate_series(1, 1000)")
            assert sum(row[0] for row in cursor) == 500_500


def reads_come_from_the_standby_and_readonly_sessions_cannot_write():
    with connect() as connection, connect(application_name="readonly") as reader:
        assert value(connection, "select current_setting('cluster_name')") == "pg-1"
        with connection.transaction():
            assert value(connection, "select current_setting('cluster_name')") == "pg-0"
        fails_with(errors.ReadOnlySqlTransaction, lambda: reader.execute("insert into driver values (99, 'x')"))
        assert eventually(lambda: value(reader, "select count(*) from driver_shared") == 400)


CHECKS = (
    queries_with_and_without_parameters,
    statements_are_prepared_by_themselves,
    statements_are_prepared_at_once_and_let_go,
    transactions_commit_and_roll_back,
    without_autocommit_too,
    errors_carry_their_sqlstate_and_the_session_goes_on,
    pipelines_answer_in_order,
    copies_both_ways,
    notifications_arrive,
    a_statement_can_be_canceled,
    eight_sessions_share_two_backends,
    server_side_cursors_fetch_in_steps,
    reads_come_from_the_standby_and_readonly_sessions_cannot_write,
)


def main() -> int:
    print(f"psycopg {psycopg.__version__}, libpq {psycopg.pq.version()}")
    failed = 0
    for check in CHECKS:
        sentence = check.__name__.replace("_", " ")
        begin = time.monotonic()
        try:
            check()
            print(f"ok      {sentence} ({time.monotonic() - begin:.2f} s)", flush=True)
        except (AssertionError, psycopg.Error) as error:
            failed += 1
            print(f"FAILED  {sentence}: {type(error).__name__}: {error}", flush=True)
    print(f"{len(CHECKS) - failed} of {len(CHECKS)} hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
