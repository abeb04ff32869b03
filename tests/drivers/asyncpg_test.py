#!/usr/bin/python3
"""asyncpg with its default settings (a cache of prepared statements in each connection) through pgring.

Every check is made by eight sessions at once. Connects by libpq's environment variables; prints what holds, line by
line; the status is 0 only if all of it does.
"""

import asyncio
import datetime
import decimal
import ipaddress
import os
import sys
import time
import uuid

import asyncpg

SESSIONS = 8


async def connect(**server_settings) -> asyncpg.Connection:
    return await asyncpg.connect(ssl=False, timeout=20, server_settings=server_settings or None)


async def fails_with(error: type[BaseException], awaitable) -> None:
    try:
        await awaitable
    except error:
        return
    raise AssertionError(f"no {error.__name__}")


async def types_come_back_as_they_went(session: int) -> None:
    connection = await connect()
    try:
        values = (
            2**40 + session,
            1.5,
            decimal.Decimal("12345678901234567890.123456789"),
            "naïve €\t\n",
            b"\x00\xff" * 500,
            datetime.datetime(2024, 2, 29, 12, 30, 1, 999999, tzinfo=datetime.timezone.utc),
            datetime.date(1999, 12, 31),
            datetime.timedelta(days=3, seconds=7),
            uuid.UUID(int=session + 1),
            [1, None, 3],
            ipaddress.ip_network("10.1.0.0/16"),
            '{"a": [1, 2]}',
            asyncpg.Range(1, 5),
            None,
        )
        row = await connection.fetchrow(
            "select $1::int8, $2::float8, $3::numeric, $4::text, $5::bytea, $6::timestamptz, $7::date, $8::interval,"
            " $9::uuid, $10::int[], $11::cidr, $12::json, $13::int4range, $14::int",
            *values,
        )
        assert tuple(row) == values, row
        assert await connection.fetchval("select $1::int[][]", [[1, 2], [3, 4]]) == [[1, 2], [3, 4]]
        # A type that asyncpg must look up in the catalogues first.
        assert await connection.fetchval("select $1::asyncpg_mood", "happy") == "happy"
        assert await connection.fetchval("select array['sad'::asyncpg_mood]") == ["sad"]
        assert await connection.fetchval("select ($1::int, 'x')::asyncpg_pair", session) == (session, "x")
    finally:
        await connection.close()


async def cached_statements_serve_many_transactions(session: int) -> None:
    """The cache names statements by a counter, so that the sessions use the same names for other texts."""
    connection = await connect()
    try:
        for number in range(25):
            for text in range(4):
                # Another number of parameters and another type for each session under the same name.
                kind = ("int4", "int8", "text", "numeric")[(session + text) % 4]
                argument = str(number) if kind == "text" else number
                wanted = f"{session} {text} {number}"
                assert await connection.fetchval(
                    f"select '{session} {text} ' || $1::{kind}", argument
                ) == wanted
            async with connection.transaction():
                assert await connection.fetchval("select $1::int + $2::int", session, number) == session + number
        statement = await connection.prepare("select $1::int * 2 as double")
        assert [attribute.name for attribute in statement.get_attributes()] == ["double"]
        for number in range(25):
            assert await statement.fetchval(number) == 2 * number
    finally:
        await connection.close()


async def more_statements_than_any_cache_holds(session: int) -> None:
    connection = await connect()
    try:
        for repetition in range(2):
            for number in range(150):
                assert await connection.fetchval(f"select {number} + $1::int", session) == number + session
    finally:
        await connection.close()


async def parameters_of_the_connection_stay(session: int) -> None:
    wanted = {
        "application_name": f"asyncpg {session}",
        "search_path": f"schema_{session}, public",
        "TimeZone": f"Etc/GMT-{session + 1}",
        "DateStyle": "SQL, DMY" if session % 2 else "German, DMY",
        "statement_timeout": f"{20001 + session}ms",
    }
    connection = await connect(**wanted)
    try:
        for number in range(10):
            async with connection.transaction():
                for name, value in wanted.items():
                    shown = await connection.fetchval("select current_setting($1)", name)
                    assert shown == value, (name, shown, value)
            assert await connection.fetchval("select current_setting('application_name')") == wanted["application_name"]
        # What is set later stays as well, until it is reset to what the connection began with.
        await connection.execute("set application_name = 'changed'; set work_mem = '5MB'")
        for _ in range(5):
            async with connection.transaction():
                assert await connection.fetchval("show application_name") == "changed"
                assert await connection.fetchval("show work_mem") == "5MB"
        await connection.reset()
        for _ in range(5):
            async with connection.transaction():
                assert await connection.fetchval("show application_name") == wanted["application_name"]
                assert await connection.fetchval("show search_path") == wanted["search_path"]
                assert await connection.fetchval("show work_mem") == "4MB"
    finally:
        await connection.close()


