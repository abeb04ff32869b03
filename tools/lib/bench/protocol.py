"""A PostgreSQL client of a few lines, for servers that ask for no password: thousands of them fit into one process."""

import socket
import struct

PROTOCOL_3_0 = 196608


class ProtocolError(Exception):
    """The other side said something else than expected."""


class Client:
    """One logged-in connection."""

    def __init__(self, port: int, user: str, database: str, seconds: float = 30):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        parameters = b"".join(word.encode() + b"\0" for word in ("user", user, "database", database)) + b"\0"
        body = struct.pack("!i", PROTOCOL_3_0) + parameters
        self.socket.sendall(struct.pack("!i", len(body) + 4) + body)
        self._read_until_ready()

    def query(self, text: str) -> None:
        """Runs a statement and drops what it returns."""
        body = text.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack("!i", len(body) + 4) + body)
        self._read_until_ready()

    def prepare(self, name: str, text: str) -> None:
        """Makes a named statement without parameters."""
        body = name.encode() + b"\0" + text.encode() + b"\0" + struct.pack("!h", 0)
        self.socket.sendall(b"P" + struct.pack("!i", len(body) + 4) + body + b"S" + struct.pack("!i", 4))
        self._read_until_ready()

    def close(self) -> None:
        self.socket.close()

    def _read_until_ready(self) -> None:
        pending = b""
        while True:
            received = self.socket.recv(65536)
            if not received:
                raise ProtocolError("the connection was closed")
            pending += received
            while len(pending) >= 5:
                end = 1 + struct.unpack_from("!i", pending, 1)[0]
                if len(pending) < end:
                    break
                kind, body, pending = pending[:1], pending[5:end], pending[end:]
                if kind == b"E":
                    raise ProtocolError(body.replace(b"\0", b" ").decode(errors="replace"))
                if kind == b"Z":
                    return
