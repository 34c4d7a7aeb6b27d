"""Which correlations a site shows: metric by metric, mode by mode, dataset by dataset, board by board."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

import numpy as np

from benchmark.records import METRICS
from leaderboard.aggregate import FREE, Board, Table
from leaderboard.content import BoardContent, Content
from leaderboard.correlation import Correlation, agreement_without, correlations, oriented, topsis
from leaderboard.formats import mode_title

# By label, then by entry: larger is better.
Columns = Mapping[str, Mapping[str, float]]

MOST_LABELS = 12
MOST_ENTRIES = 400
COMBINED = "combined score"


@dataclass(frozen=True)
class Matrix:
    """Correlations of all pairs of some columns over the same entries.

    Attributes
    ----------
    left_out
        Entries that are no learned model and were left out; empty where all rows take part.
    """

    kind: str
    name: str
    title: str
    labels: tuple[str, ...]
    pairs: Mapping[tuple[str, str], Correlation]
    entries: tuple[str, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Twin:
    """The same matrix with all rows, and without those that are no learned model (None if there are none)."""

    whole: Matrix
    models: Matrix | None


@dataclass(frozen=True)
class BoardMatrices:
    """All of one board.

    Attributes
    ----------
    without
        By mode: rank agreement that is left when a dataset is dropped.
    """

    board: Board
    twins: tuple[Twin, ...]
    without: Mapping[str, Mapping[str, Correlation]]


@dataclass(frozen=True)
class Agreement:
    """One metric of one dataset and mode on two boards."""

    first: Board
    second: Board
    dataset: str
    mode: str
    metric: str
    correlation: Correlation


def column(table: Table, metric: str) -> dict[str, float]:
    """Values of the ranked and complete entries of a table, larger is better."""
    better = METRICS[metric].better
    rows = [row for row in table.rows if not row.reference and row.entry in table.standings.get(metric, {})]
    return {row.entry: float(oriented([row.scores[metric].value or 0.0], better)[0]) for row in rows}


def combined(table: Table) -> dict[str, float]:
    """TOPSIS over the image metrics of the entries that have all that the table has: the paper's combined score."""
    names = [name for name in table.metrics if METRICS[name].kind == "image"]
    entries = shared([column(table, name) for name in names])
    if not entries:
        return {}
    scores = {row.entry: row.scores for row in table.rows if not row.reference}
    values = np.array([[scores[entry][name].value for name in names] for entry in entries], dtype=np.float64)
    return dict(zip(entries, topsis(values, [METRICS[name].better for name in names]).tolist(), strict=True))


def shared(columns: Sequence[Mapping[str, float]]) -> list[str]:
    """Entries that are in all columns."""
    return sorted(set.intersection(*(set(values) for values in columns))) if columns else []


