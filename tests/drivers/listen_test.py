#!/usr/bin/python3
"""LISTEN and NOTIFY through pgring in transaction mode, by psycopg 3. Connects by libpq's environment variables;
run_drivers.py sets them, and gives all clients two backends.

Prints what holds, line by line; the status is 0 only if all of it does.
"""

import select
import sys
import time

import psycopg

LISTENERS = 8
SECONDS = 10.0


def connect() -> psycopg.Connection:
    connection = psycopg.connect(autocommit=True)
    connection.heard = []
    connection.add_notify_handler(lambda note: connection.heard.append((note.channel, note.payload, note.pid)))
    return connection


def heard(connection: psycopg.Connection, count: int) -> list[tuple[str, str, int]]:
    """What came since the last call; waits without a statement until there is so much."""
    deadline = time.monotonic() + SECONDS
    while len(connection.heard) < count and time.monotonic() < deadline:
        select.select([connection.pgconn.socket], [], [], 0.1)
        connection.pgconn.consume_input()
        while (note := connection.pgconn.notifies()) is not None:
            connection.heard.append((note.relname.decode(), note.extra.decode(), note.be_pid))
    result, connection.heard[:] = list(connection.heard), []
    return result


def payloads(notes: list[tuple[str, str, int]]) -> list[str]:
    return [payload for _, payload, _ in notes]


def eight_listeners_on_two_backends_hear_all_in_order():
    listeners = [connect() for _ in range(LISTENERS)]
    for listener in listeners:
        listener.execute("LISTEN jobs")
    with connect() as sender:
        for i in range(100):
            sender.execute("SELECT pg_notify('jobs', %s)", (str(i),))
    for listener in listeners:
        assert payloads(heard(listener, 100)) == [str(i) for i in range(100)]
        listener.close()


def the_backends_are_free_for_others():
    listeners = [connect() for _ in range(LISTENERS)]
    for listener in listeners:
        listener.execute("LISTEN jobs")
    sessions = [connect() for _ in range(LISTENERS)]
    for i, session in enumerate(sessions):
        assert session.execute("SELECT %s::int", (i,)).fetchone() == (i,)
    for connection in listeners + sessions:
        connection.close()


def its_own_notification_is_there_with_the_statement_and_known_by_its_pid():
    with connect() as other, connect() as connection:
        connection.execute("LISTEN mine")
        for i in range(50):
            other.execute("NOTIFY mine, 'other'")
            connection.execute("NOTIFY mine, 'own'")
            assert any(payload == "own" for _, payload, _ in connection.heard), f"round {i}: {connection.heard}"
        notes = heard(connection, 100)
        assert len(notes) == 100
        for _, payload, pid in notes:
            assert (pid == connection.info.backend_pid) == (payload == "own"), (payload, pid)


def transactions_decide():
    with connect() as connection, connect() as sender:
        with connection.transaction(force_rollback=True):
            connection.execute("LISTEN undone")
        with connection.transaction():
            connection.execute("LISTEN kept")
            connection.execute("SAVEPOINT s")
            connection.execute("LISTEN undone")
            connection.execute("ROLLBACK TO s")
            connection.execute("NOTIFY kept, 'by itself'")
        sender.execute("NOTIFY undone, 'x'")
        sender.execute("NOTIFY kept, 'y'")
        with sender.transaction(force_rollback=True):
            sender.execute("NOTIFY kept, 'rolled back'")
        sender.execute("NOTIFY kept, 'z'")
        assert payloads(heard(connection, 3)) == ["by itself", "y", "z"]
        connection.execute("UNLISTEN kept")
        connection.execute("LISTEN \"Other Channel\"")
        sender.execute("NOTIFY kept, 'late'")
        sender.execute("NOTIFY \"Other Channel\", 'quoted'")
        assert payloads(heard(connection, 1)) == ["quoted"]
        connection.execute("DISCARD ALL")
        sender.execute("NOTIFY \"Other Channel\"")
        connection.execute("LISTEN last")
        sender.execute("NOTIFY last, 'last'")
        assert payloads(heard(connection, 1)) == ["last"]


def a_transaction_hears_at_its_end():
    with connect() as connection, connect() as sender:
        connection.execute("LISTEN jobs")
        with connection.transaction():
            connection.execute("SELECT 1")
            sender.execute("NOTIFY jobs, 'meanwhile'")
            connection.execute("SELECT pg_sleep(0.05)")
            assert connection.heard == [], "PostgreSQL tells only between transactions"
        assert payloads(heard(connection, 1)) == ["meanwhile"]


def long_payloads_come_whole():
    with connect() as connection, connect() as sender:
        connection.execute("LISTEN jobs")
        payload = "x" * 7999
        for _ in range(200):
            sender.execute("SELECT pg_notify('jobs', %s || clock_timestamp()::text)", (payload[:7900],))
        notes = payloads(heard(connection, 200))
        assert len(notes) == 200 and all(note.startswith(payload[:7900]) for note in notes)
        assert notes == sorted(notes)


def main() -> int:
    for check in [
        eight_listeners_on_two_backends_hear_all_in_order,
        the_backends_are_free_for_others,
        its_own_notification_is_there_with_the_statement_and_known_by_its_pid,
        transactions_decide,
        a_transaction_hears_at_its_end,
        long_payloads_come_whole,
    ]:
        check()
        print("ok:", check.__name__.replace("_", " "), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
