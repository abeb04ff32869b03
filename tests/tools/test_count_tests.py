#!/usr/bin/python3
"""The count that tools/test closes with: nothing that failed, crashed or did not run may look like success."""

import json
import subprocess
import tempfile
import unittest
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "tools" / "lib" / "count_tests.py"

REPORT = """<testsuites><testsuite name="Lexer">
    <testcase name="One" classname="Lexer" status="run"/>
    <testcase name="Two" classname="Lexer" status="run">{inside}</testcase>
</testsuite></testsuites>"""


class CountTestsTest(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.build = Path(directory.name)
        (self.build / "meson-logs").mkdir()

    def log(self, *entries: tuple[str, str]) -> None:
        lines = [json.dumps({"name": f"pgring / {name}", "result": result, "returncode": 1}) for name, result in entries]
        (self.build / "meson-logs" / "testlog.json").write_text("\n".join(lines))

    def report(self, name: str, inside: str = "") -> None:
        (self.build / f"{name}.xml").write_text(REPORT.format(inside=inside))

    def run_tool(self, command: str = "report") -> tuple[int, list[str]]:
        result = subprocess.run(["python3", PROGRAM, command, self.build], capture_output=True, text=True, timeout=20)
        return result.returncode, result.stdout.splitlines()

    def test_cases_of_googletest_and_other_programmes_are_added(self) -> None:
        self.log(("unit_sql", "OK"), ("tools_cluster", "OK"))
        self.report("unit_sql")
        self.assertEqual(self.run_tool(), (0, ["3 passed, 0 failed"]))

    def test_a_failed_case_is_named(self) -> None:
        self.log(("unit_sql", "FAIL"))
        self.report("unit_sql", "<failure/>")
        status, lines = self.run_tool()
        self.assertEqual((status, lines[-1]), (1, "1 passed, 1 failed"))
        self.assertIn("unit_sql: Lexer.Two", lines[0])

    def test_a_programme_that_fails_after_its_report_counts_as_failed(self) -> None:
        self.log(("unit_sql", "FAIL"))
        self.report("unit_sql")
        self.assertEqual(self.run_tool()[1][-1], "2 passed, 1 failed")

    def test_a_crash_and_a_timeout_count_as_failed(self) -> None:
        self.log(("unit_sql", "ERROR"), ("unit_wire", "TIMEOUT"), ("unit_base", "OK"))
        status, lines = self.run_tool()
        self.assertEqual((status, lines[-1]), (1, "1 passed, 2 failed"))

    def test_what_is_skipped_is_told_and_not_counted(self) -> None:
        self.log(("unit_sql", "OK"))
        self.report("unit_sql", "<skipped/>")
        status, lines = self.run_tool()
        self.assertEqual((status, lines[-1]), (0, "1 passed, 0 failed"))
        self.assertIn("skipped", lines[0])

    def test_nothing_run_is_no_success(self) -> None:
        self.assertEqual(self.run_tool()[0], 1)
        self.log(("unit_sql", "SKIP"))
        self.assertEqual(self.run_tool()[0], 1)

    def test_what_an_earlier_run_left_is_forgotten(self) -> None:
        self.log(("unit_sql", "OK"))
        self.report("unit_sql")
        self.assertEqual(self.run_tool("forget"), (0, []))
        self.assertEqual(self.run_tool()[0], 1)


if __name__ == "__main__":
    unittest.main()
