"""Everything that tools/bench measures, in interleaved rounds: what is in a round, and how it is run.

A row is one kind of load. In each round every row visits its targets one after the other, so that what else the machine does
touches all of them alike; who is first changes from round to round.
"""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import bulk, idle, load
from .instruments import run_load
from .protocol import ProtocolError
from .samples import Sample, Samples
from .targets import BenchError, Servers, Target

MODES = ("simple", "extended", "prepared", "pipelined")
CLIENTS = (1, 16, 64, 256, 2000)
# Of the open loop, a second: little, and what most proxies come near to on two cores.
RATES = (2000, 8000)
RATE_CLIENTS = 64
# Who connect at the same time in a storm.
STORM_CLIENTS = 8
IDLE_CLIENTS = 10000
INSTANT_COPY_BYTES = 256 << 20
REAL_COPY_BYTES = 64 << 20
# Rounds of their own, in which the system calls are counted and nothing else is kept.
SYSTEM_CALL_SECONDS = 0.5
# What bench/load says where the kernel does not let it.
NOT_COUNTED = "system calls cannot be counted"

Figures = dict[str, float]


@dataclass(frozen=True)
class Row:
    """One kind of load, and whom it is put on."""

    group: str
    name: str
    measure: Callable[[Target, "Stage"], Figures]
    # Kind of targets that it visits: "tcp", "unix", "scram", "workers", "multiplex".
    kind: str = "tcp"
    clients: int = 1
    # The load once more, with the system calls counted; nothing where that makes no sense.
    count: Callable[[Target, "Stage"], Figures] | None = None
    needs_prepared: bool = False
    # Once, and not in every round.
    only_once: bool = False
    # Not of the server itself.
    needs_process: bool = False
    counts_system_calls: bool = False
    # What a cell takes of time, with runs of one second.
    seconds: float = 1.3

    @property
    def title(self) -> str:
        return f"{self.group}: {self.name}"

    def visits(self, target: Target) -> bool:
        fits = target.clients_max is None or self.clients <= target.clients_max
        prepared = target.supports_prepared or not self.needs_prepared
        process = target.process is not None or not self.needs_process
        return fits and prepared and process and (target.system_calls_tell or not self.counts_system_calls)


@dataclass
class Stage:
    """Servers, the targets in front of them by kind, and the rows that can be run there."""

    name: str
    servers: Servers
    load_program: Path
    seconds: float
    folder: Path
    targets: dict[str, list[Target]] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)

    def cells(self) -> Iterator[tuple[Row, Target]]:
        for row in self.rows:
            yield from ((row, target) for target in self.targets.get(row.kind, []) if row.visits(target))


# -- Rows --


def latencies(result: dict) -> Figures:
    return {f"{name}_ms": result["latency_us"][name] / 1000 for name in ("p50", "p99", "p999")}


def transactions(mode: str, clients: int, rate: float | None = None) -> Callable[[Target, Stage], Figures]:
    def measure(target: Target, stage: Stage) -> Figures:
        result = run_load(stage.load_program, stage.servers, target, mode, clients, seconds=stage.seconds, rate=rate)
        figures = {"tps": result["tps"], **latencies(result)}
        if result["cpu_us"] is not None:
            figures["cpu_us"] = result["cpu_us"]
        return figures

    return measure


def system_calls(mode: str, clients: int) -> Callable[[Target, Stage], Figures]:
    def measure(target: Target, stage: Stage) -> Figures:
        seconds = min(stage.seconds, SYSTEM_CALL_SECONDS)
        result = run_load(
            stage.load_program, stage.servers, target, mode, clients, seconds=seconds, count_system_calls=True
        )
        return {"system_calls": result["system_calls"]}

    return measure


def copy(mode: str, size_bytes: int) -> Callable[[Target, Stage], Figures]:
    def measure(target: Target, stage: Stage) -> Figures:
        if mode == "copy-in" and stage.name == REAL:
            bulk.execute(stage.servers, "TRUNCATE bench_copy")
        result = run_load(
            stage.load_program, stage.servers, target, mode, 1, seconds=60, transactions=2, copy_bytes=size_bytes
        )
        mebibytes = result["transactions"] * size_bytes / 2**20
        figures = {"mib_per_second": mebibytes / result["seconds"]}
        if result["cpu_us"] is not None:
            figures["cpu_seconds_per_gib"] = result["cpu_us"] * result["transactions"] / 1e6 * 1024 / mebibytes
        return figures

    return measure


def pgbench(script: str, mode: str, clients: int) -> Callable[[Target, Stage], Figures]:
    def measure(target: Target, stage: Stage) -> Figures:
        cell = load.measure(
            stage.servers, target, mode, clients, 0, max(1, round(stage.seconds)), script=script, folder=stage.folder
        )
        figures = {"tps": cell.tps, **cell.percentiles_ms}
        if cell.cpu_us is not None:
            figures["cpu_us"] = cell.cpu_us
        return figures

    return measure


def idle_clients(count: int) -> Callable[[Target, Stage], Figures]:
    def measure(target: Target, stage: Stage) -> Figures:
        result = idle.run(stage.servers, target, count, lambda text: None)
        figures = {
            "bytes_per_client": result["client_bytes"],
            "bytes_per_client_later": result["client_bytes_after_query"],
        }
        if result["client_bytes_prepared"] is not None:
            figures["bytes_per_client_prepared"] = result["client_bytes_prepared"]
        return figures

    return measure


