"""Makes a script that shows something smaller as long as it shows it."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from .script import Script, Step


def without_chunks(items: list) -> Iterator[list]:
    """The list without each half, each quarter, and so on down to each single item."""
    size = len(items) // 2
    while size >= 1:
        for begin in range(0, len(items), size):
            yield items[:begin] + items[begin + size :]
        size //= 2


def smaller(script: Script) -> Iterator[Script]:
    """Scripts that say less than this one, those that say much less first."""
    steps = list(script.steps)
    for fewer in without_chunks(steps):
        yield script.with_steps(fewer)
    for index, step in enumerate(steps):
        for messages in without_chunks(list(step.messages)):
            if messages:
                shorter = Step(step.session, tuple(messages))
                yield script.with_steps([*steps[:index], shorter, *steps[index + 1 :]])
    for index, parameters in enumerate(script.sessions):
        for name in parameters:
            fewer_parameters = {other: value for other, value in parameters.items() if other != name}
            yield replace(script, sessions=(*script.sessions[:index], fewer_parameters, *script.sessions[index + 1 :]))
    for index, step in enumerate(steps):
        for place, message in enumerate(step.messages):
            for simpler in simpler_messages(message):
                messages = (*step.messages[:place], simpler, *step.messages[place + 1 :])
                yield script.with_steps([*steps[:index], Step(step.session, messages), *steps[index + 1 :]])


def simpler_messages(message: list) -> Iterator[list]:
    """A text of several statements without some of them."""
    if message[0] == "Query" and ";" in message[1]:
        for texts in without_chunks(message[1].split(";")):
            if texts:
                yield ["Query", ";".join(texts).strip()]


def without_idle_sessions(script: Script) -> Script:
    """Sessions that say nothing, left out."""
    speaking = sorted({step.session for step in script.steps})
    numbers = {session: number for number, session in enumerate(speaking)}
    steps = tuple(Step(numbers[step.session], step.messages) for step in script.steps)
    return Script(tuple(script.sessions[session] for session in speaking), steps)


def shrink(script: Script, shows: Callable[[Script], bool], tries_max: int) -> Script:
    """The smallest script found of which `shows` is still true, after about so many tries."""
    tries = 0
    progress = True
    while progress and tries < tries_max:
        progress = False
        for candidate in smaller(script):
            tries += 1
            if shows(candidate):
                script = candidate
                progress = True
                break
            if tries >= tries_max:
                break
    spoken = without_idle_sessions(script)
    return spoken if spoken == script or shows(spoken) else script
