"""Clients that read and write all the time, and a book of what each of them was told."""

import contextlib
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import psycopg

TABLE = "pgring_demo"
# Between two statements of one client: the load is to be steady, not the machine's utmost.
THINK_SECONDS = 0.005
ACKNOWLEDGED = "00000"
# The outcome that nobody knows: the statement may or may not have been applied.
UNKNOWN = "08007"
# What a client may be told in a failover: nothing was applied and it may try again, or nobody knows.
HONEST = {"40001", "57P03", "53300", UNKNOWN}


@dataclass
class Write:
    """One insert of one row with an id of its own, as its client saw it."""

    sqlstate: str
    begin: float
    end: float
    # A position in the log at or behind the commit's, where it could be asked for.
    lsn: str | None = None


@dataclass
class Book:
    """What all clients together did. Times are those of time.monotonic()."""

    writes: dict[str, Write] = field(default_factory=dict)
    reads: list[float] = field(default_factory=list)
    read_errors: Counter = field(default_factory=Counter)
    served: Counter = field(default_factory=Counter)
    sessions_lost: int = 0
    begin: float = 0.0
    end: float = 0.0

    def acknowledged(self) -> list[Write]:
        return [write for write in self.writes.values() if write.sqlstate == ACKNOWLEDGED]

    def write_errors(self) -> Counter:
        return Counter(write.sqlstate for write in self.writes.values() if write.sqlstate != ACKNOWLEDGED)

    def first_write_after(self, moment: float) -> float:
        """When the first write was acknowledged that was begun after `moment`, or waiting then, on a new primary."""
        return min((write.end for write in self.acknowledged() if write.end > moment), default=float("inf"))

    def longest_pause_of_writes(self) -> float:
        return self._longest_pause([write.end for write in self.acknowledged()])

    def longest_pause_of_reads(self) -> float:
        return self._longest_pause(self.reads)

    def _longest_pause(self, times: list[float]) -> float:
        moments = [self.begin, *sorted(times), self.end]
        return max(later - earlier for earlier, later in zip(moments, moments[1:]))


class Load:
    """Writers and readers in threads of their own, each with one connection for the whole time."""

    def __init__(self, parameters: dict, writer_count: int = 6, reader_count: int = 4):
        self.book = Book()
        self._parameters = parameters
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(writer_count)]
        self._threads += [threading.Thread(target=self._read) for _ in range(reader_count)]

    def __enter__(self) -> "Load":
        self.book.begin = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self.book.end = self.book.end or time.monotonic()

    def acknowledged_count(self) -> int:
        with self._lock:
            return len(self.book.acknowledged())

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(**self._parameters, autocommit=True)

    def _write(self, number: int) -> None:
        """Inserts row after row; every second writer in a transaction of two statements."""
        in_transactions = number % 2 == 0
        with self._connect() as connection:
            sequence = 0
            while not self._stop.wait(THINK_SECONDS) and not connection.broken:
                sequence += 1
                write = self._insert(connection, f"{number}-{sequence}", in_transactions)
                with self._lock:
                    self.book.writes[f"{number}-{sequence}"] = write
            self._note_end(connection)

    def _insert(self, connection: psycopg.Connection, row: str, in_transaction: bool) -> Write:
        begin = time.monotonic()
        try:
            if in_transaction:
                connection.execute("begin")
                connection.execute(f"insert into {TABLE} (id) values (%s)", (row,))
                connection.execute(f"update {TABLE} set touched = true where id = %s", (row,))
                connection.execute("commit")
            else:
                connection.execute(f"insert into {TABLE} (id) values (%s)", (row,))
        except psycopg.Error as error:
            write = Write(error.sqlstate or "none", begin, time.monotonic())
            if connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR:
                with contextlib.suppress(psycopg.Error):  # a second one of the same cause
                    connection.execute("rollback")
            return write
        write = Write(ACKNOWLEDGED, begin, time.monotonic())
        try:
            write.lsn = str(connection.execute("select pg_current_wal_insert_lsn()").fetchone()[0])
        except psycopg.Error:
            pass  # not the write's error; without a position nothing is claimed of it
        return write

    def _read(self) -> None:
        text = f"select count(*), current_setting('cluster_name') from {TABLE}"
        with self._connect() as connection:
            while not self._stop.wait(THINK_SECONDS) and not connection.broken:
                try:
                    node = connection.execute(text).fetchone()[1]
                except psycopg.Error as error:
                    with self._lock:
                        self.book.read_errors[error.sqlstate or "none"] += 1
                    continue
                with self._lock:
                    self.book.reads.append(time.monotonic())
                    self.book.served[node] += 1
            self._note_end(connection)

    def _note_end(self, connection: psycopg.Connection) -> None:
        if connection.broken:
            with self._lock:
                self.book.sessions_lost += 1
