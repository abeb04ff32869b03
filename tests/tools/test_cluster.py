#!/usr/bin/python3
"""tools/cluster against real servers: each test breaks a pair in one way and sees it repaired.

Takes about a minute. Runs as root or as any user; nothing is left behind.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = REPOSITORY / "tools" / "cluster"
sys.dont_write_bytecode = True
sys.path.insert(0, str(REPOSITORY / "tools"))

from lib import processes  # noqa: E402
from lib.account import POSTGRES_BINARIES, Account, ClusterError  # noqa: E402
from lib.cluster import Cluster  # noqa: E402
from lib.pgring_process import free_ports  # noqa: E402

FAILOVER_SECONDS = 15


def free_port() -> int:
    """A port that is free together with the next one, and that the kernel gives to no outgoing connection meanwhile."""
    return free_ports(random.randrange(10000, 20000), 2)


def read_environment(cluster: Cluster) -> dict[str, str]:
    lines = cluster.layout.environment.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def query(port: int, user: str, password: str, text: str, database: str = "app") -> subprocess.CompletedProcess:
    """Runs SQL over TCP with a password, as an application does."""
    environment = {"PGPASSWORD": password, "PGHOST": "127.0.0.1", "PGPORT": str(port), "PGCONNECT_TIMEOUT": "5"}
    command = [POSTGRES_BINARIES / "psql", "-XqAtw", "-v", "ON_ERROR_STOP=1", "-U", user, "-d", database, "-c", text]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20)


class ClusterTest(unittest.TestCase):
    """What tests of a pair have in common."""

    cluster: Cluster
    environment: dict[str, str]

    @classmethod
    def make_parent(cls, add_cleanup) -> Path:
        parent = Path(tempfile.mkdtemp(prefix="pgring-test-"))
        add_cleanup(shutil.rmtree, parent)
        parent.chmod(0o755)
        return parent

    @classmethod
    def make_cluster(cls, directory: Path, add_cleanup) -> Cluster:
        cluster = Cluster(directory)
        add_cleanup(lambda: cluster.layout.marker.exists() and cluster.down(destroy=True))
        return cluster

    def as_application(self, name: str, text: str) -> str:
        node = self.node(name)
        result = query(node.port, self.environment["POSTGRES_USER"], self.environment["POSTGRES_PASSWORD"], text)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.strip()

    def node(self, name: str):
        return next(node for node in self.cluster.nodes() if node.name == name)

    def roles(self) -> dict[str, str | None]:
        return {row["node"]: row["role"] for row in self.cluster.status()}

    def assert_streams(self, primary: str, standby: str):
        rows = {row["node"]: row for row in self.cluster.status()}
        self.assertEqual(rows[primary]["role"], "primary")
        self.assertEqual(rows[standby]["role"], "standby")
        self.assertTrue(rows[standby]["streaming"])
        self.assertEqual(rows[primary]["timeline"], rows[standby]["timeline"])
        self.assertEqual({row["repmgrd"] for row in rows.values()}, {"running"})


class SharedPair(ClusterTest):
    """One pair for all tests of a class, which leave it as they found it."""

    @classmethod
    def setUpClass(cls):
        cls.parent = cls.make_parent(cls.addClassCleanup)
        cls.cluster = cls.make_cluster(cls.parent / "one", cls.addClassCleanup)
        cls.cluster.up(port=free_port(), fsync=False)
        cls.environment = read_environment(cls.cluster)


class FreshPair(ClusterTest):
    """A new pair for each test, which may do to it what it likes."""

    def setUp(self):
        self.parent = self.make_parent(self.addCleanup)
        self.cluster = self.make_cluster(self.parent / "one", self.addCleanup)
        self.cluster.up(port=free_port(), fsync=False)
        self.environment = read_environment(self.cluster)


class Up(SharedPair):
    def test_makes_a_streaming_pair_that_repmgr_knows(self):
        self.assert_streams("pg-0", "pg-1")
        self.assertEqual([row["repmgr"] for row in self.cluster.status()], ["primary", "standby"])
        self.as_application("pg-0", "create table t as select generate_series(1, 1000) i")
        self.wait_for_replay()
        self.assertEqual(self.as_application("pg-1", "select count(*) from t"), "1000")

    def wait_for_replay(self):
        deadline = time.monotonic() + 10
        while self.cluster.status()[1]["lag_bytes"] != 0:
            self.assertLess(time.monotonic(), deadline, "the standby does not catch up")

    def test_again_says_that_it_is_up_and_changes_nothing(self):
        before = [node.postmaster() for node in self.cluster.nodes()]
        lines = []
        Cluster(self.cluster.layout.directory, report=lines.append).up()
        self.assertEqual(lines, ["cluster is already up"])
        self.assertEqual([node.postmaster() for node in self.cluster.nodes()], before)

    def test_refuses_a_busy_port_by_its_number_and_leaves_nothing(self):
        port = self.node("pg-1").port
        second = Cluster(self.parent / "two")
        with self.assertRaisesRegex(ClusterError, f"port {port} is in use"):
            second.up(port=port)
        self.assertFalse(second.layout.directory.exists())

    def test_refuses_a_directory_with_other_things_and_leaves_them(self):
        other = self.parent / "other"
        other.mkdir()
        (other / "letter").write_text("dear")
        with self.assertRaisesRegex(ClusterError, "letter"):
            Cluster(other).up(port=free_port())
        self.assertEqual([entry.name for entry in other.iterdir()], ["letter"])

    def test_refuses_other_settings_than_the_cluster_was_made_with(self):
        with self.assertRaisesRegex(ClusterError, "made with max_connections=200"):
            self.cluster.up(max_connections=300)

    def test_two_clusters_live_side_by_side(self):
        second = self.make_cluster(self.parent / "two", self.addCleanup)
        second.up(port=free_port(), fsync=False, max_connections=50)
        self.assertTrue(second.is_up())
        second.down(destroy=True)
        self.assertFalse(second.layout.directory.exists())
        self.assert_streams("pg-0", "pg-1")

    def test_uses_a_short_directory_for_sockets_where_the_path_is_long(self):
        deep = self.make_cluster(self.parent / ("d" * 100), self.addCleanup)
        deep.up(port=free_port(), fsync=False)
        self.assertTrue(deep.is_up())
        self.assertEqual(deep.layout.sockets.parent, Path("/tmp"))
        deep.down(destroy=True)
        self.assertFalse(deep.layout.sockets.exists())

    def test_interrupted_leaves_no_process_and_can_be_repeated(self):
        half = self.make_cluster(self.parent / "half", self.addCleanup)
        command = [PROGRAM, "up", "--directory", half.layout.directory, "--port", str(free_port()), "--no-fsync"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in process.stdout:
            if "registered" in line:
                process.send_signal(signal.SIGINT)
                break
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertEqual([node.roots() for node in half.nodes()], [[], []])
        half.up(port=free_port(), fsync=False)
        self.assertTrue(half.is_up())


class Authentication(SharedPair):
    def test_every_way_in_asks_for_scram(self):
        rules = self.node("pg-0").sql("select type, user_name, auth_method from pg_hba_file_rules where error is null")
        methods = {line for line in rules.splitlines() if not line.endswith("|scram-sha-256")}
        self.assertEqual(methods, {"local|{postgres}|peer"})
        stored = self.node("pg-0").sql("select rolname, left(rolpassword, 14) from pg_authid where rolcanlogin")
        scram = "SCRAM-SHA-256$"
        expected = {f"app|{scram}", f"pgring_monitor|{scram}", f"repmgr|{scram}", "postgres|"}
        self.assertEqual(set(stored.splitlines()), expected)

    def test_wrong_passwords_are_refused_and_the_administrator_has_none(self):
        port = self.node("pg-0").port
        for user in ("app", "pgring_monitor", "repmgr", "postgres"):
            result = query(port, user, "wrong", "select 1")
            self.assertIn("password authentication failed", result.stderr)

    def test_the_monitor_sees_replication_and_no_data(self):
        self.as_application("pg-0", "create table t as select 42 as i")
        port, password = self.node("pg-0").port, self.environment["PGRING_MONITOR_PASSWORD"]
        sees = query(port, "pgring_monitor", password, "select state, replay_lsn is not null from pg_stat_replication")
        self.assertEqual(sees.stdout.strip(), "streaming|t", sees.stderr)
        self.assertIn("permission denied", query(port, "pgring_monitor", password, "select i from t").stderr)


class Repairs(SharedPair):
    def test_a_hung_node_is_shown_at_once_and_continues(self):
        self.cluster.hang("pg-1")
        begin = time.monotonic()
        row = self.cluster.status()[1]
        self.assertLess(time.monotonic() - begin, 3)
        self.assertEqual((row["state"], row["repmgrd"]), ("hung", "hung"))
        self.cluster.start("pg-1")
        self.cluster.wait_for_streaming("pg-1")
        self.assert_streams("pg-0", "pg-1")

    def test_a_standby_that_was_killed_rejoins_without_being_rewound(self):
        self.cluster.kill("pg-1")
        lines = []
        Cluster(self.cluster.layout.directory, report=lines.append).rejoin("pg-1")
        self.assertIn("starting pg-1 as the standby it was", lines)
        self.assert_streams("pg-0", "pg-1")

    def test_rejoin_leaves_a_healthy_standby_and_a_primary_alone(self):
        before = [node.postmaster() for node in self.cluster.nodes()]
        self.cluster.rejoin("pg-1")
        with self.assertRaisesRegex(ClusterError, "pg-1 is not a running primary"):
            self.cluster.rejoin("pg-0")
        self.assertEqual([node.postmaster() for node in self.cluster.nodes()], before)

    def test_starts_a_stopped_cluster_with_its_data_and_passwords(self):
        self.as_application("pg-0", "create table kept as select 42 as i")
        self.cluster.down()
        self.assertEqual([row["state"] for row in self.cluster.status()], ["down", "down"])
        self.cluster.up()
        self.assert_streams("pg-0", "pg-1")
        self.assertEqual(self.as_application("pg-0", "select i from kept"), "42")

    def test_down_ends_nodes_that_hang(self):
        self.addCleanup(self.cluster.up)
        self.cluster.hang("pg-0")
        self.cluster.hang("pg-1")
        self.cluster.down()
        self.assertEqual([node.roots() for node in self.cluster.nodes()], [[], []])

    def test_commands_for_an_unknown_or_dead_node_say_so(self):
        self.addCleanup(self.cluster.up)
        with self.assertRaisesRegex(ClusterError, "the nodes are pg-0 and pg-1"):
            self.cluster.kill("pg-2")
        self.cluster.kill("pg-1")
        with self.assertRaisesRegex(ClusterError, "pg-1 is down"):
            self.cluster.kill("pg-1")
        self.cluster.down()
        with self.assertRaisesRegex(ClusterError, "not up"):
            self.cluster.hang("pg-0")

    def test_base_backup_and_archive_restore_what_was_committed(self):
        self.as_application("pg-0", "create table archived as select generate_series(1, 1000) i")
        self.wait_for_archive(self.node("pg-0").sql("select pg_walfile_name(pg_switch_wal())"))
        restored, port = self.restore("pg-0")
        environment = {"PGHOST": str(restored), "PGPORT": str(port), "PGUSER": "postgres", "PGDATABASE": "app"}
        account = self.node("pg-0").account
        try:
            psql = [POSTGRES_BINARIES / "psql", "-XqAt", "-c", "select count(*) from archived"]
            result = account.run(psql, env=environment, capture_output=True, text=True)
        finally:
            account.run([POSTGRES_BINARIES / "pg_ctl", "-D", restored, "-s", "-m", "immediate", "stop"], check=True)
        self.assertEqual(result.stdout.strip(), "1000", result.stderr)

    def wait_for_archive(self, segment: str):
        deadline = time.monotonic() + 10
        while not (self.cluster.layout.backup("pg-0") / "wal" / segment).exists():
            self.assertLess(time.monotonic(), deadline, f"{segment} is not archived")
            time.sleep(0.05)

    def restore(self, name: str) -> tuple[Path, int]:
        layout, account = self.cluster.layout, self.node(name).account
        base, data, port = layout.backup(name) / "base", layout.node(name) / "restored", free_port()
        account.run(["install", "-d", "-m", "700", data], check=True)
        account.run(["tar", "-xf", base / "base.tar", "-C", data], check=True)
        account.run(["tar", "-xf", base / "pg_wal.tar", "-C", data / "pg_wal"], check=True)
        account.run(["touch", data / "recovery.signal"], check=True)
        options = (
            f"-p {port} -c unix_socket_directories={data} -c archive_mode=off "
            f"-c restore_command='cp {layout.backup(name)}/wal/%f %p'"
        )
        command = [POSTGRES_BINARIES / "pg_ctl", "-D", data, "-w", "-s", "-l", data / "log", "-o", options, "start"]
        account.run(command, check=True)
        deadline = time.monotonic() + 10
        while (data / "recovery.signal").exists():
            self.assertLess(time.monotonic(), deadline, "recovery does not end")
            time.sleep(0.05)
        return data, port


class Failover(FreshPair):
    def test_a_crash_promotes_the_standby_and_the_old_primary_rejoins_both_ways(self):
        self.as_application("pg-0", "create table t (i int)")
        for old, new in (("pg-0", "pg-1"), ("pg-1", "pg-0")):
            self.as_application(old, "insert into t values (1)")
            self.cluster.wait_for_streaming(new)
            self.cluster.kill(old)
            self.assertIsNone(self.roles()[old])
            self.cluster.wait_for_role(new, "primary", FAILOVER_SECONDS)
            self.cluster.rejoin(old)
            self.assert_streams(new, old)
        self.assertEqual(self.as_application("pg-0", "select count(*) from t"), "2")

    def test_a_crash_right_after_a_rejoin_is_not_missed(self):
        old, new = "pg-0", "pg-1"
        for _ in range(2):
            self.cluster.kill(old)
            self.cluster.wait_for_role(new, "primary", FAILOVER_SECONDS)
            self.cluster.rejoin(old)
            old, new = new, old
        self.cluster.kill(old)
        self.cluster.wait_for_role(new, "primary", FAILOVER_SECONDS)

    def test_both_nodes_dead_start_one_by_one(self):
        self.cluster.kill("pg-0")
        self.cluster.kill("pg-1")
        lines = []
        cluster = Cluster(self.cluster.layout.directory, report=lines.append)
        cluster.start("pg-1")
        self.assertIn("beware: repmgrd on pg-1 does not watch", " ".join(lines))
        cluster.start("pg-0")
        cluster.wait_for_streaming("pg-1")
        self.assert_streams("pg-0", "pg-1")

    def test_makes_the_promoted_node_primary_and_rejoins_the_one_left_behind(self):
        self.cluster.kill("pg-0")
        self.cluster.wait_for_role("pg-1", "primary", FAILOVER_SECONDS)
        self.cluster.down()
        self.cluster.up()
        self.assert_streams("pg-1", "pg-0")

    def test_a_stale_primary_is_named_and_loses_what_only_it_had(self):
        self.cluster.stop("pg-0")
        self.cluster.wait_for_role("pg-1", "primary", FAILOVER_SECONDS)
        self.cluster.start("pg-0")
        self.assertEqual(self.roles(), {"pg-0": "stale primary", "pg-1": "primary"})
        self.as_application("pg-0", "create table astray (i int)")
        self.cluster.rejoin("pg-0")
        self.assert_streams("pg-1", "pg-0")
        self.assertEqual(self.as_application("pg-0", "select to_regclass('astray') is null"), "t")

    def test_rejoin_works_after_a_promotion_that_was_not_repmgrs(self):
        self.node("pg-0").stop_repmgrd()
        self.node("pg-1").stop_repmgrd()
        self.cluster.kill("pg-0")
        self.node("pg-1").sql("select pg_promote()")
        self.cluster.rejoin("pg-0")
        self.node("pg-1").start_repmgrd()
        self.assert_streams("pg-1", "pg-0")

    def test_passwords_stand_in_their_files_only_and_those_are_private(self):
        layout = self.cluster.layout
        passwords = [value for name, value in self.environment.items() if name.endswith("PASSWORD")]
        self.assertEqual(len(set(passwords)), 3)
        self.cluster.kill("pg-0")
        self.cluster.wait_for_role("pg-1", "primary", FAILOVER_SECONDS)
        self.cluster.rejoin("pg-0")

        secret_files = {layout.environment, layout.user_list, layout.passfile}
        for file in secret_files:
            self.assertEqual(file.stat().st_mode & 0o777, 0o600, file)
        searched = 0
        for file in layout.directory.rglob("*"):
            if file.is_file() and file not in secret_files:
                content = file.read_bytes()
                self.assertFalse([1 for password in passwords if password.encode() in content], file)
                searched += 1
        self.assertGreater(searched, 100)
        for root in [root for node in self.cluster.nodes() for root in node.roots()]:
            for pid in [root, *processes.descendants(root)]:
                self.assertFalse([1 for password in passwords if password in " ".join(processes.command_line(pid))])


@unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
class AnotherUser(ClusterTest):
    def test_an_ordinary_user_brings_up_breaks_and_ends_a_cluster(self):
        account = Account.named("nobody")
        parent = account.own(self.make_parent(self.addCleanup), 0o755)
        program = parent / "tools"  # the repository itself may not be open to others
        shutil.copytree(REPOSITORY / "tools", program)

        def command(*words: str) -> str:
            line = [program / "cluster", "--directory", parent / "cluster", *words]
            result = account.run(line, capture_output=True, text=True, timeout=60)
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
            return result.stdout

        try:
            command("up", "--port", str(free_port()), "--no-fsync")
            command("kill", "pg-1")
            command("rejoin", "pg-1")
            self.assertEqual(command("psql", "pg-1", "-Atc", "select pg_is_in_recovery(), current_user"), "t|postgres\n")
            for name in (".env", "userlist.txt", "repmgr.pgpass"):
                self.assertEqual((parent / "cluster" / name).stat().st_uid, account.uid)
        finally:
            command("down", "--destroy")
        self.assertFalse((parent / "cluster").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
