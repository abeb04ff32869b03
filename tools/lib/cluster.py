"""A highly available PostgreSQL pair on this machine: pg-0 and pg-1 under repmgr. docs/cluster.md explains it.

    from lib.cluster import Cluster
    cluster = Cluster(directory)
    cluster.up(port=7100)
    cluster.kill("pg-0")
    cluster.wait_for_role("pg-1", "primary", seconds=10)
"""

import contextlib
import fcntl
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from . import credentials, status, templates
from .account import POSTGRES_BINARIES, Account, ClusterError, calling_user
from .bringup import BringUp
from .layout import NODE_NAMES, Layout, Marker, Settings
from .node import Node, other_name

PROGRAMS_NEEDED = ("postgres", "initdb", "pg_ctl", "psql", "pg_basebackup", "pg_rewind", "repmgr", "repmgrd")
STREAMING_WAIT_SECONDS = 20


class Cluster:
    """The cluster in one directory, up or not. Every method raises ClusterError with a sentence for people."""

    def __init__(self, directory: Path | str, report: Callable[[str], None] = lambda line: None):
        self.layout = Layout(Path(directory).resolve())
        self.report = report

    # Commands.

    def up(self, **requested) -> None:
        """Brings the cluster up: makes it where there is none, else starts and repairs whatever is down.

        `requested` are fields of Settings; they are fixed when the cluster is made.
        """
        self._check_packages()
        settings = replace(Settings(), **requested)
        settings.check()
        if Marker.read(self.layout.marker) is None:
            self._make_own_directory(settings)
        with self._locked():
            marker = Marker.read(self.layout.marker)
            if marker is None or not marker.ready:
                self._create(settings)
                return
            for name, value in requested.items():
                made_with = getattr(marker.settings, name)
                if value != made_with:
                    raise ClusterError(
                        f"the cluster in {self.layout.directory} was made with {name}={made_with}, not {value}; "
                        f"use that, another --directory, or begin anew after: down --destroy"
                    )
            self._resume()

    def down(self, destroy: bool = False) -> None:
        """Stops everything, also what hangs; keeps the data unless told to destroy it."""
        marker = self._marker()
        with self._locked():
            if self._stop_all():
                self.report("cluster is down")
            else:
                self.report("cluster is already down")
            if destroy:
                self._remove()
                self.report(f"removed the cluster's files from {self.layout.directory}")
            elif marker.ready:
                self.report(f"its data stays in {self.layout.directory}; to remove it: down --destroy")

    def stop(self, name: str) -> None:
        """Shuts PostgreSQL down on one node (pg_ctl stop -m fast). Its repmgrd stays, as on a real machine."""
        node = self._running_node(name)
        if node.is_hung():
            raise ClusterError(f"{name} hangs; continue it first: start {name}")
        node.stop()
        self.report(f"{name} is stopped")

    def kill(self, name: str) -> None:
        """Ends all processes of one node at once, as a crash of its machine does."""
        killed = self._running_node(name).kill()
        self.report(f"{name} is dead: {len(killed)} processes killed")

    def hang(self, name: str) -> None:
        """Stops all processes of one node by SIGSTOP: its sockets stay open and nobody answers."""
        frozen = self._running_node(name).hang()
        self.report(f"{name} hangs: {len(frozen)} processes stopped; to continue it: start {name}")

    def start(self, name: str) -> None:
        """Continues a hung node, or starts a stopped one as it is: a former primary comes back as a primary."""
        node = self._node(name)
        if node.is_hung():
            self.report(f"{name} continues: {len(node.thaw())} processes")
        elif node.is_running():
            self.report(f"{name} is already running")
        else:
            check_port_free(node.port)
            node.start()
            self.report(f"{name} is started")
        self._start_repmgrds()
        if self._row(name)["role"] == "stale primary":
            self.report(f"beware: {name} is a stale primary beside {other_name(name)}; to repair that: rejoin {name}")

    def rejoin(self, name: str) -> None:
        """Makes a node a standby of the other one again; rows that only this node had are discarded."""
        node, upstream = self._node(name), self._node(other_name(name))
        with self._locked():
            if node.is_hung():
                node.thaw()
            if self._row(upstream.name)["role"] != "primary":
                raise ClusterError(f"{upstream.name} is not a running primary, so there is nothing {name} could rejoin")
            self._rejoin(node, upstream)

    def status(self) -> list[dict]:
        """One dictionary per node. Each node has a short deadline of its own, and all are asked at once."""
        return status.of_nodes(self.nodes())

    def psql(self, name: str, arguments: list[str]) -> None:
        """Becomes an interactive psql on a node, as its administrator; does not return."""
        node = self._running_node(name)
        account = node.account
        kept = {key: os.environ[key] for key in ("TERM", "PAGER", "EDITOR", "COLUMNS") if key in os.environ}
        environment = account.environment() | node.administrator(credentials.APPLICATION_DATABASE) | kept
        if not account.is_current():
            os.initgroups(account.name, account.gid)
            os.setgid(account.gid)
            os.setuid(account.uid)
        os.execve(POSTGRES_BINARIES / "psql", ["psql", *arguments], environment)

    # For tests and the other tools.

    def nodes(self) -> list[Node]:
        marker = self._marker()
        return [Node(self.layout, marker.settings, self._account(marker), name) for name in NODE_NAMES]

    def is_up(self) -> bool:
        """Whether both nodes run and one streams from the other."""
        return sorted((row["role"] or "", row["streaming"]) for row in self.status()) == [
            ("primary", False),
            ("standby", True),
        ]

    def wait_for_role(self, name: str, role: str, seconds: float) -> None:
        self._wait(lambda: self._row(name)["role"] == role, f"{name} to become {role}", seconds)

    def wait_for_streaming(self, name: str, seconds: float = STREAMING_WAIT_SECONDS) -> None:
        """Waits until `name` is a standby that streams from the other node."""
        upstream = self._node(other_name(name))
        query = f"select count(*) from pg_stat_replication where application_name = '{name}' and state = 'streaming'"
        self._wait(lambda: upstream.sql(query) == "1", f"{name} to stream from {upstream.name}", seconds)

    # Making, repairing and ending.

    def _create(self, settings: Settings) -> None:
        account = Account.for_servers()
        if Marker.read(self.layout.marker) is not None:
            self.report("clearing away what an unfinished bring-up left")
            self._stop_all()
            self._remove_entries(keep=(self.layout.marker, self.layout.lock))
        for name in NODE_NAMES:
            check_port_free(settings.port_of(name))
        Marker(settings, account.name, ready=False).write(self.layout.marker)
        begin = time.monotonic()
        try:
            BringUp(self.layout, settings, account, self.report).run()
            self.wait_for_streaming("pg-1")
        except BaseException:
            self._stop_all()
            self.report(f"bring-up failed; its logs are in {self.layout.logs}, and the next up begins anew")
            raise
        Marker(settings, account.name, ready=True).write(self.layout.marker)
        self.report(f"cluster is up after {time.monotonic() - begin:.1f} s; passwords: {self.layout.environment}")

    def _make_own_directory(self, settings: Settings) -> None:
        """Makes the directory of a new cluster, after all checks that can fail without leaving anything behind."""
        directory = self.layout.directory
        self.layout.check_name()
        Account.for_servers().check_can_enter(directory / NODE_NAMES[0])
        for name in NODE_NAMES:
            check_port_free(settings.port_of(name))
        try:
            if directory.exists():
                strange = [entry.name for entry in directory.iterdir() if entry != self.layout.lock]
                if strange:
                    raise ClusterError(f"{directory} holds other things ({strange[0]}); choose another --directory")
                return
            directory.mkdir(parents=True)
            directory.chmod(0o755)
            os.chown(directory, *calling_user())
        except OSError as error:
            raise ClusterError(f"cannot use {directory}: {error.strerror}; choose another --directory") from None

    def _resume(self) -> None:
        """Starts what is down, continues what hangs, and makes a left-behind former primary a standby again."""
        nodes = self.nodes()
        if self.is_up() and all(node.repmgrd() for node in nodes):
            self.report("cluster is already up")
            return
        for node in nodes:
            node.stop_repmgrd()  # nobody may promote while we decide who is the primary
            node.thaw()
            if not node.is_running():
                check_port_free(node.port)
        leader = self._leader(nodes)
        follower = self._node(other_name(leader.name))
        if not leader.is_running():
            leader.start()
        self.report(f"{leader.name} is the primary")
        self._register(leader)
        leader.start_repmgrd()
        self._rejoin(follower, leader)
        self.report("cluster is up")

    def _leader(self, nodes: list[Node]) -> Node:
        """The node to be primary: not a standby, and on the highest timeline if two of them think so."""
        candidates = [node for node in nodes if not node.will_be_standby()]
        if not candidates:
            raise ClusterError("both nodes are standbys, there is no primary to start; see repmgr standby promote")
        return max(candidates, key=lambda node: (node.last_timeline(), node.is_running()))

    def _rejoin(self, node: Node, upstream: Node) -> None:
        if self._row(node.name)["streaming"]:
            self.report(f"{node.name} is a healthy standby of {upstream.name}")
            node.start_repmgrd()
            return
        begin = time.monotonic()
        node.stop_repmgrd()
        if not self._start_as_standby(node):
            self._rewind(node, upstream)
        self.wait_for_streaming(node.name)
        node.start_repmgrd()
        self.report(f"{node.name} streams from {upstream.name} after {time.monotonic() - begin:.1f} s")

    def _start_as_standby(self, node: Node) -> bool:
        """Tries the gentle way: what was a standby when it went down usually catches up by itself."""
        if not node.will_be_standby():
            return False
        if not node.is_running():
            self.report(f"starting {node.name} as the standby it was")
            node.start()
        with contextlib.suppress(ClusterError):
            self.wait_for_streaming(node.name, seconds=5)
            return True
        self.report(f"{node.name} does not stream, it has to be rewound")
        return False

    def _rewind(self, node: Node, upstream: Node) -> None:
        node.stop()
        self._register(upstream)
        # pg_rewind reads the new timeline from the control file, which knows it only after a checkpoint.
        upstream.sql("checkpoint", seconds=60)
        self.report(f"rewinding {node.name} to where it parted from {upstream.name}")
        target = templates.conninfo(self.layout, self._marker().settings, upstream.name)
        arguments = ("node", "rejoin", "-d", target, "--force-rewind")
        node.repmgr_program("repmgr", *arguments, what=f"rejoin {node.name}", seconds=120)

    def _start_repmgrds(self) -> None:
        """Starts repmgrd wherever it can run. Where it cannot, for want of a primary, that is no error of a start."""
        for node in self.nodes():
            if node.is_running() and not node.is_hung():
                try:
                    node.start_repmgrd()
                except ClusterError as error:
                    self.report(f"beware: {error}")

    def _register(self, primary: Node) -> None:
        """Sees to it that repmgr's table names the primary: repmgrd does not start, nor repmgr rejoin, without.

        repmgrd writes it down a moment after promoting; where somebody else promoted, it falls to us.
        """
        query = f"select 1 from repmgr.nodes where node_name = '{primary.name}' and type = 'primary' and active"
        patience = 3 if primary.repmgrd() else 0
        try:
            self._wait(lambda: primary.sql(query, database="repmgr") == "1", "repmgr's record", patience)
        except ClusterError:
            self.report(f"registering {primary.name} at repmgr as the primary")
            primary.repmgr_program("repmgr", "primary", "register", "--force", what=f"register {primary.name}")

    def _stop_all(self) -> bool:
        """Stops all that runs, in the order in which nothing fails over. Returns whether anything did run."""
        nodes = self.nodes()
        ran = False
        for node in nodes:
            ran = bool(node.thaw()) or ran
        for node in nodes:
            node.stop_repmgrd()
        # The primary first: so the standby still receives all of it.
        for node in sorted(nodes, key=Node.will_be_standby):
            if node.is_running():
                node.stop()
                self.report(f"{node.name} is stopped")
        return ran

    def _remove(self) -> None:
        self._remove_entries(keep=())
        with contextlib.suppress(OSError):  # not empty: somebody else's files stay
            self.layout.directory.rmdir()

    def _remove_entries(self, keep: tuple[Path, ...]) -> None:
        for entry in self.layout.own_entries():
            if entry in keep:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink(missing_ok=True)

    # Checks and small things.

    def _row(self, name: str) -> dict:
        return next(row for row in self.status() if row["node"] == name)

    def _marker(self) -> Marker:
        marker = Marker.read(self.layout.marker)
        if marker is None:
            raise ClusterError(f"there is no cluster in {self.layout.directory}; make one: tools/cluster up")
        return marker

    def _account(self, marker: Marker) -> Account:
        account = Account.named(marker.account)
        if not account.is_current() and os.geteuid() != 0:
            raise ClusterError(f"this cluster belongs to user {account.name!r}; do this as that user or as root")
        return account

    def _node(self, name: str) -> Node:
        if name not in NODE_NAMES:
            raise ClusterError(f"there is no node {name!r}; the nodes are {' and '.join(NODE_NAMES)}")
        return next(node for node in self.nodes() if node.name == name)

    def _running_node(self, name: str) -> Node:
        node = self._node(name)
        if node.is_running():
            return node
        if self._node(other_name(name)).is_running():
            raise ClusterError(f"{name} is down; start it with: start {name}, or: rejoin {name}")
        raise ClusterError(f"the cluster in {self.layout.directory} is not up; bring it up: tools/cluster up")

    @staticmethod
    def _check_packages() -> None:
        missing = [program for program in PROGRAMS_NEEDED if not (POSTGRES_BINARIES / program).exists()]
        if missing:
            raise ClusterError(f"{', '.join(missing)} not found in {POSTGRES_BINARIES}; run tools/setup")

    @staticmethod
    def _wait(condition: Callable[[], bool], what: str, seconds: float) -> None:
        """Polls until the condition holds; an error meanwhile only means that it does not hold yet."""
        deadline = time.monotonic() + seconds
        while True:
            last = ""
            try:
                if condition():
                    return
            except ClusterError as error:
                last = f" ({error})"
            if time.monotonic() > deadline:
                raise ClusterError(f"waited {seconds:g} s for {what}, in vain{last}")
            time.sleep(0.05)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Lets one command at a time change the cluster as a whole. kill and hang do not wait: they are faults."""
        try:
            lock = self.layout.lock.open("w")
        except OSError as error:
            raise ClusterError(f"cannot write to {self.layout.directory}: {error.strerror}") from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.report("waiting for another tools/cluster to finish")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def check_port_free(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise ClusterError(
                f"port {port} is in use by another program; end that (to find it: ss -ltnp 'sport = :{port}'), "
                f"or choose two other ports with --port"
            ) from None
