"""Tables for people and files for machines."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Check:
    """A target, and whether it was met."""

    what: str
    value: float
    limit: float
    unit: str = ""
    # Also not less than this.
    least: float | None = None

    @property
    def met(self) -> bool:
        return self.value <= self.limit and (self.least is None or self.value >= self.least)

    @property
    def wanted(self) -> str:
        least = "at most" if self.least is None else f"{self.least:g}{self.unit} to"
        return f"{least} {self.limit:g}{self.unit}"

    def __str__(self) -> str:
        verdict = "PASS" if self.met else "FAIL"
        return f"{verdict}  {self.what}: {self.value:.2f}{self.unit}, wanted {self.wanted}"


@dataclass
class Table:
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)

    def to_markdown(self) -> str:
        """Aligned, so that it can be read as text as well; the first column left, the others right."""
        rows = [self.columns, *self.rows]
        widths = [max(len(row[i]) for row in rows) for i in range(len(self.columns))]

        def line(cells: list[str]) -> str:
            padded = [cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in
                      enumerate(zip(cells, widths))]  # fmt: skip
            return "| " + " | ".join(padded) + " |"

        rule = "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|"
        return "\n".join([line(self.columns), rule, *(line(row) for row in self.rows)])


def stem_of(name: str) -> str:
    """Of the files of a run that begins now."""
    return time.strftime("%Y-%m-%dT%H-%M-%S-") + name


@dataclass
class Report:
    """What one run of tools/bench found."""

    name: str
    facts: dict[str, str]
    method: str
    tables: list[tuple[str, Table]] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    # Targets that could not be judged, though their rows were run: neither met nor missed.
    unmeasured: list[str] = field(default_factory=list)
    raw: object = None
    # The Markdown, once it is written.
    file: Path | None = None

    def to_markdown(self) -> str:
        parts = [f"# tools/bench {self.name}", self.method]
        parts.append("\n".join(f"- {key}: {value}" for key, value in self.facts.items()))
        for title, table in self.tables:
            parts.append(f"## {title}\n\n{table.to_markdown()}")
        if self.checks or self.unmeasured:
            lines = [str(check) for check in self.checks] + [f"-     {what}: not measured" for what in self.unmeasured]
            parts.append("## Targets\n\n" + "\n".join(f"    {line}" for line in lines))
        return "\n\n".join(parts) + "\n"

    def write(self, folder: Path, stem: str | None = None) -> Path:
        """Writes Markdown and JSON; returns the Markdown file."""
        stem = stem or stem_of(self.name)
        checks = [{"what": c.what, "value": c.value, "limit": c.limit, "met": c.met} for c in self.checks]
        content = {"name": self.name, "facts": self.facts, "checks": checks, "unmeasured": self.unmeasured, "raw": self.raw}
        (folder / f"{stem}.json").write_text(json.dumps(content, indent=2) + "\n")
        markdown = folder / f"{stem}.md"
        markdown.write_text(self.to_markdown())
        return markdown

    @property
    def met(self) -> bool:
        return all(check.met for check in self.checks)
