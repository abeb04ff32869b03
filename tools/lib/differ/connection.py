"""A raw connection to a PostgreSQL server or to pgring, which reads while it writes."""

import base64
import hashlib
import hmac
import os
import select
import socket
import struct
import time
from dataclasses import dataclass, field

PROTOCOL_3_0 = 3 << 16
LOGIN_SECONDS = 15
READ_BYTES = 1 << 16


class ConnectionFailed(Exception):
    """There is no connection to try a script on."""


@dataclass(frozen=True)
class Place:
    """Where to connect, as whom."""

    host: str
    port: int
    user: str
    database: str
    password: str = field(default="", repr=False)

    @classmethod
    def from_text(cls, text: str) -> "Place":
        """From words as in "host=127.0.0.1 port=6432 user=app dbname=app password=..."."""
        words = dict(word.partition("=")[::2] for word in text.split())
        unknown = words.keys() - {"host", "port", "user", "dbname", "password"}
        if unknown:
            raise ConnectionFailed(f"unknown word {min(unknown)!r} in a connection string")
        user = words.get("user", "postgres")
        return cls(
            words.get("host", "127.0.0.1"),
            int(words.get("port", "5432")),
            user,
            words.get("dbname", user),
            words.get("password", ""),
        )


class ScramClient:
    """SCRAM-SHA-256 (RFC 5802, RFC 7677) for a password of ASCII; the server's own proof is not looked at."""

    def __init__(self, password: str):
        self.password = password
        self.first_bare = "n=,r=" + base64.b64encode(os.urandom(18)).decode()

    def first(self) -> bytes:
        message = ("n,," + self.first_bare).encode()
        return b"SCRAM-SHA-256\0" + struct.pack("!i", len(message)) + message

    def final(self, challenge: str) -> bytes:
        nonce, salt, iterations = (part[2:] for part in challenge.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), base64.b64decode(salt), int(iterations))
        key = hmac.digest(salted, b"Client Key", "sha256")
        unproven = f"c=biws,r={nonce}"
        signed = f"{self.first_bare},{challenge},{unproven}".encode()
        signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
        proof = bytes(one ^ other for one, other in zip(key, signature))
        return f"{unproven},p={base64.b64encode(proof).decode()}".encode()


class Connection:
    """One logged-in session. `startup` is what was told before the first ReadyForQuery."""

    def __init__(self, place: Place, parameters: dict[str, str]):
        self.place = place
        self.closed = False
        self.process = 0
        self.startup: list[tuple[str, bytes]] = []
        self._unread = b""
        try:
            self._socket = socket.create_connection((place.host, place.port), LOGIN_SECONDS)
        except OSError as error:
            raise ConnectionFailed(f"{place.host}:{place.port}: {error}") from None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        words = {"user": place.user, "database": place.database} | parameters
        body = struct.pack("!i", PROTOCOL_3_0) + b"".join(
            word.encode() + b"\0" for pair in words.items() for word in pair
        )
        self._unsent = struct.pack("!i", len(body) + 5) + body + b"\0"
        self._log_in()

    def say(self, data: bytes) -> None:
        self._unsent += data

    def hear(self, seconds: float) -> tuple[str, bytes] | None:
        """The next message, while what was said is sent; None where none came in time, or none can come."""
        deadline = time.monotonic() + seconds
        while True:
            if len(self._unread) >= 5:
                end = 1 + struct.unpack_from("!i", self._unread, 1)[0]
                if len(self._unread) >= end:
                    message = (chr(self._unread[0]), self._unread[5:end])
                    self._unread = self._unread[end:]
                    return message
            left = deadline - time.monotonic()
            if self.closed or left <= 0:
                return None
            self._move(left)

    def leave(self, farewell: bytes) -> None:
        """Closes the connection, with these words where it is still open and takes them at once."""
        if not self.closed:
            self.say(farewell)
            self._move(0)
        self._socket.close()
        self.closed = True

    def _move(self, seconds: float) -> None:
        writers = [self._socket] if self._unsent else []
        readable, writable, _ = select.select([self._socket], writers, [], seconds)
        try:
            if writable:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
            if readable:
                data = self._socket.recv(READ_BYTES)
                self._unread += data
                self.closed = not data
        except BlockingIOError:
            pass
        except OSError:
            self.closed = True

    def _log_in(self) -> None:
        scram = ScramClient(self.place.password)
        while True:
            message = self.hear(LOGIN_SECONDS)
            if message is None or message[0] == "E":
                said = message[1].replace(b"\0", b" ").decode(errors="replace") if message else "no answer"
                raise ConnectionFailed(f"{self.place.host}:{self.place.port}: {said}")
            kind, body = message
            match kind:
                case "R":
                    self._answer_authentication(scram, struct.unpack_from("!i", body)[0], body[4:])
                case "K":
                    self.process = struct.unpack_from("!i", body)[0]
                case "Z":
                    return
                case _:
                    self.startup.append(message)

    def _answer_authentication(self, scram: ScramClient, request: int, body: bytes) -> None:
        match request:
            case 0 | 12:  # Ok, SASLFinal
                return
            case 3:  # CleartextPassword
                answer = self.place.password.encode() + b"\0"
            case 10:  # SASL
                answer = scram.first()
            case 11:  # SASLContinue
                answer = scram.final(body.decode())
            case _:
                raise ConnectionFailed(f"authentication request {request} is not known here")
        self.say(b"p" + struct.pack("!i", len(answer) + 4) + answer)
