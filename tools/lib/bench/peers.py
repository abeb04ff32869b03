"""The other proxies that pgring is measured beside: where they are found, how they are set up.

Each is set up as its own documentation has it for transaction pooling over as many server connections as pgring has, one
thread, no log of queries, and clients that need no password where it can let them in without one.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from ..account import Account
from . import machine
from .targets import CLIENTS_MAX, BenchError, Servers, Target, private_file, start, start_pgbouncer, wait_for

# Debian keeps what is for administrators where not everybody looks.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])

# pgpool and pgagroal keep a process for each client.
FORKED_CLIENTS_MAX = 300


def find(name: str) -> str | None:
    return shutil.which(name, path=SEARCH_PATH)


def version_of(program: str, *arguments: str) -> str:
    """The first thing that looks like a version in what it prints about itself."""
    result = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL)
    found = re.search(r"\d+\.\d+[-+~.\w]*", result.stdout + result.stderr)
    return found[0] if found else "unknown version"


def folder_of(account: Account, folder: Path) -> Path:
    """A new one of that account's own."""
    folder.mkdir()
    return account.own(folder, 0o700)


def start_haproxy(servers: Servers, program: str, folder: Path, **options) -> Target:
    """`options`: port. It moves bytes, and opens a server connection for each client."""
    server = f"unix@{servers.host}/.s.PGSQL.{servers.ports[0]}" if servers.host.startswith("/") else (
        f"{servers.host}:{servers.ports[0]}"
    )  # fmt: skip
    clients_max = machine.descriptors_max() // 2 - 100
    text = f"""\
global
    nbthread 1
    maxconn {clients_max}
defaults
    mode tcp
    maxconn {clients_max}
    timeout connect 10s
    timeout client 1h
    timeout server 1h
listen postgresql
    bind 127.0.0.1:{options["port"]}
    server postgresql {server}
"""
    configuration = private_file(folder / "haproxy.cfg", text)
    log = folder / "haproxy.log"
    process = start(log, [program, "-db", "-f", configuration])
    settings = {"mode": "tcp", "nbthread": 1}
    target = Target("haproxy", options["port"], version_of(program, "-v"), process, log, settings, pools=False)
    target.clients_max = clients_max
    return wait_for(target, servers)


def start_pgpool(servers: Servers, program: str, folder: Path, **options) -> Target:
    """`options`: port. A process for each client keeps its server connection; statements are not looked at ("raw")."""
    settings = {
        "backend_clustering_mode": "raw",
        "num_init_children": FORKED_CLIENTS_MAX,
        "max_pool": 1,
        "connection_cache": "on",
        "load_balance_mode": "off",
        "health_check_period": 0,
    }
    account = Account.for_servers()
    own_folder = folder_of(account, folder / "pgpool")
    lines = {
        **settings,
        "listen_addresses": "127.0.0.1",
        "port": options["port"],
        "pcp_port": options["port"] + 1,
        "unix_socket_directories": own_folder,
        "pcp_socket_dir": own_folder,
        "pid_file_name": own_folder / "pgpool.pid",
        "logdir": own_folder,
        "backend_hostname0": servers.host,
        "backend_port0": servers.ports[0],
        "enable_pool_hba": "off",
        # It has no secret to let clients in with, and hands on what they say.
        "allow_clear_text_frontend_auth": "on",
        "use_watchdog": "off",
    }
    text = "".join(f"{key} = '{value}'\n" for key, value in lines.items())
    configuration = account.own(private_file(own_folder / "pgpool.conf", text), 0o600)
    nothing = account.own(private_file(own_folder / "nothing", ""), 0o600)
    log = folder / "pgpool.log"
    command = [program, "-n", "-f", configuration, "-F", nothing, "-a", nothing]
    process = start(log, command, cwd="/", env=account.environment(), **account.identity())
    target = Target("pgpool", options["port"], version_of(program, "--version"), process, log, settings)
    target.pools, target.asks_password, target.clients_max = False, True, FORKED_CLIENTS_MAX - 10
    return wait_for(target, servers)


