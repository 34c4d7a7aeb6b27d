"""Dot plots: values to places. The template draws them as SVG; words and numbers stay text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

WIDTH = 400
ROW = 26
TOP = 10
BOTTOM = 34
LABEL = 182
VALUE = 48


@dataclass(frozen=True)
class Point:
    """A value to draw, with the range of its seeds if it has several, and the shape that tells what it is."""

    label: str
    value: float
    low: float | None
    high: float | None
    shape: str
    text: str


@dataclass(frozen=True)
class Mark:
    """A point at its place."""

    point: Point
    x: float
    y: float
    left: float
    right: float


@dataclass(frozen=True)
class Tick:
    """A place on the axis."""

    x: float
    text: str


@dataclass(frozen=True)
class DotPlot:
    """Marks from top to bottom over one axis."""

    kind: ClassVar[str] = "dots"

    title: str
    axis: str
    width: int
    height: int
    left: float
    right: float
    bottom: float
    marks: tuple[Mark, ...]
    ticks: tuple[Tick, ...]


def dot_plot(title: str, axis: str, points: Sequence[Point], span: tuple[float, float] | None = None) -> DotPlot | None:
    """Points over an axis from ``span`` (their own if None), which is widened to round numbers; None without points."""
    if not points:
        return None
    low, high = span or span_of(points)
    ticks = round_ticks(low, high)
    low, high = min(low, ticks[0]), max(high, ticks[-1])
    left, right = float(LABEL), float(WIDTH - VALUE - 6)

    def place(value: float) -> float:
        return round(left + (right - left) * (value - low) / (high - low), 2)

    marks = tuple(
        Mark(
            point,
            place(point.value),
            TOP + ROW * (i + 0.5),
            place(point.value if point.low is None else point.low),
            place(point.value if point.high is None else point.high),
        )
        for i, point in enumerate(points)
    )
    height = TOP + ROW * len(points) + BOTTOM
    bottom = float(height - BOTTOM + 4)
    decimals = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
    labels = tuple(Tick(place(tick), f"{tick:.{decimals}f}".replace("-", "\N{MINUS SIGN}")) for tick in ticks)
    return DotPlot(title, axis, WIDTH, height, left, right, bottom, marks, labels)


def span_of(points: Sequence[Point]) -> tuple[float, float]:
    """Smallest and largest value, with the seeds' ranges, never an empty interval."""
    values = [value for point in points for value in (point.value, point.low, point.high) if value is not None]
    low, high = min(values), max(values)
    if high - low < 1e-9 * max(1.0, abs(high)):
        margin = max(abs(high) * 0.05, 1e-3)
        return low - margin, high + margin
    margin = 0.04 * (high - low)
    return low - margin, high + margin


def round_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Two to ``most`` multiples of 1, 2 or 5 times a power of ten around or inside the interval."""
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    for factor in (1, 2, 5, 10, 20):
        step = factor * power
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            break
    if last - first < 1:
        first, last = math.floor(low / step), math.ceil(high / step)
    return [round(i * step, 12) for i in range(first, last + 1)]
