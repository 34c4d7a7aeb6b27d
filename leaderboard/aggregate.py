"""Records to tables: what is averaged, in which order, and what is not averaged.

1. Seeds inside a scene, then scenes inside a dataset, then datasets. (Views inside a record are its value already.)
2. Nothing is averaged over holes: an entry that lacks a scene is listed with "n of m" and without a rank. A record that
   failed or was skipped is a hole.
3. A table belongs to one board: track, protocol, reconstruction and origin (published or measured) never mix.
4. Seeds are repetitions, not tasks: entries may have different numbers of them, and the table says how many.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean, stdev
from typing import Literal

import numpy as np

from benchmark.records import METRICS, Record
from leaderboard import ranking

FREE = "free"
MODE_ORDER = (
    *("geometry", "texture", "all"),
    *("3dgs_vae", "lrf_encoder", "lrf_decoder", "3dgs_lrf", "feature_gs", "latent_nerf"),
)


@dataclass(frozen=True, order=True)
class Board:
    """What never shares a table with another. ``origin`` is ``measured`` (submitted ones too) or ``published``."""

    track: str
    protocol: str
    reconstruction: str
    origin: str

    @property
    def slug(self) -> str:
        """A name for folders; ``~`` is in no name of a cell, so no two boards share it."""
        return "~".join((self.track, self.protocol, self.reconstruction, self.origin))


@dataclass(frozen=True)
class Hole:
    """A scene (of one seed, or of all) that an entry lacks."""

    scene: str
    seed: int | None
    status: Literal["failed", "skipped", "not run"]
    reason: str


@dataclass(frozen=True)
class Score:
    """One metric of one entry in a table.

    Attributes
    ----------
    by_scene
        Mean over seeds of every scene that is complete.
    by_seed
        Mean over scenes of every seed that all these scenes have.
    of
        Number of scenes of the table that have this metric.
    absent
        Why records that are otherwise ok lack it.
    """

    by_scene: Mapping[str, float]
    by_seed: Mapping[int, float]
    of: int
    absent: tuple[str, ...] = ()

    @cached_property
    def value(self) -> float | None:
        """Mean over scenes; None unless all are there."""
        return fmean(self.by_scene.values()) if self.by_scene and len(self.by_scene) == self.of else None

    @cached_property
    def seed_deviation(self) -> float | None:
        """Standard deviation (n - 1) over seeds of the dataset's mean; None with one seed."""
        return stdev(self.by_seed.values()) if self.value is not None and len(self.by_seed) > 1 else None

    @cached_property
    def seed_range(self) -> tuple[float, float] | None:
        """Smallest and largest of the seeds' means; None with one seed."""
        if self.value is None or len(self.by_seed) < 2:
            return None
        return min(self.by_seed.values()), max(self.by_seed.values())


@dataclass(frozen=True)
class Standing:
    """Place of an entry by one metric.

    Attributes
    ----------
    tied
        Another entry has the same unrounded value.
    interval
        Ranks in the middle 95 % of the bootstrap's draws; None where no interval can be given.
    near_best
        Not distinguishable from the best; None where that cannot be said.
    """

    rank: int
    tied: bool
    interval: tuple[int, int] | None
    near_best: bool | None


@dataclass(frozen=True)
class Resolution:
    """What intervals of one metric come from, and the smallest difference that they can tell.

    Attributes
    ----------
    units
        ``scenes`` with two scenes or more; ``seeds`` with one scene and two seeds or more (repeatability on that scene
        alone, nothing about other scenes); ``none`` with one of each.
    """

    units: Literal["scenes", "seeds", "none"]
    count: int
    smallest_difference: float | None


@dataclass(frozen=True)
class Row:
    """An entry of a table; ``reference`` marks a baseline without a readout, which has no rank."""

    entry: str
    reference: bool
    scores: Mapping[str, Score]
    holes: tuple[Hole, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Table:
    """Entries of one board, dataset and mode, ranked by ``headline``.

    Attributes
    ----------
    metrics
        Those that any row has, in the order of the metrics table; ``headline`` is the first.
    absent
        Metrics that no row has, with the reasons that the records give.
    standings
        By metric, then by entry; only rows that are complete.
    """

    board: Board
    dataset: str
    mode: str
    scenes: tuple[str, ...]
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]
    standings: Mapping[str, Mapping[str, Standing]]
    resolution: Mapping[str, Resolution]
    absent: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def headline(self) -> str | None:
        """The metric that ranks; None if there is none at all."""
        return self.metrics[0] if self.metrics else None


