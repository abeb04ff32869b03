"""Plots as inline SVG, without any library or network: lines over the number of clients, and bars."""

import math
from dataclasses import dataclass
from html import escape

from .samples import Spread

# Distinct for all that may be in one plot, also to those who do not tell red from green (after Okabe and Ito).
COLOURS = {
    "pgring": "#0072b2",
    "floor": "#999999",
    "direct": "#333333",
    "pgbouncer": "#d55e00",
    "haproxy": "#009e73",
    "pgpool": "#cc79a7",
    "odyssey": "#b8860b",
    "pgagroal": "#56b4e9",
    "pgdog": "#7a4ea3",
}
OTHER_COLOURS = ("#8b1a1a", "#4682b4", "#556b2f")

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 130, 30, 40


@dataclass(frozen=True)
class Point:
    x: str
    spread: Spread


def colour_of(name: str) -> str:
    if name in COLOURS:
        return COLOURS[name]
    return OTHER_COLOURS[sum(name.encode()) % len(OTHER_COLOURS)]


def number(value: float) -> str:
    """Three significant digits, thousands apart."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def ticks_of(top: float) -> list[float]:
    """Four to eight round numbers from 0 to at least `top`."""
    if top <= 0:
        return [0, 1]
    step = 10 ** math.floor(math.log10(top / 4))
    for factor in (1, 2, 2.5, 5, 10):
        if top / (step * factor) <= 7:
            step *= factor
            break
    return [step * i for i in range(math.ceil(top / step) + 1)]


@dataclass(frozen=True)
class Axis:
    """The heights of values in a plot of lines: in proportion, or by their logarithm where they lie far apart, as ratios are
    what is to be seen then."""

    ticks: list[float]
    logarithmic: bool

    @classmethod
    def of(cls, values: list[float]) -> "Axis":
        highest, lowest = max(values, default=0), min(values, default=0)
        if lowest > 0 and highest / lowest > 8:
            return cls(_ticks_of_logarithm(lowest, highest), logarithmic=True)
        return cls(ticks_of(highest * 1.1), logarithmic=False)

    def y_of(self, value: float) -> float:
        value = min(max(value, self.ticks[0]), self.ticks[-1])
        first, last = self.ticks[0], self.ticks[-1]
        share = math.log(value / first) / math.log(last / first) if self.logarithmic else value / last
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)


def _ticks_of_logarithm(lowest: float, highest: float) -> list[float]:
    """1, 2 and 5 of each power of ten, from below the lowest to above the highest."""
    powers = range(math.floor(math.log10(lowest)), math.ceil(math.log10(highest)) + 1)
    all_ticks = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    below = max(index for index, tick in enumerate(all_ticks) if tick <= lowest)
    above = min(index for index, tick in enumerate(all_ticks) if tick >= highest)
    return all_ticks[below : above + 1]


def lines(title: str, unit: str, series: dict[str, list[Point]]) -> str:
    """A line for each name over the x's in their order, with bars from the lowest to the highest of the spread."""
    xs = list(dict.fromkeys(point.x for points in series.values() for point in points))
    axis = Axis.of([point.spread.median for points in series.values() for point in points])
    y_of = axis.y_of

    def x_of(x: str) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (xs.index(x) + 0.5) / len(xs)

    parts = [_frame(title, unit, axis)]
    parts += [_text(x_of(x), HEIGHT - BOTTOM + 18, x, "middle") for x in xs]
    ends = _spread_labels({name: y_of(points[-1].spread.median) for name, points in series.items() if points})
    for name, points in series.items():
        colour = colour_of(name)
        path = " ".join(f"{x_of(point.x):.1f},{y_of(point.spread.median):.1f}" for point in points)
        weight = 2.5 if name.startswith("pgring") else 1.5
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{weight}"/>')
        for point in points:
            x, spread = x_of(point.x), point.spread
            hint = f"{name}, {point.x}: {number(spread.median)} {unit} ({number(spread.low)} to {number(spread.high)})"
            parts.append(
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y_of(spread.low):.1f}" y2="{y_of(spread.high):.1f}" '
                f'stroke="{colour}" stroke-opacity="0.35"/>'
                f'<circle cx="{x:.1f}" cy="{y_of(spread.median):.1f}" r="3" fill="{colour}"><title>{escape(hint)}</title>'
                f"</circle>"
            )
        if points:
            parts.append(_text(WIDTH - RIGHT + 6, ends[name] + 4, name, "start", colour))
    return _svg(title, HEIGHT, parts)


def bars(title: str, unit: str, values: dict[str, Spread]) -> str:
    """A bar for each name, and its spread on it."""
    step, label = 24, 150
    height = TOP + step * len(values) + 14
    highest = max((spread.high for spread in values.values()), default=1) or 1
    scale = (WIDTH - label - 90) / highest
    parts = [_text(8, 18, f"{title}, {unit}", "start", weight="bold")]
    for index, (name, spread) in enumerate(values.items()):
        y = TOP + step * index
        colour, end = colour_of(name), label + spread.median * scale
        parts.append(_text(label - 8, y + 15, name, "end"))
        parts.append(
            f'<rect x="{label}" y="{y + 3}" width="{spread.median * scale:.1f}" height="{step - 8}" fill="{colour}"/>'
            f'<line x1="{label + spread.low * scale:.1f}" x2="{label + spread.high * scale:.1f}" y1="{y + 11}" '
            f'y2="{y + 11}" stroke="currentColor" stroke-opacity="0.6"/>'
        )
        parts.append(_text(max(end, label + spread.high * scale) + 6, y + 15, number(spread.median), "start"))
    return _svg(title, height, parts)


def _spread_labels(wanted: dict[str, float]) -> dict[str, float]:
    """Heights for the names at the lines' ends, as near to the lines as they fit without overlapping."""
    apart = 13
    placed: dict[str, float] = {}
    last = -math.inf
    for name in sorted(wanted, key=lambda one: wanted[one]):
        last = placed[name] = max(wanted[name], last + apart)
    over = last - (HEIGHT - BOTTOM)
    for name in sorted(placed, key=lambda one: -placed[one]):
        if over <= 0:
            break
        placed[name] -= over
        below = [other for other in placed if other != name and placed[other] < placed[name] + apart]
        over = max((placed[other] + apart - placed[name] for other in below), default=0)
    return placed


def _frame(title: str, unit: str, axis: Axis) -> str:
    scale = " (logarithmic)" if axis.logarithmic else ""
    parts = [_text(8, 18, f"{title}, {unit}{scale}", "start", weight="bold")]
    for tick in axis.ticks:
        y = axis.y_of(tick)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="currentColor" '
            f'stroke-opacity="0.15"/>'
        )
        parts.append(_text(LEFT - 6, y + 4, f"{tick:,g}", "end"))
    return "".join(parts)


def _text(x: float, y: float, text: str, anchor: str, colour: str = "currentColor", weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-weight="{weight}">{escape(text)}</text>'
    )


def _svg(title: str, height: int, parts: list[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
        f'aria-label="{escape(title)}" font-size="12">{"".join(parts)}</svg>'
    )
