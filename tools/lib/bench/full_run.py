"""A full run: starts what is measured, stage by stage, and leaves the report."""

import argparse
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from ..pgring_process import is_free
from . import bulk, full, full_report, load, machine, peers
from .instruments import start_backend
from .page import to_html
from .report import Report, stem_of
from .samples import Samples
from .scram import secret_of
from .targets import BenchError, Servers, Target, direct, start_floor, start_pgbouncer, start_pgring

# From the port that is given, as everywhere in tools/bench: the servers have it and the next.
BACKEND_PORT, PGRING_PORT, FLOOR_PORT = 2, 32, 34
PEER_PORTS = {"pgbouncer": 42, "haproxy": 46, "pgpool": 48, "odyssey": 50, "pgagroal": 52, "pgdog": 54}


def handicapped_name(share: float) -> str:
    return f"pgring, {share:.0%} slower"


class FullRun:
    def __init__(
        self,
        arguments: argparse.Namespace,
        cluster: Callable[[], AbstractContextManager[Servers]],
        folder: Path,
        results: Path,
        say: Callable[[str], None],
    ):
        """`cluster` brings PostgreSQL up, only where it is needed; `folder` is for files that need not stay."""
        self.arguments = arguments
        self.cluster = cluster
        self.base = folder
        self.folder = folder  # of the stage
        self.results = results
        self.say = say
        self.stem = stem_of("full")
        self.samples = Samples()
        self.problems: list[full.Problem] = []
        self.facts = machine.facts()
        self.facts |= {
            "commit": _commit(),
            "rounds": f"{arguments.rounds} of {arguments.seconds:g} s for each row and target",
            "pool": f"{arguments.pool_size} server connections, those that pool",
        }

    def run(self) -> Report:
        machine.raise_descriptor_limit(machine.descriptors_max())
        stages = ((full.INSTANT, self.instant_rows(), self.instant_stage), (full.REAL, self.real_rows(), self.real_stage))
        chosen = [(name, rows, stage) for name, rows, stage in stages if rows]
        if not chosen:
            raise BenchError(f"no row is called {self.arguments.rows!r}; tools/bench full --list says what there is")
        for name, rows, stage in chosen:
            self.folder = self.base / name.replace(" ", "-")
            self.folder.mkdir()
            self.folder.chmod(0o711)  # the proxies that are another account's read their own files in here
            with stage(rows) as ready:
                minutes = full.estimated_minutes([ready], self.arguments.rounds)
                self.say(f"{name}: {len(rows)} rows, {self.arguments.rounds} rounds: some {minutes:.0f} minutes")
                full.run(ready, self.arguments.rounds, self.samples, self.problems, self.say, self.save)
        return self.save()

    def save(self) -> Report:
        """Writes what there is so far, so that a run which is cut short leaves something."""
        share = self.arguments.handicap
        handicap = (handicapped_name(share), share) if share else None
        return write(self.results, self.stem, self.samples, self.facts, self.problems, handicap)

    # Rows.

    def instant_rows(self) -> list[full.Row]:
        return full.chosen(full.instant_rows(self.clients(), self.arguments.idle_clients), self.arguments.rows)

    def real_rows(self) -> list[full.Row]:
        clients = [count for count in self.clients() if count <= 256]
        return full.chosen(full.real_rows(tuple(clients), max(clients, default=0)), self.arguments.rows)

    def clients(self) -> tuple[int, ...]:
        return tuple(self.arguments.clients)

    # Stages.

    @contextmanager
    def instant_stage(self, rows: list[full.Row]) -> Iterator[full.Stage]:
        with ExitStack() as stack:
            backend, servers = start_backend(self.arguments.backend, self.folder, self.port(BACKEND_PORT))
            stack.callback(backend.stop)
            stage = self.stage(full.INSTANT, servers, rows)
            local = replace(servers, host=str(self.folder))
            kinds = {row.kind for row in rows}
            if kinds & {"tcp", "workers"}:
                stage.targets["tcp"] = self.tcp_targets(stack, servers)
            if "workers" in kinds:
                two = self.pgring(stack, servers, 3, name="pgring, 2 workers", file="pgring-workers", workers=2)
                stage.targets["workers"] = [*(t for t in stage.targets["tcp"] if t.name == "pgring"), two]
            if "unix" in kinds:
                sockets = self.folder / "sockets"
                sockets.mkdir()
                sockets.chmod(0o1777)  # pgbouncer, which is another account's, makes its socket in here
                stage.targets["unix"] = [
                    self.pgring(stack, local, 4, file="pgring-unix", unix_socket_dir=sockets),
                    *self.pgbouncer(stack, local, 1, file="pgbouncer-unix", unix_socket_dir=sockets),
                    replace(self.direct(servers), host=local.host),
                ]
            if "scram" in kinds:
                with_secret = {"auth_type": "scram-sha-256", "secret": secret_of(servers.password)}
                stage.targets["scram"] = [
                    self.pgring(stack, servers, 5, file="pgring-scram", **with_secret),
                    *self.pgbouncer(stack, servers, 2, file="pgbouncer-scram", **with_secret),
                ]
            if share := self.arguments.handicap:
                options = {"name": handicapped_name(share), "file": "pgring-handicapped", "handicap": share}
                slow = self.pgring(stack, servers, 6, program=self.arguments.handicapped, **options)
                stage.targets["tcp"] = [*stage.targets.get("tcp", []), slow]
            yield stage

    @contextmanager
    def real_stage(self, rows: list[full.Row]) -> Iterator[full.Stage]:
        with self.cluster() as servers, ExitStack() as stack:
            self.say(f"pgbench's tables, scale {load.SCALE}")
            load.initialize(servers)
            bulk.execute(servers, "DROP TABLE IF EXISTS bench_copy; CREATE UNLOGGED TABLE bench_copy (line text)")
            stage = self.stage(full.REAL, servers, rows)
            kinds = {row.kind for row in rows}
            stage.targets["tcp"] = self.tcp_targets(stack, servers)
            if "multiplex" in kinds:
                options = {"name": "pgring, multiplex", "file": "pgring-multiplex", "multiplex": "sync"}
                multiplexing = self.pgring(stack, servers, 7, **options)
                stage.targets["multiplex"] = [*(t for t in stage.targets["tcp"] if t.name == "pgring"), multiplexing]
            yield stage
            bulk.execute(servers, "DROP TABLE bench_copy")

    def stage(self, name: str, servers: Servers, rows: list[full.Row]) -> full.Stage:
        return full.Stage(name, servers, self.arguments.load, self.arguments.seconds, self.folder, rows=rows)

    def tcp_targets(self, stack: ExitStack, servers: Servers) -> list[Target]:
        targets = [self.pgring(stack, servers, 0)]
        if self.wanted("floor"):
            floor = start_floor(servers, self.arguments.floor, self.folder, port=self.port(FLOOR_PORT))
            targets.append(self.add(stack, floor))
        for name, program in peers.programs(self.arguments.peer).items():
            if self.wanted(name):
                targets += self.peer(stack, servers, name, program)
        if self.wanted("direct"):
            targets.append(self.direct(servers))
        return targets

    # Targets.

    def wanted(self, name: str) -> bool:
        return not self.arguments.targets or name in self.arguments.targets

    def port(self, offset: int) -> int:
        """One that nobody listens on: what is left of a run that was killed would take a part of the load, unmeasured."""
        port = self.arguments.port + offset
        if not is_free(port):
            raise BenchError(f"port {port} is in use; what is left of an earlier run has to be ended first")
        return port

    def add(self, stack: ExitStack, target: Target, called: str | None = None) -> Target:
        """`called` is what the report says its settings are of, where it is not the name that the rows have it by."""
        stack.callback(target.stop)
        settings = ", ".join(f"{key}={value}" for key, value in target.settings.items() if key != "listen_port")
        self.facts[called or target.name] = f"{target.version}; {settings}" if settings else target.version
        return target

    def pgring(self, stack: ExitStack, servers: Servers, offset: int, **options) -> Target:
        program = options.pop("program", self.arguments.pgring)
        common = {"port": self.port(PGRING_PORT if offset == 0 else PGRING_PORT + 2 + offset), "workers": 1}
        common["pool_size"] = self.arguments.pool_size
        return self.add(stack, start_pgring(servers, program, self.folder, **common | options), options.get("file"))

    def pgbouncer(self, stack: ExitStack, servers: Servers, offset: int, **options) -> list[Target]:
        """None where there is none."""
        program = peers.programs(self.arguments.peer).get("pgbouncer")
        if program is None or not self.wanted("pgbouncer"):
            return []
        options |= {"port": self.port(PEER_PORTS["pgbouncer"] + offset), "pool_size": self.arguments.pool_size}
        return [self.add(stack, start_pgbouncer(servers, program, self.folder, **options), options["file"])]

    def peer(self, stack: ExitStack, servers: Servers, name: str, program: str) -> list[Target]:
        """None where it does not serve: the others are measured all the same."""
        options = {"port": self.port(PEER_PORTS[name]), "pool_size": self.arguments.pool_size}
        try:
            return [self.add(stack, peers.STARTERS[name](servers, program, self.folder, **options))]
        except (BenchError, OSError, subprocess.SubprocessError) as error:
            log = self.folder / f"{name}.log"
            last = log.read_text(errors="replace").strip().splitlines()[-1:] if log.exists() else []
            why = "; ".join([str(error), *last])
            self.problems.append(full.Problem(f"{name} ({program})", why))
            self.say(f"left out: {why}")
            return []

    def direct(self, servers: Servers) -> Target:
        target = direct(servers)
        self.facts.setdefault("PostgreSQL", target.version)
        return target


def write(
    folder: Path,
    stem: str,
    samples: Samples,
    facts: dict[str, str],
    problems: list[full.Problem],
    handicap: tuple[str, float] | None,
) -> Report:
    report, sections = full_report.summarize(samples, facts, problems, handicap)
    report.file = report.write(folder, stem)
    (folder / f"{stem}.html").write_text(to_html(report, sections))
    return report


def render(file: Path) -> Report:
    """The reports of a run again, beside the JSON that it left."""
    content = json.loads(file.read_text())
    if content.get("name") != "full":
        raise BenchError(f"{file} is not of a full run")
    raw = content["raw"]
    problems = [full.Problem(*problem) for problem in raw["problems"]]
    handicap = tuple(raw["handicap"]) if raw["handicap"] else None
    return write(file.parent, file.stem, Samples.from_json(raw["samples"]), content["facts"], problems, handicap)


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    result = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True)
    return result.stdout.strip() or "unknown"
