#!/usr/bin/python3
"""Writes the seeds of the fuzz targets into corpus/: what a fuzzer would not find by itself.

The form of an input is told in TARGET_fuzz.cc. What the fuzzer found is kept beside the seeds, as found_NAME.
"""

import struct
from pathlib import Path

CORPUS = Path(__file__).resolve().parent / "corpus"

TRUST, SCRAM, MD5, PASSWORD = range(4)
SESSION_POOLING = 0x80
(CLIENT_SAYS, SERVER_SAYS, TIME_PASSES, CLIENT_STALLS, SERVER_STALLS, CLIENT_HANGS_UP, SERVER_HANGS_UP,
 SERVER_REFUSES) = range(8)  # fmt: skip


def message(kind: str, *fields: bytes) -> bytes:
    body = b"".join(fields)
    return kind.encode() + struct.pack("!i", len(body) + 4) + body


def text(value: str) -> bytes:
    return value.encode() + b"\0"


def startup(*parameters: str, version: int = 196608) -> bytes:
    body = struct.pack("!i", version) + b"".join(map(text, parameters)) + b"\0"
    return struct.pack("!i", len(body) + 4) + body


def request(code: int, *fields: bytes) -> bytes:
    body = struct.pack("!i", code) + b"".join(fields)
    return struct.pack("!i", len(body) + 4) + body


def step(what: int, amount: int = 0) -> bytes:
    return bytes([what, amount])


def says(who: int, *messages: bytes) -> bytes:
    """The bytes in steps of at most 255."""
    stream = b"".join(messages)
    pieces = [stream[i : i + 255] for i in range(0, len(stream), 255)]
    return b"".join(bytes([who, len(piece)]) + piece for piece in pieces)


def client(*messages: bytes) -> bytes:
    return says(CLIENT_SAYS, *messages)


def server(*messages: bytes) -> bytes:
    return says(SERVER_SAYS, *messages)


def query(sql: str) -> bytes:
    return message("Q", text(sql))


def parse(name: str, sql: str) -> bytes:
    return message("P", text(name), text(sql), struct.pack("!h", 0))


def bind(name: str) -> bytes:
    return message("B", text(""), text(name), struct.pack("!hhh", 0, 0, 0))


def complete(tag: str) -> bytes:
    return message("C", text(tag))


def error(sqlstate: str, severity: str = "ERROR") -> bytes:
    return message("E", b"S" + text(severity), b"C" + text(sqlstate), b"M" + text("no"), b"\0")


DESCRIBE = message("D", b"P\0")
EXECUTE = message("E", b"\0", struct.pack("!i", 0))
SYNC, FLUSH, TERMINATE = message("S"), message("H"), message("X")
ROW = message("T", struct.pack("!h", 0)) + message("D", struct.pack("!h", 0))
PARSED, BOUND, CLOSED = message("1"), message("2"), message("3")
READY, READY_IN_TRANSACTION, READY_IN_FAILED = (message("Z", status) for status in (b"I", b"T", b"E"))
WELCOME = b"".join([
    message("R", struct.pack("!i", 0)),
    message("S", text("client_encoding"), text("UTF8")),
    message("S", text("standard_conforming_strings"), text("on")),
    message("K", struct.pack("!ii", 7, 8)),
    READY,
])  # fmt: skip
LOGIN = client(startup("user", "user", "database", "app")) + server(WELCOME)
BEGUN = LOGIN + client(query("BEGIN")) + client(query("SELECT 1"))

