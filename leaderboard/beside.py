"""Published numbers beside measured ones of the same entry, dataset and mode."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.records import METRICS
from leaderboard.aggregate import Board, Table
from leaderboard.content import Content


@dataclass(frozen=True)
class Pair:
    """One number twice: as a paper prints it, and as it was measured here; ``difference`` is measured minus published."""

    board: Board
    dataset: str
    mode: str
    metric: str
    published: float
    measured: float

    @property
    def difference(self) -> float:
        """Measured minus published, in the metric's unit."""
        return self.measured - self.published


def published_beside_measured(content: Content, entry: str) -> list[Pair]:
    """Every pair that an entry has; papers may call it by another name (``measured_as`` on the card of that)."""
    names = {entry} | {name for name in content.catalogue.entries if content.catalogue.measured_name(name) == entry}
    printed: dict[tuple[str, str, str, str], float] = {}
    for board in content.boards:
        if board.board.origin != "published":
            continue
        for dataset, tables in board.tables.items():
            for mode, table in tables.items():
                for name in names:
                    for metric, value in _values(table, name).items():
                        printed.setdefault((board.board.track, dataset, mode, metric), value)
    return [
        Pair(board.board, dataset, mode, metric, printed[key], value)
        for board in content.boards
        if board.board.origin != "published"
        for dataset, tables in board.tables.items()
        for mode, table in tables.items()
        for metric, value in _values(table, entry).items()
        if (key := (board.board.track, dataset, mode, metric)) in printed
    ]


def _values(table: Table, entry: str) -> dict[str, float]:
    row = next((row for row in table.rows if row.entry == entry), None)
    scores = {name: row.scores[name].value for name in METRICS if name in table.metrics} if row else {}
    return {name: value for name, value in scores.items() if value is not None}