async def transactions_and_savepoints_roll_back(session: int) -> None:
    connection = await connect()
    try:
        async with connection.transaction():
            await connection.execute("insert into asyncpg_row values ($1, 1)", session)
            try:
                async with connection.transaction():
                    await connection.execute("insert into asyncpg_row values ($1, 2)", session)
                    raise KeyError
            except KeyError:
                pass
            await connection.execute("insert into asyncpg_row values ($1, 3)", session)
        transaction = connection.transaction(isolation="serializable")
        await transaction.start()
        assert await connection.fetchval("show transaction_isolation") == "serializable"
        await connection.execute("insert into asyncpg_row values ($1, 4)", session)
        await transaction.rollback()
        rows = await connection.fetch("select number from asyncpg_row where session = $1 order by 1", session)
        assert [row["number"] for row in rows] == [1, 3], rows
    finally:
        await connection.close()


async def errors_are_recovered_from(session: int) -> None:
    connection = await connect()
    try:
        await fails_with(asyncpg.DivisionByZeroError, connection.fetchval("select 1 / $1::int", 0))
        await fails_with(asyncpg.PostgresSyntaxError, connection.fetch("selct $1", 1))
        await fails_with(asyncpg.UndefinedTableError, connection.fetch("select * from no_such_table where id = $1", 1))
        await fails_with(
            asyncpg.UniqueViolationError, connection.execute("insert into asyncpg_unique values ($1)", 1)
        )
        async with connection.transaction():
            assert await connection.fetchval("select $1::int", session) == session
            try:
                async with connection.transaction():
                    await connection.execute("insert into asyncpg_unique values ($1)", 1)
            except asyncpg.UniqueViolationError:
                pass
            assert await connection.fetchval("select $1::int", session) == session
        transaction = connection.transaction()
        await transaction.start()
        await fails_with(asyncpg.DivisionByZeroError, connection.fetchval("select 1 / $1::int", 0))
        await fails_with(asyncpg.InFailedSQLTransactionError, connection.fetchval("select $1::int", 1))
        await transaction.rollback()
        assert await connection.fetchval("select $1::int", session) == session
    finally:
        await connection.close()


async def changed_tables_are_not_misread(session: int) -> None:
    """asyncpg asks once what a statement's rows look like, and decodes by it from then on."""
    connection = await connect()
    changer = await connect()
    table = f"asyncpg_changed_{session}"
    text = f"select * from {table}"
    try:
        for number in range(12):
            kind, value = (("int4", number), ("text", str(number)), ("float8", number / 8))[number % 3]
            await changer.execute(
                f"drop table if exists {table}; create table {table} (value {kind}); insert into {table} values ('{value}')"
            )
            for _ in range(3):
                assert await connection.fetchval(text) == value
            async with connection.transaction():
                assert await connection.fetchval(text) == value
    finally:
        await changer.execute(f"drop table if exists {table}")
        await changer.close()
        await connection.close()


async def copies_both_ways(session: int) -> None:
    connection = await connect()
    try:
        records = [(session, number) for number in range(3000)]
        copied = await connection.copy_records_to_table("asyncpg_copy", records=records, columns=["session", "number"])
        assert copied == "COPY 3000"
        received = bytearray()

        async def receive(data: bytes) -> None:
            received.extend(data)

        await connection.copy_from_query(
            "select number from asyncpg_copy where session = $1 order by number", session, output=receive
        )
        assert received.decode().split() == [str(number) for number in range(3000)]
        broken = connection.copy_records_to_table("asyncpg_copy", records=[(session, None)])
        await fails_with(asyncpg.NotNullViolationError, broken)
        async with connection.transaction():
            assert await connection.fetchval("select count(*) from asyncpg_copy where session = $1", session) == 3000
    finally:
        await connection.close()


async def cursors_fetch_in_steps(session: int) -> None:
    connection = await connect()
    try:
        async with connection.transaction():
            numbers = []
            async for row in connection.cursor("select generate_series(1, $1::int)", 1000, prefetch=70):
                numbers.append(row[0])
            assert numbers == list(range(1, 1001))
            cursor = await connection.cursor("select generate_series($1::int, 100)", session)
            assert [row[0] for row in await cursor.fetch(3)] == [session, session + 1, session + 2]
            assert await cursor.forward(10) == 10
            assert (await cursor.fetchrow())[0] == session + 13
    finally:
        await connection.close()


