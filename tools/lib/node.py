"""One PostgreSQL server of the cluster with its repmgrd: its processes, and what it says of itself."""

import json
import signal
import subprocess
import time
from pathlib import Path

from . import processes
from .account import POSTGRES_BINARIES, Account, ClusterError
from .layout import NODE_NAMES, Layout, Settings

# One round trip for all that `status` shows. pg_control_checkpoint() is used for a standby that receives nothing
# only: on a new primary it tells the old timeline until the first checkpoint.
STATUS_QUERY = """
select json_build_object(
  'in_recovery', pg_is_in_recovery(),
  'lsn', case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,
  'timeline', case when pg_is_in_recovery()
    then coalesce((select received_tli from pg_stat_wal_receiver), (select timeline_id from pg_control_checkpoint()))
    else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int end,
  'receiver', (select status from pg_stat_wal_receiver),
  'replay_age', extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()),
  'standbys', coalesce((select json_object_agg(application_name,
      json_build_object('state', state, 'lag_seconds', extract(epoch from replay_lag)))
    from pg_stat_replication), '{}'),
  'repmgr', coalesce((select json_object_agg(node_name, json_build_object('type', type, 'active', active))
    from repmgr.nodes), '{}'))
"""


class Node:
    def __init__(self, layout: Layout, settings: Settings, account: Account, name: str):
        self.layout = layout
        self.account = account
        self.name = name
        self.port = settings.port_of(name)
        self.data = layout.data(name)
        self.socket = layout.sockets / f".s.PGSQL.{self.port}"
        self.repmgrd_pid_file = layout.node(name) / "repmgrd.pid"
        self.repmgr_configuration = layout.repmgr_configuration(name)

    # Processes.

    def postmaster(self) -> int | None:
        return processes.pid_from_file(self.data / "postmaster.pid", str(self.data))

    def repmgrd(self) -> int | None:
        return processes.pid_from_file(self.repmgrd_pid_file, str(self.repmgr_configuration))

    def is_running(self) -> bool:
        return self.postmaster() is not None

    def is_hung(self) -> bool:
        pid = self.postmaster()
        return pid is not None and processes.is_stopped(pid)

    def roots(self) -> list[int]:
        """The processes above all others of this node: repmgrd, which may be running a command, and the postmaster."""
        return [pid for pid in (self.repmgrd(), self.postmaster()) if pid is not None]

    def start(self) -> None:
        log = self.layout.logs / f"{self.name}.log"
        try:
            self.execute([self.layout.programs / "pgnode", self.name, "start"], f"start {self.name}", seconds=70)
        except ClusterError as error:
            last = log.read_text(errors="replace").splitlines()[-5:] if log.exists() else []
            raise ClusterError("\n  ".join([str(error), f"the end of {log}:", *last])) from None

    def stop(self) -> None:
        """Shuts the server down; sessions are cut off, nothing committed is lost. Harmless where it is down."""
        if not self.is_running():
            return
        try:
            self.execute([self.layout.programs / "pgnode", self.name, "stop"], f"stop {self.name}", seconds=40)
        except ClusterError:
            # The shutdown checkpoint or the walsender's farewell got stuck: what is left is crash recovery.
            pid = self.postmaster()
            if pid is not None:
                processes.send(pid, signal.SIGQUIT)
                if not processes.wait_until_gone([pid], seconds=10):
                    processes.crash(pid)

    def start_repmgrd(self) -> None:
        """Starts repmgrd and waits until it watches: a fault before that would go unseen."""
        if self.repmgrd() is not None:
            return
        # repmgrd would take any process that has the number by now for one of its kind.
        self.repmgrd_pid_file.unlink(missing_ok=True)
        events = self.layout.event_log
        begin = events.stat().st_size
        self.repmgr_program("repmgrd", "--daemonize", what=f"start repmgrd on {self.name}")

        number = NODE_NAMES.index(self.name) + 1
        watches = f"node_id={number} event=repmgrd_start success=1".encode()
        was_seen = False
        deadline = time.monotonic() + 10
        while watches not in events.read_bytes()[begin:]:
            is_seen = self.repmgrd() is not None
            if was_seen and not is_seen or time.monotonic() > deadline:
                log = self.layout.logs / f"repmgrd-{self.name}.log"
                raise ClusterError(f"repmgrd on {self.name} does not watch, see {log}; it needs a running primary")
            was_seen = is_seen
            time.sleep(0.02)
        # Its first round takes some milliseconds, and asks the primary a question that has no deadline: a primary
        # that hangs just then leaves repmgrd blind for good.
        time.sleep(0.1)

    def stop_repmgrd(self) -> None:
        """Ends repmgrd and the command it may be running: no promotion is under way when this returns."""
        pid = self.repmgrd()
        if pid is None:
            return
        family = processes.thaw(pid)
        processes.send(pid, signal.SIGTERM)
        if not processes.wait_until_gone(family, seconds=5):
            for member in family:
                processes.send(member, signal.SIGKILL)
            processes.wait_until_gone(family, seconds=5)
        self.repmgrd_pid_file.unlink(missing_ok=True)

    def hang(self) -> list[int]:
        return [pid for root in self.roots() for pid in processes.freeze(root)]

    def thaw(self) -> list[int]:
        return [pid for root in self.roots() for pid in processes.thaw(root)]

    def kill(self) -> list[int]:
        killed = [pid for root in reversed(self.roots()) for pid in processes.crash(root)]
        # What a reboot would clear away. And until init reaps the dead postmaster, PostgreSQL would take the number
        # in these files for a living owner.
        self.socket.unlink(missing_ok=True)
        self.socket.with_name(self.socket.name + ".lock").unlink(missing_ok=True)
        if any(processes.is_zombie(pid) for pid in killed):
            (self.data / "postmaster.pid").unlink(missing_ok=True)
        return killed

    # Programs.

    def execute(self, command: list, what: str, seconds: float) -> None:
        """Runs a program as the servers' account; its output goes to log/commands.log, and its end to the error."""
        log = self.layout.command_log
        with log.open("ab") as output:
            begin = output.tell()
            try:
                # A file and not a pipe: what the program leaves running would hold a pipe open for ever.
                result = self.account.run(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, timeout=seconds
                )
            except subprocess.TimeoutExpired:
                raise ClusterError(f"could not {what} within {seconds:.0f} s; see {self.layout.logs}") from None
        if result.returncode != 0:
            tail = log.read_bytes()[begin:].decode(errors="replace").strip().splitlines()[-8:]
            said = "\n  ".join(tail) or "no output"
            status = result.returncode
            raise ClusterError(f"could not {what} (exit status {status}):\n  {said}\n  more in {self.layout.logs}")

    def repmgr_program(self, program: str, *arguments: str, what: str, seconds: float = 60) -> None:
        command = [POSTGRES_BINARIES / program, "-f", self.repmgr_configuration, *arguments]
        self.execute(command, what, seconds)

    def administrator(self, database: str) -> dict[str, str]:
        """The environment in which libpq programs reach this node as its administrator, by unix socket."""
        return {
            "PGHOST": str(self.layout.sockets),
            "PGPORT": str(self.port),
            "PGUSER": "postgres",
            "PGDATABASE": database,
            "PGAPPNAME": "tools/cluster",
        }

    def sql(self, text: str, database: str = "postgres", seconds: float = 10) -> str:
        """Runs SQL as the administrator and returns what it prints. The text goes by stdin, where nobody sees it."""
        command = [POSTGRES_BINARIES / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        try:
            result = self.account.run(
                command, env=self.administrator(database), input=text, capture_output=True, text=True, timeout=seconds
            )
        except subprocess.TimeoutExpired:
            raise ClusterError(f"{self.name} did not answer within {seconds:g} s") from None
        if result.returncode != 0:
            raise ClusterError(f"{self.name}: {result.stderr.strip() or 'psql failed'}")
        return result.stdout.strip()

    # What the node is.

    def probe(self, seconds: float = 1.5) -> dict:
        """What the node says of itself, or {'state': ...} alone where it says nothing; never later than `seconds`."""
        if not self.is_running():
            return {"state": "down"}
        if self.is_hung():
            return {"state": "hung"}
        try:
            answer = json.loads(self.sql(STATUS_QUERY, database="repmgr", seconds=seconds))
        except ClusterError as error:
            starting = "starting up" in str(error) or "not accepting connections" in str(error)
            return {"state": "starting" if starting else "unresponsive"}
        return {"state": "up"} | answer

    def will_be_standby(self) -> bool:
        return (self.data / "standby.signal").exists()

    def last_timeline(self) -> int:
        """The timeline a stopped former primary was on, by the history files that a promotion leaves behind.

        The control file knows a promotion only from the next checkpoint on.
        """
        histories = [int(path.stem, 16) for path in (self.data / "pg_wal").glob("????????.history")]
        return max(histories, default=1)


def other_name(name: str) -> str:
    return NODE_NAMES[1 - NODE_NAMES.index(name)]
