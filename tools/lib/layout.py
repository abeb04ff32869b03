"""Where a cluster's files are, and what it was told to be."""

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from .account import Account, ClusterError

NODE_NAMES = ("pg-0", "pg-1")
# Replication, repmgrd, superuser_reserved_connections, and something left to work with.
CONNECTIONS_MIN = 20
# sockaddr_un holds 107 bytes and a terminating zero; PostgreSQL names its socket .s.PGSQL.PORT.
SOCKET_PATH_BYTES_MAX = 107


@dataclass(frozen=True)
class Settings:
    """What `up` was told. Kept in cluster.json, so that the other commands need only the directory."""

    port: int = 6100
    pgring_port: int = 6432
    speed: str = "fast"
    max_connections: int = 200
    fsync: bool = True

    def check(self) -> None:
        for port in (self.port, self.port + 1, self.pgring_port):
            if not 1024 <= port <= 65535:
                raise ClusterError(f"port {port} is not between 1024 and 65535; choose another")
        if self.pgring_port in (self.port, self.port + 1):
            raise ClusterError(f"port {self.pgring_port} cannot be both pgring's and a server's; choose another")
        if self.max_connections < CONNECTIONS_MIN:
            raise ClusterError(f"max_connections {self.max_connections} leaves too few; at least {CONNECTIONS_MIN}")

    def port_of(self, node_name: str) -> int:
        return self.port + NODE_NAMES.index(node_name)


@dataclass(frozen=True)
class Layout:
    """The files of the cluster in `directory`; docs/cluster.md lists them."""

    directory: Path

    @property
    def marker(self) -> Path:
        return self.directory / "cluster.json"

    @property
    def lock(self) -> Path:
        return self.directory / "lock"

    @property
    def environment(self) -> Path:
        return self.directory / ".env"

    @property
    def user_list(self) -> Path:
        return self.directory / "userlist.txt"

    @property
    def passfile(self) -> Path:
        return self.directory / "repmgr.pgpass"

    @property
    def programs(self) -> Path:
        return self.directory / "bin"

    @property
    def logs(self) -> Path:
        return self.directory / "log"

    @property
    def command_log(self) -> Path:
        return self.logs / "commands.log"

    @property
    def event_log(self) -> Path:
        return self.logs / "events.log"

    @property
    def sockets(self) -> Path:
        """The directory of the unix sockets: run/, or a short one below /tmp where that path is too long."""
        wanted = self.directory / "run"
        if len(os.fsencode(wanted / ".s.PGSQL.65535")) <= SOCKET_PATH_BYTES_MAX:
            return wanted
        return Path("/tmp") / f"pgring-{hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]}"

    def node(self, name: str) -> Path:
        return self.directory / name

    def data(self, name: str) -> Path:
        return self.node(name) / "data"

    def repmgr_configuration(self, name: str) -> Path:
        return self.node(name) / "repmgr.conf"

    def backup(self, name: str) -> Path:
        return self.directory / "backups" / name

    def own_entries(self) -> list[Path]:
        """Everything that `up` makes: what `down --destroy` removes, and nothing else."""
        names = (*NODE_NAMES, "backups", "bin", "log", "run", ".env", "userlist.txt", "repmgr.pgpass", "lock")
        entries = [self.directory / name for name in names]
        if self.sockets not in entries:
            entries.append(self.sockets)
        return [*entries, self.marker]

    def check_name(self) -> None:
        """Fails where the name would need quoting, which shell, postgresql.conf and repmgr.conf do differently."""
        if not re.fullmatch(r"[A-Za-z0-9_./+@:,~-]+", str(self.directory)):
            raise ClusterError(
                f"the directory {str(self.directory)!r} has characters that repmgr's commands cannot carry; "
                f"choose one of letters, digits and _ . / + @ : , ~ - by --directory"
            )


@dataclass(frozen=True)
class Marker:
    """cluster.json: the mark that a directory is ours, who runs it, and whether its bring-up was finished."""

    settings: Settings
    account: str
    ready: bool

    def write(self, path: Path) -> None:
        text = json.dumps(asdict(self), indent=2) + "\n"
        fresh = path.with_suffix(".new")
        fresh.write_text(text)
        fresh.rename(path)

    @classmethod
    def read(cls, path: Path) -> "Marker | None":
        try:
            content = json.loads(path.read_text())
            return cls(Settings(**content["settings"]), content["account"], content["ready"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ClusterError(f"cannot make sense of {path} ({error}); is it a cluster of this tool?") from None


def make_directory(path: Path, account: Account, mode: int) -> Path:
    """Makes a directory of the account's. One that stands there already must be the account's own."""
    try:
        path.mkdir(mode=mode)
    except FileExistsError:
        if path.is_symlink() or path.stat().st_uid not in (account.uid, os.geteuid()):
            raise ClusterError(f"{path} exists and belongs to somebody else; remove it") from None
    return account.own(path, mode)
