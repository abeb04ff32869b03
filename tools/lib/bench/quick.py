"""pgbench -S through pgring, through pgbouncer, through the floor, and directly, in interleaved rounds."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from statistics import median

from .load import Cell, measure
from .report import Check, Report, Table
from .targets import Servers, Target

CPU_RATIO_MAX = 0.75
# No ratio is made of the other targets, so fewer rounds do for them.
COMPARED = ("pgring", "floor", "pgbouncer")
OTHERS_EVERY = 3

METHOD = f"""\
`pgbench -S`, one thread, against one PostgreSQL; every round visits its targets one after the other, so that what else the
machine does touches all of them alike. Many short rounds: the median of many pairs moves less than that of a few long ones.
Targets that no ratio is made of are visited in one round of {OTHERS_EVERY}. Figures are medians over the rounds. CPU is user
and system time of the proxy's whole process per transaction, logins of the run included (not the floor's). A ratio is one
target's figure over the other's of the same round: median (smallest to largest).

The floor is bench/relay, pgring's engine blindly moving bytes: no proxy on this engine can move them for less. It opens a
server connection for each client: what their logins cost is subtracted (a run of one transaction a client says it), but with
many connections less is done at once, so that a pool can come out below it."""


@dataclass(frozen=True)
class Plan:
    clients: tuple[int, ...]
    modes: tuple[str, ...]
    rounds: int
    seconds: int
    # More than these the server cannot take from targets without a pool.
    unpooled_clients_max: int

    def left_out(self, target: Target, clients: int) -> bool:
        return not target.pools and clients > self.unpooled_clients_max


def run(servers: Servers, targets: list[Target], plan: Plan, say: Callable[[str], None]) -> list[Cell]:
    for target in targets:
        for clients in filter(lambda count: plan.left_out(target, count), plan.clients):
            say(f"{target.name}: no {clients} clients, max_connections leaves room for {plan.unpooled_clients_max}")
        if not plan.left_out(target, plan.clients[0]):
            measure(servers, target, "simple", plan.clients[0], 0, 1)  # opens the backends, fills the caches
    cells = []
    for number in range(1, plan.rounds + 1):
        for mode in plan.modes:
            for clients in plan.clients:
                for target in targets_of(number, targets):
                    if (mode == "prepared" and not target.supports_prepared) or plan.left_out(target, clients):
                        continue
                    cell = measure(servers, target, mode, clients, number, plan.seconds)
                    cells.append(cell)
                    cpu = "" if cell.cpu_us is None else f", {cell.cpu_us:.1f} us of CPU each"
                    say(f"round {number}: {mode}, {clients} clients, {cell.target}: {cell.tps:.0f} tps{cpu}")
    return cells


def targets_of(number: int, targets: list[Target]) -> list[Target]:
    """Those that a round visits."""
    return [target for target in targets if target.name in COMPARED or number % OTHERS_EVERY == 1]


def ratios(cells: list[Cell], over: str, under: str, figure: str = "cpu_us") -> list[float]:
    """One target's figure over the other's, round by round; `cells` are of one mode and number of clients."""
    figures = {(cell.target, cell.round): getattr(cell, figure) for cell in cells}
    rounds = [number for target, number in figures if target == over]
    return [figures[over, n] / figures[under, n] for n in rounds if (under, n) in figures]


def spread(values: list[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})" if values else "-"


def summarize(cells: list[Cell], plan: Plan, facts: dict[str, str]) -> Report:
    report = Report("quick", facts, METHOD, raw=[cell.to_json() for cell in cells])
    for mode in plan.modes:
        report.tables.append((f"-M {mode}", figures_table(cells, mode)))
    table = Table(["pgring / pgbouncer", "CPU per transaction", "throughput", "average latency"])
    floor_table = Table(["CPU per transaction", "pgring / floor", "floor / pgbouncer"])
    for mode, clients in product(plan.modes, plan.clients):
        what = f"{mode}, {clients} clients"
        these = [cell for cell in cells if (cell.mode, cell.clients) == (mode, clients)]
        if cpu := ratios(these, "pgring", "pgbouncer"):
            others = (ratios(these, "pgring", "pgbouncer", figure) for figure in ("tps", "latency_ms"))
            table.rows.append([what, spread(cpu), *map(spread, others)])
            report.checks.append(Check(f"CPU per transaction over pgbouncer's, {what}", median(cpu), CPU_RATIO_MAX))
        if above := ratios(these, "pgring", "floor"):
            floor_table.rows.append([what, spread(above), spread(ratios(these, "floor", "pgbouncer"))])
    report.tables.append(("Ratios", table))
    if floor_table.rows:
        report.tables.append(("Ratios to the floor", floor_table))
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
