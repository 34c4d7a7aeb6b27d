"""Figures of a page: dot plots of a table, and strips of renders beside the photograph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.records import METRICS
from leaderboard.aggregate import FREE, Score, Table
from leaderboard.cards import Catalogue
from leaderboard.content import Shown
from leaderboard.formats import number
from leaderboard.pictures import Picture
from leaderboard.plot import DotPlot, Point, dot_plot, span_of
from leaderboard.summary import Summary, SummaryRow

# Pictures of each cell that shows any: by (dataset, entry, mode), then scene.
Album = Mapping[tuple[str, str, str], Mapping[str, Shown]]

# A figure is for the eye; the table has the rest.
MOST_POINTS = 24
MOST_RENDERS = 12


@dataclass(frozen=True)
class Shot:
    """A render in a strip; ``value`` is the PSNR of this view."""

    entry: str
    reference: bool
    seed: int
    picture: Picture
    value: float | None


@dataclass(frozen=True)
class Strip:
    """One test view: the photograph, then what each entry makes of it, in the order of the table."""

    scene: str
    view: str
    photograph: Picture | None
    shots: tuple[Shot, ...]
    left_out: int

    @property
    def seeds(self) -> list[int]:
        """Of the renders."""
        return sorted({shot.seed for shot in self.shots})


def strips(table: Table, album: Album, everything: bool = False) -> list[Strip]:
    """A strip a scene, of the view that most entries have a picture of; ``everything`` keeps every entry."""
    most = None if everything else MOST_RENDERS
    return [strip for scene in table.scenes if (strip := _strip(table, album, scene, most)) is not None]


def _strip(table: Table, album: Album, scene: str, most: int | None) -> Strip | None:
    found = []
    for row in table.rows:
        scenes = album.get((table.dataset, row.entry, FREE if row.reference else table.mode), {})
        if scene in scenes:
            found.append((row, scenes[scene].record, scenes[scene].views))
    if not found:
        return None
    names = [name for _, _, views in found for name in views]
    view = min(set(names), key=lambda name: (-names.count(name), name))
    shots, photograph = [], None
    for row, record, views in found:
        if view not in views:
            continue
        pictures = views[view]
        photograph = photograph or pictures.get("truth")
        measured = record.metrics.get("psnr")
        value = measured.per_view.get(view) if measured else None
        shots.append(Shot(row.entry, row.reference, record.cell.seed, pictures["renders"], value))
    # Where not all fit: the best, and the end of the table, where controls and baselines stand.
    kept = shots if most is None or len(shots) <= most else [*shots[: most - 3], *shots[-3:]]
    return Strip(scene, view, photograph, tuple(kept), len(shots) - len(kept))


def table_plots(catalogue: Catalogue, tables: Mapping[str, Table]) -> dict[str, DotPlot]:
    """A plot a mode by its headline metric; plots of one metric share their axis."""
    points: dict[str, list[Point]] = {}
    for mode, table in tables.items():
        if table.headline is None:
            continue
        rows = [row for row in table.rows if row.scores[table.headline].value is not None]
        points[mode] = [
            _point(catalogue, table, row.entry, row.reference, row.scores[table.headline]) for row in _first(rows)
        ]
    return _plots({mode: (tables[mode].headline or "", some) for mode, some in points.items() if some})


def _point(catalogue: Catalogue, table: Table, entry: str, reference: bool, score: Score) -> Point:
    low, high = score.seed_range or (None, None)
    value = score.value or 0.0
    shape = catalogue.shape(entry, reference)
    return Point(entry, value, low, high, shape, number(value, table.headline or ""))


def summary_plots(catalogue: Catalogue, summary: Summary) -> list[tuple[str, DotPlot]]:
    """A plot a mode of the mean over datasets."""
    points = {}
    for mode in summary.modes:
        rows = sorted(
            (row for row in summary.rows if row.overall[mode].mean_score is not None),
            key=lambda row: (row.reference, row.places.get(mode, 0)),
        )
        points[mode] = (summary.metric, [_summary_point(catalogue, summary, mode, row) for row in _first(rows)])
    return list(_plots({mode: some for mode, some in points.items() if some[1]}).items())


def _summary_point(catalogue: Catalogue, summary: Summary, mode: str, row: SummaryRow) -> Point:
    overall = row.overall[mode]
    value, spread = overall.mean_score or 0.0, overall.seed_deviation
    low, high = (None, None) if spread is None else (value - spread, value + spread)
    text = number(value, summary.metric)
    shape = catalogue.shape(row.entry, row.reference)
    return Point(row.entry, value, low, high, shape, text)


def _plots(points: Mapping[str, tuple[str, list[Point]]]) -> dict[str, DotPlot]:
    plots = {}
    for mode, (metric, some) in points.items():
        shared = [point for other, more in points.values() if other == metric for point in more]
        unit = f" ({METRICS[metric].unit})" if METRICS[metric].unit else ""
        axis = f"{METRICS[metric].title}{unit}, {METRICS[metric].better} is better"
        plot = dot_plot(mode, axis, some, span_of(shared))
        if plot is not None:
            plots[mode] = plot
    return plots


def _first(rows: Sequence[Any]) -> list[Any]:
    references = [row for row in rows if row.reference]
    ranked = [row for row in rows if not row.reference]
    return [*ranked[: MOST_POINTS - len(references)], *references[:MOST_POINTS]]
