"""A gigabyte out by COPY and in again, and the memory that the proxy took for it."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from . import machine
from .report import Check, Report, Table
from .targets import BenchError, Servers, Target

ROW_BYTES = 1024  # with its line feed
PEAK_MEBIBYTES_MAX = 64

METHOD = """\
`COPY (...) TO STDOUT` and `COPY table FROM STDIN` by psql, rows of 1 KiB, into an unlogged table. The peak is VmHWM of
the process: everything that was ever resident at once since it started."""

QUERY = "COPY (SELECT repeat('x', {width}) FROM generate_series(1, {rows})) TO STDOUT"


def psql(servers: Servers, port: int, command: str, **streams) -> subprocess.Popen:
    return subprocess.Popen(
        ["psql", "-X", "-v", "ON_ERROR_STOP=1", "-c", command],
        env={"PATH": "/usr/bin:/bin", **servers.client_environment(port)},
        **streams,
    )


def execute(servers: Servers, command: str) -> None:
    if psql(servers, servers.ports[0], command, stdout=subprocess.DEVNULL).wait() != 0:
        raise BenchError(f"psql could not run: {command}")


def copy_out(servers: Servers, target: Target, rows: int) -> None:
    """Everything to `wc -c`, which must have seen every byte."""
    source = psql(servers, target.port, QUERY.format(width=ROW_BYTES - 1, rows=rows), stdout=subprocess.PIPE)
    assert source.stdout is not None
    counted = subprocess.run(["wc", "-c"], stdin=source.stdout, capture_output=True, text=True, check=True)
    source.stdout.close()
    if source.wait() != 0 or int(counted.stdout) != rows * ROW_BYTES:
        raise BenchError(f"COPY out through {target.name} brought {counted.stdout.strip()} bytes")


def copy_in(servers: Servers, target: Target, rows: int, data: Path) -> None:
    """The file into the table; the server says how many rows it took."""
    with data.open("rb") as file:
        sink = psql(servers, target.port, "COPY bench_copy FROM STDIN", stdin=file, stdout=subprocess.PIPE)
        answer = sink.communicate()[0].decode().strip()
    if answer != f"COPY {rows}":
        raise BenchError(f"COPY in through {target.name} was answered {answer!r}")


def run(
    servers: Servers, targets: list[Target], folder: Path, mebibytes: int, say: Callable[[str], None]
) -> list[dict]:
    rows = mebibytes * 1024 * 1024 // ROW_BYTES
    data = folder / "copy.data"
    with data.open("wb") as file:
        block = (b"x" * (ROW_BYTES - 1) + b"\n") * 1024
        for _ in range(rows // 1024):
            file.write(block)
    execute(servers, "DROP TABLE IF EXISTS bench_copy; CREATE UNLOGGED TABLE bench_copy (line text)")
    results = []
    try:
        for target in targets:
            result: dict = {"target": target.name, "mebibytes": mebibytes}
            for direction in ("out", "in"):
                cpu, start = target.cpu_seconds(), time.monotonic()
                if direction == "out":
                    copy_out(servers, target, rows)
                else:
                    copy_in(servers, target, rows, data)
                result[f"{direction}_mib_per_second"] = mebibytes / (time.monotonic() - start)
                result[f"{direction}_cpu_seconds_per_gib"] = (target.cpu_seconds() - cpu) * 1024 / mebibytes
                say(f"{target.name}: {direction}, {result[f'{direction}_mib_per_second']:.0f} MiB/s")
            if target.process:
                result["peak_mebibytes"] = machine.resident_peak_bytes(target.pid) / 1024**2
            execute(servers, "TRUNCATE bench_copy")
            results.append(result)
    finally:
        data.unlink()
        execute(servers, "DROP TABLE bench_copy")
    return results


def summarize(results: list[dict], facts: dict[str, str]) -> Report:
    report = Report("copy", facts, METHOD, raw=results)
    table = Table(["target", "out, MiB/s", "CPU, s/GiB", "in, MiB/s", "CPU, s/GiB", "peak, MiB"])
    for result in results:
        is_proxy = "peak_mebibytes" in result
        row = [result["target"]]
        for direction in ("out", "in"):
            row.append(f"{result[f'{direction}_mib_per_second']:.0f}")
            row.append(f"{result[f'{direction}_cpu_seconds_per_gib']:.2f}" if is_proxy else "-")
        table.rows.append([*row, f"{result['peak_mebibytes']:.1f}" if is_proxy else "-"])
        if result["target"] == "pgring":
            size = f"{result['mebibytes']} MiB"
            what = f"pgring's peak memory for COPY of {size} out and in"
            report.checks.append(Check(what, result["peak_mebibytes"], PEAK_MEBIBYTES_MAX, " MiB"))
    report.tables.append(("COPY", table))
    return report
