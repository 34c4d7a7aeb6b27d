"""Datasets to one line an entry: mean rank and mean score of each mode.

Modes are not mixed into one number: they ask different things.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from benchmark.records import METRICS
from leaderboard import ranking
from leaderboard.aggregate import Board, Table, in_order


@dataclass(frozen=True)
class Overall:
    """An entry over the datasets of a board, in one mode.

    Attributes
    ----------
    mean_rank
        Over datasets, ties sharing the mean of their ranks; None unless it is ranked in all of them.
    mean_score, seed_deviation
        Mean over datasets of the dataset's score, and its standard deviation over seeds.
    datasets, of
        In how many datasets of how many it is complete.
    """

    mean_rank: float | None
    mean_score: float | None
    seed_deviation: float | None
    datasets: tuple[str, ...]
    of: int


@dataclass(frozen=True)
class SummaryRow:
    """An entry, with its place by mean rank (then mean score) in each mode."""

    entry: str
    reference: bool
    overall: Mapping[str, Overall]
    places: Mapping[str, int]


@dataclass(frozen=True)
class Summary:
    """All entries of a board by one metric; rows are in the order of the first mode."""

    board: Board
    metric: str
    modes: tuple[str, ...]
    datasets: tuple[str, ...]
    rows: tuple[SummaryRow, ...]


def summarise(tables: Sequence[Table]) -> Summary | None:
    """Summary of the tables of one board by the first metric of the metrics table that any has; None without one."""
    metric = next((name for name in METRICS if any(name in table.metrics for table in tables)), None)
    if metric is None:
        return None
    by_mode: dict[str, list[Table]] = defaultdict(list)
    for table in tables:
        by_mode[table.mode].append(table)
    modes = in_order(by_mode)
    identities = sorted({(row.reference, row.entry) for table in tables for row in table.rows})
    overall = {mode: {identity: _overall(identity, by_mode[mode], metric) for identity in identities} for mode in modes}
    places = {mode: _places(overall[mode], metric) for mode in modes}
    rows = [
        SummaryRow(
            entry,
            reference,
            {mode: overall[mode][reference, entry] for mode in modes},
            {mode: places[mode][entry] for mode in modes if not reference and entry in places[mode]},
        )
        for reference, entry in identities
    ]
    last = len(rows) + 1
    rows.sort(key=lambda row: (row.reference, *(row.places.get(mode, last) for mode in modes), row.entry))
    datasets = tuple(sorted({table.dataset for table in tables}))
    return Summary(tables[0].board, metric, tuple(modes), datasets, tuple(rows))


def _overall(identity: tuple[bool, str], tables: Sequence[Table], metric: str) -> Overall:
    ranks, scores, seeds, datasets = [], [], [], []
    for table in tables:
        complete = {
            (row.reference, row.entry): row.scores[metric] for row in table.rows if row.scores[metric].value is not None
        }
        if identity not in complete:
            continue
        datasets.append(table.dataset)
        scores.append(complete[identity].value or 0.0)
        seeds.append(complete[identity].by_seed)
        ranked = [row for row in sorted(complete) if not row[0]]
        if identity in ranked:
            values = [complete[row].value or 0.0 for row in ranked]
            ranks.append(ranking.fractional_ranks(values, METRICS[metric].better)[ranked.index(identity)])
    whole = len(datasets) == len(tables)
    shared = set.intersection(*(set(seed) for seed in seeds)) if seeds else set()
    means = [fmean(seed[number] for seed in seeds) for number in sorted(shared)]
    return Overall(
        mean_rank=float(fmean(ranks)) if whole and ranks else None,
        mean_score=fmean(scores) if whole and scores else None,
        seed_deviation=stdev(means) if whole and len(means) > 1 else None,
        datasets=tuple(sorted(datasets)),
        of=len(tables),
    )


def _places(overall: Mapping[tuple[bool, str], Overall], metric: str) -> dict[str, int]:
    sign = -1 if METRICS[metric].better == "higher" else 1
    ranked = {
        entry: (values.mean_rank, sign * values.mean_score)
        for (reference, entry), values in overall.items()
        if not reference and values.mean_rank is not None and values.mean_score is not None
    }
    ordered = sorted(ranked.values())
    return {entry: ordered.index(key) + 1 for entry, key in ranked.items()}
