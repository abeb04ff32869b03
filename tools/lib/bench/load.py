"""pgbench, one run at a time."""

import re
import subprocess
from dataclasses import asdict, dataclass

from .targets import BenchError, Servers, Target

SCALE = 10


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


def measure(servers: Servers, target: Target, mode: str, clients: int, number: int, seconds: int) -> Cell:
    """pgbench -S for so many seconds, and what CPU time it cost the proxy."""
    if target.process is None:
        # pgbench's time runs while it connects, and each direct connection is a process to start and a password to prove.
        seconds += clients // 64
    before = target.cpu_seconds()
    output = pgbench(
        servers, target.port, "-S", "-n", "-M", mode, "-c", str(clients), "-j", "1", "-T", str(seconds),
        seconds=seconds + 60,
    )  # fmt: skip
    cpu_seconds = target.cpu_seconds() - before
    transactions = int(number_in(output, r"transactions actually processed: (\d+)"))
    if transactions == 0:
        raise BenchError(f"pgbench made no transaction through {target.name}")
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


def number_in(output: str, pattern: str) -> float:
    found = re.search(pattern, output)
    if found is None:
        raise BenchError(f"pgbench's output lacks {pattern!r}:\n{output}")
    return float(found[1])
