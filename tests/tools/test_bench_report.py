#!/usr/bin/python3
"""What tools/bench full makes of samples: ratios only between what was measured in the same row and round, targets, plots."""

import sys
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from lib.bench import full, full_report, peers, plots  # noqa: E402
from lib.bench.page import to_html  # noqa: E402
from lib.bench.samples import Sample, Samples, Spread, quartiles_of, spread_of  # noqa: E402
from lib.bench.targets import BenchError, Target  # noqa: E402


def sample(target: str, number: int, row: str = "64 clients", group: str = "simple", **figures: float) -> Sample:
    return Sample(group, row, target, number, figures)


class SamplesTest(unittest.TestCase):
    def test_a_ratio_is_of_one_row_and_one_round(self) -> None:
        samples = Samples([
            sample("pgring", 1, cpu_us=10), sample("floor", 1, cpu_us=8),
            sample("pgring", 2, cpu_us=30), sample("floor", 2, cpu_us=20),
            sample("pgring", 3, cpu_us=1),  # the floor came to nothing here
            sample("pgring", 1, row="16 clients", cpu_us=7), sample("floor", 2, row="16 clients", cpu_us=7),
        ])  # fmt: skip
        self.assertEqual(samples.ratios("pgring", "floor", "cpu_us", lambda one: True), [1.25, 1.5])
        self.assertEqual(samples.row_ratios("simple", "16 clients", "pgring", "floor", "cpu_us"), [])

    def test_spreads(self) -> None:
        self.assertEqual(spread_of([3, 1, 2]), Spread(2, 1, 3, 3))
        self.assertEqual(quartiles_of(range(1, 9)), Spread(4.5, 3, 6, 8))
        self.assertIsNone(spread_of([]))
        self.assertIsNone(quartiles_of([]))

    def test_json_keeps_everything(self) -> None:
        samples = Samples([sample("pgring", 1, tps=2.5)])
        self.assertEqual(Samples.from_json([one.to_json() for one in samples.all]), samples)


class ReportTest(unittest.TestCase):
    def report(self, slow_us: float) -> tuple:
        samples = Samples()
        for number in range(1, 6):
            for row in ("16 clients", "64 clients"):
                samples.all += [
                    sample("pgring", number, row, cpu_us=10.0, tps=1000.0, p99_ms=1.0),
                    sample("floor", number, row, cpu_us=10.0, tps=1100.0, p99_ms=1.1),
                    sample("pgring, 10% slower", number, row, cpu_us=slow_us, tps=900.0, p99_ms=1.2),
                ]
        samples.all.append(sample("pgring", 0, system_calls=0.5))
        problem = full.Problem("pgdog", "it <did> not start")
        return full_report.summarize(samples, {"kernel": "6"}, [problem], ("pgring, 10% slower", 0.1))

    def verdicts(self, report) -> dict[str, bool]:
        return {check.what.split(" [")[0]: check.met for check in report.checks}

    def test_targets_are_judged_by_what_was_measured(self) -> None:
        report, _ = self.report(slow_us=11.0)
        self.assertEqual(
            self.verdicts(report),
            {
                "CPU per transaction over the floor's, simple": True,
                "pgring, 10% slower: CPU per transaction over pgring's": True,
                "system calls per transaction, simple, 64 clients": True,
            },
        )

    def test_targets_that_cannot_be_judged_are_named(self) -> None:
        # There was neither pgbouncer nor haproxy; nothing was run on PostgreSQL.
        report, sections = self.report(slow_us=11.0)
        missing = ["CPU per transaction over pgbouncer's, simple", "CPU per transaction over haproxy's, simple"]
        self.assertEqual(report.unmeasured, missing)
        for what in missing:
            self.assertIn(f"{what}: not measured", report.to_markdown())
        self.assertEqual(to_html(report, sections).count("<td>not measured</td>"), len(missing))

    def test_idle_clients_are_judged_before_and_after_a_query(self) -> None:
        idle = {"bytes_per_client": 900, "bytes_per_client_later": 1100}
        samples = Samples([sample("pgring", 1, "10000 clients", "idle clients", **idle)])
        report, _ = full_report.summarize(samples, {}, [], None)
        self.assertEqual([check.met for check in report.checks], [True, False])
        self.assertEqual(report.unmeasured, [])

    def test_a_handicap_that_does_not_show_is_a_failure(self) -> None:
        for seen in (10.2, 13.0):
            report, _ = self.report(slow_us=seen)
            self.assertFalse(self.verdicts(report)["pgring, 10% slower: CPU per transaction over pgring's"], seen)
            self.assertFalse(report.met)

    def test_tables_have_figures_and_ratios(self) -> None:
        report, _ = self.report(slow_us=11.0)
        rows = {(row[0], row[1]): row for row in dict(report.tables)["simple"].rows}
        self.assertEqual(rows["64 clients", "floor"][2:4], ["1,100", "1.10 (1.10 to 1.10)"])
        self.assertEqual(rows["64 clients", "pgring"][2:4], ["1,000", "-"])
        self.assertIn("it <did> not start", report.to_markdown())

    def test_the_page_stands_alone_and_is_well_formed(self) -> None:
        page = to_html(*self.report(slow_us=11.0))
        self.assertIn("it &lt;did&gt; not start", page)
        self.assertIn("10% slower", page)
        # Nothing is loaded from anywhere.
        for word in ("http:", "https:", "src=", "@import", "<script"):
            self.assertNotIn(word, page)
        drawn = [part.split("</svg>")[0] + "</svg>" for part in page.split("<svg")[1:]]
        self.assertEqual(len(drawn), 3)  # CPU, throughput, p99
        for part in drawn:
            ElementTree.fromstring("<svg" + part)


