#!/usr/bin/python3
"""psycopg 3's asynchronous connections and its pipeline mode through pgring, with default settings: a statement is
prepared on the server when it is executed for the fifth time.

Every check is made by eight sessions at once. Connects by libpq's environment variables; prints what holds, line by
line; the status is 0 only if all of it does.
"""

import asyncio
import sys
import time

import psycopg
from psycopg import errors

SESSIONS = 8


async def connect(**options) -> psycopg.AsyncConnection:
    return await psycopg.AsyncConnection.connect(**({"autocommit": True} | options))


async def value(connection: psycopg.AsyncConnection, text: str, parameters=None) -> object:
    return (await (await connection.execute(text, parameters)).fetchone())[0]


async def fails_with(error: type[psycopg.Error], awaitable) -> None:
    try:
        await awaitable
    except error:
        return
    raise AssertionError(f"no {error.__name__}")


async def statements_are_prepared_by_themselves(session: int) -> None:
    """_pg3_0, _pg3_1, ... stand for other texts and types in each session."""
    async with await connect() as connection:
        for number in range(20):
            assert await value(connection, f"select {session} * 1000 + %s::int", (number,)) == session * 1000 + number
            async with connection.transaction():
                assert await value(connection, "select %s::text || %s", (str(session), "x")) == f"{session}x"
        assert connection._prepared._names, "nothing was prepared"


async def pipelines_answer_in_order(session: int) -> None:
    async with await connect() as connection:
        for _ in range(5):
            async with connection.pipeline():
                cursors = [await connection.execute("select %s::int", (session * 1000 + n,)) for n in range(100)]
            assert [(await cursor.fetchone())[0] for cursor in cursors] == [session * 1000 + n for n in range(100)]


async def a_pipeline_fails_up_to_its_sync(session: int) -> None:
    async with await connect() as connection:
        await fails_with(errors.DivisionByZero, fail_in_pipeline(connection, session))
        async with connection.pipeline():
            await connection.execute("insert into psycopg_async_row values (%s, 4)", (session,))
        async with connection.transaction():
            cursor = await connection.execute(
                "select number from psycopg_async_row where session = %s order by 1", (session,)
            )
            assert await cursor.fetchall() == [(1,), (4,)]


async def fail_in_pipeline(connection: psycopg.AsyncConnection, session: int) -> None:
    async with connection.pipeline() as pipeline:
        await connection.execute("insert into psycopg_async_row values (%s, 1)", (session,))
        await pipeline.sync()
        await connection.execute("insert into psycopg_async_row values (%s, 2)", (session,))
        await connection.execute("select 1 / %s::int", (0,))
        await connection.execute("insert into psycopg_async_row values (%s, 3)", (session,))


async def transactions_in_pipelines_roll_back(session: int) -> None:
    async with await connect() as connection:
        async with connection.pipeline():
            async with connection.transaction():
                await connection.execute("insert into psycopg_async_unique values (%s, 0)", (session,))
                try:
                    async with connection.transaction():
                        cursor = await connection.execute("insert into psycopg_async_unique values (%s, 0)", (session,))
                        await cursor.fetchall()
                except (errors.UniqueViolation, psycopg.ProgrammingError):
                    pass
                await connection.execute("insert into psycopg_async_unique values (%s, 1)", (session,))
            async with connection.transaction(force_rollback=True):
                await connection.execute("insert into psycopg_async_unique values (%s, 2)", (session,))
        async with connection.transaction():
            cursor = await connection.execute(
                "select number from psycopg_async_unique where session = %s order by 1", (session,)
            )
            assert await cursor.fetchall() == [(0,), (1,)]


async def many_parameter_sets_are_one_pipeline(session: int) -> None:
    async with await connect() as connection, connection.cursor() as cursor:
        await cursor.executemany(
            "insert into psycopg_async_many values (%s, %s) returning number",
            [(session, number) for number in range(500)],
            returning=True,
        )
        numbers = [(await cursor.fetchone())[0]]
        while cursor.nextset():
            numbers.append((await cursor.fetchone())[0])
        assert numbers == list(range(500))


async def parameters_of_the_connection_stay(session: int) -> None:
    zone = f"Etc/GMT-{session + 1}"
    options = f"-c search_path=schema_{session},public -c TimeZone={zone} -c DateStyle=SQL,DMY"
    name = f"psycopg async {session}"
    async with await connect(application_name=name, options=options, client_encoding="latin1") as connection:
        for _ in range(10):
            async with connection.transaction():
                assert await value(connection, "show search_path") == f"schema_{session},public"
                assert await value(connection, "show timezone") == zone
                assert await value(connection, "show datestyle") == "SQL, DMY"
                assert await value(connection, "show client_encoding") == "LATIN1"
            assert await value(connection, "show application_name") == name
            assert await value(connection, "select %s || chr(228)", ("ö",)) == "öä"
        assert connection.info.timezone.key == zone
        assert connection.info.parameter_status("application_name") == name
        await connection.execute("set work_mem = '7MB'")
        await connection.execute("set time zone 'UTC'")
        for _ in range(5):
            assert await value(connection, "show work_mem") == "7MB"
            assert await value(connection, "show timezone") == "UTC"
        await connection.execute("reset all")
        for _ in range(5):
            assert await value(connection, "show work_mem") == "4MB"
            assert await value(connection, "show timezone") == zone
            assert await value(connection, "show application_name") == name


