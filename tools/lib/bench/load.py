"""pgbench, one run at a time."""

import math
import re
import subprocess
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

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
    # Of each transaction's latency, where pgbench was asked to log them.
    percentiles_ms: dict[str, float] = field(default_factory=dict)

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


def pgbench(servers: Servers, target: Target | None, *arguments: str, seconds: float, folder: Path | None = None) -> str:
    """What it prints, run through `target` or at the server itself; in `folder` it may write its logs."""
    port, host = (target.port, target.host) if target else (servers.ports[0], servers.host)
    result = subprocess.run(
        ["pgbench", *arguments],
        env={"PATH": "/usr/bin:/bin", **servers.client_environment(port, host)},
        cwd=folder,
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
    pgbench(servers, None, "-i", "-q", "-s", str(SCALE), seconds=300)


def measure_logins(servers: Servers, target: Target, options: tuple[str, ...], clients: int) -> Logins:
    """What it takes to connect so many, from a run in which each of them makes one transaction."""
    before = target.cpu_seconds()
    output = pgbench(servers, target, *options, "-t", "1", seconds=60)
    cpu_seconds = target.cpu_seconds() - before
    return Logins(number_in(output, r"initial connection time = ([\d.]+) ms") / 1000, cpu_seconds, clients)


def measure(
    servers: Servers,
    target: Target,
    mode: str,
    clients: int,
    number: int,
    seconds: int,
    script: str = "select-only",
    folder: Path | None = None,
) -> Cell:
    """pgbench for so many seconds, and what CPU time it cost the proxy. With a folder to log in, percentiles of the latency
    besides."""
    options = ("-b", script, "-n", "-M", mode, "-c", str(clients), "-j", "1")
    for _ in range(ATTEMPTS):
        logins = NO_LOGINS if target.pools else measure_logins(servers, target, options, clients)
        seconds_in_all = seconds + math.ceil(logins.seconds * 1.25)  # pgbench's time runs while it connects
        percentiles_ms = {}
        with tempfile.TemporaryDirectory(dir=folder) as logs:
            log_options = ("-l",) if folder else ()
            before = target.cpu_seconds()
            output = pgbench(
                servers, target, *options, *log_options, "-T", str(seconds_in_all),
                seconds=seconds_in_all + 60, folder=Path(logs),
            )  # fmt: skip
            cpu_seconds = target.cpu_seconds() - before - logins.cpu_seconds
            if folder:
                percentiles_ms = percentiles_of(Path(logs))
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
            percentiles_ms=percentiles_ms,
        )
    raise BenchError(f"pgbench made no transaction through {target.name} with {clients} clients in {seconds} s")


def percentiles_of(folder: Path) -> dict[str, float]:
    """From pgbench's logs, of which the third word of a line is a transaction's latency in microseconds."""
    lines = (line for file in folder.glob("pgbench_log.*") for line in file.read_text().splitlines())
    ordered = sorted(int(line.split(maxsplit=3)[2]) for line in lines)
    if not ordered:
        return {}
    shares = {"p50_ms": 0.5, "p99_ms": 0.99, "p999_ms": 0.999}
    return {name: ordered[math.ceil(len(ordered) * share) - 1] / 1000 for name, share in shares.items()}


def number_in(output: str, pattern: str) -> float:
    found = re.search(pattern, output)
    if found is None:
        raise BenchError(f"pgbench's output lacks {pattern!r}:\n{output}")
    return float(found[1])
