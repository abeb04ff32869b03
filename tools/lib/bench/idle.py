"""What thousands of clients cost that are logged in and silent."""

import time
from collections.abc import Callable

from . import machine
from .protocol import Client
from .report import Check, Report, Table
from .targets import Servers, Target

CLIENT_BYTES_MAX = 2048
STATEMENTS = 20

METHOD = """\
A fresh proxy; one client logs in, asks, and leaves. Then all clients log in one after the other and stay silent. Memory
is the process's proportional set size (smaps_rollup), after minus before, over the number of clients; the kernel's part
of a socket is not in it. Then each client asks once, and the memory is read again; then each prepares 20 statements, the
same ones as the others, where the proxy has prepared statements in transaction pooling."""


def settled_bytes(target: Target) -> int:
    """The memory once it has stopped moving."""
    time.sleep(0.5)
    return machine.tree_proportional_bytes(target.pid)


def prepare(target: Target, clients: list[Client]) -> int:
    """The memory with the statements of all."""
    for client in clients:
        for number in range(STATEMENTS):
            client.prepare(f"statement_{number}", f"SELECT relname FROM pg_class WHERE oid = {number}")
    return settled_bytes(target)


def run(servers: Servers, target: Target, count: int, say: Callable[[str], None]) -> dict:
    machine.raise_descriptor_limit(count + 64)
    before = settled_bytes(target)
    clients = []
    try:
        for _ in range(count):
            clients.append(Client(target.port, servers.user, servers.database))
        logged_in = settled_bytes(target)
        for client in clients:
            client.query("SELECT 1")
        asked = settled_bytes(target)
        prepared = prepare(target, clients) if target.supports_prepared else None
    finally:
        for client in clients:
            client.close()
    result = {
        "target": target.name,
        "clients": count,
        "before_bytes": before,
        "client_bytes": (logged_in - before) / count,
        "client_bytes_after_query": (asked - before) / count,
        "client_bytes_prepared": None if prepared is None else (prepared - before) / count,
    }
    say(f"{target.name}: {result['client_bytes']:.0f} bytes a client, {result['client_bytes_after_query']:.0f} later")
    return result


def summarize(results: list[dict], facts: dict[str, str]) -> Report:
    report = Report("idle", facts, METHOD, raw=results)
    prepared_title = f"with {STATEMENTS} statements each"
    table = Table(["target", "clients", "before, MiB", "bytes a client", "after a query each", prepared_title])
    for result in results:
        table.rows.append([
            result["target"],
            str(result["clients"]),
            f"{result['before_bytes'] / 1024**2:.1f}",
            f"{result['client_bytes']:.0f}",
            f"{result['client_bytes_after_query']:.0f}",
            "-" if result["client_bytes_prepared"] is None else f"{result['client_bytes_prepared']:.0f}",
        ])  # fmt: skip
        if result["target"] == "pgring":
            for when, key in (("", "client_bytes"), (", after a query each", "client_bytes_after_query")):
                what = f"memory of an idle client, {result['clients']} of them{when}"
                report.checks.append(Check(what, result[key], CLIENT_BYTES_MAX, " bytes"))
    report.tables.append(("Idle clients", table))
    return report
