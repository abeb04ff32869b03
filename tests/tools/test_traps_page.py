#!/usr/bin/python3
"""Pages that name tests name tests that exist."""

import re
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"
PAGES = [DOCS / "traps.md", DOCS / "limits.md"]
# Options of these sections that are numbers have to be on the page of limits.
SECTIONS = ("[pgring]", "[databases.NAME]", "[users.NAME]")
MEASURED = ("number", "duration", "size")

# A code span that names a test, and one that looks as if it were meant to.
REFERENCE = re.compile(r"`(\w+): ([^`]+)`")
NAMELESS = re.compile(r"`[A-Z]\w+\.[A-Z]\w+`")
GOOGLETEST = re.compile(r"^\s*(?:TYPED_)?TEST(?:_[FP])?\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.MULTILINE)
# How the languages of the drivers' programmes begin a function, or name a test.
DRIVER_TEST = r"(?:def|sub|function|void|func|async)\s+{name}\b|['\"]{name}['\"]"
SIMULATED_BUG = re.compile(r"Mutation::(\w+), \"")


def googletests(*folders: str) -> set[str]:
    """Names of the tests in the sources below these folders of tests/."""
    names = set()
    for folder in folders:
        for source in (REPOSITORY / "tests" / folder).rglob("*_test.cc"):
            names |= {f"{suite}.{name}" for suite, name in GOOGLETEST.findall(source.read_text())}
    return names


class References:
    """Says of a reference whether the sources have it."""

    def __init__(self) -> None:
        self.googletests = {suite: googletests(suite) for suite in ("unit", "conversation", "e2e", "monitor")}
        self.bugs = set(SIMULATED_BUG.findall((REPOSITORY / "tests" / "sim" / "mutation_check.cc").read_text()))

    def exists(self, suite: str, name: str) -> bool:
        if suite == "sim":
            return name in self.bugs
        if suite == "drivers":
            programme, _, test = name.partition(" ")
            source = REPOSITORY / "tests" / "drivers" / programme
            return source.is_file() and re.search(DRIVER_TEST.format(name=test), source.read_text()) is not None
        return name in self.googletests.get(suite, set())


def table_rows(text: str) -> list[list[str]]:
    """The cells of each table's rows, without heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    heads = {index - 1 for index, row in enumerate(rows) if set("".join(row)) == {"-"}}
    return [row for index, row in enumerate(rows) if index not in heads and set("".join(row)) != {"-"}]


def options(page: str) -> dict[str, list[list[str]]]:
    """The rows of a page's tables of options, by the section of the configuration above them."""
    found: dict[str, list[list[str]]] = {}
    for chapter in re.split(r"^#+ ", page, flags=re.MULTILINE):
        section = chapter.partition("\n")[0].strip("`")
        if section in SECTIONS:
            found[section] = table_rows(chapter)
    return found


class TrapsPageTest(unittest.TestCase):
    def test_every_test_that_is_named_exists(self) -> None:
        references = References()
        for page in PAGES:
            named = REFERENCE.findall(page.read_text())
            self.assertGreater(len(named), 20, page)
            missing = [f"{suite}: {name}" for suite, name in named if not references.exists(suite, name)]
            self.assertEqual(missing, [], page)

    def test_no_test_is_named_without_its_suite(self) -> None:
        for page in PAGES:
            self.assertEqual(NAMELESS.findall(page.read_text()), [], page)

    def test_every_row_says_what_holds(self) -> None:
        for page in PAGES:
            for row in table_rows(page.read_text()):
                last = row[-1]
                self.assertTrue(REFERENCE.search(last) or len(last.split()) >= 5, row)

    def test_every_limit_has_a_row(self) -> None:
        configured = options((DOCS / "configuration.md").read_text())
        shown = options((DOCS / "limits.md").read_text())
        self.assertEqual(set(configured), set(SECTIONS))
        for section in SECTIONS:
            rows = [row[0] for row in shown[section]]
            self.assertEqual(sorted(rows), sorted(set(rows)), "twice")
            measured = {row[0] for row in configured[section] if row[1].split()[0] in MEASURED}
            self.assertGreater(len(measured), 5)
            self.assertEqual(measured - set(rows), set(), section)
            self.assertEqual(set(rows) - {row[0] for row in configured[section]}, set(), section)

    def test_what_does_not_exist_is_missed(self) -> None:
        references = References()
        self.assertTrue(references.exists("conversation", "Startup.ArrivesByteByByte"))
        self.assertTrue(references.exists("sim", "CancelNotAwaited"))
        self.assertTrue(references.exists("drivers", "psycopg_test.py pipelines_answer_in_order"))
        for suite, name in (
            ("conversation", "Startup.IsNotThere"),
            ("unit", "Startup.ArrivesByteByByte"),
            ("nowhere", "Startup.ArrivesByteByByte"),
            ("sim", "NobodyPlantedThis"),
            ("drivers", "psycopg_test.py is_not_there"),
            ("drivers", "nobody_test.py pipelines_answer_in_order"),
        ):
            self.assertFalse(references.exists(suite, name), name)


if __name__ == "__main__":
    unittest.main()
