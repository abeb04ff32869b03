"""What is measured: pgring, pgbouncer, the server itself, and the floor."""

import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from ..account import Account
from . import machine
from .protocol import Client, ProtocolError

START_SECONDS = 15


class BenchError(Exception):
    """What went wrong and what to do about it, in words for the person at the terminal."""


@dataclass(frozen=True)
class Servers:
    """The PostgreSQL servers behind the proxies, and who logs in there."""

    ports: tuple[int, ...]
    database: str
    user: str
    password: str
    monitor_user: str
    monitor_password: str

    def client_environment(self, port: int) -> dict[str, str]:
        """The variables by which libpq's programmes find their way; the proxies ask for no password."""
        return {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(port),
            "PGDATABASE": self.database,
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
        }

    def connections_max(self) -> int:
        """How many connections the first server takes from this user."""
        limits = ("max_connections", "superuser_reserved_connections")
        allowed, reserved = (int(self.ask(self.ports[0], f"SHOW {name}")) for name in limits)
        return allowed - reserved

    def ask(self, port: int, statement: str) -> str:
        """What psql prints, at the server or through whatever listens at `port`."""
        result = subprocess.run(
            ["psql", "-XAtc", statement],
            env={"PATH": "/usr/bin:/bin", **self.client_environment(port)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if result.returncode != 0:
            raise BenchError(f"psql at port {port} failed: {result.stderr.strip()}")
        return result.stdout


@dataclass
class Target:
    """Something with a port to measure. Without a process it is the server itself."""

    name: str
    port: int
    version: str = ""
    process: subprocess.Popen | None = None
    log: Path | None = None
    settings: dict[str, object] = field(default_factory=dict)
    supports_prepared: bool = True
    # Whether many clients share few connections to the server. Without it each one's login is the server's: a process to
    # start and a password to prove.
    pools: bool = True

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def cpu_seconds(self) -> float:
        """CPU time of the proxy so far; nothing for the server itself."""
        return machine.cpu_seconds(self.pid) if self.process else 0.0

    def wait_until_serving(self, servers: Servers) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            if self.process and self.process.poll() is not None:
                raise BenchError(f"{self.name} ended with status {self.process.returncode}; see {self.log}")
            try:
                if self.pools:
                    client = Client(self.port, servers.user, servers.database, seconds=START_SECONDS)
                    client.query("SELECT 1")
                    client.close()
                else:
                    servers.ask(self.port, "SELECT 1")  # with the password that the server wants
                return
            except (OSError, ProtocolError, BenchError) as error:
                if time.monotonic() > deadline:
                    raise BenchError(f"{self.name} does not serve: {error}; see {self.log}") from None
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def direct(servers: Servers) -> Target:
    version = subprocess.run(["pgbench", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    return Target("direct", servers.ports[0], version, pools=False)


def start_floor(servers: Servers, program: Path, folder: Path, **options) -> Target:
    """bench/relay; `options`: port."""
    log = folder / "floor.log"
    arguments = ["--listen", str(options["port"]), "--connect", f"127.0.0.1:{servers.ports[0]}"]
    with log.open("wb") as output:
        process = subprocess.Popen([program, *arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    version = "bench/relay, a server connection for each client"
    return wait_for(Target("floor", options["port"], version, process, log, pools=False), servers)


def start_pgring(servers: Servers, program: Path, folder: Path, **options) -> Target:
    """`options`: name, port, workers, pool_size, and server_count of the servers it knows."""
    name = options.get("name", "pgring")
    settings = {
        "listen_port": options["port"],
        "workers": options.get("workers", 1),
        "default_pool_size": options.get("pool_size", 20),
        "auth_type": "trust",
        "auth_file": str(write_user_list(servers, folder)),
        "log_connections": False,
        "log_disconnections": False,
    }
    lines = ["[pgring]", *(f"{key} = {toml(value)}" for key, value in settings.items())]
    lines += ["[health]", f"health_check_user = {toml(servers.monitor_user)}"]
    lines += [f"health_check_password = {toml(servers.monitor_password)}"]
    for number, port in enumerate(servers.ports[: options.get("server_count", 1)]):
        lines += [f"[servers.pg-{number}]", 'host = "127.0.0.1"', f"port = {port}"]
    configuration = private_file(folder / f"{name}.toml", "\n".join(lines) + "\n")
    log = folder / f"{name}.log"
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, "--config", configuration], stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    return wait_for(Target(name, options["port"], version, process, log, public(settings)), servers)


def start_pgbouncer(servers: Servers, program: str, folder: Path, **options) -> Target:
    """`options`: port and pool_size."""
    account = Account.for_servers()
    settings = {
        "listen_addr": "127.0.0.1",
        "listen_port": options["port"],
        "unix_socket_dir": "",
        "auth_type": "trust",
        "auth_file": account.own(write_user_list(servers, folder), 0o600),
        "pool_mode": "transaction",
        "default_pool_size": options.get("pool_size", 20),
        "max_client_conn": 10000,
        "log_connections": 0,
        "log_disconnections": 0,
    }
    text = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"(\d+)\.(\d+)[.\d]*", text)
    if version is None:
        raise BenchError(f"{program} --version says nothing that looks like a version: {text!r}")
    # Prepared statements in transaction pooling are in pgbouncer 1.21 and later, and off by default.
    supports_prepared = (int(version[1]), int(version[2])) >= (1, 21)
    if supports_prepared:
        settings["max_prepared_statements"] = 200
    lines = ["[databases]", f"* = host=127.0.0.1 port={servers.ports[0]}", "[pgbouncer]"]
    lines += [f"{key} = {value}" for key, value in settings.items()]
    configuration = account.own(private_file(folder / "pgbouncer.ini", "\n".join(lines) + "\n"), 0o600)
    log = folder / "pgbouncer.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, configuration],
            cwd="/",
            env=account.environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            **account.identity(),
        )
    target = Target("pgbouncer", options["port"], version[0], process, log, public(settings), supports_prepared)
    return wait_for(target, servers)


def wait_for(target: Target, servers: Servers) -> Target:
    try:
        target.wait_until_serving(servers)
    except BaseException:
        target.stop()
        raise
    return target


def write_user_list(servers: Servers, folder: Path) -> Path:
    """What both proxies log in at the servers with."""
    return private_file(folder / "userlist.txt", f'"{servers.user}" "{servers.password}"\n')


def private_file(path: Path, text: str) -> Path:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    return path


def toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else f'"{value}"'


def public(settings: dict[str, object]) -> dict[str, object]:
    """What of the settings belongs into a report."""
    return {key: value for key, value in settings.items() if key not in ("auth_file", "unix_socket_dir")}
