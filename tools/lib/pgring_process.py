"""A pgring of one's own in front of a cluster: its configuration, its start, its end.

    with PgringProcess(cluster, program, folder, port=6432) as pgring:
        ...
"""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from .cluster import Cluster

# What has to stand in the log before clients are served from both nodes.
SERVING = ("listening", "primary_found", "standby_found")
START_SECONDS = 20
STOP_SECONDS = 10


class PgringError(Exception):
    """What went wrong, in words for the person at the terminal."""


def environment_of(cluster: Cluster) -> dict[str, str]:
    """The variables of the cluster's .env."""
    lines = cluster.layout.environment.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def toml(value: object) -> str:
    """A value as TOML writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_ports(first: int, count: int) -> int:
    """The first of `count` ports side by side, at or above `first` and below those of outgoing connections, on which nobody listens."""
    for port in range(first, 32768 - count + 1):
        if all(is_free(port + offset) for offset in range(count)):
            return port
    raise PgringError(f"no {count} ports side by side from {first} on are free")


def free_port(first: int) -> int:
    return free_ports(first, 1)


class PgringProcess:
    """pgring with the given options of its section [pgring]; the other sections are the cluster's.

    Its configuration and log are `folder`/NAME.toml and .log. Passwords stay out of both: it finds the monitor's in
    its environment and the clients' in the cluster's user list.
    """

    def __init__(self, cluster: Cluster, program: Path, folder: Path, *, name: str = "pgring", **options):
        self.cluster = cluster
        self.program = program
        self.configuration = folder / f"{name}.toml"
        self.log_file = folder / f"{name}.log"
        self.port = options.pop("port", None) or free_port(6732)
        self.options = {"listen_port": self.port, "auth_file": str(cluster.layout.user_list)} | options
        self.process: subprocess.Popen | None = None

    def __enter__(self) -> "PgringProcess":
        self.start()
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def start(self, *, detached: bool = False) -> None:
        """Starts it and returns when it serves. A detached one outlives this programme."""
        self.configuration.write_text(self._configuration_text())
        secrets = environment_of(self.cluster)
        names = ("PGRING_MONITOR_USER", "PGRING_MONITOR_PASSWORD")
        ambient = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "POSTGRES_"))}
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [self.program, "--config", self.configuration],
                env=ambient | {variable: secrets[variable] for variable in names},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=detached,
            )
        deadline = time.monotonic() + START_SECONDS
        while not all(word in self.log() for word in SERVING):
            if self.process.poll() is not None or time.monotonic() > deadline:
                last = "\n".join(self.log().splitlines()[-5:])
                self.stop()
                raise PgringError(f"pgring does not serve; the end of {self.log_file}:\n{last}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Ends it at once (SIGINT); harmless when it is not running."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def connection_parameters(self) -> dict[str, object]:
        """How an application connects, for psycopg.connect()."""
        secrets = environment_of(self.cluster)
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "dbname": secrets["POSTGRES_DB"],
            "user": secrets["POSTGRES_USER"],
            "password": secrets["POSTGRES_PASSWORD"],
            "sslmode": "disable",
        }

    def _configuration_text(self) -> str:
        lines = ["# Written by tools/lib/pgring_process.py.", "[pgring]"]
        lines += [f"{name} = {toml(value)}" for name, value in self.options.items()]
        lines += ["[health]"]
        lines += ['health_check_user = "${PGRING_MONITOR_USER}"', 'health_check_password = "${PGRING_MONITOR_PASSWORD}"']
        for node in self.cluster.nodes():
            lines += [f"[servers.{node.name}]", 'host = "127.0.0.1"', f"port = {node.port}"]
        return "\n".join(lines) + "\n"
