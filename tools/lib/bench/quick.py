"""pgbench -S through pgring, through pgbouncer and directly, in interleaved rounds."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from .load import Cell, measure
from .report import Check, Report, Table
from .targets import Servers, Target

CPU_RATIO_MAX = 0.75

METHOD = """\
`pgbench -S`, one thread, against one PostgreSQL; every round visits all targets one after the other, so that what else the
machine does touches all of them alike. Figures are medians over the rounds. CPU is user and system time of the proxy's
whole process per transaction, logins of the run included. A ratio is pgring's figure over pgbouncer's of the same round:
median (smallest to largest)."""


@dataclass(frozen=True)
class Plan:
    clients: tuple[int, ...]
    modes: tuple[str, ...]
    rounds: int
    seconds: int


def run(servers: Servers, targets: list[Target], plan: Plan, say: Callable[[str], None]) -> list[Cell]:
    for target in targets:
        measure(servers, target, "simple", plan.clients[0], 0, 1)  # opens the backends, fills the caches
    cells = []
    for number in range(1, plan.rounds + 1):
        for mode in plan.modes:
            for clients in plan.clients:
                for target in targets:
                    if mode == "prepared" and not target.supports_prepared:
                        continue
                    cell = measure(servers, target, mode, clients, number, plan.seconds)
                    cells.append(cell)
                    cpu = "" if cell.cpu_us is None else f", {cell.cpu_us:.1f} us of CPU each"
                    say(f"round {number}: {mode}, {clients} clients, {cell.target}: {cell.tps:.0f} tps{cpu}")
    return cells


def ratios(cells: list[Cell], mode: str, clients: int, figure: str) -> list[float]:
    """pgring's figure over pgbouncer's, round by round."""
    figures = {(c.target, c.round): getattr(c, figure) for c in cells if (c.mode, c.clients) == (mode, clients)}
    rounds = [number for target, number in figures if target == "pgring"]
    return [figures["pgring", n] / figures["pgbouncer", n] for n in rounds if ("pgbouncer", n) in figures]


def spread(values: list[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})" if values else "-"


def summarize(cells: list[Cell], plan: Plan, facts: dict[str, str]) -> Report:
    report = Report("quick", facts, METHOD, raw=[cell.to_json() for cell in cells])
    for mode in plan.modes:
        report.tables.append((f"-M {mode}", figures_table(cells, mode)))
    table = Table(["pgring / pgbouncer", "CPU per transaction", "throughput", "average latency"])
    for mode in plan.modes:
        for clients in plan.clients:
            if cpu := ratios(cells, mode, clients, "cpu_us"):
                others = (ratios(cells, mode, clients, figure) for figure in ("tps", "latency_ms"))
                table.rows.append([f"{mode}, {clients} clients", spread(cpu), *map(spread, others)])
                what = f"CPU per transaction over pgbouncer's, {mode}, {clients} clients"
                report.checks.append(Check(what, median(cpu), CPU_RATIO_MAX))
    report.tables.append(("Ratios", table))
    return report


def figures_table(cells: list[Cell], mode: str) -> Table:
    table = Table(["target", "clients", "tps", "average latency, ms", "CPU, us a transaction"])
    of_mode = [cell for cell in cells if cell.mode == mode]
    for clients, target in dict.fromkeys((cell.clients, cell.target) for cell in of_mode):
        rows = [cell for cell in of_mode if (cell.clients, cell.target) == (clients, target)]
        cpu = [cell.cpu_us for cell in rows if cell.cpu_us is not None]
        table.rows.append([
            target,
            str(clients),
            f"{median(cell.tps for cell in rows):.0f}",
            f"{median(cell.latency_ms for cell in rows):.2f}",
            f"{median(cpu):.1f} ({min(cpu):.1f} to {max(cpu):.1f})" if cpu else "-",
        ])  # fmt: skip
    return table
