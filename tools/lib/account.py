"""Who PostgreSQL runs as, and how commands are run as that account."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

POSTGRES_BINARIES = Path("/usr/lib/postgresql/15/bin")


class ClusterError(Exception):
    """What went wrong and what to do about it, in words for the person at the terminal."""


@dataclass(frozen=True)
class Account:
    """The operating system user that owns the servers' files and runs their processes.

    PostgreSQL refuses to run as root: root uses the user `postgres`, anybody else runs it as themselves.
    """

    name: str
    uid: int
    gid: int
    home: str

    @classmethod
    def named(cls, name: str) -> "Account":
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            raise ClusterError(f"there is no user {name!r} on this machine; run tools/setup") from None
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir)

    @classmethod
    def for_servers(cls) -> "Account":
        """The account that a cluster brought up by the present user runs under."""
        if os.geteuid() == 0:
            return cls.named("postgres")
        try:
            return cls.named(pwd.getpwuid(os.geteuid()).pw_name)
        except KeyError:
            raise ClusterError(f"user id {os.geteuid()} has no name in /etc/passwd, PostgreSQL needs one") from None

    def is_current(self) -> bool:
        return os.geteuid() == self.uid

    def environment(self) -> dict[str, str]:
        """A clean environment: no PG* variable of the caller's shell may reach the servers or their clients."""
        return {
            "PATH": f"{POSTGRES_BINARIES}:/usr/local/bin:/usr/bin:/bin",
            "HOME": self.home,
            "LANG": "C.UTF-8",
        }

    def identity(self) -> dict[str, object]:
        """The arguments by which subprocess starts a child as this account."""
        if self.is_current():
            return {}
        groups = os.getgrouplist(self.name, self.gid)
        return {"user": self.uid, "group": self.gid, "extra_groups": groups}

    def run(self, command: list, **options) -> subprocess.CompletedProcess:
        """subprocess.run as this account; `env` is added to the clean environment."""
        environment = self.environment() | options.pop("env", {})
        words = [str(word) for word in command]
        return subprocess.run(words, env=environment, cwd="/", **self.identity(), **options)

    def own(self, path: Path, mode: int) -> Path:
        """Gives an existing file or directory to this account."""
        path.chmod(mode)
        if not self.is_current():
            os.chown(path, self.uid, self.gid)
        return path

    def check_can_enter(self, directory: Path) -> None:
        """Fails when a parent of `directory` bars this account, as /root and many home directories do."""
        if self.is_current():
            return
        for parent in reversed(directory.parents):
            if parent.exists() and self.run(["test", "-x", parent]).returncode != 0:
                raise ClusterError(
                    f"user {self.name!r}, whom PostgreSQL runs as, may not enter {parent}; choose a directory "
                    f"elsewhere, for example --directory /var/tmp/pgring-cluster"
                )


def calling_user() -> tuple[int, int]:
    """User and group id of the person at the terminal, also behind sudo; files with passwords are theirs."""
    if os.geteuid() == 0 and "SUDO_UID" in os.environ:
        return int(os.environ["SUDO_UID"]), int(os.environ.get("SUDO_GID", os.environ["SUDO_UID"]))
    return os.geteuid(), os.getegid()
