"""Heat maps, radars, curves and scatter plots: values to places. A template draws them as SVG; words stay text.

Nothing is told by colour alone: heat maps print their numbers and mark negative ones, curves differ in dash and mark.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from leaderboard.formats import MINUS
from leaderboard.plot import Tick, round_ticks

WIDTH = 400
# Darkest shade on which the colour of the text still has a contrast of 4.5 (the style sheet lightens it further in dark).
DARKEST = 0.62
SQUARE = 44
LABEL = 118
STYLES = ("solid", "dashed", "dotted")


@dataclass(frozen=True)
class HeatCell:
    """A square; ``shade`` in [0, 1] grows with the size of the value, ``mark`` says what else there is to it."""

    x: float
    y: float
    text: str
    shade: float
    mark: str


@dataclass(frozen=True)
class HeatMap:
    """Squares of a symmetric matrix, its lower triangle, with names beside and below."""

    kind: ClassVar[str] = "heat"
    width: int
    height: int
    size: float
    cells: tuple[HeatCell, ...]
    rows: tuple[tuple[float, float, str], ...]
    columns: tuple[tuple[float, float, str], ...]


def heat_map(names: Sequence[str], values: Mapping[tuple[str, str], float | None], few: bool = False) -> HeatMap:
    """Values in [-1, 1] of pairs of names, in their order; ``few`` greys them all."""
    size = min(SQUARE, (WIDTH - LABEL) / max(1, len(names) - 1))
    cells, rows, columns = [], [], []
    for i, name in enumerate(names[1:]):
        rows.append((LABEL - 6.0, round(size * (i + 0.5) + 4, 1), name))
        for j, other in enumerate(names[: i + 1]):
            value = values.get((other, name))
            text = "–" if value is None else f"{value:.2f}".replace("0.", ".", 1).replace("-", MINUS)
            mark = "few" if few or value is None else "against" if value < 0 else "with"
            shade = 0.0 if value is None else round(DARKEST * abs(value) ** 2, 3)
            cells.append(HeatCell(round(LABEL + size * j, 1), round(size * i, 1), text, shade, mark))
    bottom = size * (len(names) - 1)
    for j, name in enumerate(names[:-1]):
        columns.append((round(LABEL + size * (j + 0.5), 1), round(bottom + 10, 1), name))
    longest = max((len(name) for name in names[:-1]), default=0)
    height = math.ceil(bottom + 18 + 5.2 * longest)
    width = math.ceil(LABEL + size * (len(names) - 1) + 4)
    return HeatMap(width, height, round(size - 2, 1), tuple(cells), tuple(rows), tuple(columns))


@dataclass(frozen=True)
class Web:
    """One radar: a closed path of an entry, that of the median, and places of the axes' names."""

    name: str
    x: float
    y: float
    path: str
    median: str
    rim: str
    spokes: tuple[tuple[float, float], ...]
    names: tuple[tuple[float, float, str], ...]


@dataclass(frozen=True)
class Radar:
    """Radars of several entries, one beside the other."""

    kind: ClassVar[str] = "radar"
    width: int
    height: int
    webs: tuple[Web, ...]
    legend: tuple[tuple[float, float, str], ...]


COLUMNS = 3
CELL = WIDTH / COLUMNS
RADIUS = 44
WEB_HEIGHT = 138