SEEDS = {
    "query": LOGIN + client(query("SELECT 1")) + server(ROW, complete("SELECT 1"), READY),
    "two_queries_at_once": LOGIN + client(query("SELECT 1"), query("SELECT 2"))
    + server(complete("SELECT 1"), READY, complete("SELECT 1"), READY),
    "error": LOGIN + client(query("SELECT 1/0")) + server(error("22012"), READY),
    "fatal": LOGIN + client(query("SELECT 1")) + server(error("57P01", "FATAL")) + step(SERVER_HANGS_UP),
    "extended": LOGIN + client(parse("", "SELECT 1"), bind(""), DESCRIBE, EXECUTE, SYNC)
    + server(PARSED, BOUND, ROW, complete("SELECT 1"), READY),
    "named": LOGIN + client(parse("a", "SELECT 1"), SYNC) + server(PARSED, READY)
    + client(bind("a"), EXECUTE, SYNC) + server(BOUND, complete("SELECT 1"), READY)
    + client(message("C", b"S", text("a")), SYNC),
    "named_twice": LOGIN + client(parse("a", "SELECT 1"), SYNC) + server(PARSED, READY)
    + client(parse("a", "SELECT 2"), SYNC) + server(error("26000"), READY),
    "statements_evicted": LOGIN
    + b"".join(client(parse(n, "SELECT " + n), SYNC) + server(PARSED, READY, CLOSED) for n in ("1", "2", "3", "4", "5")),
    "flush": LOGIN + client(parse("", "SELECT 1"), FLUSH) + server(PARSED) + client(bind(""), EXECUTE, SYNC),
    "error_until_sync": LOGIN + client(parse("", "SELEC"), bind(""), EXECUTE) + server(error("42601"))
    + client(parse("", "SELECT 1"), SYNC) + server(READY),
    "held_begin": LOGIN + client(query("BEGIN")) + client(query("COMMIT")),
    "transaction": BEGUN + server(complete("BEGIN"), READY_IN_TRANSACTION, complete("SELECT 1"), READY_IN_TRANSACTION)
    + client(query("COMMIT")) + server(complete("COMMIT"), READY),
    "lost_in_transaction": BEGUN
    + server(complete("BEGIN"), READY_IN_TRANSACTION, complete("SELECT 1"), READY_IN_TRANSACTION)
    + step(SERVER_HANGS_UP) + client(query("SELECT 2")) + client(query("ROLLBACK")),
    "lost_in_commit": BEGUN
    + server(complete("BEGIN"), READY_IN_TRANSACTION, complete("SELECT 1"), READY_IN_TRANSACTION)
    + client(query("COMMIT")) + step(SERVER_HANGS_UP),
    "lost_in_row": LOGIN + client(query("SELECT 1")) + server(ROW[:-1]) + step(SERVER_HANGS_UP),
    "client_leaves_in_transaction": BEGUN
    + server(complete("BEGIN"), READY_IN_TRANSACTION, complete("SELECT 1"), READY_IN_TRANSACTION)
    + step(CLIENT_HANGS_UP) + server(complete("ROLLBACK"), READY),
    "client_leaves_in_answer": LOGIN + client(query("SELECT 1")) + step(CLIENT_HANGS_UP),
    "copy_out": LOGIN + client(query("COPY t TO STDOUT"))
    + server(message("H", b"\0\0\0"), message("d", b"x\n"), message("c"), complete("COPY 1"), READY),
    "copy_in": LOGIN + client(query("COPY t FROM STDIN")) + server(message("G", b"\0\0\0"))
    + client(message("d", b"x\n"), message("c")) + server(complete("COPY 1"), READY),
    "copy_fail": LOGIN + client(query("COPY t FROM STDIN")) + server(message("G", b"\0\0\0"))
    + client(message("f", text("no"))) + server(error("57014"), READY),
    "set": LOGIN + client(query("SET application_name = 'a'"))
    + server(complete("SET"), message("S", text("application_name"), text("a")), READY) + client(query("SELECT 1")),
    "pinned": LOGIN + client(query("LISTEN a")) + server(complete("LISTEN"), READY)
    + server(message("A", struct.pack("!i", 1), text("a"), text(""))) + client(query("DISCARD ALL"))
    + server(complete("DISCARD ALL"), READY),
    "startup_parameters": client(startup("user", "user", "application_name", "readonly", "DateStyle", "German"))
    + server(WELCOME) + server(message("S", text("DateStyle"), text("German, DMY")), complete("SET"), READY),
    "ssl_then_startup": client(request(80877103)) + LOGIN,
    "gss_then_startup": client(request(80877104)) + LOGIN,
    "cancel": LOGIN + client(query("SELECT pg_sleep(1)")) + step(CLIENT_HANGS_UP)
    + client(request(80877102, struct.pack("!ii", 0, 0))),
    "stalled_client": LOGIN + step(CLIENT_STALLS) + client(query("SELECT 1")) + server(ROW * 8)
    + step(TIME_PASSES, 255) + step(CLIENT_STALLS) + server(complete("SELECT 8"), READY),
    "stalled_server": LOGIN + step(SERVER_STALLS) + client(query("SELECT 1")) + step(SERVER_STALLS),
    "waiting_times_out": client(startup("user", "user")) + b"".join(step(TIME_PASSES, 255) for _ in range(6)),
    "refused_then_served": step(SERVER_REFUSES) + client(startup("user", "user")) + step(TIME_PASSES, 20)
    + server(WELCOME),
    "server_demands_password": client(startup("user", "user")) + server(message("R", struct.pack("!i", 3))),
    "length_too_small": LOGIN + client(b"Q\0\0\0\3"),
    "length_too_large": LOGIN + client(b"Q\x7f\xff\xff\xff"),
    "large_message": LOGIN + client(b"Q\0\0\xff\xff" + b"x" * 600) + step(CLIENT_HANGS_UP),
    "startup_too_large": client(b"\0\0\xff\xff" + b"x" * 300),
    "terminate": LOGIN + client(TERMINATE),
}  # fmt: skip

