"""Processes as /proc shows them: alive, stopped, and the tree below one of them."""

import os
import signal
import time
from pathlib import Path


def state_of(pid: int) -> str | None:
    """The state letter of proc(5), or None where the process is gone or only waits to be reaped."""
    fields = _stat_fields(pid)
    return None if fields is None or fields[0] in "ZX" else fields[0]


def is_zombie(pid: int) -> bool:
    """Whether the process has ended and waits to be reaped; kill(pid, 0) still finds it."""
    fields = _stat_fields(pid)
    return fields is not None and fields[0] == "Z"


def is_stopped(pid: int) -> bool:
    return state_of(pid) in ("T", "t")


def command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def pid_from_file(file: Path, argument: str) -> int | None:
    """The process a pid file names, if it lives and has `argument` on its command line.

    After a crash the file outlives the process and its number may belong to somebody else by now.
    """
    try:
        pid = int(file.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    if state_of(pid) is None or argument not in command_line(pid):
        return None
    return pid


def descendants(root: int) -> list[int]:
    """All processes below `root`, parents before children."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        fields = _stat_fields(int(entry)) if entry.isdigit() else None
        if fields is not None and fields[0] not in "ZX":
            children.setdefault(int(fields[1]), []).append(int(entry))
    found = list(children.get(root, []))
    for pid in found:  # grows while it is walked
        found.extend(children.get(pid, []))
    return found


def freeze(root: int) -> list[int]:
    """Stops `root` and all below it and returns them. The parent is first, so that no child appears unseen."""
    frozen: list[int] = []
    fresh = [root]
    while fresh:
        for pid in fresh:
            send(pid, signal.SIGSTOP)
        frozen += fresh
        fresh = [pid for pid in descendants(root) if pid not in frozen]
    return frozen


def thaw(root: int) -> list[int]:
    """Continues `root` and all below it, the parent last, so that it finds its children as it left them."""
    family = [root, *descendants(root)]
    for pid in reversed(family):
        send(pid, signal.SIGCONT)
    return family


def crash(root: int) -> list[int]:
    """Ends `root` and all below it at one moment, as a power cut does: nobody has time for a last word."""
    family = freeze(root)
    for pid in family:
        send(pid, signal.SIGKILL)
    wait_until_gone(family, seconds=5)
    return family


def wait_until_gone(pids: list[int], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(state_of(pid) is not None for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _stat_fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the command, which is in parentheses and may hold anything: state first."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
