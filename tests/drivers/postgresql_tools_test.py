#!/usr/bin/python3
"""PostgreSQL's own programmes through pgring: psql with a script, pg_dump into pg_restore with several jobs, and pgbench
in all its ways of asking, pipelines included.

Connects by libpq's environment variables; prints what holds, line by line; the status is 0 only if all of it does.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SESSIONS = 8
PROGRAMS = Path("/usr/lib/postgresql/15/bin")


def run(program: str, *arguments: str, text: str | None = None, **environment: str) -> str:
    done = subprocess.run(
        [PROGRAMS / program, *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | environment,
    )
    assert done.returncode == 0, f"{program}: status {done.returncode}: {done.stderr[-600:]}"
    return done.stdout


def sql(text: str, **environment: str) -> str:
    return run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", text=text, **environment)


SCRIPT = r"""
\set ON_ERROR_STOP off
\set ON_ERROR_ROLLBACK on
\set FETCH_COUNT 50
begin;
create table psql_:number (id int primary key, text text);
insert into psql_:number values (1, 'kept');
insert into psql_:number values (1, 'refused, and undone by psql''s own savepoint');
insert into psql_:number values (2, 'kept');
commit;
\copy psql_NUMBER from pstdin
begin;
\copy (select id from psql_NUMBER order by id) to pstdout
select sum(n) from generate_series(1, 1000) n where n > :number * 0;
select format('select %s * 100 + %s', :number, n) from generate_series(1, 3) n \gexec
select count(*) as counted from psql_:number \gset
commit;
\echo counted :counted
prepare mine as select 'prepared ' || $1::int + :number;
execute mine(1);
execute mine(2);
deallocate mine;
set search_path = "psql schema :number", public;
set timezone = 'Etc/GMT-1';
show timezone;
show search_path;
create temporary table own (id int);
insert into own select generate_series(1, :number + 1);
select count(*) from own;
drop table psql_:number, own;
"""

COPIED = "3\tby copy\n4\ttab\\tand é\n"


def script_answer(number: int) -> list[str]:
    return [
        "1", "2", "3", "4",
        "500500",
        *(str(number * 100 + n) for n in (1, 2, 3)),
        "counted 4",
        f"prepared {1 + number}", f"prepared {2 + number}",
        "Etc/GMT-1",
        '"psql schema :number", public',
        str(number + 1),
    ]


def psql_runs_a_script_of_everything() -> None:
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder, "copied")
        copied.write_text(COPIED)
        processes = []
        for number in range(SESSIONS):
            # \copy takes no variables.
            script = Path(folder, f"{number}.sql")
            script.write_text(SCRIPT.replace("NUMBER", str(number)))
            command = [PROGRAMS / "psql", "-XAtq", "-v", f"number={number}", "-f", script]
            # All have their input at once: one that waited for it in COPY would keep its backend meanwhile.
            with copied.open() as lines:
                processes.append(
                    subprocess.Popen(command, stdin=lines, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                )
        for number, process in enumerate(processes):
            output, problems = process.communicate(timeout=60)
            assert output.splitlines() == script_answer(number), f"{output} {problems}"
            assert "duplicate key" in problems, problems


def psql_shows_what_there_is() -> None:
    listing = run("psql", "-XAt", "-c", r"\d+ dumped.dump_parent", "-c", r"\df dumped.*", "-c", r"\l", "-c", r"\dx")
    assert "blob|bytea" in listing and "dumped|dump_double" in listing and "plpgsql" in listing, listing


DUMPED = """
drop schema if exists dumped cascade;
create schema dumped;
set search_path = dumped;
create table dump_parent (id int primary key, text text, blob bytea);
insert into dump_parent select n, 'row ' || n || E'\\t', decode(md5(n::text), 'hex') from generate_series(1, 5000) n;
create table dump_child (id serial primary key, parent int references dump_parent, amount numeric(12, 2));
insert into dump_child (parent, amount) select n % 5000 + 1, n / 7.0 from generate_series(1, 20000) n;
create index on dump_child (parent);
create view dump_view as select parent, sum(amount) from dump_child group by parent;
create materialized view dump_sums as select * from dump_view;
create function dump_double(int) returns int language sql as 'select 2 * $1';
create table dump_json (doc jsonb, tags text[]);
insert into dump_json select jsonb_build_object('n', n), array['a', n::text] from generate_series(1, 1000) n;
"""
DIGEST = """
select 'parent', count(*), md5(string_agg(p::text, ',' order by id)) from dumped.dump_parent p
union all select 'child', count(*), md5(string_agg(c::text, ',' order by id)) from dumped.dump_child c
union all select 'sums', count(*), md5(string_agg(s::text, ',' order by parent)) from dumped.dump_sums s
union all select 'json', count(*), md5(string_agg(j::text, ',' order by j::text)) from dumped.dump_json j
union all select 'sequence', last_value, '' from dumped.dump_child_id_seq
union all select 'keys', count(*), '' from pg_constraint where connamespace = 'dumped'::regnamespace;
"""


def what_pg_dump_writes_pg_restore_reads() -> None:
    sql(DUMPED)
    before = sql(f"begin; {DIGEST} commit;")
    with tempfile.TemporaryDirectory() as folder:
        archive = f"{folder}/archive"
        # Not -j: its jobs share a snapshot, so that each needs a backend for the whole time.
        run("pg_dump", "-n", "dumped", "-Fd", "-f", archive)
        plain = run("pg_dump", "-n", "dumped", "--inserts", "-t", "dumped.dump_json")
        assert plain.count("INSERT INTO dumped.dump_json") == 1000
        sql("drop schema dumped cascade", PGOPTIONS="-c client_min_messages=warning")
        run("pg_restore", "-j", "4", "-d", os.environ["PGDATABASE"], archive)
    after = sql(f"begin; {DIGEST} commit;")
    assert after == before, f"before: {before} after: {after}"
    assert before.startswith("parent|5000|"), before
    # pg_dump empties search_path in its sessions: nobody else may meet that.
    for _ in range(8):
        assert sql("show search_path").strip() == '"$user", public'


PIPELINE = r"""
\set number random(1, 1000)
\startpipeline
select :number;
insert into pgbench_pipelined values (:client_id, :number);
select count(*) from pgbench_pipelined where client = :client_id;
update pgbench_pipelined set number = number + 1 where client = :client_id and number = :number;
\endpipeline
begin;
select 1;
\startpipeline
insert into pgbench_pipelined values (:client_id, 0);
select :number + 1;
\endpipeline
end;
"""


def pgbench(*arguments: str) -> str:
    return run("pgbench", "-n", "-c", str(SESSIONS), "-j", "2", *arguments)


def pgbench_keeps_the_sum_in_every_protocol() -> None:
    run("pgbench", "-i", "-s", "1", "-q")
    for protocol in ("simple", "extended", "prepared"):
        report = pgbench("-t", "25", "-M", protocol)
        assert "number of transactions actually processed: 200/200" in report, report
        assert "number of failed transactions: 0 (0.000%)" in report, report
    found = sql(
        "begin; select (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history),"
        " (select sum(tbalance) from pgbench_tellers) = (select sum(delta) from pgbench_history),"
        " (select count(*) from pgbench_history); commit;"
    )
    assert found.strip() == "t|t|600", found


def pgbench_sends_pipelines() -> None:
    sql("drop table if exists pgbench_pipelined; create table pgbench_pipelined (client int, number int)")
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(PIPELINE)
        script.flush()
        for protocol in ("extended", "prepared"):
            report = pgbench("-t", "20", "-M", protocol, "-f", script.name)
            assert "number of transactions actually processed: 160/160" in report, report
    # Each of 320 transactions left one row of each of its pipelines.
    assert sql("begin; select count(*), count(distinct client) from pgbench_pipelined; commit;").strip() == "640|8"


CHECKS = (
    psql_runs_a_script_of_everything,
    what_pg_dump_writes_pg_restore_reads,
    psql_shows_what_there_is,
    pgbench_keeps_the_sum_in_every_protocol,
    pgbench_sends_pipelines,
)


def main() -> int:
    print(run("psql", "--version").strip())
    failed = 0
    for check in CHECKS:
        sentence, begin = check.__name__.replace("_", " "), time.monotonic()
        try:
            check()
            print(f"ok      {sentence} ({time.monotonic() - begin:.2f} s)", flush=True)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            failed += 1
            print(f"FAILED  {sentence}: {error}", flush=True)
    print(f"{len(CHECKS) - failed} of {len(CHECKS)} hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