def board_of(record: Record) -> Board:
    """The board that a record belongs to."""
    cell = record.cell
    origin = "published" if record.made_by == "published" else "measured"
    return Board(cell.track, cell.protocol, cell.reconstruction, origin)


def newest(records: Iterable[Record]) -> list[Record]:
    """One record a cell and origin, sorted: the newest, where an entry or a protocol has changed its key since."""
    latest: dict[tuple, Record] = {}
    for record in records:
        identity = (board_of(record), record.cell)
        other = latest.get(identity)
        if other is None or (record.created, record.key) > (other.created, other.key):
            latest[identity] = record
    return [latest[identity] for identity in sorted(latest)]


def in_order(modes: Iterable[str]) -> list[str]:
    """Modes without repetition: the three of the first track, then others by name."""
    return sorted(set(modes), key=lambda mode: (MODE_ORDER.index(mode) if mode in MODE_ORDER else 99, mode))


def table(
    records: Iterable[Record],
    track: str,
    protocol: str,
    dataset: str,
    mode: str,
    reconstruction: str | None = None,
    origin: str | None = None,
) -> Table:
    """The table of one dataset and mode; baselines without a readout stand in it as reference rows.

    Parameters
    ----------
    reconstruction, origin
        None takes the one that the records have; `ValueError` if they have several.
    """
    found: dict[Board, list[Record]] = defaultdict(list)
    for record in newest(records):
        board = board_of(record)
        wanted = (board.track, board.protocol, record.cell.dataset) == (track, protocol, dataset)
        wanted &= reconstruction in (None, board.reconstruction) and origin in (None, board.origin)
        if wanted and record.cell.mode in (mode, FREE):
            found[board].append(record)
    if len(found) != 1:
        names = ", ".join(f"{board.reconstruction} ({board.origin})" for board in sorted(found)) or "none"
        raise ValueError(f"table: expected records of one reconstruction and origin, found {names}")
    ((board, group),) = found.items()
    return make_table(group, board, dataset, mode)


def make_table(records: Sequence[Record], board: Board, dataset: str, mode: str) -> Table:
    """The table of records that all belong to it, one a cell."""
    by_entry: dict[tuple[bool, str], list[Record]] = defaultdict(list)
    for record in records:
        by_entry[record.cell.mode == FREE and mode != FREE, record.cell.entry].append(record)
    # Baselines do not widen the set of scenes, unless there is nothing else.
    probed = [record for record in records if record.cell.mode == mode] or list(records)
    scenes = {name: _scenes_with(name, probed) for name in METRICS}
    rows = []
    for (reference, entry), group in by_entry.items():
        scores = {name: _score(name, group, scenes[name]) for name in METRICS}
        holes = _holes(group, sorted({record.cell.scene for record in probed}))
        seeds = tuple(sorted({record.cell.seed for record in group if record.status == "ok"}))
        rows.append(Row(entry, reference, scores, holes, seeds))
    metrics = tuple(name for name in METRICS if any(row.scores[name].by_scene for row in rows))
    absent = {
        name: reasons
        for name in METRICS
        if name not in metrics
        and (reasons := tuple(sorted({reason for row in rows for reason in row.scores[name].absent})))
    }
    standings, resolution = {}, {}
    for name in metrics:
        standings[name], resolution[name] = _stand(rows, name)
    rows.sort(key=lambda row: _place(row, metrics, standings))
    names = tuple(sorted({record.cell.scene for record in probed}))
    return Table(board, dataset, mode, names, metrics, tuple(rows), standings, resolution, absent)


def _scenes_with(metric: str, probed: Sequence[Record]) -> set[str]:
    """Scenes in which the metric is due: all but those where every finished record says that it cannot be had."""
    finished, measured, every = set(), set(), set()
    for record in probed:
        every.add(record.cell.scene)
        if record.status == "ok":
            finished.add(record.cell.scene)
        if metric in record.metrics:
            measured.add(record.cell.scene)
    return every - (finished - measured)