def mean_column(columns: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean over columns of the entries that are in all of them."""
    return {entry: fmean(values[entry] for values in columns) for entry in shared(columns)}


def matrix(kind: str, name: str, title: str, columns: Columns, left_out: Sequence[str] = ()) -> Matrix | None:
    """Correlations of columns over the entries that are in all; None with less than two columns or three entries."""
    columns = dict(list(columns.items())[:MOST_LABELS])
    entries = [entry for entry in shared(list(columns.values())) if entry not in left_out][:MOST_ENTRIES]
    if len(columns) < 2 or len(entries) < 3:
        return None
    values = {label: [column[entry] for entry in entries] for label, column in columns.items()}
    return Matrix(kind, name, title, tuple(columns), correlations(values), tuple(entries), tuple(left_out))


def twin(kind: str, name: str, title: str, columns: Columns, is_model: Callable[[str], bool]) -> Twin | None:
    """A matrix with all rows, and without the entries that are no learned model."""
    whole = matrix(kind, name, title, columns)
    if whole is None:
        return None
    others = [entry for entry in whole.entries if not is_model(entry)]
    return Twin(whole, matrix(kind, f"{name}~models", title, columns, others) if others else None)


def board_matrices(content: Content, board: BoardContent) -> BoardMatrices:
    """Every matrix that a board has enough entries for."""
    by_mode: dict[str, list[Table]] = {}
    for modes in board.tables.values():
        for mode, table in modes.items():
            if mode != FREE:
                by_mode.setdefault(mode, []).append(table)

    def is_model(entry: str) -> bool:
        return not content.catalogue.kind(entry)[0]

    found = [
        *_by_metric(by_mode, is_model),
        *_by_mode(by_mode, is_model),
        *_by_dataset(by_mode, is_model),
    ]
    without = {mode: agreement for mode, tables in by_mode.items() if (agreement := _without(tables))}
    return BoardMatrices(board.board, tuple(found), without)


def _where(tables: Sequence[Table]) -> str:
    return f"mean over {len(tables)} datasets" if len(tables) > 1 else tables[0].dataset


def _by_metric(by_mode: Mapping[str, Sequence[Table]], is_model: Callable[[str], bool]) -> list[Twin]:
    twins = []
    for mode, tables in by_mode.items():
        names = [name for name in METRICS if all(name in table.metrics for table in tables)]
        columns = {METRICS[name].title: mean_column([column(table, name) for table in tables]) for name in names}
        title = f"{mode_title(mode)}, {_where(tables)}"
        twins.append(twin("Metric by metric", f"metrics~{mode}", title, columns, is_model))
    return [found for found in twins if found]


def _by_mode(by_mode: Mapping[str, Sequence[Table]], is_model: Callable[[str], bool]) -> list[Twin]:
    datasets = [{table.dataset for table in tables} for tables in by_mode.values()]
    common = set.intersection(*datasets) if datasets else set()
    tables = {mode: [table for table in some if table.dataset in common] for mode, some in by_mode.items()}
    twins = []
    for name in METRICS:
        if not common or not all(name in table.metrics for some in tables.values() for table in some):
            continue
        columns = {
            mode_title(mode): mean_column([column(table, name) for table in some]) for mode, some in tables.items()
        }
        where = _where(next(iter(tables.values())))
        twins.append(twin("Mode by mode", f"modes~{name}", f"{METRICS[name].title}, {where}", columns, is_model))
    return [found for found in twins if found]


def _by_dataset(by_mode: Mapping[str, Sequence[Table]], is_model: Callable[[str], bool]) -> list[Twin]:
    twins = []
    for mode, tables in by_mode.items():
        columns = {table.dataset: values for table in tables if (values := combined(table))}
        title = f"{mode_title(mode)}, {COMBINED}"
        twins.append(twin("Dataset by dataset", f"datasets~{mode}", title, columns, is_model))
    return [found for found in twins if found]


def _without(tables: Sequence[Table]) -> dict[str, Correlation]:
    headline = next((name for name in METRICS if all(name in table.metrics for table in tables)), None)
    if headline is None or len(tables) < 2:
        return {}
    columns = {table.dataset: column(table, headline) for table in tables}
    entries = shared(list(columns.values()))
    if len(entries) < 3:
        return {}
    return agreement_without({name: [values[entry] for entry in entries] for name, values in columns.items()})


def agreements(content: Content, same_as: Callable[[str], str] = str) -> list[Agreement]:
    """Published by measured, and protocol by protocol: every table that two boards of a track share.

    Parameters
    ----------
    same_as
        Name under which an entry of a published row is known among the measured ones.
    """
    found = []
    for first, second in combinations(content.boards, 2):
        if first.board.track != second.board.track or "measured" not in (first.board.origin, second.board.origin):
            continue
        for dataset in sorted(set(first.tables) & set(second.tables)):
            for mode in first.tables[dataset]:
                if mode in second.tables[dataset] and mode != FREE:
                    pair = first.tables[dataset][mode], second.tables[dataset][mode]
                    found += _agreement(first.board, second.board, *pair, same_as)
    return found


def _agreement(
    first: Board, second: Board, table: Table, other: Table, same_as: Callable[[str], str]
) -> list[Agreement]:
    found = []
    for metric in table.metrics:
        if metric not in other.metrics:
            continue
        columns = [{same_as(entry): value for entry, value in column(some, metric).items()} for some in (table, other)]
        entries = shared(columns)
        if len(entries) < 3:
            continue
        values = {str(i): [some[entry] for entry in entries] for i, some in enumerate(columns)}
        correlation = correlations(values)["0", "1"]
        found.append(Agreement(first, second, table.dataset, table.mode, metric, correlation))
    return found
