#!/usr/bin/python3
"""Runs a driver's test programme in front of a real cluster.

    run_driver.py PGRING LOG_FOLDER PROGRAM [ARGUMENT...]

Brings a cluster up in a folder of its own, starts pgring with two backends for all clients in transaction mode, and
runs the programme with the connection in libpq's environment variables. Its status is the programme's.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
sys.dont_write_bytecode = True

from lib.account import ClusterError  # noqa: E402
from lib.cluster import Cluster  # noqa: E402
from lib.pgring_process import PgringError, PgringProcess, free_port  # noqa: E402

PROGRAM_SECONDS = 120
# More clients than backends of any server: what one session leaves, another would meet.
POOL_SIZE = 2


def free_pair(first: int) -> int:
    """A free port with a free one behind it."""
    port = free_port(first)
    while free_port(port + 1) != port + 1:
        port = free_port(port + 2)
    return port


def run_program(cluster: Cluster, pgring: PgringProcess, command: list[str]) -> int:
    parameters = pgring.connection_parameters()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    environment |= {
        "PGHOST": str(parameters["host"]),
        "PGPORT": str(pgring.port),
        "PGDATABASE": str(parameters["dbname"]),
        "PGUSER": str(parameters["user"]),
        "PGPASSWORD": str(parameters["password"]),
        "PGSSLMODE": "disable",
    }
    return subprocess.run(command, env=environment, timeout=PROGRAM_SECONDS).returncode


def main() -> int:
    if len(sys.argv) < 4:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    # meson ends a test that takes too long by SIGTERM: leave by the exits that tidy up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    program, log_folder = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    log_folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="pgring-driver-"))
    folder.chmod(0o755)
    cluster = Cluster(folder / "cluster")
    try:
        cluster.up(port=free_pair(6900), fsync=False)
        with PgringProcess(
            cluster, program, log_folder, port=free_port(6932), default_pool_size=POOL_SIZE, query_wait_timeout="20s"
        ) as pgring:
            return run_program(cluster, pgring, sys.argv[3:])
    except (ClusterError, PgringError, subprocess.TimeoutExpired) as error:
        print(f"run_driver: {error}", file=sys.stderr)
        return 1
    finally:
        if cluster.layout.marker.exists():
            cluster.down(destroy=True)
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
