"""What tools/bench full says about its samples: tables, plots, and whether the targets are met. A function of the samples
alone, so that a report can be written again from its JSON."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from . import full, idle, plots
from .page import Section
from .report import Check, Report, Table
from .samples import Sample, Samples, Spread, quartiles_of, spread_of

METHOD = """\
Rounds are interleaved: in each of them, every row visits its targets one after the other, and who is first changes from round
to round. A ratio is a target's figure over pgring's in the same row and the same round; given is the median, and in
parentheses the lowest and the highest. Ratios say more than figures, which move with what else the machine does.

On the instant server (bench/backend), which answers at once, the load is bench/load's. It connects, warms up, and measures CPU
time of the proxy's whole process tree, system calls and latency within one window: logins are not in it. In the closed loop
each client asks again when it was answered; in the open loop transactions become due at a fixed rate, and latency counts from
when they were due. A pipelined transaction is ten statements under one Sync; a connection is login, one query, and leaving.
System calls are counted in a round of their own, of which nothing else is used. On PostgreSQL the load is pgbench's, with the
latency of every transaction logged; there, what logins at the server itself cost is subtracted (a run of one transaction a
client says it).

The floor is bench/relay, pgring's engine blindly moving bytes between each client and a server connection of its own. It and
haproxy do not pool. Each proxy has one thread, as far as it can be told to, except where the row says otherwise."""

# What may be compared, its unit, and how it is written.
FIGURES = {
    "tps": ("throughput", "a second", 0),
    "cpu_us": ("CPU", "us each", 1),
    "system_calls": ("system calls", "each", 2),
    "p50_ms": ("p50", "ms", 3),
    "p99_ms": ("p99", "ms", 3),
    "p999_ms": ("p99.9", "ms", 3),
    "mib_per_second": ("speed", "MiB/s", 0),
    "cpu_seconds_per_gib": ("CPU", "s/GiB", 2),
    "bytes_per_client": ("memory of a client", "bytes", 0),
    "bytes_per_client_later": ("after a query each", "bytes", 0),
    "bytes_per_client_prepared": (f"with {idle.STATEMENTS} statements each", "bytes", 0),
}
COMPARED = ("tps", "cpu_us", "p99_ms", "mib_per_second", "cpu_seconds_per_gib", "bytes_per_client")
PLOTTED = ("cpu_us", "tps", "p99_ms", "mib_per_second", "cpu_seconds_per_gib", "bytes_per_client")

GROUP_TEXTS = {
    "pipelined": "A transaction is ten statements under one Sync.",
    "open loop, simple": f"{full.RATE_CLIENTS} clients; what is late is counted with all of its waiting.",
    "connections": f"{full.STORM_CLIENTS} at the same time, again and again: login, one query, leaving.",
    "bulk": "COPY of 256 MiB, instant server.",
    "bulk, PostgreSQL": "COPY of 64 MiB.",
    "idle clients": "Proportional set size of the proxy's processes, after minus before, over the number of clients.",
}


def clients_in(row: str) -> int | None:
    found = re.fullmatch(r"(\d+) clients?", row)
    return int(found[1]) if found else None


def clients_of(sample: Sample) -> int | None:
    return clients_in(sample.row)


@dataclass(frozen=True)
class Goal:
    """A ratio of two targets that is to be at most so much: the median over all rows that fit, and all rounds."""

    what: str
    over: str
    under: str
    figure: str
    limit: float
    group: str
    clients: Sequence[int] | None = None
    row: str | None = None
    least: float | None = None

    def fits(self, sample: Sample) -> bool:
        if re.fullmatch(self.group, sample.group) is None or self.row not in (None, sample.row):
            return False
        return self.clients is None or clients_of(sample) in self.clients

    def check(self, samples: Samples) -> Check | None:
        ratios = samples.ratios(self.over, self.under, self.figure, self.fits)
        if not ratios:
            return None
        quartiles = quartiles_of(ratios)
        what = f"{self.what} [{quartiles.low:.2f} to {quartiles.high:.2f}, {quartiles.count} pairs]"
        return Check(what, quartiles.median, self.limit, least=self.least)


MANY = (16, 64, 256)
GOALS = (
    Goal("CPU per transaction over the floor's, simple", "pgring", "floor", "cpu_us", 1.05, "simple", MANY),
    Goal("CPU per transaction over pgbouncer's, simple", "pgring", "pgbouncer", "cpu_us", 0.60, "simple", MANY),
    Goal("CPU per transaction over pgbouncer's, prepared", "pgring", "pgbouncer", "cpu_us", 0.60, "prepared", MANY),
    Goal("CPU per transaction over haproxy's, simple", "pgring", "haproxy", "cpu_us", 0.65, "simple", MANY),
    *(
        Goal(f"direct throughput over that through the pool, PostgreSQL, {clients} clients", "direct", "pgring", "tps", 1.0,
             "pgbench -S, simple", (clients,))
        for clients in (64, 256)
    ),
    Goal("p99 over pgbouncer's, PostgreSQL, 256 clients", "pgring", "pgbouncer", "p99_ms", 0.60, "pgbench -S, simple",
         (256,)),
    Goal("throughput of one worker over that of two", "pgring", "pgring, 2 workers", "tps", 1 / 1.2, "2 workers, simple"),
    Goal("CPU of a connection with SCRAM over pgbouncer's", "pgring", "pgbouncer", "cpu_us", 1.0, "connections",
         row="SCRAM"),
    *(
        Goal(f"{what}, bulk {row}, {server}", over, under, figure, 1.0, group, row=row)
        for group, server in (("bulk", "instant server"), ("bulk, PostgreSQL", "PostgreSQL"))
        for row in ("out", "in")
        for what, over, under, figure in (
            ("haproxy's speed over pgring's", "haproxy", "pgring", "mib_per_second"),
            ("CPU over haproxy's", "pgring", "haproxy", "cpu_seconds_per_gib"),
        )
    ),
)  # fmt: skip
SYSTEM_CALLS_MAX = 0.6
SYSTEM_CALLS_CLIENTS = 64
IDLE_BYTES_MAX = 1024


def judge(samples: Samples, goals: Sequence[Goal], report: Report) -> None:
    """What was found of each target whose rows were run."""
    for goal in goals:
        check = goal.check(samples)
        if check is not None:
            report.checks.append(check)
        elif any(goal.fits(sample) for sample in samples.all):
            report.unmeasured.append(goal.what)
    row = f"{SYSTEM_CALLS_CLIENTS} clients"
    what = f"system calls per transaction, simple, {row}"
    calls = samples.values("simple", row, "pgring", "system_calls")
    if calls:
        report.checks.append(Check(what, median(calls), SYSTEM_CALLS_MAX))
    elif row in samples.rows("simple"):
        report.unmeasured.append(what)
    for row in samples.rows("idle clients"):
        for when, figure in (("", "bytes_per_client"), (", after a query each", "bytes_per_client_later")):
            for size in samples.values("idle clients", row, "pgring", figure):
                report.checks.append(Check(f"memory of an idle client, {row}{when}", size, IDLE_BYTES_MAX, " bytes"))


def handicap_goal(name: str, share: float) -> Goal:
    """That a pgring which is slower by a known share is seen to be: neither missed nor taken for much more."""
    return Goal(
        f"{name}: CPU per transaction over pgring's", name, "pgring", "cpu_us", 1 + 2 * share,
        "simple|extended|prepared|pipelined", MANY, least=1 + share / 2,
    )  # fmt: skip


def summarize(
    samples: Samples, facts: dict[str, str], problems: list[full.Problem], handicap: tuple[str, float] | None
) -> tuple[Report, list[Section]]:
    raw = {
        "samples": [sample.to_json() for sample in samples.all],
        "problems": [[problem.what, problem.why] for problem in problems],
        "handicap": handicap,
    }
    report = Report("full", facts, METHOD, raw=raw)
    judge(samples, [*GOALS, handicap_goal(*handicap)] if handicap else GOALS, report)
    sections = []
    for group in samples.groups():
        table = table_of(samples, group)
        report.tables.append((group, table))
        sections.append(Section(group, GROUP_TEXTS.get(group, ""), plots_of(samples, group), table))
    if problems:
        table = Table(["what", "came to nothing"], [[problem.what, problem.why] for problem in problems])
        report.tables.append(("Problems", table))
        sections.append(Section("Problems", table=table))
    return report, sections


def spread_in(samples: Samples, group: str, row: str, target: str, figure: str) -> Spread | None:
    return spread_of(samples.values(group, row, target, figure))


def figures_in(samples: Samples, group: str, among: Sequence[str]) -> list[str]:
    there = {name for sample in samples.all if sample.group == group for name in sample.figures}
    return [name for name in among if name in there]


def table_of(samples: Samples, group: str) -> Table:
    """A line for each row and target: the medians, and the ratios to pgring."""
    figures = figures_in(samples, group, tuple(FIGURES))
    columns = ["load", "target"]
    for name in figures:
        title, unit, _ = FIGURES[name]
        columns += [f"{title}, {unit}"] + (["/ pgring's"] if name in COMPARED else [])
    table = Table(columns)
    for row in samples.rows(group):
        for target in samples.targets(group):
            cells = [cell for name in figures for cell in _cells(samples, group, row, target, name)]
            if any(cell != "-" for cell in cells):
                table.rows.append([row, target, *cells])
    return table


def _cells(samples: Samples, group: str, row: str, target: str, figure: str) -> list[str]:
    spread = spread_in(samples, group, row, target, figure)
    cells = ["-" if spread is None else f"{spread.median:,.{FIGURES[figure][2]}f}"]
    if figure in COMPARED:
        ratios = spread_of(samples.row_ratios(group, row, target, "pgring", figure)) if target != "pgring" else None
        cells.append("-" if ratios is None else str(ratios))
    return cells


def plots_of(samples: Samples, group: str) -> list[str]:
    rows, targets = samples.rows(group), samples.targets(group)
    by_clients = len(rows) > 1 and all(clients_in(row) for row in rows)
    drawn = []
    for figure in figures_in(samples, group, PLOTTED):
        title, unit, _ = FIGURES[figure]
        if by_clients:
            series = {
                target: [plots.Point(str(clients_in(row)), spread) for row, spread in _along(
                    rows, lambda row, target=target: spread_in(samples, group, row, target, figure))]
                for target in targets
            }  # fmt: skip
            drawn.append(plots.lines(f"{title} over clients", unit, {name: points for name, points in series.items() if points}))
            continue
        for row in rows:
            found = dict(_along(targets, lambda target, row=row: spread_in(samples, group, row, target, figure)))
            if found:
                drawn.append(plots.bars(f"{row}: {title}", unit, found))
    return drawn


def _along(names: list[str], spread: Callable[[str], Spread | None]) -> list[tuple[str, Spread]]:
    return [(name, found) for name in names if (found := spread(name)) is not None]