def clients_text(count: int) -> str:
    return "1 client" if count == 1 else f"{count} clients"


INSTANT = "instant server"
REAL = "PostgreSQL"


def instant_rows(clients: tuple[int, ...], idle_count: int) -> list[Row]:
    rows = [
        # First, while the proxies are fresh.
        Row("idle clients", clients_text(idle_count), idle_clients(idle_count), clients=idle_count, only_once=True,
            needs_process=True, seconds=15)
    ]  # fmt: skip

    def add(group: str, mode: str, count: int, kind: str = "tcp") -> None:
        rows.append(Row(
            group, clients_text(count), transactions(mode, count), kind, count,
            count=system_calls(mode, count) if mode in ("simple", "prepared") and 1 < count < 2000 else None,
            needs_prepared=mode in ("prepared", "pipelined"),
        ))  # fmt: skip

    for mode in MODES:
        for count in clients:
            add(mode, mode, count)
    for count in [count for count in clients if 16 < count]:
        add("2 workers, simple", "simple", count, "workers")
    for count in [count for count in clients if 16 <= count <= 256]:
        add("unix sockets, simple", "simple", count, "unix")
    for rate in RATES:
        rows.append(Row("open loop, simple", f"{rate} a second", transactions("simple", RATE_CLIENTS, rate),
                        clients=RATE_CLIENTS))  # fmt: skip
    storm = transactions("connect", STORM_CLIENTS)
    rows.append(Row("connections", "no password", storm, clients=STORM_CLIENTS))
    rows.append(Row("connections", "SCRAM", storm, "scram", STORM_CLIENTS))
    for mode, name in (("copy-out", "out"), ("copy-in", "in")):
        rows.append(Row("bulk", name, copy(mode, INSTANT_COPY_BYTES)))
    return rows


def real_rows(clients: tuple[int, ...], clients_max: int) -> list[Row]:
    """`clients_max` is what the server takes from those who do not pool."""
    rows = []
    for mode in ("simple", "prepared"):
        for count in [count for count in clients if count <= clients_max]:
            rows.append(Row(f"pgbench -S, {mode}", clients_text(count), pgbench("select-only", mode, count),
                            clients=count, needs_prepared=mode == "prepared", seconds=2.5))  # fmt: skip
        for count in [count for count in clients if 16 <= count]:
            rows.append(Row(f"multiplexing, pgbench -S, {mode}", clients_text(count),
                            pgbench("select-only", mode, count), "multiplex", count, seconds=2.5))  # fmt: skip
    for count in [count for count in clients if 16 <= count <= min(clients_max, 64)]:
        rows.append(Row("pgbench, TPC-B-like", clients_text(count), pgbench("tpcb-like", "simple", count),
                        clients=count, seconds=2.5))  # fmt: skip
    for mode, name in (("copy-out", "out"), ("copy-in", "in")):
        rows.append(Row("bulk, PostgreSQL", name, copy(mode, REAL_COPY_BYTES)))
    return rows


def chosen(rows: list[Row], pattern: str) -> list[Row]:
    wanted = re.compile(pattern)
    return [row for row in rows if wanted.search(row.title)]


# -- Running --


@dataclass(frozen=True)
class Problem:
    """A cell that came to nothing. The others are measured all the same."""

    what: str
    why: str


def estimated_minutes(stages: list[Stage], rounds: int) -> float:
    seconds = 0.0
    for stage in stages:
        for row, _ in stage.cells():
            once = row.seconds + stage.seconds - 1
            seconds += once * (1 if row.only_once else rounds) + (1 if row.count else 0)
    return seconds / 60


def run(
    stage: Stage,
    rounds: int,
    samples: Samples,
    problems: list[Problem],
    say: Callable[[str], None],
    save: Callable[[], object],
) -> None:
    """All rounds of a stage, and one more in which system calls are counted. `save` is called after each."""
    for number in range(1, rounds + 1):
        for row in stage.rows:
            if not row.only_once or number == 1:
                _run_row(stage, row, row.measure, number, samples, problems, say)
        save()
    for row in stage.rows:
        if row.count is not None:
            counting = replace(row, needs_process=True, counts_system_calls=True)
            before = len(problems)
            _run_row(stage, counting, row.count, 0, samples, problems, say)
            if any(NOT_COUNTED in problem.why for problem in problems[before:]):
                del problems[before + 1 :]  # once is enough
                break
    save()


def _run_row(
    stage: Stage,
    row: Row,
    measure: Callable[[Target, Stage], Figures],
    number: int,
    samples: Samples,
    problems: list[Problem],
    say: Callable[[str], None],
) -> None:
    targets = [target for target in stage.targets.get(row.kind, []) if row.visits(target)]
    first = number % len(targets) if targets else 0
    for target in targets[first:] + targets[:first]:
        what = f"round {number}: {row.title}: {target.name}"
        began = time.monotonic()
        try:
            figures = measure(target, stage)
        except (BenchError, ProtocolError, OSError, subprocess.SubprocessError) as error:
            problems.append(Problem(what, str(error)))
            say(f"{what}: {error}")
            continue
        if figures:
            samples.all.append(Sample(row.group, row.name, target.name, number, figures))
            text = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
            say(f"{what}: {text} [{time.monotonic() - began:.1f} s]")
