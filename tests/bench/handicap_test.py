#!/usr/bin/python3
"""The instrument sees what it is to see: a pgring that is slower by a known share, linked from the same objects, shows in the
report of tools/bench full as slower by about that.

    handicap_test.py PGRING FOLDER_OF_INSTRUMENTS
"""

import json
import random
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "bench"
# Much, as the machines that tests run on have other things to do; a pair of runs may be off by a quarter.
HANDICAP = 0.5
ROUNDS = 9


def free_ports() -> int:
    """The first of some that nobody listens on."""
    while True:
        first = random.randrange(20000, 30000)
        try:
            for offset in (2, 32, 40):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", first + offset))
            return first
        except OSError:
            continue


class HandicapTest(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.results = Path(directory.name)

    def run_tool(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([TOOL, *arguments], capture_output=True, text=True, timeout=240)

    def test_a_known_slowdown_shows_in_the_report(self) -> None:
        pgring, instruments = PROGRAMS
        result = self.run_tool(
            "full", "--pgring", pgring, "--handicap", f"{HANDICAP:.0%}", "--rows", "^simple: ", "--clients", "16", "64",
            "--targets", "none", "--rounds", str(ROUNDS), "--seconds", "0.3", "--port", str(free_ports()),
            "--results", str(self.results), "--floor", f"{instruments}/relay", "--backend", f"{instruments}/backend",
            "--load", f"{instruments}/load", "--handicapped", f"{instruments}/pgring_handicapped",
        )  # fmt: skip
        # 1 where some other target was not met, which is not the matter here.
        self.assertIn(result.returncode, (0, 1), result.stdout + result.stderr)
        report = json.loads(next(self.results.glob("*.json")).read_text())
        [check] = [check for check in report["checks"] if "slower" in check["what"]]
        self.assertTrue(check["met"], check)
        self.assertGreater(check["value"], 1 + HANDICAP / 2)
        page = next(self.results.glob("*.html"))
        self.assertIn("pgring, 50% slower", page.read_text())

        before = page.read_text()
        page.unlink()
        self.assertEqual(self.run_tool("render", str(page.with_suffix(".json"))).returncode, result.returncode)
        self.assertEqual(page.read_text(), before)


if __name__ == "__main__":
    PROGRAMS = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1])
