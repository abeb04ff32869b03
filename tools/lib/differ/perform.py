"""Runs a script at a place, and says what its sessions heard."""

import difflib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from .connection import Connection, Place
from .messages import ANSWERED_BY_READY, Message, show, show_notification, to_bytes
from .script import Script

# A server that says nothing for so long waits for its client. Lock waits end sooner (database.py).
QUIET_SECONDS = 0.12
# How long an answer that has to come is waited for.
ANSWER_SECONDS = 2.0
# Ends whatever was begun: a COPY, a batch of the extended protocol, a transaction.
CLOSING: tuple[Message, ...] = (["CopyFail", "it is over"], ["Sync"], ["Query", "rollback"])
LAST_WORDS = "the last words"
ENDING = (*CLOSING, ["Query", f"select '{LAST_WORDS}' as ending"])
# Sessions that may stay in a transaction, or tied to a backend: as many as there are backends. Where there are more, each
# step ends what it has begun; they would wait for each other.
HOLDERS_MAX = 2


@dataclass
class Heard:
    """What one session was told. Notifications come when they come, so they stand apart, in their order."""

    greeting: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    notifications: list[str] = field(default_factory=list)


@dataclass
class Transcript:
    sessions: list[Heard]
    # How many messages answered each step.
    counts: list[int] = field(default_factory=list)
    # What is in the database afterwards.
    left: list[str] = field(default_factory=list)


class Performance:
    """One run. `guide` is the transcript of the same script elsewhere: it tells how much each step's answer is."""

    def __init__(self, place: Place, script: Script, guide: Transcript | None):
        self.script = script
        self.guide = guide
        self.connections: list[Connection] = []
        self.transcript = Transcript([Heard() for _ in script.sessions])
        try:
            for parameters in script.sessions:
                self.connections.append(Connection(place, parameters))
            self._greet()
            for number, step in enumerate(script.steps):
                self._perform(number, step.session, step.messages)
            for session in range(len(self.connections)):
                self._end(session)
        finally:
            for connection in self.connections:
                connection.leave(to_bytes(["Terminate"]))

    def _greet(self) -> None:
        """What is told at the login; in which order, means nothing."""
        for connection, heard in zip(self.connections, self.transcript.sessions):
            heard.greeting += sorted(show(kind, body) for kind, body in connection.startup)

    def _hear(self, session: int, seconds: float) -> str | None:
        """Takes the next message down and says of which kind it is."""
        connection = self.connections[session]
        heard = self.transcript.sessions[session]
        message = connection.hear(seconds)
        if message is None:
            return None
        kind, body = message
        if kind == "A":
            heard.notifications.append(show_notification(body, connection.process))
        else:
            heard.lines.append(show(kind, body))
        return kind

    def _perform(self, number: int, session: int, messages: tuple[Message, ...]) -> None:
        if len(self.connections) > HOLDERS_MAX:
            messages += CLOSING
        self.connections[session].say(b"".join(map(to_bytes, messages)))
        lines = self.transcript.sessions[session].lines
        begin = len(lines)
        if self.guide is None:
            self._await_ready(session, sum(message[0] in ANSWERED_BY_READY for message in messages))
        else:
            self._await_lines(session, begin + self.guide.counts[number])
        self.transcript.counts.append(len(lines) - begin)

    def _await_ready(self, session: int, wanted: int) -> None:
        """Until everything is answered; what is skipped or swallowed by a COPY never is, so also until it is quiet."""
        seen = 0
        while seen < wanted or wanted == 0:
            kind = self._hear(session, QUIET_SECONDS)
            if kind is None:
                return
            seen += kind == "Z"

    def _await_lines(self, session: int, wanted: int) -> None:
        lines = self.transcript.sessions[session].lines
        deadline = time.monotonic() + ANSWER_SECONDS
        while len(lines) < wanted and self._hear(session, deadline - time.monotonic()) is not None:
            pass

    def _end(self, session: int) -> None:
        self.connections[session].say(b"".join(map(to_bytes, ENDING)))
        lines = self.transcript.sessions[session].lines
        deadline = time.monotonic() + ANSWER_SECONDS
        said = False
        while True:
            kind = self._hear(session, deadline - time.monotonic())
            if kind is None:
                lines.append("closed" if self.connections[session].closed else "silence")
                return
            said = said or (kind == "D" and lines[-1] == f"DataRow {LAST_WORDS}")
            if said and kind == "Z":
                return


def perform(place: Place, script: Script, guide: Transcript | None = None) -> Transcript:
    return Performance(place, script, guide).transcript


def parts(direct: Transcript, pooled: Transcript) -> Iterator[tuple[str, list[str], list[str]]]:
    """What is compared: its title, and both sides."""
    for session, (one, other) in enumerate(zip(direct.sessions, pooled.sessions)):
        yield f"session {session} at its login", one.greeting, other.greeting
        end = end_of_session(one.lines)
        yield f"session {session}", one.lines[:end], other.lines[:end]
        yield f"session {session}, notifications", one.notifications, other.notifications
    if all(end_of_session(heard.lines) is None for heard in direct.sessions):
        yield "left in the table", direct.left, pooled.left


def end_of_session(lines: list[str]) -> int | None:
    """Where the server ended the session because of what the client did, if it did. A pool loses that backend, and the client
    lives on."""
    return next((index for index, line in enumerate(lines) if " S=FATAL " in line), None)


def same(direct: Transcript, pooled: Transcript) -> bool:
    return all(one == other for _, one, other in parts(direct, pooled))


def comparison(direct: Transcript, pooled: Transcript) -> list[str]:
    """What both said, and what only one did: "-" directly, "+" through the pool."""
    lines = []
    for title, one, other in parts(direct, pooled):
        if one == other and (not one or title.endswith("login")):
            continue
        lines.append(f"{title}:")
        matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
        for move, one_begin, one_end, other_begin, other_end in matcher.get_opcodes():
            if move == "equal":
                lines += [f"    {line}" for line in one[one_begin:one_end]]
            else:
                lines += [f"  - {line}" for line in one[one_begin:one_end]]
                lines += [f"  + {line}" for line in other[other_begin:other_end]]
    return lines