async def errors_are_recovered_from(session: int) -> None:
    async with await connect(autocommit=False) as connection:
        await fails_with(errors.DivisionByZero, connection.execute("select 1 / %s::int", (0,)))
        await fails_with(errors.InFailedSqlTransaction, connection.execute("select %s::int", (1,)))
        await connection.rollback()
        assert await value(connection, "select %s::int", (session,)) == session
        for _ in range(8):
            async with connection.transaction():
                await fails_with(errors.DivisionByZero, fail_in_savepoint(connection))
                assert await value(connection, "select %s::int + 1", (session,)) == session + 1
        await connection.commit()


async def fail_in_savepoint(connection: psycopg.AsyncConnection) -> None:
    async with connection.transaction():
        await connection.execute("select 1 / %s::int", (0,))


async def copies_both_ways(session: int) -> None:
    async with await connect() as connection, connection.cursor() as cursor:
        rows = [(session, number, f"tab\t{number}") for number in range(3000)]
        async with cursor.copy("copy psycopg_async_copy from stdin (format binary)") as copy:
            copy.set_types(["int4", "int4", "text"])
            for row in rows:
                await copy.write_row(row)
        async with connection.transaction():
            text = "copy (select * from psycopg_async_copy where session = %s order by number) to stdout"
            async with cursor.copy(text, (session,)) as copy:
                copy.set_types(["int4", "int4", "text"])
                assert [row async for row in copy.rows()] == rows


async def cursors_on_the_server_fetch_in_steps(session: int) -> None:
    async with await connect(autocommit=False) as connection:
        async with connection.cursor(name="steps", scrollable=True) as cursor:
            cursor.itersize = 100
            await cursor.execute("select generate_series(1, %s::int)", (1000,))
            assert sum([row[0] async for row in cursor]) == 500_500
            await cursor.scroll(10, mode="absolute")
            assert await cursor.fetchone() == (11,)


async def rows_are_streamed(session: int) -> None:
    async with await connect() as connection, connection.cursor() as cursor:
        stream = cursor.stream("select generate_series(1, %s::int)", (2000 + session,))
        assert [row[0] async for row in stream] == list(range(1, 2001 + session))


async def notices_arrive(session: int) -> None:
    async with await connect() as connection:
        notices = []
        connection.add_notice_handler(lambda diagnostic: notices.append(diagnostic.message_primary))
        for number in range(3):
            await connection.execute("select psycopg_async_notice(%s)", (10 * session + number,))
        assert notices == [f"notice {10 * session + number}" for number in range(3)], notices


async def a_statement_is_canceled(session: int) -> None:
    async with await connect() as connection:
        begin = time.monotonic()
        sleeping = asyncio.create_task(fails_with(errors.QueryCanceled, connection.execute("select pg_sleep(30)")))
        # The sessions sleep two at a time, since there are two backends: each is canceled, running or waiting.
        await asyncio.sleep(0.3)
        connection.cancel()
        await sleeping
        assert time.monotonic() - begin < 10
        assert await value(connection, "select %s::int", (session,)) == session


async def prepare_tables() -> None:
    async with await connect() as connection:
        await connection.execute(
            """
            drop table if exists psycopg_async_row, psycopg_async_unique, psycopg_async_many, psycopg_async_copy;
            create table psycopg_async_row (session int, number int);
            create table psycopg_async_unique (session int, number int, primary key (session, number));
            create table psycopg_async_many (session int, number int);
            create table psycopg_async_copy (session int, number int, text text);
            create or replace function psycopg_async_notice(number int) returns void language plpgsql
                as $$ begin raise notice 'notice %', number; end $$;
            """
        )


CHECKS = (
    statements_are_prepared_by_themselves,
    pipelines_answer_in_order,
    a_pipeline_fails_up_to_its_sync,
    transactions_in_pipelines_roll_back,
    many_parameter_sets_are_one_pipeline,
    parameters_of_the_connection_stay,
    errors_are_recovered_from,
    copies_both_ways,
    cursors_on_the_server_fetch_in_steps,
    rows_are_streamed,
    notices_arrive,
    a_statement_is_canceled,
)


async def holds(check) -> bool:
    begin, sentence = time.monotonic(), check.__name__.replace("_", " ")
    results = await asyncio.gather(*(check(session) for session in range(SESSIONS)), return_exceptions=True)
    failures = [f"{type(result).__name__}: {result}" for result in results if result is not None]
    if failures:
        print(f"FAILED  {sentence}: {len(failures)} of {len(results)}, the first: {failures[0]}", flush=True)
    else:
        print(f"ok      {sentence} ({time.monotonic() - begin:.2f} s)", flush=True)
    return not failures


async def main() -> int:
    print(f"psycopg {psycopg.__version__} asynchronous, {SESSIONS} sessions")
    await prepare_tables()
    held = [await holds(check) for check in CHECKS]
    print(f"{sum(held)} of {len(held)} hold")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
