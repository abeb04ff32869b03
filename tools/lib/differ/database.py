"""What scripts find in the database, and its state between two runs."""

import time

from .connection import Connection, ConnectionFailed, Place
from .messages import show, to_bytes

ANSWER_SECONDS = 20
# A statement that waits for another session's lock would be told by the time it takes; so it fails soon.
LOCK_TIMEOUT = "50ms"

MAKE = f"""
drop schema if exists differ cascade;
create schema differ;
create table differ.groups (id int primary key);
insert into differ.groups values (1), (2);
create table differ.items (
    id int primary key, note text, owner int references differ.groups deferrable initially deferred);
create sequence differ.numbers;
create function differ.fails(text) returns int language plpgsql as
    $$ begin raise exception '%', $1 using errcode = 'UD001'; end $$;
create function differ.notices(text) returns int language plpgsql as $$ begin raise notice '%', $1; return 1; end $$;
do $$ begin
    if not exists (select from pg_roles where rolname = 'differ_other') then create role differ_other; end if;
    execute format('alter database %I set lock_timeout = ''{LOCK_TIMEOUT}''', current_database());
    execute format('alter database %I set search_path = differ, pg_catalog', current_database());
end $$;
grant usage on schema differ to differ_other;
grant select on differ.items to differ_other;
"""
RESET = (
    "truncate differ.items",
    "alter sequence differ.numbers restart",
    "drop table if exists differ.made",
    "select lo_unlink(oid) from pg_largeobject_metadata",
)
# Sessions of the last run that have not ended yet may still hold something.
HELD = (
    "select 1 from pg_locks join pg_database d on d.oid = database"
    " where locktype = 'advisory' and d.datname = current_database()"
)
LEFT = "select * from differ.items order by id"
PREPARED = "select gid from pg_prepared_xacts where database = current_database()"


class Database:
    """The administrator's connection, which goes to the server itself."""

    def __init__(self, place: Place):
        self._connection = Connection(place, {"application_name": "differ", "options": "-c lock_timeout=15s"})
        self._run(MAKE)

    def reset(self) -> None:
        """As at the beginning, and nobody of the last run holds anything."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while self._run(HELD):
            if time.monotonic() > deadline:
                raise ConnectionFailed("a session that has ended still holds an advisory lock")
            time.sleep(0.002)
        for row in self._run(PREPARED):
            self._run(f"rollback prepared '{row}'")
        for statement in RESET:
            self._run(statement)

    def left(self) -> list[str]:
        """What the last run wrote."""
        return self._run(LEFT)

    def close(self) -> None:
        self._connection.leave(to_bytes(["Terminate"]))

    def _run(self, text: str) -> list[str]:
        """The rows that it returns, as text."""
        self._connection.say(to_bytes(["Query", text]))
        rows = []
        while True:
            message = self._connection.hear(ANSWER_SECONDS)
            if message is None or message[0] == "E":
                said = show(*message) if message else "no answer"
                raise ConnectionFailed(f"{said} (to {text.strip()[:60]!r})")
            if message[0] == "D":
                rows.append(show(*message).removeprefix("DataRow "))
            if message[0] == "Z":
                return rows
