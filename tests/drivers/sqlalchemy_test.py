#!/usr/bin/python3
"""SQLAlchemy's engine, its pool and its object mapper through pgring: over psycopg2 in threads and over asyncpg in
coroutines, both with default settings.

Every check is made by eight sessions at once. Connects by libpq's environment variables; prints what holds, line by
line; the status is 0 only if all of it does.
"""

import asyncio
import datetime
import decimal
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy
from sqlalchemy import exc, orm, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

SESSIONS = 8
Base = orm.declarative_base()


class Author(Base):
    __tablename__ = "sqlalchemy_author"
    id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
    session = sqlalchemy.Column(sqlalchemy.Integer, nullable=False)
    name = sqlalchemy.Column(sqlalchemy.Text, nullable=False)
    born = sqlalchemy.Column(sqlalchemy.DateTime(timezone=True))
    wealth = sqlalchemy.Column(sqlalchemy.Numeric(20, 5))
    tags = sqlalchemy.Column(postgresql.ARRAY(sqlalchemy.Text))
    extra = sqlalchemy.Column(postgresql.JSONB)
    mood = sqlalchemy.Column(sqlalchemy.Enum("happy", "sad", name="sqlalchemy_mood"))
    books = orm.relationship("Book", back_populates="author", order_by="Book.id")
    __table_args__ = (sqlalchemy.UniqueConstraint("session", "name"),)


class Book(Base):
    __tablename__ = "sqlalchemy_book"
    id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
    title = sqlalchemy.Column(sqlalchemy.Text)
    author_id = sqlalchemy.Column(sqlalchemy.ForeignKey("sqlalchemy_author.id"))
    author = orm.relationship("Author", back_populates="books")


def address(driver: str) -> sqlalchemy.engine.URL:
    return sqlalchemy.engine.URL.create(
        f"postgresql+{driver}",
        os.environ["PGUSER"],
        os.environ["PGPASSWORD"],
        os.environ["PGHOST"],
        int(os.environ["PGPORT"]),
        os.environ["PGDATABASE"],
    )


