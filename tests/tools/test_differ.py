#!/usr/bin/python3
"""tools/differ: scripts are what they are read as, answers are taken down in full, what differs is made small."""

import socketserver
import struct
import sys
import threading
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from lib.differ.connection import ConnectionFailed, Place  # noqa: E402
from lib.differ.generate import generate  # noqa: E402
from lib.differ.messages import show, to_bytes  # noqa: E402
from lib.differ.perform import comparison, perform, same  # noqa: E402
from lib.differ.script import Script, ScriptError  # noqa: E402
from lib.differ.shrink import shrink  # noqa: E402


def message(kind: str, body: bytes = b"") -> bytes:
    return kind.encode() + struct.pack("!i", len(body) + 4) + body


READY = message("Z", b"I")


class Server(socketserver.ThreadingTCPServer):
    """Speaks as much of the protocol as scripts need: a Query is answered by its own text.

    With `bug`, the query "get" is answered wrongly once "set" has been said in its session.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, bug: str = ""):
        super().__init__(("127.0.0.1", 0), Session)
        self.bug = bug

    def place(self) -> Place:
        return Place("127.0.0.1", self.server_address[1], "somebody", "somewhere")


class Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.rfile.read(struct.unpack("!i", self.rfile.read(4))[0] - 4)
        login = message("R", struct.pack("!i", 0)) + message("K", struct.pack("!ii", 42, 0))
        self.wfile.write(message("S", b"b\0two\0") + message("S", b"a\0one\0") + login + READY)
        said: list[str] = []
        while head := self.rfile.read(5):
            text = self.rfile.read(struct.unpack("!i", head[1:])[0] - 4).rstrip(b"\0").decode()
            if head[:1] == b"X":
                return
            if head[:1] == b"S":
                self.wfile.write(READY)
            if head[:1] == b"Q":
                self.wfile.write(self.answer(text, said))
                said.append(text)

    def answer(self, text: str, said: list[str]) -> bytes:
        if text == "notify":
            return message("A", struct.pack("!i", 42) + b"channel\0payload\0") + READY
        bug = self.server.bug if text == "get" and "set" in said else ""
        value = (text.removeprefix("select '").partition("'")[0] + bug).encode()
        return message("D", struct.pack("!hi", 1, len(value)) + value) + READY


def script(*queries: str, sessions: int = 1) -> Script:
    steps = [f'[{number % sessions}, ["Query", "{text}"]]' for number, text in enumerate(queries)]
    return Script.from_text("\n".join(['{"sessions": ' + str([{}] * sessions) + "}", *steps]))


class ScriptTest(unittest.TestCase):
    def test_a_seed_is_always_the_same_script_and_its_text_is_the_script(self) -> None:
        scripts = [generate(seed) for seed in range(300)]
        self.assertEqual(scripts, [generate(seed) for seed in range(300)])
        self.assertEqual(scripts, [Script.from_text(script.to_text()) for script in scripts])
        self.assertGreater(len({script.to_text() for script in scripts}), 290)

    def test_every_message_has_bytes(self) -> None:
        spoken = {message[0] for seed in range(300) for step in generate(seed).steps for message in step.messages}
        self.assertGreater(len(spoken), 10)
        for seed in range(300):
            for step in generate(seed).steps:
                for words in step.messages:
                    data = to_bytes(words)
                    self.assertEqual(struct.unpack("!i", data[1:5])[0], len(data) - 1, words)

    def test_what_is_no_script_is_refused(self) -> None:
        for text in ("", "[]", "{}", '{"sessions": [{}]}\n[1, ["Sync"]]', '{"sessions": [{}]}\n[0, ["Sing"]]'):
            with self.assertRaises(ScriptError, msg=text):
                Script.from_text(text)

    def test_long_runs_are_written_out_in_the_message_only(self) -> None:
        self.assertEqual(to_bytes(["Query", "a{x*3}b"]), message("Q", b"axxxb\0"))


class ShowTest(unittest.TestCase):
    def test_errors_are_shown_without_the_place_in_the_sources(self) -> None:
        body = b"SERROR\0C22012\0Mdivision by zero\0Fint.c\0L846\0Rint4div\0P8\0\0"
        self.assertEqual(show("E", body), "ErrorResponse S=ERROR C=22012 M=division by zero P=8")

    def test_long_values_differ_where_they_differ(self) -> None:
        rows = [struct.pack("!hi", 1, 500) + b"x" * 499 + end for end in (b"a", b"b")]
        self.assertNotEqual(show("D", rows[0]), show("D", rows[1]))
        self.assertLess(len(show("D", rows[0])), 100)

    def test_what_cannot_be_printed_is_spelled_out(self) -> None:
        self.assertEqual(show("d", b"a\x00b\n"), "CopyData a\\x00b\\n")

    def test_nulls_and_empty_values_differ(self) -> None:
        self.assertEqual(show("D", struct.pack("!hii", 2, -1, 0)), "DataRow NULL|")

    def test_tables_are_not_told_by_their_number(self) -> None:
        column = b"a\0" + struct.pack("!IhIhih", 16400, 1, 23, 4, -1, 1)
        self.assertEqual(show("T", struct.pack("!h", 1) + column), "RowDescription a(23,4,-1,binary table.1)")


class PlacesTest(unittest.TestCase):
    def server(self, bug: str = "") -> Place:
        server = Server(bug)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server.place()

    def test_what_is_told_is_taken_down(self) -> None:
        transcript = perform(self.server(), script("one", "notify", "other", sessions=2))
        self.assertEqual(transcript.counts, [2, 1, 2])
        self.assertEqual(transcript.sessions[1].notifications, ["NotificationResponse own channel=payload"])
        first = transcript.sessions[0]
        self.assertEqual(first.greeting, ["ParameterStatus a=one", "ParameterStatus b=two"])
        self.assertEqual(first.lines[:2], ["DataRow one", "ReadyForQuery I"])

    def test_servers_that_say_the_same_do_not_differ(self) -> None:
        direct = perform(self.server(), script("set", "get", "get"))
        pooled = perform(self.server(), script("set", "get", "get"), direct)
        self.assertTrue(same(direct, pooled))

    def test_a_difference_is_found_and_made_small(self) -> None:
        places = self.server(), self.server(bug=" wrongly")

        def shows(tried: Script) -> bool:
            direct = perform(places[0], tried)
            return not same(direct, perform(places[1], tried, direct))

        long = script("a", "get", "set", "set", "b", "c", "get", "d", "get", sessions=2)
        self.assertTrue(shows(long))
        self.assertFalse(shows(script("get", "a", "set", "b")))
        self.assertEqual(shrink(long, shows, tries_max=200), script("set", "get"))
        direct = perform(places[0], script("set", "get"))
        lines = comparison(direct, perform(places[1], script("set", "get"), direct))
        self.assertIn("  - DataRow get", lines)
        self.assertIn("  + DataRow get wrongly", lines)

    def test_a_server_that_hangs_up_is_told_from_one_that_is_silent(self) -> None:
        transcript = perform(self.server(), Script.from_text('{"sessions": [{}]}\n[0, ["Terminate"]]'))
        self.assertEqual(transcript.sessions[0].lines[-1], "closed")

    def test_nobody_there_is_an_error(self) -> None:
        with self.assertRaises(ConnectionFailed):
            perform(Place("127.0.0.1", 1, "somebody", "somewhere"), script("one"))


if __name__ == "__main__":
    unittest.main()
