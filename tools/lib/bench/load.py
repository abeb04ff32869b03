"""pgbench, one run at a time."""

import math
import re
import subprocess
from dataclasses import asdict, dataclass

from .targets import BenchError, Servers, Target

SCALE = 10
# A run comes to nothing where connecting takes much longer than it did a moment before.
ATTEMPTS = 3


@dataclass(frozen=True)
class Cell:
    """One run against one target."""

    target: str
    mode: str
    clients: int
    round: int
    transactions: int
    tps: float
    latency_ms: float
    cpu_us: float | None

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Logins:
    """What a run has in it besides its transactions, where each client logs in at the server itself. Pools log in once and for
    all, and what their clients' logins cost counts as theirs."""

    seconds: float
    cpu_seconds: float
    transactions: int


NO_LOGINS = Logins(0, 0, 0)


def pgbench(servers: Servers, port: int, *arguments: str, seconds: float) -> str:
    result = subprocess.run(
        ["pgbench", *arguments],
        env={"PATH": "/usr/bin:/bin", **servers.client_environment(port)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    if result.returncode != 0:
        complaint = result.stderr.strip().splitlines()
        raise BenchError(f"pgbench at port {port} failed: {complaint[-1] if complaint else result.returncode}")
    return result.stdout


def initialize(servers: Servers) -> None:
    """Makes pgbench's tables where they are not; the standby has them a moment later."""
    pgbench(servers, servers.ports[0], "-i", "-q", "-s", str(SCALE), seconds=300)


def measure_logins(servers: Servers, target: Target, mode: str, clients: int) -> Logins:
    """What it takes to connect so many, from a run in which each of them makes one transaction."""
    before = target.cpu_seconds()
    output = pgbench(servers, target.port, *arguments(mode, clients), "-t", "1", seconds=60)
    cpu_seconds = target.cpu_seconds() - before
    return Logins(number_in(output, r"initial connection time = ([\d.]+) ms") / 1000, cpu_seconds, clients)


def measure(servers: Servers, target: Target, mode: str, clients: int, number: int, seconds: int) -> Cell:
    """pgbench -S for so many seconds, and what CPU time it cost the proxy."""
    for _ in range(ATTEMPTS):
        logins = NO_LOGINS if target.pools else measure_logins(servers, target, mode, clients)
        seconds_in_all = seconds + math.ceil(logins.seconds * 1.25)  # pgbench's time runs while it connects
        before = target.cpu_seconds()
        output = pgbench(
            servers, target.port, *arguments(mode, clients), "-T", str(seconds_in_all), seconds=seconds_in_all + 60
        )
        cpu_seconds = target.cpu_seconds() - before - logins.cpu_seconds
        processed = int(number_in(output, r"transactions actually processed: (\d+)"))
        transactions = processed - logins.transactions
        if transactions <= 0:
            continue
        return Cell(
            target=target.name,
            mode=mode,
            clients=clients,
            round=number,
            transactions=transactions,
            tps=number_in(output, r"tps = ([\d.]+) \(without initial"),
            latency_ms=number_in(output, r"latency average = ([\d.]+) ms"),
            cpu_us=cpu_seconds * 1e6 / transactions if target.process else None,
        )
    raise BenchError(f"pgbench made no transaction through {target.name} with {clients} clients in {seconds} s")


def arguments(mode: str, clients: int) -> tuple[str, ...]:
    return ("-S", "-n", "-M", mode, "-c", str(clients), "-j", "1")


def number_in(output: str, pattern: str) -> float:
    found = re.search(pattern, output)
    if found is None:
        raise BenchError(f"pgbench's output lacks {pattern!r}:\n{output}")
    return float(found[1])
