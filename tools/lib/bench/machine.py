"""Facts about the machine that every report states, and what /proc says of a process."""

import os
import platform
import re
import time
from pathlib import Path


def facts() -> dict[str, str]:
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "processor": f"{model[1] if model else platform.machine()}, {len(os.sched_getaffinity(0))} cores allowed",
        "kernel": platform.release(),
        "load average at start": Path("/proc/loadavg").read_text().split()[0],
    }


def cpu_seconds(pid: int) -> float:
    """User and system time of the process with all its threads, io_uring's workers among them.

    /proc/PID/stat says the same in ticks of 10 ms, which is too coarse for a run of a second; so this asks the clock that
    clock_getcpuclockid(3) gives for the process.
    """
    return time.clock_gettime((~pid << 3) | 2)


def resident_peak_bytes(pid: int) -> int:
    """The most memory that was ever resident."""
    return _kilobytes(Path(f"/proc/{pid}/status"), "VmHWM") * 1024


def proportional_bytes(pid: int) -> int:
    """Resident memory, of which pages shared with others count in proportion."""
    return _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss") * 1024


def _kilobytes(file: Path, name: str) -> int:
    line = re.search(rf"^{name}:\s+(\d+) kB$", file.read_text(), re.MULTILINE)
    assert line is not None, f"{file} has no {name}"
    return int(line[1])