DIALOGUES = {
    "scram": (SCRAM, message("p", text("SCRAM-SHA-256"), struct.pack("!i", 32), b"n,,n=,r=rOprNGfwEbeRWgbNEkqO")),
    "md5": (MD5, message("p", text("md5" + "0" * 32))),
    "password": (PASSWORD, message("p", text("correct horse battery staple")) + query("SELECT 1")),
}


STATEMENTS = {
    "select": "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;",
    "write_in_with": "WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a",
    "for_update": "SELECT * FROM t FOR UPDATE",
    "function": "SELECT nextval('s'), now(), f(1)",
    "begin": "START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE",
    "several": "BEGIN; INSERT INTO t VALUES ($1, $$a$$, E'\\n'); COMMIT",
    "set": "SET LOCAL search_path TO a, \"b\"",
    "comments": "/* a /* b */ */ SELECT -- c\n 1",
    "literals": "SELECT 'a''b', U&'\\0061', x'1f', b'01', $tag$ $$ $tag$, 1e-5, \"A\"\"b\"",
    "unfinished": "SELECT 'a",
    "operators": "SELECT a @> b, c ->> 'd', -1, :name, $1::int[]",
    "nested": "SELECT " + "(" * 60 + "1" + ")" * 60,
}

# The first byte chooses the parser.
FILES_AND_DIALOGUES = {
    "user_list": (0, '"alice" "SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy"\n; comment\n"b""ob" "md5' + "0" * 32 + '"\n'),
    "rules": (1, "# TYPE\nlocal all all trust\nhostssl app,b +g,alice 10.0.0.0/8 scram-sha-256\nhost all all ::1/128 reject\n"),
    "rules_mask": (1, 'host "all" sameuser 192.0.2.0 255.255.255.0 md5\n'),
    "client_scram": (2, "\x37SCRAM-SHA-256\0\0\0\0\x20n,,n=,r=rOprNGfwEbeRWgbNEkqOxxxx"),
    "client_md5": (3, "\x24md5" + "0" * 32 + "\0"),
    "client_password": (4, "\x08no such\0"),
    "server_sasl": (5, "\x13\0\0\0\x0aSCRAM-SHA-256\0\0\x20\0\0\0\x0br=a,s=c2FsdA==,i=1"),
    "server_md5": (5, "\x08\0\0\0\x05salt\x04\0\0\0\0"),
    "scram_server": (6, "\x0cn,,n=,r=abcd\x10c=biws,r=abcd,p=eA=="),
    "scram_client": (7, "\x10xyz,s=c2FsdA==,i=1\x04v=eA"),
}

CONFIGURATIONS = {
    "smallest": '[health]\nhealth_check_user = "monitor"\n[servers.a]\nhost = "10.0.0.1"\n',
    "more": """[pgring]
listen_addr = ["127.0.0.1", "::1"]
default_pool_size = 8
client_login_timeout = "15s"
startup_packet_bytes_max = "8KiB"
unix_socket_mode = 0o770
auth_file = "${FILE:-/etc/pgring/userlist.txt}"
[health]
health_check_user = "${PGRING_MONITOR_USER}"
health_check_password = "${PGRING_MONITOR_PASSWORD}"
[servers.a]
host = "/run/postgresql"
weight = 0
[databases."*"]
pool_mode = "session"
""",
    "misspelt": "[pgrng]\nlisten_prot = 6432\n[servers]\n",
    "wrong_values": '[pgring]\nlisten_port = 70000\npool_mode = "statement"\nlog_level = 3\nworkers = -1\n',
    "syntax": "[pgring\nlisten_port = \n",
    "secret": '[pgring]\npool_mode = "${SECRET}"\nlisten_port = "${SECRET}"\n',
    "not_utf8": "[pgring]\nauth_file = \"\xff\xfe\"\n",
}


def write(target: str, name: str, content: bytes) -> None:
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    folder.joinpath(name).write_bytes(content)


def main() -> None:
    for name, steps in SEEDS.items():
        write("worker", name, bytes([TRUST]) + steps)
    for name in ("query", "transaction", "client_leaves_in_transaction", "set", "lost_in_transaction"):
        write("worker", f"session_{name}", bytes([TRUST | SESSION_POOLING]) + SEEDS[name])
    for name, (choice, answer) in DIALOGUES.items():
        steps = client(startup("user", "user", "database", "app")) + client(answer) + server(WELCOME)
        write("worker", f"login_{name}", bytes([choice]) + steps)
    for name, sql in STATEMENTS.items():
        write("sql", name, sql.encode())
    for name, (choice, content) in FILES_AND_DIALOGUES.items():
        write("auth", name, bytes([choice]) + content.encode("latin-1"))
    for name, toml in CONFIGURATIONS.items():
        write("config", name, toml.encode("latin-1"))


if __name__ == "__main__":
    main()
