"""What scripts say: statements by topic.

A script draws from a few topics, so that what belongs together meets. Left out is only what is known to differ and said in
docs/decisions/ and docs/driver-suites.md: process ids and views of the server's own session (pg_prepared_statements,
pg_listening_channels), and currval() outside of its transaction.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Statement:
    text: str
    # Values for its parameters; where there are any, it can only be said in the extended protocol.
    values: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class Topic:
    statements: tuple[Statement, ...]
    # It leaves something that keeps its session at its backend.
    ties: bool = False


def texts(*lines: str) -> tuple[Statement, ...]:
    return tuple(map(Statement, lines))


QUERIES = texts(
    "select 1",
    "select 2 as two, 'b' as letter",
    "select generate_series(1, 5)",
    "select",
    "values (1), (2)",
    "table items",
    "select * from items order by id",
    "select '1'::int8, 2.5::numeric, true, null",
    "explain (costs off) select 1",
    "select pg_sleep(0.001)",
    "select current_setting('work_mem'), current_user",
) + (
    Statement("select $1::text", ("one",)),
    Statement("select $1::int + $2::int as sum", ("1", "2")),
    Statement("select $1", ("untyped",)),
    Statement("select * from generate_series(1, $1::int) as n", ("5",)),
    Statement("select $1::int", (None,)),
)

WRITES = texts(
    "insert into items values (1, 'one')",
    "insert into items values (2, 'two') returning id, note",
    "insert into items values (3), (4)",
    "update items set note = note || '+' where id = 1",
    "delete from items",
    "delete from items where id = 2 returning *",
    "select nextval('numbers')",
    "insert into items select n from generate_series(11, 13) n on conflict do nothing",
    "with gone as (delete from items returning id) select count(*) from gone",
    "truncate items",
    "lock table items",
    "select * from items where id = 1 for update",
) + (Statement("insert into items values ($1::int, $2)", ("7", "seven")),)

ERRORS = texts(
    "select 1/0",
    "selec",
    "select * from nowhere",
    "select 'a'::int",
    "select fails('as it should')",
    "insert into items values (1, 'again')",
    "insert into items values (null)",
    "select 1 +",
    "select 'unfinished",
    "select n, 1/(3-n) from generate_series(1, 5) n",
    "drop table nowhere",
    "select notices('seen')",
) + (
    Statement("select 1/$1::int", ("0",)),
    Statement("select $1::int", ("no number",)),
    Statement("select 1", ("too many",)),
)

TRANSACTIONS = texts(
    "begin",
    "begin",
    "commit",
    "commit",
    "rollback",
    "start transaction read only",
    "begin isolation level serializable",
    "begin isolation level repeatable read read only deferrable",
    "set transaction read only",
    "set transaction isolation level repeatable read",
    "set session characteristics as transaction read only",
    "reset default_transaction_read_only",
    "show transaction_read_only",
    "show transaction_isolation",
    "commit and chain",
    "rollback and chain",
    "abort",
    "end",
    "savepoint s",
    "savepoint t",
    "rollback to s",
    "rollback to savepoint t",
    "release s",
    "begin; select 1",
    "begin; insert into items values (5, 'five'); commit",
    "insert into items values (6, 'six'); rollback",
    "select 1; commit; select 2",
    "select 3; select 1/0; select 4",
    "begin; select 1/0; commit",
    "commit; begin",
    "savepoint s; select 1/0",
    "insert into items values (9, 'owned', 9)",
    "set constraints all immediate",
    "set constraints all deferred",
    "prepare transaction 'differ'",
    "rollback prepared 'differ'",
    "commit prepared 'differ'",
)

EMPTY = texts("", ";", ";;", "-- a comment", "/* another */", "select 1;", " ; select 2 ; ")

SETTINGS = texts(
    "set work_mem = '2MB'",
    "set work_mem to default",
    "set local work_mem = '3MB'",
    "show work_mem",
    "reset work_mem",
    "set session work_mem = '4MB'",
    "select set_config('work_mem', '5MB', false)",
    "select set_config('work_mem', '6MB', true)",
    "set timezone = 'Asia/Tokyo'",
    "set time zone 'Europe/Rome'",
    "set local timezone = 'UTC'",
    "show timezone",
    "reset timezone",
    "set application_name = 'q'",
    "set local application_name = 'local'",
    "show application_name",
    "reset application_name",
    "set datestyle = 'German, DMY'",
    "select date '2024-02-01'",
    "set intervalstyle = 'postgres_verbose'",
    "set extra_float_digits = 0",
    "select 0.1::float8 + 0.2::float8",
    "set bytea_output = 'escape'",
    "select '\\xff'::bytea",
    "set search_path = pg_catalog",
    "set search_path = differ, pg_catalog",
    "reset search_path",
    "show search_path",
    "set client_encoding = 'LATIN1'",
    "select 'ä'",
    "reset client_encoding",
    "set client_min_messages = 'error'",
    "set standard_conforming_strings = off",
    "select '\\\\'",
    "set my.own = 'mine'",
    "select nullif(current_setting('my.own', true), '')",
    "set work_mem = 'nonsense'",
    "set no_such_parameter = 1",
    "set statement_timeout = '30s'",
    "show statement_timeout",
    "set local statement_timeout = '20s'; select 1",
    "set default_transaction_isolation = 'repeatable read'",
    "show default_transaction_isolation",
    "reset all",
    "set work_mem = '7MB'; select 1/0",
    "begin; set work_mem = '8MB'; rollback",
    "begin; set work_mem = '9MB'; savepoint s; set work_mem = '10MB'; rollback to s; commit",
    "begin; set local work_mem = '11MB'; show work_mem; commit; show work_mem",
    "savepoint s",
    "rollback to s",
) + (Statement("select set_config('work_mem', $1, false)", ("12MB",)),)

PREPARED = texts(
    "prepare p as select 42 as answer",
    "prepare p (int) as select $1 + 1",
    "prepare a as select 43",
    "execute p",
    "execute p (1)",
    "execute a",
    "explain (costs off) execute p",
    "deallocate p",
    "deallocate a",
    "deallocate prepare all",
    "deallocate all",
    "prepare w as insert into items values (21, 'prepared')",
    "execute w",
    "prepare p as select 1/0",
    "prepare q as selec",
    "prepare p as select 44; execute p; deallocate p",
    "prepare b as select * from items order by id",
    "execute b",
    "create table if not exists made as execute p",
)

SCHEMA = texts(
    "create table made (a int)",
    "alter table made add column b int",
    "alter table made drop column a",
    "insert into made values (1)",
    "select * from made",
    "drop table made",
    "drop table if exists made",
    "create index on made (a)",
    "comment on table made is 'made'",
    "vacuum items",
    "analyze items",
    "create table made (a int); insert into made values (2); select * from made",
    "select 1; vacuum items",
)

CURSORS = texts(
    "declare c cursor for select generate_series(1, 5) as n",
    "declare c scroll cursor for select generate_series(1, 5) as n",
    "declare h cursor with hold for select generate_series(1, 5) as n",
    "declare h cursor with hold for select 1/0",
    "fetch 2 from c",
    "fetch backward 1 from c",
    "fetch all from h",
    "fetch next from h",
    "move 1 in c",
    "close c",
    "close h",
    "close all",
    "begin; declare c cursor for select generate_series(1, 3); fetch 2 from c; commit",
    "select name, is_holdable from pg_cursors where name <> '' order by 1",
    "update items set note = 'current' where current of c",
)

TEMPORARY = texts(
    "create temp table tt (x int)",
    "create temp table tt (x int) on commit drop",
    "create temp table tt (x int) on commit delete rows",
    "create temp table tt as select 1 as x",
    "insert into tt values (1)",
    "select * from tt",
    "drop table tt",
    "discard temp",
    "create temp table t2 (y int); insert into t2 values (1); select * from t2; drop table t2",
    "select 1 as z into temp t3",
    "table t3",
    "drop table t3",
    "create temp view tv as select 5 as five",
    "select * from tv",
    "drop view tv",
)

LOCKS = texts(
    "select pg_advisory_lock(5)",
    "select pg_advisory_unlock(5)",
    "select pg_try_advisory_lock(5)",
    "select pg_advisory_lock(1, 2), pg_advisory_lock_shared(6)",
    "select pg_advisory_unlock_all()",
    "select pg_advisory_xact_lock(5)",
    "select pg_try_advisory_xact_lock(5)",
    "select pg_advisory_unlock(1, 2)",
    "select pg_advisory_unlock_shared(6)",
    "lock table items in exclusive mode nowait",
)

ROLES = texts(
    "set role differ_other",
    "reset role",
    "set role none",
    "set local role differ_other",
    "set session authorization differ_other",
    "reset session authorization",
    "select current_user, session_user",
    "insert into items values (31, 'by whom')",
    "show role",
    "show is_superuser",
    "set role nobody_at_all",
)

CHANNELS = texts(
    "listen one",
    "listen two",
    "listen one; listen two",
    "unlisten one",
    "unlisten *",
    "notify one",
    "notify one, 'payload'",
    "notify two, 'other payload'",
    "notify one; notify one; notify two",
    "select pg_notify('one', 'by function')",
    "select pg_notify('', 'nowhere')",
    "begin; notify one, 'committed'; commit",
    "begin; notify one, 'undone'; rollback",
    "begin; listen one; rollback",
    "listen one; select 1/0",
    "savepoint s",
    "rollback to s",
)

CODE = texts(
    "do $$ begin perform 1; end $$",
    "do $$ begin raise exception 'in code'; end $$",
    "do $$ begin raise notice 'in code'; end $$",
    "do $$ begin perform set_config('work_mem', '13MB', false); end $$",
    "do $$ begin execute 'set timezone = ''Asia/Tokyo'''; end $$",
    "do $$ begin insert into items values (41, 'by code'); exception when others then null; end $$",
    "do $$ begin insert into items values (42, 'by code'); commit; insert into items values (42); end $$",
    "do $$ begin perform pg_advisory_lock(5); end $$",
    "do $$ begin create temp table tt (x int); end $$",
    "show work_mem",
    "show timezone",
    "select * from tt",
    "select pg_try_advisory_lock(5)",
    "discard all",
) + (Statement("select set_config($1, $2, $3::bool)", ("timezone", "Asia/Tokyo", "f")),)

DISCARDS = texts(
    "discard all",
    "discard plans",
    "discard sequences",
    "discard temp",
    "reset all",
    "deallocate all",
    "close all",
    "unlisten *",
    "select pg_advisory_unlock_all()",
    "discard all; select 1",
    "select 1; discard all",
)

LARGE = texts(
    "select repeat('y', 100000)",
    "select repeat('y', 9000) from generate_series(1, 60)",
    "select /* {x*20000} */ 1",
    "select '{x*70000}' as wide",
    "set my.large = '{x*3000}'",
    "select length(nullif(current_setting('my.large', true), ''))",
    "insert into items values (51, repeat('z', 50000))",
    "select length(note) from items where id = 51",
    "notify one, '{x*7000}'",
    "prepare p as select '{x*20000}', 1",
    "select /* {x*200000} */ 1/0",
) + (
    Statement("select length($1)", ("{x*300000}",)),
    Statement("select $1::text", ("{x*70000}",)),
    Statement("insert into items values ($1::int, $2)", ("52", "{x*40000}")),
)

OBJECTS = texts(
    "select lo_create(4711)",
    "select lo_put(4711, 0, 'some bytes')",
    "select lo_get(4711)",
    "select lo_unlink(4711)",
    "select lo_open(4711, 393216)",
    "select lowrite(0, 'more')",
    "select loread(0, 4)",
    "select lo_lseek(0, 0, 0)",
    "select lo_close(0)",
)

COPIES = texts(
    "copy items to stdout",
    "copy (select 1, 'two') to stdout",
    "copy (select generate_series(1, 3)) to stdout with (format csv, header)",
    "copy (select 1) to stdout; select 5",
    "copy (select 1/0) to stdout",
    "copy items to stdout (format binary)",
    "copy nowhere to stdout",
    "copy (select n, 1/(3-n) from generate_series(1, 5) n) to stdout",
    "copy (select repeat('y', 9000) from generate_series(1, 30)) to stdout",
)

# Statements of COPY FROM STDIN; what is sent behind them is drawn apart.
COPIES_IN = (
    "copy items from stdin",
    "copy items (id, note) from stdin (format csv)",
    "copy nowhere from stdin",
    "copy items from stdin; select 6",
    "select 7; copy items (id) from stdin; select 8",
)
COPY_LINES = (
    "61\tsixty-one\t1\n",
    "62\tsixty-two\t\\N\n63\tsixty-three\t2\n",
    "64,comma\n",
    "65\n",
    "rubbish\n",
    "66\tcut",
    "67\t{x*40000}\t\\N\n",
    "\\.\n",
)

FUNCTION_CALLS = (
    [1610, []],  # pi()
    [177, ["2", "3"]],  # int4pl
    [154, ["1", "0"]],  # int4div
    [1, []],  # nothing
    [2880, ["5"]],  # pg_advisory_lock
    [2885, ["5"]],  # pg_advisory_unlock
    [177, ["2", None]],
)

ALWAYS = QUERIES + WRITES[:3] + ERRORS[:3] + TRANSACTIONS[:7] + EMPTY[:2]
TOPICS = {
    "queries": Topic(QUERIES),
    "writes": Topic(WRITES),
    "errors": Topic(ERRORS),
    "transactions": Topic(TRANSACTIONS + EMPTY),
    "settings": Topic(SETTINGS),
    "prepared": Topic(PREPARED),
    "schema": Topic(SCHEMA),
    "cursors": Topic(CURSORS, ties=True),
    "temporary": Topic(TEMPORARY, ties=True),
    "locks": Topic(LOCKS, ties=True),
    "roles": Topic(ROLES, ties=True),
    "channels": Topic(CHANNELS),
    "code": Topic(CODE, ties=True),
    "discards": Topic(DISCARDS),
    "large": Topic(LARGE, ties=True),
    "objects": Topic(OBJECTS),
    "copies": Topic(COPIES),
}

STARTUP_PARAMETERS = (
    {"application_name": "started"},
    {"options": "-c work_mem=20MB"},
    {"options": "-c timezone=Asia/Tokyo -c my.own=started"},
    {"DateStyle": "ISO, DMY", "client_encoding": "UTF8"},
    {"options": "--statement-timeout=40s"},
    {"search_path": "pg_catalog, differ"},
)
