"""Makes a pair out of an empty directory: files, primary, standby, repmgr, base backups."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from . import credentials, templates
from .account import POSTGRES_BINARIES, Account, calling_user
from .layout import NODE_NAMES, Layout, Settings, make_directory
from .node import Node


class BringUp:
    def __init__(self, layout: Layout, settings: Settings, account: Account, report: Callable[[str], None]):
        self.layout = layout
        self.settings = settings
        self.account = account
        self.report = report
        self.primary, self.standby = (Node(layout, settings, account, name) for name in NODE_NAMES)
        self.step_begin = time.monotonic()

    def run(self) -> None:
        passwords = credentials.Credentials.generate()
        self._make_directories()
        self._write_configuration()
        self._write_secrets(passwords)
        self._done("configuration and passwords are written")

        self._initialize_primary()
        self.primary.start()
        self._done("pg-0 is started")
        self.primary.sql(credentials.role_statements(passwords))
        self.primary.repmgr_program("repmgr", "primary", "register", what="register pg-0")
        self._done("roles and databases are made, pg-0 is registered at repmgr as the primary")

        with ThreadPoolExecutor() as threads:
            backup = threads.submit(self._base_backup, self.primary)
            self._clone_standby()
            backups = [backup, threads.submit(self._base_backup, self.standby)]
            self._start_repmgrds()
            self._finish(backups)

    def _make_directories(self) -> None:
        layout, account = self.layout, self.account
        make_directory(layout.logs, account, 0o755)
        make_directory(layout.directory / "backups", account, 0o755)
        make_directory(layout.sockets, account, 0o755)
        if layout.sockets.parent != layout.directory:
            self.report(f"the path of the unix sockets would be too long, so they are in {layout.sockets}")
        for name in NODE_NAMES:
            make_directory(layout.node(name), account, 0o700)
            make_directory(layout.backup(name), account, 0o700)
            make_directory(layout.backup(name) / "wal", account, 0o700)
        self.layout.command_log.touch()
        self.layout.event_log.touch()
        account.own(self.layout.event_log, 0o644)

    def _write_configuration(self) -> None:
        layout, settings = self.layout, self.settings
        for name in NODE_NAMES:
            self._write(layout.repmgr_configuration(name), templates.repmgr_conf(layout, settings, name), 0o600)
        layout.programs.mkdir()
        layout.programs.chmod(0o755)
        self._write(layout.programs / "pgnode", templates.pgnode_program(layout, settings), 0o755)
        self._write(layout.programs / "archive", templates.archive_program(layout, settings), 0o755)
        self._write(layout.programs / "event", templates.event_program(layout), 0o755)

    def _write_secrets(self, passwords: credentials.Credentials) -> None:
        layout = self.layout
        ports = [self.settings.port_of(name) for name in NODE_NAMES]
        environment = credentials.environment_file(passwords, self.settings.pgring_port, ports, layout.sockets)
        credentials.write_secret(layout.environment, environment, *calling_user())
        credentials.write_secret(layout.user_list, credentials.user_list(passwords), *calling_user())
        credentials.write_secret(layout.passfile, credentials.passfile(passwords), self.account.uid, self.account.gid)

    def _initialize_primary(self) -> None:
        data = self.primary.data
        initdb = [POSTGRES_BINARIES / "initdb", "-D", data, "-U", "postgres", "--data-checksums", "--no-sync"]
        locale = ["--encoding=UTF8", "--locale=C.UTF-8"]
        authentication = ["--auth-local=peer", "--auth-host=scram-sha-256"]
        self.primary.execute([*initdb, *locale, *authentication], "initialise pg-0", seconds=60)
        configuration = data / "postgresql.conf"
        ours = templates.postgresql_conf(self.layout, self.settings)
        self._write(configuration, configuration.read_text() + ours, 0o600)
        self._write(data / "pg_hba.conf", templates.pg_hba_conf(), 0o600)
        self._write(data / "pg_ident.conf", templates.pg_ident_conf(self.account), 0o600)
        self._done("pg-0 is initialised, with data checksums")

    def _clone_standby(self) -> None:
        upstream = templates.conninfo(self.layout, self.settings, self.primary.name)
        arguments = ("-d", upstream, "standby", "clone", "--fast-checkpoint")
        self.standby.repmgr_program("repmgr", *arguments, what="clone pg-1 from pg-0")
        self.standby.start()
        self.standby.repmgr_program("repmgr", "standby", "register", what="register pg-1")
        self._done("pg-1 is cloned from pg-0, started and registered at repmgr as its standby")

    def _start_repmgrds(self) -> None:
        self.primary.start_repmgrd()
        self.standby.start_repmgrd()
        self._done(f"repmgrd watches both nodes, {self.settings.speed} timing")

    def _base_backup(self, node: Node) -> None:
        source = templates.conninfo(self.layout, self.settings, node.name)
        target = self.layout.backup(node.name) / "base"
        backup = [POSTGRES_BINARIES / "pg_basebackup", "-d", source, "-D", target, "--no-password"]
        options = ["--format=tar", "--wal-method=stream", "--checkpoint=fast", "--no-sync"]
        node.execute([*backup, *options], f"take a base backup of {node.name}", seconds=120)

    def _finish(self, backups: list[Future]) -> None:
        for backup in backups:
            backup.result()
        self._done(f"base backups are in {self.layout.directory / 'backups'}")

    def _write(self, path: Path, text: str, mode: int) -> None:
        """Writes a file of the servers' account, programs excepted: those are only run by it."""
        path.write_text(text)
        if path.parent == self.layout.programs:
            path.chmod(mode)
        else:
            self.account.own(path, mode)

    def _done(self, what: str) -> None:
        now = time.monotonic()
        self.report(f"{what} ({now - self.step_begin:.1f} s)")
        self.step_begin = now
