"""Holds what clients were told against the rows that are there."""

from dataclasses import dataclass, field

from ..node import Node
from ..status import lsn_to_bytes
from .load import ACKNOWLEDGED, TABLE, UNKNOWN, Book


@dataclass
class Findings:
    """Ids of writes. All lists but the last two have to be empty."""

    duplicates: list[str] = field(default_factory=list)
    # Acknowledged and replicated, and yet not there.
    lost: list[str] = field(default_factory=list)
    # There, although the client was told that nothing was applied.
    denied: list[str] = field(default_factory=list)
    # There, although no client sent them.
    strange: list[str] = field(default_factory=list)
    # Acknowledged by the old primary, and dead with it: asynchronous replication had not sent them yet.
    not_replicated: list[str] = field(default_factory=list)
    # There; their clients were told that the outcome is unknown.
    unknown_applied: list[str] = field(default_factory=list)

    def clean(self) -> bool:
        return not (self.duplicates or self.lost or self.denied or self.strange)


def rows_on(node: Node) -> dict[str, int]:
    """Each id in the table with the number of its rows. The ids are ours: they hold no separator."""
    lines = node.sql(f"select id || ' ' || count(*) from {TABLE} group by id", database="app", seconds=30).split("\n")
    return {row: int(count) for row, count in (line.split() for line in lines if line)}


def fork_position(survivor: Node) -> str:
    """Where the survivor's timeline left the old primary's: what lies before, replication had."""
    history = survivor.sql(
        "select pg_read_file('pg_wal/' || name) from pg_ls_waldir() where name like '%.history' "
        "order by name desc limit 1"
    )
    # The last line, "1<tab>0/5000148<tab>no recovery target specified", is the latest fork.
    return history.strip().split("\n")[-1].split("\t")[1]


def audit(book: Book, rows: dict[str, int], fork: str, promoted: float) -> Findings:
    """`promoted`: when the survivor was seen to accept writes, so that what began later was written there."""
    findings = Findings(duplicates=[row for row, count in rows.items() if count > 1])
    findings.strange = [row for row in rows if row not in book.writes]
    for row, write in book.writes.items():
        there = row in rows
        if write.sqlstate == ACKNOWLEDGED and not there:
            replicated = write.lsn is not None and lsn_to_bytes(write.lsn) <= lsn_to_bytes(fork)
            (findings.lost if replicated or write.begin > promoted else findings.not_replicated).append(row)
        elif write.sqlstate == UNKNOWN and there:
            findings.unknown_applied.append(row)
        elif write.sqlstate not in (ACKNOWLEDGED, UNKNOWN) and there:
            findings.denied.append(row)
    return findings
