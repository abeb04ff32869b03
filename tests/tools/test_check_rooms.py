#!/usr/bin/python3
"""tools/check-rooms sees what it is for, and finds nothing in src/."""

import subprocess
import tempfile
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = REPOSITORY / "tools" / "check-rooms"


def check(files: dict[str, str]) -> subprocess.CompletedProcess:
    """Runs the tool over a tree of these files."""
    with tempfile.TemporaryDirectory() as directory:
        for name, text in {"base/empty.h": "", **files}.items():
            path = Path(directory, name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return subprocess.run([PROGRAM, directory], capture_output=True, text=True, timeout=20)


class CheckRoomsTest(unittest.TestCase):
    def assert_refused(self, files: dict[str, str], where: str, text: str) -> None:
        result = check(files)
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn(where, result.stdout)
        self.assertIn(text, result.stdout)

    def assert_accepted(self, files: dict[str, str]) -> None:
        result = check(files)
        self.assertEqual((result.returncode, result.stdout), (0, ""))

    def test_src_keeps_to_its_floors(self) -> None:
        result = subprocess.run([PROGRAM], capture_output=True, text=True, timeout=20)
        self.assertEqual((result.returncode, result.stdout), (0, ""))

    def test_a_room_may_include_itself_and_those_below(self) -> None:
        self.assert_accepted({"pool/pool.h": '#include "pool/line.h"\n#include "base/time.h"\n#include <vector>\n'})

    def test_a_room_above_is_refused(self) -> None:
        self.assert_refused({"wire/a.h": '\n#include "session/session.h"\n'}, "wire/a.h:2:", "floor 4")

    def test_a_room_on_the_same_floor_is_refused(self) -> None:
        self.assert_refused({"wire/a.h": '#include "buffer/buffer.h"\n'}, "wire/a.h:1:", "not below it")

    def test_an_unknown_room_is_refused(self) -> None:
        self.assert_refused({"cellar/a.h": ""}, "cellar/a.h:1:", "no room")
        self.assert_refused({"wire/a.h": '#include "a.h"\n'}, "wire/a.h:1:", "no room")

    def test_system_headers_are_refused_below_the_line_only(self) -> None:
        for header in ("liburing.h", "sys/socket.h", "libpq-fe.h", "thread", "random", "fstream", "openssl/ssl.h"):
            self.assert_refused({"auth/a.h": f"#  include <{header}>\n"}, "auth/a.h:1:", f"<{header}>")
            self.assert_accepted({"uring/a.h": f"#include <{header}>\n"})

    def test_clocks_are_refused_by_name(self) -> None:
        self.assert_refused({"pool/a.cc": "auto t = std::chrono::steady_clock::now();\n"}, "pool/a.cc:1:", "now")
        self.assert_accepted({"pool/a.cc": "// Never steady_clock::now(): time comes from outside.\n"})
        self.assert_accepted({"main/a.cc": "auto t = std::chrono::steady_clock::now();\n"})

    def test_an_exception_holds_for_its_file_only(self) -> None:
        self.assert_accepted({"topology/publication.h": "#include <mutex>\n"})
        self.assert_refused({"topology/topology.h": "#include <mutex>\n"}, "topology/topology.h:1:", "<mutex>")

    def test_an_empty_folder_is_no_success(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            result = subprocess.run([PROGRAM, directory], capture_output=True, text=True, timeout=20)
            self.assertEqual(result.returncode, 2)


if __name__ == "__main__":
    unittest.main()
