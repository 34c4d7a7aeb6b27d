"""What the page that compares two entries needs: every entry on every scene, and a render of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark.records import METRICS
from leaderboard import links
from leaderboard.aggregate import FREE, Table
from leaderboard.content import BoardContent
from leaderboard.figures import Album, strips
from leaderboard.page import Page
from leaderboard.pictures import Picture
from leaderboard.ranking import t_quantile

# Beyond, scenes are averaged: a page is for the eye.
MOST_CELLS = 6000
MOST_UNITS = 60


@dataclass(frozen=True)
class Unit:
    """A column: a scene of a dataset, or a dataset; ``photograph`` is that of the view that is shown."""

    dataset: str
    scene: str
    photograph: Picture | None


@dataclass(frozen=True)
class Line:
    """An entry: a value and a render for each unit, None where there is none."""

    entry: str
    reference: bool
    values: tuple[float | None, ...]
    renders: tuple[Picture | None, ...]


@dataclass(frozen=True)
class Grid:
    """All entries of a mode by one metric."""

    mode: str
    metric: str
    units: tuple[Unit, ...]
    lines: tuple[Line, ...]


def comparison_page(board: BoardContent, album: Album) -> Page | None:
    """The page of a board; None with less than two entries."""
    if not compares(board):
        return None
    grids = [grid for mode, tables in _by_mode(board).items() if (grid := _grid(mode, tables, album))]
    quantiles = [round(t_quantile(freedom), 4) for freedom in range(1, MOST_UNITS)]
    values = {"board": board.board, "grids": grids, "quantiles": quantiles}
    return Page(links.comparison_page(board.board), "compare.html.j2", values)


def compares(board: BoardContent) -> bool:
    """Whether there are two entries to compare, and not only means that other tables say in full."""
    tables = [table for modes in board.tables.values() for table in modes.values()]
    return not board.repeats and any(len(table.rows) > 1 and table.metrics for table in tables)


def _by_mode(board: BoardContent) -> dict[str, list[Table]]:
    found: dict[str, list[Table]] = {}
    for modes in board.tables.values():
        for mode, table in modes.items():
            found.setdefault(mode, []).append(table)
    return found


def _grid(mode: str, tables: Sequence[Table], album: Album) -> Grid | None:
    metric = next((name for name in METRICS if all(name in table.metrics for table in tables)), None)
    if metric is None:
        return None
    entries = sorted({(row.reference, row.entry) for table in tables for row in table.rows})
    scenes = sum(len(table.scenes) for table in tables)
    whole = scenes * len(entries) > MOST_CELLS or scenes > MOST_UNITS
    units: list[Unit] = []
    columns: list[tuple[Mapping[tuple[bool, str], float | None], Mapping[tuple[bool, str], Picture]]] = []
    for table in tables[:MOST_UNITS]:
        rows = {(row.reference, row.entry): row.scores[metric] for row in table.rows}
        if whole:
            units.append(Unit(table.dataset, "", None))
            columns.append(({name: score.value for name, score in rows.items()}, {}))
            continue
        shown = {strip.scene: strip for strip in strips(table, album, everything=True)}
        for scene in table.scenes:
            strip = shown.get(scene)
            units.append(Unit(table.dataset, scene, strip.photograph if strip else None))
            renders = {(shot.reference, shot.entry): shot.picture for shot in strip.shots} if strip else {}
            columns.append(({name: score.by_scene.get(scene) for name, score in rows.items()}, renders))
    lines = tuple(
        Line(
            entry,
            reference,
            tuple(values.get((reference, entry)) for values, _ in columns),
            tuple(renders.get((reference, entry)) for _, renders in columns),
        )
        for reference, entry in entries
    )
    return Grid(FREE if mode == FREE else mode, metric, tuple(units), lines)