def _score(metric: str, records: Sequence[Record], scenes: set[str]) -> Score:
    values: dict[str, dict[int, float]] = defaultdict(dict)
    broken: set[str] = set()
    absent: set[str] = set()
    for record in records:
        scene = record.cell.scene
        measured = record.metrics.get(metric) if record.status == "ok" else None
        if measured is not None:
            values[scene][record.cell.seed] = measured.value
            continue
        broken.add(scene)
        if record.status == "ok" and metric in record.absent:
            absent.add(record.absent[metric])
    complete = {scene: values[scene] for scene in sorted(scenes) if values.get(scene) and scene not in broken}
    by_scene = {scene: fmean(seeds.values()) for scene, seeds in complete.items()}
    shared = set.intersection(*(set(seeds) for seeds in complete.values())) if complete else set()
    by_seed = {seed: fmean(seeds[seed] for seeds in complete.values()) for seed in sorted(shared)}
    return Score(by_scene, by_seed, len(scenes), tuple(sorted(absent)))


def _holes(records: Sequence[Record], scenes: Sequence[str]) -> tuple[Hole, ...]:
    holes = [
        Hole(record.cell.scene, record.cell.seed, record.status, record.reason)
        for record in records
        if record.status != "ok"
    ]
    there = {record.cell.scene for record in records}
    holes += [Hole(scene, None, "not run", "") for scene in scenes if scene not in there]
    return tuple(holes)


def _stand(rows: Sequence[Row], metric: str) -> tuple[dict[str, Standing], Resolution]:
    better = METRICS[metric].better
    complete = sorted(
        (row for row in rows if not row.reference and row.scores[metric].value is not None), key=lambda row: row.entry
    )
    values = np.array([row.scores[metric].value for row in complete], dtype=np.float64)
    ranks = ranking.competition_ranks(values, better)
    units, members = _units([row.scores[metric] for row in complete])
    intervals: dict[int, tuple[int, int]] = {}
    near: dict[int, bool] = {}
    best = int(np.argmin(ranks)) if complete else -1
    if len(members) and len(units) >= 2:
        matrix = np.array([[_unit(complete[member].scores[metric], unit) for member in members] for unit in units])
        means = ranking.bootstrap_means(matrix)
        if len(members) == len(complete):
            low, high = ranking.rank_intervals(means, better)
            intervals = {member: (int(low[i]), int(high[i])) for i, member in enumerate(members)}
        if best in members:
            close = ranking.indistinguishable(means, members.index(best))
            near = {member: bool(close[i]) for i, member in enumerate(members)}
        smallest = ranking.smallest_difference(matrix)
    else:
        smallest = None
    kind: Literal["scenes", "seeds", "none"] = "none"
    if len(units) >= 2:
        kind = "scenes" if isinstance(units[0], str) else "seeds"
    tied = {rank for rank in ranks.tolist() if (ranks == rank).sum() > 1}
    standings = {
        row.entry: Standing(int(ranks[i]), int(ranks[i]) in tied, intervals.get(i), near.get(i))
        for i, row in enumerate(complete)
    }
    return standings, Resolution(kind, len(units), smallest)


def _units(scores: Sequence[Score]) -> tuple[list[str] | list[int], list[int]]:
    """Units to resample, and which of the scores have all of them.

    Scenes where there are several. Else seeds: those of the entry with most of them; an entry that lacks one takes no
    part in the comparison.
    """
    if not scores:
        return [], []
    scenes = sorted(scores[0].by_scene)
    if len(scenes) >= 2:
        return scenes, list(range(len(scores)))
    seeds = max((sorted(score.by_seed) for score in scores), key=lambda seeds: (len(seeds), [-seed for seed in seeds]))
    return seeds, [i for i, score in enumerate(scores) if set(seeds) <= set(score.by_seed)]


def _unit(score: Score, unit: str | int) -> float:
    return score.by_scene[unit] if isinstance(unit, str) else score.by_seed[unit]


def _place(row: Row, metrics: Sequence[str], standings: Mapping[str, Mapping[str, Standing]]) -> tuple:
    """Ranked rows by rank, then incomplete ones, then references."""
    standing = standings[metrics[0]].get(row.entry) if metrics and not row.reference else None
    return row.reference, standing is None, standing.rank if standing else 0, row.entry