async def batches_are_one_transaction(session: int) -> None:
    connection = await connect()
    try:
        await connection.executemany(
            "insert into asyncpg_batch values ($1, $2)", [(session, number) for number in range(1000)]
        )
        # The last row of the batch breaks it: none of it stays.
        batch = [(session, number) for number in range(1000, 1100)] + [(session, 0)]
        await fails_with(
            asyncpg.UniqueViolationError, connection.executemany("insert into asyncpg_batch values ($1, $2)", batch)
        )
        async with connection.transaction():
            assert await connection.fetchval("select count(*) from asyncpg_batch where session = $1", session) == 1000
    finally:
        await connection.close()


async def notices_arrive(session: int) -> None:
    connection = await connect()
    try:
        notices = []
        connection.add_log_listener(lambda _, message: notices.append(message.message))
        for number in range(3):
            await connection.fetchval("select asyncpg_notice($1)", 10 * session + number)
        await asyncio.sleep(0)
        assert notices == [f"notice {10 * session + number}" for number in range(3)], notices
    finally:
        await connection.close()


async def notifications_arrive() -> None:
    listener, speaker = await connect(), await connect()
    try:
        notifications = asyncio.Queue()
        channel = "asyncpg channel"
        await listener.add_listener(channel, lambda *arguments: notifications.put_nowait(arguments[2:]))
        for number in range(3):
            await speaker.execute("select pg_notify($1, $2)", channel, str(number))
        arrived = [await asyncio.wait_for(notifications.get(), 10) for _ in range(3)]
        assert arrived == [(channel, str(number)) for number in range(3)], arrived
    finally:
        await listener.close()
        await speaker.close()


async def a_timeout_cancels(session: int) -> None:
    connection = await connect()
    try:
        begin = time.monotonic()
        await fails_with(asyncio.TimeoutError, connection.fetchval("select pg_sleep(30)", timeout=0.3))
        assert time.monotonic() - begin < 10
        assert await connection.fetchval("select $1::int", session) == session
    finally:
        await connection.close()


async def a_pool_lends_clean_connections() -> None:
    """asyncpg's own pool resets a connection when it is given back: to what it began with, not to the server's."""
    async with asyncpg.create_pool(
        min_size=SESSIONS, max_size=SESSIONS, ssl=False, server_settings={"application_name": "asyncpg pool"}
    ) as pool:

        async def work(number: int) -> None:
            async with pool.acquire() as connection:
                assert await connection.fetchval("show application_name") == "asyncpg pool"
                await connection.execute(f"set application_name = 'worker {number}'")
                assert await connection.fetchval("show application_name") == f"worker {number}"
                assert await connection.fetchval("select $1::int", number) == number

        await asyncio.gather(*(work(number) for number in range(80)))


async def prepare_tables() -> None:
    connection = await connect()
    await connection.execute(
        """
        drop table if exists asyncpg_row, asyncpg_unique, asyncpg_copy, asyncpg_batch;
        drop type if exists asyncpg_mood, asyncpg_pair cascade;
        create table asyncpg_row (session int, number int);
        create table asyncpg_unique (id int primary key);
        insert into asyncpg_unique values (1);
        create table asyncpg_copy (session int, number int not null);
        create table asyncpg_batch (session int, number int, primary key (session, number));
        create type asyncpg_mood as enum ('sad', 'happy');
        create type asyncpg_pair as (number int, text text);
        create or replace function asyncpg_notice(number int) returns void language plpgsql
            as $$ begin raise notice 'notice %', number; end $$;
        """
    )
    await connection.close()


CHECKS = (
    types_come_back_as_they_went,
    cached_statements_serve_many_transactions,
    more_statements_than_any_cache_holds,
    parameters_of_the_connection_stay,
    transactions_and_savepoints_roll_back,
    errors_are_recovered_from,
    changed_tables_are_not_misread,
    copies_both_ways,
    cursors_fetch_in_steps,
    batches_are_one_transaction,
    notices_arrive,
    a_timeout_cancels,
)


async def run(sentence: str, *sessions) -> bool:
    begin = time.monotonic()
    results = await asyncio.gather(*sessions, return_exceptions=True)
    failures = [f"{type(result).__name__}: {result}" for result in results if result is not None]
    if failures:
        print(f"FAILED  {sentence}: {len(failures)} of {len(results)}, the first: {failures[0]}", flush=True)
    else:
        print(f"ok      {sentence} ({time.monotonic() - begin:.2f} s)", flush=True)
    return not failures


async def main() -> int:
    print(f"asyncpg {asyncpg.__version__}, {SESSIONS} sessions, port {os.environ['PGPORT']}")
    await prepare_tables()
    held = [
        await run(check.__name__.replace("_", " "), *(check(session) for session in range(SESSIONS)))
        for check in CHECKS
    ]
    held.append(await run("notifications arrive", notifications_arrive()))
    held.append(await run("a pool lends clean connections", a_pool_lends_clean_connections()))
    print(f"{sum(held)} of {len(held)} hold")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
