"""Draws scripts from a seed."""

import random
import re

from .messages import Message
from .perform import HOLDERS_MAX
from .script import Script, Step
from .vocabulary import (
    ALWAYS,
    COPIES_IN,
    COPY_LINES,
    FUNCTION_CALLS,
    STARTUP_PARAMETERS,
    TOPICS,
    Statement,
)

STATEMENT_NAMES = ("", "", "a", "b")
PORTALS = ("", "", "", "q")
DEALLOCATES_NAME = re.compile("deallocate (?!all|prepare all)")
UNNAMED_ONLY = re.compile("listen|prepare|execute|deallocate|discard")
STEPS_MAX = 8
CROWD_MAX = 4


class Generator:
    """One script's. A crowd has more sessions than there are backends, so each step ends what it has begun."""

    def __init__(self, seed: int):
        self._random = random.Random(seed)
        self._crowd = self._random.random() < 0.2
        names = [name for name, topic in TOPICS.items() if not (self._crowd and topic.ties)]
        chosen = self._random.sample(names, self._random.randint(1, 3))
        self._statements = [statement for name in chosen for statement in TOPICS[name].statements]
        self._session_count = (
            self._random.randint(HOLDERS_MAX + 1, CROWD_MAX) if self._crowd else self._random.randint(1, HOLDERS_MAX)
        )

    def script(self) -> Script:
        draw = self._random
        startups = tuple(
            dict(draw.choice(STARTUP_PARAMETERS)) if draw.random() < 0.25 else {} for _ in range(self._session_count)
        )
        count = draw.randint(1, STEPS_MAX + 2 * self._session_count)
        return Script(startups, tuple(self._step() for _ in range(count)))

    def _step(self) -> Step:
        draw = self._random
        # Most are answered before the next begins; some are a pipeline.
        units = 1 if draw.random() < 0.7 else draw.randint(2, 6)
        messages = [message for _ in range(units) for message in self._unit()]
        if self._crowd:
            messages += [["CopyFail", "enough"], ["Sync"], ["Query", draw.choice(("commit", "rollback"))]]
        return Step(draw.randrange(self._session_count), tuple(messages))

    def _unit(self) -> list[Message]:
        """Some messages that usually make sense together."""
        pick = self._random.random()
        if pick < 0.40:
            return [["Query", self._text()]]
        if pick < 0.75:
            return self._extended()
        if pick < 0.87:
            return self._disorder()
        if pick < 0.94:
            return self._copy_in()
        if pick < 0.97 and not self._crowd:
            return [["FunctionCall", *self._random.choice(FUNCTION_CALLS)]]
        return [["Sync"]]

    def _statement(self) -> Statement:
        draw = self._random
        return draw.choice(ALWAYS if draw.random() < 0.3 else self._statements)

    def _text(self) -> str:
        """What a simple query says: a statement without parameters, or several."""
        draw = self._random
        count = 1 if draw.random() < 0.8 else draw.randint(2, 4)
        chosen = [self._statement() for _ in range(count)]
        return "; ".join(statement.text for statement in chosen if not statement.values) or "select 8"

    def _extended(self) -> list[Message]:
        """A statement as drivers run it, with and without what they leave out."""
        draw = self._random
        statement = self._preparable()
        name, portal = self._name_for(statement), self._portal_for(statement)
        messages: list[Message] = []
        if draw.random() < 0.85 or not name:
            if name and draw.random() < 0.6:
                messages.append(["Close", "S", name])
            messages.append(["Parse", name, statement.text])
        if draw.random() < 0.4:
            messages.append(["Describe", "S", name])
        if draw.random() < 0.15:
            messages.append(self._pause())
        messages.append(["Bind", portal, name, list(statement.values), 0])
        if draw.random() < 0.6:
            messages.append(["Describe", "P", portal])
        rows_max = draw.choice((0, 0, 0, 1, 2))
        messages.append(["Execute", portal, rows_max])
        while rows_max and draw.random() < 0.5:
            if draw.random() < 0.3:
                messages.append(["Flush"])
            messages.append(["Execute", portal, draw.choice((0, 1, 2))])
        if draw.random() < 0.15:
            messages.append(["Close", "P", portal])
        if draw.random() < 0.9:
            messages.append(["Sync"])
        return messages

    def _preparable(self) -> Statement:
        """Not DEALLOCATE of a name: its tag is another one by this protocol (docs/differ.md)."""
        while True:
            statement = self._statement()
            if not DEALLOCATES_NAME.match(statement.text):
                return statement

    def _name_for(self, statement: Statement) -> str:
        """A name for a statement. What concerns other statements is not executed by SQL itself (docs/differ.md)."""
        return "" if UNNAMED_ONLY.search(statement.text) else self._random.choice(STATEMENT_NAMES)

    def _portal_for(self, statement: Statement) -> str:
        """What changes names or listens has the unnamed one: from another one it ties its session to the backend."""
        return "" if UNNAMED_ONLY.search(statement.text) else self._random.choice(PORTALS)

    def _pause(self) -> Message:
        return ["Flush"] if self._random.random() < 0.5 else ["Sync"]

    def _disorder(self) -> list[Message]:
        """Messages of the extended protocol as no driver would send them."""
        draw = self._random
        messages: list[Message] = []
        for _ in range(draw.randint(1, 5)):
            statement = self._preparable()
            portal = self._portal_for(statement)
            name = self._name_for(statement)
            # What became of the unnamed statement behind an error is not asked (docs/differ.md).
            known = name if ["Parse", ""] in [message[:2] for message in messages] else name or "a"
            messages.append(
                draw.choice(
                    (
                        ["Parse", name, statement.text],
                        ["Bind", portal, known, list(statement.values), 0],
                        ["Describe", "S", known],
                        ["Describe", "P", portal],
                        ["Execute", portal, draw.choice((0, 2))],
                        ["Close", "S", name],
                        ["Close", "P", portal],
                        ["Flush"],
                        ["Sync"],
                        ["Query", "select 9"],
                    )
                )
            )
        if draw.random() < 0.9:
            messages.append(["Sync"])
        return messages

    def _copy_in(self) -> list[Message]:
        draw = self._random
        text = draw.choice(COPIES_IN)
        data: list[Message] = [["CopyData", draw.choice(COPY_LINES)] for _ in range(draw.randint(0, 3))]
        if draw.random() < 0.15:
            data.insert(draw.randint(0, len(data)), ["Flush"])
        data.append(["CopyDone"] if draw.random() < 0.7 else ["CopyFail", "given up"])
        if draw.random() < 0.5:
            return [["Query", text], *data]
        begin: list[Message] = [["Parse", "", text], ["Bind", "", ""], ["Execute", ""]]
        if draw.random() < 0.3:
            # A Sync behind data is ignored or answered, as the server comes to read it; one before the data is ignored.
            begin.append(self._pause())
        return [*begin, *data, ["Sync"]]


def generate(seed: int) -> Script:
    return Generator(seed).script()
