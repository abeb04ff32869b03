"""A PostgreSQL server without a standby, for one run of a test suite, with or without a pgring before it."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from .account import POSTGRES_BINARIES, Account, ClusterError
from .pgring_process import free_port, toml

MODES = ("direct", "session", "transaction")
OPTIONS = {
    # A backend for each client of a suite.
    "session": {"pool_mode": "session", "default_pool_size": 80},
    # Fewer backends than clients, each transaction on another one.
    "transaction": {"pool_mode": "transaction", "default_pool_size": 6, "server_round_robin": True},
}
SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "max_connections": 200,
    "max_prepared_transactions": 10,
    "wal_level": "logical",
}
START_SECONDS = 20
STOP_SECONDS = 10


class LoneServer:
    """Everybody may log in as anybody: it listens on loopback and lives for minutes.

    `port` is where clients connect, at PostgreSQL or at pgring as the mode says; both logs are in `log_folder`. `options`
    are those of pgring that differ from what the mode says.
    """

    def __init__(self, mode: str, pgring: Path, log_folder: Path, **options: object):
        self.mode = mode
        self.options = options
        self.pgring = pgring
        self.log_folder = log_folder
        self.account = Account.for_servers()
        self.folder = Path()
        self.server_port = 0
        self.port = 0
        self._pgring_process: subprocess.Popen | None = None

    def __enter__(self) -> "LoneServer":
        self.folder = self.account.own(Path(tempfile.mkdtemp(prefix="pgring-suite-", dir="/var/tmp")), 0o755)
        self.log_folder.mkdir(parents=True, exist_ok=True)
        try:
            self._start_server()
            self.port = self.server_port
            if self.mode != "direct":
                self._start_pgring()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        if self._pgring_process is not None and self._pgring_process.poll() is None:
            self._pgring_process.send_signal(signal.SIGINT)
            try:
                self._pgring_process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._pgring_process.kill()
                self._pgring_process.wait()
        if (self.folder / "data/postmaster.pid").exists():
            self._binary("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def sql(self, text: str, database: str = "postgres") -> None:
        """Runs statements at the server itself."""
        self._binary("psql", "-qXh", "127.0.0.1", "-p", self.server_port, "-U", "postgres", "-d", database, "-c", text)

    def environment(self, database: str) -> dict[str, str]:
        """libpq's variables for a client of `database`."""
        return {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": "postgres",
            "PGDATABASE": database,
            "PGSSLMODE": "disable",
        }

    def _binary(self, name: str, *arguments: object) -> None:
        done = self.account.run([POSTGRES_BINARIES / name, *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            raise ClusterError(f"{name}: {done.stderr.strip() or done.stdout.strip()}")

    def _start_server(self) -> None:
        data = self.folder / "data"
        self._binary("initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync")
        # Between the choice of a port and its use another of these may choose: each begins elsewhere.
        self.server_port = free_port(6800 + os.getpid() % 2000)
        settings = SERVER_SETTINGS | {"port": self.server_port, "unix_socket_directories": self.folder}
        with (data / "postgresql.conf").open("a") as configuration:
            configuration.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        self._binary("pg_ctl", "-D", data, "-l", self.folder / "server.log", "-w", "start")

    def _start_pgring(self) -> None:
        self.port = free_port(self.server_port + 1)
        options = OPTIONS[self.mode] | {"listen_port": self.port, "auth_type": "trust", "query_wait_timeout": "20s"}
        options |= self.options
        configuration = self.log_folder / "pgring.toml"
        configuration.write_text(
            "[pgring]\n"
            + "".join(f"{name} = {toml(value)}\n" for name, value in options.items())
            + '[health]\nhealth_check_user = "postgres"\n'
            + f'[servers.lone]\nhost = "127.0.0.1"\nport = {self.server_port}\n'
        )
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        log_file = self.log_folder / "pgring.log"
        with log_file.open("wb") as log:
            self._pgring_process = subprocess.Popen(
                [self.pgring, "--config", configuration], env=environment, stdin=subprocess.DEVNULL, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS
        while "primary_found" not in log_file.read_text(errors="replace"):
            if self._pgring_process.poll() is not None or time.monotonic() > deadline:
                raise ClusterError(f"pgring does not serve; see {log_file}")
            time.sleep(0.02)
