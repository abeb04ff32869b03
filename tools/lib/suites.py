"""The test suites that tools/driver-suites runs: where each comes from, how it is built and run, how it is read."""

import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .lone_server import LoneServer

# A test's name, and "holds", "fails" or "skipped".
Verdicts = dict[str, str]

PYTHON = "/usr/bin/python3"
PGXS = Path("/usr/lib/postgresql/15/lib/pgxs/src/test")
DATABASE = "suite"
SUITE_SECONDS = 1800
FILE_SECONDS = 40


class SuiteError(Exception):
    """What went wrong, in words for the person at the terminal."""


@dataclass(frozen=True)
class Suite:
    name: str
    package: str
    prepare: Callable[[Path], None]
    run: Callable[[Path, LoneServer, Path], Verdicts]


# -- Sources --

APT_SOURCES = """\
deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main
deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian-security \
bookworm-security main
"""


def fetch(suite: Suite, folder: Path, version: str | None) -> Path:
    """The unpacked source package, in `folder`. apt's own lists are neither used nor changed."""
    source = folder / "source" / suite.package
    if source.exists():
        return source
    apt = folder / "apt"
    (apt / "lists/partial").mkdir(parents=True, exist_ok=True)
    source.parent.mkdir(exist_ok=True)
    (apt / "sources.list").write_text(APT_SOURCES)
    settings = {
        "Dir::Etc::SourceList": apt / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": apt / "lists",
        "Dir::Cache": apt,
        "APT::Sandbox::User": "root",
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    wanted = suite.package if version is None else f"{suite.package}={version}"
    build(["apt-get", *options, "-qq", "update"], apt)
    build(["apt-get", *options, "-qq", "--download-only", "source", wanted], apt)
    description = max(apt.glob(f"{suite.package}_*.dsc"), key=lambda path: path.stat().st_mtime)
    build(["dpkg-source", "-x", description, source], apt)
    return source


def build(command: list, folder: Path, **environment: str) -> None:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        last = "\n".join(done.stdout.splitlines()[-5:])
        raise SuiteError(f"{command[0]} failed in {folder}:\n{last}")


def run_in(folder: Path, command: list, environment: dict[str, str], log: Path, seconds: float) -> int:
    """Runs what a suite is run by; what it says goes to `log`. A programme that takes too long has failed."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    with log.open("ab") as output:
        try:
            return subprocess.run(
                [str(word) for word in command],
                cwd=folder,
                env=clean | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=seconds,
            ).returncode
        except subprocess.TimeoutExpired:
            return 124


def fresh_log(folder: Path) -> Path:
    log = folder / "suite.log"
    log.unlink(missing_ok=True)
    return log


# -- PostgreSQL's own, by its own programmes --


def prepare_regress(source: Path) -> None:
    names = ("src/test/regress/regress.so", "contrib/spi/refint.so", "contrib/spi/autoinc.so")
    libraries = [source / name for name in names]
    if all(library.exists() for library in libraries):
        return
    build(["./configure", "--without-readline", "--without-zlib", "--without-icu"], source)
    build(["make", "-C", "src/backend", "generated-headers"], source)
    for library in libraries:
        build(["make", "-C", library.parent, library.name], source)


def prepare_nothing(source: Path) -> None:
    del source


def database_for_regress(server: LoneServer, database: str) -> None:
    """As pg_regress makes it; with --use-existing it leaves that to others."""
    server.sql(f"create database {database} template template0")
    settings = {name: "C" for name in ("lc_messages", "lc_monetary", "lc_numeric", "lc_time")}
    settings |= {"bytea_output": "hex", "timezone_abbreviations": "Default"}
    for name, value in settings.items():
        server.sql(f"alter database {database} set {name} to '{value}'")


@dataclass(frozen=True)
class RegressSuite:
    """What pg_regress is to run. The expected output contains the database's name."""

    program: Path
    folder: str
    schedule: str
    database: str


REGRESS = RegressSuite(PGXS / "regress/pg_regress", "src/test/regress", "parallel_schedule", "regression")
ISOLATION = RegressSuite(
    PGXS / "isolation/pg_isolation_regress", "src/test/isolation", "isolation_schedule", "isolation_regression"
)


def run_pg_regress(suite: RegressSuite, source: Path, server: LoneServer, log: Path) -> Verdicts:
    database_for_regress(server, suite.database)
    tests = source / suite.folder
    output = server.account.own(server.folder, 0o755) / "output"
    output.mkdir()
    server.account.own(output, 0o755)
    libraries = server.folder / "libraries"
    libraries.mkdir(mode=0o755)
    for library in [*source.glob("src/test/regress/*.so"), *source.glob("contrib/spi/*.so")]:
        shutil.copy(library, libraries)
    done = server.account.run(
        [
            suite.program,
            "--host=127.0.0.1",
            f"--port={server.port}",
            "--user=postgres",
            "--use-existing",
            f"--dbname={suite.database}",
            f"--inputdir={tests}",
            f"--outputdir={output}",
            f"--dlpath={libraries}",
            "--bindir=/usr/lib/postgresql/15/bin",
            "--max-concurrent-tests=20",
            f"--schedule={tests / suite.schedule}",
        ],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=SUITE_SECONDS,
    )
    text = done.stdout + done.stderr
    differing = output / "regression.diffs"
    fresh_log(log).write_text(text + (differing.read_text(errors="replace") if differing.exists() else ""))
    found = re.findall(r"^(?:test)?\s+(\S+)\s+\.\.\. (ok|FAILED|failed \(ignored\))", text, re.MULTILINE)
    return {name: "holds" if verdict == "ok" else "fails" for name, verdict in found}


def run_regress(source: Path, server: LoneServer, log: Path) -> Verdicts:
    return run_pg_regress(REGRESS, source, server, log)


def run_isolation(source: Path, server: LoneServer, log: Path) -> Verdicts:
    return run_pg_regress(ISOLATION, source, server, log)


# -- Python --


def prepare_asyncpg(source: Path) -> None:
    if not list(source.glob("asyncpg/protocol/*.so")):
        build([PYTHON, "setup.py", "build_ext", "--inplace"], source)


def run_pytest(source: Path, arguments: list, environment: dict[str, str], log: Path) -> Verdicts:
    report = log / "report.xml"
    report.unlink(missing_ok=True)
    command = [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", f"--junitxml={report}", *arguments]
    status = run_in(source, command, environment, fresh_log(log), SUITE_SECONDS)
    if not report.exists():
        raise SuiteError(f"pytest ended with status {status}; see {log}")
    verdicts: Verdicts = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        failed = case.find("failure") is not None or case.find("error") is not None
        skipped = case.find("skipped") is not None
        verdicts[name] = "fails" if failed else "skipped" if skipped else "holds"
    return verdicts


def run_asyncpg(source: Path, server: LoneServer, log: Path) -> Verdicts:
    server.sql(f"create database {DATABASE}")
    return run_pytest(source, ["tests"], server.environment(DATABASE), log)


def run_sqlalchemy(source: Path, server: LoneServer, log: Path) -> Verdicts:
    server.sql(f"create database {DATABASE} template template0")
    for name in ("schema test_schema", "schema test_schema_2", "extension hstore", "extension citext"):
        server.sql(f"create {name}", DATABASE)
    address = f"postgresql+psycopg2://postgres@127.0.0.1:{server.port}/{DATABASE}"
    chosen = ["test/dialect/postgresql", "test/dialect/test_suite.py", "test/engine/test_transaction.py"]
    arguments = ["-p", "no:asyncio", "--maxfail=10000", "--dburi", address, *chosen]
    paths = [source / "lib", os.environ.get("PYTHONPATH", "")]
    return run_pytest(source, arguments, {"PYTHONPATH": ":".join(map(str, paths))}, log)


# -- Other languages --


def prepare_libpqxx(source: Path) -> None:
    if (source / "test/unit/runner").exists():
        return
    build(["./configure", "--disable-documentation", "CXXFLAGS=-O1 -std=c++11"], source)
    build(["make"], source)
    for folder in ("test", "test/unit"):
        build(["make", "-C", folder, "runner"], source)


def run_libpqxx(source: Path, server: LoneServer, log: Path) -> Verdicts:
    server.sql(f"create database {DATABASE}")
    text_file = fresh_log(log)
    for folder in ("test", "test/unit"):
        run_in(source / folder, ["./runner"], server.environment(DATABASE), text_file, SUITE_SECONDS)
    text = text_file.read_text(errors="replace")
    failed = set(re.findall(r"^FAILED: (\S+)", text, re.MULTILINE))
    names = re.findall(r"^Running: (\S+)", text, re.MULTILINE)
    return {name: "fails" if name in failed else "holds" for name in names}


def run_lib_pq(source: Path, server: LoneServer, log: Path) -> Verdicts:
    server.sql("create database pqgotest")
    text_file = fresh_log(log)
    environment = server.environment("pqgotest") | {"GOFLAGS": "-mod=mod", "GOPROXY": "off"}
    run_in(source, ["go", "test", "-count=1", "-v", "./..."], environment, text_file, SUITE_SECONDS)
    said = {"PASS": "holds", "FAIL": "fails", "SKIP": "skipped"}
    found = re.findall(r"^ *--- (PASS|FAIL|SKIP): (\S+)", text_file.read_text(errors="replace"), re.MULTILINE)
    return {name: said[verdict] for verdict, name in found}


def prepare_node_postgres(source: Path) -> None:
    if not (source / "node_modules/pg").exists():
        modules = ["pg", "pg-cursor", "bluebird", "co", "async@2", "async-mutex"]
        install = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", source.parent]
        build([*install, *modules], source.parent)
        (source / "node_modules").symlink_to(source.parent / "node_modules")


def run_node_postgres(source: Path, server: LoneServer, log: Path) -> Verdicts:
    """Each file is a programme, and a test."""
    server.sql(f"create database {DATABASE}")
    environment = server.environment(DATABASE) | {"PGTESTNOSSL": "1", "TEST_SKIP_NATIVE": "true"}
    address = f"postgres://postgres@127.0.0.1:{server.port}/{DATABASE}"
    package = source / "packages/pg"
    text_file = fresh_log(log)
    run_in(package, ["node", "script/create-test-tables.js", address], environment, text_file, FILE_SECONDS)
    verdicts: Verdicts = {}
    for file in sorted(package.glob("test/integration/**/*-tests.js")):
        status = run_in(package, ["node", file, address], environment, text_file, FILE_SECONDS)
        verdicts[str(file.relative_to(package / "test/integration"))] = "fails" if status else "holds"
    return verdicts


SUITES = {
    suite.name: suite
    for suite in (
        Suite("postgresql-regress", "postgresql-15", prepare_regress, run_regress),
        Suite("postgresql-isolation", "postgresql-15", prepare_nothing, run_isolation),
        Suite("asyncpg", "asyncpg", prepare_asyncpg, run_asyncpg),
        Suite("sqlalchemy", "sqlalchemy", prepare_nothing, run_sqlalchemy),
        Suite("libpqxx", "libpqxx", prepare_libpqxx, run_libpqxx),
        Suite("lib-pq", "golang-github-lib-pq", prepare_nothing, run_lib_pq),
        Suite("node-postgres", "node-postgres", prepare_node_postgres, run_node_postgres),
    )
}
