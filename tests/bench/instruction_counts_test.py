#!/usr/bin/python3
"""No part of pgring takes more instructions than the figures that are checked in say, and tools/instruction-counts sees it
where one does.

    instruction_counts_test.py PROGRAM
"""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TOOL = REPOSITORY / "tools" / "instruction-counts"
FIGURES = REPOSITORY / "bench" / "instruction_counts.json"


class InstructionCountsTest(unittest.TestCase):
    def run_tool(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([TOOL, "--program", PROGRAM, *arguments], capture_output=True, text=True, timeout=300)

    def compare_with(self, figures: dict[str, int]) -> subprocess.CompletedProcess:
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(json.dumps(figures))
            file.flush()
            return self.run_tool("--figures", file.name)

    def test_nothing_takes_more_than_it_did(self) -> None:
        result = self.run_tool()
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_what_takes_more_is_named_and_so_is_the_way_out(self) -> None:
        figures = json.loads(FIGURES.read_text())
        figures["simple transaction"] = round(figures["simple transaction"] * 0.8)
        result = self.compare_with(figures)
        self.assertEqual(result.returncode, 1)
        self.assertIn("simple transaction takes", result.stderr)
        self.assertNotIn("forward a message", result.stderr)
        self.assertIn("--rebaseline", result.stderr)

    def test_what_is_only_on_one_side_is_a_failure(self) -> None:
        figures = json.loads(FIGURES.read_text())
        figures["nothing of the kind"] = figures.pop("forward a message")
        result = self.compare_with(figures)
        self.assertEqual(result.returncode, 1)
        self.assertIn("nothing of the kind is no longer counted", result.stderr)
        self.assertIn("forward a message has no figure yet", result.stderr)


if __name__ == "__main__":
    PROGRAM = sys.argv[1]
    unittest.main(argv=sys.argv[:1])
