"""bench/load and bench/backend, run from here."""

import json
import os
import subprocess
from pathlib import Path

from .targets import BenchError, Servers, Target, start, wait_for

# What the instant server is told; it lets everybody in.
INSTANT_USER = "bench"
INSTANT_PASSWORD = "instant"


def start_backend(program: Path, folder: Path, port: int) -> tuple[Target, Servers]:
    """An instant server, also at a unix socket in `folder`."""
    log = folder / "backend.log"
    process = start(log, [program, "--listen", str(port), "--unix-socket-dir", folder])
    servers = Servers((port,), INSTANT_USER, INSTANT_USER, INSTANT_PASSWORD, INSTANT_USER, INSTANT_PASSWORD)
    return wait_for(Target("instant server", port, "bench/backend", process, log), servers), servers


def run_load(
    program: Path, servers: Servers, target: Target, mode: str, clients: int, *, seconds: float, **options
) -> dict:
    """What bench/load prints. `options` are its own, with underscores: warmup, transactions, rate, copy_bytes,
    count_system_calls."""
    command = [str(program), "--connect", f"{target.host}:{target.port}", "--user", servers.user]
    command += ["--database", servers.database, "--mode", mode, "--clients", str(clients), "--seconds", str(seconds)]
    if target.process:
        command += ["--meter", str(target.pid)]
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            command.append(flag)
        elif value is not None and value is not False:
            command += [flag, str(value)]
    environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "PGPASSWORD": servers.password}
    try:
        result = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds + 120
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"bench/load through {target.name} did not end") from None
    if result.returncode != 0:
        raise BenchError(f"bench/load through {target.name}: {result.stderr.strip()}")
    return json.loads(result.stdout)