class PlotsTest(unittest.TestCase):
    def test_points_lie_within_the_frame(self) -> None:
        series = {
            "pgring": [plots.Point("1", Spread(5, 4, 90, 3)), plots.Point("16", Spread(50, 40, 60, 3))],
            "direct": [plots.Point("16", Spread(49, 40, 60, 3))],
        }
        root = ElementTree.fromstring(plots.lines("a < b", "us", series))
        circles = root.findall("circle")
        self.assertEqual(len(circles), 3)
        for circle in circles:
            self.assertTrue(plots.LEFT <= float(circle.get("cx")) <= plots.WIDTH - plots.RIGHT)
            self.assertTrue(plots.TOP <= float(circle.get("cy")) <= plots.HEIGHT - plots.BOTTOM)
        names = [float(text.get("y")) for text in root.findall("text") if text.text in series]
        self.assertGreaterEqual(abs(names[0] - names[1]), 12)  # or one would cover the other

    def test_what_lies_far_apart_is_drawn_by_its_logarithm(self) -> None:
        axis = plots.Axis.of([3.0, 40.0])
        self.assertTrue(axis.logarithmic)
        self.assertEqual(axis.ticks, [2, 5, 10, 20, 50])
        # The same ratio is the same height.
        self.assertAlmostEqual(axis.y_of(5) - axis.y_of(10), axis.y_of(10) - axis.y_of(20))
        self.assertFalse(plots.Axis.of([3.0, 20.0]).logarithmic)
        self.assertFalse(plots.Axis.of([0.0, 20.0]).logarithmic)

    def test_ticks_are_round_and_reach_the_top(self) -> None:
        for top in (0.003, 0.7, 1, 12, 99, 150_000):
            ticks = plots.ticks_of(top)
            self.assertGreaterEqual(ticks[-1], top * 0.999)
            self.assertTrue(3 <= len(ticks) <= 9, ticks)


class RowsTest(unittest.TestCase):
    def test_rows_visit_who_can_take_them(self) -> None:
        rows = {row.title: row for row in full.instant_rows((64, 2000), 10000)}
        old = Target("pgbouncer", 1, supports_prepared=False)
        self.assertFalse(rows["prepared: 64 clients"].visits(old))
        self.assertTrue(rows["simple: 64 clients"].visits(old))
        forked = Target("pgpool", 1, clients_max=290)
        self.assertFalse(rows["simple: 2000 clients"].visits(forked))
        self.assertFalse(rows["idle clients: 10000 clients"].visits(Target("direct", 1)))

    def test_rows_are_chosen_by_title(self) -> None:
        rows = full.instant_rows((1, 64), 10000)
        self.assertEqual([row.title for row in full.chosen(rows, "^simple: ")], ["simple: 1 client", "simple: 64 clients"])

    def test_peers_are_given_replaced_and_left_out(self) -> None:
        found = peers.programs(["odyssey=/bin/true", "pgbouncer="])
        self.assertEqual(found["odyssey"], "/bin/true")
        self.assertNotIn("pgbouncer", found)
        for wrong in ("odyssey", "nginx=/bin/true", "pgdog=/nowhere/pgdog"):
            with self.assertRaises(BenchError):
                peers.programs([wrong])


if __name__ == "__main__":
    unittest.main()
