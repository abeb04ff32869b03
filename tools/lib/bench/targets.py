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
# At once; the proxies' own limits are set to it.
CLIENTS_MAX = 12000


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
    # Where the proxies find them; the folder of a unix socket begins with a slash.
    host: str = "127.0.0.1"

    def client_environment(self, port: int, host: str = "127.0.0.1") -> dict[str, str]:
        """The variables by which libpq's programmes find their way."""
        return {
            "PGHOST": host,
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

    def ask(self, port: int, statement: str, host: str = "127.0.0.1") -> str:
        """What psql prints, at the server or through whatever listens at `port`."""
        result = subprocess.run(
            ["psql", "-XAtc", statement],
            env={"PATH": "/usr/bin:/bin", **self.client_environment(port, host)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
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
    # Where clients connect to.
    host: str = "127.0.0.1"
    # More clients it is not set up for, or cannot take.
    clients_max: int | None = None
    # It asks clients for a password.
    asks_password: bool = False
    # Whether the system calls that it makes are its own.
    system_calls_tell: bool = True
    # Whether many clients share few connections to the server. Without it each one's login is the server's: a process to
    # start and a password to prove.
    pools: bool = True

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def cpu_seconds(self) -> float:
        """CPU time of the proxy so far; nothing for the server itself."""
        return machine.tree_cpu_seconds(self.pid) if self.process else 0.0

    def wait_until_serving(self, servers: Servers) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            if self.process and self.process.poll() is not None:
                raise BenchError(f"{self.name} ended with status {self.process.returncode}; see {self.log}")
            try:
                if self.pools and not self.asks_password and not self.host.startswith("/"):
                    client = Client(self.port, servers.user, servers.database, seconds=START_SECONDS)
                    client.query("SELECT 1")
                    client.close()
                else:
                    servers.ask(self.port, "SELECT 1", host=self.host)  # with the password that the server wants
                return
            except (OSError, ProtocolError, BenchError, subprocess.TimeoutExpired) as error:
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
    arguments = ["--listen", str(options["port"]), "--connect", f"{servers.host}:{servers.ports[0]}"]
    process = start(log, [program, *arguments])
    version = "bench/relay, a server connection for each client"
    target = Target("floor", options["port"], version, process, log, pools=False)
    target.clients_max = machine.descriptors_max() // 2 - 50
    return wait_for(target, servers)


def start_pgring(servers: Servers, program: Path, folder: Path, **options) -> Target:
    """`options`: name, port, workers, pool_size, server_count of the servers it knows, auth_type, unix_socket_dir,
    multiplex, and handicap, the share by which that programme is to be slower."""
    name = options.get("name", "pgring")
    file = options.get("file", name)
    by_unix_socket = "unix_socket_dir" in options
    settings = {
        "listen_port": options["port"],
        "workers": options.get("workers", 1),
        "default_pool_size": options.get("pool_size", 20),
        "auth_type": options.get("auth_type", "trust"),
        "auth_file": str(write_user_list(servers, folder, f"{file}.users", options.get("secret"))),
        "max_client_conn": CLIENTS_MAX,
        "log_connections": False,
        "log_disconnections": False,
    }
    if "multiplex" in options:
        settings["multiplex"] = options["multiplex"]
    if by_unix_socket:
        settings["unix_socket_dir"] = str(options["unix_socket_dir"])
    lines = ["[pgring]", *(f"{key} = {toml(value)}" for key, value in settings.items())]
    lines += ["[health]", f"health_check_user = {toml(servers.monitor_user)}"]
    lines += [f"health_check_password = {toml(servers.monitor_password)}"]
    for number, port in enumerate(servers.ports[: options.get("server_count", 1)]):
        lines += [f"[servers.pg-{number}]", f"host = {toml(servers.host)}", f"port = {port}"]
    configuration = private_file(folder / f"{file}.toml", "\n".join(lines) + "\n")
    log = folder / f"{file}.log"
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    environment = dict(os.environ)
    handicap = options.get("handicap")
    if handicap is not None:
        environment["PGRING_BENCH_HANDICAP"] = str(handicap)
    process = start(log, [program, "--config", configuration], env=environment)
    target = Target(name, options["port"], version, process, log, public(settings))
    if by_unix_socket:
        target.host = str(options["unix_socket_dir"])
    target.asks_password = settings["auth_type"] != "trust"
    target.system_calls_tell = handicap is None  # it reads clocks all the time
    return wait_for(target, servers)


def start_pgbouncer(servers: Servers, program: str, folder: Path, **options) -> Target:
    """`options`: port, pool_size, auth_type, unix_socket_dir."""
    account = Account.for_servers()
    file = options.get("file", "pgbouncer")
    settings = {
        "listen_addr": "127.0.0.1",
        "listen_port": options["port"],
        "unix_socket_dir": options.get("unix_socket_dir", ""),
        "auth_type": options.get("auth_type", "trust"),
        "auth_file": account.own(write_user_list(servers, folder, f"{file}.users", options.get("secret")), 0o600),
        "pool_mode": "transaction",
        "default_pool_size": options.get("pool_size", 20),
        "max_client_conn": CLIENTS_MAX,
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
    lines = ["[databases]", f"* = host={servers.host} port={servers.ports[0]}", "[pgbouncer]"]
    lines += [f"{key} = {value}" for key, value in settings.items()]
    configuration = account.own(private_file(folder / f"{file}.ini", "\n".join(lines) + "\n"), 0o600)
    log = folder / f"{file}.log"
    process = start(log, [program, configuration], cwd="/", env=account.environment(), **account.identity())
    target = Target("pgbouncer", options["port"], version[0], process, log, public(settings), supports_prepared)
    if settings["unix_socket_dir"]:
        target.host = str(settings["unix_socket_dir"])
    target.asks_password = settings["auth_type"] != "trust"
    return wait_for(target, servers)


def start(log: Path, command: list, **options) -> subprocess.Popen:
    """A process whose output goes to a file."""
    with log.open("wb") as output:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **options)


def wait_for(target: Target, servers: Servers) -> Target:
    try:
        target.wait_until_serving(servers)
    except BaseException:
        target.stop()
        raise
    return target


def write_user_list(servers: Servers, folder: Path, name: str, secret: str | None = None) -> Path:
    """What both proxies log in at the servers with, and what clients have to prove; a secret where it is more than the password."""
    return private_file(folder / name, f'"{servers.user}" "{secret or servers.password}"\n')


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
