"""What tools/bench full finds, and what can be said of it: figures of one target in one row and round, ratios of two."""

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from statistics import median


@dataclass(frozen=True)
class Sample:
    """One measurement."""

    group: str
    row: str
    target: str
    round: int
    figures: dict[str, float]

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Spread:
    """A median and how far apart what it was taken of lies."""

    median: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def spread_of(values: Iterable[float]) -> Spread | None:
    """None of no values."""
    values = list(values)
    return Spread(median(values), min(values), max(values), len(values)) if values else None


def quartiles_of(values: Iterable[float]) -> Spread | None:
    """As spread_of(), from the first quartile to the third: for many pairs, of which some met with something else."""
    ordered = sorted(values)
    if not ordered:
        return None
    return Spread(median(ordered), ordered[len(ordered) // 4], ordered[math.ceil(len(ordered) * 3 / 4) - 1], len(ordered))


@dataclass
class Samples:
    """All of a run, in the order in which they were taken."""

    all: list[Sample] = field(default_factory=list)

    @classmethod
    def from_json(cls, samples: list[dict]) -> "Samples":
        return cls([Sample(**sample) for sample in samples])

    def groups(self) -> list[str]:
        return list(dict.fromkeys(sample.group for sample in self.all))

    def rows(self, group: str) -> list[str]:
        return list(dict.fromkeys(sample.row for sample in self.all if sample.group == group))

    def targets(self, group: str) -> list[str]:
        """pgring and its variants first, then what bounds it, then the others."""
        names = sorted({sample.target for sample in self.all if sample.group == group})
        bounds = ("floor", "direct")
        return sorted(names, key=lambda name: (not name.startswith("pgring"), name not in bounds))

    def rounds(self) -> int:
        return len({sample.round for sample in self.all})

    def values(self, group: str, row: str, target: str, figure: str) -> list[float]:
        wanted = (group, row, target)
        return [s.figures[figure] for s in self.all if (s.group, s.row, s.target) == wanted and figure in s.figures]

    def ratios(self, over: str, under: str, figure: str, fits: Callable[[Sample], bool]) -> list[float]:
        """One target's figure over the other's of the same row and round, wherever both have it."""
        figures = {
            (s.group, s.row, s.round, s.target): s.figures[figure] for s in self.all if figure in s.figures and fits(s)
        }
        pairs = (
            (value, figures.get((group, row, number, under)))
            for (group, row, number, target), value in figures.items()
            if target == over
        )
        return [value / base for value, base in pairs if base]

    def row_ratios(self, group: str, row: str, over: str, under: str, figure: str) -> list[float]:
        return self.ratios(over, under, figure, lambda sample: (sample.group, sample.row) == (group, row))
