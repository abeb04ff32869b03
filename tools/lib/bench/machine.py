"""Facts about the machine that every report states, and what /proc says of a process."""

import os
import platform
import re
import resource
import time
from pathlib import Path


def facts() -> dict[str, str]:
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "processor": f"{model[1] if model else platform.machine()}, {len(os.sched_getaffinity(0))} cores allowed",
        "kernel": platform.release(),
        "tcp congestion control": Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip(),
        "load average at start": Path("/proc/loadavg").read_text().split()[0],
    }


def cpu_seconds(pid: int) -> float:
    """User and system time of the process with all its threads, io_uring's workers among them.

    /proc/PID/stat says the same in ticks of 10 ms, which is too coarse for a run of a second; so this asks the clock that
    clock_getcpuclockid(3) gives for the process.
    """
    return time.clock_gettime((~pid << 3) | 2)


def tree_of(pid: int) -> list[int]:
    """The process and its descendants. Proxies that fork are charged for their children."""
    found = [pid]
    for process in found:  # which grows
        for file in Path(f"/proc/{process}/task").glob("*/children"):
            try:
                children = map(int, file.read_text().split())
            except (FileNotFoundError, ProcessLookupError):
                continue
            found += [child for child in children if child not in found]
    return found


def tree_cpu_seconds(pid: int) -> float:
    """As cpu_seconds() of all of them, and of children that have ended and were waited for (in steps of 10 ms)."""
    seconds = 0.0
    for process in tree_of(pid):
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            seconds += cpu_seconds(process) + (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
        except (OSError, ProcessLookupError):
            continue
    return seconds


def tree_proportional_bytes(pid: int) -> int:
    return sum(proportional_bytes(process) for process in tree_of(pid))


def descriptors_max() -> int:
    """How many a process started from here can have."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def raise_descriptor_limit(wanted: int) -> None:
    """For this process and what it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if wanted > hard:
        raise OSError(f"{wanted} descriptors are needed, the limit is {hard} (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


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