def start_odyssey(servers: Servers, program: str, folder: Path, **options) -> Target:
    """`options`: port, pool_size."""
    text = f"""\
daemonize no
pid_file "{folder}/odyssey.pid"
locks_dir "{folder}"
unix_socket_dir "{folder}"
unix_socket_mode "0700"
log_format "%p %t %l %m\\n"
log_to_stdout yes
log_config no
log_debug no
log_session no
log_query no
log_stats no
workers 1
resolvers 1
client_max {CLIENTS_MAX}
listen {{
    host "127.0.0.1"
    port {options["port"]}
    backlog 4096
}}
storage "postgresql" {{
    type "remote"
    host "{servers.host}"
    port {servers.ports[0]}
}}
database default {{
    user default {{
        authentication "none"
        storage "postgresql"
        storage_user "{servers.user}"
        storage_password "{servers.password}"
        pool "transaction"
        pool_size {options.get("pool_size", 20)}
        pool_timeout 0
        pool_discard no
        pool_reserve_prepared_statement yes
    }}
}}
"""
    configuration = private_file(folder / "odyssey.conf", text)
    log = folder / "odyssey.log"
    process = start(log, [program, configuration])
    settings = {"pool": "transaction", "pool_size": options.get("pool_size", 20), "workers": 1}
    return wait_for(Target("odyssey", options["port"], version_of(program, "--version"), process, log, settings), servers)


def start_pgagroal(servers: Servers, program: str, folder: Path, **options) -> Target:
    """`options`: port. A process for each client; the transaction pipeline wants its own files of users, so this is the
    session pipeline."""
    account = Account.for_servers()
    own_folder = folder_of(account, folder / "pgagroal")
    settings = {
        "pipeline": "session",
        "max_connections": FORKED_CLIENTS_MAX,
        "ev_backend": "epoll",
        "allow_unknown_users": "true",
        "validation": "off",
    }
    lines = ["[pgagroal]", "host = 127.0.0.1", f"port = {options['port']}", f"unix_socket_dir = {own_folder}"]
    lines += ["log_type = file", f"log_path = {own_folder}/pgagroal.log", "log_level = warn"]
    lines += [f"{key} = {value}" for key, value in settings.items()]
    lines += ["[primary]", f"host = {servers.host}", f"port = {servers.ports[0]}"]
    configuration = account.own(private_file(folder / "pgagroal.conf", "\n".join(lines) + "\n"), 0o600)
    access = account.own(private_file(folder / "pgagroal_hba.conf", "host all all all all\n"), 0o600)
    log = folder / "pgagroal.log"
    command = [program, "-c", configuration, "-a", access]
    process = start(log, command, cwd="/", env=account.environment(), **account.identity())
    target = Target("pgagroal", options["port"], version_of(program, "--version"), process, log, settings)
    target.pools, target.asks_password, target.clients_max = False, True, FORKED_CLIENTS_MAX - 10
    return wait_for(target, servers)


def start_pgdog(servers: Servers, program: str, folder: Path, **options) -> Target:
    """`options`: port, pool_size."""
    pool_size = options.get("pool_size", 20)
    text = f"""\
[general]
host = "127.0.0.1"
port = {options["port"]}
workers = 1
default_pool_size = {pool_size}
pooler_mode = "transaction"
auth_type = "trust"
[[databases]]
name = "{servers.database}"
host = "{servers.host}"
port = {servers.ports[0]}
"""
    users = f'[[users]]\nname = "{servers.user}"\ndatabase = "{servers.database}"\npassword = "{servers.password}"\n'
    configuration = private_file(folder / "pgdog.toml", text)
    user_list = private_file(folder / "pgdog-users.toml", users)
    log = folder / "pgdog.log"
    process = start(log, [program, f"--config={configuration}", f"--users={user_list}"])
    settings = {"pooler_mode": "transaction", "default_pool_size": pool_size, "workers": 1}
    return wait_for(Target("pgdog", options["port"], version_of(program, "--version"), process, log, settings), servers)


STARTERS: dict[str, Callable[..., Target]] = {
    "pgbouncer": start_pgbouncer,
    "haproxy": start_haproxy,
    "pgpool": start_pgpool,
    "odyssey": start_odyssey,
    "pgagroal": start_pgagroal,
    "pgdog": start_pgdog,
}


def programs(given: list[str]) -> dict[str, str]:
    """Every peer with its programme: those that are installed, and those given as NAME=PATH, which may replace them. An
    empty path leaves one out."""
    found = {name: path for name in STARTERS if (path := find(name))}
    for text in given:
        name, separator, path = text.partition("=")
        if name not in STARTERS or not separator:
            raise BenchError(f"--peer {text}: wanted is NAME=PATH, of which NAME is one of {', '.join(STARTERS)}")
        if not path:
            found.pop(name, None)
        elif shutil.which(path) is None:
            raise BenchError(f"--peer {text}: there is no such programme")
        else:
            found[name] = path
    return found
