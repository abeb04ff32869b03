"""The cluster's passwords: made once, kept in files of mode 0600, known to the servers as SCRAM verifiers only."""

import base64
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

APPLICATION_ROLE = "app"
APPLICATION_DATABASE = "app"
MONITOR_ROLE = "pgring_monitor"
REPMGR_ROLE = "repmgr"


@dataclass(frozen=True)
class Credentials:
    application: str
    monitor: str
    repmgr: str

    @classmethod
    def generate(cls) -> "Credentials":
        # Hexadecimal: 192 bits that need no quoting in any of the files they are written to.
        return cls(*(secrets.token_hex(24) for _ in range(3)))


def scram_verifier(password: str, iterations: int = 4096) -> str:
    """What PostgreSQL stores for an ASCII password (RFC 5802), so that the password itself never travels in SQL."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    text = [base64.b64encode(part).decode() for part in (salt, stored_key, server_key)]
    return f"SCRAM-SHA-256${iterations}:{text[0]}${text[1]}:{text[2]}"


def role_statements(credentials: Credentials) -> str:
    """The SQL that makes roles and databases. Nothing of it may reach a server log, not even when it fails."""
    application, monitor, repmgr = (
        scram_verifier(password) for password in (credentials.application, credentials.monitor, credentials.repmgr)
    )
    return f"""
set log_statement = none;
set log_min_error_statement = panic;
create role {REPMGR_ROLE} login superuser replication password '{repmgr}';
alter role {REPMGR_ROLE} set search_path = repmgr, "$user", public;
create role {APPLICATION_ROLE} login password '{application}';
create role {MONITOR_ROLE} login password '{monitor}' in role pg_monitor;
create database {REPMGR_ROLE} owner {REPMGR_ROLE};
revoke connect on database {REPMGR_ROLE} from public;
create database {APPLICATION_DATABASE} owner {APPLICATION_ROLE};
"""


def environment_file(credentials: Credentials, pgring_port: int, server_ports: list[int], sockets: Path) -> str:
    """The text of .env. Names are those of .env.example."""
    servers = ",".join(f"127.0.0.1:{port}" for port in server_ports)
    return (
        "# Written by tools/cluster. POSTGRES_* is how an application reaches the cluster, through pgring.\n"
        f"POSTGRES_HOST=127.0.0.1\n"
        f"POSTGRES_PORT={pgring_port}\n"
        f"POSTGRES_DB={APPLICATION_DATABASE}\n"
        f"POSTGRES_USER={APPLICATION_ROLE}\n"
        f"POSTGRES_PASSWORD={credentials.application}\n"
        f"PGRING_MONITOR_USER={MONITOR_ROLE}\n"
        f"PGRING_MONITOR_PASSWORD={credentials.monitor}\n"
        f"PGRING_SERVERS={servers}\n"
        f"PGRING_SOCKET_DIRECTORY={sockets}\n"
        f"REPMGR_PASSWORD={credentials.repmgr}\n"
    )


def user_list(credentials: Credentials) -> str:
    """The text of userlist.txt, pgbouncer's auth_file format, for pgring's own clients."""
    return f'"{APPLICATION_ROLE}" "{credentials.application}"\n"{MONITOR_ROLE}" "{credentials.monitor}"\n'


def passfile(credentials: Credentials) -> str:
    """The text of libpq's password file for repmgr and for the standby's walreceiver."""
    return f"127.0.0.1:*:*:{REPMGR_ROLE}:{credentials.repmgr}\n"


def write_secret(path: Path, text: str, uid: int, gid: int) -> None:
    """Writes a file that is never, not even for a moment, readable by others."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        if os.geteuid() == 0:
            os.fchown(descriptor, uid, gid)
        file.write(text)
