"""Counts what `meson test` ran.

    count_tests.py forget BUILD_DIRECTORY     before the run: what earlier ones left is not counted
    count_tests.py report BUILD_DIRECTORY...  after it

Reads the log that meson keeps in each build directory, and of a programme that reports its cases as GoogleTest does
those; any other programme counts as one. What failed is listed; the last line is "N passed, N failed", alone. The status is 0 only if
something ran and nothing failed.
"""

import json
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

LOG = Path("meson-logs", "testlog.json")


@dataclass
class Tally:
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def count_cases(report: Path, name: str, tally: Tally) -> None:
    """Adds the cases of a programme's report."""
    for case in ElementTree.parse(report).iter("testcase"):
        title = f"{name}: {case.get('classname')}.{case.get('name')}"
        if case.find("failure") is not None:
            tally.failed.append(title)
        elif case.find("skipped") is not None or case.get("status") == "notrun":
            tally.skipped.append(title)
        else:
            tally.passed += 1


def count_programme(build: Path, entry: dict, tally: Tally) -> None:
    """Adds one programme of meson's log."""
    name = entry["name"].rsplit(" / ", 1)[-1]
    failed_before = len(tally.failed)
    report = build / f"{name}.xml"
    try:
        count_cases(report, name, tally)
    except (FileNotFoundError, ElementTree.ParseError):
        # It reports none, or it ended before it could report.
        if entry["result"] == "OK":
            tally.passed += 1
        elif entry["result"] == "SKIP":
            tally.skipped.append(name)
    if entry["result"] not in ("OK", "SKIP") and len(tally.failed) == failed_before:
        tally.failed.append(f"{name}: {entry['result']}, status {entry['returncode']}")


def forget(build: Path) -> None:
    """Removes the reports of earlier runs, so that none is taken for one of a run that crashed."""
    for report in [build / LOG, *build.glob("*.xml")]:
        report.unlink(missing_ok=True)


def count(build: Path) -> Tally:
    """What the latest `meson test` in this directory ran; nothing, where it did not get as far."""
    tally = Tally()
    if (build / LOG).exists():
        for line in (build / LOG).read_text().splitlines():
            count_programme(build, json.loads(line), tally)
    return tally


def report(builds: list[str]) -> int:
    tallies = {build: count(Path(build)) for build in builds}
    for build, tally in tallies.items():
        for title in tally.skipped:
            print(f"skipped in {build}: {title}")
        for title in tally.failed:
            print(f"FAILED in {build}: {title}")
        if not tally.passed and not tally.failed:
            print(f"no test ran in {build}")
    passed = sum(tally.passed for tally in tallies.values())
    failed = sum(len(tally.failed) for tally in tallies.values())
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and all(tally.passed for tally in tallies.values()) else 1


def main() -> int:
    match sys.argv[1:]:
        case ["forget", build]:
            forget(Path(build))
            return 0
        case ["report", _, *_]:
            return report(sys.argv[2:])
    print(__doc__.strip(), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
