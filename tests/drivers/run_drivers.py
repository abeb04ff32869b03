#!/usr/bin/python3
"""Runs every driver's test programme through one pgring in front of one real cluster.

    run_drivers.py [--direct] [--only NAME]... PGRING BUILD_FOLDER LOG_FOLDER [REPORT]

pgring is in transaction mode with two backends of each server for all clients, and the programmes find the connection in
libpq's environment variables. What each says is printed; REPORT becomes an XML file with one case for each. The status is
0 only if all held; what a programme needs and is not there is a failure.

--direct connects the programmes to the primary instead, to see what PostgreSQL itself does. In BUILD_FOLDER are
the programmes that meson compiles, and what Go has compiled before.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tools"))
sys.dont_write_bytecode = True

from lib.account import ClusterError  # noqa: E402
from lib.cluster import Cluster  # noqa: E402
from lib.pgring_process import PgringError, PgringProcess, free_port, free_ports  # noqa: E402

PROGRAM_SECONDS = 120
# More clients than backends of any server: what one session leaves, another would meet.
POOL_SIZE = 2
PYTHON = "/usr/bin/python3"
JDBC = "/usr/share/java/postgresql.jar"
# Debian's Go libraries are sources outside any module.
GO = {"GO111MODULE": "off", "GOFLAGS": "", "GOPATH": "/usr/share/gocode"}


@dataclass(frozen=True)
class Driver:
    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    # It looks at which node answers, which only pgring decides.
    routed: bool = False


def drivers(build: Path) -> list[Driver]:
    def at(name: str) -> str:
        return str(HERE / name)

    return [
        Driver("psycopg", (PYTHON, at("psycopg_test.py")), routed=True),
        Driver("listen", (PYTHON, at("listen_test.py"))),
        Driver("psycopg_async", (PYTHON, at("psycopg_async_test.py"))),
        Driver("asyncpg", (PYTHON, at("asyncpg_test.py"))),
        Driver("sqlalchemy", (PYTHON, at("sqlalchemy_test.py"))),
        Driver("node_postgres", ("node", at("node/node_postgres_test.js")), routed=True),
        Driver("postgres_js", ("node", at("node/postgres_js_test.js"))),
        Driver("pgjdbc", ("java", "-cp", JDBC, at("pgjdbc_test.java"))),
        Driver("libpqxx", (str(build / "libpqxx_test"),)),
        Driver("lib_pq", ("go", "run", at("go/lib_pq.go")), GO),
        Driver("pgx", ("go", "run", at("go/pgx.go")), GO),
        Driver("dbd_pg", ("perl", at("dbd_pg_test.pl"))),
        Driver("php", ("php", at("php_test.php"))),
        Driver("ruby_pg", ("ruby", at("ruby_pg_test.rb"))),
        Driver("postgresql_tools", (PYTHON, at("postgresql_tools_test.py"))),
    ]


def prepare_cluster(cluster: Cluster) -> None:
    """Lets programmes read at once what they wrote, wherever pgring sends the read; they check what is read, not how
    fast a standby follows. JIT is off because compiling the query with which asyncpg looks up types takes seconds."""
    primary, standby = cluster.nodes()
    primary.sql("alter system set synchronous_standby_names = '*'")
    primary.sql("alter system set synchronous_commit = 'remote_apply'")
    for node in (primary, standby):
        node.sql("alter system set jit = off")
        node.sql("select pg_reload_conf()")


def environment_of(parameters: dict[str, object], build: Path) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return environment | {
        "PGHOST": str(parameters["host"]),
        "PGPORT": str(parameters["port"]),
        "PGDATABASE": str(parameters["dbname"]),
        "PGUSER": str(parameters["user"]),
        "PGPASSWORD": str(parameters["password"]),
        "PGSSLMODE": "disable",
        "LC_ALL": "C.UTF-8",
        "GOCACHE": str(build / "go-cache"),
    }


def run(driver: Driver, environment: dict[str, str]) -> tuple[str | None, float]:
    """What went wrong, if anything, and how many seconds it took. Everything the programme says is printed."""
    begin = time.monotonic()
    print(f"\n{driver.name}:", flush=True)
    # In a group of its own, so that nothing it started outlives it.
    try:
        process = subprocess.Popen(
            driver.command, env=environment | driver.environment, stdin=subprocess.DEVNULL, start_new_session=True
        )
    except OSError as error:
        return f"{error}; tools/setup installs what the drivers need", 0.0
    try:
        status = process.wait(PROGRAM_SECONDS)
        problem = f"status {status}" if status else None
    except subprocess.TimeoutExpired:
        problem = f"not done after {PROGRAM_SECONDS} s"
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
    return problem, time.monotonic() - begin


def run_all(chosen: list[Driver], parameters: dict[str, object], build: Path, report: Path | None) -> int:
    environment = environment_of(parameters, build)
    suite = ElementTree.Element("testsuite", name="drivers")
    problems = {}
    for driver in chosen:
        problem, seconds = run(driver, environment)
        print(f"{driver.name}: {problem or 'holds'} ({seconds:.1f} s)", flush=True)
        case = ElementTree.SubElement(suite, "testcase", classname="Drivers", name=driver.name, time=f"{seconds:.2f}")
        if problem is not None:
            problems[driver.name] = problem
            ElementTree.SubElement(case, "failure", message=problem)
    if report is not None:
        ElementTree.ElementTree(suite).write(report)
    print(f"\n{len(chosen) - len(problems)} of {len(chosen)} drivers hold", flush=True)
    for name, problem in problems.items():
        print(f"FAILED  {name}: {problem}")
    return 0 if chosen and not problems else 1


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--direct", action="store_true")
    parser.add_argument("--only", action="append", metavar="NAME", default=[])
    parser.add_argument("pgring", type=Path)
    parser.add_argument("build", type=Path)
    parser.add_argument("log", type=Path)
    parser.add_argument("report", type=Path, nargs="?")
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    # meson ends a test that takes too long by SIGTERM: leave by the exits that tidy up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    build = arguments.build.resolve()
    chosen = drivers(build)
    if arguments.only:
        chosen = [driver for driver in chosen if driver.name in arguments.only]
    elif arguments.direct:
        chosen = [driver for driver in chosen if not driver.routed]
    log = arguments.log.resolve()
    log.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="pgring-drivers-"))
    folder.chmod(0o755)
    cluster = Cluster(folder / "cluster")
    try:
        cluster.up(port=free_ports(6900, 2), fsync=False)
        prepare_cluster(cluster)
        with PgringProcess(
            cluster,
            arguments.pgring.resolve(),
            log,
            port=free_port(6932),
            default_pool_size=POOL_SIZE,
            query_wait_timeout="20s",
        ) as pgring:
            parameters = pgring.connection_parameters()
            if arguments.direct:
                parameters["port"] = cluster.nodes()[0].port
            return run_all(chosen, parameters, build, arguments.report)
    except (ClusterError, PgringError) as error:
        print(f"run_drivers: {error}", file=sys.stderr)
        return 1
    finally:
        if cluster.layout.marker.exists():
            cluster.down(destroy=True)
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
