"""Messages of PostgreSQL's protocol 3.0: what a script says, as bytes; what it hears, as a line of text each.

In a script a message is a list: its name in PostgreSQL's documentation and its values, e.g. ["Parse", "a", "select 1"].
A run of letters too long to be written out stands there as its length in braces: "select '{x*100000}'".
"""

import re
import struct
import zlib

Message = list

FILL = re.compile(r"\{x\*(\d+)\}")
# What is longer is shown by its length and a checksum.
SHOWN_BYTES = 120
# Every message that the server answers with ReadyForQuery, unless it skips it.
ANSWERED_BY_READY = ("Query", "Sync", "FunctionCall")


def expand(text: str) -> bytes:
    return FILL.sub(lambda found: "x" * int(found[1]), text).encode()


def zero_ended(text: str) -> bytes:
    return expand(text) + b"\0"


def values(texts: list) -> bytes:
    """Values as Bind and FunctionCall carry them, in text format; None is NULL."""
    parts = [struct.pack("!hh", 0, len(texts))]
    for text in texts:
        parts.append(struct.pack("!i", -1) if text is None else struct.pack("!i", len(expand(text))) + expand(text))
    return b"".join(parts)


def parse_body(name: str, text: str, types: list | None = None) -> bytes:
    oids = types or []
    return zero_ended(name) + zero_ended(text) + struct.pack(f"!h{len(oids)}I", len(oids), *oids)


def bind_body(portal: str, statement: str, texts: list | None = None, result_format: int = 0) -> bytes:
    return zero_ended(portal) + zero_ended(statement) + values(texts or []) + struct.pack("!hh", 1, result_format)


FRONTEND = {
    "Query": (b"Q", zero_ended),
    "Parse": (b"P", parse_body),
    "Bind": (b"B", bind_body),
    "Describe": (b"D", lambda kind, name: kind.encode() + zero_ended(name)),
    "Execute": (b"E", lambda portal, rows_max=0: zero_ended(portal) + struct.pack("!i", rows_max)),
    "Close": (b"C", lambda kind, name: kind.encode() + zero_ended(name)),
    "Sync": (b"S", lambda: b""),
    "Flush": (b"H", lambda: b""),
    "FunctionCall": (b"F", lambda oid, texts: struct.pack("!I", oid) + values(texts) + struct.pack("!h", 0)),
    "CopyData": (b"d", expand),
    "CopyDone": (b"c", lambda: b""),
    "CopyFail": (b"f", zero_ended),
    "Terminate": (b"X", lambda: b""),
}


def to_bytes(message: Message) -> bytes:
    kind, body_of = FRONTEND[message[0]]
    body = body_of(*message[1:])
    return kind + struct.pack("!i", len(body) + 4) + body


# -- What is heard --


def shown(data: bytes) -> str:
    text = "".join(
        each if each.isprintable() else repr(each)[1:-1] for each in data.decode(errors="backslashreplace")
    )
    if len(text) <= SHOWN_BYTES:
        return text
    return f"{text[:20]}... ({len(data)} bytes, crc32 {zlib.crc32(data):08x})"


def strings(body: bytes) -> list[bytes]:
    return body.split(b"\0")[:-1]


def show_report(body: bytes) -> str:
    """An ErrorResponse or NoticeResponse without the place in the server's sources, which pgring's own lack."""
    fields = [field.decode(errors="backslashreplace") for field in strings(body) if field]
    return " ".join(f"{field[0]}={field[1:]}" for field in fields if field[0] not in "FLR")


def show_columns(body: bytes) -> str:
    columns = []
    at = 2
    for _ in range(struct.unpack_from("!h", body)[0]):
        end = body.index(b"\0", at)
        name = body[at:end].decode(errors="backslashreplace")
        table, column, type_oid, size, modifier, coding = struct.unpack_from("!IhIhih", body, end + 1)
        # Tables that a script makes have another number in each run.
        origin = f" table.{column}" if table else ""
        columns.append(f"{name}({type_oid},{size},{modifier},{'binary' if coding else 'text'}{origin})")
        at = end + 19
    return " ".join(columns)


def show_row(body: bytes) -> str:
    cells = []
    at = 2
    for _ in range(struct.unpack_from("!h", body)[0]):
        length = struct.unpack_from("!i", body, at)[0]
        at += 4
        cells.append("NULL" if length < 0 else shown(body[at : at + length]))
        at += max(length, 0)
    return "|".join(cells)


def show_oids(body: bytes) -> str:
    count = struct.unpack_from("!h", body)[0]
    return " ".join(map(str, struct.unpack_from(f"!{count}I", body, 2)))


def show_texts(body: bytes) -> str:
    return "=".join(text.decode(errors="backslashreplace") for text in strings(body))


BACKEND = {
    "1": ("ParseComplete", shown),
    "2": ("BindComplete", shown),
    "3": ("CloseComplete", shown),
    "C": ("CommandComplete", show_texts),
    "D": ("DataRow", show_row),
    "E": ("ErrorResponse", show_report),
    "G": ("CopyInResponse", bytes.hex),
    "H": ("CopyOutResponse", bytes.hex),
    "I": ("EmptyQueryResponse", shown),
    "N": ("NoticeResponse", show_report),
    "S": ("ParameterStatus", show_texts),
    "T": ("RowDescription", show_columns),
    "V": ("FunctionCallResponse", bytes.hex),
    "Z": ("ReadyForQuery", shown),
    "c": ("CopyDone", shown),
    "d": ("CopyData", shown),
    "n": ("NoData", shown),
    "s": ("PortalSuspended", shown),
    "t": ("ParameterDescription", show_oids),
}


def show(kind: str, body: bytes) -> str:
    name, text_of = BACKEND.get(kind, (f"Unknown({kind!r})", bytes.hex))
    return f"{name} {text_of(body)}".rstrip()


def show_notification(body: bytes, own_process: int) -> str:
    """Whose it is, applications tell by its process; what another one's is called depends on the backend."""
    process = struct.unpack_from("!i", body)[0]
    return f"NotificationResponse {'own' if process == own_process else 'other'} {show_texts(body[4:])}"
