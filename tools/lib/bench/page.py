"""A report as one HTML file that needs nothing else: tables, targets, plots."""

from dataclasses import dataclass, field
from html import escape

from .report import Report, Table

STYLE = """\
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1180px; margin: 2em auto; padding: 0 1em; }
svg { font-family: system-ui, sans-serif; margin: 0 8px 16px 0; }
table { border-collapse: collapse; margin: 0.5em 0 1.5em; font-size: 14px; }
th, td { padding: 2px 10px; text-align: right; border-bottom: 1px solid #8884; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
tr.first td { border-top: 2px solid #8888; }
dt { font-weight: 600; } dd { margin: 0 0 0.4em 1.5em; }
.pass { color: #18803c; font-weight: 600; } .fail { color: #c22; font-weight: 600; }
.plots { display: flex; flex-wrap: wrap; }
details { margin: 0.5em 0 1em; }
"""


@dataclass
class Section:
    """What a group of rows came to."""

    title: str
    text: str = ""
    plots: list[str] = field(default_factory=list)
    table: Table | None = None


def to_html(report: Report, sections: list[Section]) -> str:
    title = f"pgring: tools/bench {report.name}"
    parts = [f"<h1>{escape(title)}</h1>", _paragraphs(report.method)]
    if report.checks or report.unmeasured:
        parts.append("<h2>Targets</h2>" + _checks(report))
    for section in sections:
        parts.append(f"<h2>{escape(section.title)}</h2>")
        parts.append(_paragraphs(section.text))
        if section.plots:
            parts.append(f'<div class="plots">{"".join(section.plots)}</div>')
        if section.table:
            parts.append(f"<details open><summary>figures</summary>{_table(section.table)}</details>")
    facts = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in report.facts.items())
    parts.append(f"<h2>Machine, programmes and settings</h2><dl>{facts}</dl>")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head>\n<body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(part)}</p>" for part in text.split("\n\n") if part.strip())


def _checks(report: Report) -> str:
    rows = []
    for check in report.checks:
        verdict, style = ("met", "pass") if check.met else ("not met", "fail")
        rows.append(
            f'<tr><td class="{style}">{verdict}</td><td>{escape(check.what)}</td>'
            f"<td>{check.value:.2f}{escape(check.unit)}</td><td>{escape(check.wanted)}</td></tr>"
        )
    rows += [f"<tr><td>not measured</td><td>{escape(what)}</td><td></td><td></td></tr>" for what in report.unmeasured]
    return f"<table><tr><th></th><th>what</th><th>found</th><th>wanted</th></tr>{''.join(rows)}</table>"


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in table.columns)
    rows, before = [], None
    for row in table.rows:
        style = ' class="first"' if row[0] != before else ""
        before = row[0]
        rows.append(f"<tr{style}>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>")
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"