def radar(axes: Sequence[str], values: Mapping[str, Sequence[float]]) -> Radar | None:
    """A radar an entry; every axis runs from the worst (a tenth of the radius) to the best of those shown.

    Parameters
    ----------
    values
        By entry: a number an axis, larger is better.
    """
    if len(axes) < 3 or len(values) < 2:
        return None
    spans = [(min(column), max(column)) for column in zip(*values.values(), strict=True)]
    scaled = {
        name: [
            0.1 + 0.9 * ((value - low) / (high - low) if high > low else 1.0)
            for value, (low, high) in zip(row, spans, strict=True)
        ]
        for name, row in values.items()
    }
    median = [sorted(column)[len(column) // 2] for column in zip(*scaled.values(), strict=True)]
    webs = []
    for i, (name, row) in enumerate(scaled.items()):
        x, y = CELL * (i % COLUMNS + 0.5), WEB_HEIGHT * (i // COLUMNS) + 76
        ends = [_spoke(x, y, axis, len(axes), 1.0) for axis in range(len(axes))]
        names = tuple(
            (px, round(py + 3, 1), str(axis + 1))
            for axis in range(len(axes))
            for px, py in [_spoke(x, y, axis, len(axes), 1.22)]
        )
        rim = _closed(x, y, [1.0] * len(axes))
        webs.append(Web(name, round(x, 1), y, _closed(x, y, row), _closed(x, y, median), rim, tuple(ends), names))
    below = WEB_HEIGHT * math.ceil(len(values) / COLUMNS) + 18
    legend = tuple(
        (round(CELL * (i % COLUMNS) + 8, 1), below + 16.0 * (i // COLUMNS), f"{i + 1} {name}")
        for i, name in enumerate(axes)
    )
    return Radar(WIDTH, below + 16 * math.ceil(len(axes) / COLUMNS), tuple(webs), legend)


def _spoke(x: float, y: float, axis: int, count: int, reach: float) -> tuple[float, float]:
    angle = 2 * math.pi * axis / count
    return round(x + RADIUS * reach * math.sin(angle), 1), round(y - RADIUS * reach * math.cos(angle), 1)


def _closed(x: float, y: float, reach: Sequence[float]) -> str:
    places = [_spoke(x, y, axis, len(reach), value) for axis, value in enumerate(reach)]
    return "M" + "L".join(f"{px} {py}" for px, py in places) + "Z"


@dataclass(frozen=True)
class Curve:
    """A line with its marks and, at its end, its name."""

    name: str
    style: str
    path: str
    places: tuple[tuple[float, float], ...]
    label: tuple[float, float]


@dataclass(frozen=True)
class Chart:
    """Curves or labelled points over two axes.

    Attributes
    ----------
    points
        x, y, shape, name, and where its label stands (x, y, anchor).
    """

    kind: ClassVar[str] = "chart"
    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    axis: str
    side: str
    curves: tuple[Curve, ...] = ()
    points: tuple[tuple[float, float, str, str, float, float, str], ...] = ()


HEIGHT = 270
LEFT, RIGHT, TOP, BOTTOM = 46.0, 390.0, 24.0, 226.0


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    begin: float
    end: float

    def place(self, value: float) -> float:
        return round(self.begin + (self.end - self.begin) * (value - self.low) / (self.high - self.low), 1)


def _scale(values: Sequence[float], begin: float, end: float, margin: float = 0.06) -> tuple[_Scale, tuple[Tick, ...]]:
    low, high = min(values), max(values)
    spread = high - low
    # Next to no difference is drawn as none: its ticks could not be told apart.
    if spread < 1e-9 * max(1.0, abs(low), abs(high)):
        spread = max(abs(high) * 0.1, 1e-3)
    low, high = low - margin * spread, high + margin * spread
    ticks = round_ticks(low, high)
    low, high = min(low, ticks[0]), max(high, ticks[-1])
    scale = _Scale(low, high, begin, end)
    decimals = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
    return scale, tuple(Tick(scale.place(tick), f"{tick:.{decimals}f}".replace("-", MINUS)) for tick in ticks)


def curves(lines: Mapping[str, Sequence[float]], axis: str) -> Chart | None:
    """Values after 1, 2, 3 ... steps, a curve a name; at most three."""
    lines = {name: values for name, values in list(lines.items())[: len(STYLES)] if len(values) > 1}
    if not lines:
        return None
    steps = max(len(values) for values in lines.values())
    across = _Scale(1, steps, LEFT + 8, RIGHT - 8)
    near = _near([value for values in lines.values() for value in values])
    up, side_ticks = _scale(near, BOTTOM, TOP)
    drawn = []
    beyond: list[tuple[float, float, str, str, float, float, str]] = []
    for (name, values), style in zip(lines.items(), STYLES, strict=False):
        places = tuple(
            (across.place(i), min(max(up.place(value), TOP), BOTTOM)) for i, value in enumerate(values, start=1)
        )
        beyond += [
            (x, y, "ring", f"{value:g}", x + 9, y + (14 if y == TOP else -4), "start")
            for (x, y), value in zip(places, values, strict=True)
            if value not in near
        ]
        path = "M" + "L".join(f"{x} {y}" for x, y in places)
        drawn.append(Curve(name, style, path, places, (LEFT + 8, TOP - 10)))
    # Names stand above the plot, one beside the other, each with a piece of its line.
    step = (RIGHT - LEFT) / len(drawn)
    drawn = [
        Curve(curve.name, curve.style, curve.path, curve.places, (round(LEFT + step * i, 1), TOP - 12))
        for i, curve in enumerate(drawn)
    ]
    ticks = tuple(Tick(across.place(i), str(i)) for i in range(1, steps + 1))
    return Chart(WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM, ticks, side_ticks, axis, "", tuple(drawn), tuple(beyond))


def _near(values: Sequence[float]) -> list[float]:
    """Values without one or two that lie so far off that the rest would be a flat line; those are drawn at the edge."""
    ordered = sorted(values)
    whole = ordered[-1] - ordered[0]
    for low, high in ((1, 0), (0, 1), (2, 0), (0, 2), (1, 1)):
        rest = ordered[low : len(ordered) - high]
        if len(rest) > 3 and rest[-1] - rest[0] < 0.15 * whole:
            return rest
    return ordered


def scatter(points: Mapping[str, tuple[float, float, str]], axis: str, side: str) -> Chart | None:
    """Named points over a logarithmic axis; the values are x, y and the shape of the mark."""
    points = {name: point for name, point in points.items() if point[0] > 0}
    if len({x for x, _, _ in points.values()}) < 2:
        return None
    across, _ = _scale([math.log10(x) for x, _, _ in points.values()], LEFT, RIGHT, 0.12)
    up, side_ticks = _scale([y for _, y, _ in points.values()], BOTTOM, TOP)
    marks = [(across.place(math.log10(x)), up.place(y), shape, name) for name, (x, y, shape) in points.items()]
    return Chart(
        WIDTH,
        HEIGHT,
        LEFT,
        RIGHT,
        TOP,
        BOTTOM,
        _log_ticks(across),
        side_ticks,
        axis,
        side,
        points=_labelled(marks),
    )


def _log_ticks(scale: _Scale) -> tuple[Tick, ...]:
    """1, 2 and 5 times powers of ten inside the axis; only powers where it is long."""
    factors = (1, 2, 5) if scale.high - scale.low < 2 else (1,)
    found = []
    for power in range(math.floor(scale.low), math.ceil(scale.high) + 1):
        for factor in factors:
            value = factor * 10.0**power
            if scale.low <= math.log10(value) <= scale.high:
                found.append(Tick(scale.place(math.log10(value)), short(value)))
    if len(found) < 2:
        ends = (scale.low + 0.1 * (scale.high - scale.low), scale.high - 0.1 * (scale.high - scale.low))
        found = [Tick(scale.place(end), short(float(f"{10**end:.2g}"))) for end in ends]
    return tuple(found)


def short(value: float) -> str:
    """A large number with the letter of its power: 86 M, 1.2 G."""
    for letter, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g} {letter}"
    return f"{value:.3g}"


def _labelled(
    marks: Sequence[tuple[float, float, str, str]],
) -> tuple[tuple[float, float, str, str, float, float, str], ...]:
    """Labels beside their marks, each at the nearest height at which it covers no other."""
    placed: list[tuple[float, float, float]] = []
    found = []
    for x, y, shape, name in sorted(marks, key=lambda mark: (mark[1], mark[0])):
        width = 6.4 * len(name)
        right = x + 9 + width <= WIDTH
        begin = x + 9 if right else x - 9 - width
        taken = [height for b, e, height in placed if b < begin + width and begin < e]
        offsets = (sign * 6.0 * step for step in range(20) for sign in (1, -1))
        free = (y + 4 + offset for offset in offsets if all(abs(y + 4 + offset - other) >= 12 for other in taken))
        height = next(free, y + 4)
        placed.append((begin, begin + width, height))
        anchor = "start" if right else "end"
        found.append((x, y, shape, name, round(x + 9 if right else x - 9, 1), round(height, 1), anchor))
    return tuple(found)
