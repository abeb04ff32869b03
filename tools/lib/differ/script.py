"""A script: what some sessions say, step by step. Written as lines of JSON, to be read, kept and run again.

    {"sessions": [{}, {"application_name": "b"}]}
    [0, ["Query", "begin"]]
    [1, ["Parse", "", "select 1"], ["Bind", "", ""], ["Execute", ""], ["Sync"]]

The first line has the startup parameters of each session, each other line a step: whose it is, and the messages that are
sent at once. The next step begins when this one has been answered.
"""

import json
from dataclasses import dataclass, replace

from .messages import FRONTEND, Message


class ScriptError(Exception):
    """A text is no script."""


@dataclass(frozen=True)
class Step:
    session: int
    messages: tuple[Message, ...]


@dataclass(frozen=True)
class Script:
    sessions: tuple[dict[str, str], ...]
    steps: tuple[Step, ...]

    def to_text(self) -> str:
        lines = [json.dumps({"sessions": list(self.sessions)})]
        lines += [json.dumps([step.session, *step.messages], ensure_ascii=False) for step in self.steps]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_text(cls, text: str) -> "Script":
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
        try:
            head, *rows = (json.loads(line) for line in lines)
            steps = tuple(Step(row[0], tuple(row[1:])) for row in rows)
            script = cls(tuple(head["sessions"]), steps)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise ScriptError(f"this is no script: {error}") from None
        for step in steps:
            if step.session not in range(len(script.sessions)):
                raise ScriptError(f"there is no session {step.session}")
            unknown = [message[0] for message in step.messages if message[0] not in FRONTEND]
            if unknown:
                raise ScriptError(f"there is no message {unknown[0]!r}")
        return script

    def with_steps(self, steps: list[Step]) -> "Script":
        return replace(self, steps=tuple(steps))
