"""Facts about the machine that every report states, and what /proc says of a process."""

import os
import platform
import re
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def facts() -> dict[str, str]:
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "processor": f"{model[1] if model else platform.machine()}, {len(os.sched_getaffinity(0))} cores allowed",
        "kernel": platform.release(),
        "load average at start": Path("/proc/loadavg").read_text().split()[0],
    }


def cpu_seconds(pid: int) -> float:
    """User and system time of the process with all its threads, io_uring's workers among them."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


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