def author(session: int, name: str) -> Author:
    return Author(
        session=session,
        name=name,
        born=datetime.datetime(1900, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
        wealth=decimal.Decimal("12345.67890"),
        tags=["a", "ü"],
        extra={"session": session, "list": [1, None]},
        mood="happy",
    )


def check_author(found: Author, session: int) -> None:
    assert found.born == datetime.datetime(1900, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc), found.born
    assert found.wealth == decimal.Decimal("12345.67890"), found.wealth
    assert (found.tags, found.extra, found.mood) == (["a", "ü"], {"session": session, "list": [1, None]}, "happy")


class Threads:
    """The checks over psycopg2."""

    def __init__(self):
        self.engine = sqlalchemy.create_engine(address("psycopg2"), pool_size=SESSIONS)

    def objects_come_back_as_they_went(self, session: int) -> None:
        with orm.Session(self.engine) as own, own.begin():
            one = author(session, "mapped")
            one.books = [Book(title=f"{session} {number}") for number in range(30)]
            own.add(one)
        with orm.Session(self.engine) as own, own.begin():
            found = own.scalars(select(Author).filter_by(session=session, name="mapped")).one()
            check_author(found, session)
            assert [book.title for book in found.books] == [f"{session} {number}" for number in range(30)]

    def savepoints_and_rollbacks_undo(self, session: int) -> None:
        with orm.Session(self.engine) as own:
            own.add(author(session, "twice"))
            own.flush()
            for _ in range(3):
                try:
                    with own.begin_nested():
                        own.add(author(session, "twice"))
                except exc.IntegrityError:
                    pass
            own.add(author(session, "once"))
            own.commit()
            own.add(author(session, "undone"))
            own.flush()
            own.rollback()
            names = own.scalars(
                select(Author.name).filter(Author.session == session, Author.name != "mapped").order_by(Author.name)
            ).all()
            assert names == ["once", "twice"], names

    def errors_return_clean_connections_to_the_pool(self, session: int) -> None:
        for _ in range(5):
            try:
                with self.engine.begin() as connection:
                    connection.execute(text("select 1 / :zero"), {"zero": 0})
                raise AssertionError("no error")
            except exc.DataError as error:
                assert error.orig.pgcode == "22012"
            with self.engine.connect() as connection:
                assert connection.scalar(text("select :number"), {"number": session}) == session

    def isolation_levels_hold(self, session: int) -> None:
        level = ("SERIALIZABLE", "REPEATABLE READ", "READ COMMITTED")[session % 3]
        engine = self.engine.execution_options(isolation_level=level)
        for _ in range(5):
            with engine.begin() as connection:
                assert connection.scalar(text("show transaction_isolation")) == level.lower()
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            assert connection.scalar(text("select :number"), {"number": session}) == session

    def many_rows_go_and_stream_back(self, session: int) -> None:
        table = sqlalchemy.table("sqlalchemy_many", sqlalchemy.column("session"), sqlalchemy.column("number"))
        with self.engine.begin() as connection:
            connection.execute(table.insert(), [{"session": session, "number": number} for number in range(1000)])
        with self.engine.connect().execution_options(stream_results=True, max_row_buffer=100) as connection:
            numbers = connection.scalars(
                select(table.c.number).where(table.c.session == session).order_by(table.c.number)
            )
            assert list(numbers) == list(range(1000))

    def tables_are_reflected(self, session: int) -> None:
        found = sqlalchemy.inspect(self.engine)
        assert [column["name"] for column in found.get_columns("sqlalchemy_book")] == ["id", "title", "author_id"]
        assert found.get_foreign_keys("sqlalchemy_book")[0]["referred_table"] == "sqlalchemy_author"

    def parameters_of_the_engine_stay(self, session: int) -> None:
        options = f"-c timezone=Etc/GMT-{session + 1} -c search_path=schema_{session},public"
        engine = sqlalchemy.create_engine(
            address("psycopg2"), connect_args={"options": options, "application_name": f"engine {session}"}
        )
        for _ in range(10):
            with engine.connect() as connection:
                assert connection.scalar(text("show timezone")) == f"Etc/GMT-{session + 1}"
                assert connection.scalar(text("show search_path")) == f"schema_{session},public"
                assert connection.scalar(text("show application_name")) == f"engine {session}"
        engine.dispose()


class Coroutines:
    """The checks over asyncpg, whose statements are always prepared."""

    def __init__(self):
        self.engine = create_async_engine(address("asyncpg"), pool_size=SESSIONS)

    async def objects_come_back_by_asyncpg_too(self, session: int) -> None:
        for repetition in range(5):
            name = f"asyncpg {repetition}"
            async with AsyncSession(self.engine) as own, own.begin():
                one = author(session, name)
                one.books = [Book(title=f"{name} {number}") for number in range(5)]
                own.add(one)
            async with AsyncSession(self.engine) as own, own.begin():
                statement = select(Author).options(orm.selectinload(Author.books))
                found = (await own.scalars(statement.filter_by(session=session, name=name))).one()
                check_author(found, session)
                assert [book.title for book in found.books] == [f"{name} {number}" for number in range(5)]

    async def savepoints_and_rollbacks_undo_by_asyncpg_too(self, session: int) -> None:
        async with AsyncSession(self.engine) as own:
            own.add(author(session, "asyncpg twice"))
            await own.flush()
            for _ in range(3):
                try:
                    async with own.begin_nested():
                        own.add(author(session, "asyncpg twice"))
                except exc.IntegrityError:
                    pass
            await own.commit()
            own.add(author(session, "asyncpg undone"))
            await own.flush()
            await own.rollback()
            names = await own.scalars(
                select(Author.name).filter(Author.session == session, Author.name.in_(["asyncpg twice", "asyncpg undone"]))
            )
            assert names.all() == ["asyncpg twice"]

    async def rows_stream_by_asyncpg_too(self, session: int) -> None:
        async with self.engine.connect() as connection:
            rows = await connection.stream_scalars(text("select generate_series(1, 1000)"))
            assert [number async for number in rows] == list(range(1, 1001))


def run(sentence: str, work) -> bool:
    begin = time.monotonic()
    failures = [f"{type(failure).__name__}: {failure}" for failure in work() if failure is not None]
    if failures:
        print(f"FAILED  {sentence}: {len(failures)} of {SESSIONS}, the first: {failures[0]}", flush=True)
    else:
        print(f"ok      {sentence} ({time.monotonic() - begin:.2f} s)", flush=True)
    return not failures


def checks_of(group: type) -> list[str]:
    return [name for name in vars(group) if not name.startswith("_")]


def run_threads() -> list[bool]:
    group = Threads()
    held = []
    with ThreadPoolExecutor(SESSIONS) as executor:
        for name in checks_of(Threads):
            check = getattr(group, name)

            def work():
                return [future.exception() for future in [executor.submit(check, n) for n in range(SESSIONS)]]

            held.append(run(name.replace("_", " "), work))
    group.engine.dispose()
    return held


def run_coroutines() -> list[bool]:
    held = []
    with asyncio.Runner() as runner:
        group = Coroutines()
        for name in checks_of(Coroutines):

            async def gather():
                calls = (getattr(group, name)(session) for session in range(SESSIONS))
                return await asyncio.gather(*calls, return_exceptions=True)

            held.append(run(name.replace("_", " "), lambda: runner.run(gather())))
        runner.run(group.engine.dispose())
    return held


def main() -> int:
    print(f"SQLAlchemy {sqlalchemy.__version__}, {SESSIONS} sessions")
    engine = sqlalchemy.create_engine(address("psycopg2"))
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(text("drop table if exists sqlalchemy_many"))
        connection.execute(text("create table sqlalchemy_many (session int, number int)"))
    engine.dispose()
    held = run_threads() + run_coroutines()
    print(f"{sum(held)} of {len(held)} hold")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
